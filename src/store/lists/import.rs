//! A list is taken in: proved, written as a file of its own, and put in force by one row.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::marker::PhantomData;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;
use zeroize::Zeroizing;

use super::file::{ListFile, digest, read_whole};
use super::{ListError, ListInfo as _, ListKind, Lists, Read, Row, Taken};
use crate::store::StoreError;
use crate::wire::Digest;
use crate::wire::detached::PublicKey;
use crate::world::{Random as _, SystemRandom, disk};

/// How the names of entries' files end; before it are the kind, the serial and what tells two of the same serial apart.
const END: &str = ".db";

/// What came of taking a list in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported<I> {
    /// It was not in force before.
    pub changed: bool,
    /// The list in force now.
    #[serde(flatten)]
    pub list: I,
}

/// Told before each thing that is done; what it returns ends the work there.
pub(in crate::store) type Step<'a, K> = &'a mut dyn FnMut() -> Result<(), ListError<K>>;

impl<K: Read> Lists<K> {
    /// Takes a list in: proves its signature, reads it line by line, and puts it in force once it is whole and on the
    /// disk. Blocks, for seconds where it has millions of entries; who looks something up meanwhile does so in the list of
    /// before.
    pub(in crate::store) fn import(
        &self,
        list: &mut ListFile,
        keys: &[PublicKey],
        now: Timestamp,
        step: Step<'_, K>,
    ) -> Result<Imported<K::Info>, ListError<K>> {
        let _alone = self.alone()?;
        let sha256 = list.digest()?;
        let signed_by = list.signer(keys, sha256)?;
        // Nobody's words are looked at before that.
        let header = header::<K>(list)?;
        let info = K::info(header, Taken { at: now, signed_by, sha256 });
        if let Some(list) = self.known(info.serial(), sha256)? {
            return Ok(Imported { changed: false, list });
        }
        let row = self.write(list, info, step)?;
        self.put_in_force(&row, step)?;
        Ok(Imported { changed: true, list: row.info })
    }

    /// The list, where it is the one in force, and sound.
    ///
    /// # Errors
    /// When it may not take the place of what is, or was, in force.
    fn known(&self, serial: u64, sha256: Digest) -> Result<Option<K::Info>, ListError<K>> {
        let row: Option<Row<K>> = match self.store.list_row() {
            // A row that cannot be read keeps nobody from another one.
            Err(StoreError::Failed(why)) => {
                tracing::warn!(why, list = K::NAME, "which list is in force cannot be read");
                None
            }
            row => row?,
        };
        let Some(row) = row else {
            // Where the store was lost, what was taken in before is still there, and nothing older comes after it.
            let known = self.files()?.into_iter().filter_map(|file| serial_of::<K>(&file)).max().unwrap_or_default();
            return if serial < known { Err(ListError::Older { found: serial, known }) } else { Ok(None) };
        };
        let known = row.info.serial();
        match serial.cmp(&known) {
            std::cmp::Ordering::Less => Err(ListError::Older { found: serial, known }),
            std::cmp::Ordering::Equal if row.info.sha256() != sha256 => Err(ListError::Reused(serial)),
            // One that is damaged is taken in again.
            std::cmp::Ordering::Equal => Ok(self.in_force().ok().flatten()),
            std::cmp::Ordering::Greater => Ok(None),
        }
    }

    /// The entries, in a file that nothing names yet.
    fn write(&self, list: &mut ListFile, info: K::Info, step: Step<'_, K>) -> Result<Row<K>, ListError<K>> {
        let (mut key, mut apart) = (Zeroizing::new(vec![0; K::KEY]), [0; 4]);
        let random = SystemRandom::default();
        let drawn = random.fill(&mut key).and_then(|()| random.fill(&mut apart));
        drawn.map_err(|error| StoreError::Failed(error.to_string()))?;
        let file = format!("{}-{}-{}{END}", K::NAME, info.serial(), hex::encode(apart));
        let path = self.folder.join(&file);
        let mut row = Row { file, digest: Digest::default(), key, info };
        let written = entries(&path, list, &row, step);
        row.digest = written.map_err(|error| {
            // What cannot be taken away now is, once another list is in force.
            drop(fs::remove_file(&path));
            match error {
                ListError::Store(error) => ListError::Store(error.on(&path)),
                other => other,
            }
        })?;
        Ok(row)
    }

