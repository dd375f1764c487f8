//! A store that is damaged is set aside and begun anew: it can be lost, and keeps no terminal from its work.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, params_from_iter};

use super::{Store, StoreError, logged};
use crate::world::disk;

/// SQLite's files, in the order in which they are renamed: a log that were left behind would be taken for the new one's.
const FILES: [&str; 3] = ["-shm", "-wal", ""];
/// What is held on, where it can still be read: a card costs a try each time that the pairs are forgotten, a holder who
/// was told is told, and pays, once more, and what is handed over is not known. The rest is asked for again.
const KEPT: [&str; 7] = ["salt", "held_pairs", "open_tries", "told", "shifts", "reconciliations", "differences"];

impl Store {
    /// As [`Store::open`]. One that is damaged is set aside first, under the name that is given back; what can be read
    /// there of what is nowhere else is in the new one.
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
        for table in KEPT {
            // Of what is damaged too something is found.
            logged(self.hold_on_to(table, &old));
        }
    }

    /// The rows of a table up to the first that cannot be read.
    fn hold_on_to(&self, table: &str, old: &Connection) -> Result<(), StoreError> {
        // An earlier version may not have it, or not all columns.
        let Ok(mut read) = old.prepare(&format!("SELECT * FROM {table}")) else { return Ok(()) };
        let names: Vec<String> = read.column_names().into_iter().map(str::to_owned).collect();
        let places = vec!["?"; names.len()].join(", ");
        let write = format!("INSERT OR IGNORE INTO {table} ({}) VALUES ({places})", names.join(", "));
        let row = |row: &rusqlite::Row<'_>| (0..names.len()).map(|nth| row.get(nth)).collect();
        let found: Vec<Vec<Value>> = read.query_map([], row)?.map_while(Result::ok).collect();
        let mut db = self.db();
        let kept = db.transaction()?;
        {
            let mut write = kept.prepare(&write)?;
            for row in found {
                // One that is none of the table's keeps nothing from the others.
                logged(write.execute(params_from_iter(row)).map_err(StoreError::from));
            }
        }
        Ok(kept.commit()?)
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

    use uuid::Uuid;

    use super::*;
    use crate::store::Told;
    use crate::store::shifts::tests::shift;
    use crate::value::Fen;
    use crate::wire::Digest;

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
    fn one_of_a_newer_program_is_neither_used_nor_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let newer = i64::try_from(crate::store::STEPS.len()).unwrap() + 1;
        Store::open(&path).unwrap().db().execute_batch(&format!("PRAGMA user_version = {newer}")).unwrap();
        let before = std::fs::read(&path).unwrap();
        let told = Store::open_or_renew(&path, AT).err().unwrap();
        assert!(matches!(told, StoreError::Newer(schema) if schema == newer), "{told:?}");
        assert!(
            std::fs::read(&path).unwrap() == before
                && std::fs::read_dir(dir.path())
                    .unwrap()
                    .all(|file| { !file.unwrap().file_name().to_string_lossy().contains("damaged") })
        );
    }

    #[test]
    fn what_is_nowhere_else_and_can_be_read_in_a_damaged_store_is_held_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let (keys, card) = ([7; 10], [8; 16]);
        let store = Store::open(&path).unwrap();
        store.hold_pair(&keys, &card);
        let (id, holder) = (Uuid::from_u128(7), Digest([7; 32]));
        let told = Told { id, revision: 2, holder, operator: "1", shift: "S1", cash: Some(Fen(-480)), at: AT };
        store.acknowledge(&told).unwrap();
        let shift = shift("2015080308000000", "0001");
        store.keep_shift(&shift).unwrap();
        let root = "SELECT rootpage FROM sqlite_master WHERE name = 'accumulators'";
        let page: u64 = store.db().query_row(root, [], |row| row.get(0)).unwrap();
        let size: u64 = store.db().query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
        drop(store);
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&[0xFF; 64], (page - 1) * size).unwrap();
        let (store, aside) = Store::open_or_renew(&path, AT).unwrap();
        assert!(aside.is_some());
        assert!(store.pair_held(&keys, &card).unwrap() && !store.pair_held(&keys, &[9; 16]).unwrap());
        assert_eq!(store.acknowledged(holder).unwrap(), [((id, 2), Some(Fen(-480)))].into());
        assert_eq!(store.told_in("S1").unwrap().cash, Some(Fen(-480)));
        assert_eq!(store.open_shifts().unwrap(), [shift]);
    }
}
