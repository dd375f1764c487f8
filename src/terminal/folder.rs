//! The folders that a configuration names: their files, read.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::setup::SetupError;
use crate::rules::{SIGNATURE_ENDING, Source};

/// The most that is read of one file: far above what any may have, so that one without end is not read to it.
const MOST: u64 = 16 * 1024 * 1024;

/// The packs of a folder and of the folders in it, each with the signature beside it.
pub(super) fn sources(folder: &Path) -> Result<Vec<Source>, SetupError> {
    let source = |path: PathBuf| {
        let text = read(&path)?;
        let signature = signature_of(&path).map_err(|error| unusable(&path, &error))?;
        Ok(Source { file: path.display().to_string(), text, signature })
    };
    paths(folder, "toml")?.into_iter().map(source).collect()
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

/// The text of the signature beside a pack, where there is one.
///
/// # Errors
/// When it is there and cannot be read.
pub fn signature_of(pack: &Path) -> io::Result<Option<String>> {
    match text(&signature_file(pack)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
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
    let mut found = Vec::new();
    below(folder, ending, &mut found)?;
    if found.is_empty() {
        return Err(SetupError::Place(format!("{}: no *.{ending}", folder.display())));
    }
    Ok(found)
}

fn below(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) -> Result<(), SetupError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unusable(folder, &error))? {
        paths.push(entry.map_err(|error| unusable(folder, &error))?.path());
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
    text(file).map_err(|error| unusable(file, &error))
}

fn text(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(MOST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST { Err(ErrorKind::FileTooLarge.into()) } else { Ok(text) }
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
    fn a_file_without_end_is_not_read_to_it() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/zero", dir.path().join("a.toml")).unwrap();
        let error = sources(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("a.toml: file too large"), "{error}");
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
        File::options().write(true).open(&other).unwrap().set_modified(age).unwrap();
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
        let found = sources(dir.path()).unwrap();
        let texts: Vec<_> = found.iter().map(|source| (source.text.as_str(), source.signature.as_deref())).collect();
        assert_eq!(texts, [("a", None), ("b", Some("of b"))]);
        // What cannot be read is not as if it were not there.
        fs::create_dir(dir.path().join("a.toml.sig")).unwrap();
        assert!(sources(dir.path()).is_err());
    }
}
