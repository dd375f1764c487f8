//! What a PSAM does with its keys for a card: DELIVERY SESSION KEY and CIPHER DATA (card-facts §4.3, STD-9).

use zeroize::Zeroizing;

use super::chip::Outcome;
use super::image::{PsamEnvironment, PsamKey};
use super::psam::VirtualPsam;
use crate::apdu::{Command, StatusWord};
use crate::cipher::{self, Key16, SessionKey};

/// Types of keys, the low five bits of DELIVERY SESSION KEY's usage (card-facts §2.2), by what CIPHER DATA may do with a
/// process key of theirs.
const MACS: [u8; 4] = [6, 8, 9, 12];
const ENCIPHERS: [u8; 2] = [7, 8];

/// A process key that was delivered, and the type of the key it was made of.
pub(super) struct Delivered {
    key: SessionKey,
    kind: u8,
    /// What a command before left to be gone on with.
    carried: Option<Carried>,
}

/// What is gone on with.
enum Carried {
    /// The MAC's last block.
    Mac(Zeroizing<Vec<u8>>),
    /// Blocks that stand for themselves.
    Enciphered,
}

impl VirtualPsam {
    /// The environment whose application is selected.
    pub(super) fn environment(&self) -> Option<&PsamEnvironment> {
        let algorithm = self.state.environment.filter(|_| self.state.application)?;
        self.image.environments.get(&algorithm)
    }

    /// P1 usage, P2 id; factors ‖ process factor.
    pub(super) fn deliver_session_key(&mut self, command: &Command) -> Outcome {
        self.state.delivered = None;
        match self.delivered(command) {
            Ok(delivered) => {
                self.state.delivered = Some(delivered);
                StatusWord::OK.into()
            }
            Err(status) => status.into(),
        }
    }

    fn delivered(&self, command: &Command) -> Result<Delivered, StatusWord> {
        let environment = self.environment().ok_or(StatusWord::KEY_NOT_FOUND)?;
        let (levels, kind) = (command.p1() >> 5, command.p1() & 0x1F);
        let fits = |key: &&PsamKey| key.kind == kind && (MACS.contains(&kind) || ENCIPHERS.contains(&kind));
        let key = environment.keys.get(&command.p2()).filter(fits).ok_or(StatusWord::KEY_NOT_FOUND)?;
        let data = command.data();
        let factors = data.len().checked_sub(environment.suite.block()).ok_or(StatusWord::LENGTH)?;
        let (factors, process) = data.split_at(factors);
        if !factors.len().is_multiple_of(8) {
            return Err(StatusWord::LENGTH);
        }
        // What fills the process factor to a block is 00.
        let (process, filling) = process.split_first_chunk::<8>().ok_or(StatusWord::LENGTH)?;
        if levels != key.levels || filling.iter().any(|byte| *byte != 0) {
            return Err(StatusWord::DATA);
        }
        let card_key = environment.of_card(key, factors)?;
        Ok(Delivered { key: environment.suite.session(&card_key, *process), kind, carried: None })
    }

    /// The process key serves one: blocks that are enciphered, or a MAC, in one command or in several. P1 says what it is
    /// (card-facts §4.3; what its bits say is inferred of 00, 05 and the four others, C).
    pub(super) fn cipher_data(&mut self, command: &Command) -> Outcome {
        let Some(step) = Step::of(command.p1()).filter(|_| command.p2() == 0x00) else {
            return StatusWord::P1P2.into();
        };
        let Some(Delivered { key, kind, carried }) = self.state.delivered.take() else {
            return StatusWord::CONDITIONS.into();
        };
        let allowed = if step.mac { &MACS[..] } else { &ENCIPHERS[..] };
        // What was begun is gone on with, and a MAC only with what came before it.
        let goes_on = match &carried {
            None => !step.mac || step.first,
            Some(Carried::Mac(_)) => step.mac && !step.first,
            Some(Carried::Enciphered) => !step.mac,
        };
        if !allowed.contains(&kind) || !goes_on {
            return StatusWord::CONDITIONS.into();
        }
        let (data, block) = (command.data(), key.block());
        let least = if step.first { 2 } else { 1 };
        if !data.len().is_multiple_of(block) || data.len() < least * block {
            return StatusWord::LENGTH.into();
        }
        if !step.mac {
            let made = data.chunks(block).flat_map(|block| key.encrypt(block).to_vec()).collect();
            self.state.delivered = step.more.then_some(Delivered { key, kind, carried: Some(Carried::Enciphered) });
            return answer(block, made);
        }
        let (start, blocks) = match &carried {
            Some(Carried::Mac(chain)) => (chain.as_slice(), data),
            _ => data.split_at(block),
        };
        let chain = cipher::mac_chain(&key, start, blocks);
        if !step.more {
            return answer(block, cipher::mac_of_chain(&chain).to_vec());
        }
        self.state.delivered = Some(Delivered { key, kind, carried: Some(Carried::Mac(chain)) });
        StatusWord::OK.into()
    }
}

/// What P1 of CIPHER DATA says.
struct Step {
    /// Bit 1: a MAC is made; else the blocks are enciphered.
    mac: bool,
    /// Bit 2: more blocks follow in a command of their own.
    more: bool,
    /// Bit 3: the first block is the MAC's initial vector.
    first: bool,
}

impl Step {
    /// 00 and 02, 05, 07, 03 and 01.
    fn of(p1: u8) -> Option<Self> {
        let step = Self { mac: p1 & 1 != 0, more: p1 & 2 != 0, first: p1 & 4 != 0 };
        (p1 < 8 && (step.mac || !step.first)).then_some(step)
    }
}

impl PsamEnvironment {
    /// The card's key of a PSAM's, by factors in the order card, city, province.
    pub(super) fn of_card(&self, key: &PsamKey, factors: &[u8]) -> Result<Key16, StatusWord> {
        if factors.len() != 8 * usize::from(key.levels) {
            return Err(StatusWord::DATA);
        }
        let (factors, _) = factors.as_chunks::<8>();
        let descending: Vec<[u8; 8]> = factors.iter().rev().copied().collect();
        Ok(self.suite.diversify_by(&key.key, &descending))
    }
}

/// An answer in the two ways seen in the field: fetched with GET RESPONSE from a DES environment, at once from the others
/// (card-facts §4.3).
pub(super) fn answer(block: usize, data: Vec<u8>) -> Outcome {
    if block == 8 { Outcome::Waiting(data) } else { Outcome::AtOnce(data) }
}
