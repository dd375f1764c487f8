//! New keys for what a leaked key would open or forge: seal and state. The others stay: the commitments stand in the
//! chained headers, a holder's hash is what later records are found by, and the public key is what outsiders have.
//!
//! The new keys lie beside the old ones (`.new`) before the journal is theirs, and take their places after: whoever
//! opens the journal takes those that are its own.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use zeroize::Zeroizing;

use super::anchor::Anchor;
use super::entry::{self, about_answer};
use super::journal::Context;
use super::keys::{self, FILES};
use super::look::{self, beside};
use super::place::{finish, folder_of, give, remove};
use super::{QueueError, QueueKeys, Settings, check, erase, open};
use crate::wire::ChainHead;
use crate::world::{Random, disk};

/// Those that are made anew.
const RENEWED: [&str; 2] = ["seal.key", "state.key"];
/// How the names end of those that wait for their places.
const WAITING: &str = ".new";
/// How many records are held in memory at once.
const PAGE: usize = 256;

/// Where the new keys go.
#[derive(Debug, Clone, Copy)]
pub enum NewKeys<'a> {
    /// Into the places of the old ones, in their folder.
    InPlace(&'a Path),
    /// Into a folder of their own, which is not there yet, with those that stay.
    Into {
        /// That folder.
        folder: &'a Path,
        /// The folder of the old ones: what root makes is given to those who have these.
        like: &'a Path,
    },
}

/// What was made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Rekeyed {
    /// How many records there are.
    pub rows: u64,
    /// How many payloads were sealed anew.
    pub payloads: u64,
    /// How many answers were.
    pub answers: u64,
    /// Nothing that was sealed with the old key is left in the log.
    pub cleared: bool,
}

/// Seals payloads and answers anew and authenticates the states anew, in one transaction. `step` is called before each
/// thing that is written; what it returns ends the work there, as the process's death would.
///
/// # Errors
/// [`QueueError::InUse`] while a daemon has the journal, [`QueueError::Damaged`] when a record is not whole, and what the
/// storage may do. Nothing is lost: the journal opens with the old keys or with the new ones.
pub fn rekey(
    settings: &Settings,
    old: &QueueKeys,
    place: NewKeys<'_>,
    random: &dyn Random,
    step: &mut dyn FnMut() -> Result<(), QueueError>,
) -> Result<Rekeyed, QueueError> {
    let _lock = open::lock(&settings.path)?;
    // What a broken-off set-aside left is sealed with the old key.
    finish(settings)?;
    let before = Context::to_read(old, settings.terminal.clone());
    check::before_writing(settings, &before)?;
    place.end_earlier(settings, step)?;
    let new = QueueKeys { seal: fresh(random)?, state: fresh(random)?, ..old.clone() };
    let after = Context::to_read(&new, settings.terminal.clone());
    step()?;
    place.lay(&new, step)?;

    let db = open::writer(settings)?;
    let head = open::head(&db)?;
    let mut anchor = Anchor::open(&settings.anchor).map_err(open::io)?;
    give(&settings.anchor)?;
    anchor.read(&before.crypto, &before.terminal).map_err(open::io)?;
    // One slot for each: whichever keys the journal has, its anchor is there.
    for context in [&before, &after] {
        step()?;
        write(&mut anchor, context, &head)?;
    }
    step()?;
    db.execute_batch("BEGIN IMMEDIATE")?;
    let mut done = renew(&db, &before, &after)?;
    step()?;
    db.execute_batch("COMMIT")?;
    place.take_up(step)?;
    step()?;
    write(&mut anchor, &after, &head)?;
    step()?;
    done.cleared = erase::clear(&db)?;
    Ok(done)
}

fn write(anchor: &mut Anchor, context: &Context, head: &ChainHead) -> Result<(), QueueError> {
    anchor.write(&context.crypto, &context.terminal, head).map_err(open::io)
}

fn fresh(random: &dyn Random) -> Result<Zeroizing<[u8; 32]>, QueueError> {
    let mut key = Zeroizing::new([0; 32]);
    random.fill(&mut *key)?;
    Ok(key)
}

/// All records, a page at a time, within the transaction.
fn renew(db: &Connection, before: &Context, after: &Context) -> Result<Rekeyed, QueueError> {
    let mut done = Rekeyed { rows: 0, payloads: 0, answers: 0, cleared: false };
    let sql = format!("SELECT {} FROM entries WHERE sequence > ?1 ORDER BY sequence LIMIT ?2", look::columns(db)?);
    let mut update = db.prepare("UPDATE entries SET payload = ?2, answer = ?3, state_mac = ?4 WHERE sequence = ?1")?;
    let mut last = 0;
    loop {
        let mut page = Vec::with_capacity(PAGE);
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query(params![last, PAGE])?;
        while let Some(row) = rows.next()? {
            page.push(before.read(row)?);
        }
        let Some(end) = page.last().map(|entry| entry.row.sequence) else { break };
        for mut entry in page {
            let hash = entry.row.header_hash;
            if let Some(payload) = before.open_payload(&entry)? {
                entry.payload = Some(after.crypto.seal(&payload, &hash.0, &*after.random)?);
                done.payloads += 1;
            }
            if let Some(sealed) = &entry.answer {
                let about = about_answer(&hash);
                let plain = before.crypto.open(sealed, &about);
                let plain = plain.ok_or_else(|| entry::damaged(&entry, "its answer does not open"))?;
                entry.answer = Some(after.crypto.seal(&plain, &about, &*after.random)?);
                done.answers += 1;
            }
            entry.state_mac = after.state_mac(&entry);
            update.execute(params![entry.row.sequence, entry.payload, entry.answer, entry.state_mac.0])?;
            done.rows += 1;
        }
        last = end;
    }
    before.hand_over(db, after)?;
    open::claim_anew(db, after)?;
    Ok(done)
}

