//! The tables of the configuration file. Every key is known; an unknown one is a mistake.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

use super::catalogue::CatalogueRules;
use super::driver::Driver;
use crate::card::{Accepted, InitialPins, Lenience};
use crate::cipher::Algorithm;
use crate::keys::HsmSettings;
use crate::reader::RoleRule;
use crate::rules::{PublicKey, Trust};
use crate::sync::TlsFiles;
use crate::value::Fen;
use crate::wire::Digest;

/// What the terminal is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Made-up people, demonstration keys and parameters; all that leaves the terminal says so.
    Demo,
    /// Real people.
    Production,
}

/// The terminal's name as enrolled at the centre: 定点医药机构编号, twelve letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TerminalName(String);

impl TerminalName {
    /// The twelve characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TerminalName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if fits { Ok(Self(text)) } else { Err("the terminal's name is twelve capital letters or digits") }
    }
}

impl From<TerminalName> for String {
    fn from(name: TerminalName) -> Self {
        name.0
    }
}

/// The whole configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Demonstration or production.
    pub mode: Mode,
    /// The terminal's name.
    pub terminal: TerminalName,
    /// Where queue, store and keys live.
    pub state: PathBuf,
    /// Demo mode only: decisions are made as on this date, and say so.
    pub business_date: Option<Date>,
    /// `[readers]`.
    pub readers: Readers,
    /// `[keys]`.
    pub keys: Keys,
    /// `[card]`.
    pub card: Card,
    /// `[catalogue]`; without it the form says what drugs and services cost.
    pub catalogue: Option<CatalogueRules>,
    /// `[api]`.
    pub api: Api,
    /// `[uplink]`; without it the terminal works as if the centre could not be reached.
    pub uplink: Option<Uplink>,
    /// `[limits]`.
    pub limits: Limits,
    /// `[cases]`.
    pub cases: Cases,
    /// `[shift]`.
    pub shift: ShiftRules,
    /// `[alarm]`.
    pub alarm: AlarmLimits,
    /// `[reconcile]`.
    pub reconcile: ReconcileRules,
    /// `[scenarios]`, and their folder.
    pub scenarios: Scenarios,
    /// A directory of policy packs in place of the built-in ones.
    pub policy: Option<PathBuf>,
    /// `[policy]`.
    pub packs: Packs,
    /// A directory of APDU scripts, each in place of the built-in one of its name, or beside them.
    pub scripts: Option<PathBuf>,
    /// A directory with the card's keys and files as a deployment has them, each in place of the built-in one of its name.
    pub card_profile: Option<PathBuf>,
    /// A table of conditions in place of the built-in one.
    pub conditions: Option<PathBuf>,
    /// The file outside the journal that holds its head; beside the journal when absent.
    pub anchor: Option<PathBuf>,
    /// `[queue]`.
    pub queue: Journal,
    /// `[driver]`.
    pub driver: Driver,
}

/// What is carried out here, and by whom.
#[derive(Debug, Clone, Default)]
pub struct Scenarios {
    /// A directory of the catalogue's files, each in place of the built-in one of its name, or beside them.
    pub folder: Option<PathBuf>,
    /// Who runs the terminal.
    pub at: Place,
    /// The ids of those that are carried out here; all where this is absent.
    pub only: Option<Vec<String>>,
}

/// Where a terminal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// At a counter: a clerk runs it.
    #[default]
    Counter,
    /// In a kiosk: the holder runs it.
    Kiosk,
}

/// How the journal is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// After so many days payload and answer of a transaction at its end are erased; there is no never.
    pub erase_after_days: u32,
    /// The folder of its keys, which must all be there; in the state folder, and made there, when absent.
    pub keys: Option<PathBuf>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { erase_after_days: 90, keys: None }
    }
}

/// What each reader is for, and how it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readers {
    /// The first rule whose pattern fits a reader's name gives its role; a reader that none fits is asked.
    pub rule: Vec<RoleRule>,
    /// How long a PIN pad waits for the person, from 1 second to what a call has time for: a keypad's own times are 15 to 20 s (card-facts §6).
    pub pin: Duration,
}

