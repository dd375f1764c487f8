//! Opening the journal: the lock, the schema, whose it is, and a quick look at its head.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _};
use rusqlite_migration::{M, Migrations};

use super::files::{Identity, LOCK};
use super::journal::Context;
use super::look::beside;
use super::lost::Lost;
use super::{QueueError, Settings, checkpoint, place, schema, seal, writer};
use crate::wire::{ChainHead, Digest};
use crate::world::disk::ROOM;

/// The released schemas, each a step from the one before.
pub(super) const STEPS: &[M<'static>] = &[
    M::up(include_str!("schema/v1.sql")),
    M::up(include_str!("schema/v2.sql")),
    M::up(include_str!("schema/v3.sql")),
    M::up(include_str!("schema/v4.sql")),
    M::up(include_str!("schema/v5.sql")),
    M::up(include_str!("schema/v6.sql")),
    M::up(include_str!("schema/v7.sql")),
];

/// Held for as long as the journal is open.
///
/// # Errors
/// [`QueueError::InUse`] while another process has it, and what the storage may do.
pub(super) fn lock(path: &Path) -> Result<File, QueueError> {
    let name = beside(path, LOCK);
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&name);
    let file = file.map_err(io)?;
    place::give(&name)?;
    match file.try_lock() {
        // Where somebody deletes the file meanwhile, the next one locks another.
        Ok(()) if Identity::at(&name)? == Some(Identity::of(&file)?) => Ok(file),
        Ok(()) | Err(TryLockError::WouldBlock) => Err(QueueError::InUse),
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}

/// The writer's connection, with the newest schema.
pub(super) fn writer(settings: &Settings) -> Result<Connection, QueueError> {
    let path = &settings.path;
    // SQLite gives its other files the rights and the owner of this one.
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(io)?;
    place::give(path)?;
    let mut db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.busy_timeout(writer::BUSY)?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 16777216;",
    )?;
    db.pragma_update(None, "wal_autocheckpoint", checkpoint::PAGES)?;
    Migrations::from_slice(STEPS).to_latest(&mut db).map_err(migration)?;
    schema::check(&db)?;
    Ok(db)
}

/// The connection that writes the log back.
pub(super) fn checkpoints(path: &Path) -> Result<Connection, QueueError> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(writer::BUSY)?;
    db.execute_batch("PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;")?;
    // SQLite opens the log when it first reads: it is the one that is there now, and no other that is laid there later.
    version(&db)?;
    Ok(db)
}

/// The number of a journal's schema, if it is one that this program knows.
pub(super) fn version(db: &Connection) -> Result<u32, QueueError> {
    let version: u32 = db.query_row("SELECT user_version FROM pragma_user_version", [], |row| row.get(0))?;
    match usize::try_from(version).is_ok_and(|version| version <= STEPS.len()) {
        true => Ok(version),
        false => Err(QueueError::Newer(version)),
    }
}

/// The readers' connection.
pub(super) fn reader(path: &Path) -> Result<Connection, QueueError> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(writer::BUSY)?;
    db.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;")?;
    Ok(db)
}

/// A journal belongs to one terminal and its keys; a new one is given them here.
pub(super) fn claim(db: &Connection, context: &Context) -> Result<(), QueueError> {
    let missing = unclaimed(db, context)?;
    for (name, value) in &missing {
        db.execute("INSERT INTO meta VALUES (?1, ?2)", (name, value))?;
    }
    Ok(())
}

/// The journal is this terminal's, written with these keys.
pub(super) fn check_owner(db: &Connection, context: &Context) -> Result<(), QueueError> {
    if unclaimed(db, context)?.is_empty() { Ok(()) } else { Err(QueueError::WrongKeys) }
}

/// Whether it says that the holders' key is this one.
pub(super) fn says_holder_key(db: &Connection, context: &Context) -> Result<bool, QueueError> {
    let [_, holder, _] = context.crypto.fingerprint();
    let kept: Option<Vec<u8>> =
        db.query_row("SELECT value FROM meta WHERE name = 'holder-key'", [], |row| row.get(0)).optional()?;
    Ok(kept.is_some_and(|kept| kept == holder.0))
}

/// The journal is these keys' from now on; terminal and public key stay as they are.
pub(super) fn claim_anew(db: &Connection, context: &Context) -> Result<(), QueueError> {
    db.execute("DELETE FROM meta WHERE name IN ('state-key', 'sealed')", [])?;
    claim(db, context)
}

/// What a journal does not say yet of whose it is; nothing once it is claimed.
fn unclaimed(db: &Connection, context: &Context) -> Result<Vec<(&'static str, Vec<u8>)>, QueueError> {
    let kept = |name: &str| -> Result<Option<Vec<u8>>, QueueError> {
        Ok(db.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()?)
    };
    let [commitment, holder, state] = context.crypto.fingerprint();
    let own: [(&str, &[u8]); 5] = [
        ("terminal", context.terminal.as_bytes()),
        ("public-key", &context.crypto.public_key),
        ("commitment-key", &commitment.0),
        ("holder-key", &holder.0),
        ("state-key", &state.0),
    ];
    let mut missing = Vec::new();
    for (name, value) in own {
        match kept(name)? {
            Some(kept) if kept == value => {}
            Some(_) if name == "terminal" => return Err(QueueError::Draft("the journal is another terminal's")),
            Some(_) => return Err(QueueError::WrongKeys),
            None => missing.push((name, value.to_vec())),
        }
    }
    // The seal key has no fingerprint: what it sealed tells.
    match kept("sealed")? {
        Some(sealed) if context.crypto.open(&sealed, b"sealed").is_some() => {}
        Some(_) => return Err(QueueError::WrongKeys),
        None => missing.push(("sealed", context.crypto.seal(b"sbkd", b"sealed", &*context.random)?)),
    }
    Ok(missing)
}

