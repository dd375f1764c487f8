//! The proof that a journal is whole.

use rusqlite::Connection;

use super::entry::{COLUMNS, Entry, damaged, entry};
use super::journal::Context;
use super::{QueueError, Verified, chain, open, seal};
use crate::wire::{ChainHead, Digest};

/// Reads everything in one snapshot. `anchored` must have been read before.
pub(super) fn verify(
    db: &mut Connection,
    context: &Context,
    anchored: Option<ChainHead>,
) -> Result<Verified, QueueError> {
    let snapshot = db.transaction()?;
    let mut groups = Groups::read(&snapshot)?;
    let mut head = ChainHead::default();
    let mut payloads = 0;
    let mut statement = snapshot.prepare(&format!("SELECT {COLUMNS} FROM entries ORDER BY sequence"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let entry = entry(row).map_err(|error| QueueError::Damaged {
            record: head.sequence + 1,
            what: format!("it cannot be read: {error}"),
        })?;
        head = check_header(&head, &entry, context)?;
        payloads += u64::from(check_contents(&entry, context)?);
        groups.check(&head, context)?;
    }
    let count = groups.end(&head)?;
    let anchored = match anchored {
        None if head.sequence > 0 => {
            return Err(QueueError::Damaged { record: 0, what: "the anchor is missing or not this terminal's".into() });
        }
        anchored => anchored.unwrap_or_default(),
    };
    open::check_anchor(&snapshot, &anchored, &head)?;
    Ok(Verified {
        rows: head.sequence,
        groups: count,
        head: head.hash,
        anchor_behind: head.sequence - anchored.sequence,
        payloads,
    })
}

fn check_header(head: &ChainHead, entry: &Entry, context: &Context) -> Result<ChainHead, QueueError> {
    let header = &entry.header;
    let same = entry.row.sequence == header.sequence
        && entry.id == header.id.as_bytes()
        && entry.header_bytes == chain::bytes(header)
        && header.terminal == context.terminal;
    if entry.row.sequence > head.sequence + 1 {
        let record = head.sequence + 1;
        return Err(QueueError::Damaged { record, what: "it was removed".into() });
    }
    let next = chain::follow(head, header).map_err(|broken| damaged(entry, &broken.to_string()))?;
    if !same || next.hash != entry.row.header_hash {
        return Err(damaged(entry, "its header was changed"));
    }
    Ok(next)
}

/// Whether the payload is there.
fn check_contents(entry: &Entry, context: &Context) -> Result<bool, QueueError> {
    context.check(entry)?;
    context.open_answer(entry)?;
    let Some(payload) = context.open_payload(entry)? else { return Ok(false) };
    if context.crypto.commit_to(entry.header.id, &payload) != entry.header.payload_commitment {
        return Err(damaged(entry, "its payload is another's"));
    }
    Ok(true)
}

/// The signatures, in order.
struct Groups {
    all: std::vec::IntoIter<(u64, [u8; 32], Vec<u8>)>,
    count: u64,
    signed: u64,
}

impl Groups {
    fn read(db: &Connection) -> Result<Self, QueueError> {
        let all: rusqlite::Result<Vec<_>> = db
            .prepare("SELECT sequence, head, signature FROM groups ORDER BY sequence")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect();
        Ok(Self { all: all?.into_iter(), count: 0, signed: 0 })
    }

    fn check(&mut self, head: &ChainHead, context: &Context) -> Result<(), QueueError> {
        let Some((sequence, hash, signature)) = self.all.as_slice().first() else { return Ok(()) };
        if *sequence != head.sequence {
            return Ok(());
        }
        let key = &context.crypto.public_key;
        if *hash != head.hash.0 || !seal::head_is_signed(key, &context.terminal, *sequence, &Digest(*hash), signature) {
            return Err(QueueError::Damaged { record: self.signed + 1, what: "its signature does not hold".into() });
        }
        self.signed = head.sequence;
        self.count += 1;
        self.all.next();
        Ok(())
    }

    fn end(self, head: &ChainHead) -> Result<u64, QueueError> {
        if self.signed != head.sequence {
            return Err(QueueError::Damaged { record: self.signed + 1, what: "it is not signed".into() });
        }
        if self.all.len() > 0 {
            return Err(QueueError::Damaged { record: head.sequence + 1, what: "cut off: it was signed".into() });
        }
        Ok(self.count)
    }
}
