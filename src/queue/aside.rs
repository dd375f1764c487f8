//! A damaged journal is set aside, and one takes its place that holds every record which is provably whole.
//!
//! The damaged files are kept as they are, under another name. The new journal is built and proved beside the old one
//! before anything is moved; a mark says that it is to take the old one's place, so that whoever opens the journal next
//! ends what was begun.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use serde::Serialize;

use super::anchor::{self, Anchor};
use super::entry::{COLUMNS, Entry};
use super::journal::Context;
use super::look::{self, beside};
use super::lost::{Hole, Lost};
use super::proof::{self, Anchored, Contents as _, Opened};
use super::{QueueError, QueueKeys, Settings, open, seal, witness};
use crate::wire::{ChainHead, Digest};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetAside {
    /// Where the damaged files are.
    pub damaged: PathBuf,
    /// What was wrong, as the proof said.
    pub why: String,
    /// How many records were whole.
    pub rows: u64,
    /// What was lost, and signed as lost.
    pub lost: Vec<Hole>,
}

/// Sets a damaged journal aside. `step` is called before each thing that is moved; what it returns ends the work there,
/// as the process's death would. The next opening of the journal, or the next call of this, goes on.
///
/// # Errors
/// [`QueueError::Whole`] when nothing is wrong with it, [`QueueError::InUse`], [`QueueError::WrongKeys`] when another's
/// keys wrote it, and what the storage may do.
pub fn set_aside(
    settings: &Settings,
    keys: &QueueKeys,
    now: Timestamp,
    step: &mut dyn FnMut() -> Result<(), QueueError>,
) -> Result<SetAside, QueueError> {
    let _lock = open::lock(&settings.path)?;
    finish(settings)?;
    let context = Context::to_read(keys, settings.terminal.clone());
    let anchored = read_anchor(settings, &context)?;
    let why = match prove(&settings.path, &context, anchored.into()) {
        Ok(_) => return Err(QueueError::Whole),
        Err(error @ QueueError::Damaged { .. }) => error.to_string(),
        Err(error) => return Err(error),
    };
    let new = waiting(settings);
    for ending in ["", "-wal", "-shm", "-journal"] {
        remove(&beside(&new, ending))?;
    }
    step()?;
    let fresh = Settings { path: new.clone(), ..settings.clone() };
    let (rows, lost, head) = build(&settings.path, &fresh, &context, anchored)?;
    prove(&new, &context, Anchored::At(head))?;
    let damaged = keep(settings, now, step)?;
    // An anchor of its own: the old one is kept under its other name.
    let next = beside(&settings.anchor, ".new");
    remove(&next)?;
    Anchor::open(&next)
        .and_then(|mut anchor| anchor.write(&context.crypto, &context.terminal, &head))
        .map_err(open::io)?;
    step()?;
    fs::rename(&next, &settings.anchor).map_err(open::io)?;
    sync_folder(&settings.anchor)?;
    step()?;
    File::create(mark(settings)).and_then(|mark| mark.sync_all()).map_err(open::io)?;
    sync_folder(&settings.path)?;
    take_place(settings, step)?;
    Ok(SetAside { damaged, why, rows, lost: lost.holes().to_vec() })
}

/// Ends what an earlier call began, where the new journal was ready. The lock is held.
pub(super) fn finish(settings: &Settings) -> Result<(), QueueError> {
    match mark(settings).exists() {
        true => take_place(settings, &mut || Ok(())),
        false => Ok(()),
    }
}

/// The new journal takes the place of the old one, whose log must not be read into it.
fn take_place(settings: &Settings, step: &mut dyn FnMut() -> Result<(), QueueError>) -> Result<(), QueueError> {
    let new = waiting(settings);
    if new.exists() {
        for ending in ["-wal", "-shm"] {
            step()?;
            remove(&beside(&settings.path, ending))?;
        }
        sync_folder(&settings.path)?;
        step()?;
        fs::rename(&new, &settings.path).map_err(open::io)?;
        sync_folder(&settings.path)?;
    }
    step()?;
    remove(&mark(settings))?;
    sync_folder(&settings.path)
}

fn waiting(settings: &Settings) -> PathBuf {
    beside(&settings.path, ".new")
}

