//! Reading a file and those it extends.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::file::{File, Over};
use crate::virtual_card::errors::ImageError;

/// The file's settings over those of the file it extends, and so on down.
pub(super) fn merged(path: &Path, seen: &mut BTreeSet<PathBuf>) -> Result<File, ImageError> {
    let name = path.display().to_string();
    let unreadable = |reason: String| ImageError::Unreadable { file: name.clone(), reason };
    let identity = path.canonicalize().map_err(|err| unreadable(err.to_string()))?;
    if !seen.insert(identity) {
        return Err(unreadable("it extends itself".into()));
    }
    let text = std::fs::read_to_string(path).map_err(|err| unreadable(err.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut file = parse(&name, &text)?;
    file.psam_image = file.psam_image.map(|psam| folder.join(psam));
    match &file.extends {
        None => Ok(file),
        Some(base) => {
            let base = merged(&folder.join(base), seen)?;
            Ok(file.over(base))
        }
    }
}

pub(super) fn parse(name: &str, text: &str) -> Result<File, ImageError> {
    toml::from_str(text).map_err(|err| {
        let at = err.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..at).unwrap_or(text);
        ImageError::Invalid {
            file: name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or("").chars().count() + 1,
            message: err.message().to_owned(),
        }
    })
}
