//! What is done with a holder's card outside a case: one file a kind. The daemon does it for who calls it, and the command
//! line by itself with `--direct`; both do the same, and give the same.
//!
//! Nobody is asked for a PIN while a card is held. Where one is needed, who calls learns what to ask, and by which card it
//! was asked for; they ask, and call again: see [`Ask`].

mod account;
mod bank;
mod call;
mod carry;
mod files;
mod pin;
mod write;

pub use account::{
    AccountSettled, Balance, CardLoaded, LoadCard, PaidFromCard, PayFromCard, ReadBalance, SettleAccount,
    SettledOnCard, Sum,
};
pub use call::{Ask, CardAnswer, CardCall, Secret, Typed};
pub use files::ReadFiles;
pub use pin::{AskTries, ChangePin, Changed, ReloadPin, Reloaded, Tries, UnblockPin, Unblocked, Verified, VerifyPin};
pub use write::{CardMended, FileWritten, MendCard, MendedFile, NewItem, WriteFile};

use std::time::Duration;

use serde::Serialize;

use super::driver::Asked;
use crate::card::account::{AccountError, Receipt};
use crate::card::{Card, CardError, HolderPin, Journal, Pin};
use crate::reader::PadAbilities;

/// Something that is done with an open card. Its members are those of the request, by the same names.
pub trait CardTask: Serialize {
    /// What it comes to, as it is told.
    type Done: Serialize;
    /// The daemon's route of it.
    const PATH: &'static str;
    /// Whether it undertakes something on the card that is kept in the journal.
    const UNDERTAKES: bool = false;

    /// What has to be entered before it is begun.
    fn asks(&self) -> Option<Asked> {
        None
    }

    /// Whether it shows what is masked otherwise.
    fn unmasks(&self) -> bool {
        false
    }

    /// What is let go of once somebody was told of this.
    fn receipts(_done: &Self::Done) -> Vec<Receipt> {
        Vec::new()
    }

    /// Does it.
    ///
    /// # Errors
    /// What can go wrong with a card and the account on it. One that [`asks_pin`] left the card as it was, and the same
    /// with a PIN goes on.
    fn carry_out(
        &self,
        card: &mut Card<'_>,
        desk: &dyn Desk,
        entered: &mut Entered,
    ) -> Result<Self::Done, AccountError>;
}

/// What the place has at which it is done.
pub trait Desk {
    /// Where what is undertaken on cards is kept.
    ///
    /// # Errors
    /// [`CardError::WritesUnknown`] where it cannot be.
    fn journal(&self) -> Result<Journal<'_>, CardError>;

    /// How long a PIN pad waits for the holder.
    fn patience(&self) -> Duration;
}

/// What a person entered for a task. Each PIN is used up by the one attempt that it is for.
#[derive(Debug, Default)]
pub struct Entered {
    /// The PIN; of a change the old one. To be typed at a pad, a change has the new one typed there as well.
    pub pin: Option<HolderPin>,
    /// The new one.
    pub new_pin: Option<Pin>,
}

impl Entered {
    /// Whether all is there that was to be asked.
    fn has(&self, asked: Asked) -> bool {
        match asked {
            Asked::Pin => self.pin.is_some(),
            Asked::New => self.new_pin.is_some(),
            Asked::Change => {
                matches!(self.pin, Some(HolderPin::AtPad(_))) || self.pin.is_some() && self.new_pin.is_some()
            }
        }
    }
}

/// Whether the card wanted the PIN first.
pub fn asks_pin(error: &AccountError) -> bool {
    matches!(error, AccountError::PinNeeded | AccountError::Card(CardError::PinNeeded))
}

/// Whether it is typed at the reader's pad.
pub fn is_typed_at(pad: PadAbilities, asked: Asked) -> bool {
    match asked {
        Asked::Pin => pad.verify,
        Asked::Change => pad.change,
        Asked::New => false,
    }
}
