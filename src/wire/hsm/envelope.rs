//! The envelope around a national string on its way to the centre. It is ours: the strings but iReadCardBas_HSM's carry
//! nothing that a card's key is diversified by, so it stands beside them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Dialect, Text};
use crate::cipher::Algorithm;

/// Which string it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// iReadCardBas_HSM_Step1, answered by what its Step2 takes.
    Bas,
    /// The Step1 of iReadCard_HSM, iWriteCard_HSM, iReloadPIN_HSM or iUnblockPIN_HSM, answered by what their Step2 takes.
    Proof,
    /// The Step2 of iReloadPIN_HSM or iUnblockPIN_HSM, answered by what their Step3 takes.
    Secured,
    /// iDoDebit_HSM_Step1, answered by what its Step2 takes.
    Debit,
}

impl Kind {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bas => "bas",
            Self::Proof => "proof",
            Self::Secured => "secured",
            Self::Debit => "debit",
        }
    }
}

/// A string and what is needed beside it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Which string it is.
    pub kind: Kind,
    /// What the card's keys are diversified by.
    pub card: Card,
    /// The key's name in the standard, where the string has a key code, which says nothing elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The form of the string and of its answer.
    #[serde(default)]
    pub dialect: Dialect,
    /// The string.
    pub string: Text,
}

/// What kind of string it is; the rest names one card.
impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Question({}, {:?})", self.kind.name(), self.role)
    }
}

/// What a card's keys are diversified by.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The card's algorithm.
    #[zeroize(skip)]
    pub algorithm: Algorithm,
    /// 卡识别码, in hex.
    #[serde(serialize_with = "to_hex", deserialize_with = "from_hex")]
    pub identifier: [u8; 16],
    /// The 13 historical bytes, in hex.
    #[serde(serialize_with = "to_hex", deserialize_with = "from_hex")]
    pub historical: [u8; 13],
}

/// The algorithm only.
impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Card({})", self.algorithm)
    }
}

/// What it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// What the next step takes.
    pub string: Text,
}

fn to_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&Zeroizing::new(hex::encode_upper(bytes)))
}

fn from_hex<'de, const N: usize, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; N], D::Error> {
    let text = Zeroizing::new(String::deserialize(deserializer)?);
    let mut bytes = [0; N];
    hex::decode_to_slice(&*text, &mut bytes)
        .map_err(|_| serde::de::Error::custom(format!("{} hexadecimal digits are wanted", 2 * N)))?;
    Ok(bytes)
}
