//! A journal looked at without touching it: no file is made, grows or changes, on a read-only disk too.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::entry::COLUMNS;
use super::{QueueError, open};

/// What every SQLite file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// A read-only connection that locks nothing. Nobody may write the file meanwhile: see [`is_held`].
pub(super) fn still(path: &Path) -> Result<Connection, QueueError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = if beside(path, "-wal").exists() {
        // Without locks, and alone, SQLite keeps the index of the log in memory and makes no file for it.
        let db = Connection::open_with_flags_and_vfs(path, flags, "unix-none")?;
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        db.execute_batch("PRAGMA locking_mode = EXCLUSIVE;")?;
        db
    } else {
        // A database in WAL mode would be given a log.
        Connection::open_with_flags(uri(path), flags | OpenFlags::SQLITE_OPEN_URI)?
    };
    db.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;")?;
    Ok(db)
}

fn uri(path: &Path) -> PathBuf {
    use std::fmt::Write as _;
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            // Writing into a string does not fail.
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    (uri + "?immutable=1").into()
}

/// Whether a process has the journal open for writing.
pub(super) fn is_held(path: &Path) -> Result<bool, QueueError> {
    match File::open(beside(path, ".lock")) {
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(std::fs::TryLockError::WouldBlock) => Ok(true),
            Err(std::fs::TryLockError::Error(error)) => Err(open::io(error)),
        },
        // A copy has none; one that is not ours to open says nothing, and SQLite's own locks are kept then.
        Err(error) => Ok(error.kind() != std::io::ErrorKind::NotFound),
    }
}

/// Whether a file is an SQLite database by its first bytes.
pub(super) fn is_database(path: &Path) -> Result<bool, QueueError> {
    let mut start = Vec::with_capacity(MAGIC.len());
    File::open(path).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut start)).map_err(open::io)?;
    Ok(start == MAGIC)
}

/// [`COLUMNS`] for a journal of an earlier schema too: what it does not have is NULL.
pub(super) fn columns(db: &Connection) -> Result<String, QueueError> {
    // Those of a table that are computed are not among its columns there; none of ours is read.
    let mut statement = db.prepare("SELECT name FROM pragma_table_info('entries')")?;
    let there: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let named = |name: &str| match there.iter().any(|there| there == name) {
        true => name.to_owned(),
        false => format!("NULL AS {name}"),
    };
    Ok(COLUMNS.split(", ").map(|name| named(name.trim())).collect::<Vec<_>>().join(", "))
}

pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
