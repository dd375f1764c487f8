//! Erases what is personal of transactions that are at their end. The header stays, and so does all that is proved by it.

use std::time::Duration;

use jiff::{Timestamp, civil, tz};
use rusqlite::{Connection, params};
use serde_json::Value;

use super::journal::Context;
use super::writer::{self, Job};
use super::{Queue, QueueError, look};
use crate::value::Protocol;

/// How many are erased in one transaction: whoever commits meanwhile waits no longer than for a few of their own.
const GROUP: u32 = 64;
/// How long the log's readers are waited for while it is cleared away; the writer stands still as long.
const READERS: Duration = Duration::from_millis(50);

/// What is erased: at its end, changed before `?1`, and nothing of the same holder is open, which might lead back to it.
/// An index is named as its condition stands in the schema.
pub(super) const ERASABLE: &str = "open = 0 AND (payload IS NOT NULL OR answer IS NOT NULL) AND updated_at < ?1 \
     AND NOT EXISTS (SELECT 1 FROM entries AS other WHERE other.holder = entries.holder AND other.open = 1)";

/// What came of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// How many transactions lost their payload and answer.
    pub transactions: u64,
    /// Nothing of what was erased is left in the log. `false` when somebody was reading it: try again.
    pub cleared: bool,
}

impl Queue {
    /// Erases payload and answer of what has been at its end since before a moment, a few at a time, and clears the log
    /// of what was erased. A damaged record is left as it is. Blocks.
    ///
    /// # Errors
    /// What the storage may do; what was erased until then is.
    pub fn erase(&self, before: Timestamp) -> Result<Erased, QueueError> {
        let (mut transactions, mut after) = (0, Place::default());
        loop {
            let step = self.wait(|reply| Job::Erase(before, after, reply))?;
            transactions += step.erased;
            match step.last {
                Some(last) => after = last,
                None => break,
            }
        }
        // Also what an erasure of before left, whose clearing was kept back.
        let cleared = self.wait(Job::Clear)?;
        Ok(Erased { transactions, cleared })
    }
}

/// How many of the last answers are opened to find the newest time of the centre.
const ANSWERS: u32 = 64;

impl Queue {
    /// The newest moment that the centre gave for something it accepted; `None` when no answer is left that has one. No
    /// clock of this terminal is in it: what is erased, is erased against that.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn centre_time(&self) -> Result<Option<Timestamp>, QueueError> {
        let db = self.reader();
        let columns = look::columns(&db)?;
        let mut newest = None;
        // By either order alone a clock that jumped could hide the newest; found too old, less is erased.
        for order in ["updated_at", "sequence"] {
            let sql = format!(
                "SELECT {columns} FROM entries WHERE state = 'acked' AND answer IS NOT NULL \
                 ORDER BY {order} DESC LIMIT {ANSWERS}"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                newest = newest.max(self.inner.context.told_at(row)?);
            }
        }
        Ok(newest)
    }
}

impl Context {
    /// When the centre says that it accepted a transaction.
    fn told_at(&self, row: &rusqlite::Row<'_>) -> Result<Option<Timestamp>, QueueError> {
        let read = self.read(row).and_then(|entry| Ok((self.open_answer(&entry)?, entry)));
        let (answer, entry) = match read {
            Ok((Some(answer), entry)) => (answer, entry),
            Ok((None, _)) | Err(QueueError::Damaged { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(match entry.row.protocol() {
            // The centre wrote the receipt.
            Protocol::StoreAndForward => Some(answer.received_at),
            // The terminal wrote it, by its own clock; in it is the centre's settlement.
            Protocol::Online => answer.output.pointer("/setlinfo/setl_time").and_then(Value::as_str).and_then(national),
        })
    }
}

/// A time of the national interface: Beijing's, without saying so.
fn national(text: &str) -> Option<Timestamp> {
    let time = civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
    tz::offset(8).to_timestamp(time).ok()
}

/// How far an erasure has come: when the last one that was looked at had changed, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place(i64, u64);

/// One transaction's worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    erased: u64,
    /// The last one that was looked at; `None` when there are no more.
    last: Option<Place>,
}

impl Context {
    pub(super) fn erase(&self, db: &Connection, before: Timestamp, after: Place) -> Result<Step, QueueError> {
        let sql = format!(
            "SELECT {} FROM entries WHERE {ERASABLE} AND (updated_at, sequence) > (?2, ?3) \
             ORDER BY updated_at, sequence LIMIT {GROUP}",
            look::columns(db)?
        );
        let mut found = Vec::new();
        let mut step = Step { erased: 0, last: None };
        {
            let mut statement = db.prepare_cached(&sql)?;
            let mut rows = statement.query(params![before.as_millisecond(), after.0, after.1])?;
            while let Some(row) = rows.next()? {
                step.last = Some(Place(row.get("updated_at")?, row.get("sequence")?));
                match self.read(row) {
                    Ok(entry) => found.push(entry),
                    // What somebody changed is left to whoever looks into that.
                    Err(QueueError::Damaged { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let mut update =
            db.prepare_cached("UPDATE entries SET payload = NULL, answer = NULL, state_mac = ?2 WHERE sequence = ?1")?;
        for mut entry in found {
            (entry.payload, entry.answer, entry.row.erased) = (None, None, true);
            entry.state_mac = self.state_mac(&entry);
            update.execute(params![entry.row.sequence, entry.state_mac.0])?;
            step.erased += 1;
        }
        Ok(step)
    }
}

/// Moves all that is in the log into the database and makes the log empty; `false` when a reader is in the way.
pub(super) fn clear(db: &Connection) -> Result<bool, QueueError> {
    db.busy_timeout(READERS)?;
    let busy = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    db.busy_timeout(writer::BUSY)?;
    Ok(!busy?)
}
