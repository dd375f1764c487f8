//! What is looked at before a journal is opened for writing: a damaged file is never written to.

use std::io::ErrorKind;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _};

use super::anchor;
use super::journal::Context;
use super::lost::Lost;
use super::proof::{self, Anchored, Opened, Terms};
use super::{QueueError, Settings, damage, look, open, owner, schema};
use crate::wire::{ChainHead, Digest, Header};

/// How many of the last records are proved. The rest is proved while the terminal works.
const LAST: u64 = 100;

/// Looks at the journal, whose lock is held, without touching it: whose it is, its head, its anchor, its last records with
/// all that is in them (all of them where damage is noted), and its schema. There may be none yet.
pub(super) fn before_writing(settings: &Settings, context: &Context) -> Result<(), QueueError> {
    let keys = anchor::Proof::Keys(&context.crypto);
    let anchored = anchor::peek_if_there(&settings.anchor, &keys, &context.terminal)?;
    let Some(db) = existing(&settings.path)? else {
        return match anchored {
            Some(anchored) if anchored.sequence > 0 => {
                Err(proof::damaged(1, format!("cut off: the anchor knows {} records", anchored.sequence)))
            }
            _ => Ok(()),
        };
    };
    let head = open::head(&db)?;
    if head.sequence > 0 {
        owner::check(&db, context)?;
    }
    open::check_head(&db, context, anchored, &head)?;
    damage::prove_where_noted(&settings.path, context, anchored)?;
    last(&db, context, &head)?;
    // What becomes of the records themselves says more: the schema comes after them.
    schema::check(&db)
}

/// Looks whether records of this mode may follow those that are there, which were proved before. A centre that is no
/// demonstration takes no header with the demonstration's mark, and so none that follows one.
pub(super) fn mode(settings: &Settings) -> Result<(), QueueError> {
    let Some(db) = existing(&settings.path)? else { return Ok(()) };
    let sql = "SELECT sequence, header FROM entries ORDER BY sequence DESC LIMIT 1";
    let last: Option<(u64, Vec<u8>)> = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((sequence, header)) = last else { return Ok(()) };
    let header: Header =
        serde_json::from_slice(&header).map_err(|_| proof::damaged(sequence, "its header cannot be read"))?;
    if header.demo == settings.demo { Ok(()) } else { Err(QueueError::Mode { demo: header.demo }) }
}

/// The journal, if it has its tables: a process may have died before it had made them.
fn existing(path: &Path) -> Result<Option<Connection>, QueueError> {
    match std::fs::metadata(path) {
        Ok(found) if found.len() == 0 => return Ok(None),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(open::io(error)),
    }
    let db = look::still(path)?;
    let version = open::version(&db)?;
    Ok((version > 0).then_some(db))
}

fn last(db: &Connection, context: &Context, head: &ChainHead) -> Result<(), QueueError> {
    let sql = "SELECT sequence, header_hash FROM entries WHERE sequence <= ?1 ORDER BY sequence DESC LIMIT 1";
    let start = db
        .query_row(sql, [head.sequence.saturating_sub(LAST)], |row| {
            Ok(ChainHead { sequence: row.get(0)?, hash: Digest(row.get(1)?) })
        })
        .optional()?
        .unwrap_or_default();
    let (terminal, key) = (&context.terminal, &context.crypto.public_key);
    let lost = &Lost::proved(db, key, terminal)?;
    let terms = Terms { terminal, key, start, lost, anchor: Anchored::NotAsked, last: None, cut: false };
    proof::prove(db, &terms, &mut Opened::with(context)).map(drop)
}
