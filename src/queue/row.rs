//! What goes into the journal and what comes out of it.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::State;
use crate::value::{Fen, Kind, Protocol};
use crate::wire::{Digest, Receipt};

/// A transaction that is to be committed. Prints without its personal data.
#[derive(Clone)]
pub struct Draft {
    /// What makes it the same as another: the same always means the same transaction. Only its keyed hash is kept.
    pub idempotency: String,
    /// Who asked for it by a key, where somebody did.
    pub caller: Option<Caller>,
    /// The scenario's id.
    pub scenario: String,
    /// Its kind.
    pub kind: Kind,
    /// The business date, Asia/Shanghai.
    pub business_date: Date,
    /// Decided by the terminal alone.
    pub provisional: bool,
    /// Who it is for, in plain (the social security number); only its keyed hash is kept.
    pub holder: Zeroizing<Vec<u8>>,
    /// The operator's number.
    pub operator: String,
    /// The terminal's own number of the operator's shift.
    pub shift: Option<String>,
    /// What it is worth, where it is worth something.
    pub amount: Option<Fen>,
    /// The transaction that it takes back: one of the same holder that the centre accepted. That goes to
    /// [`State::Cancelling`] with the commit.
    pub cancels: Option<Uuid>,
    /// The message: personal data inside, kept sealed.
    pub payload: Value,
    /// [`State::Pending`], or [`State::Sending`] for an online transaction written ahead of its sending.
    pub state: State,
}

/// What a caller asks for, by a key that they may send again. Only keyed hashes of both are kept, as long as the row.
#[derive(Clone)]
pub struct Caller {
    /// The key: it is one request for ever.
    pub key: String,
    /// All that makes the request another one. Personal data inside.
    pub asked: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("scenario", &self.scenario)
            .field("kind", &self.kind)
            .field("business_date", &self.business_date)
            .field("provisional", &self.provisional)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A transaction as it is listed. No personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Transaction)]
pub struct Row {
    /// Its id (UUIDv7), the idempotency key upstream for ever.
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
    /// Its place in the chain, from 1.
    pub sequence: u64,
    /// 发送方报文ID, made once.
    pub msgid: String,
    /// The scenario's id.
    pub scenario: String,
    /// The kind.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// How often it was sent.
    pub attempts: u32,
    /// When it was committed.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its state last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// The business date.
    #[schema(value_type = String, format = Date)]
    pub business_date: Date,
    /// The operator's number.
    pub operator: String,
    /// The terminal's own number of the operator's shift; none in those from before shifts were kept.
    #[schema(required)]
    pub shift: Option<String>,
    /// What it is worth.
    #[schema(required)]
    pub amount: Option<Fen>,
    /// The transaction that it takes back: it is a cancellation, and its amount is below zero.
    #[schema(value_type = Option<String>, format = "uuid", required)]
    pub cancels: Option<Uuid>,
    /// Decided by the terminal alone (以中心结算为准).
    pub provisional: bool,
    /// Made in demo mode.
    pub demo: bool,
    /// The centre's number for it.
    #[schema(required)]
    pub centre_no: Option<String>,
    /// The centre's code where it refused it; its words, which may name a person, stand in the sealed answer.
    #[schema(required)]
    pub refusal: Option<String>,
    /// The figures in which the centre settled it otherwise than the terminal had: what was collected is not what is
    /// owed. Beside them [`Row::OUTCOME`] and [`Row::RECONCILED`], which no erasure takes away.
    pub differs: Vec<String>,
    /// Why it did not get on at the last attempt, while it is open: code and words. Nothing when it was not tried yet or
    /// got on since.
    #[schema(required)]
    pub reason: Option<String>,
    /// Its payload and the centre's answer were erased: they are kept for a set time only.
    pub erased: bool,
    /// The hash of its header.
    pub header_hash: Digest,
}

impl Row {
    /// Whether the centre settled it with other figures than the terminal's, then or when the day was reconciled.
    pub fn is_settled_otherwise(&self) -> bool {
        self.differs.iter().any(|name| name != Self::OUTCOME)
    }

