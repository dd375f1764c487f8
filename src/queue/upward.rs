//! What goes up with the journal's signature on it. The key stays here.

use rusqlite::params;

use super::entry::COLUMNS;
use super::{Queue, QueueError};
use crate::wire::headers::{Group, SignedHeaders};
use crate::wire::signature::{Purpose, Signature, question};
use crate::wire::{ChainHead, Digest};
use crate::world::NoRandom;

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

    /// The whole commit groups that follow a head, with about `most` headers; none when none are there, or the first is
    /// damaged: nothing can follow that in the chain.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn signed_headers(&self, after: ChainHead, most: usize) -> Result<SignedHeaders, QueueError> {
        let db = self.reader();
        let mut groups =
            db.prepare_cached("SELECT sequence, head, signature FROM groups WHERE sequence > ?1 ORDER BY sequence")?;
        let sql = format!("SELECT {COLUMNS} FROM entries WHERE sequence > ?1 AND sequence <= ?2 ORDER BY sequence");
        let mut entries = db.prepare_cached(&sql)?;
        let (mut all, mut last) = (SignedHeaders::default(), after.sequence);
        let mut rows = groups.query([after.sequence])?;
        while all.headers.len() < most
            && let Some(row) = rows.next()?
        {
            let (sequence, head, signature) = (row.get(0)?, Digest(row.get(1)?), Signature(row.get(2)?));
            let whole = all.headers.len();
            let mut in_group = entries.query(params![last, sequence])?;
            while let Some(row) = in_group.next()? {
                match self.inner.context.read(row).inspect_err(|error| self.tell(error)) {
                    Ok(entry) => all.headers.push(entry.header),
                    Err(_) => {
                        all.headers.truncate(whole);
                        return Ok(all);
                    }
                }
            }
            all.groups.push(Group { sequence, head, signature });
            last = sequence;
        }
        Ok(all)
    }
}