impl NewKeys<'_> {
    /// A change that was broken off after the journal was given its keys may have left the only ones that open it
    /// waiting: they take their places before others are laid there.
    fn end_earlier(
        self,
        settings: &Settings,
        step: &mut dyn FnMut() -> Result<(), QueueError>,
    ) -> Result<(), QueueError> {
        let Self::InPlace(dir) = self else { return Ok(()) };
        match QueueKeys::load(dir)?.waiting(settings, dir)? {
            Some(_) => take_up(dir, step),
            None => Ok(()),
        }
    }

    /// Puts the new keys where nobody takes them for the journal's yet.
    fn lay(self, new: &QueueKeys, step: &mut dyn FnMut() -> Result<(), QueueError>) -> Result<(), QueueError> {
        // Those of `like` are the ones whose places they take.
        let (dir, like, ending, keys) = match self {
            Self::InPlace(dir) => {
                let keys = RENEWED.into_iter().zip([&*new.seal, &*new.state]);
                (dir, dir, WAITING, keys.collect::<Vec<_>>())
            }
            Self::Into { folder, like } => {
                fs::DirBuilder::new().mode(0o700).create(folder).map_err(|error| keys::not_written(folder, error))?;
                disk::give(folder, like).map_err(|error| keys::not_written(folder, error))?;
                (folder, like, "", FILES.into_iter().zip(new.all()).collect())
            }
        };
        for (name, key) in keys {
            step()?;
            let file = beside(&dir.join(name), ending);
            // What an earlier try left is nobody's.
            remove(&file)?;
            let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
            let text = Zeroizing::new(hex::encode_upper(key));
            made.and_then(|mut out| out.write_all(text.as_bytes()).and_then(|()| out.sync_all()))
                .and_then(|()| disk::give(&file, &like.join(name)))
                .map_err(|error| keys::not_written(&file, error))?;
        }
        keys::sync(dir)?;
        match self {
            Self::InPlace(_) => Ok(()),
            // The journal will open with nothing but what is in there.
            Self::Into { folder, .. } => keys::sync(folder_of(folder)),
        }
    }

    /// The journal is the new keys' now: they take the places of the old ones.
    fn take_up(self, step: &mut dyn FnMut() -> Result<(), QueueError>) -> Result<(), QueueError> {
        match self {
            Self::InPlace(dir) => take_up(dir, step),
            Self::Into { .. } => Ok(()),
        }
    }
}

fn take_up(dir: &Path, step: &mut dyn FnMut() -> Result<(), QueueError>) -> Result<(), QueueError> {
    for name in RENEWED {
        let waiting = waiting(dir, name);
        if waiting.exists() {
            step()?;
            fs::rename(&waiting, dir.join(name)).map_err(|error| keys::not_written(&waiting, error))?;
        }
    }
    keys::sync(dir)
}

fn waiting(dir: &Path, name: &str) -> PathBuf {
    beside(&dir.join(name), WAITING)
}

impl QueueKeys {
    /// The keys of a folder that are the journal's: those in their places, or those that a change of keys which was
    /// broken off left beside them.
    ///
    /// # Errors
    /// As [`QueueKeys::load`], and what the storage may do.
    pub fn of(settings: &Settings, dir: &Path) -> Result<Self, QueueError> {
        let keys = Self::load(dir)?;
        Ok(keys.waiting(settings, dir)?.unwrap_or(keys))
    }

    /// [`QueueKeys::of`] for the process that writes: keys that wait take their places, and a folder that holds none is
    /// given new ones.
    ///
    /// # Errors
    /// As [`QueueKeys::load_or_create`], and what the storage may do.
    pub fn own(settings: &Settings, dir: &Path, random: &dyn Random) -> Result<Self, QueueError> {
        let keys = Self::load_or_create(dir, random)?;
        let Some(waiting) = keys.waiting(settings, dir)? else { return Ok(keys) };
        take_up(dir, &mut || Ok(()))?;
        Ok(waiting)
    }

    /// Those that wait, where the journal is theirs.
    fn waiting(&self, settings: &Settings, dir: &Path) -> Result<Option<Self>, QueueError> {
        let [seal, state] = RENEWED.map(|name| waiting(dir, name));
        if !seal.exists() && !state.exists() || !settings.path.exists() {
            return Ok(None);
        }
        let read = |path: &Path, own: &Zeroizing<[u8; 32]>| match path.exists() {
            true => keys::read(path),
            false => Ok(own.clone()),
        };
        let Ok((seal, state)) = read(&seal, &self.seal).and_then(|seal| Ok((seal, read(&state, &self.state)?))) else {
            // Half of a file: the journal is not theirs yet.
            return Ok(None);
        };
        let new = Self { seal, state, ..self.clone() };
        let db =
            if look::is_held(&settings.path)? { open::reader(&settings.path)? } else { look::still(&settings.path)? };
        let owner = open::check_owner(&db, &Context::to_read(&new, settings.terminal.clone()));
        Ok(owner.is_ok().then_some(new))
    }

    /// In the order of [`FILES`].
    fn all(&self) -> [&[u8; 32]; 5] {
        [&self.seal, &self.commitment, &self.holder, &self.state, &self.signing].map(|key| &**key)
    }
}
