//! A PIN pad before a virtual chip, and who stands at it: for demonstration and tests in one process.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::apdu::{Command, Response, ins};
use crate::reader::{
    Atr, Interface, PadAbilities, PadOutcome, PinEntry, PinLength, PinPad, Protocol, Transport, TransportError,
};

/// What a pad asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// The PIN that is verified.
    Pin,
    /// The PIN that is to be changed.
    Old,
    /// The new one.
    New,
    /// The new one, once more.
    Again,
}

/// What a person does then.
#[derive(Clone, PartialEq, Eq)]
pub enum Typed {
    /// Types these digits and presses the validation key.
    Digits(Zeroizing<String>),
    /// Presses the cancel key.
    Cancel,
    /// Types nothing until the pad's time is over, which a pad in this process does not wait for.
    Nothing,
}

impl Typed {
    /// Types these digits.
    pub fn digits(digits: &str) -> Self {
        Self::Digits(Zeroizing::new(digits.to_owned()))
    }
}

/// Who stands at the pad.
pub type Person = Arc<dyn Fn(Prompt) -> Typed + Send + Sync>;

/// A transport with a pad before it that can do all a pad can.
pub struct VirtualPad {
    card: Box<dyn Transport>,
    person: Person,
}

impl VirtualPad {
    /// A pad before this card.
    pub fn before(card: Box<dyn Transport>, person: Person) -> Self {
        Self { card, person }
    }

    /// One PIN, in packed BCD with the last half byte filled; or how the entry ended without one.
    fn entry(&self, prompt: Prompt, entry: PinEntry) -> Result<Zeroizing<Vec<u8>>, PadOutcome> {
        let digits = match (self.person)(prompt) {
            Typed::Digits(digits) => digits,
            Typed::Cancel => return Err(PadOutcome::Cancelled),
            Typed::Nothing => return Err(PadOutcome::TimedOut),
        };
        let lengths = usize::from(entry.least().digits())..=usize::from(entry.most().digits());
        if !lengths.contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(PadOutcome::Length);
        }
        let half = |digit: Option<&u8>| digit.map_or(0x0F, |digit| digit - b'0');
        Ok(Zeroizing::new(
            digits.as_bytes().chunks(2).map(|pair| half(pair.first()) << 4 | half(pair.get(1))).collect(),
        ))
    }

    /// Sends the command, once.
    fn send(&mut self, cla: u8, ins: u8, p1: u8, data: &[u8]) -> Result<PadOutcome, TransportError> {
        let command = Command::new(cla, ins, p1, 0).with_data(data).map_err(|_| TransportError::Mute)?;
        let answer = self.card.exchange(&command.to_tpdu())?;
        PadOutcome::of(Response::parse(&answer).map_err(|_| TransportError::Mute)?.status())
    }
}

impl PinPad for VirtualPad {
    fn abilities(&self) -> PadAbilities {
        PadAbilities { verify: true, change: true }
    }

    fn verify(&mut self, entry: PinEntry) -> Result<PadOutcome, TransportError> {
        match self.entry(Prompt::Pin, entry) {
            Ok(pin) => self.send(0x00, ins::VERIFY, 0x00, &pin),
            Err(outcome) => Ok(outcome),
        }
    }

    fn change(&mut self, length: PinLength, patience: Duration) -> Result<PadOutcome, TransportError> {
        let entry = |prompt| self.entry(prompt, PinEntry::of(length, patience));
        let typed = || Ok((entry(Prompt::Old)?, entry(Prompt::New)?, entry(Prompt::Again)?));
        match typed() {
            Ok((_, new, again)) if new != again => Ok(PadOutcome::Differ),
            Ok((old, new, _)) => {
                let data = Zeroizing::new([&old[..], &[0xFF], &new].concat());
                self.send(0x80, ins::CHANGE_PIN, 0x01, &data)
            }
            Err(outcome) => Ok(outcome),
        }
    }
}

impl Transport for VirtualPad {
    fn exchange(&mut self, tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        self.card.exchange(tpdu)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        self.card.reset()
    }

    fn cold_reset(&mut self) -> Result<(), TransportError> {
        self.card.cold_reset()
    }

    fn end(&mut self) -> Result<(), TransportError> {
        self.card.end()
    }

    fn pin_pad(&mut self) -> Result<Option<&mut dyn PinPad>, TransportError> {
        Ok(Some(self))
    }

    fn there(&mut self) -> Result<(), TransportError> {
        self.card.there()
    }

    fn atr(&self) -> &Atr {
        self.card.atr()
    }

    fn protocol(&self) -> Protocol {
        self.card.protocol()
    }

    fn interface(&self) -> Interface {
        self.card.interface()
    }
}
