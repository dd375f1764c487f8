//! The holder's PIN at the reader's pad: it goes from the keys to the card, and this program never has it.
//!
//! What follows of that: whether it is an initial PIN is not known here. A card with one is not refused at a pad (−35), and
//! a change there may make one of it (−36). Whoever has to see to either asks by keyboard: `pin_pad = "none"`, or
//! `"verify"` for changes alone.

use std::time::Duration;

use super::CardError;
use super::open::Card;
use super::pin::{Pin, answered, set};
use crate::reader::{PadAbilities, PadOutcome, PinEntry, PinLength};

/// The holder's PIN as it comes to the card. Used up by the one attempt that it is for.
#[derive(Debug)]
pub enum HolderPin {
    /// Entered before the card was opened.
    Entered(Pin),
    /// To be typed at the reader's pad, once the card asks for it.
    AtPad(PinEntry),
}

impl From<Pin> for HolderPin {
    fn from(pin: Pin) -> Self {
        Self::Entered(pin)
    }
}

impl Card<'_> {
    /// What the reader's pad can do; nothing where there is none, or the configuration does not let it be used.
    ///
    /// # Errors
    /// When the card is gone.
    pub fn pad(&self) -> Result<PadAbilities, CardError> {
        Ok(self.session.parts.lease.pad()?)
    }

    /// Verifies the PIN, wherever it comes from: one attempt.
    ///
    /// # Errors
    /// As [`verify_pin`](Self::verify_pin), or [`verify_at_pad`](Self::verify_at_pad).
    pub fn verify(&mut self, pin: HolderPin) -> Result<(), CardError> {
        match pin {
            HolderPin::Entered(pin) => self.verify_pin(pin),
            HolderPin::AtPad(entry) => self.verify_at_pad(entry),
        }
    }

    /// Has the holder type the PIN at the reader's pad, once: one attempt at most. What it gives lasts until the lease
    /// ends. Whether it is an initial PIN cannot be seen.
    ///
    /// # Errors
    /// [`CardError::PinCancelled`], [`CardError::PinTimedOut`] and [`CardError::PadLength`], of which the card heard
    /// nothing; [`CardError::PinWrong`]; [`CardError::PinLocked`]; what the pad cannot do, as
    /// [`CardError::Transport`].
    pub fn verify_at_pad(&mut self, entry: PinEntry) -> Result<(), CardError> {
        self.session.parts.keys.rest();
        let outcome = self.session.parts.lease.verify_by_pad(entry)?;
        heard(outcome, "verify", CardError::of_use)?;
        self.verified();
        Ok(())
    }

    /// Has the holder type the old PIN and twice the new one at the reader's pad: one attempt at most. Both have as many
    /// digits as `length` says, as PC/SC part 10 wants it. Whether the new one is an initial PIN cannot be seen.
    ///
    /// # Errors
    /// As [`verify_at_pad`](Self::verify_at_pad), and [`CardError::PinsDiffer`]; [`CardError::PinUnsure`] where the card may
    /// have taken the new PIN.
    pub fn change_at_pad(&mut self, length: PinLength, patience: Duration) -> Result<(), CardError> {
        self.must_be_valid()?;
        self.session.parts.keys.rest();
        let outcome = self.session.parts.lease.change_by_pad(length, patience);
        heard(outcome.map_err(|error| set(error.into()))?, "change", set)
    }
}

/// What came of an entry, as what it would be by keyboard.
fn heard(outcome: PadOutcome, step: &'static str, told: fn(CardError) -> CardError) -> Result<(), CardError> {
    match outcome {
        PadOutcome::Answered(status) if status.is_ok() => Ok(()),
        PadOutcome::Answered(status) => {
            answered(status)?;
            Err(told(CardError::Status { step, status }))
        }
        PadOutcome::Cancelled => Err(CardError::PinCancelled),
        PadOutcome::TimedOut => Err(CardError::PinTimedOut),
        PadOutcome::Differ => Err(CardError::PinsDiffer),
        PadOutcome::Length => Err(CardError::PadLength),
    }
}
