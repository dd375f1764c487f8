//! What a card's keys are found by.

use std::fmt;

use crate::cipher::{Algorithm, Factors};
use crate::profile::KeyRole;
use crate::reader::Atr;
use crate::value::CardIdentifier;

/// What a card's keys are diversified by, its algorithm, and what a security module wants to be told of it.
#[derive(Clone, PartialEq, Eq)]
pub struct CardKeyId {
    algorithm: Algorithm,
    identifier: CardIdentifier,
    atr: Atr,
    historical: [u8; 13],
}

impl CardKeyId {
    /// Of a card with this algorithm, 卡识别码 and answer to reset; `None` where that has fewer than 13 historical bytes.
    pub fn new(algorithm: Algorithm, identifier: CardIdentifier, atr: Atr) -> Option<Self> {
        let historical = *atr.historical().first_chunk::<13>()?;
        Some(Self { algorithm, identifier, atr, historical })
    }

    /// The algorithm of the card's environment.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// 卡识别码.
    pub fn identifier(&self) -> &CardIdentifier {
        &self.identifier
    }

    /// The process key that a factor makes of one of its keys.
    pub fn process_key<'k>(&'k self, role: &'k KeyRole, process: [u8; 8]) -> ProcessKey<'k> {
        ProcessKey { card: self, role, process }
    }

    pub(super) fn atr(&self) -> &Atr {
        &self.atr
    }

    /// The 13 historical bytes, of which 6 to 13 are a factor.
    pub(super) fn historical(&self) -> &[u8; 13] {
        &self.historical
    }

    pub(super) fn factors(&self) -> Factors {
        let [.., a, b, c, d, e, f, g, h] = self.historical;
        Factors::new(self.identifier.city(), [a, b, c, d, e, f, g, h])
    }
}

/// A process key (card-facts §4.2): whose, and the process factor that makes it of the card's key. It is used where that
/// key is, and by nobody else.
#[derive(Clone, Copy)]
pub struct ProcessKey<'k> {
    /// The card.
    pub card: &'k CardKeyId,
    /// Its key.
    pub role: &'k KeyRole,
    /// The process factor: in external authentication and secure messaging the card's latest challenge.
    pub process: [u8; 8],
}

/// The algorithm only: the rest names one card.
impl fmt::Debug for CardKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardKeyId({})", self.algorithm)
    }
}
