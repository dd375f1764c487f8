//! The transactions of a stretch of the journal: those of a shift, those the centre settled on a day.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};
use uuid::Uuid;

use super::entry::COLUMNS;
use super::{Queue, QueueError, Row, open};
use crate::wire::Digest;

/// How many are read at once: nobody else reads meanwhile.
const PAGE: usize = 200;

impl Queue {
    /// The place of the last transaction in the chain; 0 when there is none.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn last_sequence(&self) -> Result<u64, QueueError> {
        Ok(open::head(&self.reader())?.sequence)
    }

    /// Each transaction of a shift, oldest first. `after` is the last sequence number from before the shift.
    ///
    /// # Errors
    /// [`QueueError::Damaged`] where one is: nobody knows what they come to then; and what the storage may do.
    pub fn each_of_shift(&self, shift: &str, after: u64, mut take: impl FnMut(Row)) -> Result<(), QueueError> {
        self.pages("sequence > ?1", after, |row| {
            if row.shift.as_deref() == Some(shift) {
                take(row);
            }
        })
    }

    /// Each transaction that is worth something and that the centre has accepted since a moment, oldest first.
    ///
    /// # Errors
    /// As [`Queue::each_of_shift`].
    pub fn each_accepted_since(&self, since: Timestamp, take: impl FnMut(Row)) -> Result<(), QueueError> {
        let accepted = format!(
            "sequence > ?1 AND amount IS NOT NULL AND state IN ('acked', 'cancelling') AND updated_at >= {}",
            since.as_millisecond()
        );
        self.pages(&accepted, 0, take)
    }

    /// The transaction of a message id.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn by_msgid(&self, msgid: &str) -> Result<Option<Row>, QueueError> {
        let found: Option<Vec<u8>> = self
            .reader()
            .prepare_cached("SELECT id FROM entries WHERE msgid = ?1")?
            .query_row([msgid], |row| row.get(0))
            .optional()?;
        let id = found.and_then(|id| Uuid::from_slice(&id).ok());
        id.map_or(Ok(None), |id| self.get(id))
    }

    /// The keyed hash of a transaction's holder.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn holder_of(&self, id: Uuid) -> Result<Option<Digest>, QueueError> {
        Ok(self.inner.context.find(&self.reader(), "id", id.as_bytes())?.map(|entry| entry.holder))
    }

    /// A holder's transactions that came out otherwise than the holder was told: sent on by the terminal by itself, and
    /// then refused or settled otherwise by the centre; and those in `besides`. Oldest first.
    ///
    /// # Errors
    /// As [`Queue::each_of_shift`].
    pub fn otherwise(&self, holder: Digest, besides: &[Uuid]) -> Result<Vec<Row>, QueueError> {
        let db = self.reader();
        let sql = format!(
            "SELECT {COLUMNS} FROM entries WHERE holder = ?1
             AND (state = 'refused' AND online = 0 OR differs IS NOT NULL) ORDER BY sequence"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query([holder.0])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            let row = self.inner.context.read(row)?.row;
            if row.protocol() == crate::value::Protocol::StoreAndForward || besides.contains(&row.id) {
                out.push(row);
            }
        }
        Ok(out)
    }

    fn pages(&self, which: &str, mut after: u64, mut take: impl FnMut(Row)) -> Result<(), QueueError> {
        let sql = format!("SELECT {COLUMNS} FROM entries WHERE {which} ORDER BY sequence LIMIT ?2");
        loop {
            let mut page = Vec::with_capacity(PAGE);
            {
                let db = self.reader();
                let mut statement = db.prepare_cached(&sql)?;
                let mut rows = statement.query(params![after, PAGE])?;
                while let Some(row) = rows.next()? {
                    page.push(self.inner.context.read(row)?.row);
                }
            }
            let last = page.len() < PAGE;
            for row in page {
                after = row.sequence;
                take(row);
            }
            if last {
                return Ok(());
            }
        }
    }
}
