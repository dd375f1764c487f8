//! `[catalogue]`: whose catalogues of drugs and services are taken in.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::load::Check;
use crate::rules::PublicKey;

/// The catalogue that settlements go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueRules {
    /// Whose signatures hold: one at least.
    pub keys: Vec<PublicKey>,
    /// From which age on the health says that it is old; never when absent. It counts all the same.
    pub max_age: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CatalogueTable {
    keys: Spanned<Vec<Spanned<String>>>,
    max_age_days: Option<Spanned<u32>>,
}

impl Check<'_> {
    pub(super) fn catalogue(&mut self, table: CatalogueTable) -> CatalogueRules {
        let CatalogueTable { keys, max_age_days } = table;
        let span = keys.span();
        let keys = self.public_keys(keys.into_inner());
        if keys.is_empty() {
            self.mistake(span, "a catalogue is only taken in by a signature: name whose in keys");
        }
        if let Some(days) = max_age_days.as_ref().filter(|days| *days.get_ref() == 0) {
            self.mistake(days.span(), "a catalogue is older than nothing as soon as it is there: 1 day at least");
        }
        let max_age = max_age_days.map(|days| Duration::from_secs(u64::from(days.into_inner()) * 86_400));
        CatalogueRules { keys, max_age }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;
    use crate::config::load::tests::{SMALL, mistakes};

    #[test]
    fn without_a_word_there_is_none_and_with_one_it_is_signed() {
        let parsed = |text: &str| Config::parse("x", text, Path::new("/etc/sbkd")).unwrap().catalogue;
        assert_eq!(parsed(SMALL), None);
        let key = "a".repeat(64);
        let rules = parsed(&format!("{SMALL}[catalogue]\nkeys = [\"{key}\"]\nmax_age_days = 40\n")).unwrap();
        assert_eq!((rules.keys.len(), rules.max_age), (1, Some(Duration::from_secs(3_456_000))));
        assert_eq!(parsed(&format!("{SMALL}[catalogue]\nkeys = [\"{key}\"]\n")).unwrap().max_age, None);
        for (lines, place) in [
            ("keys = []", "sbkd.toml:6:8"),
            ("keys = [\"1\"]", "sbkd.toml:6:8"),
            ("max_age_days = 1", "sbkd.toml:5:1"),
            (&format!("max_age_days = 0\nkeys = [\"{key}\"]"), "sbkd.toml:6:16"),
            (&format!("keys = [\"{key}\"]\nfile = \"x\""), "sbkd.toml:7:1"),
        ] {
            let found = mistakes(&format!("{SMALL}[catalogue]\n{lines}\n"));
            assert!(found[0].starts_with(place), "{lines}: {found:?}");
        }
    }
}
