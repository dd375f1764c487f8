//! What was chosen, in batches.

use uuid::Uuid;

use super::Item;

/// The most transactions of a batch, and about the most bytes; one alone may have more.
const BATCH: usize = 64;
const BYTES: usize = 512 << 10;

/// How many there is room for.
#[derive(Clone, Copy)]
pub(in crate::sync) struct Room {
    /// Batches of store-and-forward transactions.
    pub(in crate::sync) batches: usize,
    /// Online transactions.
    pub(in crate::sync) online: usize,
    /// The centre answers: what it left unanswered may be sent again.
    pub(in crate::sync) again: bool,
}

/// What was chosen.
#[derive(Default)]
pub(in crate::sync) struct Chosen {
    pub(in crate::sync) batches: Vec<Vec<Item>>,
    pub(in crate::sync) online: Vec<Item>,
    /// Stored on the way for long, and not sent again: the centre is away.
    pub(in crate::sync) waiting: Vec<Uuid>,
    /// The bytes of the last batch.
    bytes: usize,
}

impl Chosen {
    /// Whether there is room for another one in a batch.
    pub(super) fn has(&self, room: Room) -> bool {
        let last = self.batches.last();
        self.batches.len() < room.batches
            || self.batches.len() == room.batches && last.is_some_and(|last| last.len() < BATCH) && self.bytes < BYTES
    }

    /// One that goes `alone` gets a batch of its own.
    pub(super) fn add(&mut self, item: Item, bytes: usize, alone: bool) {
        match self.batches.last_mut() {
            Some(last) if !alone && last.len() < BATCH && self.bytes + bytes <= BYTES => {
                last.push(item);
                self.bytes += bytes;
            }
            _ => {
                self.batches.push(vec![item]);
                // Nothing is put beside one that goes alone.
                self.bytes = if alone { BYTES } else { bytes };
            }
        }
    }
}
