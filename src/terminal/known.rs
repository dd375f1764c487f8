//! What is known of a person: asked of the centre and kept, or as it was kept, with what this terminal has done since.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::failure::{Explain as _, Failure};
use crate::queue::{Queue, QueueError, Row, State};
use crate::rules::{AccumulatorSpec, Change, Effect, Schema, Span};
use crate::scenario::Known;
use crate::store::{Accumulators, Store, StoreError};
use crate::value::Fen;
use crate::wire::{ChainHead, Digest};

/// Where a person's record lies: in the store what the centre told, in the journal what was done here.
pub(super) struct Record<'a> {
    pub(super) store: &'a Store,
    pub(super) queue: &'a Queue,
    pub(super) holder: Digest,
    pub(super) scenario: &'a str,
    /// 就诊ID; without it nothing is known over one admission.
    pub(super) admission: Option<&'a str>,
}

/// A person's own facts as the centre told them last.
pub(super) struct Person {
    pub(super) facts: Map<String, Value>,
    insutype: String,
    pub(super) as_of: Timestamp,
    told: Told,
}

/// That the centre is asked: when, by the host's clock, and after which record of the journal.
pub(super) struct Asking {
    at: Timestamp,
    place: ChainHead,
}

/// What is known of the time at which the centre told something.
#[derive(Clone, Copy)]
struct Told {
    as_of: Timestamp,
    asked: Timestamp,
    place: Option<ChainHead>,
}

impl From<&Accumulators> for Told {
    fn from(&Accumulators { as_of, asked, place, .. }: &Accumulators) -> Self {
        Self { as_of, asked, place }
    }
}

/// What the journal keeps beside a message, as far as it is read again.
#[derive(Deserialize)]
pub(super) struct Detail {
    pub(super) decision: Decided,
    pub(super) admission: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Decided {
    pub(super) accumulators: Vec<Change>,
    outputs: Map<String, Value>,
}

/// One of this terminal's own transactions.
struct Done {
    row: Row,
    changes: Vec<Change>,
    outputs: Map<String, Value>,
    admission: Option<String>,
}

impl Done {
    /// One of which the row alone is left.
    fn erased(row: Row) -> Self {
        Self { row, changes: Vec::new(), outputs: Map::new(), admission: None }
    }

    /// Whether the centre had not counted it in what it told; `None` where nobody can say.
    fn is_since(&self, told: Option<Told>) -> Option<bool> {
        let Some(Told { as_of, asked, place }) = told else { return Some(true) };
        match place {
            Some(place) => Some(self.row.sequence > place.sequence),
            None if self.row.state.is_open() || self.row.updated_at >= asked => Some(true),
            // Before, by a clock that may have been ahead when the centre was asked; since, by the centre's.
            None if self.row.updated_at >= as_of => None,
            None => Some(false),
        }
    }

    /// Lays what it did to the person's own facts over them: what a settlement leaves of the account it leaves for every
    /// scenario. What takes another one back gives the account back what that paid from it, whatever
    /// was paid from it in between.
    fn lay_over(&self, facts: &mut Map<String, Value>) -> Result<(), QueueError> {
        if self.row.cancels.is_some() {
            let (Some(balance), Some(paid)) = (facts.get_mut(BALANCE.0), self.outputs.get(BALANCE.1)) else {
                return Ok(());
            };
            let after = Fen::of_json(balance).zip(Fen::of_json(paid)).and_then(|(now, paid)| now.checked_sub(paid));
            let after = after.ok_or_else(|| unreadable(&self.row, "what it gives back cannot be added"))?;
            *balance = after.to_string().into();
            return Ok(());
        }
        // Nothing else that is given out under a fact's name is that fact: another pack may call something of its own so.
        if let (Some(balance), Some(left)) = (facts.get_mut(BALANCE.0), self.outputs.get(BALANCE.0)) {
            balance.clone_from(left);
        }
        Ok(())
    }

    /// Whether what it did to an account or a cap is not what the terminal has of it.
    fn is_unclear(&self) -> bool {
        self.row.erased || self.row.is_settled_otherwise()
    }

    /// Whether it did something to an accumulator of a case in this admission, or may have: the centre's figures of a stay
    /// may be other ones than the terminal's.
    fn touches(&self, counted: &AccumulatorSpec, admission: Option<&str>) -> bool {
        let of_stay = counted.period.as_ref().is_some_and(|period| period.scope == Span::Admission);
        let is_same_stay = admission.is_some() && self.admission.as_deref() == admission;
        self.row.erased || of_stay && is_same_stay || self.change(counted, admission).is_some()
    }

    /// What it did to an accumulator in the stretch of a case in this admission.
    fn change(&self, counted: &AccumulatorSpec, admission: Option<&str>) -> Option<&Change> {
        let period = counted.period.as_ref()?;
        let key = period.key(admission)?;
        self.changes.iter().find(|change| {
            change.name == counted.fact.name
                && change.scheme == counted.scheme
                && change.period.scope == period.scope
                && change.period.key(self.admission.as_deref()).as_ref() == Some(&key)
        })
    }
}

/// Why nobody knows what is left of a cap or a balance.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unknown {
    /// The store does not tell.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal does not tell.
    #[error(transparent)]
    Journal(#[from] QueueError),
}

impl Unknown {
    /// What the case is told.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Store(error) => error.failure(),
            Self::Journal(error) => error.failure(),
        }
    }
}

