//! Reading a file and those it extends.

use std::path::{Path, PathBuf};

use super::file::{File, Over};
use crate::virtual_card::errors::ImageError;

/// The file's settings over those of the files it extends, and so on down; `above` are the files that extend this one.
pub(super) fn merged(path: &Path, above: &[PathBuf]) -> Result<File, ImageError> {
    let name = path.display().to_string();
    let unreadable = |reason: String| ImageError::Unreadable { file: name.clone(), reason };
    let identity = path.canonicalize().map_err(|err| unreadable(err.to_string()))?;
    if above.contains(&identity) {
        return Err(unreadable("it extends itself".into()));
    }
    let text = std::fs::read_to_string(path).map_err(|err| unreadable(err.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut file = parse(&name, &text)?;
    file.psam_image = file.psam_image.map(|psam| folder.join(psam));
    let chain = [above, &[identity]].concat();
    let bases = file.extends.take().map_or_else(Vec::new, |bases| bases.0);
    bases.iter().try_fold(file, |file, base| Ok(file.over(merged(&folder.join(base), &chain)?)))
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
