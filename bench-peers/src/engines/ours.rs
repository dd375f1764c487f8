//! Our engine: `pack.toml`, loaded with its proofs.

use sbkd::rules::{Decision, Input, Packs};
use serde_json::{Map, Value, json};

use super::Engine;
use crate::cases::{Answer, Case};

const PACK: &str = include_str!("../../pack.toml");

/// Every form of it.
pub fn all() -> Vec<Box<dyn Engine>> {
    vec![Box::new(Whole(packs()))]
}

fn packs() -> Packs {
    Packs::load(&[("pack.toml".to_owned(), PACK.to_owned())]).expect("the bench's pack")
}

/// From facts in JSON to a decision in JSON, with its trace: what a caller at the local interface pays for.
struct Whole(Packs);

impl Engine for Whole {
    fn name(&self) -> &'static str {
        "sbkd, JSON to JSON with trace"
    }

    fn settle(&mut self, case: &Case) -> Answer {
        let decision = self.0.decide("bench", &input(case)).expect("an input that fits the pack");
        answer(&decision)
    }
}

fn input(case: &Case) -> Input {
    let money = |fen: i64| Value::String(format!("{}.{:02}", fen / 100, fen % 100));
    let object = |fields: &[(&str, Value)]| -> Map<String, Value> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    };
    Input {
        facts: object(&[
            ("date", json!("2015-08-01")),
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

fn answer(decision: &Decision) -> Answer {
    let fen = |name: &str| {
        let text = decision.outputs.get(name).and_then(Value::as_str).expect("an amount");
        text.replace('.', "").parse().expect("fen")
    };
    Answer { scope: fen("scope"), ded: fen("ded"), paid: fen("paid"), acct: fen("acct"), cash: fen("cash") }
}
