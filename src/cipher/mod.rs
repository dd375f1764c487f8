//! The card's cryptography, pure (card-facts §4): nothing here does I/O or keeps a key longer than a call.

use serde::{Deserialize, Serialize};

/// The algorithm of a card's environment (card-facts §1.1: 01, 02, 03 in the FCI).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
