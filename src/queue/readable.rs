//! A damaged journal opened to be read: as it is, or, where its first bytes are not a database's any more, by a copy in
//! which they are put back. They are the same in each journal, and all that is behind them may be whole.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::damaged::again;
use super::look::{self, beside};
use super::{QueueError, open, place, proof};

/// How each journal begins: SQLite's magic, pages of 4096 bytes, a log, nothing kept free at the end of a page, and three
/// numbers that never change.
const START: &[u8; 24] = b"SQLite format 3\0\x10\x00\x02\x02\x00\x40\x20\x20";

/// The files of a copy: the journal and its log.
const FILES: [&str; 2] = ["", "-wal"];

/// A journal whose tables can be read.
pub(super) struct Readable {
    pub(super) path: PathBuf,
    pub(super) db: Connection,
    /// Removed when it is dropped.
    _copy: Option<Copy>,
}

/// Opens the journal; `None` when there is none, or an empty file.
///
/// # Errors
/// [`QueueError::Damaged`] when its tables cannot be read: what is in them is not known.
pub(super) fn open(path: &Path) -> Result<Option<Readable>, QueueError> {
    match fs::metadata(path) {
        Ok(found) if found.len() > 0 => {}
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(open::io(error)),
        // A log alone is the log of nothing.
        _ => return Ok(None),
    }
    let error = match again(|| tables(path)) {
        Ok(db) => return Ok(Some(Readable { path: path.to_owned(), db, _copy: None })),
        Err(error @ QueueError::Damaged { .. }) => error,
        Err(error) => return Err(error),
    };
    let copy = Copy::of(path)?;
    match again(|| tables(&copy.0)) {
        Ok(db) => {
            tracing::warn!(
                "the first bytes of the damaged journal are no database's: a copy with them put back is read"
            );
            Ok(Some(Readable { path: copy.0.clone(), db, _copy: Some(copy) }))
        }
        // What is wrong with the journal itself says more.
        Err(QueueError::Damaged { .. }) => Err(error),
        Err(error) => Err(error),
    }
}

fn tables(path: &Path) -> Result<Connection, QueueError> {
    let db = look::still(path)?;
    open::version(&db)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'entries')";
    match db.query_row(sql, [], |row| row.get(0))? {
        true => Ok(db),
        false => Err(proof::damaged(0, "its table of records is gone")),
    }
}

/// A copy of the journal and its log with its first bytes put back.
struct Copy(PathBuf);

impl Copy {
    fn of(path: &Path) -> Result<Self, QueueError> {
        let copy = Self(place::read_copy(path));
        copy.remove()?;
        for ending in FILES {
            match fs::copy(beside(path, ending), beside(&copy.0, ending)) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                copied => drop(copied.map_err(open::io)?),
            }
        }
        let file = OpenOptions::new().write(true).open(&copy.0);
        file.and_then(|file| file.write_all_at(START, 0)).map_err(open::io)?;
        Ok(copy)
    }

    fn remove(&self) -> Result<(), QueueError> {
        FILES.iter().try_for_each(|ending| place::remove(&beside(&self.0, ending)))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::warn!(%error, path = %self.0.display(), "the copy of the damaged journal was not removed");
        }
    }
}
