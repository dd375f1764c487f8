//! A store that is damaged is set aside and begun anew: it can be lost, and keeps no terminal from its work.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode};

use super::{Store, StoreError, logged};
use crate::world::disk;

/// SQLite's files, in the order in which they are renamed: a log that were left behind would be taken for the new one's.
const FILES: [&str; 3] = ["-shm", "-wal", ""];
/// What is held on, where it can still be read: a card costs a try each time that these are forgotten.
const PAIRS: [(&str, &str); 3] = [
    ("SELECT salt FROM salt", "INSERT OR IGNORE INTO salt VALUES (1, ?1)"),
    ("SELECT pair FROM held_pairs", "INSERT OR IGNORE INTO held_pairs VALUES (?1)"),
    ("SELECT pair FROM open_tries", "INSERT OR IGNORE INTO open_tries VALUES (?1)"),
];

impl Store {
    /// As [`Store::open`]. One that is damaged is set aside first, under the name that is given back; what can be read
    /// there of the pairs held apart is in the new one.
    ///
    /// # Errors
    /// When the file cannot be used, though it is not damaged.
    pub fn open_or_renew(path: &Path, now: Timestamp) -> Result<(Self, Option<PathBuf>), StoreError> {
        if !is_damaged(path) {
            return Ok((Self::open(path)?, None));
        }
        // Set aside, and then not begun anew, it would be forgotten that there is one to hold on from.
        if disk::refusal(path).is_some() {
            return Err(StoreError::Disk(path.display().to_string()));
        }
        let aside = with_end(path, &now.strftime(".damaged-%Y%m%d%H%M%S").to_string());
        for end in FILES {
            match std::fs::rename(with_end(path, end), with_end(&aside, end)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
        let store = Self::open(path)?;
        store.hold_on(&aside);
        Ok((store, Some(aside)))
    }

    fn hold_on(&self, aside: &Path) {
        let Some(old) = logged(Connection::open(aside).map_err(StoreError::from)) else { return };
        for (read, write) in PAIRS {
            // Up to the first that cannot be read.
            let Ok(mut statement) = old.prepare(read) else { continue };
            let Ok(found) = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)) else { continue };
            for one in found.map_while(Result::ok) {
                logged(self.durably(write, [one]));
            }
        }
    }
}

/// Whether it is there, and no database any more or one that is damaged. What else is wrong with it shows when it is
/// opened.
fn is_damaged(path: &Path) -> bool {
    if !path.exists() {
        return false;
    }
    let check = |db: Connection| db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match Connection::open(path).and_then(check) {
        Ok(found) => found != "ok",
        Err(error) => {
            matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
        }
    }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_store_that_is_whole_is_opened_and_one_that_is_no_database_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        for _ in 0..2 {
            let (store, aside) = Store::open_or_renew(&path, AT).unwrap();
            store.remember_psam_level(&[1], "IRK/SM4", 2);
            assert_eq!(aside, None);
        }
        assert_eq!(Store::open(&path).unwrap().psam_level(&[1], "IRK/SM4"), Some(2));
        std::fs::write(&path, vec![b'x'; 4096]).unwrap();
        let (store, aside) = Store::open_or_renew(&path, AT).unwrap();
        assert_eq!(aside, Some(dir.path().join("store.db.damaged-19700101000000")));
        assert_eq!(std::fs::read(aside.unwrap()).unwrap(), vec![b'x'; 4096]);
        store.probe().unwrap();
        assert_eq!(store.psam_level(&[1], "IRK/SM4"), None);
    }

    #[test]
    fn pairs_that_can_be_read_in_a_damaged_store_are_held_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let (keys, card) = ([7; 10], [8; 16]);
        let store = Store::open(&path).unwrap();
        store.hold_pair(&keys, &card);
        let root = "SELECT rootpage FROM sqlite_master WHERE name = 'accumulators'";
        let page: u64 = store.db().query_row(root, [], |row| row.get(0)).unwrap();
        let size: u64 = store.db().query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
        drop(store);
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&[0xFF; 64], (page - 1) * size).unwrap();
        let (store, aside) = Store::open_or_renew(&path, AT).unwrap();
        assert!(aside.is_some());
        assert!(store.pair_held(&keys, &card).unwrap() && !store.pair_held(&keys, &[9; 16]).unwrap());
    }
}
