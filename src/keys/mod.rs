//! Keys by role, never by bytes in a caller's hand: the seam [`KeyService`] and who stands behind it.

mod account;
mod card_key;
mod errors;
mod fallback;
mod hsm;
mod link;
mod provider;
mod psam;
mod soft;

pub use account::{Checked, Load, Purchase, Purchased};
pub use card_key::{CardKeyId, ProcessKey};
pub use errors::{ENTRIES, KeyError};
pub use fallback::Fallback;
pub use hsm::{Hsm, HsmSettings};
pub use link::{HsmLink, LinkError};
pub use provider::{HsmPlace, KeyProvider, PsamPlace};
pub use psam::Psam;
pub use soft::Soft;

use zeroize::Zeroizing;

use crate::profile::KeyRole;
use crate::reader::Recall;
use crate::wire::hsm::Randoms;

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

impl KeySource {
    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Psam => "psam",
            Self::Hsm => "hsm",
            Self::Soft => "soft",
        }
    }
}

/// Whose randoms internal authentication is done with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RandomSource {
    /// The terminal's, as the standard has it (card-facts §4.2, STD-7): no card can have prepared its answer.
    #[default]
    Terminal,
    /// The card's own challenges, as drivers of security modules take them. A copy that plays back a session it has
    /// heard answers these as well.
    Card,
}

/// Operations with the terminal's keys. Internal authentication always comes before external, so that a foreign card
/// cannot burn a try of its own. A source that has no way to do something says so ([`KeyError::NotOffered`]); none makes
/// a result up.
pub trait KeyService: Send {
    /// Who answers.
    fn source(&self) -> KeySource;

    /// What proves a key of the card for two randoms, the same on both sides: by [`KeyRole::IRK`] what a genuine card must
    /// answer to INTERNAL AUTHENTICATE; by any other role what the terminal sends in EXTERNAL AUTHENTICATE, where
    /// `process` is the card's own latest challenge.
    ///
    /// # Errors
    /// No PSAM, or one without the algorithm, the key or the level; see [`KeyError`].
    fn prove(&mut self, key: ProcessKey<'_>, original: [u8; 8]) -> Result<[u8; 8], KeyError>;

    /// The MAC of secure messaging (card-facts §3.2) over `message`, which is padded here: a zero initial vector, the
    /// process key of `process`.
    ///
    /// # Errors
    /// As [`prove`](Self::prove); what a security module's strings have no place for is not offered.
    fn mac(&mut self, key: ProcessKey<'_>, message: &[u8]) -> Result<[u8; 4], KeyError> {
        let _ = (key, message);
        Err(KeyError::NotOffered { by: self.source(), what: "a MAC" })
    }

    /// Enciphers the data of a command under secure messaging, block by block. `blocks` is what
    /// [`cipher::lengthened`](crate::cipher::lengthened) makes of it.
    ///
    /// # Errors
    /// As [`mac`](Self::mac); [`KeyError::Blocks`] when they are not whole blocks.
    fn encipher(&mut self, key: ProcessKey<'_>, blocks: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let _ = (key, blocks);
        Err(KeyError::NotOffered { by: self.source(), what: "encipherment" })
    }

    /// Begins a purchase from the medical account, after the card answered INITIALIZE FOR PURCHASE: what proves the
    /// terminal to the card.
    ///
    /// # Errors
    /// As [`prove`](Self::prove); [`KeyError::NoPurchase`] where a PSAM takes part in none.
    fn purchase(&mut self, card: &CardKeyId, purchase: &Purchase<'_>) -> Result<Purchased, KeyError> {
        let _ = (card, purchase);
        Err(KeyError::NotOffered { by: self.source(), what: "a purchase" })
    }

    /// Ends the purchase that was begun: checks the card's MAC2. The card has paid by then, whatever this says.
    ///
    /// # Errors
    /// [`KeyError::Mac`] where it is not the card's.
    fn confirm_purchase(&mut self, mac2: [u8; 4]) -> Result<Checked, KeyError> {
        let _ = mac2;
        Err(KeyError::NotOffered { by: self.source(), what: "the end of a purchase" })
    }

    /// Allows a load of the medical account, after the card answered INITIALIZE FOR LOAD: checks its MAC1, and gives the
    /// MAC2 that it wants.
    ///
    /// # Errors
    /// [`KeyError::Mac`] where MAC1 is not the card's; [`KeyError::Unplaced`] or [`KeyError::NotOffered`] where the
    /// source has no load key.
    fn load(&mut self, card: &CardKeyId, load: &Load<'_>) -> Result<[u8; 4], KeyError> {
        load.allow(|process, message| self.mac(card.process_key(&KeyRole::DLK, process), message))
    }

    /// What names these keys among all that a terminal may have used: the PSAM's serial number. Releases before kept by it
    /// which cards refused them, and what they hold stays held.
    ///
    /// # Errors
    /// As [`prove`](Self::prove).
    fn identity(&mut self, card: &CardKeyId) -> Result<Vec<u8>, KeyError>;

    /// 终端机编号 of the PSAM, six bytes; `None` where there is none.
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

    /// A person is about to be asked, who takes as long as they take: until these keys are used again they may serve others.
    /// What was begun with them and is not at its end, as a purchase, is lost by it.
    fn rest(&mut self) {}

    /// Whose randoms internal authentication is done with.
    fn randoms(&self) -> RandomSource {
        RandomSource::Terminal
    }

    /// Whether each proof costs a journey, so that the card's challenge for external authentication is worth asking for
    /// before the first of them: both proofs then come together.
    fn far(&self) -> bool {
        false
    }

    /// Says, where the keys are [`far`](Self::far), which proofs will be asked for: the card's by [`KeyRole::IRK`], and
    /// the terminal's by [`KeyRole::RKSSSE`].
    fn announce(&mut self, _card: &CardKeyId, _internal: &Randoms, _external: &Randoms) {}
}

#[cfg(test)]
pub(crate) mod tests;
