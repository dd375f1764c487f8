//! The terminals' chains of headers, as the centre has them.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::db::json;
use super::errors::CenterError;
use crate::queue::chain::{self, Broken};
use crate::wire::{ChainHead, Digest, Header};

/// The last header of a terminal.
pub(super) fn head(db: &Connection, terminal: &str) -> Result<ChainHead, CenterError> {
    let last = db
        .prepare_cached("SELECT sequence, hash FROM chain WHERE terminal = ?1 ORDER BY sequence DESC LIMIT 1")?
        .query_row([terminal], |row| Ok(ChainHead { sequence: row.get(0)?, hash: Digest(row.get(1)?) }))
        .optional()?;
    Ok(last.unwrap_or_default())
}

/// Takes headers of one terminal in sequence. Those that are known must be the same; the others must follow, and be
/// those of the transactions that came before them.
pub(super) fn extend(db: &Connection, headers: &[Header]) -> Result<ChainHead, CenterError> {
    let Some(first) = headers.first() else { return Err(CenterError::Form("no header")) };
    if headers.iter().any(|header| header.terminal != first.terminal) {
        return Err(CenterError::Form("headers of several terminals"));
    }
    let mut head = head(db, &first.terminal)?;
    for header in headers {
        if known(db, header)?.is_some_and(|hash| hash == chain::hash(header)) {
            continue;
        }
        head = chain::follow(&head, header)?;
        check_transaction(db, header, &head.hash)?;
        db.prepare_cached("INSERT INTO chain VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
            header.terminal,
            header.sequence,
            header.id.as_bytes(),
            head.hash.0,
            json(header)
        ])?;
    }
    Ok(head)
}

/// A transaction's header is the one in the chain, if the chain has come that far, and no other transaction has its
/// place.
pub(super) fn check(db: &Connection, header: &Header) -> Result<(), CenterError> {
    let mut other =
        db.prepare_cached("SELECT 1 FROM transactions WHERE terminal = ?1 AND sequence = ?2 AND header_hash <> ?3")?;
    let hash = chain::hash(header);
    let taken = other.exists(params![header.terminal, header.sequence, hash.0])?;
    match known(db, header)? {
        Some(known) if known != hash => Err(Broken::Fork(header.sequence).into()),
        _ if taken => Err(Broken::Fork(header.sequence).into()),
        _ => Ok(()),
    }
}

fn known(db: &Connection, header: &Header) -> Result<Option<Digest>, CenterError> {
    let hash = db
        .prepare_cached("SELECT hash FROM chain WHERE terminal = ?1 AND sequence = ?2")?
        .query_row(params![header.terminal, header.sequence], |row| row.get(0))
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
