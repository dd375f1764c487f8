//! What is known of a person: asked of the centre and kept, or as it was kept, with what this terminal has done since.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::queue::{Queue, QueueError, Row, State};
use crate::rules::{Change, Effect, Schema, Span};
use crate::scenario::Known;
use crate::store::{Accumulators, Store};
use crate::value::Fen;
use crate::wire::Digest;

/// Where a person's record lies: in the store what the centre told, in the journal what was done here.
pub(super) struct Record<'a> {
    pub(super) store: &'a Store,
    pub(super) queue: &'a Queue,
    pub(super) holder: Digest,
    pub(super) scenario: &'a str,
    pub(super) schema: &'a Schema,
    pub(super) date: Date,
    /// 就诊ID; without it nothing is known over one admission.
    pub(super) admission: Option<&'a str>,
}

/// What the journal keeps beside a message, as far as it is read again.
#[derive(Deserialize)]
struct Detail {
    decision: Decided,
    admission: Option<String>,
}

#[derive(Deserialize)]
struct Decided {
    accumulators: Vec<Change>,
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
    /// The centre, asked at `asked`, cannot have counted it.
    fn since(&self, asked: Timestamp) -> bool {
        self.row.state.is_open() || self.row.updated_at >= asked
    }
}

impl Record<'_> {
    /// Keeps what the centre told when it was asked at `asked`, unless it cannot be said which of the person's
    /// transactions it had counted then: what was told before, with all since, is right. A store that fails only costs
    /// the record.
    pub(super) fn keep(&self, known: &Known, as_of: Timestamp, asked: Timestamp) {
        match self.queue.in_doubt(self.holder, asked) {
            Ok(rows) if rows.iter().any(|row| row.scenario == self.scenario) => return,
            Ok(_) => {}
            Err(error) => return tracing::warn!(%error, "the journal does not tell what is on its way"),
        }
        let mut facts = known.facts.clone();
        facts.insert(INSUTYPE.to_owned(), known.insutype.clone().into());
        self.put(&format!("{}/person", self.scenario), facts, as_of, asked);
        for (key, names) in self.scopes() {
            let values: Map<String, Value> = known
                .accumulators
                .iter()
                .filter(|(name, _)| names.contains(&name.as_str()))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            self.put(&key, values, as_of, asked);
        }
    }

    /// What the centre told last and when, with this terminal's own transactions since; `None` when it never did.
    ///
    /// # Errors
    /// When the journal cannot tell what was done here: then nobody knows what is left of a cap or a balance.
    pub(super) fn recall(&self) -> Result<Option<(Known, Timestamp)>, QueueError> {
        let Some(mut person) = self.get(&format!("{}/person", self.scenario)) else { return Ok(None) };
        let told = |kept: &Option<Accumulators>| kept.as_ref().map_or(Timestamp::UNIX_EPOCH, |kept| kept.asked);
        let scopes: Vec<_> = self.scopes().into_iter().map(|(key, names)| (self.get(&key), names)).collect();
        let own = self.done_since(scopes.iter().map(|(kept, _)| told(kept)).fold(person.asked, Timestamp::min))?;

        let insutype = person.values.remove(INSUTYPE).and_then(|value| value.as_str().map(str::to_owned));
        for (name, value) in own.iter().filter(|done| done.since(person.asked)).flat_map(|done| &done.outputs) {
            // What a decision gives out under a fact's name is that fact from then on: the account's balance.
            if let Some(fact) = person.values.get_mut(name) {
                fact.clone_from(value);
            }
        }
        let mut as_of = person.as_of;
        let mut accumulators = Map::new();
        for (kept, names) in scopes {
            let asked = told(&kept);
            as_of = kept.as_ref().map_or(as_of, |kept| as_of.min(kept.as_of));
            let mut values = kept.map(|kept| kept.values).unwrap_or_default();
            for done in own.iter().filter(|done| done.since(asked)) {
                self.count(done, &mut values, &names)?;
            }
            accumulators.extend(values);
        }
        Ok(Some((Known { facts: person.values, accumulators, insutype: insutype.unwrap_or_default() }, as_of)))
    }

    /// Lays over the values of one scope what one transaction did to them.
    fn count(&self, done: &Done, values: &mut Map<String, Value>, names: &[&str]) -> Result<(), QueueError> {
        for change in done.changes.iter().filter(|change| names.contains(&change.name.as_str())) {
            let period = self.period(change.scope, done.row.business_date, done.admission.as_deref());
            if period.is_some() && period == self.period(change.scope, self.date, self.admission) {
                let after = match change.effect {
                    Effect::Add => sum(values.get(&change.name), &change.value)
                        .ok_or_else(|| unreadable(&done.row, "what it adds to cannot be added to"))?,
                    Effect::Set => change.value.clone(),
                };
                values.insert(change.name.clone(), after);
            }
        }
        Ok(())
    }

    /// What this terminal did for the person in this scenario that stands, or may, and that the centre, asked at `asked`,
    /// cannot have counted. What is being taken back is left out.
    fn done_since(&self, asked: Timestamp) -> Result<Vec<Done>, QueueError> {
        let own = self.queue.uncounted(self.holder, asked)?.into_iter();
        own.filter(|(row, _)| row.scenario == self.scenario && row.state != State::Reversing)
            .map(|(row, mut payload)| {
                let detail = serde_json::from_value::<Detail>(payload["detail"].take());
                // What the terminal wrote itself has this form.
                let detail = detail.map_err(|_| unreadable(&row, "its decision cannot be read"))?;
                let Decided { accumulators: changes, outputs } = detail.decision;
                Ok(Done { row, changes, outputs, admission: detail.admission })
            })
            .collect()
    }

    /// The store's key of each scope, and the accumulators in it.
    fn scopes(&self) -> Vec<(String, Vec<&str>)> {
        let mut out: Vec<(String, Vec<&str>)> = Vec::new();
        for spec in &self.schema.accumulators {
            let Some(period) = self.period(spec.scope, self.date, self.admission) else { continue };
            let key = format!("{}/{}/{period}", self.scenario, spec.scope.name());
            match out.iter_mut().find(|(known, _)| *known == key) {
                Some((_, names)) => names.push(&spec.fact.name),
                None => out.push((key, vec![&spec.fact.name])),
            }
        }
        out
    }

    /// What an accumulator of a scope runs over. A stay in hospital is personal: its keyed hash stands for it.
    fn period(&self, scope: Span, date: Date, admission: Option<&str>) -> Option<String> {
        let admission = admission.map(|admission| self.queue.holder_tag(admission.as_bytes()).to_string());
        scope.period(date, admission.as_deref())
    }

    fn get(&self, key: &str) -> Option<Accumulators> {
        match self.store.accumulators(self.holder, key) {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(%error, "the store does not give a record");
                None
            }
        }
    }

    fn put(&self, key: &str, values: Map<String, Value>, as_of: Timestamp, asked: Timestamp) {
        if let Err(error) = self.store.remember_accumulators(self.holder, key, &Accumulators { values, as_of, asked }) {
            tracing::warn!(%error, "the store does not take a record");
        }
    }
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

