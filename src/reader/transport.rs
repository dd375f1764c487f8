//! The seam to a card.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Atr, PinPad};

/// The transmission protocol that was agreed with the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Character protocol: 61xx and 6Cxx are the card's way to say lengths.
    T0,
    /// Block protocol, also what PC/SC reports for contactless cards.
    T1,
}

/// How the card is reached; part of the key under which its capabilities are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interface {
    /// By contacts.
    Contact,
    /// By radio.
    Contactless,
}

impl Interface {
    /// Its name in files: `contact`, `contactless`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Contactless => "contactless",
        }
    }
}

/// What carries bytes to one card and its answers back. A back end does no more than that: T=0 is spoken in
/// [`Lease`](super::Lease), once.
pub trait Transport: Send {
    /// Sends one TPDU and returns the whole answer, status word included.
    ///
    /// # Errors
    /// When the card or the way to it is gone; the transport is then of no further use, unless the error is
    /// [`TransportError::Reset`] and [`reset`](Self::reset) succeeds.
    fn exchange(&mut self, tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError>;

    /// Resets the card without taking its power away (warm reset): every right it gave is gone afterwards.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange).
    fn reset(&mut self) -> Result<(), TransportError>;

    /// Takes the card's power away and gives it back (cold reset): what hangs in the chip is gone as well. A back end that
    /// knows no difference resets.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange).
    fn cold_reset(&mut self) -> Result<(), TransportError> {
        self.reset()
    }

    /// As [`reset`](Self::reset), and nothing is sent afterwards: a back end may give the card back in the same step.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange).
    fn end(&mut self) -> Result<(), TransportError> {
        self.reset()
    }

    /// Whether the card is still the one that it was, without sending it anything. A back end that cannot tell says yes.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange).
    fn there(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    /// The reader's PIN pad, where it has one that may be used.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange).
    fn pin_pad(&mut self) -> Result<Option<&mut dyn PinPad>, TransportError> {
        Ok(None)
    }

    /// The card's answer to reset.
    fn atr(&self) -> &Atr;

    /// The protocol in use.
    fn protocol(&self) -> Protocol;

    /// Contact or contactless.
    fn interface(&self) -> Interface {
        Interface::Contact
    }
}

/// Why a card could not be reached. Status words are not errors of this kind: the card did answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// There is no such reader.
    #[error("there is no reader {0:?}")]
    NoReader(String),
    /// It is not clear which of these readers is meant.
    #[error("which reader is meant is not clear: {}", .0.join(", "))]
    Ambiguous(Vec<String>),
    /// There is no card in the reader.
    #[error("there is no card in reader {0:?}")]
    NoCard(String),
    /// The card was pulled.
    #[error("the card was removed")]
    Removed,
    /// Another program reset the card: what was selected and proven is gone.
    #[error("the card was reset by another program")]
    Reset,
    /// Another program, or another lease of this one, holds the card; the program's name where the system tells.
    #[error("the card is in use by {}", .0.as_deref().unwrap_or("another program"))]
    Busy(Option<String>),
    /// The card does not answer, or not in a way that can be understood.
    #[error("the card does not answer")]
    Mute,
    /// The PC/SC service is not there.
    #[error("the smart card service is away")]
    ServiceAway,
    /// The lease's time is over.
    #[error("the lease has ended")]
    Deadline,
    /// The reader has no PIN pad that could do this, or it is not to be used.
    #[error("the reader has no PIN pad for this")]
    NoPinPad,
    /// The PIN pad does not do what it says it can; why, as far as it is known. Whether the card heard of a PIN is not known.
    #[error("the PIN pad refuses: {0}")]
    PadRefused(String),
    /// A replayed recording has something else at this place.
    #[error("{file}:{line}: the recording has something else here: {what}")]
    Replay {
        /// The recording.
        file: String,
        /// The line that differs.
        line: usize,
        /// What differs; no personal data.
        what: String,
    },
    /// What PC/SC said, where it fits nothing above.
    #[error("PC/SC: {0}")]
    Other(String),
}
