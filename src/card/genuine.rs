//! A card that proved itself, to be known again as long as it stays in its reader.

use super::open::Card;
use super::{CardError, Parts};
use crate::reader::Atr;
use crate::value::{CardIdentifier, CardNumber};

/// Which card it was that proved itself: only a card that did gives one. What it says of itself a copy could say as well,
/// so whoever keeps this has to know that the card has not left its reader since.
#[derive(Clone, PartialEq, Eq)]
pub struct Genuine {
    identifier: CardIdentifier,
    number: Option<CardNumber>,
    atr: Atr,
}

impl<'a> Card<'a> {
    /// Opens a card that has not left its reader since it proved itself, without another proof of it: for keys that have
    /// no way to check one.
    ///
    /// # Errors
    /// [`CardError::Swapped`] where it does not say that it is this card, else as [`open`](Self::open).
    pub fn open_again(parts: Parts<'a>, before: &Genuine) -> Result<Self, CardError> {
        let card = Self::identified(parts, &mut |_| {})?;
        if card.genuine()? == *before { Ok(card) } else { Err(CardError::Swapped) }
    }

    /// What it is known by later.
    ///
    /// # Errors
    /// As [`card_file`](Self::card_file).
    pub fn genuine(&self) -> Result<Genuine, CardError> {
        let atr = self.session.parts.lease.atr().clone();
        Ok(Genuine { identifier: self.identifier.clone(), number: self.card_file()?.number, atr })
    }
}

/// Nothing of it: it names one card.
impl std::fmt::Debug for Genuine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Genuine(..)")
    }
}