fn mark(settings: &Settings) -> PathBuf {
    beside(&settings.path, ".set-aside")
}

fn read_anchor(settings: &Settings, context: &Context) -> Result<Option<ChainHead>, QueueError> {
    match anchor::peek(&settings.anchor, &anchor::Proof::Keys(&context.crypto), &context.terminal) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map_err(open::io),
    }
}

fn prove(path: &Path, context: &Context, anchored: Anchored) -> Result<(), QueueError> {
    match path.try_exists().map_err(open::io)? {
        true => {}
        false if anchored == Anchored::Missing => return Ok(()),
        false => return Err(proof::damaged(1, "cut off: the journal is gone")),
    }
    let db = look::still(path)?;
    open::check_owner(&db, context)?;
    witness::with_keys(&db, context, anchored).map(drop)
}

/// The old files get another name each in a folder of their own, and keep theirs for now.
fn keep(
    settings: &Settings,
    now: Timestamp,
    step: &mut dyn FnMut() -> Result<(), QueueError>,
) -> Result<PathBuf, QueueError> {
    let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let name = format!("damaged-{second}").replace(':', "");
    // One that an earlier try made stays as it is.
    let free =
        |name: &String| [&settings.path, &settings.anchor].iter().all(|file| !file.with_file_name(name).exists());
    let mut names = std::iter::once(name.clone()).chain((2..).map(|n: u32| format!("{name}-{n}")));
    let name = names.find(free).unwrap_or(name);
    let folder = |file: &Path| file.with_file_name(&name);
    let mut files: Vec<PathBuf> = ["", "-wal", "-shm"].map(|ending| beside(&settings.path, ending)).into();
    files.push(settings.anchor.clone());
    for file in files {
        let Some(name) = file.file_name().filter(|_| file.exists()) else { continue };
        let folder = folder(&file);
        step()?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(open::io)?;
        fs::hard_link(&file, folder.join(name)).map_err(open::io)?;
        sync_folder(&folder.join(name))?;
        sync_folder(&folder)?;
    }
    Ok(folder(&settings.path))
}

/// Builds a journal of what is whole; how many records those are, what was lost, and the head that new ones follow.
fn build(
    old: &Path,
    new: &Settings,
    context: &Context,
    anchored: Option<ChainHead>,
) -> Result<(u64, Lost, ChainHead), QueueError> {
    // What cannot be opened at all has no record that is whole.
    let old = if old.exists() { look::still(old).ok() } else { None };
    let db = open::writer(new)?;
    db.execute_batch("PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE")?;
    open::claim(&db, context)?;
    // Records come in at the states that they have.
    let start: String =
        db.query_row("SELECT sql FROM sqlite_schema WHERE name = 'entries_start'", [], |row| row.get(0))?;
    db.execute_batch("DROP TRIGGER entries_start")?;

    let signed = old.as_ref().map(|old| Signed::read(old, context)).unwrap_or_default();
    let known = signed.head.into_iter().chain(anchored).max_by_key(|head| head.sequence);
    let mut chain = Rebuilt { rows: 0, head: ChainHead::default(), holes: Vec::new() };
    if let Some(old) = &old {
        copy(old, &db, context, known.map_or(0, |head| head.sequence), &mut chain)?;
    }
    for group in &signed.groups {
        group.keep(&db)?;
    }
    let head = known.filter(|head| head.sequence > chain.head.sequence);
    if let Some(until) = head {
        chain.holes.push(Hole { after: chain.head, until });
    }
    // Each stretch of records ends with a signature: the one over its last may be lost.
    let ends = chain.holes.iter().map(|hole| hole.after).chain([chain.head]);
    for end in ends.filter(|end| end.sequence > 0) {
        let signature = context.crypto.sign(&context.terminal, end.sequence, &end.hash);
        db.prepare_cached("INSERT OR IGNORE INTO groups (sequence, head, signature) VALUES (?1, ?2, ?3)")?
            .execute((end.sequence, end.hash.0, signature))?;
    }
    let lost = Lost::from(chain.holes);
    if !lost.holes().is_empty() {
        lost.write(&db, &context.crypto, &context.terminal)?;
    }
    db.execute_batch(&format!("{start}; COMMIT"))?;
    db.close().map_err(|(_, error)| error)?;
    File::open(&new.path).and_then(|file| file.sync_all()).map_err(open::io)?;
    sync_folder(&new.path)?;
    Ok((chain.rows, lost, head.unwrap_or(chain.head)))
}

