//! The holder's PIN: VERIFY, CHANGE, and what the issuer does for a holder who forgot it (card-facts §3, §6).

use subtle::ConstantTimeEq;

use super::chip::Outcome;
use super::memory::Bytes;
use super::powered::Powered;
use super::rights::Tries;
use crate::apdu::{Command, StatusWord};

/// A PIN and its tries; a card may have none.
#[derive(Clone)]
pub(super) struct Pin {
    value: Option<Bytes>,
    tries: Tries,
}

impl Pin {
    /// `value` is packed BCD, F behind an odd number of digits.
    pub(super) fn new(value: Option<Bytes>, tries: u8) -> Self {
        Self { value, tries: Tries::new(tries) }
    }

    /// Whether the card has a PIN.
    pub(super) fn is_set(&self) -> bool {
        self.value.is_some()
    }

    /// 9000 when there is no PIN, else the tries left; counts nothing (card-facts §6).
    fn query(&self) -> StatusWord {
        if self.value.is_some() { self.tries.status() } else { StatusWord::OK }
    }

    fn verify(&mut self, claimed: &[u8]) -> StatusWord {
        let Some(value) = &self.value else {
            return StatusWord::OK;
        };
        if self.tries.locked() {
            return StatusWord::LOCKED;
        }
        self.tries.count(bool::from(value.as_slice().ct_eq(claimed)))
    }

    /// Another PIN, and all tries for it.
    fn set(&mut self, value: &[u8]) {
        self.value = Some(Bytes::new(value.to_vec()));
        self.tries.restore();
    }
}

impl Powered<'_> {
    /// The PIN that guards the current directory, by its place in the memory.
    pub(super) fn pin(&self) -> usize {
        self.pin_of(self.session.directory)
    }

    /// The PIN that guards a directory: one for the whole card, or its own.
    pub(super) fn pin_of(&self, directory: usize) -> usize {
        if self.card.quirks.pin_per_directory { directory } else { 0 }
    }

    pub(super) fn verify(&mut self, command: &Command) -> Outcome {
        if (command.p1(), command.p2()) != (0, 0) {
            return StatusWord::P1P2.into();
        }
        let pin = self.pin();
        match command.data() {
            [] => self.memory.pins[pin].query().into(),
            claimed if (2..=8).contains(&claimed.len()) => {
                let status = self.memory.pins[pin].verify(claimed);
                if status.is_ok() {
                    self.session.rights.verified_pin(pin);
                }
                status.into()
            }
            _ => StatusWord::LENGTH.into(),
        }
    }

    /// Old ‖ FF ‖ new, in clear.
    pub(super) fn change_pin(&mut self, command: &Command) -> Outcome {
        if (command.p1(), command.p2()) != (0x01, 0x00) {
            return StatusWord::P1P2.into();
        }
        if !(5..=17).contains(&command.data().len()) {
            return StatusWord::LENGTH.into();
        }
        let Some((old, new)) = two_pins(command.data()) else {
            return StatusWord::DATA.into();
        };
        let pin = self.pin();
        let pin = &mut self.memory.pins[pin];
        let status = pin.verify(old);
        if status.is_ok() {
            pin.set(new);
        }
        status.into()
    }

    /// PIN CHANGE/UNBLOCK after PUK: P2 = 00 gives the tries back, 01 brings another PIN, enciphered.
    pub(super) fn unblock_pin(&mut self, command: &Command) -> Outcome {
        self.unblocked(command).map_or_else(Into::into, |()| StatusWord::OK.into())
    }

    fn unblocked(&mut self, command: &Command) -> Result<(), StatusWord> {
        let block = self.card.algorithm.block();
        let length = match (command.p1(), command.p2()) {
            (0x00, 0x00) => 4,
            (0x00, 0x01) => block + 4,
            _ => return Err(StatusWord::P1P2),
        };
        if command.data().len() != length {
            return Err(StatusWord::LENGTH);
        }
        let puk = self.card.puk.ok_or(StatusWord::KEY_NOT_FOUND)?;
        if !self.session.rights.key(puk) {
            return Err(StatusWord::SECURITY_STATE);
        }
        let opened = self.open(command)?;
        let pin = self.pin();
        if command.p2() == 0x00 {
            self.memory.pins[pin].tries.restore();
            return Ok(());
        }
        let new = opened.deciphered()?;
        if !is_pin(&new) {
            return Err(StatusWord::DATA);
        }
        self.memory.pins[pin].set(&new);
        Ok(())
    }
}

/// The PINs on both sides of the first FF, which packed BCD cannot contain.
fn two_pins(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = data.iter().position(|byte| *byte == 0xFF)?;
    let (old, new) = (&data[..at], &data[at + 1..]);
    (is_pin(old) && is_pin(new)).then_some((old, new))
}

/// 4 to 16 digits of packed BCD, F in the last nibble behind an odd number (card-facts §6).
fn is_pin(bytes: &[u8]) -> bool {
    let Some((last, before)) = bytes.split_last() else { return false };
    let digits = |byte: &u8| byte >> 4 <= 9 && byte & 0x0F <= 9;
    let end = last >> 4 <= 9 && (last & 0x0F <= 9 || last & 0x0F == 0x0F);
    (2..=8).contains(&bytes.len()) && before.iter().all(digits) && end
}
