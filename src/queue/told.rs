//! What is known of the centre's time: the newest moment that the centre gave, and up to which record all are older than
//! what was erased. Both stand in `meta`, authenticated as the states are: one that was changed or torn is none, and by
//! none nothing is erased.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

use super::journal::Context;
use super::writer::Job;
use super::{Queue, QueueError};

/// The newest moment of the centre, in milliseconds.
const TIME: &str = "centre-time";
/// The newest record whose own time of the centre was over.
const OLD: &str = "old-until";

/// How much newer a moment is before it is written: what is written may be so much behind, and that only keeps longer.
const STEP: i64 = 3_600_000;

/// The newest moment of the centre since the journal was opened, and the newest one that was handed to the writer.
pub(super) struct Told {
    newest: AtomicI64,
    handed: AtomicI64,
}

impl Default for Told {
    fn default() -> Self {
        Self { newest: AtomicI64::new(i64::MIN), handed: AtomicI64::new(i64::MIN) }
    }
}

impl Queue {
    /// The centre gave this moment as its own, in an answer that is proved to be the centre's. What is old is reckoned
    /// from the newest one, so that none that this host made may come here. Does not wait for the disk: a moment that
    /// was not written is not known after a restart, and nothing is erased too early by that.
    pub fn centre_said(&self, at: Timestamp) {
        let (told, at) = (&self.inner.told, at.as_millisecond());
        told.newest.fetch_max(at, Ordering::Relaxed);
        let is_step = |handed: i64| (at.saturating_sub(handed) >= STEP).then_some(at);
        if told.handed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_step).is_err() {
            return;
        }
        let handed = told.clone();
        let reply = move |done: Result<(), QueueError>| {
            if done.is_err() {
                // The next one is written.
                handed.handed.store(i64::MIN, Ordering::Relaxed);
            }
        };
        // A closed journal writes nothing.
        drop(self.inner.jobs.send(Job::Told(at, Box::new(reply))));
    }

    /// The newest moment that the centre gave; `None` when none is known. No clock of this terminal is in it.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn centre_time(&self) -> Result<Option<Timestamp>, QueueError> {
        let kept = self.inner.context.number(&self.reader(), TIME)?.unwrap_or(i64::MIN);
        let newest = kept.max(self.inner.told.newest.load(Ordering::Relaxed));
        // What is no moment was never one.
        Ok(Some(newest).filter(|newest| *newest != i64::MIN).and_then(|at| Timestamp::from_millisecond(at).ok()))
    }
}

impl Context {
    /// Writes a moment of the centre, unless a newer one is there.
    pub(super) fn told(&self, db: &Connection, at: i64) -> Result<(), QueueError> {
        match self.number(db, TIME)? {
            Some(kept) if kept >= at => Ok(()),
            _ => self.write_number(db, TIME, at),
        }
    }

    /// The record before which all were committed longer ago than what was erased.
    pub(super) fn old_until(&self, db: &Connection) -> Result<u64, QueueError> {
        Ok(self.number(db, OLD)?.and_then(|record| u64::try_from(record).ok()).unwrap_or_default())
    }

    pub(super) fn write_old_until(&self, db: &Connection, record: u64) -> Result<(), QueueError> {
        self.write_number(db, OLD, record.cast_signed())
    }

    /// What is known, authenticated anew with other keys.
    pub(super) fn hand_over(&self, db: &Connection, after: &Self) -> Result<(), QueueError> {
        for name in [TIME, OLD] {
            if let Some(number) = self.number(db, name)? {
                after.write_number(db, name, number)?;
            }
        }
        Ok(())
    }

    /// A number of `meta`; `None` where there is none that this terminal wrote.
    fn number(&self, db: &Connection, name: &str) -> Result<Option<i64>, QueueError> {
        let mut read = db.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
        let kept: Option<Vec<u8>> = read.query_row([name], |row| row.get(0)).optional()?;
        Ok(kept.as_deref().and_then(<[u8]>::split_first_chunk).and_then(|(number, proof)| {
            (self.about_number(name, number) == *proof).then(|| i64::from_be_bytes(*number))
        }))
    }

    fn write_number(&self, db: &Connection, name: &str, number: i64) -> Result<(), QueueError> {
        let number = number.to_be_bytes();
        let value = [&number[..], &self.about_number(name, &number)].concat();
        db.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?.execute((name, value))?;
        Ok(())
    }

    fn about_number(&self, name: &str, number: &[u8; 8]) -> [u8; 32] {
        self.crypto.authenticate(b"meta", &[self.terminal.as_bytes(), name.as_bytes(), number]).0
    }
}
