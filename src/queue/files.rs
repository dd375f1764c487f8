//! The files that the journal has open, held against those at its paths. Whoever moves, deletes or replaces one meanwhile
//! leaves the journal writing into a file that nobody opens again: all of it would be gone with the process.

use std::fs::{self, File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::look::beside;
use super::{QueueError, open};

/// The log and its index: SQLite makes both when the database is first read, and keeps them as long as it is open.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// The file that one process at a time has locked.
pub(super) const LOCK: &str = ".lock";

/// Which file it is, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// That of the file at a path; `None` when there is none.
    pub(super) fn at(path: &Path) -> Result<Option<Self>, QueueError> {
        match fs::metadata(path) {
            Ok(file) => Ok(Some(Self::told(&file))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(open::io(error)),
        }
    }

    /// That of an open file.
    pub(super) fn of(file: &File) -> Result<Self, QueueError> {
        Ok(Self::told(&file.metadata().map_err(open::io)?))
    }

    fn told(file: &Metadata) -> Self {
        Self { device: file.dev(), inode: file.ino() }
    }
}

/// Those that are open. None is opened here: a process that closes a file gives up the locks that SQLite has on it.
pub(super) struct Files(Vec<(PathBuf, Identity)>);

impl Files {
    /// Those of a journal that was opened and read just now, and the file that is locked for it: without that one another
    /// process would write beside this one. `before` is the database that was there before that; a new one has none.
    ///
    /// # Errors
    /// [`QueueError::Replaced`] when it is another already, and what the storage may do.
    pub(super) fn of(path: &Path, before: Option<Identity>, lock: &File) -> Result<Self, QueueError> {
        let there = Identity::at(path)?.filter(|there| before.is_none_or(|before| before == *there));
        let there = there.ok_or_else(|| replaced(path))?;
        let mut files = vec![(path.to_owned(), there), (beside(path, LOCK), Identity::of(lock)?)];
        // The log lies beside the file that a link leads to.
        let real = fs::canonicalize(path).map_err(open::io)?;
        for ending in BESIDE {
            let path = beside(&real, ending);
            // Where the file system has no memory to share there is none.
            files.extend(Identity::at(&path)?.map(|identity| (path, identity)));
        }
        Ok(Self(files))
    }

    /// Each is still at its path.
    ///
    /// # Errors
    /// [`QueueError::Replaced`] when one is not, and what the storage may do.
    pub(super) fn are_there(&self) -> Result<(), QueueError> {
        self.0.iter().try_for_each(|(path, identity)| match Identity::at(path)? {
            Some(there) if there == *identity => Ok(()),
            _ => Err(replaced(path)),
        })
    }
}

fn replaced(path: &Path) -> QueueError {
    QueueError::Replaced(path.display().to_string())
}
