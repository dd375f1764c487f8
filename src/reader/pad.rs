//! A PIN pad of the reader (PC/SC part 10): the PIN goes from its keys to the card, and never to the host.

use std::time::Duration;

use super::{Lease, TransportError};
use crate::apdu::{StatusWord, ins};

/// How many digits a PIN has: 4 to 16 (card-facts §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PinLength(u8);

impl PinLength {
    /// The fewest.
    pub const LEAST: Self = Self(4);
    /// What every card and every keypad takes.
    pub const SIX: Self = Self(6);
    /// The most.
    pub const MOST: Self = Self(16);

    /// `None` when no PIN has as many.
    pub fn new(digits: u8) -> Option<Self> {
        (Self::LEAST.0..=Self::MOST.0).contains(&digits).then_some(Self(digits))
    }

    /// The digits.
    pub fn digits(self) -> u8 {
        self.0
    }

    /// The bytes of so many digits in packed BCD, the last one filled where they are odd.
    pub fn bytes(self) -> u8 {
        self.0.div_ceil(2)
    }
}

/// What lengths of PIN a pad takes, and how long it waits for the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinEntry {
    least: PinLength,
    most: PinLength,
    /// In seconds, above zero.
    patience: u8,
}

impl PinEntry {
    /// PINs of just this length. The only form that every pad can do: the length of the command is known before.
    pub fn of(length: PinLength, patience: Duration) -> Self {
        Self::between(length, length, patience)
    }

    /// PINs of any length from the one to the other. The pad then has to state the length in the command by itself; one
    /// that cannot says so ([`TransportError::PadRefused`]), and sends nothing.
    ///
    /// `patience` is told to the pad in whole seconds, from 1 to 255.
    pub fn between(one: PinLength, other: PinLength, patience: Duration) -> Self {
        // Clamped to what a byte holds.
        let patience = u8::try_from(patience.as_secs().clamp(1, 255)).unwrap_or(u8::MAX);
        Self { least: one.min(other), most: one.max(other), patience }
    }

    /// The shortest.
    pub fn least(self) -> PinLength {
        self.least
    }

    /// The longest.
    pub fn most(self) -> PinLength {
        self.most
    }

    /// The one length there is, where there is just one.
    pub fn fixed(self) -> Option<PinLength> {
        (self.least == self.most).then_some(self.least)
    }

    /// How long the pad waits, in seconds.
    pub fn seconds(self) -> u8 {
        self.patience
    }
}

/// What a PIN pad can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PadAbilities {
    /// VERIFY with a PIN typed there.
    pub verify: bool,
    /// CHANGE PIN with the old and the new PIN typed there.
    pub change: bool,
}

/// How an entry at a pad ended. Only with [`Answered`](Self::Answered) did the card hear of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PadOutcome {
    /// The PIN went to the card, which said this.
    Answered(StatusWord),
    /// The person pressed the cancel key.
    Cancelled,
    /// Nobody typed in time.
    TimedOut,
    /// The new PIN was typed in two different ways.
    Differ,
    /// The PIN has too few or too many digits.
    Length,
}

impl PadOutcome {
    /// From the status word that a pad gives back: the card's, or one of the pad's own (PC/SC part 10 §2.6). No command of
    /// the card answers with one of these (card-facts §3.1).
    ///
    /// # Errors
    /// [`TransportError::PadRefused`] when the pad cannot do what it was asked for.
    pub fn of(status: StatusWord) -> Result<Self, TransportError> {
        match status.0 {
            0x6400 => Ok(Self::TimedOut),
            0x6401 => Ok(Self::Cancelled),
            0x6402 => Ok(Self::Differ),
            0x6403 => Ok(Self::Length),
            0x6B80 => Err(TransportError::PadRefused("the pad does not understand the entry (6B80)".to_owned())),
            _ => Ok(Self::Answered(status)),
        }
    }

    /// Whether the card said yes.
    pub fn is_ok(self) -> bool {
        matches!(self, Self::Answered(status) if status.is_ok())
    }
}

