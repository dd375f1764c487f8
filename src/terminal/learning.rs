//! What is known of the person is asked of the centre; where it cannot be asked, it is recalled.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::conditions::{Condition, Conditions};
use super::deciding::{Deciding, Ended};
use super::errors;
use super::inner::Upstream;
use super::known::Record;
use super::view::{CaseState, CaseView};
use crate::failure::{Entry, Explain as _, Failure};
use crate::scenario::{Conduct, FieldError, FieldMistake, Known, ScenarioError, Stated};
use crate::sync::UplinkError;
use crate::value::{Kind, Protocol};
use crate::wire::person::{INSUTYPE, ONE_OF_A_PERSON, Question};

/// How long a terminal that takes the centre to be away asks it once more before it decides alone.
const ONCE_MORE: Duration = Duration::from_secs(1);

/// What was learned of the person, and whether the centre told it now.
pub(super) struct Learned {
    pub(super) known: Known,
    pub(super) as_of: Option<Timestamp>,
    pub(super) psn_no: Option<String>,
    pub(super) reached: bool,
}

impl Deciding<'_> {
    /// What the centre says of the person, in a case of which this was looked up; what it said before, where it cannot be
    /// asked.
    pub(super) fn learn(&self, looked_up: &Map<String, Value>) -> Result<Learned, Ended> {
        if let Some(upstream) = &self.inner.upstream
            && self.reachable(upstream)?
        {
            match self.ask(upstream, looked_up)? {
                Ok(learned) => return Ok(learned),
                Err(error) => self.not_answered(&error)?,
            }
        }
        // A kind that needs the centre is told so before its record is looked for.
        self.conduct_alone(Conduct::Provisional)?;
        match self.recalled()? {
            Some((known, as_of)) => Ok(Learned { known, as_of: Some(as_of), psn_no: None, reached: false }),
            None if self.inner.table.without_record_of(self.definition) == Conduct::Refuse => {
                Err((CaseState::Refused, Failure::of(&errors::NO_RECORD)))
            }
            None => Ok(Learned { known: Known::default(), as_of: None, psn_no: None, reached: false }),
        }
    }

    /// The centre's answer, or why there is none; ends with the case.
    fn ask(&self, upstream: &Upstream, looked_up: &Map<String, Value>) -> Result<Result<Learned, UplinkError>, Ended> {
        let keys = self.packs.keys(&self.definition.id);
        let mut facts = self.definition.facts(self.stated(), looked_up);
        facts.retain(|name, _| keys.contains(name.as_str()));
        let question = Question {
            person: self.who.person.clone(),
            scenario: self.definition.id.clone(),
            business_date: self.business_date,
            mdtrt_id: self.admission().map(str::to_owned),
            facts,
        };
        let within = self.patience();
        let asker = self.asker(upstream, None);
        let asking = self.record().asking();
        let asked = async {
            tokio::try_join!(
                asker.person(self.operator, &question, within),
                asker.accumulations(self.operator, &question, within),
            )
        };
        let (person, accumulations) = match self.wait(asked)? {
            Ok(told) => told,
            Err(error) => return Ok(Err(error)),
        };
        let known = Known {
            facts: person.facts.clone(),
            accumulators: accumulations.accumulators,
            insutype: person.insutype.clone(),
        };
        // Of a case that no pack is for nothing is kept: it ends.
        if let (Some(asking), Ok(schema)) = (asking, self.schema(&known.facts, true)) {
            self.record().keep(&known, &schema, accumulations.as_of, &asking);
        }
        let as_of = Some(accumulations.as_of);
        Ok(Ok(Learned { known, as_of, psn_no: Some(person.psn_no.clone()), reached: true }))
    }

    /// A form may say an insurance because nobody chose. What is filed under another than the person's comes to nothing;
    /// what is settled goes by the centre's in any case.
    pub(super) fn insured(&self, known: &Known) -> Result<(), Ended> {
        let said = self.form.values.get(INSUTYPE).and_then(Value::as_str);
        let is_theirs = said.is_none_or(|said| !ONE_OF_A_PERSON.contains(&said) || said == known.insutype);
        if is_theirs || known.insutype.is_empty() || self.definition.kind == Kind::Settle {
            return Ok(());
        }
        let mistake = FieldError { item: INSUTYPE.to_owned(), what: FieldMistake::NotInsured };
        Err((CaseState::WaitingInput, ScenarioError::Form(vec![mistake]).failure()))
    }

    /// What the centre told before, with the time of the oldest of it; `None` where there is nothing, or it is too old.
    fn recalled(&self) -> Result<Option<(Known, Timestamp)>, Ended> {
        let Some(person) = self.record().person() else { return Ok(None) };
        // A pack that is for such a person only is not looked for by what is too old.
        if !self.is_fresh(person.as_of) {
            return Ok(None);
        }
        let schema = self.schema(&person.facts, false)?;
        let recalled = self.record().recall(person, &schema);
        let recalled = recalled.map_err(|error| (CaseState::Refused, error.failure()))?;
        Ok(recalled.filter(|(_, as_of)| self.is_fresh(*as_of)))
    }

    /// Whether what the centre told then is not too old for this scenario.
    fn is_fresh(&self, as_of: Timestamp) -> bool {
        let hours = self.definition.cache_hours.map(|hours| SignedDuration::from_hours(hours.into()));
        hours.is_none_or(|most| self.inner.parts.clock.now().duration_since(as_of) <= most)
    }

    /// Waits for the centre as long as the case is being decided: one that was given up, or whose card was pulled, waits
    /// for nothing any more.
    pub(super) fn wait<T>(&self, asked: impl Future<Output = T>) -> Result<T, Ended> {
        let ended = || (CaseState::Cancelled, Failure::of(&errors::STATE));
        let follow = self.inner.cases().get(self.id).map(|case| case.tell.subscribe()).ok_or_else(ended)?;
        let waited = while_deciding(follow, asked);
        self.inner.parts.runtime.block_on(waited).ok_or_else(ended)
    }

    /// Whether the centre can be reached; one that seems away is asked once more.
    pub(super) fn reachable(&self, upstream: &Upstream) -> Result<bool, Ended> {
        if upstream.status.borrow().reachable {
            return Ok(true);
        }
        let there = async { tokio::time::timeout(ONCE_MORE.min(self.patience()), upstream.uplink.probe()).await };
        match self.wait(there)? {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(error)) => self.not_answered(&error).map(|()| false),
            Err(_) => Ok(false),
        }
    }

    /// The centre's own no ends the case; without an answer it is as if it were away. A centre that does not know the
    /// terminal is not away: what it settles is not settled without it.
    pub(super) fn not_answered(&self, error: &UplinkError) -> Result<(), Ended> {
        let online = self.definition.kind.protocol() == Protocol::Online;
        match error {
            UplinkError::Refused { .. } => Err((CaseState::Refused, error.failure())),
            UplinkError::Unauthorized(_) if online => Err((CaseState::Refused, error.failure())),
            _ => {
                tracing::warn!(code = error.entry().code, "the centre does not answer a question");
                Ok(())
            }
        }
    }

    /// Whether this kind goes on while the centre is away, up to `most`.
    pub(super) fn conduct_alone(&self, most: Conduct) -> Result<(), Ended> {
        let mut conditions: Conditions = self.inner.conditions();
        conditions.insert(Condition::UplinkAway);
        match self.inner.table.of(self.definition, &conditions) {
            (conduct, _) if conduct <= most => Ok(()),
            (_, condition) => {
                let entry: &'static Entry = condition.unwrap_or(Condition::UplinkAway).entry();
                Err((CaseState::Refused, Failure::of(entry)))
            }
        }
    }

    /// What is stated at the terminal.
    pub(super) fn stated(&self) -> Stated<'_> {
        Stated { form: self.form, card: &self.who.on_card, today: self.inner.business_day() }
    }

    pub(super) fn record(&self) -> Record<'_> {
        Record {
            store: &self.inner.store,
            queue: &self.inner.queue,
            holder: self.who.tag,
            scenario: &self.definition.id,
            admission: self.admission(),
        }
    }

    pub(super) fn admission(&self) -> Option<&str> {
        self.form.values.get("mdtrt_id").and_then(Value::as_str)
    }

    pub(super) fn patience(&self) -> Duration {
        self.inner.parts.config.uplink.as_ref().map_or(ONCE_MORE, |uplink| uplink.resolve)
    }
}

/// What the future gives; `None` when the case goes on, or is forgotten, before.
async fn while_deciding<T>(mut follow: watch::Receiver<CaseView>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        // A case that is kept no more has ended.
        _ = follow.wait_for(|view| view.state != CaseState::Deciding) => None,
    }
}
