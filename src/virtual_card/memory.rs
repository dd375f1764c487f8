//! What a card keeps without power: its files, its PINs, the tries that are left, and whether it is blocked.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::account::Book;
use super::image::CardImage;
use super::pin::Pin;
use super::rights::Tries;

/// Bytes on a card, wiped when they go.
pub(super) type Bytes = Zeroizing<Vec<u8>>;

/// The memory of one card. A chip that is built on it again, after it was pulled or without power, is the same card
/// ([`Image::chip_with`](super::Image::chip_with)).
#[derive(Clone)]
pub struct Memory(Arc<Mutex<Cells>>);

/// What is in it.
pub(super) struct Cells {
    /// The content of each file of the image, in the image's order.
    pub(super) files: Vec<Content>,
    /// The tries of each key of the image, in the image's order.
    pub(super) keys: Vec<Tries>,
    /// The PIN of each directory, or the first one for all.
    pub(super) pins: Vec<Pin>,
    /// Directories whose application was blocked for good.
    pub(super) locked: BTreeSet<usize>,
    /// The whole card was.
    pub(super) blocked: bool,
    /// The medical account.
    pub(super) book: Book,
}

/// A file's content in its structure (card-facts §1.2, STD-3).
#[derive(Clone)]
pub(super) enum Content {
    /// Records of tag, length and value, each as long as it is; `capacity` bytes of them at most.
    Linear { records: Vec<Bytes>, capacity: usize },
    /// Such records that keep number and length.
    Fixed { records: Vec<Bytes> },
    /// Records without tags, all of `length` bytes; the newest is the first, and the oldest goes when there are `most`.
    Cyclic { records: Vec<Bytes>, most: usize, length: usize },
    /// Bytes.
    Transparent(Bytes),
}

impl Memory {
    /// The memory of a card that is issued as its image says.
    pub(super) fn new(image: &CardImage) -> Self {
        let pins = if image.quirks.pin_per_directory { image.directories.len() } else { 1 };
        Self(Arc::new(Mutex::new(Cells {
            files: image.files.iter().map(|file| file.content.clone()).collect(),
            keys: image.keys.iter().map(|_| Tries::new(image.key_tries)).collect(),
            pins: vec![image.pin.clone(); pins],
            locked: image.locked.clone(),
            blocked: image.quirks.blocked,
            book: image.account.as_ref().map(|account| account.book.clone()).unwrap_or_default(),
        })))
    }

    /// A panic of another thread leaves the memory as it was after the last command.
    pub(super) fn lock(&self) -> MutexGuard<'_, Cells> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory(..)")
    }
}