/// The pad as a back end reaches it. Each call asks a person once and sends at most one command: a PIN that is typed wrong
/// costs one try, and nothing is repeated.
pub trait PinPad {
    /// What it can do.
    fn abilities(&self) -> PadAbilities;

    /// VERIFY (`00 20 00 00`, packed BCD, left aligned, filled with F; card-facts §6) with the PIN that is typed. Blocks until
    /// the person has answered or the entry's time is over.
    ///
    /// # Errors
    /// The pad cannot do it ([`TransportError::NoPinPad`], [`TransportError::PadRefused`]), or the card or the way to it is
    /// gone; whether the card heard of the PIN is then not known.
    fn verify(&mut self, entry: PinEntry) -> Result<PadOutcome, TransportError>;

    /// CHANGE PIN (`80 5E 01 00`, old ‖ FF ‖ new; card-facts §6) with the PINs that are typed, the new one twice. Both have as
    /// many digits as `length` says: part 10 places the new PIN at a fixed offset, so the length of the old one must be
    /// known before.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    fn change(&mut self, length: PinLength, patience: Duration) -> Result<PadOutcome, TransportError>;
}

impl Lease {
    /// What the reader's PIN pad can do; nothing where there is none.
    ///
    /// # Errors
    /// When the card or the way to it is gone.
    pub fn pad(&self) -> Result<PadAbilities, TransportError> {
        self.with(|transport| Ok(transport.pin_pad()?.map(|pad| pad.abilities()).unwrap_or_default()))
    }

    /// VERIFY with a PIN typed at the reader's pad, see [`PinPad::verify`]. The time the person takes does not count against
    /// the lease's deadline; until the entry is over the lease cannot be taken back ([`Recall`](super::Recall)).
    ///
    /// # Errors
    /// [`TransportError::NoPinPad`] where there is none: the caller then asks by keyboard. Else as [`PinPad::verify`].
    pub fn verify_by_pad(&mut self, entry: PinEntry) -> Result<PadOutcome, TransportError> {
        self.at_pad(ins::VERIFY, |pad| pad.verify(entry))
    }

    /// CHANGE PIN with the PINs typed at the reader's pad, see [`PinPad::change`]. A reload cannot be done there: its new PIN
    /// goes to the card enciphered, and no pad has the key.
    ///
    /// # Errors
    /// As [`verify_by_pad`](Self::verify_by_pad).
    pub fn change_by_pad(&mut self, length: PinLength, patience: Duration) -> Result<PadOutcome, TransportError> {
        self.at_pad(ins::CHANGE_PIN, |pad| pad.change(length, patience))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pin_has_4_to_16_digits() {
        assert_eq!(PinLength::new(3), None);
        assert_eq!(PinLength::new(17), None);
        let bytes = |digits| PinLength::new(digits).unwrap().bytes();
        assert_eq!([4, 5, 6, 16].map(bytes), [2, 3, 3, 8]);
    }

    #[test]
    fn the_pads_own_answers_are_not_the_cards() {
        let of = |status| PadOutcome::of(StatusWord(status));
        assert_eq!(of(0x6400), Ok(PadOutcome::TimedOut));
        assert_eq!(of(0x6401), Ok(PadOutcome::Cancelled));
        assert_eq!(of(0x6402), Ok(PadOutcome::Differ));
        assert_eq!(of(0x6403), Ok(PadOutcome::Length));
        assert!(matches!(of(0x6B80), Err(TransportError::PadRefused(_))));
        for card in [0x9000, 0x63C2, 0x6983, 0x6700] {
            assert_eq!(of(card), Ok(PadOutcome::Answered(StatusWord(card))));
        }
    }

    proptest! {
        #[test]
        fn an_entry_is_always_one_a_pad_can_be_told(one in 4u8..=16, other in 4u8..=16, seconds in any::<u64>()) {
            let (one, other) = (PinLength::new(one).unwrap(), PinLength::new(other).unwrap());
            let entry = PinEntry::between(one, other, Duration::from_secs(seconds));
            prop_assert!(entry.least() <= entry.most() && entry.seconds() > 0);
            prop_assert_eq!(entry.fixed().is_some(), one == other);
        }
    }
}
