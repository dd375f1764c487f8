//! The holder's PIN (card-facts §6): asked for its tries, verified, changed.
//!
//! A [`Pin`] is used up by the one attempt that it is for, so that no second one can be made without a person entering it
//! again. Nobody is asked for one inside a lease: whoever opens the card has it by then.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::CardError;
use super::open::{Card, ENVIRONMENT};
use super::session::PIN;
use crate::apdu::StatusWord;
use crate::cipher;
use crate::profile::KeyRole;
use crate::reader::TransportError;
use crate::script::Vars;

/// A PIN of 4 to 16 digits, as the card takes it: packed BCD, F behind an odd number. Wiped on drop, never printed, and
/// not to be copied.
pub struct Pin(Zeroizing<Vec<u8>>);

/// What was entered is no PIN (−33).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a PIN has 4 to 16 digits")]
pub struct PinForm;

/// What a card says of its PIN without counting a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinTries {
    /// It has none.
    Unset,
    /// It has one, and so many tries are left; none is a locked one.
    Left(u8),
}

impl Pin {
    /// A PIN from what a person entered.
    ///
    /// # Errors
    /// [`PinForm`] where it is not 4 to 16 digits.
    pub fn parse(text: &str) -> Result<Self, PinForm> {
        let digits = text.as_bytes();
        if !(4..=16).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
            return Err(PinForm);
        }
        let nibble = |digit: Option<&u8>| digit.map_or(0x0F, |digit| digit - b'0');
        let mut packed = Zeroizing::new(Vec::with_capacity(8));
        packed.extend(digits.chunks(2).map(|two| nibble(two.first()) << 4 | nibble(two.get(1))));
        Ok(Self(packed))
    }

    /// The bytes that the card takes, 2 to 8.
    pub(super) fn packed(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is the same PIN, in a time that does not tell how much of it is.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// The PINs that cards are issued with, as a terminal is told them: nothing is transacted with one, and no PIN becomes one.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct InitialPins(Vec<Zeroizing<Vec<u8>>>);

impl InitialPins {
    /// The PINs that these texts are.
    ///
    /// # Errors
    /// The place of the first one that is none.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, usize> {
        let pin = |(at, text)| Pin::parse(text).map(|pin| pin.0).map_err(|PinForm| at);
        texts.into_iter().enumerate().map(pin).collect::<Result<_, _>>().map(Self)
    }

    fn has(&self, pin: &Pin) -> bool {
        self.0.iter().any(|initial| initial.ct_eq(&pin.0).into())
    }
}

/// How many there are.
impl fmt::Debug for InitialPins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InitialPins({})", self.0.len())
    }
}

/// Nothing of it.
impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

