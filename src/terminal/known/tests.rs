use std::sync::Arc;

use jiff::civil::{Date, date};
use serde_json::json;

use super::*;
use crate::queue::tests::{Hands, draft, keys, lose, online, open, receipt, settings};
use crate::queue::{Draft, Note};
use crate::rules::{FactSpec, Period, Span};
use crate::wire::Outcome;
use crate::world::{Clock as _, SystemRandom};

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
    let known = Known { accumulators: object(json!({"pool": "100.00"})), insutype: "310".into(), ..Known::default() };
    record.keep(&known, &schema(2015), Timestamp::UNIX_EPOCH, &record.asking().unwrap());
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
    let asking = record(Some("A1"), 1).asking().unwrap();
    record(Some("A1"), 1).keep(&known, &schema(2015), as_of, &asking);
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
        let detail = json!({"decision": {"accumulators": changes, "outputs": {"balc": "7.00", "psn_type": "9"}}, "admission": admission});
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
    let later = Known { accumulators: object(json!({"pool": "120.00"})), ..known.clone() };
    record(Some("A1"), 1).keep(&later, &schema(2015), as_of, &asking);
    queue.advance(own.id, State::Sending, Note::Nothing).unwrap();
    assert!(record(Some("A1"), 1).asking().is_none());
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

/// A terminal with a clock that is set, and one person.
struct Counter {
    store: Store,
    queue: Queue,
    clock: Arc<Hands>,
    dir: tempfile::TempDir,
}

const HOUR: i64 = 3_600_000;

impl Counter {
    fn new() -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Hands::at("2015-08-01T02:00:00Z"));
        let random = Arc::new(SystemRandom::default());
        let queue = Queue::open(settings(dir.path()), keys(), clock.clone(), random).unwrap();
        Self { store: Store::in_memory().unwrap(), queue, clock, dir }
    }

    fn record<'a>(&'a self, scenario: &'a str, admission: Option<&'a str>) -> Record<'a> {
        Record { store: &self.store, queue: &self.queue, holder: self.queue.holder_tag(&[1]), scenario, admission }
    }

    /// The centre is asked, and tells this at that moment of its own.
    fn told(&self, scenario: &str, admission: Option<&str>, (balc, pool, ded_paid): (&str, &str, &str), as_of: &str) {
        let known = Known {
            facts: object(json!({"balc": balc})),
            accumulators: object(json!({"pool": pool, "ded_paid": ded_paid})),
            insutype: "310".into(),
        };
        let record = self.record(scenario, admission);
        let asking = record.asking().unwrap();
        record.keep(&known, &schema(2015), as_of.parse().unwrap(), &asking);
    }

    /// Balance, pool and deductible as they are recalled.
    fn recalled(&self, scenario: &str, admission: Option<&str>) -> Option<[Value; 3]> {
        let record = self.record(scenario, admission);
        let (known, _) = record.recall(record.person()?, &schema(2015)).unwrap()?;
        let counted = |name: &str| known.accumulators.get(name).cloned().unwrap_or_default();
        Some([known.facts["balc"].clone(), counted("pool"), counted("ded_paid")])
    }

    /// One that pays 20.00 of the pool and 5.00 towards the deductible, and leaves 7.00 in the account; on its way.
    fn begun(&self, scenario: &str, admission: Option<&str>) -> Row {
        let change = |name: &str, period: Value, value: &str| json!({"name": name, "scheme": "310", "period": period, "effect": "add", "value": value, "before": null, "after": null});
        let changes = [
            change("pool", json!({"scope": "year", "of": "2015"}), "20.00"),
            change("ded_paid", json!({"scope": "admission", "of": ""}), "5.00"),
        ];
        let detail =
            json!({"decision": {"accumulators": changes, "outputs": {"balc": "7.00"}}, "admission": admission});
        let draft = Draft {
            scenario: scenario.into(),
            holder: vec![1].into(),
            payload: json!({"detail": detail}),
            ..online(&format!("{}", self.queue.last_sequence().unwrap()))
        };
        self.queue.commit(draft).unwrap().row
    }

    /// The same, and the centre accepts it; `differs` names its other figures.
    fn settled(&self, scenario: &str, admission: Option<&str>, differs: &[&str]) -> Row {
        let row = self.begun(scenario, admission);
        let names = differs.iter().map(|name| (*name).to_owned()).collect();
        let note = Note::Receipt(Box::new(receipt(&row, Outcome::Accepted)), names);
        self.queue.advance(row.id, State::Acked, note).unwrap()
    }
}

