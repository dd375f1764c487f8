//! How the terminal is.

use serde::Serialize;

use super::alarm::Alarm;
use super::blacklist::BlacklistHealth;
use super::conditions::Conditions;
use super::goods::CatalogueHealth;
use super::limits::TerminalLeft;
use super::policy::PolicyHealth;
use crate::reader::ReaderState;
use crate::sync::Chain;
use crate::value::Fen;
use jiff::Timestamp;
use jiff::civil::Date;

/// The one-word answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = HealthStatus)]
pub enum Status {
    /// All is well.
    Ok,
    /// Some condition or alarm holds, and work goes on as far as it allows; or new policy packs or a blacklist are refused, there is no
    /// blacklist or catalogue to go by where one is configured, a record is
    /// damaged, a day is overdue or has open differences, a holder is still to be told how a transaction came out, what became of a
    /// transaction on a card's account is not known or not told, or
    /// queue or store do not tell.
    Degraded,
    /// The daemon is stopping.
    Draining,
}

/// The queue in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct QueueHealth {
    /// Transactions that the centre has not answered.
    pub unsent: u64,
    /// Age of the oldest of them, in seconds: the alarm that matters.
    #[schema(required)]
    pub oldest_unsent_secs: Option<u64>,
    /// What they are worth together: a cancellation as much as what it takes back.
    pub sum: Fen,
    /// When the centre last acknowledged one.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub last_ack: Option<Timestamp>,
    /// When all of the journal was last proved; what was found then is in `damaged`. `None` before the first time.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub verified_at: Option<Timestamp>,
    /// Records that were found damaged, 0 for the file as a whole; none of them is delivered or listed.
    pub damaged: Vec<u64>,
}

/// The way to the centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct UplinkHealth {
    /// It can be reached.
    pub reachable: bool,
    /// It is there, and does not take this terminal's token.
    pub unauthorized: bool,
    /// Since when that is so.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub since: Option<Timestamp>,
    /// Whether what the centre has of this terminal is what the journal has.
    #[schema(required)]
    pub chain: Option<Chain>,
}

/// How it stands with the accounts between terminal and centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReconciliationHealth {
    /// The latest day that was held against the centre.
    #[schema(value_type = Option<String>, format = Date, required)]
    pub last: Option<Date>,
    /// Days before yesterday that are not held against the centre completely, as far back as the journal keeps what is
    /// needed for it; `None` when the store or the journal cannot be read.
    #[schema(required)]
    pub overdue: Option<u64>,
    /// Differences of all days that are not repaired; `None` when the store cannot be read.
    #[schema(required)]
    pub open: Option<u64>,
}

/// How the terminal is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Health {
    /// In a word.
    pub status: Status,
    /// This program's version.
    pub version: &'static str,
    /// `demo` or `production`.
    pub mode: crate::config::Mode,
    /// What holds.
    #[schema(value_type = Vec<super::Condition>)]
    pub conditions: Conditions,
    /// The readers.
    pub readers: Vec<ReaderState>,
    /// The queue; `None` when it cannot be read.
    #[schema(required)]
    pub queue: Option<QueueHealth>,
    /// Limits for what is not delivered that are passed now, and a chain that is not the centre's.
    pub alarms: Vec<Alarm>,
    /// What the terminal may still settle alone while the centre is away, whoever it is for; `None` when the queue cannot
    /// be read.
    #[schema(required)]
    pub limits: Option<TerminalLeft>,
    /// The way to the centre.
    pub uplink: UplinkHealth,
    /// How it stands with the accounts.
    pub reconciliation: ReconciliationHealth,
    /// Transactions that came out otherwise than their holders were told (refused later, settled with other figures, or
    /// shown to nobody), of which nobody has noted that they were told since; `None` when queue or store cannot be read.
    #[schema(required)]
    pub untold: Option<u64>,
    /// Purchases from cards' medical accounts, and loads, of which it is not known what became, or whoever wanted them was
    /// not told; `None` when the store cannot be read. `sbkd card account open` lists them.
    #[schema(required)]
    pub open_on_accounts: Option<u64>,
    /// Writes to cards that were torn and are not mended; null when the store cannot be read.
    #[schema(required)]
    pub torn_writes: Option<u64>,
    /// Writes and transactions on cards that are open and whose cards are not known any more: until somebody looked, no card
    /// is written or paid from; null when the store cannot be read.
    #[schema(required)]
    pub lost_on_cards: Option<u64>,
    /// The policy packs.
    pub policy: PolicyHealth,
    /// The list of refused cards; `None` where none is configured, and no card is looked up.
    #[schema(required)]
    pub blacklist: Option<BlacklistHealth>,
    /// The catalogue of drugs and services; `None` where none is configured, and the form says what they cost.
    #[schema(required)]
    pub catalogue: Option<CatalogueHealth>,
}
