//! Erases what is personal of transactions that are at their end. The header stays, and so does all that is proved by it.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::entry::{Entry, one_row};
use super::journal::Context;
use super::writer::{self, Job};
use super::{Queue, QueueError, State, look};
use crate::value::Protocol;
use crate::wire::Outcome;
use crate::wire::payment::paid_at;
use crate::wire::settle::settled_at;

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
    /// Erases payload and answer of what has been at its end since before a moment of the centre's, a few at a time, and
    /// clears the log of what was erased. This terminal's clock has to say so as well as the centre's own time of the
    /// transaction; where the centre gave none, a later record that the centre accepted before that moment tells that it
    /// is old. A damaged record is left as it is. Blocks.
    ///
    /// # Errors
    /// What the storage may do; what was erased until then is.
    pub fn erase(&self, before: Timestamp) -> Result<Erased, QueueError> {
        let mut transactions = 0;
        loop {
            let pass = self.pass(before)?;
            transactions += pass.erased;
            // What was passed over before it was known to be old is looked at again.
            if !pass.rose {
                break;
            }
        }
        // Also what an erasure of before left, whose clearing was kept back.
        let cleared = self.clear()?;
        Ok(Erased { transactions, cleared })
    }

    /// Looks once at all that may be old.
    fn pass(&self, before: Timestamp) -> Result<Step, QueueError> {
        let (mut pass, mut after) = (Step::default(), Place::default());
        loop {
            let step = self.wait(|reply| Job::Erase(before, after, reply))?;
            pass.erased += step.erased;
            pass.rose |= step.rose;
            match step.last {
                Some(last) => after = last,
                None => return Ok(pass),
            }
        }
    }

    /// Clears the log of what was erased; `false` when somebody was reading it. Blocks.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn clear(&self) -> Result<bool, QueueError> {
        self.wait(Job::Clear)
    }

    /// Whether there is something that would be erased at a moment of this terminal's clock.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn has_old(&self, before: Timestamp) -> Result<bool, QueueError> {
        let db = self.reader();
        let mut found = db.prepare_cached(&format!("SELECT 1 FROM entries WHERE {ERASABLE} LIMIT 1"))?;
        Ok(found.exists([before.as_millisecond()])?)
    }
}

impl Context {
    /// When a transaction came to its end by the centre's own time; `None` where the centre gave none for that.
    fn ended_at(&self, entry: &Entry) -> Result<Option<Timestamp>, QueueError> {
        // Nothing but these ends with an answer in it: the others have none, or the one from before they were taken back.
        if !matches!(entry.row.state, State::Acked | State::Refused) {
            return Ok(None);
        }
        let Some(answer) = self.open_answer(entry)? else { return Ok(None) };
        Ok(match (entry.row.protocol(), &answer.outcome) {
            // The centre wrote the receipt.
            (Protocol::StoreAndForward, Outcome::Accepted) => Some(answer.received_at),
            // Without a number of the centre's this terminal wrote it, by its own clock.
            (Protocol::StoreAndForward, Outcome::Refused { .. }) => {
                Some(answer.received_at).filter(|_| !answer.centre_no.is_empty())
            }
            // The terminal wrote it; in it is the centre's settlement.
            (Protocol::Online, _) => settled_at(&answer.output).or_else(|| paid_at(&answer.output)),
        })
    }
}

/// How far an erasure has come: when the last one that was looked at had changed, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place(i64, u64);

/// One transaction's worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Step {
    erased: u64,
    /// A later record than before is known to be old.
    rose: bool,
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
        let mut step = Step::default();
        let known = self.old_until(db)?;
        let mut old_until = known;
        {
            let mut statement = db.prepare_cached(&sql)?;
            let mut rows = statement.query(params![before.as_millisecond(), after.0, after.1])?;
            while let Some(row) = rows.next()? {
                step.last = Some(Place(row.get("updated_at")?, row.get("sequence")?));
                let (entry, ended_at) = match self.read(row).and_then(|entry| Ok((self.ended_at(&entry)?, entry))) {
                    Ok((ended_at, entry)) => (entry, ended_at),
                    // What somebody changed is left to whoever looks into that.
                    Err(QueueError::Damaged { .. }) => continue,
                    Err(error) => return Err(error),
                };
                let is_old = match ended_at {
                    Some(ended_at) => ended_at < before,
                    None => entry.row.sequence < old_until,
                };
                if is_old {
                    // What was committed before one that the centre answered then is no younger.
                    if ended_at.is_some() {
                        old_until = old_until.max(entry.row.sequence);
                    }
                    found.push(entry);
                }
            }
        }
        if old_until > known {
            step.rose = true;
            self.write_old_until(db, old_until)?;
        }
        let mut update =
            db.prepare_cached("UPDATE entries SET payload = NULL, answer = NULL, state_mac = ?2 WHERE sequence = ?1")?;
        for mut entry in found {
            (entry.payload, entry.answer, entry.row.erased) = (None, None, true);
            entry.state_mac = self.state_mac(&entry);
            one_row(update.execute(params![entry.row.sequence, entry.state_mac.0])?, entry.row.sequence)?;
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
