//! A list is taken in: proved, written as a file of its own, and put in force by one row.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use ring::hmac;
use rusqlite::{Connection, params};
use serde::Serialize;
use zeroize::Zeroizing;

use super::format::{Entry, Header, Lines, Listed};
use super::{Blacklist, BlacklistError, BlacklistInfo, Row, tag};
use crate::failure::Diagnostic;
use crate::store::StoreError;
use crate::wire::Digest;
use crate::wire::detached::{ENDING, PublicKey, Signed};
use crate::world::{Random as _, SystemRandom, disk};

/// What a list's signature is of.
pub const LIST: Signed = Signed {
    domain: "sbkd-blacklist-1",
    name: "list",
    comment: "黑名单签名，随名单存放；改动名单任何字节即失效 / The signature of a blacklist: it holds for these bytes alone.",
};

/// How the names of entries' files begin and end; between them are the serial and what tells two of the same serial apart.
const BEGIN: &str = "blacklist-";
const END: &str = ".db";
/// Locked by whoever takes a list in.
const LOCK: &str = "blacklist.lock";
/// How much is read at once.
const BLOCK: usize = 64 * 1024;
/// The most labels that differ.
const MOST_LABELS: usize = 1000;
/// After so many lines a step is told.
const LINES: u64 = 4096;

/// A list as it lies somewhere, open.
pub struct ListFile {
    /// What its mistakes are told under; the signature is told with `.sig` behind it.
    pub name: String,
    /// The list.
    pub file: File,
    /// The text of the signature beside it, where there is one.
    pub signature: Option<String>,
}

/// What came of taking a list in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// It was not in force before.
    pub changed: bool,
    /// The list in force now.
    #[serde(flatten)]
    pub list: BlacklistInfo,
}

/// A list without mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Its serial.
    pub serial: u64,
    /// When it was made.
    pub issued: Timestamp,
    /// How many single cards are in it.
    pub cards: u64,
    /// How many ranges.
    pub ranges: u64,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// Told before each thing that is done; what it returns ends the work there.
pub(super) type Step<'a> = &'a mut dyn FnMut() -> Result<(), BlacklistError>;

impl ListFile {
    /// Reads all of it, without a look at its signature.
    ///
    /// # Errors
    /// The first mistake, by its place.
    pub fn check(&mut self) -> Result<Checked, BlacklistError> {
        let name = self.name.clone();
        let mut lines = self.lines()?;
        let Header { serial, issued, cards, ranges } = lines.header();
        while lines.entry().map_err(|error| BlacklistError::of(&name, error))?.is_some() {}
        Ok(Checked { serial, issued, cards, ranges, sha256: read_whole(lines) })
    }

    fn lines(&mut self) -> Result<Lines<BufReader<Hashed<'_>>>, BlacklistError> {
        self.rewind()?;
        let input = Hashed { file: &mut self.file, context: Context::new(&SHA256) };
        let input = BufReader::with_capacity(BLOCK, input);
        Lines::begin(&self.name, input).map_err(|error| BlacklistError::of(&self.name, error))
    }

    fn digest(&mut self) -> Result<Digest, BlacklistError> {
        self.rewind()?;
        digest(&mut self.file).map_err(|error| BlacklistError::file(&self.name, &error))
    }

    fn rewind(&mut self) -> Result<(), BlacklistError> {
        self.file.rewind().map_err(|error| BlacklistError::file(&self.name, &error))
    }

    fn signer(&self, keys: &[PublicKey], file: Digest) -> Result<String, BlacklistError> {
        let named = format!("{}{ENDING}", self.name);
        let Some(signature) = &self.signature else {
            let message = format!("the list is not signed: there is no {named}");
            return Err(BlacklistError::Signature(Diagnostic { file: self.name.clone(), line: 1, column: 1, message }));
        };
        LIST.signer(keys, file, &named, signature).map_err(BlacklistError::Signature)
    }
}

impl Blacklist {
    /// Takes a list in: proves its signature, reads it line by line, and puts it in force once it is whole and on the
    /// disk. Blocks, for seconds where it has millions of entries; who looks a card up meanwhile does so in the list of
    /// before.
    ///
    /// # Errors
    /// What is wrong with the list, or with the disk. Then the list of before is in force.
    pub fn import(&self, list: &mut ListFile, keys: &[PublicKey], now: Timestamp) -> Result<Imported, BlacklistError> {
        self.imported(list, keys, now, &mut || Ok(()))
    }