/// Beside the facts in the record.
const INSUTYPE: &str = " insutype";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::queue::tests::{draft, open, receipt};
    use crate::queue::{Draft, Note};
    use crate::rules::{AccumulatorSpec, FactSpec};
    use crate::wire::Outcome;

    fn schema() -> Schema {
        let accumulator = |(name, scope): (&str, Span)| AccumulatorSpec {
            fact: FactSpec {
                name: name.into(),
                label: String::new(),
                kind: "money".into(),
                optional: true,
                choices: Vec::new(),
            },
            scope,
        };
        Schema {
            pack: "p".into(),
            date_of: "on".into(),
            facts: Vec::new(),
            lines: Vec::new(),
            accumulators: [("pool", Span::Year), ("ded_paid", Span::Admission), ("signed", Span::Benefit)]
                .map(accumulator)
                .into(),
            outputs: Vec::new(),
            line_outputs: Vec::new(),
        }
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_record_holds_for_its_year_its_admission_and_its_person() {
        let store = Store::in_memory().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let schema = schema();
        let record = |year, admission, holder| Record {
            store: &store,
            queue: &queue,
            holder: queue.holder_tag(&[holder]),
            scenario: "s",
            schema: &schema,
            date: jiff::civil::date(year, 8, 3),
            admission,
        };
        assert!(record(2015, None, 1).recall().unwrap().is_none());
        let known = Known {
            facts: object(json!({"psn_type": "1", "balc": "9.00"})),
            accumulators: object(json!({"pool": "100.00", "ded_paid": "400.00", "signed": "2015-07"})),
            insutype: "310".into(),
        };
        let as_of = "2015-08-01T00:00:00Z".parse().unwrap();
        record(2015, Some("A1"), 1).keep(&known, as_of, as_of);
        assert_eq!(record(2015, Some("A1"), 1).recall().unwrap(), Some((known.clone(), as_of)));
        let accumulators =
            |year, admission| Value::Object(record(year, admission, 1).recall().unwrap().unwrap().0.accumulators);
        assert_eq!(accumulators(2015, Some("A2")), json!({"pool": "100.00", "signed": "2015-07"}));
        assert_eq!(accumulators(2016, None), json!({"signed": "2015-07"}));
        assert!(record(2015, None, 2).recall().unwrap().is_none());

        let done = |key: &str, date, admission: Option<&str>| {
            let change = |name: &str, scope: &str, effect: &str, value: &str| json!({"name": name, "scope": scope, "effect": effect, "value": value, "before": null, "after": null});
            let changes = [
                change("pool", "year", "add", "20.00"),
                change("ded_paid", "admission", "add", "5.00"),
                change("signed", "benefit", "set", "2015-08"),
            ];
            let detail =
                json!({"decision": {"accumulators": changes, "outputs": {"balc": "7.00"}}, "admission": admission});
            let draft = Draft {
                scenario: "s".into(),
                holder: vec![1].into(),
                business_date: date,
                payload: json!({"request": {}, "detail": detail}),
                ..draft(key)
            };
            queue.commit(draft).unwrap().row
        };
        let own = done("a", jiff::civil::date(2015, 8, 1), Some("A1"));
        done("another year", jiff::civil::date(2014, 12, 31), None);
        let since = |admission| Value::Object(record(2015, admission, 1).recall().unwrap().unwrap().0.accumulators);
        assert_eq!(since(Some("A1")), json!({"pool": "120.00", "ded_paid": "405.00", "signed": "2015-08"}));
        assert_eq!(since(None), json!({"pool": "120.00", "signed": "2015-08"}));
        let facts = |year| Value::Object(record(year, None, 1).recall().unwrap().unwrap().0.facts);
        assert_eq!(facts(2015), json!({"psn_type": "1", "balc": "7.00"}), "the account goes on from its balance after");
        assert_eq!(record(2015, None, 1).recall().unwrap().unwrap().1, as_of);
        let stay = record(2015, Some("ZY-2015-0001"), 1);
        assert!(stay.scopes().iter().all(|(key, _)| !key.contains("ZY-2015-0001")));
        // What the centre may have counted already is not kept as told: the record of before, with what was done, stays.
        queue.advance(own.id, State::Sending, Note::Nothing).unwrap();
        let later = Known { accumulators: object(json!({"pool": "120.00"})), ..known.clone() };
        record(2015, Some("A1"), 1).keep(&later, as_of, queue.clock().now());
        assert_eq!(since(Some("A1"))["pool"], "120.00", "not counted twice");
        // What the centre did not take is not counted.
        let refused = Outcome::Refused { code: "E-1".into(), text: "不符合条件".into() };
        queue.advance(own.id, State::Refused, receipt(&own, refused).into()).unwrap();
        assert_eq!(since(Some("A1")), json!({"pool": "100.00", "ded_paid": "400.00", "signed": "2015-08"}));
    }
}
