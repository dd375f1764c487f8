//! The virtual card and the virtual PSAM: chips that behave as the standard's, from an [`Image`]. They ship in the
//! product, for the demonstration, for training and for tests.
//!
//! A [`Chip`] answers raw T=0 TPDUs. It is reached in two ways that cannot differ, since both hand it the same bytes:
//! through pcscd by [`serve`], which speaks vpcd's protocol over TCP, and in the same process by [`InProcess`] and
//! [`VirtualReaders`].
//!
//! What the virtual parts do not do: SSF33 (not public; an image that asks for it is refused).
//!
//! # The virtual card (card-facts §1 to §3, §6)
//! Its files, their items and conditions are the profile's ([`Profile::builtin`](crate::profile::Profile::builtin)), what
//! they hold is the image's. What it keeps without power is its [`Memory`]; the same card comes back by
//! [`Image::chip_with`]. What the facts leave open is decided so (grade C):
//!
//! - A right by a key goes with the selection of any other directory; a verified PIN stays until a reset, also when a
//!   wrong one follows.
//! - A directory without a key of secure messaging uses the environment's. The MAC's process key is made of the last
//!   challenge, which is used up by it, right or wrong; without one the answer is 6984.
//! - A file that demands a MAC or enciphered data answers anything else 6988. The right to write is looked at first.
//! - PIN CHANGE/UNBLOCK asks for PUK; APPLICATION BLOCK and CARD BLOCK ask for the lock key of their directory (BK,
//!   LKDF03, LKDF04) where it is there; the MAC is the current directory's.
//! - Records that are more than 256 bytes together are not read at once (6700).
//!
//! # The virtual PSAM (card-facts §4.3, STD-9)
//! Environments by name: `sx1…` (DES, also FID 3F00 and what a reset selects), `sx2…` (SSF33: never present), `sx3…`
//! (SM4); one that is missing answers 6A82. Under each, DF01 = `D15600000590` with the files 0015 and 0016.
//!
//! - DELIVERY SESSION KEY `BF DE usage id Lc`: usage = levels × 32 + type, type 7; Lc = 8·levels + 8 with DES,
//!   8·levels + 16 with SM4, whose process factor is filled with eight 00 on the right; the factors stand in the order
//!   card, city, province, process. Answers 9000; a level that is not the key's 6A80; a key that is not there 6A88.
//! - CIPHER DATA `80 FA 00 00` with one block: DES 8 bytes, answered `61 08` and fetched with GET RESPONSE; SM4 16
//!   bytes (original ‖ 00×8), answered at once with the whole 16-byte block and 9000. The host folds the block (left
//!   half XOR right half): [`cipher::fold`](crate::cipher::fold). The process key serves one CIPHER DATA.

mod authentication;
mod binary;
mod card;
mod chip;
mod errors;
mod faults;
mod image;
mod in_process;
mod memory;
mod messaging;
mod pad;
mod pin;
mod powered;
mod psam;
mod readers;
mod records;
mod rights;
mod select;
mod vpcd;

pub use card::VirtualCard;
pub use chip::{Chip, Reaction};
pub use errors::{ENTRIES, ImageError};
pub use faults::Torn;
pub use image::Image;
pub use in_process::InProcess;
pub use memory::Memory;
pub use pad::{Person, Prompt, Typed, VirtualPad};
pub use psam::VirtualPsam;
pub use readers::VirtualReaders;
pub use vpcd::{Ended, serve};

#[cfg(test)]
mod tests;
