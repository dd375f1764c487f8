//! The centre's own decision, with its own facts and accumulators laid over what the terminal says.

use rusqlite::Connection;
use serde_json::{Map, Value};

use super::errors::CenterError;
use super::people::{self, Shelf};
use crate::rules::{Decision, Input, Outcome, Packs};

/// A decision, or the words of a refusal.
pub(super) enum Decided {
    Taken(Box<Decision>),
    Refused(String),
}

/// Decides a case. What the rules refer to a person is refused here too: nobody sits behind this centre.
pub(super) fn decide(
    db: &Connection,
    packs: &Packs,
    shelf: &Shelf<'_>,
    facts: &Map<String, Value>,
    lines: &[Map<String, Value>],
) -> Result<Decided, CenterError> {
    let schema = packs.schema(shelf.scenario);
    let mut facts = facts.clone();
    for (name, value) in people::facts(db, shelf.psn_no, shelf.scenario)? {
        if schema.iter().flat_map(|pack| &pack.facts).any(|fact| fact.name == name) {
            facts.insert(name, value);
        }
    }
    let input = Input { facts, lines: lines.to_vec(), accumulators: shelf.read(db, &schema, false)? };
    Ok(match packs.decide(shelf.scenario, &input) {
        // An input error names items, never their values.
        Err(error) => Decided::Refused(format!("C-INPUT {error}")),
        Ok(decision) if decision.outcome > Outcome::Warn => Decided::Refused(words(&decision)),
        Ok(decision) => Decided::Taken(Box::new(decision)),
    })
}

/// `CODE words；words`: the first code, and every reason as strict as the outcome.
fn words(decision: &Decision) -> String {
    let mut grounds = decision.reasons.iter().filter(|reason| reason.outcome == decision.outcome).peekable();
    let code = grounds.peek().map_or("C-REFUSED", |reason| reason.code.as_str()).to_owned();
    let texts: Vec<&str> = grounds.map(|reason| reason.text.zh.as_str()).collect();
    format!("{code} {}", texts.join("；"))
}
