//! Files that are written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::cli::{Outcome, Problem, errors};

/// Makes a file, never in the place of another.
pub(super) fn keep_new(file: &Path, bytes: &[u8], mode: u32) -> Outcome {
    let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(file);
    let kept = made.and_then(|mut out| out.write_all(bytes).and_then(|()| out.sync_all()));
    kept.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Problem::with(&errors::EXISTS, file.display().to_string()),
        _ => failed(file, &error),
    })
}

/// Puts a file in the place of another, with its rights, so that nobody ever reads half of it.
pub(super) fn replace(file: &Path, text: &str) -> io::Result<()> {
    // Not in the place of a link, but of what it leads to.
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let beside = beside(&file, ".new");
    let mut out = File::create(&beside)?;
    if let Ok(there) = fs::metadata(&file) {
        out.set_permissions(there.permissions())?;
    }
    out.write_all(text.as_bytes()).and_then(|()| out.sync_all())?;
    fs::rename(beside, file)
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
