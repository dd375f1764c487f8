//! The social security card: identified, proven genuine, read.

mod authenticate;
pub mod bank;
mod data;
pub mod errors;
mod files;
mod memory;
mod open;
mod parse;
mod randoms;
mod read;
mod reading;
mod session;
mod step;
mod tries;
mod validity;

pub use data::{CardFile, Holder, Warning};
pub use errors::{CardError, ENTRIES};
pub use open::Card;
pub use read::read;
pub use reading::{Apdus, Authenticated, Reading, Validity};
pub use step::Step;
pub use tries::Pairs;
pub use validity::{Accepted, Finding, Lenience, Listing, Verdict};

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
    /// Where it is kept which cards refused these keys.
    pub pairs: Pairs<'a>,
    /// The wall clock, which says when the card was read.
    pub clock: &'a dyn Clock,
    /// Both authentications' randoms, drawn eight bytes at a time: process factor and original of the internal one, then
    /// original of the external one.
    pub random: &'a dyn Random,
    /// What a card uses that names no algorithm.
    pub default_algorithm: Option<Algorithm>,
}

#[cfg(test)]
mod tests;
