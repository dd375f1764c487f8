//! The tables of the file as they are written, before they are checked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::catalogue::CatalogueTable;
use super::driver::DriverTable;
use super::parts::{Mode, Permission, Place, TerminalName, UplinkKind, WithoutList};
use super::users::UserTable;
use crate::cipher::Algorithm;
use crate::keys::RandomSource;
use crate::reader::{Interface, PinPadUse, Role};
use crate::value::Fen;
use crate::wire::Digest;
use crate::wire::hsm::{Address, Dialect};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) mode: Mode,
    pub(super) terminal: TerminalName,
    pub(super) state: Option<Spanned<PathBuf>>,
    pub(super) business_date: Option<Spanned<toml::value::Datetime>>,
    #[serde(default)]
    pub(super) readers: ReadersTable,
    pub(super) keys: KeysTable,
    #[serde(default)]
    pub(super) card: CardTable,
    pub(super) catalogue: Option<CatalogueTable>,
    #[serde(default)]
    pub(super) api: ApiTable,
    pub(super) uplink: Option<UplinkTable>,
    #[serde(default)]
    pub(super) limits: LimitsTable,
    #[serde(default)]
    pub(super) cases: CasesTable,
    #[serde(default)]
    pub(super) shift: ShiftTable,
    #[serde(default)]
    pub(super) alarm: AlarmTable,
    #[serde(default)]
    pub(super) reconcile: ReconcileTable,
    #[serde(default)]
    pub(super) paths: PathsTable,
    #[serde(default)]
    pub(super) policy: PolicyTable,
    #[serde(default)]
    pub(super) scenarios: ScenariosTable,
    #[serde(default)]
    pub(super) queue: QueueTable,
    #[serde(default)]
    pub(super) driver: DriverTable,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReadersTable {
    pub(super) rule: Vec<RuleTable>,
    pub(super) pin_secs: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleTable {
    pub(super) pattern: Spanned<String>,
    pub(super) role: Role,
    #[serde(default)]
    pub(super) pin_pad: PinPadUse,
    pub(super) interface: Option<Interface>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysTable {
    pub(super) source: Spanned<Source>,
    pub(super) psam_reader: Option<Spanned<String>>,
    pub(super) soft_file: Option<Spanned<PathBuf>>,
    pub(super) hsm: Option<Spanned<HsmTable>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Source {
    Psam,
    Hsm,
    PsamHsm,
    Soft,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HsmTable {
    pub(super) answer_secs: Option<Spanned<u64>>,
    pub(super) terminal: Option<Spanned<String>>,
    pub(super) randoms: RandomSource,
    pub(super) dialect: Option<Spanned<Dialect>>,
    pub(super) addresses: BTreeMap<String, Spanned<Address>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CardTable {
    pub(super) default_algorithm: Option<Algorithm>,
    pub(super) initial_pins: Vec<Spanned<String>>,
    pub(super) issuers: Vec<Spanned<String>>,
    pub(super) categories: Vec<Spanned<String>>,
    pub(super) versions: Vec<Spanned<String>>,
    pub(super) blacklist: Option<BlacklistTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BlacklistTable {
    pub(super) file: Option<Spanned<PathBuf>>,
    pub(super) keys: Spanned<Vec<Spanned<String>>>,
    pub(super) max_age_hours: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) without: WithoutList,
    pub(super) poll_secs: Option<Spanned<u64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ApiTable {
    pub(super) listen: Option<Spanned<SocketAddr>>,
    pub(super) socket: Option<Spanned<PathBuf>>,
    pub(super) origins: Vec<Spanned<String>>,
    pub(super) client: Vec<Spanned<ClientTable>>,
    pub(super) user: Vec<UserTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientTable {
    pub(super) name: Spanned<String>,
    pub(super) token_file: Option<Spanned<PathBuf>>,
    pub(super) token_sha256: Option<Digest>,
    pub(super) permissions: BTreeSet<Permission>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UplinkTable {
    #[serde(default)]
    pub(super) kind: UplinkKind,
    pub(super) url: Spanned<String>,
    pub(super) token_file: Option<Spanned<PathBuf>>,
    pub(super) client_cert: Option<Spanned<PathBuf>>,
    pub(super) client_key: Option<Spanned<PathBuf>>,
    pub(super) roots: Option<Spanned<PathBuf>>,
    pub(super) credentials: Option<Spanned<PathBuf>>,
    pub(super) centre_key: Option<Digest>,
    pub(super) answer_secs: Option<Spanned<u64>>,
    pub(super) resolve_secs: Option<Spanned<u64>>,
    pub(super) heartbeat_secs: Option<Spanned<u64>>,
}

/// Without limits nothing is carried out provisionally.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LimitsTable {
    pub(super) amount: Option<Spanned<Fen>>,
    pub(super) person_day: Option<Spanned<Fen>>,
    pub(super) count: u32,
    pub(super) age_hours: u32,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct CasesTable {
    pub(super) card_secs: Option<Spanned<u64>>,
    pub(super) input_secs: Option<Spanned<u64>>,
    pub(super) confirm_secs: Option<Spanned<u64>>,
    pub(super) reading_secs: Option<Spanned<u64>>,
    pub(super) keep: Option<Spanned<usize>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ShiftTable {
    pub(super) explicit: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct AlarmTable {
    pub(super) oldest_unsent_secs: Option<Spanned<u64>>,
    pub(super) unsent_count: Option<Spanned<u64>>,
    pub(super) unsent_sum: Option<Spanned<Fen>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct ReconcileTable {
    pub(super) at: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct PathsTable {
    pub(super) scenarios: Option<Spanned<PathBuf>>,
    pub(super) policy: Option<Spanned<PathBuf>>,
    pub(super) scripts: Option<Spanned<PathBuf>>,
    pub(super) card: Option<Spanned<PathBuf>>,
    pub(super) conditions: Option<Spanned<PathBuf>>,
    pub(super) anchor: Option<Spanned<PathBuf>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ScenariosTable {
    pub(super) at: Place,
    pub(super) only: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct QueueTable {
    pub(super) erase_after_days: Option<Spanned<u32>>,
    pub(super) keys: Option<Spanned<PathBuf>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PolicyTable {
    pub(super) keys: Vec<Spanned<String>>,
    pub(super) require_signature: Option<Spanned<bool>>,
    pub(super) poll_secs: Option<Spanned<u64>>,
}
