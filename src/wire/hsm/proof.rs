//! A proof by one key: iReadCard_HSM, iWriteCard_HSM, iReloadPIN_HSM and iUnblockPIN_HSM begin with the same string.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::fields::{Malformed, Text, Writer, bytes};
use super::{Address, Dialect};
use crate::cipher::Algorithm;

/// The two randoms of an authentication.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Randoms {
    /// The process factor.
    pub process: [u8; 8],
    /// What the process key enciphers.
    pub original: [u8; 8],
}

impl fmt::Debug for Randoms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Randoms(..)")
    }
}

/// What the first step of these functions gives: `algorithm|key code|process|original|`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofAsked {
    /// The card's.
    pub algorithm: Algorithm,
    /// Which key.
    pub key: Address,
    /// What it is proved by.
    pub randoms: Randoms,
}

impl ProofAsked {
    /// The string.
    pub fn print(&self, dialect: &Dialect) -> Text {
        let writer = Writer::new().text(dialect.algorithm.print(self.algorithm)).bar().text(self.key.as_str()).bar();
        writer.hex(&self.randoms.process).bar().hex(&self.randoms.original).bar().done()
    }

    /// What the string says.
    ///
    /// # Errors
    /// When it is another.
    pub fn parse(text: &str, dialect: &Dialect) -> Result<Self, Malformed> {
        Self::parsed(text, dialect).ok_or(Malformed("iReadCard_HSM_Step1"))
    }

    fn parsed(text: &str, dialect: &Dialect) -> Option<Self> {
        let mut fields = text.strip_suffix('|')?.split('|');
        let asked = Self {
            algorithm: dialect.algorithm.parse(fields.next()?)?,
            key: fields.next()?.to_owned().try_into().ok()?,
            randoms: Randoms { process: bytes(fields.next()?)?, original: bytes(fields.next()?)? },
        };
        fields.next().is_none().then_some(asked)
    }
}

/// A proof and the original it is of: 32 digits, what the second step of these functions takes.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Proof {
    /// The authentication data.
    pub proof: [u8; 8],
    /// The original.
    pub original: [u8; 8],
}

impl Proof {
    /// The string.
    pub fn print(&self) -> Text {
        self.write(Writer::new()).done()
    }

    pub(super) fn write(&self, writer: Writer) -> Writer {
        writer.hex(&self.proof).hex(&self.original)
    }

    /// What the string says.
    ///
    /// # Errors
    /// When it is another.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::parsed(text).ok_or(Malformed("iReadCard_HSM_Step2"))
    }

    pub(super) fn parsed(text: &str) -> Option<Self> {
        let (proof, original) = text.split_at_checked(16)?;
        Some(Self { proof: bytes(proof)?, original: bytes(original)? })
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(..)")
    }
}
