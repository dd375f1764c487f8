//! The folders that a configuration names: their files, read.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::file::{LARGEST_FILE, read_file};
use super::setup::SetupError;
use crate::failure::{Diagnostic, utf8};
use crate::rules::{LARGEST_PACK, LARGEST_SIGNATURE, SIGNATURE_ENDING, Source};

/// What is told of a text in another encoding.
const NOT_UTF8: &str = "not UTF-8: save it as UTF-8";

/// Packs as they were read, each with the signature beside it, and what is wrong with the files that were not.
#[derive(Debug, Default)]
pub struct PackFiles {
    /// Those that were read.
    pub sources: Vec<Source>,
    /// What is wrong with the bytes of a file, before anything that it says is looked at.
    pub mistakes: Vec<Diagnostic>,
    /// The files that cannot be read at all, and why.
    pub unread: Vec<Diagnostic>,
}

impl PackFiles {
    /// Reads each of them; one that cannot be read keeps no other from being looked at.
    pub fn read(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut files = Self::default();
        for path in paths {
            let file = path.display().to_string();
            let pack = match read_file(&path, LARGEST_PACK as u64) {
                Ok(bytes) => files.take(&path, file, &bytes),
                Err(error) => files.failed(file, &error),
            };
            files.sources.extend(pack);
        }
        files
    }

    /// A pack of these bytes, with the signature beside `path`; nothing when they have a mistake already.
    fn take(&mut self, path: &Path, file: String, bytes: &[u8]) -> Option<Source> {
        let beside = signature_file(path);
        let (name, read) = (beside.display().to_string(), read_file(&beside, LARGEST_SIGNATURE as u64));
        let text = self.text(&file, bytes);
        let signature = match read {
            Ok(bytes) => Some(self.text(&name, &bytes)?),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return self.failed(name, &error),
        };
        Some(Source { file, text: text?, signature })
    }

    /// Takes a pack that was read from elsewhere, or why it could not be.
    pub fn add(&mut self, file: &str, read: io::Result<Vec<u8>>) {
        let pack = match read {
            Ok(bytes) => {
                let text = self.text(file, &bytes);
                text.map(|text| Source { file: file.to_owned(), text, signature: None })
            }
            Err(error) => self.failed(file.to_owned(), &error),
        };
        self.sources.extend(pack);
    }

    fn text(&mut self, file: &str, bytes: &[u8]) -> Option<String> {
        utf8(file, bytes, NOT_UTF8).map(str::to_owned).map_err(|mistake| self.mistakes.push(mistake)).ok()
    }

    fn failed(&mut self, file: String, error: &io::Error) -> Option<Source> {
        let told = |message| Diagnostic { file, line: 1, column: 1, message };
        match error.kind() {
            ErrorKind::FileTooLarge => self.mistakes.push(told(error.to_string())),
            _ => self.unread.push(told(format!("cannot be read: {error}"))),
        }
        None
    }

    /// What is wrong with the files themselves.
    pub fn wrong(&self) -> Vec<Diagnostic> {
        self.unread.iter().chain(&self.mistakes).cloned().collect()
    }
}

/// The packs of a folder and of the folders in it.
pub(super) fn sources(folder: &Path) -> Result<PackFiles, SetupError> {
    paths(folder, "toml").map(PackFiles::read)
}

/// What a folder of packs looks like from outside: each file's size, times and place on the disk; or why nobody can say.
pub(super) type Marks = Result<BTreeMap<PathBuf, [i64; 6]>, String>;

/// How the packs of a folder look, and the signatures beside them.
pub(super) fn marks(folder: &Path) -> Marks {
    let mut marks = BTreeMap::new();
    for path in paths(folder, "toml").map_err(|error| error.to_string())? {
        for path in [signature_file(&path), path] {
            if let Ok(file) = fs::metadata(&path) {
                let number = |n: u64| i64::from_ne_bytes(n.to_ne_bytes());
                let (size, place) = (number(file.len()), number(file.ino()));
                marks.insert(path, [size, place, file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()]);
            }
        }
    }
    Ok(marks)
}

fn signature_file(pack: &Path) -> PathBuf {
    let mut name = pack.as_os_str().to_owned();
    name.push(SIGNATURE_ENDING);
    name.into()
}

/// The files of a folder and the folders in it that end so, in the order of their names.
pub(super) fn files(folder: &Path, ending: &str) -> Result<Vec<(String, String)>, SetupError> {
    paths(folder, ending)?.into_iter().map(|path| Ok((path.display().to_string(), read(&path)?))).collect()
}

