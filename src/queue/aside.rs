//! A damaged journal is set aside, and one takes its place that holds every record which is provably whole.
//!
//! The damaged files are kept as they are, in a folder. The new journal is built and proved beside the old one before
//! anything is moved; a mark says that it is to take the old one's place, so that whoever opens the journal next ends
//! what was begun.

use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use super::anchor::{self, Anchor};
use super::damaged::Damaged;
use super::journal::Context;
use super::look;
use super::lost::Lost;
use super::place::{clean, finish, free_folder, give_as, next_anchor, set_mark, sync_folder, take_place, waiting};
use super::{QueueError, QueueKeys, Settings, damage, open, owner, proof, witness};
use crate::wire::ChainHead;
use crate::wire::headers::Hole;

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

/// What becomes of records where none of them can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// They may be there: nothing is done.
    IsNotKnown,
    /// They are given up: all that the anchor knows of is signed as lost.
    IsLost,
}

/// Sets a damaged journal aside. `step` is called before each thing that is moved; what it returns ends the work there,
/// as the process's death would. The next opening of the journal, or the next call of this, goes on.
///
/// # Errors
/// [`QueueError::Whole`] when nothing is wrong with it, [`QueueError::Newer`], [`QueueError::InUse`],
/// [`QueueError::WrongKeys`] when another's keys wrote it, [`QueueError::Damaged`] where nothing of the records can be read
/// and they are not given up or there is no anchor either, and what the storage may do.
pub fn set_aside(
    settings: &Settings,
    keys: &QueueKeys,
    now: Timestamp,
    unread: Unread,
    step: &mut dyn FnMut() -> Result<(), QueueError>,
) -> Result<SetAside, QueueError> {
    let _lock = open::lock(&settings.path)?;
    finish(settings)?;
    // What a newer program wrote is not damage: this one would copy what it knows of it, and lose the rest.
    if let Err(error @ QueueError::Newer(_)) = look::still(&settings.path).and_then(|db| open::version(&db)) {
        return Err(error);
    }
    let context = Context::to_read(keys, settings.terminal.clone());
    let anchored = read_anchor(settings, &context)?;
    let proved = || prove(&settings.path, &context, anchored);
    // A disk that failed once tells of damage as well: what is damage is so twice.
    let why = match proved().or_else(|_| proved()) {
        Ok(()) => {
            damage::forget(&settings.path)?;
            return Err(QueueError::Whole);
        }
        Err(error @ QueueError::Damaged { .. }) => error.to_string(),
        Err(error) => return Err(error),
    };
    let new = waiting(settings);
    step()?;
    let fresh = Settings { path: new.clone(), ..settings.clone() };
    let build = |old: Option<&Damaged>| build(old, &fresh, &context, anchored);
    let old = Damaged::open(&settings.path).and_then(|old| build(old.as_ref()));
    let (rows, lost, head) = match (old, unread, anchored) {
        // It is not known how far it went, and places of the chain would be given again.
        (Err(QueueError::Damaged { .. }), Unread::IsLost, Some(_)) => {
            clean(settings)?;
            build(None)?
        }
        (built, ..) => built?,
    };
    prove(&new, &context, Some(head))?;
    give_as(&new, &settings.path)?;
    // An anchor of its own: the old one is kept under its other name.
    let next = next_anchor(settings);
    Anchor::open(&next)
        .and_then(|mut anchor| anchor.write(&context.crypto, &context.terminal, &head))
        .map_err(open::io)?;
    give_as(&next, &settings.anchor)?;
    sync_folder(&next)?;
    step()?;
    let folder = free_folder(settings, now);
    set_mark(settings, &folder)?;
    take_place(settings, &folder, step)?;
    let damaged = settings.path.with_file_name(folder);
    Ok(SetAside { damaged, why, rows, lost: lost.holes().to_vec() })
}

fn read_anchor(settings: &Settings, context: &Context) -> Result<Option<ChainHead>, QueueError> {
    anchor::peek_if_there(&settings.anchor, &anchor::Proof::Keys(&context.crypto), &context.terminal)
}

fn prove(path: &Path, context: &Context, anchored: Option<ChainHead>) -> Result<(), QueueError> {
    match path.try_exists().map_err(open::io)? {
        true => {}
        false if anchored.is_none() => return Ok(()),
        false => return Err(proof::damaged(1, "cut off: the journal is gone")),
    }
    let db = look::still(path)?;
    owner::check(&db, context)?;
    witness::with_keys(&db, context, anchored.into()).map(drop)
}

/// Builds a journal of what is whole; how many records those are, what was lost, and the head that new ones follow.
fn build(
    old: Option<&Damaged>,
    new: &Settings,
    context: &Context,
    anchored: Option<ChainHead>,
) -> Result<(u64, Lost, ChainHead), QueueError> {
    let db = open::writer(new)?;
    db.execute_batch("PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE")?;
    open::claim(&db, context)?;
    // Records come in at the states that they have.
    let start: String =
        db.query_row("SELECT sql FROM sqlite_schema WHERE name = 'entries_start'", [], |row| row.get(0))?;
    db.execute_batch("DROP TRIGGER entries_start")?;

    let signed = old.map(|old| old.signed(context)).transpose()?.unwrap_or_default();
    // What was signed as lost before stays so: its numbers are not given again.
    let heads = [signed.head, anchored, signed.lost];
    let known = heads.into_iter().flatten().max_by_key(|head| head.sequence);
    let mut chain = Rebuilt { rows: 0, head: ChainHead::default(), holes: Vec::new() };
    if let Some(old) = old {
        let most = old.most(known.map_or(0, |head| head.sequence), anchored.is_some() || signed.is_all);
        old.copy(&db, context, most, &mut chain)?;
        context.stand_again(&db)?;
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
pub(super) struct Rebuilt {
    pub(super) rows: u64,
    /// The last record in it.
    pub(super) head: ChainHead,
    pub(super) holes: Vec<Hole>,
}