impl Default for Readers {
    fn default() -> Self {
        Self { rule: Vec::new(), pin: Duration::from_secs(20) }
    }
}

/// Who answers for the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// A PSAM.
    Psam(PsamReader),
    /// A security module behind the centre.
    Hsm(Arc<HsmSettings>),
    /// A PSAM, and a security module where the PSAM cannot.
    PsamThenHsm(PsamReader, Arc<HsmSettings>),
    /// The file of demonstration keys; in demo mode only.
    Soft(PathBuf),
}

/// The PSAM's reader; found by asking when absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PsamReader(pub Option<String>);

impl Keys {
    /// The PSAM's reader, for a terminal that uses a PSAM.
    pub fn psam(&self) -> Option<&PsamReader> {
        match self {
            Self::Psam(reader) | Self::PsamThenHsm(reader, _) => Some(reader),
            Self::Hsm(_) | Self::Soft(_) => None,
        }
    }

    /// How the security module is asked, for a terminal that asks one.
    pub fn hsm(&self) -> Option<&HsmSettings> {
        match self {
            Self::Hsm(hsm) | Self::PsamThenHsm(_, hsm) => Some(hsm),
            Self::Psam(_) | Self::Soft(_) => None,
        }
    }

    /// The file of demonstration keys, where they are used.
    pub fn soft_file(&self) -> Option<&PathBuf> {
        match self {
            Self::Soft(file) => Some(file),
            Self::Psam(_) | Self::Hsm(_) | Self::PsamThenHsm(..) => None,
        }
    }
}

/// How cards are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Card {
    /// What a card uses that does not name its algorithm (STD-7 leaves it to the terminal).
    pub default_algorithm: Option<Algorithm>,
    /// The PINs that cards are issued with.
    pub initial_pins: InitialPins,
    /// Which cards are accepted.
    pub accepted: Accepted,
    /// `[card.blacklist]`; without it no card is looked up.
    pub blacklist: Option<BlacklistRules>,
}

impl Card {
    /// What is let pass of a card outside a scenario: no card past its last day; that there is no list, or an old one, as
    /// [`WithoutList`] says.
    pub fn lenience(&self) -> Lenience {
        let list = self.blacklist.as_ref().is_some_and(|rules| rules.without == WithoutList::Warn);
        Lenience { expired: false, list }
    }
}

/// The list of refused cards, and what is done without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlacklistRules {
    /// Where the list lies that is taken in when it changes, its signature beside it; lists are only taken in by
    /// `sbkd blacklist import` when absent.
    pub file: Option<PathBuf>,
    /// Whose signatures hold: one at least.
    pub keys: Vec<PublicKey>,
    /// How old a list may be; as old as it likes when absent.
    pub max_age: Option<Duration>,
    /// What is done where there is no list, or an old one.
    pub without: WithoutList,
    /// How often the file is looked at.
    pub poll: Duration,
}

/// What is done where there is no list to go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutList {
    /// No case goes on, and no card is changed.
    #[default]
    Refuse,
    /// Both go on, and cases say so. A card that an old list has is refused all the same.
    Warn,
}

/// The local interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Api {
    /// Loopback address and port of the HTTP interface; none when absent.
    pub listen: Option<SocketAddr>,
    /// The Unix socket; none when absent.
    pub socket: Option<PathBuf>,
    /// Origins of web pages that may call, to the letter.
    pub origins: BTreeSet<String>,
    /// Programs that may call.
    pub clients: Vec<Client>,
    /// What users may do at the socket besides what their group may.
    pub users: BTreeMap<u32, BTreeSet<Permission>>,
}

/// A program that may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its name, which the audit names.
    pub name: String,
    /// How its token is known.
    pub token: TokenSource,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
}

/// How a client's token is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// A file that holds it.
    File(PathBuf),
    /// Its SHA-256, upper-case hex.
    Sha256(crate::wire::Digest),
}

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// See readers, scenarios, events, transactions, health.
    Read,
    /// Open and carry out cases.
    Operate,
    /// See personal data unmasked; each use is audited.
    Unmask,
    /// Have the policy packs in the folder taken up.
    Policy,
    /// Have a holder's PIN verified, changed, set anew or unblocked; at the socket alone, as what follows is.
    Pin,
    /// Write to a holder's card.
    Write,
    /// See and move what the medical account on a holder's card holds.
    Account,
    /// Use the national driver interface, at the socket alone: `[driver]` says who may, no client's entry.
    #[serde(skip)]
    Driver,
}

