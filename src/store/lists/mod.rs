//! Lists that somebody else makes and signs, of millions of entries: cards that are refused (`store::blacklist`), what
//! drugs and services cost (`store::catalogue`).
//!
//! Each list that is taken in becomes a file of its own beside the store, written once and never changed; a row of the
//! store names the one in force. That row is the only thing that changes: before it the old list is in force, after it the
//! new one, whenever the program or the power goes. Nobody who looks something up waits for one that is being taken in,
//! and renewing a damaged store copies a row and not millions. The row holds the serial, below which no list is taken in
//! any more; where it is lost, the files' names still tell it.
//!
//! The row has the file's SHA-256 as well, which is proved before the file is used: a list that is damaged is told as such,
//! and never passes for one that something is not in.

mod errors;
mod file;
mod import;
mod lines;

use std::fmt;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

pub use errors::{ListCodes, ListError};
pub use file::ListFile;
pub(super) use file::{FileLines, read_whole};
pub use import::Imported;
pub(super) use import::{Step, fill};
pub(super) use lines::Unreadable;

use super::{Store, StoreError, json};
use crate::wire::Digest;
use crate::wire::detached::Signed;

/// The most mistakes of a list that are told at once.
pub const MOST_MISTAKES: usize = 20;
/// After so many lines a step is told.
pub(super) const STEP_LINES: u64 = 4096;
/// How often the row is read again that another program changes meanwhile.
const TRIES: usize = 3;

/// What tells one kind of list from another.
pub trait ListKind: fmt::Debug + Sized + 'static {
    /// What its signature is of; the domain is the list's first line as well.
    const SIGNED: Signed;
    /// The store's table, and what the names of its files begin with.
    const NAME: &'static str;
    /// What it says where something goes wrong.
    const CODES: ListCodes;
    /// The tables of its entries.
    const ENTRIES: &'static str;
    /// How many bytes of a key the row has, drawn anew for each list.
    const KEY: usize;
    /// The longest line, in bytes.
    const LONGEST_LINE: usize;
    /// What is told of a list.
    type Info: ListInfo;
}

/// What is told of a list, whichever it is.
pub trait ListInfo: Clone + PartialEq + Serialize + DeserializeOwned {
    /// Its serial, which grows from list to list.
    fn serial(&self) -> u64;
    /// When it was made.
    fn issued(&self) -> Timestamp;
    /// SHA-256 of the signed file.
    fn sha256(&self) -> Digest;

    /// How long ago it was made, in seconds; by a clock that is behind it is new.
    fn age_secs(&self, now: Timestamp) -> u64 {
        u64::try_from(now.as_second() - self.issued().as_second()).unwrap_or_default()
    }

    /// Whether it was made longer ago than that.
    fn is_older(&self, than: Option<std::time::Duration>, now: Timestamp) -> bool {
        than.is_some_and(|most| self.age_secs(now) > most.as_secs())
    }
}

/// How a kind of list is read. Apart from [`ListKind`], which others name.
pub(super) trait Read: ListKind {
    /// What the header says.
    type Header;

