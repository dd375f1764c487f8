//! What is here of a terminal's journal is put aside when another journal begins under its name: its key is another one, or
//! the journal was given up. Nothing is removed, and what the journal that is there still has of it comes back by itself,
//! header by header.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::find;
use crate::center::errors::CenterError;
use crate::center::{alarms, chain};
use crate::wire::{Digest, Header};

/// What the centre has of a journal, by its terminal's name. Each may have rows of a journal of which the others have none.
const OF_A_JOURNAL: [&str; 4] = ["chain", "groups", "holes", "transactions"];

/// The code of the alarm.
const CODE: &str = crate::wire::errors::CHAIN_ANEW.code;

/// Gives up what is here of the journal of a terminal and its key, with an alarm. The name that it has now; none where
/// nothing was here.
pub(in crate::center) fn begin_anew(
    db: &Connection,
    terminal: &str,
    key: &Digest,
    now: Timestamp,
) -> Result<Option<String>, CenterError> {
    match find(db, terminal)? {
        Some(known) if known.key == *key => {}
        Some(_) => return Err(CenterError::Enrol("the terminal has another key")),
        None => return Err(CenterError::Enrol("the terminal is not enrolled")),
    }
    let last = chain::head(db, terminal)?.sequence;
    let name = put_aside(db, terminal, key)?;
    if let Some(name) = &name {
        let text = format!("the journal up to header {last} is given up and kept as {name}: the terminal begins anew");
        alarms::raise_each(db, terminal, CODE, &text, now)?;
    }
    Ok(name)
}

/// Puts it under a name that no terminal can have, with its key in it; its transactions are known by their ids as before.
/// The name; none where nothing was here.
pub(super) fn put_aside(db: &Connection, terminal: &str, key: &Digest) -> Result<Option<String>, CenterError> {
    if !is_there(db, terminal)? {
        return Ok(None);
    }
    let name = free_name(db, terminal, key)?;
    for table in OF_A_JOURNAL {
        db.execute(&format!("UPDATE {table} SET terminal = ?2 WHERE terminal = ?1"), [terminal, &name])?;
    }
    Ok(Some(name))
}

fn free_name(db: &Connection, terminal: &str, key: &Digest) -> Result<String, CenterError> {
    let mut number = 1u64;
    loop {
        let name = format!("{}{key}~{number}", aside(terminal));
        if !is_there(db, &name)? {
            return Ok(name);
        }
        number += 1;
    }
}

/// How the names begin of all that was put aside of a terminal.
pub(in crate::center) fn aside(terminal: &str) -> String {
    format!("{terminal}~")
}

fn is_there(db: &Connection, name: &str) -> Result<bool, CenterError> {
    for table in OF_A_JOURNAL {
        if db.prepare(&format!("SELECT 1 FROM {table} WHERE terminal = ?1"))?.exists([name])? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A header that was put aside and comes again, as it was, is that of the same record: it is not there any more.
pub(in crate::center) fn leave(db: &Connection, header: &Header, hash: &Digest) -> Result<(), CenterError> {
    db.prepare_cached("DELETE FROM chain WHERE id = ?1 AND hash = ?2 AND substr(terminal, 1, length(?3)) = ?3")?
        .execute(params![header.id.as_bytes(), hash.0, aside(&header.terminal)])?;
    Ok(())
}

/// The transaction of such a header is the terminal's again.
pub(in crate::center) fn come_back(db: &Connection, header: &Header, hash: &Digest) -> Result<(), CenterError> {
    db.prepare_cached(
        "UPDATE transactions SET terminal = ?4
         WHERE id = ?1 AND header_hash = ?2 AND substr(terminal, 1, length(?3)) = ?3",
    )?
    .execute(params![header.id.as_bytes(), hash.0, aside(&header.terminal), header.terminal])?;
    Ok(())
}
