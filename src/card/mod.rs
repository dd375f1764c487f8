//! The social security card: identified, proven genuine, read.

mod access;
pub mod account;
mod authenticate;
pub mod bank;
mod binary;
mod data;
mod directory;
mod edit;
mod error;
pub mod errors;
mod files;
mod gate;
mod genuine;
mod items;
mod journal;
mod memory;
mod mend;
mod narrow;
mod needed;
mod open;
mod pad;
mod parse;
pub mod pin;
pub mod pki;
mod place;
mod protect;
mod randoms;
mod read;
mod reading;
mod repeats;
mod revised;
mod session;
mod step;
mod tries;
mod validity;
mod value;
mod write;

pub use data::{CardFile, Holder, Warning};
pub use error::CardError;
pub use errors::ENTRIES;
pub use gate::{RefusedCards, Validation};
pub use genuine::Genuine;
pub use items::{Contents, Files, Holding};
pub use journal::Journal;
pub use mend::Mended;
pub use narrow::names_of;
pub use open::Card;
pub use pad::HolderPin;
pub use pin::{InitialPins, Pin, PinForm, PinTries};
pub use read::read;
pub use reading::{Apdus, Authenticated, Reading, Validity};
pub use step::Step;
pub use tries::Pairs;
pub use validity::{Accepted, Finding, Lenience, Listing, Verdict};
pub use value::{Content, Value, ValueError};
pub use write::{Update, Written};

use crate::cipher::Algorithm;
use crate::keys::KeyService;
use crate::profile::Profile;
use crate::reader::Lease;
use crate::script::Library;
use crate::store::Store;
use crate::world::{Clock, Random};

/// What a reading needs.
pub struct Parts<'a> {
    /// The way to the card.
    pub lease: &'a mut Lease,
    /// The terminal's keys.
    pub keys: &'a mut dyn KeyService,
    /// The scripts.
    pub scripts: &'a Library,
    /// Keys, files and access conditions.
    pub profile: &'a Profile,
    /// Where card types are remembered.
    pub store: Option<&'a Store>,
    /// Where it is kept which cards refused the terminal's keys.
    pub pairs: Pairs<'a>,
    /// The wall clock, which says when the card was read.
    pub clock: &'a dyn Clock,
    /// Both authentications' randoms, drawn eight bytes at a time: process factor and original of the internal one, then
    /// original of the external one.
    pub random: &'a dyn Random,
    /// What a card uses that names no algorithm.
    pub default_algorithm: Option<Algorithm>,
    /// PINs that cards are issued with: with none of them is anything transacted.
    pub initial_pins: &'a InitialPins,
    /// By what a card is judged before anything on it is changed.
    pub validation: Validation<'a>,
}

#[cfg(test)]
mod tests;
