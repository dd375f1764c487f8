//! The packs that were in force last, kept beside the journal: a start on a folder that has a mistake goes on with them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf, absolute};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::file::{Rights, replace_file};
use crate::rules::Source;
use crate::world::Random;

const FILE: &str = "packs.json";
const VERSION: u32 = 1;

/// Packs as they were read when they were taken up. They are loaded and proved again like any others.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    version: u32,
    /// Those of another folder are nobody's last good ones. How the configuration spells it does not count.
    folder: PathBuf,
    pub(super) since: Timestamp,
    /// Each by its name in the folder.
    pub(super) packs: Vec<Source>,
}

/// Keeps packs in place of those of before; whole, or not at all.
pub(super) fn keep(
    state: &Path,
    folder: &Path,
    packs: &[Source],
    since: Timestamp,
    random: &dyn Random,
) -> io::Result<()> {
    let inside = |pack: &Source| {
        let file =
            Path::new(&pack.file).strip_prefix(folder).map_or(pack.file.clone(), |file| file.display().to_string());
        Source { file, ..pack.clone() }
    };
    let kept = Kept { version: VERSION, folder: place(folder), since, packs: packs.iter().map(inside).collect() };
    replace_file(&state.join(FILE), &serde_json::to_vec(&kept)?, Rights::Own(0o600), random)
}

/// What was kept of a folder; `None` when nothing was, or it cannot be read.
pub(super) fn kept(state: &Path, folder: &Path) -> Option<Kept> {
    // As long as it was written: it lies beside the journal's keys, where nobody else writes.
    let text = fs::read(state.join(FILE)).ok()?;
    let mut kept: Kept = serde_json::from_slice(&text)
        .inspect_err(|error| tracing::warn!(%error, "the packs that were kept cannot be read"))
        .ok()?;
    for pack in &mut kept.packs {
        pack.file = folder.join(&pack.file).display().to_string();
    }
    (kept.version == VERSION && kept.folder == place(folder)).then_some(kept)
}

/// Where a folder is, however it is spelled; as far as can be told of one that is not there.
fn place(folder: &Path) -> PathBuf {
    let within = || Some(fs::canonicalize(folder.parent()?).ok()?.join(folder.file_name()?));
    let spelled = || absolute(folder).unwrap_or_else(|_| folder.to_owned());
    fs::canonicalize(folder).ok().or_else(within).unwrap_or_else(spelled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::SystemRandom;

    #[test]
    fn the_last_packs_of_a_folder_are_kept_and_no_other_folders() {
        use std::os::unix::fs::PermissionsExt as _;
        let state = tempfile::tempdir().unwrap();
        let folder = Path::new("/etc/sbkd/policy");
        let since = "2015-08-03T01:02:03Z".parse().unwrap();
        let pack = |text: &str| Source {
            file: "/etc/sbkd/policy/a.toml".into(),
            text: text.into(),
            signature: Some("signed".into()),
        };
        assert_eq!(kept(state.path(), folder), None);
        let random = SystemRandom::default();
        for text in ["first", "second"] {
            keep(state.path(), folder, &[pack(text)], since, &random).unwrap();
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

    #[test]
    fn a_folder_is_the_same_however_it_is_spelled() {
        let dir = tempfile::tempdir().unwrap();
        let (state, folder) = (dir.path().join("state"), dir.path().join("policy"));
        fs::create_dir(&state).unwrap();
        fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink("policy", dir.path().join("link")).unwrap();
        let file = folder.join("deep/a.toml").display().to_string();
        // As long as all that is in it: line ends take twice their room in JSON.
        let pack = Source { file, text: "\n".repeat(1024), signature: None };
        keep(&state, &folder, &[pack], "2015-08-03T01:02:03Z".parse().unwrap(), &SystemRandom::default()).unwrap();
        for spelled in ["policy", "policy/", "./policy", "state/../policy", "link"].map(|name| dir.path().join(name)) {
            let found = kept(&state, &spelled).unwrap();
            assert_eq!(
                found.packs[0].file,
                spelled.join("deep/a.toml").display().to_string(),
                "named as it is spelled"
            );
        }
        fs::remove_dir(&folder).unwrap();
        assert!(kept(&state, &dir.path().join("state/../policy")).is_some(), "it is the same while it is away");
        assert_eq!(kept(&state, &state), None);
    }
}
