//! `[card]`: how cards are read, and which are accepted.

use std::time::Duration;

use toml::Spanned;

use super::load::Check;
use super::parts::{BlacklistRules, Card};
use super::tables::{BlacklistTable, CardTable};
use crate::card::{Accepted, InitialPins};
use crate::rules::PublicKey;

/// The digits of 初始化机构编号 (card-facts §1.3).
const ISSUER: usize = 24;
/// The characters of 规范版本.
const VERSION: usize = 4;

impl Check<'_> {
    pub(super) fn card(&mut self, card: CardTable) -> Card {
        let CardTable { default_algorithm, initial_pins, issuers, categories, versions, blacklist } = card;
        let digits = |text: &str| (1..=ISSUER).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let version =
            |text: &str| (1..=VERSION).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let one = |text: &str| text.chars().count() == 1;
        let categories = self.each(categories, one, "a category is one character, as on the card");
        let pins = InitialPins::parse(initial_pins.iter().map(|pin| pin.get_ref().as_str()));
        let initial_pins = pins.unwrap_or_else(|at| {
            self.mistake(initial_pins[at].span(), "a PIN has 4 to 16 digits");
            InitialPins::default()
        });
        Card {
            default_algorithm,
            initial_pins,
            accepted: Accepted {
                issuers: self.each(issuers, digits, "初始化机构编号 begins with 1 to 24 digits"),
                categories: categories.iter().filter_map(|one| one.chars().next()).collect(),
                versions: self.each(versions, version, "a version begins as in \"3\" or \"2.01\""),
            },
            blacklist: blacklist.map(|blacklist| self.blacklist(blacklist)),
        }
    }

    fn each(&mut self, list: Vec<Spanned<String>>, fits: impl Fn(&str) -> bool, wanted: &str) -> Vec<String> {
        for written in list.iter().filter(|written| !fits(written.get_ref())) {
            self.mistake(written.span(), wanted);
        }
        list.into_iter().map(Spanned::into_inner).collect()
    }

    fn blacklist(&mut self, table: BlacklistTable) -> BlacklistRules {
        let BlacklistTable { file, keys, max_age_hours, without, poll_secs } = table;
        let span = keys.span();
        let keys = self.public_keys(keys.into_inner());
        if keys.is_empty() {
            self.mistake(span, "a list is only taken in by a signature: name whose in keys");
        }
        if let Some(hours) = max_age_hours.as_ref().filter(|hours| *hours.get_ref() == 0) {
            self.mistake(hours.span(), "a list is older than nothing as soon as it is there: 1 hour at least");
        }
        BlacklistRules {
            file: self.path(file),
            keys,
            max_age: max_age_hours.map(|hours| Duration::from_secs(u64::from(hours.into_inner()) * 3600)),
            without,
            poll: self.seconds(poll_secs.as_ref(), Duration::from_secs(5)),
        }
    }

    /// Keys that prove signatures, each once.
    pub(super) fn public_keys(&mut self, written: Vec<Spanned<String>>) -> Vec<PublicKey> {
        let mut keys: Vec<PublicKey> = Vec::new();
        for written in written {
            match written.get_ref().parse() {
                Ok(key) if keys.contains(&key) => self.mistake(written.span(), "this key is there already"),
                Ok(key) => keys.push(key),
                Err(error) => self.mistake(written.span(), &error.to_string()),
            }
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::load::tests::{SMALL, mistakes};
    use crate::config::{Config, WithoutList};

    #[test]
    fn without_a_word_any_card_is_accepted_and_none_looked_up() {
        let parsed = |text: &str| Config::parse("x", text, Path::new("/etc/sbkd")).unwrap().card;
        assert_eq!(parsed(SMALL), Card::default());
        let text = format!(
            "{SMALL}[card]\nissuers = [\"9156\"]\ncategories = [\"3\"]\nversions = [\"2.01\", \"3\"]\n\
             [card.blacklist]\nfile = \"list.txt\"\nkeys = [\"{}\"]\nmax_age_hours = 48\nwithout = \"warn\"\n",
            "a".repeat(64)
        );
        let card = parsed(&text);
        let accepted = Accepted {
            issuers: vec!["9156".to_owned()],
            categories: vec!['3'],
            versions: vec!["2.01".to_owned(), "3".to_owned()],
        };
        assert_eq!(card.accepted, accepted);
        let list = card.blacklist.unwrap();
        assert_eq!(list.file.as_deref(), Some(Path::new("/etc/sbkd/list.txt")));
        assert_eq!(
            (list.keys.len(), list.max_age, list.without),
            (1, Some(Duration::from_secs(172_800)), WithoutList::Warn)
        );
        let plain = parsed(&format!("{SMALL}[card.blacklist]\nkeys = [\"{}\"]\n", "a".repeat(64))).blacklist.unwrap();
        assert_eq!((plain.file, plain.max_age, plain.without), (None, None, WithoutList::Refuse));
    }

    #[test]
    fn what_cannot_be_is_told_by_its_place() {
        for (lines, place) in [
            ("[card]\nissuers = [\"\"]", "sbkd.toml:6:12"),
            ("[card]\nissuers = [\"91X\"]", "sbkd.toml:6:12"),
            ("[card]\ncategories = [\"12\"]", "sbkd.toml:6:15"),
            ("[card]\nversions = [\"v3\"]", "sbkd.toml:6:13"),
            ("[card.blacklist]\nkeys = []", "sbkd.toml:6:8"),
            ("[card.blacklist]\nkeys = [\"1\"]", "sbkd.toml:6:8"),
            ("[card.blacklist]\nfile = \"x\"", "sbkd.toml:5:1"),
        ] {
            let found = mistakes(&format!("{SMALL}{lines}\n"));
            assert!(found[0].starts_with(place), "{lines}: {found:?}");
        }
    }
}
