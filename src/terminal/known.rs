//! What is known of a person: asked of the centre and kept, or as it was kept, with what this terminal has done since.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::failure::{Explain as _, Failure};
use crate::queue::{Queue, QueueError, Row, State};
use crate::rules::{AccumulatorSpec, Change, Effect, Schema};
use crate::scenario::Known;
use crate::store::{Accumulators, Store, StoreError};
use crate::value::Fen;
use crate::wire::Digest;

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
    /// When the centre was asked, by the host's clock.
    pub(super) asked: Timestamp,
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
    /// Keeps what the centre told when it was asked at `asked`, unless it cannot be said which of the person's
    /// transactions it had counted then: what was told before, with all since, is right. A store that fails only costs
    /// the record.
    pub(super) fn keep(&self, known: &Known, schema: &Schema, as_of: Timestamp, asked: Timestamp) {
        match self.queue.in_doubt(self.holder, asked) {
            // Two scenarios may count on one insurance.
            Ok(rows) if !rows.is_empty() => return,
            Ok(_) => {}
            Err(error) => return tracing::warn!(%error, "the journal does not tell what is on its way"),
        }
        let mut facts = known.facts.clone();
        facts.insert(INSUTYPE.to_owned(), known.insutype.clone().into());
        self.put(&self.persons_key(), facts, as_of, asked);
        for (key, counted) in self.shelves(schema) {
            let names = counted.iter().map(|spec| spec.fact.name.as_str());
            let values = names.filter_map(|name| Some((name.to_owned(), known.accumulators.get(name)?.clone())));
            self.put(&key, values.collect(), as_of, asked);
        }
    }

    /// What the centre told of the person last; `None` when it never did, or the store does not give it: then the person
    /// is one without a record.
    pub(super) fn person(&self) -> Option<Person> {
        let kept = self.get(&self.persons_key());
        let kept = kept.inspect_err(|error| tracing::warn!(%error, "the store does not give a record"));
        let mut kept = kept.ok()??;
        let insutype = kept.values.remove(INSUTYPE).and_then(|value| value.as_str().map(str::to_owned));
        Some(Person {
            facts: kept.values,
            insutype: insutype.unwrap_or_default(),
            as_of: kept.as_of,
            asked: kept.asked,
        })
    }

    /// What the centre told last and when, with this terminal's own transactions since. `None` where it settled one of
    /// those with other figures than the terminal's: what that left of an account or a cap, it alone knows.
    ///
    /// # Errors
    /// When the store cannot tell what was told, or the journal what was done here: then nobody knows what is left of a
    /// cap or a balance.
    pub(super) fn recall(&self, person: Person, schema: &Schema) -> Result<Option<(Known, Timestamp)>, Unknown> {
        let Person { mut facts, insutype, mut as_of, asked } = person;
        let told = |kept: &Option<Accumulators>| kept.as_ref().map_or(Timestamp::UNIX_EPOCH, |kept| kept.asked);
        let shelves = self.shelves(schema).into_iter().map(|(key, counted)| Ok((self.get(&key)?, counted)));
        let shelves = shelves.collect::<Result<Vec<_>, StoreError>>()?;
        let own = self.done_since(shelves.iter().map(|(kept, _)| told(kept)).fold(asked, Timestamp::min))?;

        if own.iter().any(|done| done.since(asked) && done.row.is_settled_otherwise()) {
            return Ok(None);
        }
        for (name, value) in own.iter().filter(|done| done.since(asked)).flat_map(|done| &done.outputs) {
            // What a decision gives out under a fact's name is that fact from then on: the account's balance.
            if let Some(fact) = facts.get_mut(name) {
                fact.clone_from(value);
            }
        }
        let mut accumulators = Map::new();
        for (kept, counted) in shelves {
            let asked = told(&kept);
            as_of = kept.as_ref().map_or(as_of, |kept| as_of.min(kept.as_of));
            let mut values = kept.map(|kept| kept.values).unwrap_or_default();
            for done in own.iter().filter(|done| done.since(asked)) {
                self.count(done, &mut values, &counted)?;
            }
            accumulators.extend(values);
        }
        Ok(Some((Known { facts, accumulators, insutype }, as_of)))
    }

    /// Lays over the values of one shelf what one transaction did to them.
    fn count(
        &self,
        done: &Done,
        values: &mut Map<String, Value>,
        counted: &[&AccumulatorSpec],
    ) -> Result<(), QueueError> {
        for change in counted.iter().filter_map(|spec| done.change(spec, self.admission)) {
            let after = match change.effect {
                Effect::Add => sum(values.get(&change.name), &change.value)
                    .ok_or_else(|| unreadable(&done.row, "what it adds to cannot be added to"))?,
                Effect::Set => change.value.clone(),
            };
            values.insert(change.name.clone(), after);
        }
        Ok(())
    }

    /// What this terminal did for the person that stands, or may, and that the centre, asked at `asked`, cannot have
    /// counted, in whatever scenario: two may count on one insurance. What is being taken back is left out.
    fn done_since(&self, asked: Timestamp) -> Result<Vec<Done>, QueueError> {
        let own = self.queue.uncounted(self.holder, asked)?.into_iter();
        own.filter(|(row, _)| row.state != State::Reversing)
            .map(|(row, mut payload)| {
                let detail = serde_json::from_value::<Detail>(payload["detail"].take());
                // What the terminal wrote itself has this form.
                let detail = detail.map_err(|_| unreadable(&row, "its decision cannot be read"))?;
                let Decided { accumulators: changes, outputs } = detail.decision;
                Ok(Done { row, changes, outputs, admission: detail.admission })
            })
            .collect()
    }

    /// The accumulators that are kept together, under their key in the store. A stay in hospital and a disease are
    /// personal: a keyed hash stands for them.
    fn shelves<'s>(&self, schema: &'s Schema) -> Vec<(String, Vec<&'s AccumulatorSpec>)> {
        let mut out: Vec<(String, Vec<&AccumulatorSpec>)> = Vec::new();
        for spec in &schema.accumulators {
            let Some(period) = &spec.period else { continue };
            let Some(stretch) = period.key(self.admission) else { continue };
            let stretch = match period.is_personal() {
                true => self.queue.holder_tag(stretch.as_bytes()).to_string(),
                false => stretch,
            };
            let key = format!("{}/{}/{stretch}", spec.scheme, period.scope.name());
            match out.iter_mut().find(|(known, _)| *known == key) {
                Some((_, counted)) => counted.push(spec),
                None => out.push((key, vec![spec])),
            }
        }
        out
    }

    fn persons_key(&self) -> String {
        format!("{}/person", self.scenario)
    }

    fn get(&self, key: &str) -> Result<Option<Accumulators>, StoreError> {
        self.store.accumulators(self.holder, key)
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
    use jiff::civil::{Date, date};
    use serde_json::json;

    use super::*;
    use crate::queue::tests::{draft, open, receipt};
    use crate::queue::{Draft, Note};
    use crate::rules::{FactSpec, Period, Span};
    use crate::wire::Outcome;

    /// What a pack counts for a case of this year.
    fn schema(year: i16) -> Schema {
        let accumulator = |(name, scope, of): (&str, Span, String)| AccumulatorSpec {
            fact: FactSpec {
                name: name.into(),
                label: String::new(),
                kind: "money".into(),
                optional: true,
                choices: Vec::new(),
            },
            scheme: "310".into(),
            period: Some(Period { scope, of, by: None }),
        };
        Schema {
            pack: "p".into(),
            date_of: "on".into(),
            facts: Vec::new(),
            lines: Vec::new(),
            accumulators: [
                ("pool", Span::Year, year.to_string()),
                ("ded_paid", Span::Admission, String::new()),
                ("signed", Span::Benefit, "-".into()),
            ]
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
    fn what_the_store_does_not_give_is_not_taken_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let (store, queue) = (Store::open(&path).unwrap(), open(dir.path()));
        let (holder, scenario, admission) = (queue.holder_tag(&[1]), "s", None);
        let record = Record { store: &store, queue: &queue, holder, scenario, admission };
        let known =
            Known { accumulators: object(json!({"pool": "100.00"})), insutype: "310".into(), ..Known::default() };
        record.keep(&known, &schema(2015), Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        let person = record.person().unwrap();
        rusqlite::Connection::open(&path).unwrap().execute_batch("DROP TABLE accumulators").unwrap();
        // A cap of which nothing is known to be used up would be a whole one.
        assert!(matches!(record.recall(person, &schema(2015)), Err(Unknown::Store(_))));
        assert!(record.person().is_none());
    }

    #[test]
    fn a_record_holds_for_its_year_its_admission_and_its_person() {
        let store = Store::in_memory().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let record = |admission, holder| Record {
            store: &store,
            queue: &queue,
            holder: queue.holder_tag(&[holder]),
            scenario: "s",
            admission,
        };
        let recall = |year, admission| {
            let record = record(admission, 1);
            let person = record.person()?;
            record.recall(person, &schema(year)).unwrap()
        };
        assert!(recall(2015, None).is_none());
        let known = Known {
            facts: object(json!({"psn_type": "1", "balc": "9.00"})),
            accumulators: object(json!({"pool": "100.00", "ded_paid": "400.00", "signed": "2015-07"})),
            insutype: "310".into(),
        };
        let as_of = "2015-08-01T00:00:00Z".parse().unwrap();
        record(Some("A1"), 1).keep(&known, &schema(2015), as_of, as_of);
        assert_eq!(recall(2015, Some("A1")), Some((known.clone(), as_of)));
        let accumulators = |year, admission| Value::Object(recall(year, admission).unwrap().0.accumulators);
        assert_eq!(accumulators(2015, Some("A2")), json!({"pool": "100.00", "signed": "2015-07"}));
        assert_eq!(accumulators(2016, None), json!({"signed": "2015-07"}));
        assert!(record(None, 2).person().is_none());

        let done = |key: &str, scenario: &str, scheme: &str, date: Date, admission: Option<&str>| {
            let change = |name: &str, period: Value, effect: &str, value: &str| json!({"name": name, "scheme": scheme, "period": period, "effect": effect, "value": value, "before": null, "after": null});
            let changes = [
                change("pool", json!({"scope": "year", "of": date.year().to_string()}), "add", "20.00"),
                change("ded_paid", json!({"scope": "admission", "of": ""}), "add", "5.00"),
                change("signed", json!({"scope": "benefit", "of": "-"}), "set", "2015-08"),
            ];
            let detail =
                json!({"decision": {"accumulators": changes, "outputs": {"balc": "7.00"}}, "admission": admission});
            let draft = Draft {
                scenario: scenario.into(),
                holder: vec![1].into(),
                business_date: date,
                payload: json!({"request": {}, "detail": detail}),
                ..draft(key)
            };
            queue.commit(draft).unwrap().row
        };
        // Another scenario on the same insurance counts; another insurance does not.
        let own = done("a", "t", "310", date(2015, 8, 1), Some("A1"));
        done("another year", "s", "310", date(2014, 12, 31), None);
        done("another insurance", "s", "390", date(2015, 8, 1), None);
        let since = |admission| accumulators(2015, admission);
        assert_eq!(since(Some("A1")), json!({"pool": "120.00", "ded_paid": "405.00", "signed": "2015-08"}));
        assert_eq!(since(None), json!({"pool": "120.00", "signed": "2015-08"}));
        assert_eq!(
            Value::Object(recall(2015, None).unwrap().0.facts),
            json!({"psn_type": "1", "balc": "7.00"}),
            "the account goes on from its balance after"
        );
        assert_eq!(recall(2015, None).unwrap().1, as_of);
        let stay = record(Some("ZY-2015-0001"), 1);
        assert!(stay.shelves(&schema(2015)).iter().all(|(key, _)| !key.contains("ZY-2015-0001")));
        // What the centre may have counted already is not kept as told: the record of before, with what was done, stays.
        queue.advance(own.id, State::Sending, Note::Nothing).unwrap();
        let later = Known { accumulators: object(json!({"pool": "120.00"})), ..known.clone() };
        record(Some("A1"), 1).keep(&later, &schema(2015), as_of, queue.clock().now());
        assert_eq!(since(Some("A1"))["pool"], "120.00", "not counted twice");
        // What the centre did not take is not counted.
        let refused = Outcome::Refused { code: "E-1".into(), text: "不符合条件".into() };
        queue.advance(own.id, State::Refused, receipt(&own, refused).into()).unwrap();
        assert_eq!(since(Some("A1")), json!({"pool": "100.00", "ded_paid": "400.00", "signed": "2015-08"}));
        // What it settled with other figures only it can reckon on from.
        let another = done("b", "s", "310", date(2015, 8, 1), None);
        queue.advance(another.id, State::Sending, Note::Nothing).unwrap();
        let settled = Note::Receipt(Box::new(receipt(&another, Outcome::Accepted)), vec!["acct_pay".into()]);
        queue.advance(another.id, State::Acked, settled).unwrap();
        assert_eq!(recall(2015, Some("A1")), None);
        assert!(record(None, 1).person().is_some(), "the person is known, what is left is not");
    }
}
