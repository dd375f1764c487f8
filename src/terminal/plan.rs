//! What a case will do once somebody agrees.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::goods::PricedBy;
use super::json::JsonText;
use super::limits::LimitsLeft;
use crate::failure::Failure;
use crate::queue::Caller;
use crate::rules::{Choice, Decision, Input};
use crate::scenario::{Form, Message};
use crate::slip::Copies;
use crate::value::Fen;

/// The decision and all that committing it needs. Holds personal data in its message and its input.
pub(super) struct Plan {
    pub(super) decision: Decision,
    pub(super) message: Message,
    /// What that goes up under, 交易编号 of what is settled.
    pub(super) infno: String,
    /// 险种 that it is settled or paid by; a message that cancels or pays does not say it.
    pub(super) insutype: Option<String>,
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
    /// The catalogue that its lines were priced by.
    pub(super) catalogue: Option<PricedBy>,
    /// The names of what the pack gives out.
    pub(super) outputs: Vec<Choice>,
    /// The form, with what the card and the centre say in it.
    pub(super) form: Form,
    /// What a query found, to be printed.
    pub(super) page: Option<Copies>,
    /// Under which the journal knows each of the day's prints, where they are counted: the page takes the next one.
    pub(super) prints: Vec<String>,
    /// The complainant is kept out of what the terminal shows and prints.
    pub(super) confidential: bool,
    /// By which the journal knows it again.
    pub(super) key: String,
    /// By which its caller sends it again.
    pub(super) caller: Option<Caller>,
    /// What it takes back, where it does.
    pub(super) cancels: Option<Cancels>,
}

/// What is taken back.
pub(super) struct Cancels {
    /// The transaction.
    pub(super) id: Uuid,
}

/// How a deciding ends.
pub(super) enum Verdict {
    /// Somebody must agree.
    Confirm(Box<Plan>),
    /// The case ends so, and that is told once the holder has proved themselves.
    Withhold(super::view::CaseState, crate::failure::Failure),
    /// The case ends, or waits for another form: the state, why, and what is shown.
    End(super::view::CaseState, crate::failure::Failure),
}

/// What a deciding shows, whichever way it ends.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) business_date: Option<Date>,
    pub(super) decision: Option<JsonText>,
    pub(super) centre: Option<Value>,
    pub(super) found: Option<JsonText>,
    /// What was found beside what the card showed.
    pub(super) findings: Vec<Failure>,
    pub(super) differences: Vec<Value>,
    pub(super) as_of: Option<Timestamp>,
    pub(super) provisional: bool,
    pub(super) limits: Option<LimitsLeft>,
    pub(super) transaction: Option<Value>,
    pub(super) duplicate: bool,
    /// The complainant is kept out of what is shown.
    pub(super) confidential: bool,
}

/// The centre's figures as the doors show them: those the terminal computed too, and the settlement's own numbers.
/// What else the centre says may name the person.
pub(super) fn centre_view(setlinfo: &Map<String, Value>, decision: &Decision) -> Map<String, Value> {
    const NUMBERS: [&str; 3] = ["setl_id", "medins_setl_id", "setl_time"];
    let shown = |name: &str| decision.outputs.contains_key(name) || NUMBERS.contains(&name);
    setlinfo.iter().filter(|(name, _)| shown(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
