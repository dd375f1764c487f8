//! What is left of a damaged journal, read as far as it can be.
//!
//! A disk that fails once in a while is told of by SQLite as damage as well: what could not be read is read again, by
//! another connection that has nothing of it in its memory, before it counts as lost.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::aside::Rebuilt;
use super::entry::{COLUMNS, Entry};
use super::journal::Context;
use super::lost::Lost;
use super::readable::{self, Readable};
use super::{QueueError, look, owner, proof, seal};
use crate::wire::headers::Hole;
use crate::wire::{ChainHead, Digest};

/// How often something is read before it is damaged.
const TRIES: usize = 3;
/// How many reads may fail one after the other, and each be tried again.
const PATIENCE: u32 = 16;
/// How far the records may be ahead of the anchor, or of the last signature: two commit groups.
const BEHIND: u64 = 1024;
/// No record takes less room than this, in bytes: in a file of a length there are no more of them.
const LEAST: u64 = 100;

pub(super) struct Damaged {
    old: Readable,
    /// How often something was read by a fresh connection.
    pub(super) opened: Cell<u32>,
}

impl Damaged {
    /// The journal; `None` when it is gone, or an empty file: then no record in it is whole.
    ///
    /// # Errors
    /// When it is there and its tables cannot be read: what is in them is not known.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, QueueError> {
        Ok(readable::open(path)?.map(|old| Self { old, opened: Cell::new(0) }))
    }

    /// Whether it still has the table.
    fn has(&self, table: &str) -> Result<bool, QueueError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)";
        Ok(self.old.db.query_row(sql, [table], |row| row.get(0))?)
    }

    /// What `read` reads; by a fresh connection where it cannot be read. `None` when it can never be.
    fn read<T>(&self, stretch: &mut Stretch, mut read: impl FnMut(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        let mut found = read(&self.old.db).ok();
        if found.is_none() && stretch.is_patient() {
            found = again(|| {
                self.opened.set(self.opened.get() + 1);
                Ok(read(&look::still(&self.old.path)?)?)
            })
            .ok();
        }
        stretch.note(found.is_some());
        found
    }

    /// Copies each record that is whole into `db`. `most` is the highest number that there can be.
    ///
    /// # Errors
    /// [`QueueError::Damaged`] where nothing of the records can be read; what the storage of `db` may do.
    pub(super) fn copy(
        &self,
        db: &Connection,
        context: &Context,
        most: u64,
        chain: &mut Rebuilt,
    ) -> Result<(), QueueError> {
        let columns = look::columns(&self.old.db)?;
        let count = COLUMNS.split(", ").count();
        let values = vec!["?"; count].join(", ");
        let mut insert = db.prepare(&format!("INSERT INTO entries ({COLUMNS}) VALUES ({values})"))?;
        let sql = format!("SELECT {columns} FROM entries WHERE sequence = ?1");
        let (mut place, mut stretch) = (0, Stretch::default());
        loop {
            // Where it cannot be told which comes next, each number is tried that there can be.
            place = match self.read(&mut stretch, |old| next(old, place)) {
                Some(Some(next)) => next,
                None if place < most => place + 1,
                Some(None) | None => break,
            };
            let found = self.read(&mut stretch, |old| {
                let take = |row: &rusqlite::Row<'_>| {
                    let values: Vec<Value> =
                        (0..count).map(|column| row.get(column)).collect::<rusqlite::Result<_>>()?;
                    Ok(owner::whole(context, row).map(|entry| (entry, values)))
                };
                old.prepare_cached(&sql)?.query_row([place], take).optional()
            });
            if let Some(Some(Some((entry, values)))) = found
                && chain.takes(place, &entry)
            {
                insert.execute(params_from_iter(values))?;
            }
        }
        if stretch.has_read { Ok(()) } else { Err(proof::damaged(0, "nothing of its records can be read")) }
    }

    /// The highest number that a record can have. `known` is the highest that is told of, by an anchor or by signatures of
    /// which all could be read if `is_sure`.
    pub(super) fn most(&self, known: u64, is_sure: bool) -> u64 {
        let length = || fs::metadata(&self.old.path).map_or(0, |file| file.len());
        known + if is_sure { BEHIND } else { length() / LEAST }
    }

    /// The signatures that hold, as far as they can be read.
    pub(super) fn signed(&self, context: &Context) -> Result<Signed, QueueError> {
        let (key, terminal) = (&context.crypto.public_key, context.terminal.as_str());
        let mut signed = Signed::default();
        if self.has("meta")? {
            // A list that is not the terminal's says nothing.
            signed.lost =
                again(|| Lost::proved(&look::still(&self.old.path)?, key, terminal)).ok().and_then(|lost| lost.end());
        }
        if !self.has("groups")? {
            return Ok(signed);
        }
        let mut longest: Vec<Group> = Vec::new();
        let read_all = self.read(&mut Stretch::default(), |old| {
            let mut groups = Vec::new();
            let ended = each_group(old, |group| groups.push(group));
            if groups.len() > longest.len() {
                longest = groups;
            }
            ended
        });
        signed.is_all = read_all.is_some();
        // What could be read before the damage is there all the same.
        if read_all.is_none() {
            tracing::warn!(read = longest.len(), "not all signatures of the damaged journal can be read");
        }
        longest.retain(|Group { head, signature }| {
            seal::head_is_signed(key, terminal, head.sequence, &head.hash, signature)
        });
        signed.head = longest.last().map(|group| group.head);
        signed.groups = longest;
        Ok(signed)
    }
}