fn values(of: [&str; 3]) -> Option<[Value; 3]> {
    Some(of.map(Value::from))
}

const A1: Option<&str> = Some("A1");
const A2: Option<&str> = Some("A2");

#[test]
fn an_older_record_of_a_stay_is_not_reckoned_on_from_where_the_centre_settled_otherwise() {
    let counter = Counter::new();
    counter.told("s", A1, ("9.00", "100.00", "400.00"), "2015-08-01T02:00:00Z");
    counter.settled("s", A1, &["act_pay_dedc"]);
    assert_eq!(counter.recalled("s", A1), None);
    // The person and the year are told anew in another stay; that stay goes on from what was told.
    counter.told("s", A2, ("3.00", "130.00", "0.00"), "2015-08-01T02:00:01Z");
    assert_eq!(counter.recalled("s", A2), values(["3.00", "130.00", "0.00"]));
    assert_eq!(counter.recalled("s", A1), None, "what the deductible came to the centre alone knows");
    counter.told("s", A1, ("3.00", "130.00", "407.00"), "2015-08-01T02:00:02Z");
    assert_eq!(counter.recalled("s", A1), values(["3.00", "130.00", "407.00"]));

    // What was settled otherwise in one stay keeps no other from being reckoned with.
    counter.settled("s", A2, &["act_pay_dedc"]);
    counter.told("s", A2, ("2.00", "150.00", "8.00"), "2015-08-01T02:00:03Z");
    assert_eq!(counter.recalled("s", A1), values(["2.00", "150.00", "407.00"]));
}

#[test]
fn what_was_done_after_the_centre_was_asked_counts_though_the_clock_was_ahead_then() {
    let counter = Counter::new();
    counter.clock.add(HOUR);
    counter.told("s", A1, ("9.00", "100.00", "400.00"), "2015-08-01T02:00:00Z");
    counter.clock.add(-HOUR);
    counter.told("t", A2, ("9.00", "100.00", "0.00"), "2015-08-01T02:00:01Z");
    counter.settled("t", A1, &[]);
    let alone = values(["7.00", "120.00", "405.00"]);
    assert_eq!(counter.recalled("s", A1), None, "by this clock nobody can say how old it is");
    assert_eq!(counter.recalled("t", A1), None, "nor what was told of the stay");
    assert_eq!(
        counter.recalled("t", None),
        values(["7.00", "120.00", ""]).map(|[balc, pool, _]| [balc, pool, Value::Null])
    );
    counter.clock.add(2 * HOUR);
    assert_eq!(counter.recalled("s", A1), alone, "the account is spent once");

    // Now the person is told anew, by a clock that is right; the record of the stay is the one of then.
    counter.told("s", A2, ("7.00", "120.00", "0.00"), "2015-08-01T04:00:00Z");
    assert_eq!(counter.recalled("s", A1), alone);
}

#[test]
fn what_is_told_is_not_kept_where_something_was_done_meanwhile() {
    let counter = Counter::new();
    counter.told("s", A1, ("9.00", "100.00", "400.00"), "2015-08-01T02:00:00Z");
    let keep = |asking: &Asking| {
        let facts = object(json!({"balc": "7.00"}));
        let accumulators = object(json!({"pool": "120.00", "ded_paid": "405.00"}));
        let known = Known { facts, accumulators, insutype: "310".into() };
        counter.record("s", A1).keep(&known, &schema(2015), "2015-08-01T02:00:01Z".parse().unwrap(), asking);
    };
    let asking = counter.record("s", A1).asking().unwrap();
    // The clock is set back meanwhile: by it this was done before.
    counter.clock.add(-HOUR);
    counter.settled("t", A1, &[]);
    counter.clock.add(2 * HOUR);
    keep(&asking);
    assert_eq!(counter.recalled("s", A1), values(["7.00", "120.00", "405.00"]), "not counted twice");
    let open = counter.begun("t", A1);
    assert!(counter.record("s", A1).asking().is_none(), "it is on its way");
    assert_eq!(counter.recalled("s", A1), values(["7.00", "140.00", "410.00"]));
    // What comes to nothing counts no more, and what was told before stays right.
    counter.queue.advance(open.id, State::Void, Note::Nothing).unwrap();
    assert_eq!(counter.recalled("s", A1), values(["7.00", "120.00", "405.00"]));
    keep(&counter.record("s", A1).asking().unwrap());
    assert_eq!(counter.recalled("s", A1), values(["7.00", "120.00", "405.00"]), "now the centre has counted the first");
}

