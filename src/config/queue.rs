//! `[queue]`: where the journal and its keys are, and how long it keeps what is personal.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::load::Check;
use super::parts::{Config, Journal, Mode};
use super::tables::QueueTable;
use crate::queue::{KEY_FILES, Settings};

/// Where systemd puts the credentials of a unit.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// A hundred years.
const LONGEST: u32 = 36_500;

/// Where the journal's keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFolder {
    /// In the state folder: made where there are none, and replaced there.
    Own(PathBuf),
    /// A folder that somebody else fills: it is only read.
    Given(PathBuf),
}

impl KeyFolder {
    /// The folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(path) | Self::Given(path) => path,
        }
    }
}

impl Config {
    /// Where the journal is and whose.
    pub fn journal(&self) -> Settings {
        Settings {
            path: self.state.join("queue.db"),
            anchor: self.anchor.clone().unwrap_or_else(|| self.state.join("queue.anchor")),
            terminal: self.terminal.as_str().to_owned(),
            demo: self.mode == Mode::Demo,
        }
    }

    /// Where its keys are: the folder that is configured, else the credentials that systemd gave if all of them are
    /// there, else a folder of the state.
    pub fn journal_keys(&self) -> KeyFolder {
        self.key_folder(std::env::var_os(CREDENTIALS))
    }

    fn key_folder(&self, credentials: Option<OsString>) -> KeyFolder {
        let credentials = credentials.map(PathBuf::from);
        let all_in = |dir: &PathBuf| KEY_FILES.iter().all(|name| dir.join(name).exists());
        match self.queue.keys.clone().or_else(|| credentials.filter(all_in)) {
            Some(given) => KeyFolder::Given(given),
            None => KeyFolder::Own(self.state.join("keys")),
        }
    }
}

impl Check<'_> {
    pub(super) fn queue(&mut self, queue: QueueTable) -> Journal {
        let days = queue.erase_after_days.as_ref();
        if let Some(days) = days.filter(|days| !(1..=LONGEST).contains(days.get_ref())) {
            self.mistake(days.span(), "erase_after_days is 1 to 36500: what is personal is not kept for ever");
        }
        let erase_after_days = days.map_or(Journal::default().erase_after_days, |days| *days.get_ref());
        Journal { erase_after_days, keys: self.path(queue.keys) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::{SMALL, mistakes};
    use super::*;

    fn config(more: &str) -> Config {
        Config::parse("sbkd.toml", &format!("{SMALL}{more}"), Path::new("/etc/sbkd")).unwrap()
    }

    #[test]
    fn what_is_personal_is_erased_some_day() {
        assert_eq!(config("").queue.erase_after_days, 90);
        assert_eq!(config("[queue]\nerase_after_days = 3650\n").queue.erase_after_days, 3650);
        for days in ["0", "36501"] {
            let found = mistakes(&format!("{SMALL}[queue]\nerase_after_days = {days}\n"));
            assert!(found[0].starts_with("sbkd.toml:6:20: erase_after_days"), "{found:?}");
        }
    }

    #[test]
    fn keys_are_where_the_configuration_or_the_credentials_say() {
        let own = KeyFolder::Own("/var/lib/sbkd/keys".into());
        assert_eq!(config("").key_folder(None), own);
        let given = tempfile::tempdir().unwrap();
        let credentials = || Some(given.path().as_os_str().to_owned());
        assert_eq!(config("").key_folder(credentials()), own, "another's credentials");
        for name in KEY_FILES {
            std::fs::write(given.path().join(name), "").unwrap();
        }
        assert_eq!(config("").key_folder(credentials()), KeyFolder::Given(given.path().into()));
        let named = config("[queue]\nkeys = \"keys\"\n");
        assert_eq!(named.key_folder(credentials()), KeyFolder::Given("/etc/sbkd/keys".into()));
    }
}
