//! What happens at the terminal, numbered, without personal data.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::alarm::AlarmKind;
use super::conditions::Condition;
use super::view::CaseState;
use crate::failure::Failure;
use crate::reader::Role;
use crate::rules::PackRef;
use crate::value::Fen;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Event {
    /// Rises by one with each event of this run of the daemon, and lies above those of every earlier run.
    pub id: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum What {
    /// Something happened to a reader.
    Reader {
        /// `appeared`, `gone`, `card-in`, `card-out`, `role`.
        change: &'static str,
        /// The PC/SC name.
        reader: String,
        /// Its role, when that became known.
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
    },
    /// A case changed its state.
    Case {
        /// Which.
        #[schema(value_type = String, format = "uuid")]
        case: Uuid,
        /// Its scenario.
        scenario: String,
        /// Where it stands now.
        state: CaseState,
        /// The code of its failure, if it has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'static str>,
    },
    /// A case took a step with the card: `selected`, `internal-authenticated`, …
    Step {
        /// Which.
        #[schema(value_type = String, format = "uuid")]
        case: Uuid,
        /// The step's name.
        step: String,
    },
    /// A transaction changed its state.
    Transaction {
        /// Its id; `id` is the event's own number.
        #[serde(rename = "transaction")]
        #[schema(value_type = String, format = "uuid")]
        id: Uuid,
        /// Its place in the chain.
        sequence: u64,
        /// Its scenario.
        scenario: String,
        /// Its state.
        state: String,
        /// The figures in which the centre settled it otherwise than the terminal had; left out when there is none.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        differs: Vec<String>,
    },
    /// Something happened to an operator's shift.
    Shift {
        /// Its number.
        shift: String,
        /// `opened`, `closed`; by the centre `signed-on`, `signed-off`, `refused`.
        change: &'static str,
    },
    /// A day was held against the centre, or one of its differences repaired.
    Reconciliation {
        /// The day.
        #[schema(value_type = String, format = Date)]
        date: Date,
        /// Differences that are not repaired.
        open: u64,
    },
    /// A limit for what is not delivered was passed, or is kept again; or the chain is not the centre's, or is again.
    Alarm {
        /// Which.
        alarm: AlarmKind,
        /// It is passed now.
        present: bool,
        /// What it is, in the unit of the alarm; of the chain how it is.
        value: String,
        /// The configured limit; of the chain how it is to be.
        limit: String,
    },
    /// What is not delivered changed. At most once in five seconds, and then with how it stands.
    Queue {
        /// Transactions that the centre has not answered.
        unsent: u64,
        /// Age of the oldest of them, in seconds.
        #[schema(required)]
        oldest_unsent_secs: Option<u64>,
        /// What they are worth together.
        sum: Fen,
        /// When the centre last acknowledged one.
        #[schema(value_type = Option<String>, format = DateTime, required)]
        last_ack: Option<Timestamp>,
    },
    /// A condition of the terminal came or went.
    Condition {
        /// Which.
        condition: Condition,
        /// It holds now.
        present: bool,
    },
    /// Something happened to the policy packs.
    Policy {
        /// `taken-up`: others are in force; `refused`: what is in the folder has a mistake; `mended`: the folder has again
        /// what is in force.
        change: &'static str,
        /// Those taken up; left out where none is.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        packs: Vec<PackRef>,
        /// Why they are refused, a line each.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Something happened to the list of refused cards.
    Blacklist {
        /// `taken-up`: another one is in force; `refused`: what is in the file is not taken in; `mended`: the file has again
        /// what is in force.
        change: &'static str,
        /// The serial of the one in force; left out where one is refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        serial: Option<u64>,
        /// Why it is refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<Failure>,
    },
    /// The journal was proved, or what is old in it was erased.
    Journal {
        /// `verified`: it is whole; `damaged`: it is not; `erased`: payloads and answers were; `kept`: what is old was not
        /// erased, since no time of the centre says that it is.
        change: &'static str,
        /// How many records; left out where it is damaged.
        #[serde(skip_serializing_if = "Option::is_none")]
        records: Option<u64>,
        /// The first record that is damaged, 0 for the file as a whole.
        #[serde(skip_serializing_if = "Option::is_none")]
        record: Option<u64>,
        /// What is wrong with it.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Something happened to what is kept beside the journal.
    Store {
        /// `set-aside`: it was damaged, and begun anew.
        change: &'static str,
        /// The name of its file now.
        file: String,
        /// How many records were held on of what is nowhere else; left out where the start before this one held them on.
        #[serde(skip_serializing_if = "Option::is_none")]
        kept: Option<u64>,
        /// How many of them could not be read; left out where nobody can tell.
        #[serde(skip_serializing_if = "Option::is_none")]
        lost: Option<u64>,
    },
    /// Events before this one were dropped: the reader of the stream was too slow, or away for too long.
    Gap,
}

impl What {
    /// The event's name on an event stream.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reader { .. } => "reader",
            Self::Case { .. } => "case",
            Self::Step { .. } => "step",
            Self::Transaction { .. } => "transaction",
            Self::Shift { .. } => "shift",
            Self::Reconciliation { .. } => "reconciliation",
            Self::Alarm { .. } => "alarm",
            Self::Queue { .. } => "queue",
            Self::Condition { .. } => "condition",
            Self::Policy { .. } => "policy",
            Self::Blacklist { .. } => "blacklist",
            Self::Journal { .. } => "journal",
            Self::Store { .. } => "store",
            Self::Gap => "gap",
        }
    }
}

/// Events from some point on.
pub struct EventStream {
    /// Those that have already happened, oldest first.
    pub backlog: Vec<Event>,
    /// Those that follow, without a gap.
    pub live: broadcast::Receiver<Event>,
}
