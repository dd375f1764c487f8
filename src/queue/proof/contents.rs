//! What stands beside a header, and how it is proved.

use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::damaged;
use crate::queue::QueueError;
use crate::queue::entry::{self, Entry};
use crate::queue::journal::Context;
use crate::queue::look;

/// What else of a record is proved than that its header is in its place.
pub(in crate::queue) trait Contents {
    /// The columns that it needs: `sequence`, `header` and `header_hash` among them.
    fn columns(&self, db: &Connection) -> Result<String, QueueError>;

    /// Proves what stands beside a header that is in its place.
    fn check(&mut self, row: &rusqlite::Row<'_>) -> Result<(), QueueError>;

    /// Whether the records are all that the terminal has, and not a day's.
    fn has_all(&self) -> bool {
        true
    }

    /// Whether it proves states and amounts.
    fn proves_states(&self) -> bool;

    /// How many payloads it found and proved; `None` where it proves none.
    fn payloads(&self) -> Option<u64> {
        None
    }
}

/// Headers alone; what stands beside them was signed line by line and proved before.
pub(in crate::queue) struct Bare;

impl Contents for Bare {
    fn has_all(&self) -> bool {
        false
    }

    fn columns(&self, _: &Connection) -> Result<String, QueueError> {
        Ok("sequence, header, header_hash".to_owned())
    }

    fn check(&mut self, _: &rusqlite::Row<'_>) -> Result<(), QueueError> {
        Ok(())
    }

    fn proves_states(&self) -> bool {
        true
    }
}

/// A journal without its keys: the columns that repeat the header.
pub(in crate::queue) struct Mirrored;

impl Contents for Mirrored {
    fn columns(&self, db: &Connection) -> Result<String, QueueError> {
        look::columns(db)
    }

    fn check(&mut self, row: &rusqlite::Row<'_>) -> Result<(), QueueError> {
        read(row).map(drop)
    }

    fn proves_states(&self) -> bool {
        false
    }
}

/// A journal with its keys: all of it.
pub(in crate::queue) struct Opened<'a> {
    context: &'a Context,
    payloads: u64,
    /// Whether nobody waits for the proof any more.
    ended: Option<&'a AtomicBool>,
}

impl<'a> Opened<'a> {
    pub(in crate::queue) fn with(context: &'a Context) -> Self {
        Self { context, payloads: 0, ended: None }
    }

    /// Breaks the proof off with [`QueueError::Closed`] once `ended` is set.
    pub(in crate::queue) fn until(context: &'a Context, ended: &'a AtomicBool) -> Self {
        Self { context, payloads: 0, ended: Some(ended) }
    }
}

impl Contents for Opened<'_> {
    fn columns(&self, db: &Connection) -> Result<String, QueueError> {
        look::columns(db)
    }

    fn check(&mut self, row: &rusqlite::Row<'_>) -> Result<(), QueueError> {
        if self.ended.is_some_and(|ended| ended.load(Ordering::Relaxed)) {
            return Err(QueueError::Closed);
        }
        let entry = read(row)?;
        self.context.check(&entry)?;
        self.context.open_answer(&entry)?;
        let Some(payload) = self.context.open_payload(&entry)? else { return Ok(()) };
        if self.context.crypto.commit_to(entry.header.id, &payload) != entry.header.payload_commitment {
            return Err(entry::damaged(&entry, "changed: its payload is another's"));
        }
        self.payloads += 1;
        Ok(())
    }

    fn proves_states(&self) -> bool {
        true
    }

    fn payloads(&self) -> Option<u64> {
        Some(self.payloads)
    }
}

/// A record whose columns say what its header says.
fn read(row: &rusqlite::Row<'_>) -> Result<Entry, QueueError> {
    let record = row.get("sequence")?;
    let entry = entry::entry(row).map_err(|error| damaged(record, format!("changed: it cannot be read: {error}")))?;
    match entry.id == entry.header.id.as_bytes() {
        true => Ok(entry),
        false => Err(damaged(record, "changed: its id is not what its header says")),
    }
}