/// The first number after `place` at which there is a record.
fn next(old: &Connection, place: u64) -> rusqlite::Result<Option<u64>> {
    let sql = "SELECT sequence FROM entries WHERE sequence > ?1 ORDER BY sequence LIMIT 1";
    old.prepare_cached(sql)?.query_row([place], |row| row.get(0)).optional()
}

pub(super) fn again<T>(mut what: impl FnMut() -> Result<T, QueueError>) -> Result<T, QueueError> {
    let mut tried = what();
    for _ in 1..TRIES {
        if tried.is_ok() {
            break;
        }
        tried = what();
    }
    tried
}

/// How reading goes on: in the midst of much that cannot be read nothing is read again, or it would take for ever.
#[derive(Default)]
struct Stretch {
    failed: u32,
    has_read: bool,
}

impl Stretch {
    fn is_patient(&self) -> bool {
        self.failed < PATIENCE
    }

    fn note(&mut self, was_read: bool) {
        self.failed = if was_read { 0 } else { self.failed + 1 };
        self.has_read |= was_read;
    }
}

impl Rebuilt {
    /// Whether a record that is whole goes on from what there is; what is missing before it was lost.
    fn takes(&mut self, place: u64, entry: &Entry) -> bool {
        let follows = ChainHead { sequence: place - 1, hash: entry.header.previous };
        match self.head.sequence + 1 == place {
            true if follows == self.head => {}
            // Of two records that do not follow each other, nobody knows what was between them.
            true => return false,
            false => self.holes.push(Hole { after: self.head, until: follows }),
        }
        self.head = ChainHead { sequence: place, hash: entry.row.header_hash };
        self.rows += 1;
        true
    }
}

/// What the terminal signed, and still holds.
#[derive(Default)]
pub(super) struct Signed {
    pub(super) groups: Vec<Group>,
    /// They could all be read.
    pub(super) is_all: bool,
    pub(super) head: Option<ChainHead>,
    /// The end of what was lost before.
    pub(super) lost: Option<ChainHead>,
}

pub(super) struct Group {
    head: ChainHead,
    signature: Vec<u8>,
}

fn each_group(old: &Connection, mut take: impl FnMut(Group)) -> rusqlite::Result<()> {
    let mut statement = old.prepare("SELECT sequence, head, signature FROM groups ORDER BY sequence")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        // One that is none is left out.
        if let (Ok(sequence), Ok(hash), Ok(signature)) = (row.get(0), row.get(1), row.get(2)) {
            take(Group { head: ChainHead { sequence, hash: Digest(hash) }, signature });
        }
    }
    Ok(())
}

impl Group {
    /// Keeps the signature where the record that it is over is there.
    pub(super) fn keep(&self, db: &Connection) -> Result<(), QueueError> {
        db.prepare_cached(
            "INSERT INTO groups (sequence, head, signature)
             SELECT ?1, ?2, ?3 FROM entries WHERE sequence = ?1 AND header_hash = ?2",
        )?
        .execute((self.head.sequence, self.head.hash.0, &self.signature))?;
        Ok(())
    }
}