    /// The one change that counts; then what is of no use any more goes.
    fn put_in_force(&self, row: &Row<K>, step: Step<'_, K>) -> Result<(), ListError<K>> {
        step()?;
        self.store.keep_list_row(row)?;
        step()?;
        for file in self.files()?.into_iter().filter(|file| *file != row.file) {
            if let Err(error) = fs::remove_file(self.folder.join(&file)) {
                tracing::warn!(%error, file, "an earlier list stays on the disk");
            }
        }
        Ok(())
    }

    /// The names of entries' files, in use or not.
    fn files(&self) -> io::Result<Vec<String>> {
        let mut files = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let name = file?.file_name().to_string_lossy().into_owned();
            if serial_of::<K>(&name).is_some() {
                files.push(name);
            }
        }
        Ok(files)
    }

    /// Until what this returns is dropped, or its process is gone, nobody else takes a list in.
    fn alone(&self) -> Result<File, ListError<K>> {
        let path: PathBuf = self.folder.join(format!("{}.lock", K::NAME));
        // Where there is no room nothing is read for it either.
        if disk::refusal(&path).is_some() {
            return Err(StoreError::Disk(self.folder.display().to_string()).into());
        }
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        disk::give(&path, &self.folder)?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(ListError::Busy(PhantomData)),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

/// The serial of the list whose entries a file has.
fn serial_of<K: ListKind>(file: &str) -> Option<u64> {
    file.strip_prefix(K::NAME)?.strip_prefix('-')?.strip_suffix(END)?.split_once('-')?.0.parse().ok()
}

fn header<K: Read>(list: &mut ListFile) -> Result<K::Header, ListError<K>> {
    let header = K::header(&mut list.lines()?);
    header.map_err(|error| ListError::of(&list.name, error))
}

/// Writes the entries of a list; on the disk when this returns, with the file's SHA-256.
fn entries<K: Read>(path: &Path, list: &mut ListFile, row: &Row<K>, step: Step<'_, K>) -> Result<Digest, ListError<K>> {
    let folder = disk::folder_of(path);
    step()?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    disk::give(path, folder)?;
    let mut db = Connection::open(path)?;
    // What is read is what was signed.
    if fill(&mut db, list, &row.key, step)? != row.info.sha256() {
        return Err(ListError::Changed(list.name.clone()));
    }
    step()?;
    db.close().map_err(|(_, error)| error)?;
    step()?;
    let mut written = File::open(path)?;
    written.sync_all()?;
    disk::sync(folder)?;
    Ok(digest(&mut written)?)
}

/// Reads all of a list into a database that nobody uses yet; the SHA-256 of what was read.
pub(in crate::store) fn fill<K: Read>(
    db: &mut Connection,
    list: &mut ListFile,
    key: &[u8],
    step: Step<'_, K>,
) -> Result<Digest, ListError<K>> {
    // Half a file is of no use to anybody: it needs no log. What is sorted on the way is sorted on the disk.
    db.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA temp_store = FILE; PRAGMA cache_size = -16384; PRAGMA trusted_schema = OFF;",
    )?;
    db.execute_batch(K::ENTRIES)?;
    let name = list.name.clone();
    let all = db.transaction()?;
    let mut lines = list.lines()?;
    let header = K::header(&mut lines).map_err(|error| ListError::of(&name, error))?;
    K::fill(&all, header, &mut lines, key, step)?;
    let read = read_whole(lines);
    all.commit()?;
    Ok(read)
}
