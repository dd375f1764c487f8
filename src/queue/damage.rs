//! Damage that was proved twice, and what follows from it: it is remembered beside the journal, so that a start after it
//! proves all of the journal before it writes, and nothing more is written into a file that is itself wrong.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use super::damaged::again;
use super::journal::Context;
use super::look::{self, beside};
use super::{Queue, QueueError, Settings, open, owner, place, read, witness};
use crate::wire::ChainHead;

/// What the last whole proof found, and a second one as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The first record that is wrong; 0 for the file as a whole.
    pub record: u64,
    /// What is wrong with it.
    pub what: String,
    /// When it was found, by the clock of the host.
    pub found_at: Timestamp,
    /// The file's own order is broken, and not single records alone: nothing more is written into it.
    pub file: bool,
}

impl Damage {
    /// The same, as it is told to whoever asked for something that it does not allow.
    pub fn error(&self) -> QueueError {
        QueueError::Damaged { record: self.record, what: self.what.clone() }
    }
}

impl Queue {
    /// What the last whole proof found wrong; `None` where it found nothing, or there was none yet. While there is
    /// something, nothing new should begin: see [`Damage::file`] for what has begun.
    pub fn damage(&self) -> Option<Damage> {
        read::lock(&self.inner.damage).clone()
    }

    /// Nothing is written into a file that is itself wrong.
    pub(super) fn may_write(&self) -> Result<(), QueueError> {
        match &*read::lock(&self.inner.damage) {
            Some(damage) if damage.file => Err(damage.error()),
            _ => Ok(()),
        }
    }

    /// All of the journal proved: what was found before is over, what a reader met included, and what was left out for it is
    /// delivered.
    pub(super) fn found_whole(&self) -> Result<(), QueueError> {
        read::lock(&self.inner.damaged).clear();
        *read::lock(&self.inner.damage) = None;
        // Also where nothing was known here: the delivery may have met it alone.
        self.inner.held.tell();
        forget(&self.inner.settings.path)
    }

    /// Two proofs told of damage.
    pub(super) fn found_damaged(&self, record: u64, what: &str) {
        {
            // What this proof has passed is whole; it has seen nothing of what comes after.
            let mut damaged = read::lock(&self.inner.damaged);
            *damaged = damaged.split_off(&record);
            damaged.insert(record);
        }
        let path = &self.inner.settings.path;
        let looked = again(|| open::reader(path).and_then(|db| open::check_file(&db)));
        let file = matches!(looked, Err(QueueError::Damaged { .. }));
        let damage = Damage { record, what: what.to_owned(), found_at: self.inner.context.clock.now(), file };
        if let Err(error) = note(path, &damage) {
            // It is known until the process ends, and noted by the next proof.
            tracing::error!(%error, "the damage of the journal was not noted beside it");
        }
        *read::lock(&self.inner.damage) = Some(damage);
    }
}

/// Looks at a journal of which damage is noted: all of it, whose lock is held, before a byte is written. Whole, the note
/// goes.
///
/// # Errors
/// [`QueueError::Damaged`], and what the storage may do.
pub(super) fn prove_where_noted(path: &Path, context: &Context, anchored: Option<ChainHead>) -> Result<(), QueueError> {
    if !mark(path).try_exists().map_err(open::io)? {
        return Ok(());
    }
    let prove = || {
        let db = look::still(path)?;
        owner::check(&db, context)?;
        witness::with_keys(&db, context, anchored.into())
    };
    prove().or_else(|_| prove())?;
    tracing::info!("the journal of which damage was noted is whole");
    forget(path)
}

/// The record that damage is noted of beside a journal that nobody has open, 0 for the file as a whole; `None` where none
/// is noted.
pub fn damage_noted(settings: &Settings) -> Option<u64> {
    let note = fs::read(mark(&settings.path)).ok()?;
    let note: serde_json::Value = serde_json::from_slice(&note).unwrap_or_default();
    // The note counts whatever is in it.
    Some(note["record"].as_u64().unwrap_or_default())
}

fn note(path: &Path, damage: &Damage) -> Result<(), QueueError> {
    // Invariant: numbers, texts and times always have a JSON form.
    let text = serde_json::to_vec(damage).expect("damage has a JSON form");
    place::put(&mark(path), &text)
}

/// Takes the note away, if there is one.
pub(super) fn forget(path: &Path) -> Result<(), QueueError> {
    if !mark(path).try_exists().map_err(open::io)? {
        return Ok(());
    }
    place::remove(&mark(path))?;
    place::sync_folder(path)
}

/// Where damage is noted.
pub(super) fn mark(path: &Path) -> PathBuf {
    beside(path, ".damaged")
}