    /// Among what `differs`: that it was settled was shown to nobody. What was settled online says so from the centre's
    /// answer, what this terminal settled alone from its commit, until whoever waits for it is told. Where nobody is, its
    /// holder heard of no settlement, and nothing was collected.
    pub const OUTCOME: &str = "outcome";
    /// Among what `differs`: the centre's figures were taken over when the day was reconciled; from the second time on
    /// with its number, as `reconciled-2`.
    pub const RECONCILED: &str = "reconciled";

    /// Whether nobody was shown its outcome yet.
    pub fn is_untold(&self) -> bool {
        Self::tells_untold(&self.differs)
    }

    /// Other names of what differs; [`Row::OUTCOME`] among them counts for nothing, `untold` does.
    pub(super) fn differs_by(&mut self, names: &[String], untold: bool) {
        self.differs = names.iter().filter(|name| *name != Self::OUTCOME).cloned().collect();
        self.differs.extend(untold.then(|| Self::OUTCOME.to_owned()));
    }

    pub(super) fn tells_untold(differs: &[String]) -> bool {
        differs.iter().any(|name| name == Self::OUTCOME)
    }

    /// How often figures were taken over since it was settled.
    pub fn revision(&self) -> u32 {
        Self::revision_of(&self.differs)
    }

    pub(crate) fn revision_of(differs: &[String]) -> u32 {
        let times = differs.iter().find_map(|name| name.strip_prefix(Self::RECONCILED));
        times.map_or(0, |nth| nth.strip_prefix('-').and_then(|nth| nth.parse().ok()).unwrap_or(1))
    }

    /// How it goes upstream.
    pub fn protocol(&self) -> Protocol {
        super::state::protocol(self.kind, self.provisional)
    }
}

/// What a commit gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The transaction as it now stands.
    pub row: Row,
    /// It was there already, from the same key and the same content.
    pub duplicate: bool,
}

/// What a change of state leaves behind.
#[derive(Debug, Clone, Default)]
pub enum Note {
    /// Nothing.
    #[default]
    Nothing,
    /// The centre's answer, kept sealed; its number and its refusal show in the row, and so do the names of the
    /// figures in which it is not what the terminal settled.
    Receipt(Box<Receipt>, Vec<String>),
    /// The same, for one that was accepted before and stays so.
    Adopted(Box<Receipt>, Vec<String>),
    /// Its holder is shown that it was settled; of one that was accepted before and stays so.
    Shown,
    /// Why it does not get on, shown in the row until it does; the longest reason is [`Note::LONGEST`] characters. It is
    /// written without a change of state too: from a state to itself.
    Reason(String),
}

impl Note {
    /// The longest reason that is kept, in characters; what is longer is cut.
    pub const LONGEST: usize = 200;
}

impl From<Receipt> for Note {
    fn from(receipt: Receipt) -> Self {
        Self::Receipt(Box::new(receipt), Vec::new())
    }
}

/// What the delivery has to know of an open transaction besides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    /// Whose it is: a keyed hash.
    pub(crate) holder: Digest,
    /// Somebody in this process has it in hand.
    pub(crate) held: bool,
    /// About how many bytes it has on its way up.
    pub(crate) bytes: usize,
}

/// Which rows to list, newest first.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only these states; all when empty.
    pub states: Vec<State>,
    /// At most so many, damaged ones counted; 100 when `None`.
    pub limit: Option<u32>,
}

/// What an operator watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Transactions in the journal.
    pub total: u64,
    /// How many still wait for the centre's answer.
    pub unsent: u64,
    /// Age of the oldest of them, in seconds.
    pub oldest_unsent_secs: Option<i64>,
    /// When that was committed.
    #[serde(skip)]
    pub oldest_unsent: Option<Timestamp>,
    /// What they are worth together: a cancellation as much as what it takes back.
    pub sum: Fen,
    /// How many the centre refused.
    pub refused: u64,
    /// When the centre last accepted or refused one.
    pub last_ack: Option<Timestamp>,
    /// The records that were found damaged since the journal was opened: none of them is delivered or listed.
    pub damaged: Vec<u64>,
}

/// A journal that was proved whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Verified {
    /// How many transactions.
    pub rows: u64,
    /// How many signed commit groups.
    pub groups: u64,
    /// The hash of the last header; zeros when there is none.
    pub head: Digest,
    /// How many transactions the anchor outside the file is behind.
    pub anchor_behind: u64,
    /// How many payloads are there; the others were erased.
    pub payloads: u64,
}
