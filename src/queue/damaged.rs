//! What is left of a damaged journal, read as far as it can be.
//!
//! A disk that fails once in a while is told of by SQLite as damage as well: what could not be read is read again, by
//! another connection that has nothing of it in its memory, before it counts as lost.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::aside::Rebuilt;
use super::entry::{COLUMNS, Entry};
use super::journal::Context;
use super::lost::Lost;
use super::{QueueError, look, owner, seal};
use crate::wire::headers::Hole;
use crate::wire::{ChainHead, Digest};

/// How often something is read before it is damaged.
const TRIES: usize = 3;
/// No record takes less room than this, in bytes: in a file of a length there are no more of them.
const LEAST: u64 = 100;

pub(super) struct Damaged {
    path: PathBuf,
    db: Connection,
}

impl Damaged {
    /// The journal; `None` when it is gone, or no database any more: then no record in it is whole.
    ///
    /// # Errors
    /// When it is one and its tables cannot be read: what is in them is not known.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, QueueError> {
        if !path.exists() || !look::is_database(path)? {
            return Ok(None);
        }
        let db = again(|| {
            let db = look::still(path)?;
            db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, u64>(0))?;
            Ok(db)
        })?;
        Ok(Some(Self { path: path.to_owned(), db }))
    }

    /// Whether it still has the table.
    fn has(&self, table: &str) -> Result<bool, QueueError> {
        Ok(self
            .db
            .query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)", [table], |row| row.get(0))?)
    }

    /// What `read` reads; by a fresh connection where it cannot be read. `None` when it can never be.
    fn read<T>(&self, mut read: impl FnMut(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        read(&self.db).ok().or_else(|| again(|| Ok(read(&look::still(&self.path)?)?)).ok())
    }

    /// Copies each record that is whole into `db`. `known` is the highest number that there was, as far as is known.
    pub(super) fn copy(
        &self,
        db: &Connection,
        context: &Context,
        known: u64,
        chain: &mut Rebuilt,
    ) -> Result<(), QueueError> {
        if !self.has("entries")? {
            return Ok(());
        }
        let columns = look::columns(&self.db)?;
        let count = COLUMNS.split(", ").count();
        let values = vec!["?"; count].join(", ");
        let mut insert = db.prepare(&format!("INSERT INTO entries ({COLUMNS}) VALUES ({values})"))?;
        let sql = format!("SELECT {columns} FROM entries WHERE sequence = ?1");
        // Where it cannot be told which comes next, each number is tried that there can be.
        let most = known + fs::metadata(&self.path).map_or(0, |file| file.len()) / LEAST;
        let mut place = 0;
        loop {
            place = match self.read(|old| next(old, place)) {
                Some(Some(next)) => next,
                Some(None) => return Ok(()),
                None if place < most => place + 1,
                None => return Ok(()),
            };
            let found = self.read(|old| {
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
    }

    /// The signatures that hold, as far as they can be read.
    pub(super) fn signed(&self, context: &Context) -> Result<Signed, QueueError> {
        let (key, terminal) = (&context.crypto.public_key, context.terminal.as_str());
        let mut signed = Signed::default();
        if self.has("meta")? {
            // A list that is not the terminal's says nothing.
            signed.lost =
                again(|| Lost::proved(&look::still(&self.path)?, key, terminal)).ok().and_then(|lost| lost.end());
        }
        if !self.has("groups")? {
            return Ok(signed);
        }
        let mut longest: Vec<Group> = Vec::new();
        let read_all = self.read(|old| {
            let mut groups = Vec::new();
            let ended = each_group(old, |group| groups.push(group));
            if groups.len() > longest.len() {
                longest = groups;
            }
            ended
        });
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

fn again<T>(mut what: impl FnMut() -> Result<T, QueueError>) -> Result<T, QueueError> {
    let mut tried = what();
    for _ in 1..TRIES {
        if tried.is_ok() {
            break;
        }
        tried = what();
    }
    tried
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
