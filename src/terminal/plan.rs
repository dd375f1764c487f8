//! What a case will do once somebody agrees.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

use super::json::JsonText;
use super::limits::LimitsLeft;
use crate::rules::{Choice, Decision, Input};
use crate::scenario::Message;
use crate::value::Fen;

/// The decision and all that committing it needs. Holds personal data in its message and its input.
pub(super) struct Plan {
    pub(super) decision: Decision,
    pub(super) message: Message,
    /// What it was decided on.
    pub(super) input: Input,
    pub(super) business_date: Date,
    /// What it is worth, where it is worth something.
    pub(super) amount: Option<Fen>,
    /// Settled at the centre while the counter waits.
    pub(super) online: bool,
    /// Settled by the terminal alone.
    pub(super) provisional: bool,
    /// When the centre told the accumulators.
    pub(super) as_of: Option<Timestamp>,
    /// When it was decided.
    pub(super) decided_at: Timestamp,
    /// 就诊ID: what accumulates over one admission belongs to it.
    pub(super) admission: Option<String>,
    /// The names of what the pack gives out.
    pub(super) outputs: Vec<Choice>,
    /// By which the journal knows it again.
    pub(super) key: String,
}

/// How a deciding ends.
pub(super) enum Verdict {
    /// Somebody must agree.
    Confirm(Box<Plan>),
    /// The case ends, or waits for another form: the state, why, and what is shown.
    End(super::view::CaseState, crate::failure::Failure),
}

/// What a deciding shows, whichever way it ends.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) business_date: Option<Date>,
    pub(super) decision: Option<JsonText>,
    pub(super) centre: Option<Value>,
    pub(super) differences: Vec<Value>,
    pub(super) as_of: Option<Timestamp>,
    pub(super) provisional: bool,
    pub(super) limits: Option<LimitsLeft>,
    pub(super) transaction: Option<Value>,
    pub(super) duplicate: bool,
}

/// The centre's figures as the doors show them: those the terminal computed too, and the settlement's own numbers.
/// What else the centre says may name the person.
pub(super) fn centre_view(setlinfo: &Map<String, Value>, decision: &Decision) -> Map<String, Value> {
    const NUMBERS: [&str; 3] = ["setl_id", "medins_setl_id", "setl_time"];
    let shown = |name: &str| decision.outputs.contains_key(name) || NUMBERS.contains(&name);
    setlinfo.iter().filter(|(name, _)| shown(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