    /// Reads the header, behind the first line.
    fn header(lines: &mut FileLines<'_>) -> Result<Self::Header, Unreadable>;

    /// What is told of a list with this header.
    fn info(header: Self::Header, taken: Taken) -> Self::Info;

    /// Reads the entries, behind the header, into the tables. The key is the row's.
    fn fill(
        db: &Transaction<'_>,
        header: Self::Header,
        lines: &mut FileLines<'_>,
        key: &[u8],
        step: Step<'_, Self>,
    ) -> Result<(), ListError<Self>>;
}

/// What is known of a list beside its header.
pub(super) struct Taken {
    pub(super) at: Timestamp,
    pub(super) signed_by: String,
    pub(super) sha256: Digest,
}

/// The lists of one kind: the one in force is looked into and replaced. Shared; one caller at a time looks.
pub(super) struct Lists<K: ListKind> {
    store: Arc<Store>,
    folder: PathBuf,
    open: Mutex<Option<Open<K>>>,
}

/// The store's row.
pub(super) struct Row<K: ListKind> {
    /// The name of the entries' file.
    file: String,
    digest: Digest,
    pub(super) key: Zeroizing<Vec<u8>>,
    pub(super) info: K::Info,
}

impl<K: ListKind> PartialEq for Row<K> {
    fn eq(&self, other: &Self) -> bool {
        (&self.file, &self.digest, &self.key, &self.info) == (&other.file, &other.digest, &other.key, &other.info)
    }
}

/// A list that was proved.
pub(super) struct Open<K: ListKind> {
    pub(super) row: Row<K>,
    pub(super) db: Connection,
}

impl<K: ListKind> Lists<K> {
    /// Those of a store, whose entries are in `folder`.
    pub(super) fn new(folder: &Path, store: Arc<Store>) -> Self {
        Self { store, folder: folder.to_owned(), open: Mutex::default() }
    }

    /// Asks the list in force, proved; `None` while none was taken in.
    pub(super) fn with<T>(
        &self,
        ask: impl FnOnce(&Open<K>) -> Result<T, ListError<K>>,
    ) -> Result<Option<T>, ListError<K>> {
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

    /// The list in force, proved; `None` while none was taken in.
    pub(super) fn in_force(&self) -> Result<Option<K::Info>, ListError<K>> {
        self.with(|open| Ok(open.row.info.clone()))
    }

    /// The list that the row names, which another program may have changed since it was looked at last.
    fn prove<'a>(&self, open: &'a mut Option<Open<K>>) -> Result<Option<&'a Open<K>>, ListError<K>> {
        for _ in 0..TRIES {
            let Some(named) = self.store.list_row::<K>()? else {
                *open = None;
                return Ok(None);
            };
            if open.as_ref().is_none_or(|open| open.row != named) {
                *open = None;
                match proved(&self.folder, &named) {
                    Ok(db) => *open = Some(Open { row: named, db }),
                    Err(damaged) => {
                        // The file is taken away once another has its place.
                        if self.store.list_row()?.as_ref() == Some(&named) {
                            return Err(damaged);
                        }
                        continue;
                    }
                }
            }
            return Ok(open.as_ref());
        }
        Err(ListError::Busy(PhantomData))
    }
}

/// The entries that a row names, if they are what they were when they were taken in.
fn proved<K: ListKind>(folder: &Path, row: &Row<K>) -> Result<Connection, ListError<K>> {
    let path = folder.join(&row.file);
    let damaged = |why: String| ListError::Damaged { file: row.file.clone(), why };
    let digest = file::digest(&mut File::open(&path).map_err(|error| damaged(error.to_string()))?);
    if digest.map_err(|error: io::Error| damaged(error.to_string()))? != row.digest {
        return Err(damaged("its SHA-256 is another".to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(&path, flags)?;
    db.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;")?;
    Ok(db)
}

impl Store {
    fn list_row<K: ListKind>(&self) -> Result<Option<Row<K>>, StoreError> {
        let db = self.db();
        let mut select = db.prepare_cached(&format!("SELECT file, digest, key, told FROM {}", K::NAME))?;
        let row = select.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?)));
        let Some((file, digest, key, told)) = row.optional()? else { return Ok(None) };
        let info = serde_json::from_str(&told).map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Some(Row { file, digest: Digest(digest), key: Zeroizing::new(key), info }))
    }

    /// Puts another list in force: on the disk when this returns.
    fn keep_list_row<K: ListKind>(&self, row: &Row<K>) -> Result<(), StoreError> {
        self.durably(
            &format!("INSERT OR REPLACE INTO {} VALUES (0, ?1, ?2, ?3, ?4, ?5)", K::NAME),
            params![row.info.serial(), row.file, row.digest.0, *row.key, json(&row.info)?],
        )
    }
}
