//! What is read from the journal, on a connection that cannot write.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, ToSql, params};
use serde_json::Value;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::entry::{COLUMNS, Entry};
use super::{Caller, Due, Filter, Queue, QueueError, Row, State, Stats, open};
use crate::value::Fen;
use crate::wire::{Digest, Envelope, Header, Receipt};

/// A holder's since a moment, of which something stands: what is worth something and does not go online was settled by the
/// terminal alone.
pub(super) const ALONE: &str = "holder = ?1 AND created_at >= ?2 AND online = 0 AND amount IS NOT NULL \
     AND state NOT IN ('refused', 'cancelled')";

/// What the delivery has work with: a cancellation is a transaction of its own.
const DUE: &str = "open = 1 AND state <> 'cancelling'";
/// What is not at its end, but for what is being cancelled: how many, since when, what it is worth: a cancellation, whose
/// amount is below zero, as much as any other. Of one holder's it would be few; of all there may be a million, and it is
/// asked all the time: an index has all of it.
pub(super) const UNSENT: &str = "SELECT count(*), min(created_at), coalesce(sum(abs(amount)), 0) \
     FROM entries INDEXED BY entries_unsent WHERE open = 1 AND state <> 'cancelling'";

/// Of those, what the terminal settled alone.
pub(super) const PROVISIONAL_UNSENT: &str = "SELECT count(*), min(created_at) FROM entries INDEXED BY entries_unsent \
     WHERE open = 1 AND state <> 'cancelling' AND online = 0 AND amount IS NOT NULL";

/// The centre's answer, where there is one.
type Answer = Result<Option<Receipt>, QueueError>;

