//! A store that is damaged is set aside and begun anew: it keeps no terminal from its work. What is nowhere else is held
//! on first (`held`). That all of it is learned again, as the head of `schema/v1.sql` says, is so of the three tables of that
//! version, and of those that came later of the answers to lookups alone.
//!
//! The new one is whole and on the disk before anything of the old one is moved. It then has a name of its own
//! (`store.db.ready-` and the time): whoever starts next goes on from there, and until then nobody opens either of the two.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode};

use super::errors::STORE;
use super::held::Held;
use super::{Store, StoreError};
use crate::world::disk;

/// SQLite's files, in the order in which they are renamed: a log that were left behind would be taken for the new one's.
const FILES: [&str; 3] = ["-shm", "-wal", ""];
/// What one that is not ready yet may have left.
const BEGUN: [&str; 4] = ["", "-journal", "-wal", "-shm"];

/// What became of a store that was damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// Where the damaged one is now.
    pub aside: PathBuf,
    /// How many records of what is nowhere else were held on; none where an earlier start did that, whose log has it.
    pub kept: Option<u64>,
    /// How many of them could not be read; none where nobody can tell.
    pub lost: Option<u64>,
}

impl Store {
    /// As [`Store::open`]. In place of one that is damaged there is a new one afterwards, with what can be read there of
    /// what is nowhere else; the damaged one is set aside. Only one process may do this at a time.
    ///
    /// # Errors
    /// When the file cannot be used, though it is not damaged, or the new one cannot be written. Then the old one is where
    /// it was, or the next call goes on.
    pub fn open_or_renew(path: &Path, now: Timestamp) -> Result<(Self, Option<Renewed>), StoreError> {
        Self::renewed(path, now, &mut || Ok(())).map_err(|error| error.on(path))
    }

    /// `step` is called before each thing that is done; what it returns ends the work there.
    fn renewed(
        path: &Path,
        now: Timestamp,
        step: &mut dyn FnMut() -> Result<(), StoreError>,
    ) -> Result<(Self, Option<Renewed>), StoreError> {
        let damaged = match ready(path)? {
            Some(time) => Some((time, None)),
            None => {
                remove_begun(path)?;
                let time = now.strftime("%Y%m%d%H%M%S").to_string();
                is_damaged(path).then(|| begin(path, &time, step).map(|held| (time, Some(held)))).transpose()?
            }
        };
        let Some((time, held)) = damaged else { return Ok((Self::open(path)?, None)) };
        let aside = take_place(path, &time, step)?;
        let (kept, lost) = (held.map(|held| held.kept), held.and_then(|held| held.lost));
        let (code, file) = (STORE.code, aside.file_name().unwrap_or_default().to_string_lossy());
        tracing::error!(code, %file, kept, lost, "the store is damaged: it was set aside");
        Ok((Self::open(path)?, Some(Renewed { aside, kept, lost })))
    }

    /// Closes it as one file, without a log.
    fn into_file(self) -> Result<(), StoreError> {
        let db = self.db.into_inner().unwrap_or_else(PoisonError::into_inner);
        let log: String = db.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
        if log != "delete" {
            return Err(StoreError::Failed(format!("its log stays: {log}")));
        }
        db.close().map_err(|(_, error)| error.into())
    }
}

/// The new one, ready to take the place of the old one.
fn begin(path: &Path, time: &str, step: &mut dyn FnMut() -> Result<(), StoreError>) -> Result<Held, StoreError> {
    // Where there is no room it is not begun.
    if disk::refusal(path).is_some() {
        return Err(StoreError::Disk(path.display().to_string()));
    }
    let begun = begun(path);
    step()?;
    let store = Store::open_file(&begun)?;
    step()?;
    let held = store.hold_on(path)?;
    step()?;
    store.into_file()?;
    File::open(&begun)?.sync_all()?;
    step()?;
    fs::rename(&begun, with_end(path, &format!("{READY}{time}")))?;
    disk::sync(disk::folder_of(path))?;
    Ok(held)
}

/// The old one goes aside, what is left of it there, and the new one takes its place.
fn take_place(
    path: &Path,
    time: &str,
    step: &mut dyn FnMut() -> Result<(), StoreError>,
) -> Result<PathBuf, StoreError> {
    let aside = with_end(path, &format!(".damaged-{time}"));
    for end in FILES {
        step()?;
        done_or_gone(fs::rename(with_end(path, end), with_end(&aside, end)))?;
    }
    // So that no power cut leaves the log behind, and not what it is of.
    disk::sync(disk::folder_of(path))?;
    step()?;
    // A command that looked before the new one was ready may have begun an empty one in between: its log is none of this.
    for end in ["-shm", "-wal"] {
        done_or_gone(fs::remove_file(with_end(path, end)))?;
    }
    fs::rename(with_end(path, &format!("{READY}{time}")), path)?;
    disk::sync(disk::folder_of(path))?;
    Ok(aside)
}

