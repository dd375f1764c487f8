//! A case as the doors show it: what a person at the counter may see, the holder masked.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::json::JsonText;
use super::limits::LimitsLeft;
use super::notice::Notice;
use crate::failure::Failure;
use crate::value::Kind;

/// What opens a case.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCase {
    /// The scenario's id, e.g. `medical-settlement`.
    pub scenario: String,
    /// Who works the terminal; every case names one.
    pub operator: String,
    /// Which part of a scenario that has several: its kind. The main one when left out.
    #[serde(default)]
    pub part: Option<Kind>,
    /// The reader that holds the card; the one holder's reader that has a card, or gets one, when left out.
    #[serde(default)]
    pub reader: Option<String>,
    /// The form's values, where they are known already; else the case waits for them.
    #[serde(default)]
    pub input: Option<Value>,
    /// In place of a form: the transaction of this terminal that is to be taken back, of the same scenario, part and card.
    /// A settlement is cancelled and refunded, what was filed is withdrawn.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub undo: Option<Uuid>,
    /// Beside `undo`: why it is taken back, up to 200 characters. It is sealed with the transaction and told to the centre.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub reason: Option<String>,
    /// The same key and the same content open one case, however often they are sent; once that case is no longer known,
    /// they open one that ends with the transaction the key committed. It makes no other one of what is the same.
    #[serde(default)]
    pub idempotency: Option<String>,
}

/// Without the form: it may hold anything.
impl fmt::Debug for NewCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut case = f.debug_struct("NewCase");
        case.field("scenario", &self.scenario)
            .field("part", &self.part)
            .field("operator", &self.operator)
            .field("undo", &self.undo)
            .field("reader", &self.reader);
        case.finish_non_exhaustive()
    }
}

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CaseState {
    /// No card is in the holder's reader yet.
    WaitingCard,
    /// The card is identified, authenticated and read.
    Reading,
    /// The form has not been given, or was given with mistakes.
    WaitingInput,
    /// The record is asked for and the rules decide.
    Deciding,
    /// The result is shown; somebody must agree.
    WaitingConfirmation,
    /// The holder's PIN is verified.
    Proving,
    /// The transaction is being committed, and settled where the kind is online.
    Committing,
    /// Committed; where the kind is online, settled at the centre.
    Done,
    /// Committed by the terminal alone; the centre settles it later (以中心结算为准).
    ProvisionalDone,
    /// Terminal and centre differ, or the rules ask for a person to decide. Nothing was committed.
    Referred,
    /// The rules, the centre or the terminal's conditions say no. Nothing was settled.
    Refused,
    /// Given up. Nothing was committed.
    Cancelled,
    /// An error ended it. Nothing was committed, or the case shows the transaction whose outcome is still open.
    Failed,
}

/// The holder, masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Holder)]
pub struct HolderView {
    /// 姓名, all but its first character masked.
    #[schema(required)]
    pub name: Option<String>,
    /// 社会保障号码, masked.
    #[schema(required)]
    pub social_security_number: Option<String>,
    /// 卡号, masked.
    #[schema(required)]
    pub card_number: Option<String>,
    /// The account of the card's bank application, masked, where the scenario moves money.
    #[schema(required)]
    pub bank_account: Option<String>,
}

/// A case as it stands.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Case)]
pub struct CaseView {
    /// The case's id (UUIDv7).
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
    /// The scenario's id.
    pub scenario: String,
    /// The kind of the scenario's part.
    pub kind: Kind,
    /// The transaction that it takes back, where it does.
    #[schema(value_type = Option<String>, format = "uuid", required)]
    pub undo: Option<Uuid>,
    /// Where it stands.
    pub state: CaseState,
    /// It is confirmed with the holder's PIN.
    pub needs_pin: bool,
    /// Who works the terminal.
    pub operator: String,
    /// The number of the operator's shift, once something is done in it.
    #[schema(required)]
    pub shift: Option<String>,
    /// The reader that holds the card.
    #[schema(required)]
    pub reader: Option<String>,
    /// The holder, masked; only after the card has proven itself, and not while a form keeps them secret.
    #[schema(required)]
    pub holder: Option<HolderView>,
    /// What the holder is to be told of earlier transactions: those that came out otherwise than they were told;
    /// `None` when that cannot be read.
    #[schema(required)]
    pub notices: Option<Vec<Notice>>,
    /// What speaks against the card and was let pass: that it is past its validity, in a scenario that takes such cards,
    /// or that there is no blacklist to go by, where the terminal goes on without; and that a purchase from the card's account,
    /// or a load, is not over at this terminal. And that what is found is not printed, for the day's prints are used up.
    pub findings: Vec<Failure>,
    /// The business date of the decision.
    #[schema(value_type = Option<String>, format = Date, required)]
    pub business_date: Option<Date>,
    /// The business date is a demonstration's, not today's.
    pub business_date_is_demo: bool,
    /// What the local rules decided, with the trace (see `rules::Decision`); of a query that the holder's PIN guards only
    /// once that was verified.
    #[schema(value_type = Option<crate::rules::Decision>, required)]
    pub decision: Option<JsonText>,
    /// The centre's figures, where it was asked.
    #[schema(value_type = Option<std::collections::BTreeMap<String, Value>>, required)]
    pub centre: Option<Value>,
    /// Where terminal and centre differ: `{"field","local","centre"}` each.
    #[schema(value_type = Vec<crate::rules::Difference>)]
    pub differences: Vec<Value>,
    /// What the centre has of the person that the scenario looks up: `as_of`, `cached` (kept from an earlier answer),
    /// `columns` (`name` and `label`, in order) and `records` (their values by name). Before the holder's PIN no more of it
    /// than one agrees to or chooses by, and of a query nothing; ten minutes after the end nothing any more.
    #[schema(value_type = Option<crate::terminal::Found>, required)]
    pub found: Option<JsonText>,
    /// When the centre told what it was decided on.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub as_of: Option<Timestamp>,
    /// Decided by the terminal alone.
    pub provisional: bool,
    /// What the terminal may still settle alone for this person, where it decided alone; this transaction is counted
    /// once it is committed.
    #[schema(required)]
    pub limits: Option<LimitsLeft>,
    /// The committed transaction (see `queue::Row`).
    #[schema(value_type = Option<crate::queue::Row>, required)]
    pub transaction: Option<Value>,
    /// An earlier case had committed it: with the same idempotency key, or what is the same by the scenario.
    pub duplicate: bool,
    /// The slip's lines, for an 80 mm printer.
    #[schema(required)]
    pub slip: Option<Vec<String>>,
    /// What is wrong: a mistake in the form while `waiting-input`, or why it ended.
    #[schema(required)]
    pub failure: Option<Failure>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl CaseView {
    /// About how much room it takes, in bytes: what grows with the form.
    pub(super) fn size(&self) -> usize {
        let slip = self.slip.iter().flatten().map(String::len).sum::<usize>();
        let texts = [&self.decision, &self.found];
        texts.into_iter().flatten().map(JsonText::size).sum::<usize>() + slip
    }
}

impl CaseState {
    /// Nothing more will happen to it.
    pub fn is_final(self) -> bool {
        use CaseState::*;
        matches!(self, Done | ProvisionalDone | Referred | Refused | Cancelled | Failed)
    }
}
