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
    let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(file);
    let kept = made.and_then(|mut out| out.write_all(bytes).and_then(|()| out.sync_all()));
    kept.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => exists(file),
        _ => failed(file, &error),
    })
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
