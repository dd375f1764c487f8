//! The terminal's configuration: one TOML file, checked as a whole before anything starts.

mod card;
mod catalogue;
mod driver;
mod errors;
mod keys;
mod load;
mod parts;
mod policy;
mod queue;
mod readers;
mod secret;
mod tables;
mod users;

pub use catalogue::CatalogueRules;
pub use driver::{Driver, Pki};
pub use errors::{ConfigError, ENTRIES, Mistake};
pub use parts::{
    AlarmLimits, Api, BlacklistRules, Card, Cases, Client, Config, Journal, Keys, Limits, Mode, Packs, Permission,
    Place, PsamReader, Readers, ReconcileRules, Scenarios, ShiftRules, TerminalName, TokenSource, Uplink, UplinkKind,
    WithoutList,
};
pub use queue::KeyFolder;
pub use secret::read_secret;
