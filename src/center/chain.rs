//! The terminals' chains of headers, as the centre has them.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::db::json;
use super::enrol::aside;
use super::errors::CenterError;
use super::holes;
use crate::queue;
use crate::queue::chain::{self, Broken};
use crate::wire::headers::{Group, SignedHeaders, SignedHole};
use crate::wire::{ChainHead, Digest, Header};

/// The last header of a terminal, or the last that it has lost after it.
pub(super) fn head(db: &Connection, terminal: &str) -> Result<ChainHead, CenterError> {
    let last = db
        .prepare_cached(
            "SELECT * FROM (SELECT sequence, hash FROM chain WHERE terminal = ?1 ORDER BY sequence DESC LIMIT 1)
             UNION ALL SELECT until_sequence, until_hash FROM holes WHERE terminal = ?1 ORDER BY 1 DESC LIMIT 1",
        )?
        .query_row([terminal], |row| Ok(ChainHead { sequence: row.get(0)?, hash: Digest(row.get(1)?) }))
        .optional()?;
    Ok(last.unwrap_or_default())
}

/// Takes the terminal's headers in sequence, in whole groups that it signed with its key. Those that are known must be
/// the same; the others must follow, or follow what it signed as lost, and be those of the transactions that came before
/// them.
pub(super) fn extend(
    db: &Connection,
    terminal: &str,
    key: &Digest,
    signed: &SignedHeaders,
    now: Timestamp,
) -> Result<ChainHead, CenterError> {
    if signed.headers.is_empty() && signed.holes.is_empty() {
        return Err(CenterError::Form("no header"));
    }
    let mut head = head(db, terminal)?;
    let mut groups = signed.groups.iter().peekable();
    let mut holes = signed.holes.iter().peekable();
    let mut last = signed.headers.first().map_or(0, |first| first.sequence);
    for header in &signed.headers {
        let ends_here = |lost: &&SignedHole| lost.hole.until.sequence.checked_add(1) == Some(header.sequence);
        if let Some(lost) = holes.next_if(ends_here) {
            head = holes::cross(db, terminal, key, lost, head, now)?;
        }
        let (hash, group) = (chain::hash(header), groups.next_if(|group| group.sequence == header.sequence));
        if !known(db, header)?.is_some_and(|known| known == hash) {
            head = chain::follow(&head, header)?;
            aside::leave(db, header, &head.hash)?;
            check_transaction(db, header, &head.hash)?;
            insert(db, header, &head)?;
            aside::come_back(db, header, &head.hash)?;
        }
        if let Some(group) = group {
            take_group(db, terminal, key, group, &hash)?;
            last = group.sequence + 1;
        }
    }
    // What is lost at the end is followed by nothing yet.
    if let Some(lost) = holes.next() {
        head = holes::cross(db, terminal, key, lost, head, now)?;
    }
    if holes.peek().is_some() {
        return Err(CenterError::Form("holes that no header parts"));
    }
    // Nothing is left of either: each header is in a group, and each group has its last header here.
    let ends = signed.headers.last().is_none_or(|header| header.sequence + 1 == last);
    if groups.peek().is_some() || !ends {
        return Err(CenterError::Unsigned(last));
    }
    Ok(head)
}

fn insert(db: &Connection, header: &Header, head: &ChainHead) -> Result<(), CenterError> {
    db.prepare_cached("INSERT INTO chain VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
        header.terminal,
        header.sequence,
        header.id.as_bytes(),
        head.hash.0,
        json(header)
    ])?;
    Ok(())
}

fn take_group(db: &Connection, terminal: &str, key: &Digest, group: &Group, hash: &Digest) -> Result<(), CenterError> {
    let holds = queue::head_is_signed(&key.0, terminal, group.sequence, hash, &group.signature.0);
    if group.head != *hash || !holds {
        return Err(CenterError::Unsigned(group.sequence));
    }
    db.prepare_cached("INSERT OR IGNORE INTO groups VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        terminal,
        group.sequence,
        hash.0,
        group.signature.0
    ])?;
    Ok(())
}

/// A transaction's header is the one in the chain, if the chain has come that far, and no other transaction has its
/// place. The name of the journal that it is of: one that was put aside where that has it already.
pub(super) fn check(db: &Connection, header: &Header) -> Result<String, CenterError> {
    let hash = chain::hash(header);
    let mut journal = db.prepare_cached(
        "SELECT terminal FROM chain WHERE id = ?1 AND hash = ?2
         UNION ALL SELECT terminal FROM transactions WHERE id = ?1 AND header_hash = ?2 LIMIT 1",
    )?;
    let journal: Option<String> =
        journal.query_row(params![header.id.as_bytes(), hash.0], |row| row.get(0)).optional()?;
    if let Some(aside) = journal.filter(|name| *name != header.terminal) {
        return Ok(aside);
    }
    let mut other =
        db.prepare_cached("SELECT 1 FROM transactions WHERE terminal = ?1 AND sequence = ?2 AND header_hash <> ?3")?;
    let taken = other.exists(params![header.terminal, header.sequence, hash.0])?;
    match known(db, header)? {
        Some(known) if known != hash => Err(Broken::Fork(header.sequence).into()),
        _ if taken => Err(Broken::Fork(header.sequence).into()),
        _ => holes::check(db, header, &hash).map(|()| header.terminal.clone()),
    }
}

fn known(db: &Connection, header: &Header) -> Result<Option<Digest>, CenterError> {
    hash(db, &header.terminal, header.sequence)
}

/// The hash of a terminal's header at a place; zeros before the first.
pub(super) fn hash(db: &Connection, terminal: &str, sequence: u64) -> Result<Option<Digest>, CenterError> {
    if sequence == 0 {
        return Ok(Some(Digest::default()));
    }
    let hash = db
        .prepare_cached("SELECT hash FROM chain WHERE terminal = ?1 AND sequence = ?2")?
        .query_row(params![terminal, sequence], |row| row.get(0))
        .optional()?;
    Ok(hash.map(Digest))
}

fn check_transaction(db: &Connection, header: &Header, hash: &Digest) -> Result<(), CenterError> {
    let mut other = db.prepare_cached(
        "SELECT 1 FROM transactions WHERE ((terminal = ?1 AND sequence = ?2) OR id = ?3) AND header_hash <> ?4
         UNION ALL SELECT 1 FROM chain WHERE id = ?3",
    )?;
    if other.exists(params![header.terminal, header.sequence, header.id.as_bytes(), hash.0])? {
        return Err(Broken::Fork(header.sequence).into());
    }
    Ok(())
}
