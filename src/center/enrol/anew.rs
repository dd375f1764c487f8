//! What is here of a terminal's journal is given up for good, so that the journal which the same key has now is taken.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{OF_A_JOURNAL, aside, find, rename, signed_aside};
use crate::center::errors::CenterError;
use crate::center::{alarms, chain};
use crate::wire::{Digest, Header};

/// The code of the alarm.
const CODE: &str = "C-CHAIN-ANEW";

/// Gives up what is here of the journal of a terminal and its key. All of it is kept, with an alarm, under a name that no
/// key has back as a whole; what the terminal's journal still has of it comes back by itself, header by header
/// ([`leave`], [`come_back`]). The names.
pub(in crate::center) fn begin(
    db: &Connection,
    terminal: &str,
    key: &Digest,
    now: Timestamp,
) -> Result<Vec<String>, CenterError> {
    match find(db, terminal)? {
        Some(known) if known.key == *key => {}
        Some(_) => return Err(CenterError::Enrol("the terminal has another key")),
        None => return Err(CenterError::Enrol("the terminal is not enrolled")),
    }
    // What was put aside of this key and not taken back would else be laid under the chain that begins.
    let mut own = vec![terminal.to_owned(), aside(terminal, key)];
    own.extend(signed_aside(db, terminal, key)?);
    let mut names = Vec::new();
    for name in own {
        if !is_there(db, &name)? {
            continue;
        }
        let (last, free) = (chain::head(db, &name)?.sequence, free_name(db, terminal, key)?);
        rename(db, &name, &free)?;
        let text = format!("the journal up to header {last} is given up and kept as {free}: the terminal begins anew");
        alarms::raise_each(db, terminal, CODE, &text, now)?;
        names.push(free);
    }
    Ok(names)
}

/// How the names of what was given up of a key begin; a number ends them.
fn given_up(terminal: &str, key: &Digest) -> String {
    format!("{}~", aside(terminal, key))
}

fn free_name(db: &Connection, terminal: &str, key: &Digest) -> Result<String, CenterError> {
    let start = given_up(terminal, key);
    let mut number = 1u64;
    loop {
        let name = format!("{start}{number}");
        if !is_there(db, &name)? {
            return Ok(name);
        }
        number += 1;
    }
}

fn is_there(db: &Connection, name: &str) -> Result<bool, CenterError> {
    for table in OF_A_JOURNAL {
        if db.prepare(&format!("SELECT 1 FROM {table} WHERE terminal = ?1"))?.exists([name])? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A header that was given up and comes again, as it was, is that of the same record: it is not there any more.
pub(in crate::center) fn leave(
    db: &Connection,
    key: &Digest,
    header: &Header,
    hash: &Digest,
) -> Result<(), CenterError> {
    db.prepare_cached("DELETE FROM chain WHERE id = ?1 AND hash = ?2 AND substr(terminal, 1, length(?3)) = ?3")?
        .execute(params![header.id.as_bytes(), hash.0, given_up(&header.terminal, key)])?;
    Ok(())
}

/// The transaction of such a header is the terminal's again.
pub(in crate::center) fn come_back(
    db: &Connection,
    key: &Digest,
    header: &Header,
    hash: &Digest,
) -> Result<(), CenterError> {
    db.prepare_cached(
        "UPDATE transactions SET terminal = ?4
         WHERE id = ?1 AND header_hash = ?2 AND substr(terminal, 1, length(?3)) = ?3",
    )?
    .execute(params![header.id.as_bytes(), hash.0, given_up(&header.terminal, key), header.terminal])?;
    Ok(())
}
