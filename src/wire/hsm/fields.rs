//! The parts that every string is made of: fields that end with a bar, hexadecimal digits in upper case.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A string of the HSM flow, wiped when it is dropped and never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// The string itself, which nobody may log or keep.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(..)")
    }
}

/// The string is not of the form that its dialect says. Never quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the string is not one of {0} in this dialect")]
pub struct Malformed(pub &'static str);

/// The longest string there is, in bytes: written with all its room from the start, it leaves no copy behind by growing.
const LONGEST: usize = 1024;

/// Writes a string field by field.
pub(super) struct Writer(Text);

impl Writer {
    pub(super) fn new() -> Self {
        Self(Text(String::with_capacity(LONGEST)))
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        self.0.0.push_str(text);
        self
    }

    pub(super) fn hex(mut self, bytes: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        for byte in bytes {
            for nibble in [byte >> 4, byte & 15] {
                self.0.0.push(char::from(DIGITS[usize::from(nibble)]));
            }
        }
        self
    }

    pub(super) fn bar(self) -> Self {
        self.text("|")
    }

    pub(super) fn done(self) -> Text {
        self.0
    }
}

/// As many bytes as these digits say; `None` where they are others.
pub(super) fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}
