//! What a holder is to be told at their next case: how an earlier transaction came out otherwise than they were told.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::errors;
use super::inner::{Inner, lock};
use super::open::operator;
use super::same::is_confidential;
use crate::failure::{Explain as _, Failure};
use crate::queue::{QueueError, Row, State};
use crate::store::Told;
use crate::value::{Fen, Kind, Protocol};
use crate::wire::{self, Digest, Outcome, Receipt};

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
    /// Its holder wants it told to nobody but them: where they do something else it is not shown.
    #[serde(skip)]
    pub(super) confidential: bool,
    /// Its business date.
    #[schema(value_type = String, format = Date)]
    pub business_date: Date,
    /// How often other figures were taken over before this was to be told: what is acknowledged is this and nothing later.
    pub revision: u32,
    /// They were told of no settlement before: what is acknowledged is that they were told of one.
    pub untold: bool,
    /// The figures that the centre settled otherwise, and why it is told where it was found out later or reconciled, as in
    /// the transaction.
    pub differs: Vec<String>,
    /// What the holder was told to pay in cash up to now, where they were told and that is known still.
    #[schema(required)]
    pub collected: Option<Fen>,
    /// What they owe by the centre's settlement; none where it refused, or that is not known any more.
    #[schema(required)]
    pub owed: Option<Fen>,
    /// What is to be paid in cash by this; less than nothing is to be paid back. None where that is not known any more.
    /// Once it is acknowledged it is of that shift.
    #[schema(required)]
    pub cash: Option<Fen>,
    /// Why the centre refused it: code and words.
    #[schema(required)]
    pub refusal: Option<String>,
    /// What that means and who must act, where it refused; what it said is missing in it where that was erased.
    #[schema(required)]
    pub failure: Option<Failure>,
}

impl Notice {
    /// What is acknowledged of it.
    pub fn seen(&self) -> Seen {
        Seen { revision: self.revision, untold: self.untold }
    }
}

/// What a holder was told, of a transaction: which notice of it. Once its case was asked after all, another one tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// [`Notice::revision`].
    pub revision: u32,
    /// [`Notice::untold`].
    pub untold: bool,
}

impl Inner {
    /// What a holder is to be told. Blocks on the disk.
    pub(super) fn notices(&self, holder: Digest) -> Result<Vec<Notice>, Failure> {
        // As in `untold`: what was marked before and after, and was being committed by no case in between, is told by this.
        // What an ended case may still tell is as well: its counter went on to another one.
        let before = self.queue.otherwise(holder).map_err(|error| error.failure())?;
        let before: HashSet<Uuid> = before.iter().filter(|row| row.is_untold()).map(|row| row.id).collect();
        let committing = self.being_committed()?;
        self.note_shown()?;
        let left = |row: &Row| before.contains(&row.id) && !committing.contains(&row.id);
        let told = self.store.acknowledged(holder).map_err(|error| error.failure())?;
        let rows = self.otherwise(holder)?.into_iter();
        let rows = rows.filter(|(row, revision)| !told.contains_key(&(row.id, *revision)));
        let rows = rows.filter(|(row, _)| !row.is_untold() || left(row));
        rows.map(|(row, revision)| self.notice(row, revision, &told)).collect()
    }

    /// Whether nobody is to be told of it but who filed it.
    fn is_confidential(&self, row: &Row, payload: Option<&Value>) -> bool {
        let scenario = self.catalogue.scenario(&row.scenario);
        let definition = scenario.and_then(|scenario| scenario.part(Some(row.kind)));
        definition.is_some_and(|definition| is_confidential(payload, definition))
    }

    /// The holder was told of it, as a notice had it.
    pub(super) fn acknowledge(&self, id: Uuid, seen: Seen, by: &str) -> Result<Row, Failure> {
        let by = operator(by)?;
        // One shift, and one holder's word, at a time: what is told is of the shift that is open then, and told once.
        let changing = lock(&self.shifts.changing);
        // Looked at before anything is changed by it,
        let (row, _, earlier) = self.to_be_told((id, seen))?;
        if earlier.is_none() {
            return self.told_before(row, seen.revision, &by);
        }
        // and before its case loses it: whoever may not tell it takes it from nobody.
        let shift = self.shift_of(&changing, &by)?.number;
        // And once more: what a door gave out by now is told, and from here on its case tells nobody.
        self.leave_to_notices(|case| case.untold.is_some_and(|untold| untold.transaction == id))?;
        self.told((id, seen), &by, &shift)
    }

    /// What a holder is to be told of, and what they were told before; nothing where they were told just that.
    fn to_be_told(&self, (id, seen): (Uuid, Seen)) -> Result<(Row, Digest, Option<Earlier>), Failure> {
        let unknown = || Failure::of(&crate::queue::errors::NOT_FOUND);
        let holder = self.queue.holder_of(id).map_err(|error| error.failure())?.ok_or_else(unknown)?;
        let earlier = self.store.acknowledged(holder).map_err(|error| error.failure())?;
        let row = self.otherwise(holder)?.into_iter().find(|(row, _)| row.id == id);
        // Its own case is about to tell it.
        let row =
            row.filter(|(row, _)| !row.is_untold() || self.being_committed().is_ok_and(|now| !now.contains(&row.id)));
        let (row, present) = row.ok_or_else(|| Failure::of(&errors::NO_NOTICE))?;
        if seen != (Seen { revision: present, untold: row.is_untold() }) {
            // What they were told is not how it stands now.
            return Err(Failure::of(&errors::NOTICE_CHANGED));
        }
        let earlier = Some(earlier).filter(|earlier| !earlier.contains_key(&(id, present)));
        Ok((row, holder, earlier))
    }

