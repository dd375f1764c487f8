//! Whether a disk takes anything, and whose a file is that root makes among somebody else's.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::path::Path;

/// The room on a disk below which nothing is begun on it, in bytes: a page may still fit where a transaction does not.
pub const ROOM: u64 = 1 << 20;

/// Why a disk takes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is less room than [`ROOM`], or no file can be added.
    Full,
    /// Its file system is read only.
    ReadOnly,
}

/// Whether the disk that a file is on, or would be, takes nothing, by what its file system says of itself. It does not
/// know of a quota, and may not tell: then `None`, as where it takes something.
pub fn refusal(file: &Path) -> Option<Refusal> {
    let there = file.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let disk = rustix::fs::statvfs(there).ok()?;
    if disk.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return Some(Refusal::ReadOnly);
    }
    // Some count no files: there are none then, and none left.
    let no_file = disk.f_files > 0 && disk.f_favail == 0;
    (no_file || disk.f_bavail.saturating_mul(disk.f_frsize) < ROOM).then_some(Refusal::Full)
}

/// Gives what root has made to the owner of `like`, which it takes the place of, or, where that is not there, to the
/// owner of the folder that it lies in: the daemon, which is another user, could not use it. Whoever is not root keeps
/// what they made. A link is not followed.
///
/// # Errors
/// When the owner is not known, or it cannot be given away.
pub fn give(made: &Path, like: &Path) -> io::Result<()> {
    let own = fs::symlink_metadata(made)?;
    if own.uid() != 0 {
        return Ok(());
    }
    let theirs = match fs::metadata(like) {
        Err(error) if error.kind() == ErrorKind::NotFound => fs::metadata(folder_of(made)),
        found => found,
    }?;
    if (own.uid(), own.gid()) == (theirs.uid(), theirs.gid()) {
        return Ok(());
    }
    lchown(made, Some(theirs.uid()), Some(theirs.gid())).map_err(|error| {
        let what = format!("{} cannot be given to uid {}: {error}", made.display(), theirs.uid());
        io::Error::new(error.kind(), what)
    })
}

/// What was made, renamed or removed in a folder is so after a power cut.
///
/// # Errors
/// What the storage does.
pub fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The folder that holds the name of this file or folder.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_the_kernel_shows_of_itself_takes_nothing_and_a_disk_with_room_does() {
        // Its files are no disk's: it says that it has no room.
        assert_eq!(refusal(Path::new("/proc/nowhere/at-all")), Some(Refusal::Full));
        let dir = tempfile::tempdir().unwrap();
        for there in [dir.path().to_owned(), dir.path().join("not/yet"), "not-yet".into()] {
            assert_eq!(refusal(&there), None, "{there:?}");
        }
    }

    #[test]
    fn what_root_makes_is_given_to_whom_it_replaces_or_to_whom_the_folder_is() {
        let dir = tempfile::tempdir().unwrap();
        let [old, new, link] = ["old", "new", "link"].map(|name| dir.path().join(name));
        let owner = |path: &Path| fs::symlink_metadata(path).map(|found| (found.uid(), found.gid())).unwrap();
        for path in [&old, &new] {
            fs::write(path, "").unwrap();
        }
        let own = owner(&new);
        // Only root can give a file away; anybody else keeps theirs, and that is no failure.
        let root = own.0 == 0 && lchown(&old, Some(12345), Some(12346)).is_ok();
        give(&new, &old).unwrap();
        assert_eq!(owner(&new), if root { (12345, 12346) } else { own });
        if !root {
            return;
        }
        fs::remove_file(&old).unwrap();
        give(&new, &old).unwrap();
        assert_eq!(owner(&new), (12345, 12346), "it is root's no more, and stays whose it is");
        lchown(dir.path(), Some(12347), Some(12348)).unwrap();
        lchown(&new, Some(0), Some(0)).unwrap();
        symlink(&new, &link).unwrap();
        give(&link, &old).unwrap();
        assert_eq!((owner(&link), owner(&new)), ((12347, 12348), (0, 0)), "what a link leads to is somebody else's");
        give(&new, &old).unwrap();
        assert_eq!(owner(&new), (12347, 12348));
    }
}
