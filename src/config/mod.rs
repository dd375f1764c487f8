//! The terminal's configuration: one TOML file, checked as a whole before anything starts.

mod errors;
mod parts;

pub use errors::{ConfigError, ENTRIES, Mistake};
pub use parts::{
    Api, Card, Client, Config, Keys, Limits, Mode, Permission, ReaderRule, Readers, TerminalName, TokenSource, Uplink,
};

impl Config {
    /// Reads and checks a file. Paths in it are taken relative to its directory.
    ///
    /// # Errors
    /// Every mistake that was found, each with line and column.
    #[allow(clippy::todo)]
    pub fn load(_path: &std::path::Path) -> Result<Self, ConfigError> {
        todo!()
    }
}