/// The last header, or the last that was lost after it.
pub(super) fn head(db: &Connection) -> Result<ChainHead, QueueError> {
    let last = last_record(db)?;
    let lost = Lost::read(db)?.end();
    Ok(lost.filter(|lost| lost.sequence > last.sequence).unwrap_or(last))
}

/// The last header that is there.
pub(super) fn last_record(db: &Connection) -> Result<ChainHead, QueueError> {
    let last = db
        .query_row("SELECT sequence, header_hash FROM entries ORDER BY sequence DESC LIMIT 1", [], |row| {
            Ok(ChainHead { sequence: row.get(0)?, hash: Digest(row.get(1)?) })
        })
        .optional()?;
    Ok(last.unwrap_or_default())
}

/// The head is signed, and the anchor is not ahead of it.
pub(super) fn check_head(
    db: &Connection,
    context: &Context,
    anchored: Option<ChainHead>,
    head: &ChainHead,
) -> Result<(), QueueError> {
    let group: Option<(u64, [u8; 32], Vec<u8>)> = db
        .query_row("SELECT sequence, head, signature FROM groups ORDER BY sequence DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let damaged = |record, what: &str| QueueError::Damaged { record, what: what.into() };
    let lost = Lost::proved(db, &context.crypto.public_key, &context.terminal)?;
    match group {
        // What was lost at the end is signed by the list of it.
        _ if lost.ends_with(head) => {}
        None if head.sequence == 0 => {}
        None => return Err(damaged(head.sequence, "it is not signed")),
        Some((sequence, hash, signature)) => {
            let known = ChainHead { sequence, hash: Digest(hash) };
            let key = &context.crypto.public_key;
            if known != *head || !seal::head_is_signed(key, &context.terminal, sequence, &known.hash, &signature) {
                return Err(damaged(head.sequence, "the last signature is not over the last record"));
            }
        }
    }
    match anchored {
        None if head.sequence == 0 => Ok(()),
        None => Err(damaged(0, "the anchor is missing or not this terminal's")),
        Some(anchored) => check_anchor(db, &lost, &anchored, head),
    }
}

/// The anchored head is in the journal.
pub(super) fn check_anchor(
    db: &Connection,
    lost: &Lost,
    anchored: &ChainHead,
    head: &ChainHead,
) -> Result<(), QueueError> {
    if anchored.sequence > head.sequence {
        return Err(QueueError::Damaged {
            record: head.sequence + 1,
            what: format!("cut off: the anchor knows {} records", anchored.sequence),
        });
    }
    if anchored.sequence == 0 || lost.ends_with(anchored) {
        return Ok(());
    }
    let hash: Option<[u8; 32]> = db
        .query_row("SELECT header_hash FROM entries WHERE sequence = ?1", [anchored.sequence], |row| row.get(0))
        .optional()?;
    if hash == Some(anchored.hash.0) {
        Ok(())
    } else {
        Err(QueueError::Damaged {
            record: anchored.sequence,
            what: "changed: it is not the record that was anchored".into(),
        })
    }
}

/// The file's own order: its schema is the journal's, and the indexes lead to the rows, to all of them and to no others.
/// By an index the journal finds what a key stands for and what a person did, and no header or signature covers it.
pub(super) fn check_file(db: &Connection) -> Result<(), QueueError> {
    schema::check(db)?;
    let told: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if told == "ok" { Ok(()) } else { Err(QueueError::Damaged { record: 0, what: told }) }
}

/// A page may still fit where a transaction does not: less than [`ROOM`] is none, and no case is begun on it. What has
/// begun still has its end to write.
pub(super) fn room(database: Option<&str>) -> Result<(), QueueError> {
    let Some(path) = database.filter(|path| !path.is_empty()) else { return Ok(()) };
    let disk = rustix::fs::statvfs(path).map_err(|error| io(error.into()))?;
    if disk.f_bavail.saturating_mul(disk.f_frsize) < ROOM { Err(QueueError::StorageFull) } else { Ok(()) }
}

pub(super) fn io(error: std::io::Error) -> QueueError {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => QueueError::StorageFull,
        ErrorKind::ReadOnlyFilesystem => QueueError::DiskReadOnly(error.to_string()),
        ErrorKind::PermissionDenied | ErrorKind::NotFound => QueueError::StorageReadOnly(error.to_string()),
        _ => QueueError::Storage(error.to_string()),
    }
}

pub(super) fn migration(error: rusqlite_migration::Error) -> QueueError {
    match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => err.into(),
        other => QueueError::Storage(other.to_string()),
    }
}

impl From<rusqlite::Error> for QueueError {
    fn from(error: rusqlite::Error) -> Self {
        let file = |what: String| Self::Damaged { record: 0, what };
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DiskFull => Self::StorageFull,
                ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
                    Self::StorageReadOnly(error.to_string())
                }
                // Unknown is a statement that does not fit: its tables are not ours any more.
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown => file(error.to_string()),
                _ => Self::Storage(error.to_string()),
            },
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..) => file(error.to_string()),
            _ => Self::Storage(error.to_string()),
        }
    }
}
