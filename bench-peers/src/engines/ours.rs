//! Our engine: `pack.toml`, loaded with its proofs. A desk is set up once, names become slots once, and values go to
//! slots as what they are.

use jiff::civil::{Date, date};
use sbkd::rules::{Datum, Desk, Input, InputError, Outcome, Packs, Slot};
use sbkd::value::Fen;
use serde_json::{Map, Value, json};

use super::Engine;
use crate::cases::{Answer, Case};

const PACK: &str = include_str!("../../pack.toml");
const DATE: Date = date(2015, 8, 1);
const AMOUNTS: [&str; 5] = ["total", "own", "over", "pre", "balance"];
const ACCUMULATORS: [&str; 2] = ["pool", "ded_paid"];
const ANSWERS: [&str; 5] = ["scope", "ded", "paid", "acct", "cash"];

/// Every form of it.
pub fn all() -> Vec<Box<dyn Engine>> {
    vec![
        Box::new(Slots::new("sbkd, without trace", Desk::decide)),
        Box::new(Slots::new("sbkd, with its trace noted", Desk::decide_noted)),
        Box::new(Slots::new("sbkd, with the whole decision written out", |desk| {
            desk.decision().map(|decision| std::hint::black_box(decision).outcome)
        })),
        Box::new(Whole(packs())),
    ]
}

/// What of a settlement is telling the ten facts.
pub fn teller() -> impl FnMut(&Case) {
    let mut slots = Slots::new("", Desk::decide);
    move |case| slots.tell(case)
}

fn packs() -> Packs {
    Packs::load(&[("pack.toml".to_owned(), PACK.to_owned())]).expect("the bench's pack")
}

/// How a desk decides.
type Decide = fn(&mut Desk<'static>) -> Result<Outcome, InputError>;

/// A desk with its slots.
struct Slots {
    name: &'static str,
    decide: Decide,
    desk: Desk<'static>,
    date: Slot,
    amounts: [Slot; 7],
    level: Slot,
    status: Slot,
    answers: [Slot; 5],
}

impl Slots {
    fn new(name: &'static str, decide: Decide) -> Self {
        // As long as the program.
        let packs: &'static Packs = Box::leak(Box::new(packs()));
        let first = Case { total: 0, own: 0, over: 0, pre: 0, balance: 0, pool: 0, ded_paid: 0, level: 0, status: 0 };
        let desk = packs.desk("bench", &input(&first)).expect("a pack for every case");
        let fact = |name| desk.fact(name).expect(name);
        let [total, own, over, pre, balance] = AMOUNTS.map(fact);
        let [pool, ded_paid] = ACCUMULATORS.map(|name| desk.accumulator(name).expect(name));
        Self {
            name,
            decide,
            date: fact("date"),
            amounts: [total, own, over, pre, balance, pool, ded_paid],
            level: fact("level"),
            status: fact("status"),
            answers: ANSWERS.map(|name| desk.output(name).expect(name)),
            desk,
        }
    }

    fn tell(&mut self, case: &Case) {
        let amounts = [case.total, case.own, case.over, case.pre, case.balance, case.pool, case.ded_paid];
        self.give(self.date, DATE);
        for (slot, fen) in self.amounts.into_iter().zip(amounts) {
            self.give(slot, Fen(fen));
        }
        self.give(self.level, case.level_name());
        self.give(self.status, case.status_name());
    }

    fn give<'v>(&mut self, slot: Slot, value: impl Into<Datum<'v>>) {
        self.desk.set(slot, value).expect("a value that fits the pack");
    }
}

impl Engine for Slots {
    fn name(&self) -> &'static str {
        self.name
    }

    fn settle(&mut self, case: &Case) -> Answer {
        self.tell(case);
        let outcome = (self.decide)(&mut self.desk).expect("everything is given");
        assert_eq!(outcome, Outcome::Allow);
        let [scope, ded, paid, acct, cash] = self.answers.map(|slot| self.desk.fen(slot).expect("an amount").0);
        Answer { scope, ded, paid, acct, cash }
    }
}

/// From facts in JSON to a decision in JSON, with its trace: what a caller at the local interface pays for.
struct Whole(Packs);

impl Engine for Whole {
    fn name(&self) -> &'static str {
        "sbkd, JSON to JSON with the whole decision"
    }

    fn settle(&mut self, case: &Case) -> Answer {
        let decision = self.0.decide("bench", &input(case)).expect("an input that fits the pack");
        let fen = |name: &str| {
            let text = decision.outputs.get(name).and_then(Value::as_str).expect("an amount");
            text.replace('.', "").parse().expect("fen")
        };
        let [scope, ded, paid, acct, cash] = ANSWERS.map(fen);
        Answer { scope, ded, paid, acct, cash }
    }
}

fn input(case: &Case) -> Input {
    let money = |fen: i64| Value::String(format!("{}.{:02}", fen / 100, fen % 100));
    let object = |fields: &[(&str, Value)]| -> Map<String, Value> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    };
    Input {
        facts: object(&[
            ("date", json!(DATE)),
            ("total", money(case.total)),
            ("own", money(case.own)),
            ("over", money(case.over)),
            ("pre", money(case.pre)),
            ("balance", money(case.balance)),
            ("level", json!(case.level_name())),
            ("status", json!(case.status_name())),
        ]),
        accumulators: object(&[("pool", money(case.pool)), ("ded_paid", money(case.ded_paid))]),
        ..Input::default()
    }
}