impl Record<'_> {
    /// The centre is about to be asked. `None` where what it tells is not to be kept, for it could not be said which of
    /// the person's transactions it has counted: what was told before, with all since, is right then.
    pub(super) fn asking(&self) -> Option<Asking> {
        let place = self.queue.head().inspect_err(|error| tracing::warn!(%error, "the journal does not tell its end"));
        let asking = Asking { at: self.queue.clock().now(), place: place.ok()? };
        self.is_certain(&asking).then_some(asking)
    }

    /// Keeps what the centre told, unless something of the person was done since it was asked. A store that fails only
    /// costs the record.
    pub(super) fn keep(&self, known: &Known, schema: &Schema, as_of: Timestamp, asking: &Asking) {
        if !self.is_certain(asking) {
            return;
        }
        let mut facts = known.facts.clone();
        facts.insert(INSUTYPE.to_owned(), known.insutype.clone().into());
        self.put(&self.persons_key(), facts, as_of, asking);
        for (key, counted) in self.shelves(schema) {
            // That it was told of nothing is kept, too.
            let value = known.accumulators.get_key_value(&counted.fact.name);
            let values = value.map(|(name, value)| (name.clone(), value.clone())).into_iter().collect();
            self.put(&key, values, as_of, asking);
        }
    }

    /// Whether nothing of the person is on its way or was done since; two scenarios may count on one insurance.
    fn is_certain(&self, asking: &Asking) -> bool {
        let in_doubt = self.queue.in_doubt(self.holder, asking.place.sequence);
        let in_doubt =
            in_doubt.inspect_err(|error| tracing::warn!(%error, "the journal does not tell what is on its way"));
        in_doubt.is_ok_and(|rows| rows.is_empty())
    }

    /// What the centre told of the person last; `None` when it never did, or the store does not give it: then the person
    /// is one without a record.
    pub(super) fn person(&self) -> Option<Person> {
        let kept = self.get(&self.persons_key());
        let kept = kept.inspect_err(|error| tracing::warn!(%error, "the store does not give a record"));
        let mut kept = kept.ok()??;
        let told = Told::from(&kept);
        let insutype = kept.values.remove(INSUTYPE).and_then(|value| value.as_str().map(str::to_owned));
        Some(Person { facts: kept.values, insutype: insutype.unwrap_or_default(), as_of: kept.as_of, told })
    }

    /// What the centre told last and when, with this terminal's own transactions since. `None` where nobody knows which
    /// those are, and where the centre settled one of them with other figures than the terminal's: what that left of an
    /// account or a cap, it alone knows.
    ///
    /// # Errors
    /// When the store cannot tell what was told, or the journal what was done here: then nobody knows what is left of a
    /// cap or a balance.
    pub(super) fn recall(&self, person: Person, schema: &Schema) -> Result<Option<(Known, Timestamp)>, Unknown> {
        let Person { mut facts, insutype, mut as_of, told } = person;
        let shelves = self.shelves(schema).into_iter().map(|(key, counted)| Ok((self.shelf(&key)?, counted)));
        let shelves = shelves.collect::<Result<Vec<_>, StoreError>>()?;
        // Each was told at a time of its own: the person's and a year's are renewed in another admission, and its are not.
        let each = || shelves.iter().map(|(kept, _)| kept.as_ref().map(Told::from)).chain([Some(told)]);
        for told in each().flatten() {
            if !self.is_usable(told)? {
                return Ok(None);
            }
        }
        let place = |told: Option<Told>| told.and_then(|told| told.place).unwrap_or_default();
        let own = self.done_since(each().map(|told| place(told).sequence).min().unwrap_or_default())?;

        let Some(since) = uncounted(own.iter(), Some(told)) else { return Ok(None) };
        for done in since {
            done.lay_over(&mut facts)?;
        }
        let mut accumulators = Map::new();
        for (kept, counted) in shelves {
            let touching = own.iter().filter(|done| done.touches(counted, self.admission));
            let Some(since) = uncounted(touching, kept.as_ref().map(Told::from)) else { return Ok(None) };
            as_of = kept.as_ref().map_or(as_of, |kept| as_of.min(kept.as_of));
            let told_alone = kept.as_ref().is_none_or(|kept| kept.place.is_some());
            let mut value = kept.and_then(|mut kept| kept.values.remove(&counted.fact.name));
            // Where all of a stretch was kept together, what was told of another pack may have taken its place.
            if value.is_none() && !told_alone {
                return Ok(None);
            }
            for done in since {
                self.count(done, &mut value, counted)?;
            }
            accumulators.extend(value.map(|value| (counted.fact.name.clone(), value)));
        }
        Ok(Some((Known { facts, accumulators, insutype }, as_of)))
    }

    /// Whether what was told then can be gone on from: by a clock that is behind the one of then nobody can say how old
    /// it is, and a journal that was not there, or lost something since, does not tell what was done.
    fn is_usable(&self, told: Told) -> Result<bool, QueueError> {
        let is_whole = |place| self.queue.is_whole_since(place);
        Ok(told.asked <= self.queue.clock().now() && told.place.map_or(Ok(true), is_whole)?)
    }

    /// Lays over the value of an accumulator what one transaction did to it.
    fn count(&self, done: &Done, value: &mut Option<Value>, counted: &AccumulatorSpec) -> Result<(), QueueError> {
        let Some(change) = done.change(counted, self.admission) else { return Ok(()) };
        *value = Some(match change.effect {
            Effect::Add => sum(value.as_ref(), &change.value)
                .ok_or_else(|| unreadable(&done.row, "what it adds to cannot be added to"))?,
            Effect::Set => change.value.clone(),
        });
        Ok(())
    }

    /// What this terminal did for the person after a place in the journal that stands, or may, in whatever scenario: two
    /// may count on one insurance. What is being taken back is left out.
    fn done_since(&self, place: u64) -> Result<Vec<Done>, QueueError> {
        let own = self.queue.uncounted(self.holder, place)?.into_iter();
        own.filter(|(row, _)| row.state != State::Reversing)
            .map(|(row, payload)| {
                let Some(mut payload) = payload else { return Ok(Done::erased(row)) };
                let detail = serde_json::from_value::<Detail>(payload["detail"].take());
                // What the terminal wrote itself has this form.
                let detail = detail.map_err(|_| unreadable(&row, "its decision cannot be read"))?;
                let Decided { accumulators: changes, outputs } = detail.decision;
                Ok(Done { row, changes, outputs, admission: detail.admission })
            })
            .collect()
    }

    /// The accumulators, each under its key in the store: another pack may count something else in the same stretch, and
    /// what is told of that takes nothing from what was told of this. A stay in hospital and a disease are personal: a
    /// keyed hash stands for them.
    fn shelves<'s>(&self, schema: &'s Schema) -> Vec<(String, &'s AccumulatorSpec)> {
        let each = schema.accumulators.iter().filter_map(|spec| {
            let period = spec.period.as_ref()?;
            let stretch = period.key(self.admission)?;
            let stretch = match period.is_personal() {
                true => self.queue.holder_tag(stretch.as_bytes()).to_string(),
                false => stretch,
            };
            Some((format!("{}/{}/{stretch}/{}", spec.scheme, period.scope.name(), spec.fact.name), spec))
        });
        each.collect()
    }

    /// What was told of an accumulator; by an older program, that kept all of a stretch together, under their stretch's
    /// key.
    fn shelf(&self, key: &str) -> Result<Option<Accumulators>, StoreError> {
        match (self.get(key)?, key.rsplit_once('/')) {
            (None, Some((stretch, _))) => self.get(stretch),
            (kept, _) => Ok(kept),
        }
    }

    fn persons_key(&self) -> String {
        format!("{}/person", self.scenario)
    }

    fn get(&self, key: &str) -> Result<Option<Accumulators>, StoreError> {
        self.store.accumulators(self.holder, key)
    }

    fn put(&self, key: &str, values: Map<String, Value>, as_of: Timestamp, asking: &Asking) {
        let told = Accumulators { values, as_of, asked: asking.at, place: Some(asking.place) };
        if let Err(error) = self.store.remember_accumulators(self.holder, key, &told) {
            tracing::warn!(%error, "the store does not take a record");
        }
    }
}