#[test]
fn a_record_without_a_place_holds_where_the_clocks_do_not_contradict_each_other() {
    // Told, asked by this clock, told by the centre's; then one is settled at 02:00.
    let recalled = |asked: &str, as_of: &str| {
        let counter = Counter::new();
        let record = counter.record("s", A1);
        // It kept all of a stretch together.
        let schema = schema(2015);
        let stretches = record.shelves(&schema).into_iter().filter_map(|(key, _)| {
            Some((
                key.rsplit_once('/')?.0.to_owned(),
                object(json!({"pool": "100.00", "ded_paid": "400.00", "signed": ""})),
            ))
        });
        for (key, values) in stretches.chain([("s/person".into(), object(json!({"balc": "9.00", INSUTYPE: "310"})))]) {
            let (asked, as_of) = (asked.parse().unwrap(), as_of.parse().unwrap());
            let old = Accumulators { values, asked, as_of, place: None };
            counter.store.remember_accumulators(record.holder, &key, &old).unwrap();
        }
        counter.settled("t", A1, &[]);
        counter.clock.add(4 * HOUR);
        let mut another = schema.clone();
        another.accumulators[0].fact.name = "outpatient".into();
        let lacks = record.recall(record.person().unwrap(), &another).unwrap();
        assert_eq!(lacks, None, "what was told of it may be gone");
        counter.recalled("s", A1)
    };
    assert_eq!(recalled("2015-08-01T01:59:59Z", "2015-08-01T01:59:59Z"), values(["7.00", "120.00", "405.00"]));
    assert_eq!(recalled("2015-08-01T02:00:01Z", "2015-08-01T02:00:01Z"), values(["9.00", "100.00", "400.00"]));
    // This clock says that it was settled before, and the centre's says after.
    assert_eq!(recalled("2015-08-01T02:00:01Z", "2015-08-01T01:59:59Z"), None);
    assert_eq!(recalled("2015-08-01T07:00:00Z", "2015-08-01T07:00:00Z"), None, "asked for in time to come");
}

#[test]
fn what_was_done_since_and_is_erased_or_lost_is_not_known() {
    let counter = Counter::new();
    counter.settled("t", A1, &[]);
    counter.told("s", A1, ("9.00", "100.00", "400.00"), "2015-08-01T02:00:00Z");
    // That it is old is told by a later one, of somebody else, that the centre took.
    let erase = |key: &str| {
        let later = counter.queue.commit(draft(key)).unwrap().row;
        counter.queue.advance(later.id, State::Sending, Note::Nothing).unwrap();
        counter.queue.advance(later.id, State::Acked, receipt(&later, Outcome::Accepted).into()).unwrap();
        counter.clock.add(HOUR);
        counter.queue.erase(counter.clock.now()).unwrap().transactions
    };
    assert_eq!(erase("x"), 2);
    assert_eq!(counter.recalled("s", A1), values(["9.00", "100.00", "400.00"]), "the centre has counted it");
    assert_eq!(
        counter.recalled("s", A2),
        values(["9.00", "100.00", ""]).map(|[balc, pool, _]| [balc, pool, Value::Null])
    );
    counter.settled("t", A1, &[]);
    assert_eq!(erase("y"), 2);
    assert_eq!(counter.recalled("s", A1), None);

    counter.told("s", A1, ("7.00", "120.00", "405.00"), "2015-08-01T03:00:00Z");
    let last = counter.settled("t", A1, &[]);
    counter.queue.commit(draft("z")).unwrap();
    let Counter { store, queue, clock, dir } = counter;
    queue.close();
    drop(queue);
    let counter = Counter { queue: lose(dir.path(), &last.sequence.to_string()), store, clock, dir };
    assert_eq!(counter.recalled("s", A1), None, "it may have been this person's");
}

