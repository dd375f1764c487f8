//! `[readers]`: what each reader is for, and how it is used.

use super::load::Check;
use super::parts::Readers;
use super::tables::ReadersTable;
use crate::reader::RoleRule;

impl Check<'_> {
    pub(super) fn readers(&mut self, readers: ReadersTable) -> Readers {
        let rules = readers.rule.into_iter().map(|rule| RoleRule {
            pattern: self.name(rule.pattern, "no reader has such a one"),
            role: rule.role,
            pin_pad: rule.pin_pad,
            interface: rule.interface,
        });
        let rule = rules.collect();
        let pin = readers.pin_secs.as_ref();
        if let Some(pin) = pin.filter(|pin| *pin.get_ref() > u64::from(u8::MAX)) {
            self.mistake(pin.span(), "a PIN pad waits 255 seconds at most");
        }
        Readers { rule, pin: self.seconds(pin, Readers::default().pin) }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

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
        for secs in [0, 256] {
            let found = mistakes(&format!("{SMALL}[readers]\npin_secs = {secs}\n"));
            assert!(found.len() == 1 && found[0].starts_with("sbkd.toml:6:12: "), "{found:?}");
        }
        let unknown =
            format!("{SMALL}[readers]\nrule = [{{ pattern = \"A\", role = \"holder\", pin_pad = \"always\" }}]\n");
        assert!(mistakes(&unknown)[0].contains("always"), "{:?}", mistakes(&unknown));
    }
}
