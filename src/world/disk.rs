//! Whose a file is that root makes among somebody else's.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::path::Path;

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

/// The folder that holds the name of this file or folder.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

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
