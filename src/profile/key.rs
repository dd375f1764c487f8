//! Keys by role (card-facts §2.2; STD-9).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

/// A key of the card by what it is for, under the standard's name: `IRK`, `UK1DF04`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRole(Cow<'static, str>);

impl KeyRole {
    /// Internal authentication: proves the card to the terminal.
    pub const IRK: Self = Self(Cow::Borrowed("IRK"));
    /// Secure messaging in the social security environment.
    pub const STK: Self = Self(Cow::Borrowed("STK"));
    /// Proven before the PIN is unblocked or set anew.
    pub const PUK: Self = Self(Cow::Borrowed("PUK"));
    /// Lets the holder of a 3.0 card be read.
    pub const RKSSSE: Self = Self(Cow::Borrowed("RKSSSE"));
    /// Lets the social security environment's files be written.
    pub const UKSSSE: Self = Self(Cow::Borrowed("UKSSSE"));
    /// The medical account's purchase.
    pub const DPK: Self = Self(Cow::Borrowed("DPK"));
    /// The medical account's load.
    pub const DLK: Self = Self(Cow::Borrowed("DLK"));
    /// The transaction certificate of the medical account.
    pub const DTK: Self = Self(Cow::Borrowed("DTK"));

    /// A role of this name; whether there is a key for it, the profile says.
    pub fn named(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// The key's name in the standard.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for KeyRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How well something is known (card-facts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Grade {
    /// A national document's own text, or two independent sources.
    A,
    /// One source.
    B,
    /// Inferred.
    C,
}

/// A key: where it is, how the card names it, and where a PSAM has its parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// What it is for.
    pub role: KeyRole,
    /// Its Chinese name, where the standard's is known.
    pub label: Option<String>,
    /// The directory whose key it is: `SSSE`, `DF04`.
    pub directory: String,
    /// P2 of EXTERNAL AUTHENTICATE; `None` where it is not publicly known.
    pub reference: Option<u8>,
    /// Where a PSAM has it; `None` where that is not publicly known.
    pub sam: Option<Sam>,
    /// How well that is known.
    pub grade: Grade,
}

/// A key in a PSAM, as DELIVERY SESSION KEY names it (STD-9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sam {
    /// Its type: 2 purchase, 6 MAC, 7 encipher, 8 MAC and encipher, 9 load, 12 TAC.
    pub kind: u8,
    /// The levels of diversification that are tried first.
    pub levels: u8,
    /// Its identifier.
    pub id: u8,
}

impl Sam {
    /// The usage byte for so many levels: the top three bits are the levels, the low five the type.
    pub fn usage(self, levels: u8) -> u8 {
        levels << 5 | self.kind
    }
}
