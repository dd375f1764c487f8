//! Cards that are refused: the list that the back office signed (`docs/blacklist.md`, card-facts §9), millions of entries.
//!
//! Each list that is taken in becomes a file of its own beside the store, written once and never changed; a row of the
//! store names the one in force. That row is the only thing that changes: before it the old list is in force, after it the
//! new one, whenever the program or the power goes. Nobody who looks a card up waits for one that is being taken in, and
//! renewing a damaged store copies a row and not millions. The row holds the serial, below which no list is taken in any
//! more; where it is lost, the files' names still tell it.
//!
//! The row has the file's SHA-256 as well, which is proved before the file is used: a list that is damaged is told as such,
//! and never passes for one that a card is not in. It has the key of the hashes, too, that stand for single cards: the file
//! alone names none. Ranges cannot be hashed and are in the clear; a range names nobody.

mod errors;
mod format;
mod import;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use ring::hmac;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use errors::BlacklistError;
pub use import::{Checked, Imported, LIST, ListFile};

use super::{Store, StoreError, json};
use crate::value::{CardIdentifier, CardNumber};
use crate::wire::Digest;

/// How many bytes of the keyed hash stand for a card.
const TAG: usize = 16;
/// How often the row is read again that another program changes meanwhile.
const TRIES: usize = 3;

/// The list in force, looked up and replaced. Shared; one caller at a time looks up.
pub struct Blacklist {
    store: Arc<Store>,
    folder: PathBuf,
    open: Mutex<Option<Open>>,
}

/// What is told of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Blacklist)]
pub struct BlacklistInfo {
    /// Its serial, which grows from list to list.
    pub serial: u64,
    /// When the back office made it.
    #[schema(value_type = String, format = DateTime)]
    pub issued: Timestamp,
    /// When this terminal took it in.
    #[schema(value_type = String, format = DateTime)]
    pub taken_at: Timestamp,
    /// How many single cards are in it.
    pub cards: u64,
    /// How many ranges of card numbers.
    pub ranges: u64,
    /// The id of the key that signed it.
    pub signed_by: String,
    /// SHA-256 of the signed file.
    pub sha256: Digest,
}

impl BlacklistInfo {
    /// How long ago it was made, in seconds; by a clock that is behind it is new.
    pub fn age_secs(&self, now: Timestamp) -> u64 {
        u64::try_from(now.as_second() - self.issued.as_second()).unwrap_or_default()
    }

    /// Whether it was made longer ago than that.
    pub fn is_older(&self, than: Option<Duration>, now: Timestamp) -> bool {
        than.is_some_and(|most| self.age_secs(now) > most.as_secs())
    }
}

/// An entry that a card is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// What the back office says of it, where it says something.
    pub label: Option<String>,
}

/// What the list in force says of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The list.
    pub list: BlacklistInfo,
    /// The entry, where the card is in one.
    pub hit: Option<Hit>,
}

/// The store's row.
#[derive(Clone, PartialEq, Eq)]
struct Row {
    /// The name of the entries' file.
    file: String,
    digest: Digest,
    key: Zeroizing<[u8; 32]>,
    info: BlacklistInfo,
}

/// A list that was proved.
struct Open {
    row: Row,
    key: hmac::Key,
    db: Connection,
}

impl Blacklist {
    /// The list of a store, whose entries are in `folder`.
    pub fn new(folder: &Path, store: Arc<Store>) -> Self {
        Self { store, folder: folder.to_owned(), open: Mutex::default() }
    }

    /// What the list in force says of a card; `None` while none was taken in. A single card is found by its 卡识别码, which
    /// names one card whatever its 卡号 says; a range by 卡号.
    ///
    /// # Errors
    /// When the list is damaged, or cannot be read: then nothing is known of the card.
    pub fn look(
        &self,
        identifier: &CardIdentifier,
        number: Option<&CardNumber>,
    ) -> Result<Option<Looked>, BlacklistError> {
        self.with(|open| Ok(Looked { hit: open.find(identifier, number)?, list: open.row.info.clone() }))
    }