impl Queue {
    /// Rows, newest first; what is damaged is left out, and told of in [`Queue::stats`].
    ///
    /// # Errors
    /// What the storage may do.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Row>, QueueError> {
        let states = if filter.states.is_empty() { &State::ALL[..] } else { &filter.states };
        let names: Vec<String> = states.iter().map(|state| format!("'{}'", state.name())).collect();
        // The limit is the database's to know: without it every row there is would be sorted.
        let sql = format!(
            "SELECT {COLUMNS} FROM entries WHERE state IN ({}) ORDER BY sequence DESC LIMIT ?1",
            names.join(",")
        );
        let entries = self.entries(&sql, &[&filter.limit.unwrap_or(100)], u32::MAX)?;
        Ok(entries.into_iter().map(|entry| entry.row).collect())
    }

    /// Open transactions that are to be delivered, after a sequence number, oldest first; what is damaged is left out. An
    /// online one that is not held may have moved since it was read: whoever takes it up reads it again.
    pub(crate) fn due(&self, after: u64, limit: u32) -> Result<Vec<(Row, Due)>, QueueError> {
        let sql = format!("SELECT {COLUMNS} FROM entries WHERE {DUE} AND sequence > ?1 ORDER BY sequence");
        Ok(self.entries(&sql, &[&after], limit)?.into_iter().map(|entry| self.due_entry(entry)).collect())
    }

    /// A holder's first of them after a sequence number.
    pub(crate) fn due_of(&self, holder: Digest, after: u64) -> Result<Option<(Row, Due)>, QueueError> {
        let sql =
            format!("SELECT {COLUMNS} FROM entries WHERE {DUE} AND holder = ?1 AND sequence > ?2 ORDER BY sequence");
        Ok(self.entries(&sql, &[&holder.0, &after], 1)?.pop().map(|entry| self.due_entry(entry)))
    }

    /// Whether somebody holds it is asked once its row was read: asked before, one that was taken in hand and committed in
    /// between would be given out from under its holder. But who held it may have moved it since it was read, and let it
    /// go; what is read once nobody holds it is how it stands, for then the delivery alone moves it.
    fn due_entry(&self, entry: Entry) -> (Row, Due) {
        let held = self.inner.held.is_held(entry.idempotency);
        let bytes = entry.header_bytes.len() + entry.payload.map_or(0, |payload| payload.len());
        (entry.row, Due { holder: entry.holder, held, bytes })
    }

    /// One row.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn get(&self, id: Uuid) -> Result<Option<Row>, QueueError> {
        Ok(self.entry(id)?.map(|entry| entry.row))
    }

    /// The transaction that is known by this ([`Draft::idempotency`](super::Draft)), and the keyed hash of its holder.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn by_key(&self, key: &str) -> Result<Option<(Row, Digest)>, QueueError> {
        let context = &self.inner.context;
        let entry = context.find(&self.reader(), "idempotency", &context.crypto.idempotency(key).0)?;
        Ok(entry.map(|entry| (entry.row, entry.holder)))
    }

    /// The transaction that a caller's key committed, and whether it was asked for the same with it.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn of_caller(&self, caller: &Caller) -> Result<Option<(Row, bool)>, QueueError> {
        let context = &self.inner.context;
        let asked = context.asked(caller);
        let entry = context.find(&self.reader(), "caller", &asked.key.0)?;
        Ok(entry.map(|entry| (entry.row, entry.caller == Some(asked))))
    }

    /// Whether a caller's key committed something, whatever that was.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn knows_caller(&self, key: &str) -> Result<bool, QueueError> {
        let context = &self.inner.context;
        Ok(context.find(&self.reader(), "caller", &context.crypto.caller(key).0)?.is_some())
    }

    /// The opened payload; `None` when there is no such row or its payload was erased. Personal data inside.
    ///
    /// # Errors
    /// [`QueueError::Damaged`] when it does not open, and what the storage may do.
    pub fn payload(&self, id: Uuid) -> Result<Option<Value>, QueueError> {
        let Some(entry) = self.entry(id)? else { return Ok(None) };
        self.plain(&entry)
    }

    /// The centre's answer, as it came. May hold personal data.
    ///
    /// # Errors
    /// As [`Queue::payload`].
    pub fn answer(&self, id: Uuid) -> Result<Option<Receipt>, QueueError> {
        let Some(entry) = self.entry(id)? else { return Ok(None) };
        self.inner.context.open_answer(&entry)
    }

    /// A transaction, and the centre's answer to it, as both stand at one moment: of two reads the second may be about
    /// figures that were taken over since the first.
    ///
    /// # Errors
    /// What the storage may do; [`QueueError::Damaged`] in the place of an answer that does not open.
    pub fn with_answer(&self, id: Uuid) -> Result<Option<(Row, Answer)>, QueueError> {
        let Some(entry) = self.entry(id)? else { return Ok(None) };
        let answer = self.inner.context.open_answer(&entry);
        Ok(Some((entry.row, answer)))
    }

    /// The transaction as it goes up.
    ///
    /// # Errors
    /// As [`Queue::payload`].
    pub fn envelope(&self, id: Uuid) -> Result<Option<Envelope>, QueueError> {
        let Some(entry) = self.entry(id)? else { return Ok(None) };
        let plain = self.plain(&entry).inspect_err(|error| self.tell(error));
        Ok(plain?.map(|payload| Envelope { header: entry.header, payload }))
    }

    /// Headers after a sequence number, in order, up to one that is damaged: nothing can follow that in the chain.
    ///
    /// # Errors
    /// [`QueueError::Damaged`] when the first of them is, and what the storage may do.
    pub fn headers(&self, after: u64, limit: u32) -> Result<Vec<Header>, QueueError> {
        let db = self.reader();
        let sql = format!("SELECT {COLUMNS} FROM entries WHERE sequence > ?1 ORDER BY sequence LIMIT ?2");
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query(params![after, limit])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            match self.inner.context.read(row).inspect_err(|error| self.tell(error)) {
                Ok(entry) => out.push(entry.header),
                Err(error) if out.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(out)
    }

    /// What an operator watches.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn stats(&self) -> Result<Stats, QueueError> {
        let now = self.inner.context.clock.now();
        let db = self.reader();
        let total = open::head(&db)?.sequence;
        let (unsent, oldest, sum): (u64, Option<i64>, i64) =
            db.prepare_cached(UNSENT)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let (refused, last_refused): (u64, Option<i64>) = db
            .prepare_cached("SELECT count(*), max(updated_at) FROM entries WHERE state = 'refused'")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let last_acked: Option<i64> = db
            .prepare_cached("SELECT max(updated_at) FROM entries WHERE state = 'acked'")?
            .query_row([], |row| row.get(0))?;
        let last_ack = last_refused.max(last_acked).and_then(|millis| Timestamp::from_millisecond(millis).ok());
        let age = |millis: i64| (now.as_millisecond() - millis).max(0) / 1000;
        Ok(Stats {
            total,
            unsent,
            oldest_unsent_secs: oldest.map(age),
            oldest_unsent: oldest.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
            sum: Fen(sum),
            refused,
            last_ack,
            damaged: lock(&self.inner.damaged).iter().copied().collect(),
        })
    }

    /// How many provisional settlements the centre has not answered, and the age of the oldest in seconds: below 0 where
    /// the clock was set back since.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn provisional_unsent(&self) -> Result<(u64, Option<i64>), QueueError> {
        let now = self.inner.context.clock.now().as_millisecond();
        let (count, oldest): (u64, Option<i64>) =
            self.reader().prepare_cached(PROVISIONAL_UNSENT)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((count, oldest.map(|millis| (now - millis) / 1000)))
    }

    /// What a holder's provisional settlements since a moment are worth together, those that the centre refused left
    /// out, and those that were cancelled since.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn provisional_sum(&self, holder: Digest, since: Timestamp) -> Result<Fen, QueueError> {
        let sum = self
            .reader()
            .prepare_cached(&format!("SELECT coalesce(sum(amount), 0) FROM entries WHERE {ALONE}"))?
            .query_row(params![holder.0, since.as_millisecond()], |row| row.get(0))?;
        Ok(Fen(sum))
    }

    /// The keyed hash that stands for a holder, or for what is as personal, here and in [`crate::store`].
    pub fn holder_tag(&self, holder: &[u8]) -> Digest {
        self.inner.context.crypto.holder(holder)
    }

    /// Seals by the journal's key what is kept beside it, as what it is told to be (`about`).
    ///
    /// # Errors
    /// Without randomness nothing is sealed.
    pub fn seal_beside(&self, about: &[u8], plain: &[u8]) -> Result<Vec<u8>, QueueError> {
        let context = &self.inner.context;
        context.crypto.seal(plain, &beside(about), &*context.random)
    }

    /// What was sealed as this and as nothing else; `None` where another key sealed it, or it is damaged.
    pub fn open_beside(&self, about: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.inner.context.crypto.open(sealed, &beside(about))
    }

    fn entry(&self, id: Uuid) -> Result<Option<Entry>, QueueError> {
        self.inner.context.find(&self.reader(), "id", id.as_bytes()).inspect_err(|error| self.tell(error))
    }

    /// At most so many that are whole: what is damaged does not keep them from being read.
    fn entries(&self, sql: &str, values: &[&dyn ToSql], most: u32) -> Result<Vec<Entry>, QueueError> {
        let mut out = Vec::new();
        self.each(sql, values, |entry| {
            out.extend(entry.ok());
            Ok(out.len() < most as usize)
        })?;
        Ok(out)
    }

    /// All of them; where one is damaged nobody knows what they come to.
    pub(super) fn whole(&self, sql: &str, values: &[&dyn ToSql]) -> Result<Vec<Entry>, QueueError> {
        let mut out = Vec::new();
        self.each(sql, values, |entry| {
            out.push(entry?);
            Ok(true)
        })?;
        Ok(out)
    }

    /// Reads one after the other, as long as more are wanted.
    fn each(
        &self,
        sql: &str,
        values: &[&dyn ToSql],
        mut take: impl FnMut(Result<Entry, QueueError>) -> Result<bool, QueueError>,
    ) -> Result<(), QueueError> {
        let db = self.reader();
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            let entry = self.inner.context.read(row).inspect_err(|error| self.tell(error));
            if !take(entry)? {
                break;
            }
        }
        Ok(())
    }

    /// A damaged record is told of once, and counted from then on.
    pub(super) fn tell(&self, error: &QueueError) {
        if let QueueError::Damaged { record, what } = error
            && lock(&self.inner.damaged).insert(*record)
        {
            tracing::error!(record, what, "a record of the journal is damaged");
        }
    }

    pub(super) fn plain(&self, entry: &Entry) -> Result<Option<Value>, QueueError> {
        self.inner.context.plain(entry)
    }

    pub(super) fn reader(&self) -> MutexGuard<'_, Connection> {
        lock(&self.inner.reader)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked with it left no half-done change behind.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// No payload of the journal is sealed as this.
fn beside(about: &[u8]) -> Vec<u8> {
    [b"sbkd-beside-1\n", about].concat()
}
