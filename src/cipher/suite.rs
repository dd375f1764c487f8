//! Which cipher an environment's formulas are computed with.

use super::{Algorithm, Unsupported, block};

/// A cipher that can be computed here. [`Suite::of`] never gives one for SSF33, so keys in the daemon's own hands cannot
/// meet the stand-in by way of an [`Algorithm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite(Cipher);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cipher {
    /// Two-key triple DES, 8-byte blocks.
    TripleDes,
    /// A cipher of 16-byte blocks.
    Long(Long),
}

/// A cipher of 16-byte blocks and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Long {
    Sm4,
    Ssf33StandIn,
}

impl Suite {
    /// The cipher of an algorithm.
    ///
    /// # Errors
    /// For SSF33, which is not public.
    pub fn of(algorithm: Algorithm) -> Result<Self, Unsupported> {
        match algorithm {
            Algorithm::TripleDes => Ok(Self(Cipher::TripleDes)),
            Algorithm::Sm4 => Ok(Self(Cipher::Long(Long::Sm4))),
            Algorithm::Ssf33 => Err(Unsupported(algorithm)),
        }
    }

    /// The cipher a simulated chip uses: the algorithm's own, and for SSF33 the **ssf33-stand-in**. That is SM4 under
    /// another key, and has nothing of SSF33 but the length of its blocks: what agrees by it shows that the ways through
    /// the 16-byte formulas under id 02 are right, never that SSF33 is. The test of the plan of rooms holds who names
    /// this.
    pub fn simulated(algorithm: Algorithm) -> Self {
        Self::of(algorithm).unwrap_or(Self(Cipher::Long(Long::Ssf33StandIn)))
    }

    /// Bytes in a block: 8 or 16.
    pub fn block(self) -> usize {
        match self.0 {
            Cipher::TripleDes => 8,
            Cipher::Long(_) => 16,
        }
    }

    pub(super) fn cipher(self) -> Cipher {
        self.0
    }
}

impl Long {
    pub(super) fn encrypt(self, key: &[u8; 16], data: [u8; 16]) -> [u8; 16] {
        match self {
            Self::Sm4 => block::sm4(key, data),
            Self::Ssf33StandIn => block::sm4(&block::stand_in_key(key), data),
        }
    }

    pub(super) fn decrypt(self, key: &[u8; 16], data: [u8; 16]) -> [u8; 16] {
        match self {
            Self::Sm4 => block::sm4_back(key, data),
            Self::Ssf33StandIn => block::sm4_back(&block::stand_in_key(key), data),
        }
    }
}