/// Those of them that the centre had not counted in what it told; `None` where nobody knows which they are or what they
/// did. Of what it never told all count, but those that are erased: they are as old as what was told then, and forgotten.
fn uncounted<'d>(own: impl Iterator<Item = &'d Done>, told: Option<Told>) -> Option<Vec<&'d Done>> {
    let mut since = Vec::new();
    for done in own.filter(|done| told.is_some() || !done.row.erased) {
        if done.is_since(told)? {
            since.push(done);
        }
    }
    since.iter().all(|done| !done.is_unclear()).then_some(since)
}

/// An accumulator and what is added to it: amounts or whole numbers, as the rules have them. One that never was begins
/// with what is added.
fn sum(before: Option<&Value>, more: &Value) -> Option<Value> {
    let Some(before) = before else { return Some(more.clone()) };
    if let (Some(a), Some(b)) = (before.as_i64(), more.as_i64()) {
        return a.checked_add(b).map(Value::from);
    }
    let (a, b): (Fen, Fen) = (before.as_str()?.parse().ok()?, more.as_str()?.parse().ok()?);
    a.checked_add(b).map(|sum| sum.to_string().into())
}

fn unreadable(row: &Row, what: &str) -> QueueError {
    QueueError::Damaged { record: row.sequence, what: what.to_owned() }
}

/// 账户余额, and what of a settlement was paid from it.
pub(super) const BALANCE: (&str, &str) = ("balc", "acct_pay");

/// Beside the facts in the record.
const INSUTYPE: &str = " insutype";

#[cfg(test)]
mod tests;
