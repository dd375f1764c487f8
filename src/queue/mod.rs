//! The transaction journal: one SQLite file, written by one thread that commits in groups, sealed, chained, signed
//! and anchored (see `ARCHITECTURE.md`, "the queue").
//!
//! A transaction is durable before [`Queue::commit`] returns. What is personal in it is kept sealed.

pub mod errors;
#[allow(dead_code, reason = "the first landing is the shape of the room only")]
mod keys;
mod row;
mod state;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::broadcast;
use uuid::Uuid;

pub use errors::QueueError;
pub use keys::QueueKeys;
pub use row::{Committed, Draft, Filter, Note, Row, Stats, Verified};
pub use state::{By, MOVES, State, protocol};

use crate::wire::{Digest, Envelope, Header, Receipt};
use crate::world::{Clock, Random};

/// Where the journal lives and whose it is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The SQLite file.
    pub path: PathBuf,
    /// The anchor: a file of its own, best on another disk.
    pub anchor: PathBuf,
    /// The terminal's code, as enrolled at the centre: 1 to 12 ASCII letters and digits.
    pub terminal: String,
    /// Everything that is committed carries the demo mark.
    pub demo: bool,
}

/// The journal. A handle: clones share one writer.
#[derive(Clone)]
pub struct Queue {
    #[allow(dead_code, reason = "the first landing is the shape of the room only")]
    inner: Arc<Inner>,
}

struct Inner {}

#[allow(clippy::todo, unused_variables, reason = "the first landing is the shape of the room only")]
impl Queue {
    /// Opens the journal, or makes a new one, and starts its writer.
    ///
    /// # Errors
    /// When the file cannot be opened, is another process's, is damaged, or the keys are not its keys.
    pub fn open(
        settings: Settings,
        keys: QueueKeys,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, QueueError> {
        todo!()
    }

    /// Commits a transaction; durable when this returns. Blocks: not for an async task.
    ///
    /// # Errors
    /// [`QueueError::Conflict`], and what the storage may do.
    pub fn commit(&self, draft: Draft) -> Result<Committed, QueueError> {
        todo!()
    }

    /// [`Queue::commit`] for an async task.
    ///
    /// # Errors
    /// As [`Queue::commit`].
    pub async fn commit_async(&self, draft: Draft) -> Result<Committed, QueueError> {
        todo!()
    }

    /// Moves a transaction to another state. Blocks.
    ///
    /// # Errors
    /// [`QueueError::Move`] when the table does not allow it, [`QueueError::NotFound`], and what the storage may do.
    pub fn advance(&self, id: Uuid, to: State, note: Note) -> Result<Row, QueueError> {
        todo!()
    }

    /// [`Queue::advance`] for an async task.
    ///
    /// # Errors
    /// As [`Queue::advance`].
    pub async fn advance_async(&self, id: Uuid, to: State, note: Note) -> Result<Row, QueueError> {
        todo!()
    }

    /// Rows, newest first.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Row>, QueueError> {
        todo!()
    }

    /// One row.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn get(&self, id: Uuid) -> Result<Option<Row>, QueueError> {
        todo!()
    }

    /// The opened payload; `None` when there is no such row or its payload was erased. Personal data inside.
    ///
    /// # Errors
    /// [`QueueError::Damaged`] when it does not open, and what the storage may do.
    pub fn payload(&self, id: Uuid) -> Result<Option<Value>, QueueError> {
        todo!()
    }

    /// The centre's answer, as it came. May hold personal data.
    ///
    /// # Errors
    /// As [`Queue::payload`].
    pub fn answer(&self, id: Uuid) -> Result<Option<Receipt>, QueueError> {
        todo!()
    }

    /// The transaction as it goes up.
    ///
    /// # Errors
    /// As [`Queue::payload`].
    pub fn envelope(&self, id: Uuid) -> Result<Option<Envelope>, QueueError> {
        todo!()
    }

    /// Headers after a sequence number, in order.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn headers(&self, after: u64, limit: u32) -> Result<Vec<Header>, QueueError> {
        todo!()
    }

    /// What an operator watches.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn stats(&self) -> Result<Stats, QueueError> {
        todo!()
    }

    /// Every row that is committed or changes state from now on.
    pub fn changes(&self) -> broadcast::Receiver<Row> {
        todo!()
    }

    /// Proves the journal whole: chain, signatures, states, payloads, anchor.
    ///
    /// # Errors
    /// [`QueueError::Damaged`] naming the first record that is wrong.
    pub fn verify(&self) -> Result<Verified, QueueError> {
        todo!()
    }

    /// The keyed hash that stands for a holder here and in [`crate::store`].
    pub fn holder_tag(&self, holder: &[u8]) -> Digest {
        todo!()
    }

    /// Tries whether the journal can be written: the storage condition of the terminal. Blocks.
    ///
    /// # Errors
    /// What the storage does.
    pub fn probe(&self) -> Result<(), QueueError> {
        todo!()
    }

    /// Commits what is under way and closes the files. Later calls answer [`QueueError::Closed`].
    pub fn close(&self) {
        todo!()
    }
}