#[test]
fn what_another_pack_counts_in_the_same_stretch_takes_nothing_from_what_was_told() {
    let counter = Counter::new();
    counter.told("s", A1, ("9.00", "100.00", "400.00"), "2015-08-01T02:00:00Z");
    // Outpatient care has a cap of its own in the same year, and is asked about later.
    let mut another = schema(2015);
    another.accumulators.retain(|spec| spec.fact.name == "pool");
    another.accumulators[0].fact.name = "outpatient".into();
    let record = counter.record("t", None);
    let accumulators = object(json!({"outpatient": "30.00"}));
    let known = Known { accumulators, insutype: "310".into(), ..Known::default() };
    record.keep(&known, &another, "2015-08-01T02:00:01Z".parse().unwrap(), &record.asking().unwrap());
    assert_eq!(counter.recalled("s", A1), values(["9.00", "100.00", "400.00"]), "the cap is no whole one");
    let (recalled, _) = record.recall(record.person().unwrap(), &another).unwrap().unwrap();
    assert_eq!(Value::Object(recalled.accumulators), json!({"outpatient": "30.00"}));
}

impl Counter {
    /// What takes one back, and the centre accepts it.
    fn cancelled(&self, of: &Row, admission: Option<&str>) {
        let change = |name: &str, period: Value, value: &str| json!({"name": name, "scheme": "310", "period": period, "effect": "add", "value": value, "before": null, "after": null});
        let changes = [
            change("ded_paid", json!({"scope": "admission", "of": ""}), "-5.00"),
            change("pool", json!({"scope": "year", "of": "2015"}), "-20.00"),
        ];
        let outputs = json!({"acct_pay": "-2.00", "refd_setl_flag": "1"});
        let decision = json!({"accumulators": changes, "outputs": outputs});
        let draft = Draft {
            scenario: of.scenario.clone(),
            holder: vec![1].into(),
            cancels: Some(of.id),
            payload: json!({"detail": {"decision": decision, "admission": admission, "cancels": of.id}}),
            ..online(&format!("{}", self.queue.last_sequence().unwrap()))
        };
        let row = self.queue.commit(draft).unwrap().row;
        self.queue.advance(row.id, State::Acked, receipt(&row, Outcome::Accepted).into()).unwrap();
    }
}

#[test]
fn what_was_cancelled_counts_as_if_it_had_never_been_wherever_the_centre_was_asked() {
    // Before both.
    let counter = Counter::new();
    counter.told("s", A1, ("9.00", "100.00", "400.00"), "2015-08-01T02:00:00Z");
    let row = counter.settled("s", A1, &[]);
    assert_eq!(counter.recalled("s", A1), values(["7.00", "120.00", "405.00"]));
    counter.cancelled(&row, A1);
    assert_eq!(counter.recalled("s", A1), values(["9.00", "100.00", "400.00"]));

    // Between the two: it had counted the first.
    let row = counter.settled("s", A1, &[]);
    counter.told("s", A1, ("7.00", "120.00", "405.00"), "2015-08-01T02:00:01Z");
    counter.cancelled(&row, A1);
    assert_eq!(counter.recalled("s", A1), values(["9.00", "100.00", "400.00"]));

    // In another stay between the two: it had counted what is the person's, and of this stay it told nothing since.
    let row = counter.settled("s", A1, &[]);
    counter.told("s", A2, ("7.00", "120.00", "0.00"), "2015-08-01T02:00:02Z");
    counter.cancelled(&row, A1);
    assert_eq!(counter.recalled("s", A1), values(["9.00", "100.00", "400.00"]));
    assert_eq!(counter.recalled("s", A2), values(["9.00", "100.00", "0.00"]));

    // After both.
    let row = counter.settled("s", A1, &[]);
    counter.cancelled(&row, A1);
    counter.told("s", A1, ("9.00", "100.00", "400.00"), "2015-08-01T02:00:03Z");
    assert_eq!(counter.recalled("s", A1), values(["9.00", "100.00", "400.00"]));
}
