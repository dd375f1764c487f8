//! Files that lie where anybody may have put something else: read within bounds and never waited for, and written whole
//! or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::world::Random;

/// The most that is read of a file of which nothing says how large it may be: far above what any is.
pub const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// How often another name is tried for a file beside another.
const TRIES: usize = 8;

/// Opens a regular file for reading. Anything else is refused: to open a pipe waits for who writes it, and a device may
/// have no end.
///
/// # Errors
/// When it cannot be opened, or is no regular file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    // Looked at before it is opened, for that alone makes some devices do something; and again after, when it can no
    // longer become another. In between nothing waits.
    regular(&fs::metadata(path)?)?;
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

fn regular(file: &fs::Metadata) -> io::Result<()> {
    if file.is_file() { Ok(()) } else { Err(io::Error::other("not a regular file")) }
}

/// Reads a regular file of at most so many bytes.
///
/// # Errors
/// When it cannot be read, is no regular file, or is larger ([`ErrorKind::FileTooLarge`]).
pub fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_to(open_regular(path)?, most)
}

/// Reads what is there to its end, or fails behind `most` bytes.
///
/// # Errors
/// As [`read_file`].
pub fn read_to(from: impl io::Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("larger than {most} bytes")));
    }
    Ok(bytes)
}

/// Whose a file is that takes the place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// As the other's; where there is none the process's own, with this mode as far as the process gives it.
    Kept(u32),
    /// The process's own, whoever had the other, with this mode.
    Own(u32),
}

/// Puts a file in the place of another of its name, or where there is none: whole or not at all, so that nobody reads
/// half of it. No other file is touched, and a link is not followed: what it leads to is somebody else's.
///
/// # Errors
/// When something else than a regular file is there, or it cannot be written with that owner. Then nothing is changed.
pub fn replace_file(path: &Path, bytes: &[u8], rights: Rights, random: &dyn Random) -> io::Result<()> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => {
            return Err(io::Error::other("a link: name the file that it leads to"));
        }
        Ok(there) => regular(&there).map(|()| Some(there))?,
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Nobody else's until it has the rights of what it takes the place of.
    let (mode, of) = match (rights, there) {
        (Rights::Kept(_), Some(there)) => (0o600, Some(there)),
        (Rights::Kept(mode) | Rights::Own(mode), _) => (mode, None),
    };
    let (fresh, mut out) = fresh(folder, mode, random)?;
    let mut written = || {
        if let Some(there) = &of {
            let own = out.metadata()?;
            if (own.uid(), own.gid()) != (there.uid(), there.gid()) {
                let kept = fchown(&out, Some(there.uid()), Some(there.gid()));
                kept.map_err(|error| io::Error::new(error.kind(), format!("its owner cannot be kept: {error}")))?;
            }
            out.set_permissions(there.permissions())?;
        }
        out.write_all(bytes)?;
        out.sync_all()?;
        fs::rename(&fresh, path)
    };
    if let Err(error) = written() {
        // The failure that counts is told; what it leaves behind is in nobody's way.
        let _ = fs::remove_file(&fresh);
        return Err(error);
    }
    File::open(folder)?.sync_all()
}

/// A new file in the folder, of a name that nothing has.
fn fresh(folder: &Path, mode: u32, random: &dyn Random) -> io::Result<(PathBuf, File)> {
    for _ in 0..TRIES {
        let mut name = [0; 8];
        random.fill(&mut name).map_err(io::Error::other)?;
        let path = folder.join(format!(".sbkd-{}.new", hex::encode(name)));
        match OpenOptions::new().write(true).create_new(true).mode(mode).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;
    use crate::world::{NoRandom, SystemRandom};

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_with_its_owner_and_rights_and_no_other_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        let [file, beside] = ["c.toml", "c.toml.new"].map(|name| dir.path().join(name));
        fs::write(&file, "old").unwrap();
        fs::write(&beside, "a draft").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        // Only root can give a file away.
        let root = fs::metadata(&file).unwrap().uid() == 0 && chown(&file, Some(1000), Some(1001)).is_ok();
        replace_file(&file, b"new", Rights::Kept(0o644), &SystemRandom::default()).unwrap();
        let there = fs::metadata(&file).unwrap();
        assert_eq!(there.permissions().mode() & 0o777, 0o640);
        assert!(!root || (there.uid(), there.gid()) == (1000, 1001));
        assert_eq!(
            (fs::read_to_string(&file).unwrap(), fs::read_to_string(&beside).unwrap()),
            ("new".into(), "a draft".into())
        );
        assert_eq!(names(dir.path()), ["c.toml", "c.toml.new"]);
        // What is one's own is, whoever had it before.
        replace_file(&file, b"own", Rights::Own(0o600), &SystemRandom::default()).unwrap();
        let there = fs::metadata(&file).unwrap();
        assert_eq!(there.permissions().mode() & 0o777, 0o600);
        assert_eq!(there.uid(), fs::metadata(dir.path()).unwrap().uid());
    }

    #[test]
    fn neither_a_link_nor_a_pipe_is_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let [victim, link, nowhere, folder] = ["victim", "link", "nowhere", "folder"].map(|name| dir.path().join(name));
        fs::write(&victim, "theirs").unwrap();
        symlink(&victim, &link).unwrap();
        symlink("gone", &nowhere).unwrap();
        fs::create_dir(&folder).unwrap();
        for path in [&link, &nowhere, &folder] {
            assert!(replace_file(path, b"mine", Rights::Kept(0o644), &SystemRandom::default()).is_err(), "{path:?}");
        }
        assert_eq!(fs::read_to_string(&victim).unwrap(), "theirs");
        assert_eq!(names(dir.path()), ["folder", "link", "nowhere", "victim"], "nothing is left beside them");
    }

    /// Always the same bytes.
    struct Same;

    impl Random for Same {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
            bytes.fill(0xAA);
            Ok(())
        }
    }

    #[test]
    fn a_name_that_is_taken_is_not_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join(".sbkd-aaaaaaaaaaaaaaaa.new");
        symlink(dir.path().join("victim"), &taken).unwrap();
        let error = replace_file(&dir.path().join("a"), b"mine", Rights::Kept(0o644), &Same).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(names(dir.path()).len(), 1);
        fs::remove_file(&taken).unwrap();
        replace_file(&dir.path().join("a"), b"mine", Rights::Kept(0o644), &Same).unwrap();
        assert_eq!(names(dir.path()), ["a"]);
    }

    #[test]
    fn only_regular_files_are_read_and_only_so_far() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        fs::write(&file, "12345").unwrap();
        assert_eq!(read_file(&file, 5).unwrap(), b"12345");
        assert_eq!(read_file(&file, 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
        let pipe = dir.path().join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for path in [&pipe, Path::new("/dev/zero"), dir.path()] {
            assert_eq!(read_file(path, 5).unwrap_err().to_string(), "not a regular file");
        }
    }
}