/// How the name of one ends that is whole and waits to take the place of the damaged one; behind it is when that was found.
const READY: &str = ".ready-";

/// When a store was found damaged in whose place another one is ready.
pub(super) fn ready(path: &Path) -> Result<Option<String>, StoreError> {
    let Some(name) = path.file_name() else { return Ok(None) };
    let begin = format!("{}{READY}", name.to_string_lossy());
    for file in fs::read_dir(disk::folder_of(path))? {
        if let Some(time) = file?.file_name().to_string_lossy().strip_prefix(&begin) {
            return Ok(Some(time.to_owned()));
        }
    }
    Ok(None)
}

/// One that is not ready is begun again: meanwhile the old one was used, or is in order again.
fn remove_begun(path: &Path) -> io::Result<()> {
    BEGUN.iter().try_for_each(|end| done_or_gone(fs::remove_file(with_end(&begun(path), end))))
}

/// One that is not ready yet.
fn begun(path: &Path) -> PathBuf {
    with_end(path, ".new")
}

fn done_or_gone(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
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
    use std::collections::BTreeSet;

    use uuid::Uuid;

    use super::*;
    use crate::store::Told;
    use crate::store::held::tests::{root, ruin};
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
        let (store, renewed) = Store::open_or_renew(&path, AT).unwrap();
        let aside = dir.path().join("store.db.damaged-19700101000000");
        assert_eq!(renewed, Some(Renewed { aside: aside.clone(), kept: Some(0), lost: None }));
        assert_eq!(std::fs::read(aside).unwrap(), vec![b'x'; 4096]);
        store.probe().unwrap();
        assert_eq!(store.psam_level(&[1], "IRK/SM4"), None);
    }

    #[test]
    fn one_of_a_newer_program_is_neither_used_nor_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let newer = i64::try_from(crate::store::STEPS.len()).unwrap() + 1;
        Store::open(&path).unwrap().db().execute_batch(&format!("PRAGMA user_version = {newer}")).unwrap();
        for is_damaged in [false, true] {
            if is_damaged {
                ruin(&path, root(&path, "accumulators"));
            }
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
    }

    /// Holders were told of two transactions, and a page of what is asked for again is ruined.
    fn damaged(path: &Path) -> Digest {
        let holder = Digest([7; 32]);
        let store = Store::open(path).unwrap();
        for id in [1, 2].map(Uuid::from_u128) {
            let told = Told { id, revision: 0, holder, operator: "1", shift: "S1", cash: Some(Fen(100)), at: AT };
            store.acknowledge(&told).unwrap();
        }
        drop(store);
        ruin(path, root(path, "accumulators"));
        holder
    }

    #[test]
    fn wherever_it_ends_who_starts_next_has_all_that_was_told() {
        for n in 1.. {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("store.db");
            let holder = damaged(&path);
            let before = fs::read(&path).unwrap();
            let mut passed = 0;
            let first = Store::renewed(&path, AT, &mut || {
                passed += 1;
                if passed == n { Err(StoreError::Disk("full".into())) } else { Ok(()) }
            });
            let done = first.map(|(_, renewed)| renewed).ok();
            // A command that somebody runs meanwhile begins none in its place.
            drop(Store::open(&path));
            let (store, after) = Store::open_or_renew(&path, AT + jiff::SignedDuration::from_secs(1)).unwrap();
            assert_eq!(store.acknowledged(holder).unwrap().len(), 2, "n = {n}");
            assert_eq!(store.told_in("S1").unwrap().cash, Some(Fen(200)), "n = {n}");
            drop(store);
            assert_eq!((done.is_some(), after.is_none()), (passed < n, passed < n), "told of once, n = {n}");
            let aside = done.flatten().or(after).unwrap().aside;
            assert!(fs::read(&aside).unwrap() == before, "n = {n}");
            let files: BTreeSet<PathBuf> = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path()).collect();
            assert_eq!(files, [path, aside].into(), "n = {n}");
            if passed < n {
                assert!(n > 8, "{n} steps");
                return;
            }
        }
    }

    #[test]
    fn nothing_is_opened_in_the_place_of_one_that_is_being_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        std::fs::write(dir.path().join("store.db.ready-19700101000000"), "").unwrap();
        let told = Store::open(&path).err().unwrap();
        assert!(told.to_string().contains("19700101000000") && !path.exists(), "{told}");
    }
}
