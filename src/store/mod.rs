//! What is kept beside the queue, in a database of its own. Some of it is learned again when it is lost: what card types
//! can do, the levels of PSAMs, what the centre told of holders. The rest is nowhere else: of the pairs held apart a card
//! pays with a try; a holder is told, and asked to pay, once more; and what operators noted (shifts, what was done about
//! differences) is not known any more, while the journal still tells what they noted it about.

mod acknowledged;
mod answers;
mod blacklist;
mod catalogue;
pub mod errors;
mod held;
mod lists;
mod pairs;
mod reconcile;
mod renew;
mod shifts;
mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Params, params};
use rusqlite_migration::{M, Migrations};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use acknowledged::{Told, ToldInShift};
pub use answers::{KeptAnswer, Question};
pub use blacklist::{Blacklist, BlacklistError, BlacklistInfo, Cards, Checked, Hit, LIST, Looked};
pub use catalogue::{
    Asked, CATALOGUE, Catalogue, CatalogueError, CatalogueInfo, CheckedCatalogue, CodeRows, DatedRow, Good, Goods,
    ItemRow, LookedUp,
};
pub use errors::StoreError;
pub use lists::{Imported, ListCodes, ListError, ListFile, ListInfo, ListKind, MOST_MISTAKES};
pub use reconcile::{AccountDifference, Action, DifferenceKind, GroupTotals, Reconciliation, Repair};
pub use renew::Renewed;
pub use shifts::{Shift, ShiftTotal};
pub use writes::{OpenCount, OpenWrite, Undertaking};

use crate::reader::Interface;
use crate::wire::{ChainHead, Digest};
use crate::world::disk;

/// A type of card: what decides which commands it takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CardType {
    /// Bytes 1–7 of the historical bytes: no card's own.
    pub type_bytes: [u8; 7],
    /// How it is read.
    pub interface: Interface,
    /// Its version, `3.00`.
    pub version: String,
}

/// What a card type was seen to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capability {
    /// All of EF05 in one command, with this length; `None`: record by record.
    pub whole_ef05: Option<u8>,
    /// All of EF06 in one command, with this length; `None`: record by record.
    pub whole_ef06: Option<u8>,
    /// Lengths of single records where they were seen, by `file/record` (`06/4E`, `DF04/EF05/81`).
    pub records: BTreeMap<String, u8>,
    /// Other files by name (`DF04/EF05`), where they were read: the most bytes that one command brings of them (00: 256),
    /// `None`: record by record.
    pub files: BTreeMap<String, Option<u8>>,
}

/// A holder's accumulators as the centre last told them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accumulators {
    /// The values, as the rules take them.
    pub values: Map<String, Value>,
    /// When the centre told them: what is decided on them is an estimate from then on.
    pub as_of: Timestamp,
    /// When it was asked, by this terminal's clock.
    pub asked: Timestamp,
    /// The journal's last record when it was asked; `None` in what a program kept that went by the clock alone.
    #[serde(default)]
    pub place: Option<ChainHead>,
}

/// The store. Shared behind an `Arc`; one caller at a time uses its connection.
pub struct Store {
    db: Mutex<Connection>,
    /// The salt of pairs' names.
    salt: OnceLock<[u8; 32]>,
    /// Pairs that this program held apart, each with whether it is in the file.
    held_here: Mutex<BTreeMap<[u8; 32], bool>>,
    /// Pairs with a try that was begun and could not be written.
    open_here: Mutex<BTreeSet<[u8; 32]>>,
}

/// How long another process is waited for that has the file locked.
const BUSY: Duration = Duration::from_secs(5);

const STEPS: &[M<'static>] = &[
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
];

