//! One record as a link of the chain.

use rusqlite::Connection;

use crate::queue::{QueueError, chain};
use crate::wire::{ChainHead, Digest, Header};

/// A header at its place.
pub(super) struct Link {
    /// Where it stands.
    pub(super) place: u64,
    /// What stands there; `None` when it is no header, or not in the form in which it was hashed.
    pub(super) header: Option<Header>,
    /// The hash of its bytes, if it is the one that is kept beside them.
    pub(super) hash: Option<Digest>,
}

impl Link {
    /// Reads the columns `sequence`, `header` and `header_hash`.
    pub(super) fn read(row: &rusqlite::Row<'_>) -> Result<Self, QueueError> {
        let place: i64 = row.get("sequence")?;
        // What is not even a blob is no header.
        let bytes: Vec<u8> = row.get("header").unwrap_or_default();
        let header = serde_json::from_slice(&bytes).ok().filter(|header| chain::bytes(header) == bytes);
        let hash = chain::hash_bytes(&bytes);
        let kept: Option<[u8; 32]> = row.get("header_hash").ok();
        // No record has a place below 1: that one is in nobody's way, and follows nothing.
        let place = u64::try_from(place).unwrap_or(0);
        Ok(Self { place, header, hash: (kept == Some(hash.0)).then_some(hash) })
    }

    /// The head after it, when it stands where it belongs.
    pub(super) fn follow(&self, head: &ChainHead, terminal: &str) -> Option<ChainHead> {
        let header = self.header.as_ref().filter(|header| header.terminal == terminal)?;
        let hash = self.hash?;
        let next = chain::follow(head, header).ok()?;
        (self.place == next.sequence && next.hash == hash).then_some(next)
    }

    /// The number that its header has.
    pub(super) fn number(&self) -> Option<u64> {
        self.header.as_ref().map(|header| header.sequence)
    }
}

/// The record at a place.
pub(super) fn at(db: &Connection, place: u64) -> Result<Option<Link>, QueueError> {
    let mut statement = db.prepare("SELECT sequence, header, header_hash FROM entries WHERE sequence = ?1")?;
    let mut rows = statement.query([place])?;
    rows.next()?.map(Link::read).transpose()
}

/// The first record from a place on that is what is looked for.
pub(super) fn find(
    db: &Connection,
    from: u64,
    mut wanted: impl FnMut(&Link) -> bool,
) -> Result<Option<Link>, QueueError> {
    let mut statement =
        db.prepare("SELECT sequence, header, header_hash FROM entries WHERE sequence >= ?1 ORDER BY sequence")?;
    let mut rows = statement.query([from])?;
    while let Some(row) = rows.next()? {
        let link = Link::read(row)?;
        if wanted(&link) {
            return Ok(Some(link));
        }
    }
    Ok(None)
}
