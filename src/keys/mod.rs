//! Keys by role, never by bytes in a caller's hand: the seam [`KeyService`] and who stands behind it.

mod errors;
mod provider;
mod psam;
mod soft;

pub use errors::{ENTRIES, KeyError};
pub use provider::KeyProvider;
pub use psam::Psam;
pub use soft::Soft;

use crate::cipher::{Algorithm, Factors};
use crate::reader::Recall;

/// Who answers for the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeySource {
    /// A PSAM in a reader of the terminal.
    Psam,
    /// A security module upstream.
    Hsm,
    /// Demonstration keys in memory; refused outside demo mode.
    Soft,
}

/// A key of the card by what it is for (card-facts §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyRole {
    /// IRK: proves the card to the terminal.
    Internal,
    /// RKSSSE: lets the holder record of a 3.0 card be read.
    ReadHolder,
}

impl KeyRole {
    /// The key's name in the standard.
    pub fn name(self) -> &'static str {
        match self {
            Self::Internal => "IRK",
            Self::ReadHolder => "RKSSSE",
        }
    }
}

/// What a key is diversified by, and the card's algorithm.
#[derive(Clone, PartialEq, Eq)]
pub struct CardKeyId {
    /// The algorithm of the card's environment.
    pub algorithm: Algorithm,
    /// 应用城市代码: the first three bytes of 卡识别码, packed BCD.
    pub city: [u8; 3],
    /// Bytes 6 to 13 of the card's historical bytes.
    pub serial: [u8; 8],
}

impl CardKeyId {
    fn factors(&self) -> Factors {
        Factors::new(self.city, self.serial)
    }
}

/// The algorithm only: the rest names one card.
impl std::fmt::Debug for CardKeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CardKeyId({})", self.algorithm)
    }
}

/// Operations with the terminal's keys. Internal authentication always comes before external, so that a foreign card
/// cannot burn a try of its own.
pub trait KeyService: Send {
    /// Who answers.
    fn source(&self) -> KeySource;

    /// What proves a key of the card for two randoms, the same on both sides: by [`KeyRole::Internal`] what a genuine
    /// card must answer to INTERNAL AUTHENTICATE; by any other role what the terminal sends in EXTERNAL AUTHENTICATE,
    /// where `process` is the card's own latest challenge.
    ///
    /// # Errors
    /// No PSAM, or one without the algorithm, the key or the level; see [`KeyError`].
    fn prove(
        &mut self,
        card: &CardKeyId,
        role: KeyRole,
        process: [u8; 8],
        original: [u8; 8],
    ) -> Result<[u8; 8], KeyError>;

    /// What names these keys among all that a terminal may have used: the PSAM's serial number. A card that refused
    /// them once is not tried with them again.
    ///
    /// # Errors
    /// As [`prove`](Self::prove).
    fn identity(&mut self, card: &CardKeyId) -> Result<Vec<u8>, KeyError>;

    /// 终端机编号 of the PSAM, six bytes; `None` where there is no PSAM.
    ///
    /// # Errors
    /// When the PSAM cannot be read.
    fn terminal_number(&mut self) -> Result<Option<[u8; 6]>, KeyError>;

    /// Commands sent to a PSAM so far.
    fn commands(&self) -> u32;

    /// A way to take the PSAM back from whoever keeps it too long; `None` where there is no PSAM.
    fn recall(&self) -> Option<Recall> {
        None
    }
}

#[cfg(test)]
mod tests;