/// Their paths.
pub(super) fn paths(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, SetupError> {
    let found = files_below(folder, ending).map_err(|(place, error)| unusable(&place, &error))?;
    if found.is_empty() {
        return Err(SetupError::Place(format!("{}: no *.{ending}", folder.display())));
    }
    Ok(found)
}

/// The files of a folder and the folders in it that end so, in the order of their names. What begins with a dot is left
/// out: editors and file systems put such files beside what one works on (`.#a.toml`, `._a.toml`).
///
/// # Errors
/// The folder that cannot be read, and why.
pub fn files_below(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let mut found = Vec::new();
    below(folder, ending, &mut found)?;
    Ok(found)
}

fn below(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) -> Result<(), (PathBuf, io::Error)> {
    let failed = |error| (folder.to_owned(), error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    for path in paths {
        // A link could lead in a circle.
        if path.is_dir() && !path.is_symlink() {
            below(&path, ending, found)?;
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    Ok(())
}

/// A file's text.
pub(super) fn read(file: &Path) -> Result<String, SetupError> {
    let bytes = read_file(file, LARGEST_FILE).map_err(|error| unusable(file, &error))?;
    let text = utf8(&file.display().to_string(), &bytes, NOT_UTF8);
    text.map(str::to_owned).map_err(|mistake| SetupError::File(vec![mistake]))
}

fn unusable(path: &Path, error: &io::Error) -> SetupError {
    SetupError::Place(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_of_links_ends() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.toml"), "").unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("again")).unwrap();
        assert_eq!(files(dir.path(), "toml").unwrap().len(), 1);
    }

    #[test]
    fn only_files_are_read_and_each_is_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let told = |name: &str, what: &str| format!("{}:{what}", dir.path().join(name).display());
        std::os::unix::fs::symlink("/dev/zero", dir.path().join("a.toml")).unwrap();
        fs::write(dir.path().join("b.toml"), b"title = \"\xB9\xA4\"").unwrap();
        fs::write(dir.path().join("c.toml"), "sound").unwrap();
        fs::write(dir.path().join("d.toml"), "signed by a pipe").unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        for name in ["d.toml.sig", "e.toml"] {
            let pipe = dir.path().join(name);
            rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        }
        fs::write(dir.path().join("f.toml"), " ".repeat(LARGEST_PACK + 1)).unwrap();
        let found = sources(dir.path()).unwrap();
        assert_eq!(found.sources.iter().map(|source| source.text.as_str()).collect::<Vec<_>>(), ["sound"]);
        let lines = |mistakes: &[Diagnostic]| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>();
        let unread = ["a.toml", "d.toml.sig", "e.toml"];
        assert_eq!(lines(&found.unread), unread.map(|name| told(name, "1:1: cannot be read: not a regular file")));
        assert_eq!(
            lines(&found.mistakes),
            [told("b.toml", "1:10: not UTF-8: save it as UTF-8"), told("f.toml", "1:1: larger than 1048576 bytes")]
        );
    }

    #[test]
    fn what_editors_leave_beside_a_pack_is_no_pack() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".git")).unwrap();
        for name in [".#a.toml", "._a.toml", ".git/b.toml", "a.toml"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(paths(dir.path(), "toml").unwrap(), [dir.path().join("a.toml")]);
    }

    #[test]
    fn a_file_that_was_written_looks_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        let [pack, signature] = ["a.toml", "a.toml.sig"].map(|name| dir.path().join(name));
        assert!(marks(dir.path()).unwrap_err().ends_with("no *.toml"));
        fs::write(&pack, "one").unwrap();
        let mut seen = vec![marks(dir.path())];
        assert_eq!(marks(dir.path()), seen[0]);
        // Another file in its place, of the same size and the same age.
        let other = dir.path().join("other");
        fs::write(&other, "two").unwrap();
        let age = fs::metadata(&pack).unwrap().modified().unwrap();
        fs::File::options().write(true).open(&other).unwrap().set_modified(age).unwrap();
        fs::rename(&other, &pack).unwrap();
        seen.push(marks(dir.path()));
        fs::write(&signature, "s").unwrap();
        seen.push(marks(dir.path()));
        fs::remove_file(&signature).unwrap();
        fs::write(dir.path().join("README.md"), "nobody's").unwrap();
        assert_eq!(marks(dir.path()), seen[1]);
        assert!(seen[0] != seen[1] && seen[1] != seen[2], "{seen:?}");
    }

    #[test]
    fn a_pack_comes_with_the_signature_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("a.toml", "a"), ("b.toml", "b"), ("b.toml.sig", "of b"), ("c.sig", "nobody's")] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let found = sources(dir.path()).unwrap().sources;
        let texts: Vec<_> = found.iter().map(|source| (source.text.as_str(), source.signature.as_deref())).collect();
        assert_eq!(texts, [("a", None), ("b", Some("of b"))]);
        // What cannot be read is not as if it were not there.
        fs::create_dir(dir.path().join("a.toml.sig")).unwrap();
        assert_eq!(sources(dir.path()).unwrap().unread.len(), 1);
    }
}
