//! Whether what the daemon opens is its own user's: a command that another user ran may have left behind what it cannot
//! open.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::config::{Config, KeyFolder};
use crate::queue::KEY_FILES;

/// How the names begin of what the daemon has in its state folder beside the journal and its anchor.
const BESIDE: [&str; 4] = ["store.db", "packs.json", "keys", "damaged-"];

/// A line each folder in which something is not its owner's. What may not be looked at is for others to look at.
pub(super) fn strangers(config: &Config) -> Vec<Finding> {
    let journal = config.journal();
    let [path, anchor] = [&journal.path, &journal.anchor].map(|file| name(file));
    let mut folders: BTreeSet<&Path> =
        [&journal.path, &journal.anchor].into_iter().filter_map(|f| f.parent()).collect();
    let begins = |file: &str| [path, anchor].iter().chain(&BESIDE).any(|begin| file.starts_with(begin));
    let keys = config.journal_keys();
    // Those of somebody else's folder are read, and whose they are is seen by that.
    let own_keys = matches!(keys, KeyFolder::Own(_)).then(|| keys.path());
    folders.extend(own_keys);
    let of_journal = |file: &str| begins(file) || KEY_FILES.iter().any(|begin| file.starts_with(begin));
    folders.into_iter().filter_map(|folder| in_folder(folder, of_journal)).collect()
}

fn name(file: &Path) -> &str {
    // No file of ours has a name that is no text.
    file.file_name().and_then(|name| name.to_str()).unwrap_or("?")
}

fn in_folder(folder: &Path, counts: impl Fn(&str) -> bool) -> Option<Finding> {
    let owner = std::fs::metadata(folder).ok()?;
    // Root opens everybody's.
    if owner.uid() == 0 {
        return None;
    }
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let is_strange =
        |path: &PathBuf| counts(name(path)) && path.symlink_metadata().is_ok_and(|found| found.uid() != owner.uid());
    let strange: BTreeSet<PathBuf> = entries.map(|entry| entry.path()).filter(is_strange).collect();
    if strange.is_empty() {
        return None;
    }
    let list: Vec<String> = strange.iter().map(|path| path.display().to_string()).collect();
    let (files, list, uid, gid) = (list.join(" "), list.join(", "), owner.uid(), owner.gid());
    let zh = format!("不属于目录的用户 (uid {uid})，守护进程可能打不开：{list}");
    let en = format!("not of the folder's user (uid {uid}), so that the daemon may not open it: {list}");
    let remedy = format!("chown -R {uid}:{gid} {files}");
    Some(Finding::failed("rights", (&zh, &en), (&format!("以 root 运行：{remedy}"), &format!("as root: {remedy}"))))
}
