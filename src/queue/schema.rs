//! The schema that a journal has, held against the one that this program gives a journal of its version: tables, indexes
//! and triggers decide what is found, computed and written, and no header or signature covers them.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use rusqlite::Connection;
use rusqlite_migration::Migrations;

use super::open::{self, STEPS};
use super::{QueueError, proof};

/// All that is defined, but for what SQLite makes by itself: the indexes of what is unique, and the figures of ANALYZE,
/// by which it plans and from which it reads no row. As bytes: what somebody wrote there need not be text.
const OBJECTS: &str = "SELECT CAST(type AS BLOB), CAST(name AS BLOB), CAST(tbl_name AS BLOB), CAST(sql AS BLOB) \
     FROM sqlite_schema WHERE NOT (type = 'index' AND name GLOB 'sqlite_autoindex_*' AND sql IS NULL) \
     AND NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat3', 'sqlite_stat4'))";
/// The rows by which the database refuses a move.
const MOVES: &str = "SELECT CAST(from_state AS BLOB), CAST(to_state AS BLOB), CAST(online AS BLOB), NULL FROM moves";

type Bytes = Option<Vec<u8>>;
type Lines = BTreeSet<[Bytes; 4]>;

/// What a released schema has.
#[derive(Default)]
struct Released {
    objects: Lines,
    moves: Lines,
}

/// Each thing that is defined is what the schema of the journal's version has, and nothing is missing.
///
/// # Errors
/// [`QueueError::Damaged`], naming the first that is not; [`QueueError::Newer`] where this program does not know the
/// version, and what the storage may do.
pub(super) fn check(db: &Connection) -> Result<(), QueueError> {
    let version = open::version(db)?;
    // Invariant: there is one for each version up to the newest, which `version` has checked.
    let ours = &released()?[version as usize];
    let there = lines(db, OBJECTS)?;
    let is_same = |a: &[Bytes; 4], b: &[Bytes; 4]| a[..2] == b[..2];
    if let Some(object) = there.difference(&ours.objects).next() {
        return Err(match ours.objects.iter().any(|known| is_same(known, object)) {
            true => damaged("changed", object, " is not what the journal's schema has"),
            false => damaged("inserted", object, " is none of the journal's schema"),
        });
    }
    if let Some(object) = ours.objects.difference(&there).next() {
        return Err(damaged("removed", object, " of the journal's schema is gone"));
    }
    match ours.moves.is_empty() || lines(db, MOVES)? == ours.moves {
        true => Ok(()),
        false => Err(proof::damaged(0, "changed: the table moves does not hold the moves that are allowed")),
    }
}

fn damaged(how: &str, [kind, name, ..]: &[Bytes; 4], what: &str) -> QueueError {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
    proof::damaged(0, format!("{how}: the {} {}{what}", text(kind), text(name)))
}

/// What each version has, the empty one first; made once, in memory.
fn released() -> Result<&'static [Released], QueueError> {
    static RELEASED: OnceLock<Vec<Released>> = OnceLock::new();
    if let Some(released) = RELEASED.get() {
        return Ok(released);
    }
    let mut db = Connection::open_in_memory()?;
    let steps = Migrations::from_slice(STEPS);
    let mut all = vec![Released::default()];
    for version in 1..=STEPS.len() {
        steps.to_version(&mut db, version).map_err(open::migration)?;
        all.push(Released { objects: lines(&db, OBJECTS)?, moves: lines(&db, MOVES)? });
    }
    Ok(RELEASED.get_or_init(|| all))
}

fn lines(db: &Connection, sql: &str) -> Result<Lines, QueueError> {
    let mut statement = db.prepare(sql)?;
    let read = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
    let lines = statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
    Ok(lines)
}
