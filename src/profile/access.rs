//! Access conditions (card-facts §2.1).

use super::KeyRole;
use super::name::two_digits;

/// What must be proven before a file is read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Free,
    /// It cannot be done by command: the card itself does it.
    Never,
    /// The holder's PIN.
    Pin,
    /// This key.
    Key(KeyRole),
    /// The PIN or this key.
    PinOrKey(KeyRole),
    /// The PIN and this key.
    PinAndKey(KeyRole),
}

impl Access {
    /// Reads `free`, `never`, `PIN`, a role, `PIN or ROLE`, `PIN and ROLE`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        match words.as_slice() {
            ["free"] => Some(Self::Free),
            ["never"] => Some(Self::Never),
            ["PIN"] => Some(Self::Pin),
            [key] => role(key).map(Self::Key),
            ["PIN", "or", key] => role(key).map(Self::PinOrKey),
            ["PIN", "and", key] => role(key).map(Self::PinAndKey),
            _ => None,
        }
    }

    /// The key that is, or may be, asked for.
    pub fn key(&self) -> Option<&KeyRole> {
        match self {
            Self::Key(role) | Self::PinOrKey(role) | Self::PinAndKey(role) => Some(role),
            Self::Free | Self::Never | Self::Pin => None,
        }
    }
}

/// A role as a file may write it: capital letters and digits, a letter first.
pub(super) fn role(text: &str) -> Option<KeyRole> {
    let fits = text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    (fits && text != "PIN").then(|| KeyRole::named(text))
}

/// Something that differs between generations, by the first that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByGeneration<T>(pub(super) Vec<(u8, T)>);

impl<T> ByGeneration<T> {
    /// What holds for a generation: 1, 2, 3, the first digit of 规范版本. One older than all stated has the first.
    pub fn at(&self, generation: u8) -> &T {
        let at = self.0.iter().rposition(|(first, _)| *first <= generation).unwrap_or(0);
        // The loader lets none be empty.
        &self.0[at].1
    }

    /// Each, with the first generation that has it.
    pub fn all(&self) -> impl Iterator<Item = (u8, &T)> {
        self.0.iter().map(|(first, what)| (*first, what))
    }
}

/// A byte written as two hexadecimal digits.
pub(super) fn byte(text: &str) -> Option<u8> {
    two_digits(text)
}
