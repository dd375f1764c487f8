//! The packs that were in force last, kept beside the journal: a start on a folder that has a mistake goes on with them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::rules::Source;

const FILE: &str = "packs.json";
const VERSION: u32 = 1;
/// Far above what all packs of a terminal take.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Packs as they were read when they were taken up. They are loaded and proved again like any others.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    version: u32,
    /// Those of another folder are nobody's last good ones.
    folder: PathBuf,
    pub(super) since: Timestamp,
    pub(super) packs: Vec<Source>,
}

/// Keeps packs in place of those of before; whole, or not at all.
pub(super) fn keep(state: &Path, folder: &Path, packs: &[Source], since: Timestamp) -> io::Result<()> {
    let kept = Kept { version: VERSION, folder: folder.to_owned(), since, packs: packs.to_vec() };
    let text = serde_json::to_vec(&kept)?;
    let (new, file) = (state.join("packs.json.new"), state.join(FILE));
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    out.write_all(&text).and_then(|()| out.sync_all())?;
    fs::rename(&new, &file)?;
    File::open(state)?.sync_all()
}

/// What was kept of a folder; `None` when nothing was, or it cannot be read.
pub(super) fn kept(state: &Path, folder: &Path) -> Option<Kept> {
    let file = File::open(state.join(FILE)).ok()?;
    let mut text = Vec::new();
    file.take(LARGEST).read_to_end(&mut text).ok()?;
    let kept: Kept = serde_json::from_slice(&text)
        .inspect_err(|error| tracing::warn!(%error, "the packs that were kept cannot be read"))
        .ok()?;
    (kept.version == VERSION && kept.folder == folder).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_packs_of_a_folder_are_kept_and_no_other_folders() {
        use std::os::unix::fs::PermissionsExt as _;
        let state = tempfile::tempdir().unwrap();
        let folder = Path::new("/etc/sbkd/policy");
        let since = "2015-08-03T01:02:03Z".parse().unwrap();
        let pack = |text: &str| Source { file: "a.toml".into(), text: text.into(), signature: Some("signed".into()) };
        assert_eq!(kept(state.path(), folder), None);
        for text in ["first", "second"] {
            keep(state.path(), folder, &[pack(text)], since).unwrap();
        }
        let found = kept(state.path(), folder).unwrap();
        assert_eq!((found.packs, found.since), (vec![pack("second")], since));
        assert_eq!(kept(state.path(), Path::new("/etc/sbkd/other")), None);
        let file = state.path().join(FILE);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 1, "nothing is left beside it");
        for text in ["", "{", "{\"version\":2}", &fs::read_to_string(&file).unwrap().replacen(":1,", ":2,", 1)] {
            fs::write(&file, text).unwrap();
            assert_eq!(kept(state.path(), folder), None, "{text}");
        }
    }
}