impl Card<'_> {
    /// The tries that are left, without costing one.
    ///
    /// # Errors
    /// When the card is gone, or does not know the question.
    pub fn pin_tries(&mut self) -> Result<PinTries, CardError> {
        let status = self.session.run(PIN, "tries", &mut Vars::new()).map_err(CardError::of_use)?;
        match (status, status.tries_left()) {
            (_, Some(left)) => Ok(PinTries::Left(left)),
            (StatusWord::LOCKED, _) => Ok(PinTries::Left(0)),
            _ => Ok(PinTries::Unset),
        }
    }

    /// Verifies the PIN: one attempt, which uses up `pin`. What it gives lasts until the lease ends.
    ///
    /// # Errors
    /// [`CardError::PinInitial`] before the card is asked, where it is the initial PIN; [`CardError::PinWrong`] with the
    /// tries that are left; [`CardError::PinLocked`].
    pub fn verify_pin(&mut self, pin: Pin) -> Result<(), CardError> {
        if self.is_initial(&pin) {
            return Err(CardError::PinInitial);
        }
        self.attempt("verify", Vars::new().with("pin", pin.packed()), CardError::of_use)?;
        self.verified();
        Ok(())
    }

    /// Changes the PIN: one attempt with the old one. The initial one may be changed, and none may become it.
    ///
    /// # Errors
    /// As [`verify_pin`](Self::verify_pin), and [`CardError::PinToInitial`]; [`CardError::NotValid`] before the card is
    /// asked, where it may not be used; [`CardError::PinUnsure`] where the card may have taken the new PIN.
    pub fn change_pin(&mut self, old: Pin, new: Pin) -> Result<(), CardError> {
        if self.is_initial(&new) {
            return Err(CardError::PinToInitial);
        }
        self.must_be_valid()?;
        self.attempt("change", Vars::new().with("old", old.packed()).with("new", new.packed()), set)
    }

    /// Sets a new PIN without the old one, once the terminal proved PUK: enciphered, and with a MAC.
    ///
    /// # Errors
    /// [`CardError::PinToInitial`]; [`CardError::NoKey`] where the terminal does not have PUK or the key of secure
    /// messaging; [`CardError::PinForm`] for a PIN of more digits than a block of the card's algorithm holds;
    /// [`CardError::NotValid`] before any key is proven, where the card may not be used; [`CardError::PinUnsure`] where it
    /// may have taken the new PIN.
    pub fn reload_pin(&mut self, new: Pin) -> Result<(), CardError> {
        if self.is_initial(&new) {
            return Err(CardError::PinToInitial);
        }
        self.must_be_valid()?;
        self.prove_puk()?;
        let process = self.challenge()?;
        let block = cipher::pin_block(new.packed(), self.algorithm.block()).ok_or(PinForm)?;
        let block = self.encipher(process, &block)?;
        let mut vars = self.with_mac(PIN, "reload", Vars::new().with("block", &block), process)?;
        // A card that went while the keys were asked heard nothing of the new PIN.
        self.session.parts.lease.there()?;
        self.session.run(PIN, "reload", &mut vars).map(drop).map_err(set)
    }

    /// Gives the PIN its tries back, once the terminal proved PUK.
    ///
    /// # Errors
    /// As [`reload_pin`](Self::reload_pin).
    pub fn unblock_pin(&mut self) -> Result<(), CardError> {
        self.must_be_valid()?;
        self.prove_puk()?;
        let process = self.challenge()?;
        self.secured(PIN, "unblock", Vars::new(), process).map_err(CardError::of_use)
    }

    /// The PIN is the environment's, and so is the key that is proven before it is set anew.
    fn prove_puk(&mut self) -> Result<(), CardError> {
        self.select(ENVIRONMENT)?;
        Ok(self.prove(&KeyRole::PUK)?)
    }

    /// One attempt with the PIN; `told` says what it is that ends it otherwise.
    fn attempt(
        &mut self,
        flow: &'static str,
        mut vars: Vars,
        told: fn(CardError) -> CardError,
    ) -> Result<(), CardError> {
        let status = match self.session.run(PIN, flow, &mut vars) {
            // A refusal is one whether the script has a line for it or not.
            Err(CardError::Status { status, .. }) if status.tries_left().is_some() || status == StatusWord::LOCKED => {
                status
            }
            ended => ended.map_err(told)?,
        };
        answered(status)
    }

    /// Whether it is one of the PINs that cards are issued with, by the configuration.
    pub(super) fn is_initial(&self, pin: &Pin) -> bool {
        self.session.parts.initial_pins.has(pin)
    }
}

/// Why a new PIN was not set, as far as that is known: a card that went or failed in the middle may have taken it.
pub(super) fn set(error: CardError) -> CardError {
    let is_sure = match &error {
        CardError::Status { status, .. } => status.refuses(),
        // Of these nothing had reached the card.
        CardError::Transport(TransportError::NoPinPad | TransportError::NoReader(_) | TransportError::NoCard(_)) => {
            true
        }
        CardError::Transport(_) => false,
        CardError::Answer(_) => false,
        _ => true,
    };
    let error = error.of_use();
    if is_sure { error } else { CardError::PinUnsure(Box::new(error)) }
}

/// Whether the card refused the PIN, and how.
pub(super) fn answered(status: StatusWord) -> Result<(), CardError> {
    match (status, status.tries_left()) {
        (StatusWord::LOCKED, _) => Err(CardError::PinLocked),
        (_, Some(left)) => Err(CardError::PinWrong { left }),
        _ => Ok(()),
    }
}