impl Store {
    /// Opens the store, or makes a new one.
    ///
    /// # Errors
    /// When the file cannot be used, or is being begun anew ([`Store::open_or_renew`]).
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let opened = renew::ready(path).and_then(|ready| match ready {
            None => Self::open_file(path),
            Some(time) => Err(StoreError::Failed(format!(
                "damaged at {time}: the daemon's next start puts the new one in its place"
            ))),
        });
        opened.map_err(|error| error.on(path))
    }

    fn open_file(path: &Path) -> Result<Self, StoreError> {
        // SQLite gives its other files the rights and the owner of this one.
        let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        // A command that root runs beside a daemon of another user leaves it a file that it can open.
        made.and_then(|_| disk::give(path, disk::folder_of(path)))?;
        Self::with(Connection::open(path)?)
    }

    /// A store that is gone with the process.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::with(Connection::open_in_memory()?)
    }

    fn with(mut db: Connection) -> Result<Self, StoreError> {
        db.busy_timeout(BUSY)?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 4194304;",
        )?;
        not_newer(&db)?;
        Migrations::from_slice(STEPS).to_latest(&mut db)?;
        Ok(Self { db: Mutex::new(db), salt: OnceLock::new(), held_here: Mutex::default(), open_here: Mutex::default() })
    }

    /// Whether the store can be written. Blocks.
    ///
    /// # Errors
    /// What the storage does.
    pub fn probe(&self) -> Result<(), StoreError> {
        let db = self.db();
        let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        // The file's first page is written, as it is.
        Ok(db.execute_batch(&format!("PRAGMA user_version = {version}"))?)
    }

    /// What is remembered of a card type. A failing store knows nothing.
    pub fn capability(&self, card: &CardType) -> Option<Capability> {
        let found = self.json::<Capability>(
            "SELECT capability FROM card_types WHERE type_bytes = ?1 AND interface = ?2 AND version = ?3",
            params![card.type_bytes, card.interface.name(), card.version],
        );
        logged(found).flatten()
    }

    /// Remembers what a card type can do. A failing store only costs commands next time.
    pub fn remember(&self, card: &CardType, capability: &Capability) {
        logged(json(capability).and_then(|capability| {
            self.execute(
                "INSERT OR REPLACE INTO card_types VALUES (?1, ?2, ?3, ?4)",
                params![card.type_bytes, card.interface.name(), card.version, capability],
            )
        }));
    }

    /// The diversification level (1 to 3) that worked for a key of a PSAM.
    pub fn psam_level(&self, psam: &[u8], key: &str) -> Option<u8> {
        let db = self.db();
        let level = db
            .prepare_cached("SELECT level FROM psam_levels WHERE psam = ?1 AND key = ?2")
            .and_then(|mut statement| statement.query_row(params![psam, key], |row| row.get(0)).optional());
        logged(level.map_err(StoreError::from)).flatten()
    }

    /// Remembers the level that worked.
    pub fn remember_psam_level(&self, psam: &[u8], key: &str, level: u8) {
        logged(self.execute("INSERT OR REPLACE INTO psam_levels VALUES (?1, ?2, ?3)", params![psam, key, level]));
    }

    /// A holder's accumulators in a scope (`310/2015`), by the keyed hash of the holder.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn accumulators(&self, holder: Digest, scope: &str) -> Result<Option<Accumulators>, StoreError> {
        self.json("SELECT accumulators FROM accumulators WHERE holder = ?1 AND scope = ?2", params![holder.0, scope])
    }

    /// Keeps what the centre told, unless what is kept is newer.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn remember_accumulators(
        &self,
        holder: Digest,
        scope: &str,
        accumulators: &Accumulators,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO accumulators VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET as_of = excluded.as_of, accumulators = excluded.accumulators
             WHERE excluded.as_of >= as_of",
            params![holder.0, scope, accumulators.as_of.as_millisecond(), json(accumulators)?],
        )
    }

    /// Forgets what the centre told before a moment, for good; how many records that were.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn forget_accumulators(&self, before: Timestamp) -> Result<usize, StoreError> {
        let db = self.db();
        let forgotten =
            db.prepare_cached("DELETE FROM accumulators WHERE as_of < ?1")?.execute([before.as_millisecond()])?;
        // Nothing of it stays in the log either. Nobody else reads this file, so that nothing is in the way.
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(forgotten)
    }

    fn json<T: DeserializeOwned>(&self, sql: &str, values: impl Params) -> Result<Option<T>, StoreError> {
        let db = self.db();
        let text: Option<String> = db.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
        text.map(|text| serde_json::from_str(&text).map_err(|error| StoreError::Failed(error.to_string()))).transpose()
    }

    /// What is kept as JSON: each row has its name and the text. One that cannot be read keeps nobody from the others.
    fn all_json<T: DeserializeOwned>(&self, sql: &str, values: impl Params) -> Result<Vec<T>, StoreError> {
        self.each_json(sql, values, |name| tracing::warn!(name, "a record of the store cannot be read"))
    }

    /// The same; `unreadable` is given the names of those that cannot be read.
    fn each_json<T: DeserializeOwned>(
        &self,
        sql: &str,
        values: impl Params,
        mut unreadable: impl FnMut(String),
    ) -> Result<Vec<T>, StoreError> {
        let db = self.db();
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query(values)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            // What was changed behind SQLite's back may be no text any more.
            match row.get_ref(1)?.as_bytes().ok().and_then(|text| serde_json::from_slice(text).ok()) {
                Some(value) => all.push(value),
                None => unreadable(row.get(0)?),
            }
        }
        Ok(all)
    }

    fn execute(&self, sql: &str, values: impl Params) -> Result<(), StoreError> {
        self.db().prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// [`execute`](Self::execute) for what nobody tells again: on the disk when this returns.
    fn durably(&self, sql: &str, values: impl Params) -> Result<(), StoreError> {
        let db = self.db();
        db.execute_batch("PRAGMA synchronous = FULL")?;
        let done = db.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
        db.execute_batch("PRAGMA synchronous = NORMAL")?;
        done?;
        Ok(())
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        // Whoever panicked with it left no half-done change: each is one statement.
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a newer program wrote is for that one.
fn not_newer(db: &Connection) -> Result<(), StoreError> {
    let schema: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match usize::try_from(schema) {
        Ok(steps) if steps > STEPS.len() => Err(StoreError::Newer(schema)),
        _ => Ok(()),
    }
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Failed(error.to_string()))
}

fn logged<T>(result: Result<T, StoreError>) -> Option<T> {
    result.inspect_err(|error| tracing::warn!(%error, "the store")).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_card_type_is_remembered_over_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let card = CardType { type_bytes: *b"\x86\x01SSSE1", interface: Interface::Contact, version: "3.00".into() };
        let other = CardType { version: "2.00".into(), ..card.clone() };
        let capability = Capability { whole_ef05: Some(0x40), ..Capability::default() };
        {
            let store = Store::open(&path).unwrap();
            assert_eq!(store.capability(&card), None);
            store.remember(&card, &Capability::default());
            store.remember(&card, &capability);
            store.remember_psam_level(&[1, 2, 3], "IRK/SM4", 2);
        }
        let store = Store::open(&path).unwrap();
        assert_eq!(store.capability(&card), Some(capability));
        assert_eq!(store.capability(&other), None);
        assert_eq!(store.psam_level(&[1, 2, 3], "IRK/SM4"), Some(2));
        assert_eq!(store.psam_level(&[1, 2, 3], "IRK/3DES"), None);
    }

    #[test]
    fn accumulators_are_those_told_last() {
        let store = Store::in_memory().unwrap();
        let told = |pool: &str, as_of: &str| Accumulators {
            values: json!({"pool": pool}).as_object().unwrap().clone(),
            as_of: as_of.parse().unwrap(),
            asked: as_of.parse().unwrap(),
            place: Some(ChainHead { sequence: 3, hash: Digest([9; 32]) }),
        };
        let holder = Digest([7; 32]);
        let late = told("200.00", "2015-08-02T00:00:00Z");
        store.remember_accumulators(holder, "310/2015", &told("100.00", "2015-08-01T00:00:00Z")).unwrap();
        store.remember_accumulators(holder, "310/2015", &late).unwrap();
        store.remember_accumulators(holder, "310/2015", &told("150.00", "2015-08-01T12:00:00Z")).unwrap();
        assert_eq!(store.accumulators(holder, "310/2015").unwrap(), Some(late));
        assert_eq!(store.accumulators(holder, "310/2016").unwrap(), None);
        assert_eq!(store.accumulators(Digest([8; 32]), "310/2015").unwrap(), None);
        let as_of = |text: &str| text.parse().unwrap();
        assert_eq!(store.forget_accumulators(as_of("2015-08-02T00:00:00Z")).unwrap(), 0);
        assert_eq!(store.forget_accumulators(as_of("2015-08-02T00:00:00.001Z")).unwrap(), 1);
        assert_eq!(store.accumulators(holder, "310/2015").unwrap(), None);
    }

    #[test]
    fn what_was_kept_without_a_place_in_the_journal_is_read_without_one() {
        let store = Store::in_memory().unwrap();
        let holder = Digest([7; 32]);
        let old = r#"{"values":{},"as_of":"2015-08-01T00:00:01Z","asked":"2015-08-01T00:00:00Z"}"#;
        store.execute("INSERT INTO accumulators VALUES (?1, 's/person', 0, ?2)", params![holder.0, old]).unwrap();
        let told = store.accumulators(holder, "s/person").unwrap().unwrap();
        assert_eq!((told.asked.to_string(), told.place), ("2015-08-01T00:00:00Z".into(), None));
    }

    #[test]
    fn a_store_from_before_shifts_keeps_what_it_has() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let old = Connection::open(&path).unwrap();
        for step in [include_str!("schema/v1.sql"), include_str!("schema/v2.sql"), include_str!("schema/v3.sql")] {
            old.execute_batch(step).unwrap();
        }
        old.execute_batch("PRAGMA user_version = 3; INSERT INTO psam_levels VALUES (x'010203', 'IRK/SM4', 2);")
            .unwrap();
        drop(old);
        let store = Store::open(&path).unwrap();
        assert_eq!(store.psam_level(&[1, 2, 3], "IRK/SM4"), Some(2));
        assert!(store.open_shifts().unwrap().is_empty() && store.open_differences().unwrap() == 0);
    }

    #[test]
    fn a_disk_that_takes_nothing_is_no_fault_of_the_file() {
        use crate::failure::Explain as _;
        let file = || StoreError::File("disk I/O error".to_owned());
        // The kernel's own files have no room, and a folder for tests has.
        let told = file().on(Path::new("/proc/store.db"));
        assert_eq!((told.entry().code, told.detail()), ("E-STORE-DISK", Some("/proc/store.db: disk I/O error".into())));
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(file().on(&dir.path().join("store.db")).entry().code, "E-STORE-FAILED");
        assert_eq!(StoreError::Failed("x".into()).on(Path::new("/proc/store.db")).entry().code, "E-STORE-FAILED");
        let full = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None);
        assert_eq!(StoreError::from(full).entry().code, "E-STORE-DISK");
    }

    #[test]
    fn a_file_that_is_no_database_is_an_error_with_a_remedy() {
        use crate::failure::Explain as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        std::fs::write(&path, vec![b'x'; 4096]).unwrap();
        let error = Store::open(&path).err().unwrap();
        assert_eq!(error.entry().code, "E-STORE-FAILED");
    }
}
