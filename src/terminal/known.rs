//! What is known of a person: asked of the centre and kept, or as it was kept, with what this terminal has done since.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::queue::{Queue, State};
use crate::rules::{Change, Effect, Schema};
use crate::scenario::{Known, month};
use crate::store::{Accumulators, Store};
use crate::value::Fen;
use crate::wire::Digest;

/// Where a person's record lies: in the store what the centre told, in the journal what was done here.
pub(super) struct Record<'a> {
    pub(super) store: &'a Store,
    pub(super) queue: &'a Queue,
    pub(super) holder: Digest,
    pub(super) scenario: &'a str,
    pub(super) schemas: &'a [Schema],
    pub(super) date: Date,
    /// 就诊ID; without it nothing is known over one admission.
    pub(super) admission: Option<&'a str>,
}

/// What the journal keeps beside a message, as far as it is read again.
#[derive(Deserialize)]
struct Done {
    decision: Decided,
    admission: Option<String>,
}

#[derive(Deserialize)]
struct Decided {
    accumulators: Vec<Change>,
}

impl Record<'_> {
    /// Keeps what the centre told when it was asked at `asked`. A store that fails only costs the record.
    pub(super) fn keep(&self, known: &Known, as_of: Timestamp, asked: Timestamp) {
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
    pub(super) fn recall(&self) -> Option<(Known, Timestamp)> {
        let person = self.get(&format!("{}/person", self.scenario))?;
        let mut facts = person.values;
        let insutype = facts.remove(INSUTYPE).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
        let mut known = Known { facts, accumulators: Map::new(), insutype };
        let mut as_of = person.as_of;
        for (key, names) in self.scopes() {
            let kept = self.get(&key);
            as_of = kept.as_ref().map_or(as_of, |kept| as_of.min(kept.as_of));
            let asked = kept.as_ref().map_or(Timestamp::UNIX_EPOCH, |kept| kept.asked);
            let mut values = kept.map(|kept| kept.values).unwrap_or_default();
            self.count_own(&mut values, &names, asked);
            known.accumulators.extend(values);
        }
        Some((known, as_of))
    }

    /// Lays over the values of one scope what this terminal has done that the centre cannot have counted in them.
    fn count_own(&self, values: &mut Map<String, Value>, names: &[&str], asked: Timestamp) {
        let own = self.queue.uncounted(self.holder, asked).unwrap_or_else(|error| {
            tracing::warn!(%error, "the journal does not give what was done here");
            Vec::new()
        });
        for (row, mut payload) in own {
            if row.scenario != self.scenario || row.state == State::Reversing {
                continue;
            }
            // What the terminal wrote itself has this form.
            let Ok(done) = serde_json::from_value::<Done>(payload["detail"].take()) else { continue };
            let changes = done.decision.accumulators.into_iter();
            for change in changes.filter(|change| names.contains(&change.name.as_str())) {
                let period = self.period(&change.scope, row.business_date, done.admission.as_deref());
                if period.is_some() && period == self.period(&change.scope, self.date, self.admission) {
                    let after = match change.effect {
                        Effect::Add => sum(values.get(&change.name), change.value),
                        Effect::Set => change.value,
                    };
                    values.insert(change.name, after);
                }
            }
        }
    }

    /// The store's key of each scope, and the accumulators in it.
    fn scopes(&self) -> Vec<(String, Vec<&str>)> {
        let mut out: Vec<(String, Vec<&str>)> = Vec::new();
        for spec in self.schemas.iter().flat_map(|schema| &schema.accumulators) {
            let Some(period) = self.period(&spec.scope, self.date, self.admission) else { continue };
            let key = format!("{}/{}/{period}", self.scenario, spec.scope);
            match out.iter_mut().find(|(known, _)| *known == key) {
                Some((_, names)) => names.push(&spec.fact.name),
                None => out.push((key, vec![&spec.fact.name])),
            }
        }
        out
    }

    /// Over what an accumulator of a scope runs; `None` for an admission that is not named.
    fn period(&self, scope: &str, date: Date, admission: Option<&str>) -> Option<String> {
        match scope {
            "year" => Some(date.year().to_string()),
            "month" => Some(month(date)),
            // A stay in hospital is personal: its keyed hash stands for it.
            "admission" => admission.map(|admission| self.queue.holder_tag(admission.as_bytes()).to_string()),
            _ => Some(String::new()),
        }
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

/// An accumulator and what is added to it: amounts or whole numbers, as the rules have them.
fn sum(before: Option<&Value>, more: Value) -> Value {
    let amounts = before.and_then(Value::as_str).zip(more.as_str());
    let amounts = amounts.and_then(|(a, b)| a.parse::<Fen>().ok()?.checked_add(b.parse().ok()?));
    let numbers = before.and_then(Value::as_i64).zip(more.as_i64()).and_then(|(a, b)| a.checked_add(b));
    match (amounts, numbers) {
        (Some(sum), _) => sum.to_string().into(),
        (_, Some(sum)) => sum.into(),
        (None, None) => more,
    }
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
        let accumulator = |(name, scope): (&str, &str)| AccumulatorSpec {
            fact: FactSpec {
                name: name.into(),
                label: String::new(),
                kind: "money".into(),
                optional: true,
                choices: Vec::new(),
            },
            scope: scope.into(),
        };
        Schema {
            pack: "p".into(),
            date_of: "on".into(),
            facts: Vec::new(),
            lines: Vec::new(),
            accumulators: [("pool", "year"), ("ded_paid", "admission"), ("signed", "benefit")].map(accumulator).into(),
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
        let schemas = [schema()];
        let record = |year, admission, holder| Record {
            store: &store,
            queue: &queue,
            holder: queue.holder_tag(&[holder]),
            scenario: "s",
            schemas: &schemas,
            date: jiff::civil::date(year, 8, 3),
            admission,
        };
        assert!(record(2015, None, 1).recall().is_none());
        let known = Known {
            facts: object(json!({"psn_type": "1"})),
            accumulators: object(json!({"pool": "100.00", "ded_paid": "400.00", "signed": "2015-07"})),
            insutype: "310".into(),
        };
        let as_of = "2015-08-01T00:00:00Z".parse().unwrap();
        record(2015, Some("A1"), 1).keep(&known, as_of, as_of);
        assert_eq!(record(2015, Some("A1"), 1).recall(), Some((known.clone(), as_of)));
        let accumulators = |year, admission| Value::Object(record(year, admission, 1).recall().unwrap().0.accumulators);
        assert_eq!(accumulators(2015, Some("A2")), json!({"pool": "100.00", "signed": "2015-07"}));
        assert_eq!(accumulators(2016, None), json!({"signed": "2015-07"}));
        assert!(record(2015, None, 2).recall().is_none());

        let done = |key: &str, date, admission: Option<&str>| {
            let change = |name: &str, scope: &str, effect: &str, value: &str| json!({"name": name, "scope": scope, "effect": effect, "value": value, "before": null, "after": null});
            let changes = [
                change("pool", "year", "add", "20.00"),
                change("ded_paid", "admission", "add", "5.00"),
                change("signed", "benefit", "set", "2015-08"),
            ];
            let detail = json!({"decision": {"accumulators": changes}, "admission": admission});
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
        let since = |admission| Value::Object(record(2015, admission, 1).recall().unwrap().0.accumulators);
        assert_eq!(since(Some("A1")), json!({"pool": "120.00", "ded_paid": "405.00", "signed": "2015-08"}));
        assert_eq!(since(None), json!({"pool": "120.00", "signed": "2015-08"}));
        assert_eq!(record(2015, None, 1).recall().unwrap().1, as_of);
        let stay = record(2015, Some("ZY-2015-0001"), 1);
        assert!(stay.scopes().iter().all(|(key, _)| !key.contains("ZY-2015-0001")));
        // What the centre did not take is not counted.
        queue.advance(own.id, State::Sending, Note::Nothing).unwrap();
        let refused = Outcome::Refused { code: "E-1".into(), text: "不符合条件".into() };
        queue.advance(own.id, State::Refused, receipt(&own, refused).into()).unwrap();
        assert_eq!(since(Some("A1")), json!({"pool": "100.00", "ded_paid": "400.00", "signed": "2015-08"}));
    }
}
