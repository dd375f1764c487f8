//! GET CHALLENGE and both authentications (card-facts §3, §4.2).

use subtle::ConstantTimeEq;

use super::chip::Outcome;
use super::powered::Powered;
use crate::apdu::{Command, StatusWord};

impl Powered<'_> {
    /// 4, 8 or 16 bytes; only a challenge of 8 can be a process factor.
    pub(super) fn get_challenge(&mut self, command: &Command) -> Outcome {
        if (command.p1(), command.p2()) != (0, 0) {
            return StatusWord::P1P2.into();
        }
        if !command.data().is_empty() {
            return StatusWord::LENGTH.into();
        }
        let length = match command.le() {
            Some(le @ (4 | 8 | 16)) => usize::from(le),
            None | Some(0) => return Outcome::Read { data: vec![0; 8], exact: true },
            Some(_) => return StatusWord::LENGTH.into(),
        };
        let mut bytes = vec![0; length];
        if self.random.fill(&mut bytes).is_err() {
            return StatusWord::INVALID.into();
        }
        self.session.challenge = bytes.as_slice().try_into().ok();
        Outcome::Read { data: bytes, exact: true }
    }

    pub(super) fn internal_authenticate(&mut self, command: &Command) -> Outcome {
        let Some((process, original)) = two_blocks(command.data()) else {
            return StatusWord::LENGTH.into();
        };
        if command.p1() != 0x00 {
            return StatusWord::P1P2.into();
        }
        if command.p2() != 0x00 || !self.in_environment() {
            return StatusWord::KEY_NOT_FOUND.into();
        }
        Outcome::Waiting(self.card.suite.authentication_data(&self.card.irk, process, original).to_vec())
    }

    pub(super) fn external_authenticate(&mut self, command: &Command) -> Outcome {
        let Some((claimed, original)) = two_blocks(command.data()) else {
            return StatusWord::LENGTH.into();
        };
        if command.p1() != 0x00 {
            return StatusWord::P1P2.into();
        }
        let Some(key) = self.key_of(command.p2()) else {
            return StatusWord::KEY_NOT_FOUND.into();
        };
        if self.memory.keys[key].locked() {
            return StatusWord::LOCKED.into();
        }
        let Some(process) = self.session.challenge.take() else {
            return StatusWord::REFERENCE_DATA.into();
        };
        let expected = self.card.suite.authentication_data(&self.card.keys[key].key, process, original);
        let right = bool::from(expected.ct_eq(&claimed));
        if right {
            self.session.rights.proved_key(key);
        }
        self.memory.keys[key].count(right).into()
    }
}

/// 16 bytes in two halves; a key version may stand behind them (card-facts §3).
fn two_blocks(data: &[u8]) -> Option<([u8; 8], [u8; 8])> {
    let (first, rest) = data.split_first_chunk::<8>()?;
    let (second, version) = rest.split_first_chunk::<8>()?;
    (version.len() <= 1).then_some((*first, *second))
}
