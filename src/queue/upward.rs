//! What goes up with the journal's signature on it. The key stays here.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::entry::COLUMNS;
use super::lost::Lost;
use super::{Queue, QueueError};
use crate::wire::headers::{Group, Hole, SignedHeaders, SignedHole};
use crate::wire::signature::{Purpose, Signature, question};
use crate::wire::{ChainHead, Digest};
use crate::world::NoRandom;

/// What the journal has where the centre has a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// The same.
    Same,
    /// Nothing: it was lost, and the terminal has signed that it was. Whether it was the same nobody can tell here.
    Lost,
    /// Something else.
    Other,
    /// Nothing.
    Missing,
}

impl Queue {
    /// The journal's signature on a message of this terminal; it holds for nothing else.
    pub fn sign(&self, purpose: Purpose, body: &[u8]) -> Signature {
        self.inner.context.crypto.sign_message(&question(self.terminal(), purpose, body))
    }

    /// Random bytes of the journal's source.
    ///
    /// # Errors
    /// When it has none.
    pub(crate) fn random(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        self.inner.context.random.fill(bytes)
    }

    /// Holds a head that the centre has against the journal.
    ///
    /// # Errors
    /// What the storage may do.
    pub(crate) fn known(&self, head: ChainHead) -> Result<Known, QueueError> {
        if head.sequence == 0 {
            return Ok(Known::Same);
        }
        let db = self.reader();
        let hash = db
            .prepare_cached("SELECT header_hash FROM entries WHERE sequence = ?1")?
            .query_row([head.sequence], |row| row.get(0))
            .optional()?;
        if let Some(hash) = hash {
            return Ok(if head.hash == Digest(hash) { Known::Same } else { Known::Other });
        }
        let lost = self.lost(&db)?;
        // Of what was lost, the last one's hash is known.
        let end = lost.holes().iter().find(|hole| hole.until.sequence == head.sequence);
        Ok(match end {
            Some(hole) if hole.until == head => Known::Same,
            Some(_) => Known::Other,
            None if lost.around(&head).is_some() => Known::Lost,
            None => Known::Missing,
        })
    }

    /// What this terminal has signed as lost: a list that is not what it signed is damage, and tells of no hole.
    fn lost(&self, db: &Connection) -> Result<Lost, QueueError> {
        match Lost::proved(db, &self.public_key(), self.terminal()).inspect_err(|error| self.tell(error)) {
            Err(QueueError::Damaged { .. }) => Ok(Lost::default()),
            proved => proved,
        }
    }

    /// The whole commit groups that follow a head, with about `most` headers, and what was lost before those, or after
    /// all of them, and ends after the head; none when none are there, or the first is damaged: nothing can follow that in
    /// the chain.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn signed_headers(&self, after: ChainHead, most: usize) -> Result<SignedHeaders, QueueError> {
        let db = self.reader();
        let mut groups =
            db.prepare_cached("SELECT sequence, head, signature FROM groups WHERE sequence > ?1 ORDER BY sequence")?;
        let sql = format!("SELECT {COLUMNS} FROM entries WHERE sequence > ?1 AND sequence <= ?2 ORDER BY sequence");
        let mut entries = db.prepare_cached(&sql)?;
        let lost = self.lost(&db)?;
        let mut all = SignedHeaders::default();
        let mut last = after.sequence;
        let mut rows = groups.query([after.sequence])?;
        while all.headers.len() < most {
            let Some(row) = rows.next()? else {
                all.holes.extend(lost.beyond(last).map(|hole| self.signed(*hole)));
                break;
            };
            let (sequence, head, signature) = (row.get(0)?, Digest(row.get(1)?), Signature(row.get(2)?));
            let whole = (all.headers.len(), all.holes.len());
            let mut in_group = entries.query(params![last, sequence])?;
            while let Some(row) = in_group.next()? {
                let Ok(entry) = self.inner.context.read(row).inspect_err(|error| self.tell(error)) else {
                    all.headers.truncate(whole.0);
                    all.holes.truncate(whole.1);
                    return Ok(all);
                };
                // What is missing and not on the list is damage: the centre finds the gap.
                let before = lost.before(entry.row.sequence).filter(|hole| hole.until.sequence > after.sequence);
                all.holes.extend(before.map(|hole| self.signed(*hole)));
                all.headers.push(entry.header);
            }
            all.groups.push(Group { sequence, head, signature });
            last = sequence;
        }
        Ok(all)
    }

    /// The first hole that ends after `told`, and no further on than a head: no header that goes up tells of it.
    ///
    /// # Errors
    /// What the storage may do.
    pub(crate) fn signed_hole(&self, told: u64, head: ChainHead) -> Result<Option<SignedHole>, QueueError> {
        let lost = self.lost(&self.reader())?;
        let behind = told + 1..=head.sequence;
        Ok(lost.holes().iter().find(|hole| behind.contains(&hole.until.sequence)).map(|hole| self.signed(*hole)))
    }

    fn signed(&self, hole: Hole) -> SignedHole {
        SignedHole { hole, signature: self.inner.context.crypto.sign_message(&hole.text(self.terminal())) }
    }
}