    /// They were told just that. Whoever did may not have heard that it was noted; anybody else is about to collect it a
    /// second time, in no shift. Of what was saved from a damaged store nobody knows who that was.
    fn told_before(&self, row: Row, revision: u32, by: &str) -> Result<Row, Failure> {
        let other = self.store.told_by(row.id, revision).map_err(|error| error.failure())?.filter(|first| first != by);
        match other {
            None => Ok(row),
            Some(first) if first.is_empty() => Err(Failure::of(&errors::NOTICE_TOLD)),
            Some(first) => Err(Failure::with(&errors::NOTICE_TOLD, first)),
        }
    }

    /// Keeps it as told, as it stands now.
    fn told(&self, (id, seen): (Uuid, Seen), by: &str, shift: &str) -> Result<Row, Failure> {
        let (row, holder, earlier) = self.to_be_told((id, seen))?;
        let revision = seen.revision;
        let Some(earlier) = earlier else { return self.told_before(row, revision, by) };
        let notice = self.notice(row.clone(), revision, &earlier)?;
        if notice.seen() != seen {
            // Figures were taken over just now.
            return Err(Failure::of(&errors::NOTICE_CHANGED));
        }
        let cash = notice.cash;
        tracing::info!(target: "audit", transaction = %id, revision, operator = by, "a holder was told how it came out");
        let at = self.parts.clock.now();
        let told = Told { id, revision, holder, operator: by, shift, cash, at };
        self.store.acknowledge(&told).map_err(|error| error.failure())?;
        Ok(row)
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
            if concerns_its_holder(revision, row.is_untold(), row.protocol(), row.state) {
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

    /// What is to be told of one, as it stands now; `earlier` is what its holder was told.
    fn notice(&self, row: Row, revision: u32, earlier: &Earlier) -> Result<Notice, Failure> {
        let payload = unless_damaged(self.queue.payload(row.id))?;
        let confidential = self.is_confidential(&row, payload.as_ref());
        let payload = payload.unwrap_or_default();
        let (row, answer) = unless_damaged(self.queue.with_answer(row.id))?.unwrap_or((row, Ok(None)));
        let answer = unless_damaged(answer)?;
        let revision = row.revision().max(revision);
        let figure = |value: Option<&Value>| value.and_then(Fen::of_json);
        let first = match row {
            // Nothing of money, or it was found out later: they were told of no sum.
            _ if row.amount.is_none() || row.is_untold() => Some(Fen::ZERO),
            _ => {
                let first = answer.as_ref().and_then(|answer| answer.output.get(COLLECTED));
                let first = first.filter(|_| row.protocol() == Protocol::Online);
                figure(first).or_else(|| figure(payload.pointer("/detail/decision/outputs/psn_cash_pay")))
            }
        };
        // What they were told of earlier figures was seen to by that.
        let since: Vec<Option<Fen>> =
            earlier.iter().filter(|((id, _), _)| *id == row.id).map(|(_, cash)| *cash).collect();
        let paid = since.iter().fold(first, |sum, cash| sum.zip(*cash).and_then(|(sum, cash)| sum.checked_add(cash)));
        let has_sum = row.amount.is_some() && !(row.is_untold() && since.is_empty());
        let (refused, settled) = match row.state {
            State::Refused => (answer, None),
            _ => (None, answer),
        };
        let owed = match row.kind {
            // It was paid from an account.
            Kind::Pay => settled.map(|_| Fen::ZERO),
            _ => settled.and_then(|answer| figure(answer.output.pointer("/setlinfo/psn_cash_pay"))),
        };
        let refusal = refused.and_then(CentreRefusal::of);
        let due = if row.amount.is_none() || row.state == State::Refused { Some(Fen::ZERO) } else { owed };
        Ok(Notice {
            transaction: row.id,
            untold: row.is_untold(),
            confidential,
            scenario: row.scenario,
            business_date: row.business_date,
            revision,
            differs: row.differs,
            collected: paid.filter(|_| has_sum),
            owed,
            cash: due.zip(paid).and_then(|(due, paid)| due.checked_sub(paid)),
            refusal: refusal.as_ref().map(|CentreRefusal { code, text, .. }| format!("{code} {text}")),
            failure: match refusal {
                Some(refusal) => Some(refusal.failure),
                None => (row.state == State::Refused).then(|| Failure::of(&wire::errors::OTHER)),
            },
        })
    }
}

/// What a holder was told of, and what was to be paid by that; as in the store.
type Earlier = BTreeMap<(Uuid, u32), Option<Fen>>;

/// Whether a holder is to be told of what came out otherwise. What else was settled online they were told, while they
/// waited, as the centre had it. Of what the terminal settled alone and nobody heard of, the centre's word is told, once
/// it is there.
pub(super) fn concerns_its_holder(revision: u32, is_untold: bool, protocol: Protocol, state: State) -> bool {
    match protocol {
        Protocol::StoreAndForward => !state.is_on_its_way(),
        Protocol::Online => revision > 0 || is_untold,
    }
}

/// What a centre said when it refused a transaction. Its words may name a person.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CentreRefusal {
    /// Its own code, as it came.
    pub code: String,
    /// Its words.
    pub text: String,
    /// What it means, what is to be done and by whom.
    pub failure: Failure,
}

impl CentreRefusal {
    fn of(answer: Receipt) -> Option<Self> {
        match answer.outcome {
            Outcome::Refused { code, text } => Some(Self { failure: wire::errors::failure(&code, &text), code, text }),
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