impl Permission {
    /// What no token gives: a PIN goes over no TCP connection, and who changes a card is a user of this machine.
    pub const AT_SOCKET: [Self; 3] = [Self::Pin, Self::Write, Self::Account];

    /// Its name, as the configuration has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Unmask => "unmask",
            Self::Policy => "policy",
            Self::Pin => "pin",
            Self::Write => "write",
            Self::Account => "account",
            Self::Driver => "driver",
        }
    }
}

/// What the way to the centre is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UplinkKind {
    /// HTTPS; on this machine's loopback HTTP.
    #[default]
    Https,
    /// NATS JetStream.
    JetStream,
}

/// The way to the centre.
#[derive(Clone, PartialEq, Eq)]
pub struct Uplink {
    /// What it is.
    pub kind: UplinkKind,
    /// Base address; of servers of NATS several, with commas between.
    pub url: String,
    /// The file that holds the terminal's token.
    pub token_file: Option<PathBuf>,
    /// The terminal's certificate and key, and the roots of the centre's.
    pub tls: TlsFiles,
    /// The file of the terminal's credentials with a broker.
    pub credentials: Option<PathBuf>,
    /// The key that the centre's answers have to be signed with; JetStream needs it.
    pub centre_key: Option<Digest>,
    /// How long the counter waits for a settlement's answer.
    pub answer: Duration,
    /// How long it waits for each answer to the query and the reversal after that, and to a question.
    pub resolve: Duration,
    /// How often an idle terminal asks whether the centre is there.
    pub heartbeat: Duration,
}

impl std::fmt::Debug for Uplink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uplink").field("token_file", &self.token_file).finish_non_exhaustive()
    }
}

/// How long a case may wait, and how many are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cases {
    /// For a card.
    pub card: Duration,
    /// For the form.
    pub input: Duration,
    /// For somebody to agree.
    pub confirm: Duration,
    /// How long one reading may take: the lease's time.
    pub reading: Duration,
    /// How many ended cases can still be asked for; fewer where they show very much.
    pub keep: usize,
}

impl Default for Cases {
    fn default() -> Self {
        let [card, input, confirm, reading] = [300, 600, 300, 30].map(Duration::from_secs);
        Self { card, input, confirm, reading, keep: 200 }
    }
}

/// How operators' shifts begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShiftRules {
    /// A case whose operator has no open shift is refused; else its first one opens one.
    pub explicit: bool,
}

/// Above what the terminal raises an alarm about what the centre has not answered. Which figures are right depends on
/// what a terminal does in a day: they are the deployer's to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlarmLimits {
    /// Age of the oldest, in seconds.
    pub oldest_unsent_secs: u64,
    /// How many.
    pub unsent_count: u64,
    /// What they are worth together.
    pub unsent_sum: Fen,
}

impl Default for AlarmLimits {
    fn default() -> Self {
        Self { oldest_unsent_secs: 24 * 3600, unsent_count: 1000, unsent_sum: Fen(100_000_000) }
    }
}

/// When the day before is held against the centre.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReconcileRules {
    /// Not before this time of the day, Asia/Shanghai; as soon as the day is over when absent.
    pub at: Option<Time>,
}

/// Which packs of the directory are taken, and when they are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packs {
    /// Whose signatures hold, and whether one is required.
    pub trust: Trust,
    /// How often the directory is looked at.
    pub poll: Duration,
}

/// How far the terminal may go by itself while the centre cannot be reached. A scenario may only tighten it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest amount of one transaction.
    pub amount: Fen,
    /// Largest sum a person and day.
    pub person_day: Fen,
    /// Largest number of unsent provisional transactions.
    pub count: u32,
    /// Age of the oldest unsent provisional transaction with which provisional work still goes on, in hours.
    pub age_hours: u32,
}
