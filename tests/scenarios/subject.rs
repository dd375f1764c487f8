//! What is carried out: a part of a scenario, with its definition and its fixture.

use std::fmt;

use serde_json::{Value, json};

use super::catalogue::{self, Definition};
use super::fixture::{self, Part};

/// The card of most fixtures.
pub const USUAL: &str = "v3-sm4";

/// One part of one scenario.
pub struct Subject {
    pub scenario: String,
    /// The card's image.
    pub card: String,
    pub asks: Definition,
    pub said: Part,
}

/// Every part that has a definition and a fixture, in the order of the table; `whole.rs` says which have not. The
/// holder is one person: they collect what was due before anything they do adds to it, and, since those with a card of
/// their own come last, have declared before they pay.
pub fn all() -> Vec<Subject> {
    let definitions = catalogue::definitions();
    let mut all = Vec::new();
    for row in catalogue::table() {
        let (Some(parts), Some(fixture)) = (definitions.get(&row.id), fixture::of(&row.id)) else { continue };
        all.extend(parts.iter().zip(fixture.parts).map(|(asks, said)| Subject {
            scenario: row.id.clone(),
            card: fixture.card.clone(),
            asks: asks.clone(),
            said,
        }));
    }
    assert!(!all.is_empty(), "there is no scenario to carry out");
    all.sort_by_key(|subject| (subject.asks.kind != "collect", subject.card != USUAL, subject.card.clone()));
    all
}

/// Those of them that ask for something, in the same order.
pub fn those(ask: impl Fn(&Definition) -> bool) -> Vec<Subject> {
    let mut all = all();
    all.retain(|subject| ask(&subject.asks));
    assert!(!all.is_empty(), "no scenario asks for it");
    all
}

impl Subject {
    /// What opens a case of it.
    pub fn case(&self, form: Option<&Value>, key: Option<&str>) -> Value {
        let mut case = json!({ "scenario": self.scenario, "operator": "0001" });
        let further = self.said.part.as_deref().map(Value::from);
        for (name, value) in [("part", further), ("input", form.cloned()), ("idempotency", key.map(Value::from))] {
            if let Some(value) = value {
                case[name] = value;
            }
        }
        case
    }

    /// A person in whose place nobody else can be: with another card than this scenario's own.
    pub fn another_card(&self) -> &'static str {
        if self.card == "v3-long-name" { USUAL } else { "v3-long-name" }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.said.part {
            Some(part) => write!(f, "{} ({part})", self.scenario),
            None => f.write_str(&self.scenario),
        }
    }
}