    pub(super) fn imported(
        &self,
        list: &mut ListFile,
        keys: &[PublicKey],
        now: Timestamp,
        step: Step<'_>,
    ) -> Result<Imported, BlacklistError> {
        let _alone = self.alone()?;
        let sha256 = list.digest()?;
        let signed_by = list.signer(keys, sha256)?;
        // Nobody's words are looked at before that.
        let Header { serial, issued, cards, ranges } = list.lines()?.header();
        if let Some(list) = self.known(serial, sha256)? {
            return Ok(Imported { changed: false, list });
        }
        let info = BlacklistInfo { serial, issued, taken_at: now, cards, ranges, signed_by, sha256 };
        let row = self.write(list, info, step)?;
        self.put_in_force(&row, step)?;
        Ok(Imported { changed: true, list: row.info })
    }

    /// The list, where it is the one in force, and sound.
    ///
    /// # Errors
    /// When it may not take the place of what is, or was, in force.
    fn known(&self, serial: u64, sha256: Digest) -> Result<Option<BlacklistInfo>, BlacklistError> {
        let row = match self.store.blacklist() {
            // A row that cannot be read keeps nobody from another one.
            Err(StoreError::Failed(why)) => {
                tracing::warn!(why, "which blacklist is in force cannot be read");
                None
            }
            row => row?,
        };
        let Some(row) = row else {
            // Where the store was lost, what was taken in before is still there, and nothing older comes after it.
            let known = self.files()?.into_iter().filter_map(|file| serial_of(&file)).max().unwrap_or_default();
            return if serial < known { Err(BlacklistError::Older { found: serial, known }) } else { Ok(None) };
        };
        let known = row.info.serial;
        match serial.cmp(&known) {
            std::cmp::Ordering::Less => Err(BlacklistError::Older { found: serial, known }),
            std::cmp::Ordering::Equal if row.info.sha256 != sha256 => Err(BlacklistError::Reused(serial)),
            // One that is damaged is taken in again.
            std::cmp::Ordering::Equal => Ok(self.in_force().ok().flatten()),
            std::cmp::Ordering::Greater => Ok(None),
        }
    }

    /// The entries, in a file that nothing names yet.
    fn write(&self, list: &mut ListFile, info: BlacklistInfo, step: Step<'_>) -> Result<Row, BlacklistError> {
        let (mut key, mut apart) = (Zeroizing::new([0; 32]), [0; 4]);
        let random = SystemRandom::default();
        let drawn = random.fill(&mut *key).and_then(|()| random.fill(&mut apart));
        drawn.map_err(|error| StoreError::Failed(error.to_string()))?;
        let file = format!("{BEGIN}{}-{}{END}", info.serial, hex::encode(apart));
        let path = self.folder.join(&file);
        let mut row = Row { file, digest: Digest::default(), key, info };
        let written = entries(&path, list, &row, step);
        row.digest = written.map_err(|error| {
            // What cannot be taken away now is, once another list is in force.
            drop(fs::remove_file(&path));
            match error {
                BlacklistError::Store(error) => BlacklistError::Store(error.on(&path)),
                other => other,
            }
        })?;
        Ok(row)
    }

    /// The one change that counts; then what is of no use any more goes.
    fn put_in_force(&self, row: &Row, step: Step<'_>) -> Result<(), BlacklistError> {
        step()?;
        self.store.keep_blacklist(row)?;
        step()?;
        for file in self.files()?.into_iter().filter(|file| *file != row.file) {
            if let Err(error) = fs::remove_file(self.folder.join(&file)) {
                tracing::warn!(%error, file, "an earlier blacklist stays on the disk");
            }
        }
        Ok(())
    }

