//! What a holder is to be told at their next case: how an earlier transaction came out otherwise than they were told.

use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::errors;
use super::inner::Inner;
use super::open::operator;
use crate::failure::{Explain as _, Failure};
use crate::queue::{QueueError, Row, State};
use crate::value::{Fen, Protocol};
use crate::wire::{Digest, Outcome, Receipt};

/// In an answer that is not the centre's first: the day with which it was reconciled. Kept with the figures, so that no
/// crash parts them.
pub(super) const RECONCILED: &str = "reconciled";
/// Beside it: what the centre's first answer had the holder pay in cash.
pub(super) const COLLECTED: &str = "collected";

/// A transaction that came out otherwise than its holder was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Notice {
    /// Which.
    #[schema(value_type = String, format = "uuid")]
    pub transaction: Uuid,
    /// Its scenario.
    pub scenario: String,
    /// Its business date.
    #[schema(value_type = String, format = Date)]
    pub business_date: Date,
    /// How often other figures were taken over before this was to be told: what is acknowledged is this and nothing later.
    pub revision: u32,
    /// The figures that the centre settled otherwise, and why it is told where it was found out later or reconciled, as in
    /// the transaction.
    pub differs: Vec<String>,
    /// What the holder was told to pay in cash, where they were told and that is known still.
    #[schema(required)]
    pub collected: Option<Fen>,
    /// What they owe by the centre's settlement; none where it refused, or that is not known any more.
    #[schema(required)]
    pub owed: Option<Fen>,
    /// Why the centre refused it: code and words.
    #[schema(required)]
    pub refusal: Option<String>,
}

impl Inner {
    /// What a holder is to be told. Blocks on the disk.
    pub(super) fn notices(&self, holder: Digest) -> Result<Vec<Notice>, Failure> {
        let told = self.store.acknowledged(holder).map_err(|error| error.failure())?;
        let rows = self.otherwise(holder)?.into_iter();
        let rows = rows.filter(|(row, revision)| !told.contains(&(row.id, *revision)));
        rows.map(|(row, revision)| self.notice(row, revision)).collect()
    }

    /// The holder was told of it, as it stood after so many revisions.
    pub(super) fn acknowledge(&self, id: Uuid, revision: u32, by: &str) -> Result<Row, Failure> {
        let by = operator(by)?;
        let unknown = || Failure::of(&crate::queue::errors::NOT_FOUND);
        let holder = self.queue.holder_of(id).map_err(|error| error.failure())?.ok_or_else(unknown)?;
        let row = self.otherwise(holder)?.into_iter().find(|(row, _)| row.id == id);
        let (row, present) = row.ok_or_else(|| Failure::of(&errors::NO_NOTICE))?;
        if revision != present {
            // What they were told is not how it stands now.
            return Err(Failure::of(&errors::NOTICE_CHANGED));
        }
        tracing::info!(target: "audit", transaction = %id, revision, operator = by, "a holder was told how it came out");
        let kept = self.store.acknowledge((id, revision), holder, &by, self.parts.clock.now());
        kept.map(|()| row).map_err(|error| error.failure())
    }

    /// What came out otherwise than the holder was told, each with how often it was revised. The row alone tells: what is
    /// erased is told as well.
    fn otherwise(&self, holder: Digest) -> Result<Vec<(Row, u32)>, Failure> {
        let rows = self.queue.otherwise(holder).map_err(|error| error.failure())?;
        let mut told = Vec::with_capacity(rows.len());
        for row in rows {
            let revision = match row.revision() {
                0 => u32::from(self.was_adopted(&row)?),
                revision => revision,
            };
            if concerns_its_holder(revision, row.is_untold(), row.protocol()) {
                told.push((row, revision));
            }
        }
        Ok(told)
    }

    /// Whether figures were taken over before that was kept in the row.
    fn was_adopted(&self, row: &Row) -> Result<bool, Failure> {
        let answer = unless_damaged(self.queue.answer(row.id))?;
        Ok(answer.is_some_and(|answer| answer.output.get(RECONCILED).is_some()))
    }

    /// What the centre said to a transaction that it refused; `None` where it did not, or that was erased.
    pub(super) fn centre_refusal(&self, id: Uuid) -> Result<Option<CentreRefusal>, Failure> {
        let answer = self.queue.answer(id).map_err(|error| error.failure())?;
        Ok(answer.and_then(CentreRefusal::of))
    }

    fn notice(&self, row: Row, revision: u32) -> Result<Notice, Failure> {
        let payload = unless_damaged(self.queue.payload(row.id))?;
        let answer = unless_damaged(self.queue.answer(row.id))?;
        let cash = |value: Option<&Value>| value.and_then(Fen::of_json);
        let told = payload.unwrap_or_default();
        let first = answer.as_ref().and_then(|answer| answer.output.get(COLLECTED));
        let first = first.filter(|_| row.protocol() == Protocol::Online);
        let collected = cash(first).or_else(|| cash(told.pointer("/detail/decision/outputs/psn_cash_pay")));
        // Where it was found out later they were told of no sum.
        let collected = collected.filter(|_| !row.is_untold());
        let (refused, settled): (Option<_>, Option<_>) = match row.state {
            State::Refused => (answer, None),
            _ => (None, answer),
        };
        Ok(Notice {
            transaction: row.id,
            scenario: row.scenario,
            business_date: row.business_date,
            revision,
            differs: row.differs,
            collected,
            owed: settled.and_then(|answer| cash(answer.output.pointer("/setlinfo/psn_cash_pay"))),
            refusal: refused.and_then(CentreRefusal::of).map(|CentreRefusal { code, text }| format!("{code} {text}")),
        })
    }
}

/// Whether a holder is to be told of what came out otherwise. What else was settled online they were told, while they
/// waited, as the centre had it.
pub(super) fn concerns_its_holder(revision: u32, is_untold: bool, protocol: Protocol) -> bool {
    revision > 0 || is_untold || protocol == Protocol::StoreAndForward
}

/// What a centre said when it refused a transaction. Its words may name a person.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CentreRefusal {
    /// Its own code, as it came.
    pub code: String,
    /// Its words.
    pub text: String,
}

impl CentreRefusal {
    fn of(answer: Receipt) -> Option<Self> {
        match answer.outcome {
            Outcome::Refused { code, text } => Some(Self { code, text }),
            Outcome::Accepted => None,
        }
    }
}

/// What is damaged says nothing, and keeps nobody from the rest.
pub(super) fn unless_damaged<T>(read: Result<Option<T>, QueueError>) -> Result<Option<T>, Failure> {
    match read {
        Err(QueueError::Damaged { .. }) => Ok(None),
        read => read.map_err(|error| error.failure()),
    }
}
