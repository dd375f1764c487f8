//! The PSAM's half of a purchase from the medical account (card-facts §4.3, §4.4; STD-9).

use subtle::ConstantTimeEq;

use super::chip::Outcome;
use super::psam::VirtualPsam;
use super::psam_keys::answer;
use crate::apdu::{Command, StatusWord};
use crate::cipher::{self, SessionKey, Transaction};

/// What INIT SAM FOR PURCHASE brings before the factors, 0x1C bytes: the card's random 4, its purchase sequence 2, account
/// 4, self-pay 4, pool 4, type 1, time 7, key version 1, algorithm 1 (grade C: inferred of the length, and of what the
/// MAC is made over).
struct Request {
    random: [u8; 4],
    kind: u8,
    key_version: u8,
    algorithm: u8,
    about: Transaction,
}

/// Bytes of it.
const REQUEST: usize = 0x1C;

/// A purchase whose MAC1 was given: what MAC2 is checked with.
pub(super) struct Begun {
    key: SessionKey,
    about: Transaction,
}

impl VirtualPsam {
    /// The terminal's sequence number 4 ‖ MAC1 4. Each MAC1 has a sequence number of its own.
    pub(super) fn init_sam_for_purchase(&mut self, command: &Command) -> Outcome {
        self.state.purchase = None;
        match self.begun(command) {
            Ok((mac1, begun)) => {
                let sequence = self.terminal_sequence.to_be_bytes();
                self.terminal_sequence += 1;
                let block = begun.key.block();
                self.state.purchase = Some(begun);
                answer(block, [sequence, mac1].concat())
            }
            Err(status) => status.into(),
        }
    }

    fn begun(&self, command: &Command) -> Result<([u8; 4], Begun), StatusWord> {
        if (command.p1(), command.p2()) != (0x01, 0x00) {
            return Err(StatusWord::P1P2);
        }
        let environment = self.environment().ok_or(StatusWord::KEY_INDEX)?;
        let key = environment.purchase.as_ref().ok_or(StatusWord::KEY_INDEX)?;
        let (request, factors) = command.data().split_at_checked(REQUEST).ok_or(StatusWord::LENGTH)?;
        if !factors.len().is_multiple_of(8) {
            return Err(StatusWord::LENGTH);
        }
        let request = Request::read(request).ok_or(StatusWord::LENGTH)?;
        let formula = &self.image.formulas.purchase;
        let algorithm = self.state.environment.map(crate::cipher::Algorithm::id);
        if request.kind != formula.code || Some(request.algorithm) != algorithm {
            return Err(StatusWord::DATA);
        }
        if request.key_version != self.image.key_version {
            return Err(StatusWord::KEY_INDEX);
        }
        if self.terminal_sequence == u32::MAX {
            return Err(StatusWord::COUNTER);
        }
        let (terminal, terminal_sequence) = (self.image.terminal, self.terminal_sequence);
        let about = Transaction { terminal, terminal_sequence, ..request.about };
        let factor = cipher::purchase_factor(request.random, about.sequence, terminal_sequence);
        let key = environment.suite.session(&environment.of_card(key, factors)?, factor);
        Ok((formula.mac1(&key, &about), Begun { key, about }))
    }

    /// The card's MAC2 4: whether it debited.
    pub(super) fn credit_sam_for_purchase(&mut self, command: &Command) -> Outcome {
        if (command.p1(), command.p2()) != (0x00, 0x00) {
            return StatusWord::P1P2.into();
        }
        let Some(Begun { key, about }) = self.state.purchase.take() else {
            return StatusWord::INVALID_STATE.into();
        };
        let Ok(claimed) = <[u8; 4]>::try_from(command.data()) else {
            return StatusWord::LENGTH.into();
        };
        let expected = self.image.formulas.purchase.mac2(&key, &about);
        if bool::from(expected.ct_eq(&claimed)) { StatusWord::OK.into() } else { StatusWord::WRONG_MAC.into() }
    }
}

impl Request {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (random, rest) = bytes.split_first_chunk::<4>()?;
        let (sequence, rest) = rest.split_first_chunk::<2>()?;
        let (account, rest) = rest.split_first_chunk::<4>()?;
        let (self_pay, rest) = rest.split_first_chunk::<4>()?;
        let (pool, rest) = rest.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first()?;
        let (time, rest) = rest.split_first_chunk::<7>()?;
        let [key_version, algorithm] = *rest else { return None };
        let about = Transaction {
            sequence: u16::from_be_bytes(*sequence),
            account: u32::from_be_bytes(*account),
            self_pay: u32::from_be_bytes(*self_pay),
            pool: u32::from_be_bytes(*pool),
            time: *time,
            ..Transaction::default()
        };
        Some(Self { random: *random, kind: *kind, key_version, algorithm, about })
    }
}
