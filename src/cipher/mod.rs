//! The card's cryptography, pure (card-facts §4): nothing here does I/O or keeps a key longer than a call.
//!
//! The daemon (soft keys, the centre) and the virtual card share these formulas, so they are pinned by known answers
//! that another tool computed: `fixtures/cipher/known-answers.json`, made by the script beside it. So are the signatures
//! and certificates of the card's PKI: `fixtures/pki/`.

mod account;
mod block;
mod certificate;
mod errors;
mod factors;
mod formula;
mod key;
mod mac;
mod secure;
mod sm2;
mod suite;

pub use account::{Field, Formula, FormulaError, Formulas, Transaction, load_factor, purchase_factor};
pub use certificate::{Certificate, Issuer};
pub use errors::{ENTRIES, PkiError};
pub use factors::Factors;
pub use formula::{authentication_data, diversify, diversify_by, fold};
pub use key::{Key16, KeyError, SessionKey};
pub use mac::{mac, mac_blocks, mac_chain, mac_of_chain, pad_80};
pub use secure::{MAC_LENGTH, TooLong, command_mac, decipher, encipher, lengthened, pin_block};
pub use sm2::{LONGEST_USER_ID, Sm2Key, Sm2Secret, Sm2Signature, USER_ID};
pub use suite::Suite;

use serde::{Deserialize, Serialize};

/// The algorithm of a card's environment (card-facts §1.1: 01, 02, 03 in the FCI).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// Two-key triple DES, 8-byte blocks.
    #[serde(rename = "3DES")]
    TripleDes,
    /// SSF33, 16-byte blocks; not public, only ever inside a PSAM or an HSM.
    #[serde(rename = "SSF33")]
    Ssf33,
    /// SM4, 16-byte blocks.
    #[serde(rename = "SM4")]
    Sm4,
}

impl Algorithm {
    /// The identifier in the FCI's issuer data, `86 01 xx` (card-facts §1.1).
    pub fn id(self) -> u8 {
        match self {
            Self::TripleDes => 0x01,
            Self::Ssf33 => 0x02,
            Self::Sm4 => 0x03,
        }
    }

    /// The algorithm that an identifier stands for.
    pub fn from_id(id: u8) -> Option<Self> {
        [Self::TripleDes, Self::Ssf33, Self::Sm4].into_iter().find(|algorithm| algorithm.id() == id)
    }

    /// Bytes in a block: 8 or 16.
    pub fn block(self) -> usize {
        match self {
            Self::TripleDes => 8,
            Self::Ssf33 | Self::Sm4 => 16,
        }
    }

    /// The name used in files and answers: `3DES`, `SSF33`, `SM4`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TripleDes => "3DES",
            Self::Ssf33 => "SSF33",
            Self::Sm4 => "SM4",
        }
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The algorithm is not public and cannot be computed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is computed only inside a PSAM or a security module")]
pub struct Unsupported(pub Algorithm);

#[cfg(test)]
mod tests;
