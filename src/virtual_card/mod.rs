//! The virtual card and the virtual PSAM: chips that behave as the standard's, from an [`Image`]. They ship in the
//! product, for the demonstration, for training and for tests.
//!
//! A [`Chip`] answers raw T=0 TPDUs. It is reached in two ways that cannot differ, since both hand it the same bytes:
//! through pcscd by [`serve`], which speaks vpcd's protocol over TCP, and in the same process by [`InProcess`] and
//! [`VirtualReaders`].
//!
//! What the virtual parts do not do: SSF33 (not public; an image that asks for it is refused). An image may ask for
//! `ssf33-stand-in` instead, another cipher of 16-byte blocks under SSF33's number: what agrees by it says nothing of SSF33.
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
//! # The medical account and the bank application
//! The account lies in DF04 and answers CLA B0; what it decides where the facts are silent stands in `account`, what its
//! MACs are made over in `config/card/account.toml`. The bank application lies beside the environment and can be read, not
//! paid with: PSE and PPSE, selection by name or the start of one, processing options in both formats, records by number.
//!
//! # The application of certificates
//! Its files can be read by anybody. With a key in the image it signs, in a way of its own that `signing` says.
//!
//! # The virtual PSAM (card-facts §4.3, STD-9)
//! Environments by name: `sx1…` (DES, also FID 3F00 and what a reset selects), `sx2…` (the stand-in for SSF33, also FID
//! DDF1), `sx3…` (SM4); one that is missing answers 6A82. Under each, DF01 = `D15600000590` with the files 0015, 0016 and
//! 0019. Its keys are those of the profile that have an id, at the levels the image says. What a DES environment answers
//! is announced `61xx` and fetched with GET RESPONSE, the others answer at once; the factors of a card stand in the order
//! card, city, province.
//!
//! - DELIVERY SESSION KEY `BF DE usage id Lc`: usage = levels × 32 + type; Lc = 8·levels + 8 with DES, 8·levels + 16 with
//!   the others, whose process factor is filled with eight 00 on the right; factors, then process factor. Answers 9000; a
//!   level that is not the key's 6A80; a key that is not there, or of another type, 6A88. Type 2 is not delivered.
//! - CIPHER DATA `80 FA P1 00`; the process key serves one. P1 = 00 (types 7 and 8) enciphers whole blocks, one or more,
//!   each by itself: the host makes of 16 bytes the 8 of authentication data with [`cipher::fold`](crate::cipher::fold),
//!   and lengthens and pads data before with [`cipher::lengthened`](crate::cipher::lengthened). P1 = 05 (types 6, 8, 9 and
//!   12) makes the 4 bytes of a MAC: the first block is the initial vector, the others what [`cipher::pad_80`] made
//!   (grade C: who pads is not said). Another P1 is answered 6A86, since what 01, 02, 03 and 07 chain is not publicly
//!   known; without a process key, or with one of another type, 6985.
//! - INIT SAM FOR PURCHASE `80 70 01 00`, Lc 1C + 8·levels: random 4, purchase sequence 2, account 4, self-pay 4, pool 4,
//!   type 1, time 7, key version 1, algorithm 1 (grade C), then the factors → terminal sequence 4 ‖ MAC1 4. The sequence
//!   number rises with each and outlives resets. No purchase key, another version, or no application: 9403; another type or
//!   algorithm, another level: 6A80; the number at its end: 9402.
//! - CREDIT SAM FOR PURCHASE `80 72 00 00 04` MAC2: 9000, or 9302 when it is wrong; either ends the purchase, as any other
//!   command does: 6901 then.
//!
//! [`cipher::pad_80`]: crate::cipher::pad_80

mod account;
mod authentication;
mod bank;
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
mod psam_keys;
mod psam_purchase;
mod readers;
mod records;
mod rights;
mod select;
mod signing;
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