    /// The list in force, proved; `None` while none was taken in.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub fn in_force(&self) -> Result<Option<BlacklistInfo>, BlacklistError> {
        self.with(|open| Ok(open.row.info.clone()))
    }

    fn with<T>(&self, ask: impl FnOnce(&Open) -> Result<T, BlacklistError>) -> Result<Option<T>, BlacklistError> {
        // Whoever panicked with it left a list that was proved.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(row) = self.prove(&mut open)? else { return Ok(None) };
        let asked = ask(row);
        if asked.is_err() {
            // Proved anew next time, for something has happened to it.
            *open = None;
        }
        asked.map(Some)
    }

    /// The list that the row names, which another program may have changed since it was looked at last.
    fn prove<'a>(&self, open: &'a mut Option<Open>) -> Result<Option<&'a Open>, BlacklistError> {
        let mut row = self.store.blacklist()?;
        for _ in 0..TRIES {
            let Some(named) = row else {
                *open = None;
                return Ok(None);
            };
            if open.as_ref().is_none_or(|open| open.row != named) {
                *open = None;
                match Open::prove(&self.folder, named.clone()) {
                    Ok(proved) => *open = Some(proved),
                    Err(damaged) => {
                        row = self.store.blacklist()?;
                        // The file is taken away once another has its place.
                        if row.as_ref() == Some(&named) {
                            return Err(damaged);
                        }
                        continue;
                    }
                }
            }
            return Ok(open.as_ref());
        }
        Err(BlacklistError::Busy)
    }
}

impl Open {
    fn prove(folder: &Path, row: Row) -> Result<Self, BlacklistError> {
        let path = folder.join(&row.file);
        let damaged = |why: String| BlacklistError::Damaged { file: row.file.clone(), why };
        let digest = import::digest(&mut File::open(&path).map_err(|error| damaged(error.to_string()))?);
        if digest.map_err(|error: io::Error| damaged(error.to_string()))? != row.digest {
            return Err(damaged("its SHA-256 is another".to_owned()));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&path, flags)?;
        db.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;")?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &*row.key), db, row })
    }

    fn find(&self, identifier: &CardIdentifier, number: Option<&CardNumber>) -> Result<Option<Hit>, BlacklistError> {
        let single = "SELECT text FROM card LEFT JOIN label ON label.id = card.label WHERE tag = ?1";
        let mut single = self.db.prepare_cached(single)?;
        let found = single.query_row([tag(&self.key, identifier)], |row| row.get(0)).optional()?;
        if let (None, Some(number)) = (&found, number) {
            // Ranges do not overlap: only the last that begins at or before the number can have it.
            let range = "SELECT last, text FROM span LEFT JOIN label ON label.id = span.label
                 WHERE first <= ?1 ORDER BY first DESC LIMIT 1";
            let mut range = self.db.prepare_cached(range)?;
            let row =
                range.query_row([number.position()], |row| Ok((row.get::<_, u64>(0)?, row.get(1)?))).optional()?;
            let inside = row.filter(|(last, _)| number.position() <= *last);
            return Ok(inside.map(|(_, label)| Hit { label }));
        }
        Ok(found.map(|label| Hit { label }))
    }
}

impl Store {
    fn blacklist(&self) -> Result<Option<Row>, StoreError> {
        let db = self.db();
        let mut select = db.prepare_cached("SELECT file, digest, key, told FROM blacklist")?;
        let row = select.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?)));
        let Some((file, digest, key, told)) = row.optional()? else { return Ok(None) };
        let info = serde_json::from_str(&told).map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Some(Row { file, digest: Digest(digest), key: Zeroizing::new(key), info }))
    }

    /// Puts another list in force: on the disk when this returns.
    fn keep_blacklist(&self, row: &Row) -> Result<(), StoreError> {
        self.durably(
            "INSERT OR REPLACE INTO blacklist VALUES (0, ?1, ?2, ?3, ?4, ?5)",
            params![row.info.serial, row.file, row.digest.0, *row.key, json(&row.info)?],
        )
    }
}

fn tag(key: &hmac::Key, identifier: &CardIdentifier) -> [u8; TAG] {
    let hash = hmac::sign(key, identifier.as_bytes());
    let mut tag = [0; TAG];
    tag.copy_from_slice(&hash.as_ref()[..TAG]);
    tag
}
