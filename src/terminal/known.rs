//! What is known of a person: asked of the centre and kept, or as it was kept.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::rules::{Change, Schema};
use crate::scenario::{Known, month};
use crate::store::{Accumulators, Store};
use crate::wire::Digest;

/// Where a person's record lies in the store.
pub(super) struct Record<'a> {
    pub(super) store: &'a Store,
    pub(super) holder: Digest,
    pub(super) scenario: &'a str,
    pub(super) schemas: &'a [Schema],
    pub(super) date: Date,
    /// 就诊ID; without it nothing is known over one admission.
    pub(super) admission: Option<&'a str>,
}

impl Record<'_> {
    /// Keeps what the centre told. A store that fails only costs the record.
    pub(super) fn keep(&self, known: &Known, as_of: Timestamp) {
        let mut facts = known.facts.clone();
        facts.insert(INSUTYPE.to_owned(), known.insutype.clone().into());
        self.put(&format!("{}/person", self.scenario), facts, as_of);
        for (key, names) in self.scopes() {
            let values: Map<String, Value> = known
                .accumulators
                .iter()
                .filter(|(name, _)| names.contains(&name.as_str()))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            self.put(&key, values, as_of);
        }
    }

    /// What the centre told last and when, with this terminal's own transactions since; `None` when it never did.
    pub(super) fn recall(&self) -> Option<(Known, Timestamp)> {
        let person = self.get(&format!("{}/person", self.scenario))?;
        let mut facts = person.values;
        let insutype = facts.remove(INSUTYPE).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
        let mut known = Known { facts, accumulators: Map::new(), insutype };
        let mut as_of = person.as_of;
        for (key, _) in self.scopes() {
            if let Some(kept) = self.get(&key) {
                known.accumulators.extend(kept.values);
                as_of = as_of.min(kept.as_of);
            }
        }
        Some((known, as_of))
    }

    /// Lays what a transaction did over the record, so that the next decision without the centre counts it.
    pub(super) fn apply(&self, changes: &[Change], now: Timestamp) {
        for (key, names) in self.scopes() {
            let own = changes.iter().filter(|change| names.contains(&change.name.as_str()));
            let own: Vec<&Change> = own.collect();
            if own.is_empty() {
                continue;
            }
            let mut kept = self.get(&key).unwrap_or(Accumulators { values: Map::new(), as_of: now });
            for change in own {
                kept.values.insert(change.name.clone(), change.after.clone());
            }
            self.put(&key, kept.values, kept.as_of);
        }
    }

    /// The store's key of each scope, and the accumulators in it.
    fn scopes(&self) -> Vec<(String, Vec<&str>)> {
        let mut out: Vec<(String, Vec<&str>)> = Vec::new();
        for spec in self.schemas.iter().flat_map(|schema| &schema.accumulators) {
            let period = match spec.scope.as_str() {
                "year" => self.date.year().to_string(),
                "month" => month(self.date),
                "admission" => match self.admission {
                    Some(admission) => admission.to_owned(),
                    None => continue,
                },
                _ => String::new(),
            };
            let key = format!("{}/{}/{period}", self.scenario, spec.scope);
            match out.iter_mut().find(|(known, _)| *known == key) {
                Some((_, names)) => names.push(&spec.fact.name),
                None => out.push((key, vec![&spec.fact.name])),
            }
        }
        out
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

    fn put(&self, key: &str, values: Map<String, Value>, as_of: Timestamp) {
        if let Err(error) = self.store.remember_accumulators(self.holder, key, &Accumulators { values, as_of }) {
            tracing::warn!(%error, "the store does not take a record");
        }
    }
}

/// Beside the facts in the record.
const INSUTYPE: &str = " insutype";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rules::{AccumulatorSpec, Effect, FactSpec};

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
        let schemas = [schema()];
        let record = |year, admission, holder| Record {
            store: &store,
            holder: Digest([holder; 32]),
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
        record(2015, Some("A1"), 1).keep(&known, as_of);
        assert_eq!(record(2015, Some("A1"), 1).recall(), Some((known.clone(), as_of)));
        let accumulators = |year, admission| Value::Object(record(year, admission, 1).recall().unwrap().0.accumulators);
        assert_eq!(accumulators(2015, Some("A2")), json!({"pool": "100.00", "signed": "2015-07"}));
        assert_eq!(accumulators(2016, None), json!({"signed": "2015-07"}));
        assert!(record(2015, None, 2).recall().is_none());

        let change = Change {
            name: "pool".into(),
            scope: "year".into(),
            effect: Effect::Add,
            value: "20.00".into(),
            before: "100.00".into(),
            after: "120.00".into(),
        };
        record(2015, None, 1).apply(&[change], "2015-08-02T00:00:00Z".parse().unwrap());
        let (known, still) = record(2015, None, 1).recall().unwrap();
        assert_eq!((known.accumulators["pool"].clone(), still), (json!("120.00"), as_of));
    }
}
