//! Files that the commands write, whole or not at all.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{Outcome, Problem, errors};
use crate::terminal::{Rights, replace_file};
use crate::world::SystemRandom;

/// Makes a file, never in the place of another.
pub(super) fn keep_new(file: &Path, bytes: &[u8], mode: u32) -> Outcome {
    write_new(file, mode, |out| out.write_all(bytes)).map_err(|error| match error {
        Unwritten::Exists => exists(file),
        Unwritten::Failed(error) => failed(file, &error),
    })
}

/// Why a new file is not there.
pub(super) enum Unwritten<E> {
    /// Another one is.
    Exists,
    /// Nothing is: it could not be written, or what was to be in it was not to be had.
    Failed(E),
}

/// Makes a file of what `write` gives, never in the place of another. It is on the disk when this returns; what was not
/// written whole is taken away again.
pub(super) fn write_new<T, E: From<io::Error>>(
    file: &Path,
    mode: u32,
    write: impl FnOnce(&mut dyn io::Write) -> Result<T, E>,
) -> Result<T, Unwritten<E>> {
    let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(file);
    let made = made.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Unwritten::Exists,
        _ => Unwritten::Failed(error.into()),
    })?;
    let mut out = io::BufWriter::new(made);
    let written = write(&mut out).and_then(|value| {
        out.flush()?;
        out.get_ref().sync_all()?;
        Ok(value)
    });
    written.map_err(|error| {
        // Half a file is worse than none; one that cannot be taken away is no more than that.
        drop(std::fs::remove_file(file));
        Unwritten::Failed(error)
    })
}

/// A new file that is taken away again unless it is kept.
pub(super) struct Claimed(Option<PathBuf>);

/// Makes an empty file, never in the place of another.
pub(super) fn claim_new(file: &Path, mode: u32) -> Result<Claimed, Problem> {
    keep_new(file, b"", mode)?;
    Ok(Claimed(Some(file.to_path_buf())))
}

impl Claimed {
    pub(super) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        // One that cannot be taken away is no more than that.
        self.0.take().map(|file| drop(std::fs::remove_file(file))).unwrap_or_default();
    }
}

/// That a file is there which would be overwritten.
pub(super) fn exists(file: &Path) -> Problem {
    Problem::with(&errors::EXISTS, file.display().to_string())
}

/// Puts a text in the place of a file, with its owner and rights, or where there is none.
pub(super) fn replace(file: &Path, text: &str) -> Outcome {
    replace_file(file, text.as_bytes(), Rights::Kept(0o644), &SystemRandom::default())
        .map_err(|error| failed(file, &error))
}

/// The path of a file beside another, of its name with `ending`.
pub(super) fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// That a file could not be read or written.
pub(super) fn failed(file: &Path, error: &io::Error) -> Problem {
    Problem::with(&errors::FILE, format!("{}: {error}", file.display()))
}