    /// The names of entries' files, in use or not.
    fn files(&self) -> io::Result<Vec<String>> {
        let mut files = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let name = file?.file_name().to_string_lossy().into_owned();
            if serial_of(&name).is_some() {
                files.push(name);
            }
        }
        Ok(files)
    }

    /// Until what this returns is dropped, or its process is gone, nobody else takes a list in.
    fn alone(&self) -> Result<File, BlacklistError> {
        let path: PathBuf = self.folder.join(LOCK);
        // Where there is no room nothing is read for it either.
        if disk::refusal(&path).is_some() {
            return Err(StoreError::Disk(self.folder.display().to_string()).into());
        }
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        disk::give(&path, &self.folder)?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(BlacklistError::Busy),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

/// The serial of the list whose entries a file has.
fn serial_of(file: &str) -> Option<u64> {
    file.strip_prefix(BEGIN)?.strip_suffix(END)?.split_once('-')?.0.parse().ok()
}

/// Writes the entries of a list; on the disk when this returns, with the file's SHA-256.
fn entries(path: &Path, list: &mut ListFile, row: &Row, step: Step<'_>) -> Result<Digest, BlacklistError> {
    let folder = disk::folder_of(path);
    step()?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    disk::give(path, folder)?;
    let mut db = Connection::open(path)?;
    // Half a file is of no use to anybody: it needs no log. What is sorted on the way is sorted on the disk.
    db.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA temp_store = FILE; PRAGMA cache_size = -16384; PRAGMA trusted_schema = OFF;",
    )?;
    db.execute_batch(include_str!("entries.sql"))?;
    fill(&mut db, list, row, step)?;
    step()?;
    db.close().map_err(|(_, error)| error)?;
    step()?;
    let mut written = File::open(path)?;
    written.sync_all()?;
    disk::sync(folder)?;
    Ok(digest(&mut written)?)
}

fn fill(db: &mut Connection, list: &mut ListFile, row: &Row, step: Step<'_>) -> Result<(), BlacklistError> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &*row.key);
    let all = db.transaction()?;
    // By the hashes the cards have no order: they get it at the end, all at once.
    all.execute_batch("CREATE TEMP TABLE staged (tag BLOB, label INTEGER)")?;
    {
        let mut labels = Labels::default();
        let name = list.name.clone();
        let mut card = all.prepare("INSERT INTO staged VALUES (?1, ?2)")?;
        let mut range = all.prepare("INSERT INTO span VALUES (?1, ?2, ?3)")?;
        let mut text = all.prepare("INSERT INTO label VALUES (?1, ?2)")?;
        let mut lines = list.lines()?;
        let mut count = 0;
        while let Some(Entry { listed, label }) = lines.entry().map_err(|error| BlacklistError::of(&name, error))? {
            if count % LINES == 0 {
                step()?;
            }
            count += 1;
            let label = match label.map(|label| labels.id(label)) {
                None => None,
                Some(Id::Known(id)) => Some(id),
                Some(Id::New(id, label)) if id <= MOST_LABELS => {
                    text.execute(params![id, label])?;
                    Some(id)
                }
                Some(Id::New(..)) => {
                    let what = format!("more than {MOST_LABELS} labels that differ");
                    return Err(BlacklistError::of(&name, lines.wrong(1, &what)));
                }
            };
            match listed {
                Listed::Card(identifier) => card.execute(params![tag(&key, &identifier), label])?,
                Listed::Range(first, last) => range.execute(params![first, last, label])?,
            };
        }
        // What was read is what was signed.
        if read_whole(lines) != row.info.sha256 {
            return Err(BlacklistError::Changed(name));
        }
    }
    step()?;
    all.execute_batch("INSERT INTO card SELECT tag, label FROM staged ORDER BY tag; DROP TABLE staged;")?;
    Ok(all.commit()?)
}

/// Labels by number: there are few of them, each on many lines.
#[derive(Default)]
struct Labels(HashMap<String, usize>);

enum Id {
    Known(usize),
    New(usize, String),
}

impl Labels {
    fn id(&mut self, label: String) -> Id {
        if let Some(id) = self.0.get(&label) {
            return Id::Known(*id);
        }
        let id = self.0.len() + 1;
        self.0.insert(label.clone(), id);
        Id::New(id, label)
    }
}

/// A file that is hashed as it is read.
struct Hashed<'a> {
    file: &'a mut File,
    context: Context,
}

impl Read for Hashed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.context.update(&into[..read]);
        Ok(read)
    }
}

impl Hashed<'_> {
    fn finish(self) -> Digest {
        let mut out = [0; 32];
        out.copy_from_slice(self.context.finish().as_ref());
        Digest(out)
    }
}

/// The SHA-256 of what was read: of all of it, once there was no other line.
fn read_whole(lines: Lines<BufReader<Hashed<'_>>>) -> Digest {
    lines.into_input().into_inner().finish()
}

/// The SHA-256 of a file from where it stands.
pub(super) fn digest(file: &mut File) -> io::Result<Digest> {
    let mut hashed = Hashed { file, context: Context::new(&SHA256) };
    io::copy(&mut BufReader::with_capacity(BLOCK, &mut hashed), &mut io::sink())?;
    Ok(hashed.finish())
}
