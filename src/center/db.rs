//! The centre's database.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use ring::digest;
use rusqlite::{Connection, OptionalExtension as _};
use rusqlite_migration::{M, Migrations};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::errors::CenterError;
use crate::world::Random;

pub(super) const STEPS: &[M<'static>] = &[
    M::up(include_str!("schema/v1.sql")),
    M::up(include_str!("schema/v2.sql")),
    M::up(include_str!("schema/v3.sql")),
    M::up(include_str!("schema/v4.sql")),
    M::up(include_str!("schema/v5.sql")),
    M::up(include_str!("schema/v6.sql")),
    M::up(include_str!("schema/v7.sql")),
    M::up(include_str!("schema/v8.sql")),
    M::up(include_str!("schema/v9.sql")),
    M::up(include_str!("schema/v10.sql")),
    M::up(include_str!("schema/v11.sql")),
    M::up(include_str!("schema/v12.sql")),
    M::up(include_str!("schema/v13.sql")),
    M::up(include_str!("schema/v14.sql")),
    M::up(include_str!("schema/v15.sql")),
    M::up(include_str!("schema/v16.sql")),
];

/// Opens the database, or makes a new one; in memory when no file is named.
pub(super) fn open(path: Option<&Path>) -> Result<Connection, CenterError> {
    let mut db = match path {
        Some(path) => {
            // It holds personal data; SQLite gives its other files the rights of this one.
            let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
            made.map_err(|error| CenterError::Start(format!("{}: {error}", path.display())))?;
            Connection::open(path)?
        }
        None => Connection::open_in_memory()?,
    };
    db.busy_timeout(Duration::from_secs(5))?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;",
    )?;
    Migrations::from_slice(STEPS).to_latest(&mut db).map_err(|error| CenterError::Database(error.to_string()))?;
    Ok(db)
}

/// The seed of the key that the centre signs with; made when there is none.
pub(super) fn own_key(db: &Connection, random: &dyn Random) -> Result<Zeroizing<[u8; 32]>, CenterError> {
    let kept: Option<[u8; 32]> = db.query_row("SELECT seed FROM own_key", [], |row| row.get(0)).optional()?;
    if let Some(seed) = kept {
        return Ok(Zeroizing::new(seed));
    }
    let mut seed = Zeroizing::new([0; 32]);
    random.fill(&mut *seed).map_err(|error| CenterError::Start(error.to_string()))?;
    db.execute("INSERT INTO own_key VALUES (1, ?1)", [&seed[..]])?;
    Ok(seed)
}

/// The JSON that is kept.
pub(super) fn json(value: &impl Serialize) -> String {
    // Invariant: only plain data with text keys is kept, which always has a JSON form.
    serde_json::to_string(value).expect("plain data has a JSON form")
}

/// What was kept, again.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, CenterError> {
    serde_json::from_str(text).map_err(|_| CenterError::Database("a row is not what was written".into()))
}

/// What tells one message from another: SHA-256 of its JSON. The order of the keys in it does not count.
pub(super) fn content(message: &impl Serialize) -> Vec<u8> {
    digest::digest(&digest::SHA256, json(message).as_bytes()).as_ref().to_vec()
}
