//! `[readers]`: what each reader is for, and how it is used.

use std::time::Duration;

use toml::Spanned;

use super::load::Check;
use super::parts::{Cases, Readers};
use super::tables::{CasesTable, ReadersTable};
use crate::national::LONGEST_CALL;
use crate::reader::RoleRule;

impl Check<'_> {
    pub(super) fn readers(&mut self, readers: ReadersTable, cases: &CasesTable) -> Readers {
        let rules = readers.rule.into_iter().map(|rule| RoleRule {
            pattern: self.name(rule.pattern, "no reader has such a one"),
            role: rule.role,
            pin_pad: rule.pin_pad,
            interface: rule.interface,
        });
        let rule = rules.collect();
        let pin = readers.pin_secs.as_ref();
        self.has_time_for_a_pin(pin, cases.reading_secs.as_ref());
        Readers { rule, pin: self.seconds(pin, Readers::default().pin) }
    }

    /// A call at a pad waits for its turn at the readers and at the keys, each for as long as a reading may take, then for
    /// the card, and for the person. Nobody is to type for a call that was given up meanwhile.
    fn has_time_for_a_pin(&mut self, pin: Option<&Spanned<u64>>, reading: Option<&Spanned<u64>>) {
        let secs = |written: Option<&Spanned<u64>>, usual: Duration| written.map_or(usual.as_secs(), |w| *w.get_ref());
        let (typing, reads) = (secs(pin, Readers::default().pin), secs(reading, Cases::default().reading));
        let whole = reads.saturating_mul(3).saturating_add(typing);
        // With neither there is time.
        let Some(written) = pin.or(reading).filter(|_| whole > LONGEST_CALL) else { return };
        let too_long = format!(
            "readers.pin_secs and three times cases.reading_secs are {whole} seconds: a call is given up after {LONGEST_CALL}"
        );
        self.mistake(written.span(), &too_long);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;
    use crate::config::load::tests::{SMALL, mistakes};
    use crate::reader::{Interface, PinPadUse, Role};

    #[test]
    fn a_rule_says_how_its_readers_are_used() {
        let rule = r#"{ pattern = "A", role = "holder", pin_pad = "none", interface = "contactless" }"#;
        let text =
            format!("{SMALL}[readers]\nrule = [{rule}, {{ pattern = \"B\", role = \"psam\" }}]\npin_secs = 15\n");
        let readers = Config::parse("x", &text, Path::new("")).unwrap().readers;
        let keyboard = PinPadUse::None;
        let first =
            RoleRule { pin_pad: keyboard, interface: Some(Interface::Contactless), ..RoleRule::new("A", Role::Holder) };
        assert_eq!(
            readers,
            Readers { rule: vec![first, RoleRule::new("B", Role::Psam)], pin: Duration::from_secs(15) }
        );
        assert_eq!(Config::parse("x", SMALL, Path::new("")).unwrap().readers, Readers::default());
        let found = mistakes(&format!("{SMALL}[readers]\npin_secs = 0\n"));
        assert!(found.len() == 1 && found[0].starts_with("sbkd.toml:6:12: "), "{found:?}");
        let unknown =
            format!("{SMALL}[readers]\nrule = [{{ pattern = \"A\", role = \"holder\", pin_pad = \"always\" }}]\n");
        assert!(mistakes(&unknown)[0].contains("always"), "{:?}", mistakes(&unknown));
    }

    #[test]
    fn nobody_types_for_a_call_that_is_given_up() {
        let of = |readers: &str, cases: &str| mistakes(&format!("{SMALL}[readers]\n{readers}\n[cases]\n{cases}\n"));
        for (readers, cases, place) in [
            ("pin_secs = 91", "", "sbkd.toml:6:12: "),
            ("pin_secs = 150", "reading_secs = 11", "sbkd.toml:6:12: "),
            ("", "reading_secs = 54", "sbkd.toml:8:16: "),
            ("", "reading_secs = 86400", "sbkd.toml:8:16: "),
        ] {
            let found = of(readers, cases);
            assert!(found.len() == 1 && found[0].starts_with(place), "{readers} {cases}: {found:?}");
            assert!(found[0].contains("pin_secs") && found[0].contains("reading_secs"), "{found:?}");
        }
        for (readers, cases) in
            [("pin_secs = 90", ""), ("pin_secs = 150", "reading_secs = 10"), ("", "reading_secs = 53")]
        {
            assert_eq!(of(readers, cases), Vec::<String>::new(), "{readers} {cases}");
        }
    }
}
