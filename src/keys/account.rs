//! What the keys are asked about the medical account (card-facts §4.4).

use subtle::ConstantTimeEq as _;

use super::KeyError;
use crate::cipher::{Formula, Transaction, load_factor, purchase_factor};

/// A purchase that is to be proved to the card.
#[derive(Debug, Clone, Copy)]
pub struct Purchase<'a> {
    /// What MAC1 and MAC2 are made over, and 交易类型.
    pub formula: &'a Formula,
    /// The transaction. The terminal's own sequence number in it is not used: whoever answers has its own.
    pub about: &'a Transaction,
    /// The card's random, from INITIALIZE FOR PURCHASE.
    pub random: [u8; 4],
    /// The version of the card's key, from there.
    pub key_version: u8,
}

impl Purchase<'_> {
    /// The process factor where the terminal's sequence number is this.
    pub(super) fn process(&self, terminal_sequence: u32) -> [u8; 8] {
        purchase_factor(self.random, self.about.sequence, terminal_sequence)
    }
}

/// What proves the terminal to the card in DEBIT FOR PURCHASE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purchased {
    /// 终端交易序号.
    pub terminal_sequence: u32,
    /// MAC1.
    pub mac1: [u8; 4],
}

/// What became of the card's MAC2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// It is the card's.
    Proven,
    /// Nobody here can tell: the national flow of a security module has no step for it. The TAC proves the purchase to
    /// the issuer.
    Unchecked,
}

/// A load that is to be allowed.
#[derive(Debug, Clone, Copy)]
pub struct Load<'a> {
    /// What MAC1 and MAC2 are made over.
    pub formula: &'a Formula,
    /// The transaction, its balance the one before.
    pub about: &'a Transaction,
    /// The card's random, from INITIALIZE FOR LOAD.
    pub random: [u8; 4],
    /// The card's MAC1, from there.
    pub mac1: [u8; 4],
}

impl Load<'_> {
    /// MAC2 by whoever makes MACs with the load key, once MAC1 was found to be the card's.
    pub(super) fn allow(
        &self,
        mut mac: impl FnMut([u8; 8], &[u8]) -> Result<[u8; 4], KeyError>,
    ) -> Result<[u8; 4], KeyError> {
        let process = load_factor(self.random, self.about.sequence);
        let expected = mac(process, &self.formula.mac1_input(self.about))?;
        if !bool::from(expected.ct_eq(&self.mac1)) {
            return Err(KeyError::Mac);
        }
        mac(process, &self.formula.mac2_input(self.about))
    }
}
