//! What a reader is for: by its name, or by what the card in it answers.

use serde::{Deserialize, Serialize};

use super::{Interface, Role};

/// SELECT of the PSAM's application by name (STD-9), as it goes to a card that speaks T=0.
pub(crate) const SELECT_PSAM: &[u8] = &[0x00, 0xA4, 0x04, 0x00, 0x06, 0xD1, 0x56, 0x00, 0x00, 0x05, 0x90];

/// What a card is by its answer to [`SELECT_PSAM`]: a PSAM knows the application; any other card that answers is a
/// holder's, until it is identified.
pub(crate) fn role_of(answer: &[u8]) -> Role {
    match answer {
        [.., 0x61, _] | [.., 0x90, 0x00] => Role::Psam,
        _ => Role::Holder,
    }
}

/// One rule of the configuration: readers whose name fits have this role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleRule {
    /// The reader's name; `*` stands for any characters, none included.
    pub pattern: String,
    /// Its role.
    pub role: Role,
    /// Whether its PIN pad is used.
    #[serde(default)]
    pub pin_pad: PinPadUse,
    /// How it reaches its cards, where it is not to be told from the card and the reader itself.
    #[serde(default)]
    pub interface: Option<Interface>,
}

/// Whether the PIN pad that a reader says it has is used: many readers claim what they cannot do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PinPadUse {
    /// For all that the reader says it can.
    #[default]
    Auto,
    /// To verify a PIN, and for nothing else.
    Verify,
    /// Never: PINs are asked for at the keyboard.
    None,
}

/// What the configuration says of how a reader is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manner {
    /// See [`RoleRule::pin_pad`].
    pub pin_pad: PinPadUse,
    /// See [`RoleRule::interface`].
    pub interface: Option<Interface>,
}

impl RoleRule {
    /// Readers whose name fits have this role; all else is told from the reader itself.
    pub fn new(pattern: impl Into<String>, role: Role) -> Self {
        Self { pattern: pattern.into(), role, pin_pad: PinPadUse::Auto, interface: None }
    }

    /// Whether the rule is about the reader of this name.
    pub fn fits(&self, reader: &str) -> bool {
        let mut parts = self.pattern.split('*');
        // `split` gives at least one part, also of an empty pattern.
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = reader.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

/// The role that the first fitting rule gives.
pub fn role_by_rule(rules: &[RoleRule], reader: &str) -> Option<Role> {
    first(rules, reader).map(|rule| rule.role)
}

/// How the first fitting rule wants the reader to be used; as it is, where none fits.
pub fn manner_by_rule(rules: &[RoleRule], reader: &str) -> Manner {
    let of = |rule: &RoleRule| Manner { pin_pad: rule.pin_pad, interface: rule.interface };
    first(rules, reader).map(of).unwrap_or_default()
}

fn first<'a>(rules: &'a [RoleRule], reader: &str) -> Option<&'a RoleRule> {
    rules.iter().find(|rule| rule.fits(reader))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fits(pattern: &str, reader: &str) -> bool {
        RoleRule::new(pattern, Role::Holder).fits(reader)
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        assert!(fits("Virtual PCD 00 00", "Virtual PCD 00 00"));
        assert!(!fits("Virtual PCD 00", "Virtual PCD 00 00"));
        assert!(fits("*SAM*", "ACME Dual SAM 01"));
        assert!(fits("ACME*01", "ACME Dual SAM 01"));
        assert!(fits("*", ""));
        assert!(!fits("", "x"));
        assert!(!fits("ab*ba", "aba"), "the two ends do not share a character");
        assert!(fits("a*b*c", "a1b2b3c"));
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rules = [("*SAM*", Role::Psam), ("ACME*", Role::Holder), ("*", Role::Ignored)];
        let rules = rules.map(|(pattern, role)| RoleRule::new(pattern, role));
        assert_eq!(role_by_rule(&rules, "ACME SAM"), Some(Role::Psam));
        assert_eq!(role_by_rule(&rules, "ACME 00"), Some(Role::Holder));
        assert_eq!(role_by_rule(&rules, "other"), Some(Role::Ignored));
        assert_eq!(role_by_rule(&rules[..2], "other"), None);
    }

    #[test]
    fn a_rule_says_how_its_readers_are_used_and_without_one_they_say_so_themselves() {
        let keyboard = RoleRule { pin_pad: PinPadUse::None, ..RoleRule::new("ACME*", Role::Holder) };
        let radio = RoleRule { interface: Some(Interface::Contactless), ..RoleRule::new("*PICC*", Role::Holder) };
        let rules = [keyboard, radio];
        let manner = |reader| manner_by_rule(&rules, reader);
        assert_eq!(
            manner("ACME 00 PICC"),
            Manner { pin_pad: PinPadUse::None, interface: None },
            "the first decides all"
        );
        assert_eq!(manner("Dual PICC 00").interface, Some(Interface::Contactless));
        assert_eq!(manner("other"), Manner::default());
    }

    proptest! {
        #[test]
        fn a_name_fits_any_pattern_made_from_it(name in "[a-c字 ]{0,12}", cuts in prop::collection::vec((0usize..12, 0usize..4), 0..3)) {
            let mut pattern: Vec<char> = name.chars().collect();
            for (at, length) in cuts {
                let at = at.min(pattern.len());
                let end = (at + length).min(pattern.len());
                pattern.splice(at..end, ['*']);
            }
            let pattern: String = pattern.into_iter().collect();
            prop_assert!(fits(&pattern, &name), "{pattern:?} {name:?}");
        }
    }
}
