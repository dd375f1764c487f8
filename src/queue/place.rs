//! The files of a new journal take the places of the old ones, which are kept: moved into a folder, as they are.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::look::beside;
use super::{QueueError, Settings, damage, open};
use crate::world::disk;
pub(super) use crate::world::disk::{folder_of, sync};

/// How the name of a folder with damaged files begins.
const KEPT: &str = "damaged-";

/// Ends what an earlier call began, where the new journal was ready; where it was not, nothing is left of it, for it has
/// payloads that nobody would ever erase. The lock is held.
pub(super) fn finish(settings: &Settings) -> Result<(), QueueError> {
    match fs::read_to_string(mark(settings)) {
        Ok(folder) => take_place(settings, &folder, &mut || Ok(()))?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(open::io(error)),
    }
    clean(settings)
}

/// Nothing is left of a journal that was begun, nor of a copy that was read.
pub(super) fn clean(settings: &Settings) -> Result<(), QueueError> {
    for database in [waiting(settings), read_copy(&settings.path)] {
        ["", "-wal", "-shm", "-journal"].iter().try_for_each(|ending| remove(&beside(&database, ending)))?;
    }
    remove(&next_anchor(settings))
}

/// The new files are ready: whoever opens the journal next puts them in the places of the old ones.
pub(super) fn set_mark(settings: &Settings, folder: &str) -> Result<(), QueueError> {
    put(&mark(settings), folder.as_bytes())
}

/// Writes a small file beside the journal: whole and there after a power cut, or not at all.
pub(super) fn put(path: &Path, content: &[u8]) -> Result<(), QueueError> {
    let next = beside(path, ".new");
    let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&next);
    opened.and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all())).map_err(open::io)?;
    give_as(&next, path)?;
    fs::rename(&next, path).map_err(open::io)?;
    sync_folder(path)
}

/// The old files go into the folder, the log as well, which must not be read into the new journal; the new ones take
/// their places. Not before the mark is there: until then the old journal may be opened and written on.
pub(super) fn take_place(
    settings: &Settings,
    folder: &str,
    step: &mut dyn FnMut() -> Result<(), QueueError>,
) -> Result<(), QueueError> {
    let new = waiting(settings);
    if new.exists() {
        for ending in ["-wal", "-shm", ""] {
            step()?;
            keep(&beside(&settings.path, ending), folder)?;
        }
        step()?;
        fs::rename(&new, &settings.path).map_err(open::io)?;
        sync_folder(&settings.path)?;
    }
    let next = next_anchor(settings);
    if next.exists() {
        step()?;
        keep(&settings.anchor, folder)?;
        step()?;
        fs::rename(&next, &settings.anchor).map_err(open::io)?;
        sync_folder(&settings.anchor)?;
    }
    // What was noted was of the old one.
    step()?;
    keep(&damage::mark(&settings.path), folder)?;
    step()?;
    remove(&mark(settings))?;
    sync_folder(&settings.path)
}

/// Moves a file into a folder beside it, if it is there still. A mark of an earlier program names no folder: that one gave
/// each file its other name before it set the mark.
fn keep(file: &Path, folder: &str) -> Result<(), QueueError> {
    let Some(name) = file.file_name().filter(|_| file.exists()) else { return Ok(()) };
    if folder.is_empty() {
        remove(file)?;
        return sync_folder(file);
    }
    let folder = file.with_file_name(folder);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(open::io)?;
    give(&folder)?;
    sync_folder(&folder)?;
    let kept = folder.join(name);
    fs::rename(file, &kept).map_err(open::io)?;
    sync_folder(&kept)?;
    sync_folder(file)
}

/// A name that no folder has yet, beside the journal or the anchor.
pub(super) fn free_folder(settings: &Settings, now: Timestamp) -> String {
    let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let name = format!("{KEPT}{second}").replace(':', "");
    // One that an earlier try made stays as it is.
    let free =
        |name: &String| [&settings.path, &settings.anchor].iter().all(|file| !file.with_file_name(name).exists());
    let mut names = std::iter::once(name.clone()).chain((2..).map(|n: u32| format!("{name}-{n}")));
    names.find(free).unwrap_or(name)
}

/// The folders with damaged files beside a journal and its anchor, and when each was set aside.
pub fn kept_aside(settings: &Settings) -> Vec<(PathBuf, Timestamp)> {
    let beside = [&settings.path, &settings.anchor].map(|file| folder_of(file).to_owned());
    // What may not be looked at is for others to look at.
    let entries = BTreeSet::from(beside).into_iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let mut kept: Vec<_> =
        entries.filter_map(|entry| Some((entry.path(), time(entry.file_name().to_str()?)?))).collect();
    kept.sort();
    kept
}

/// The time in the name of such a folder.
fn time(name: &str) -> Option<Timestamp> {
    let (date, time) = name.strip_prefix(KEPT)?.split_once('T')?;
    let (hours, minutes, seconds) = (time.get(..2)?, time.get(2..4)?, time.get(4..6)?);
    format!("{date}T{hours}:{minutes}:{seconds}Z").parse().ok()
}

pub(super) fn next_anchor(settings: &Settings) -> PathBuf {
    beside(&settings.anchor, ".new")
}

pub(super) fn waiting(settings: &Settings) -> PathBuf {
    beside(&settings.path, ".new")
}

/// The private copy by which a damaged journal is read.
pub(super) fn read_copy(path: &Path) -> PathBuf {
    beside(path, ".read")
}

fn mark(settings: &Settings) -> PathBuf {
    beside(&settings.path, ".set-aside")
}

pub(super) fn remove(path: &Path) -> Result<(), QueueError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(open::io(error)),
        _ => Ok(()),
    }
}

/// What was made, renamed or removed beside a file is so after a power cut.
pub(super) fn sync_folder(file: &Path) -> Result<(), QueueError> {
    sync(folder_of(file)).map_err(open::io)
}

/// Gives a file that root has made to the owner of its folder: the daemon opens it next.
pub(super) fn give(made: &Path) -> Result<(), QueueError> {
    give_as(made, folder_of(made))
}

/// [`give`], to the owner of what it takes the place of, where that is there.
pub(super) fn give_as(made: &Path, like: &Path) -> Result<(), QueueError> {
    disk::give(made, like).map_err(open::io)
}