/// How far the new journal has come.
struct Rebuilt {
    rows: u64,
    /// The last record in it.
    head: ChainHead,
    holes: Vec<Hole>,
}

/// Copies each record that is whole, as far as the file can be read.
fn copy(
    old: &Connection,
    db: &Connection,
    context: &Context,
    known: u64,
    chain: &mut Rebuilt,
) -> Result<(), QueueError> {
    let Ok(columns) = look::columns(old) else { return Ok(()) };
    let count = COLUMNS.split(", ").count();
    let values = vec!["?"; count].join(", ");
    let mut insert = db.prepare(&format!("INSERT INTO entries ({COLUMNS}) VALUES ({values})"))?;
    let last = old.query_row("SELECT max(sequence) FROM entries", [], |row| row.get::<_, Option<u64>>(0));
    // Where that cannot be read, there may be records up to the last that is known of.
    let last = last.unwrap_or_default().unwrap_or_default().max(known);
    let Ok(mut find) = old.prepare(&format!("SELECT {columns} FROM entries WHERE sequence = ?1")) else {
        return Ok(());
    };
    for place in 1..=last {
        // A page that cannot be read, or a record that does not prove, is lost.
        let found = find.query_row([place], |row| {
            let values: Vec<Value> = (0..count).map(|column| row.get(column)).collect::<rusqlite::Result<_>>()?;
            Ok(whole(context, row).map(|entry| (entry, values)))
        });
        let Ok(Some((entry, values))) = found else { continue };
        let header = &entry.header;
        let follows = ChainHead { sequence: place - 1, hash: header.previous };
        match chain.head.sequence + 1 == place {
            true if follows == chain.head => {}
            // Of two records that do not follow each other, nobody knows what was between them.
            true => continue,
            false => chain.holes.push(Hole { after: chain.head, until: follows }),
        }
        insert.execute(params_from_iter(values))?;
        chain.head = ChainHead { sequence: place, hash: entry.row.header_hash };
        chain.rows += 1;
    }
    Ok(())
}

/// The record, if all of it proves with the keys.
fn whole(context: &Context, row: &rusqlite::Row<'_>) -> Option<Entry> {
    Opened::with(context).check(row).ok()?;
    context.read(row).ok()
}

/// The signatures of the old journal that hold.
#[derive(Default)]
struct Signed {
    groups: Vec<Group>,
    head: Option<ChainHead>,
}

struct Group {
    head: ChainHead,
    signature: Vec<u8>,
}

impl Signed {
    /// As far as they can be read.
    fn read(old: &Connection, context: &Context) -> Self {
        let mut signed = Self::default();
        let Ok(mut statement) = old.prepare("SELECT sequence, head, signature FROM groups ORDER BY sequence") else {
            return signed;
        };
        let Ok(rows) = statement.query_map([], |row| {
            Ok(Group { head: ChainHead { sequence: row.get(0)?, hash: Digest(row.get(1)?) }, signature: row.get(2)? })
        }) else {
            return signed;
        };
        let key = &context.crypto.public_key;
        for group in rows.map_while(Result::ok) {
            let ChainHead { sequence, hash } = group.head;
            if seal::head_is_signed(key, &context.terminal, sequence, &hash, &group.signature) {
                signed.head = Some(group.head);
                signed.groups.push(group);
            }
        }
        signed
    }
}

impl Group {
    /// Keeps the signature where the record that it is over is there.
    fn keep(&self, db: &Connection) -> Result<(), QueueError> {
        db.prepare_cached(
            "INSERT INTO groups (sequence, head, signature)
             SELECT ?1, ?2, ?3 FROM entries WHERE sequence = ?1 AND header_hash = ?2",
        )?
        .execute((self.head.sequence, self.head.hash.0, &self.signature))?;
        Ok(())
    }
}

fn remove(path: &Path) -> Result<(), QueueError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(open::io(error)),
        _ => Ok(()),
    }
}

/// What was made, renamed or removed beside a file is so after a power cut.
fn sync_folder(file: &Path) -> Result<(), QueueError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced: io::Result<()> = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(open::io)
}
