//! The virtual card and the virtual PSAM: chips that behave as the standard's, from an [`Image`]. They ship in the
//! product, for the demonstration, for training and for tests.
//!
//! A [`Chip`] answers raw T=0 TPDUs. It is reached in two ways that cannot differ, since both hand it the same bytes:
//! through pcscd by [`serve`], which speaks vpcd's protocol over TCP, and in the same process by [`InProcess`] and
//! [`VirtualReaders`].
//!
//! What the virtual parts do not do: SSF33 (not public; an image that asks for it is refused), writing, secure
//! messaging, payment.
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

#![allow(clippy::todo)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::reader::{Atr, Lease, Protocol, ReaderEvent, ReaderState, Readers, Role, Transport, TransportError};
use crate::world::Random;
use zeroize::Zeroizing;

/// What a chip does with a TPDU.
#[derive(Clone, PartialEq, Eq)]
pub enum Reaction {
    /// It answers: data and status word.
    Answer(Vec<u8>),
    /// It was pulled out before it could answer.
    Removed,
    /// It does not answer.
    Mute,
}

/// A chip behind contacts.
pub trait Chip: Send {
    /// One T=0 TPDU, or a whole APDU, and what comes of it. Any bytes are answered; none makes a chip panic.
    fn answer(&mut self, tpdu: &[u8]) -> Reaction;
    /// Reset: selection, challenge and rights are gone; counters stay.
    fn reset(&mut self);
    /// The answer to reset.
    fn atr(&self) -> Vec<u8>;
}

/// The image of a chip: what is on it, what it can do and what is wrong with it.
#[derive(Clone)]
pub struct Image;

/// Why an image could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ImageError(String);

impl Image {
    /// Loads an image and those it extends.
    ///
    /// # Errors
    /// With file, line and column.
    pub fn load(_path: &Path) -> Result<Self, ImageError> {
        todo!()
    }

    /// The chip of this image: a holder's card, or a PSAM.
    pub fn chip(&self, _random: Arc<dyn Random>) -> Box<dyn Chip> {
        todo!()
    }
}

/// One chip as a [`Transport`].
pub struct InProcess;

impl InProcess {
    /// The way to `chip`, freshly reset.
    pub fn new(_chip: Box<dyn Chip>) -> Self {
        todo!()
    }
}

impl Transport for InProcess {
    fn exchange(&mut self, _tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        todo!()
    }
    fn reset(&mut self) -> Result<(), TransportError> {
        todo!()
    }
    fn atr(&self) -> &Atr {
        todo!()
    }
    fn protocol(&self) -> Protocol {
        Protocol::T0
    }
}

/// Readers in this process, whose chips a test puts in and pulls out.
pub struct VirtualReaders;

impl VirtualReaders {
    /// Readers by name and role.
    pub fn new(_readers: &[(&str, Option<Role>)]) -> Arc<Self> {
        todo!()
    }
    /// Puts a chip into a reader, in place of the one that was there.
    pub fn insert(&self, _reader: &str, _chip: Box<dyn Chip>) {
        todo!()
    }
    /// Pulls the chip out and hands it back.
    pub fn remove(&self, _reader: &str) -> Option<Box<dyn Chip>> {
        todo!()
    }
    /// Pulls the chip at the `n`-th TPDU from now (1 is the next), before it is answered.
    pub fn pull_at(&self, _reader: &str, _n: u32) {
        todo!()
    }
    /// Whether a pull asked for with [`pull_at`](Self::pull_at) has happened.
    pub fn pulled(&self, _reader: &str) -> bool {
        todo!()
    }
    /// Another program resets the card: the lease that holds it learns it at its next exchange.
    pub fn reset_by_another(&self, _reader: &str) {
        todo!()
    }
    /// Another program takes the card for itself (`Some`, with its name where the system tells), or gives it back.
    pub fn hold(&self, _reader: &str, _program: Option<Option<String>>) {
        todo!()
    }
    /// The smart card service goes away or comes back.
    pub fn service(&self, _there: bool) {
        todo!()
    }
    /// TPDUs that the reader's chips were sent so far, GET RESPONSE included.
    pub fn exchanges(&self, _reader: &str) -> u32 {
        todo!()
    }
}

impl Readers for VirtualReaders {
    fn list(&self) -> Vec<ReaderState> {
        todo!()
    }
    fn lease(&self, _reader: &str, _within: Duration) -> Result<Lease, TransportError> {
        todo!()
    }
    fn watch(&self) -> tokio::sync::broadcast::Receiver<ReaderEvent> {
        todo!()
    }
}

/// How [`serve`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The chip was removed (a fault of its image).
    Removed,
    /// It was told to stop.
    Stopped,
}

/// Puts a chip into vpcd's reader at `address` and answers until `stop` is set or the chip is removed. Connects again
/// for ever, with growing pauses.
pub fn serve(_chip: &mut dyn Chip, _address: SocketAddr, _stop: &AtomicBool) -> Ended {
    todo!()
}
