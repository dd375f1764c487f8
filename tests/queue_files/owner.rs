//! The commands that write run as root, and the daemon as another user: what they leave behind is the daemon's.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};

use crate::rig;
use crate::world::{Terminal, draft, tamper};

/// The daemon's user and group.
const DAEMON: (u32, u32) = (12345, 12346);

/// All that is in a folder, and the folder.
fn all(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![dir.to_owned()];
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(all(&path)),
            false => found.push(path),
        }
    }
    found
}

/// Gives all of a terminal to its daemon; whether that could be done, which only root can.
fn given(terminal: &Terminal) -> bool {
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    root && all(&terminal.path("")).iter().all(|path| lchown(path, Some(DAEMON.0), Some(DAEMON.1)).is_ok())
}

/// A stopped terminal with so many records, all of it its daemon's; none where only root can give it away.
fn of_the_daemon(records: usize) -> Option<Terminal> {
    let (terminal, queue) = Terminal::with(records);
    queue.close();
    given(&terminal).then_some(terminal)
}

#[track_caller]
fn assert_the_daemons(dir: &Path) {
    for path in all(dir) {
        let found = fs::symlink_metadata(&path).unwrap();
        assert_eq!((found.uid(), found.gid()), DAEMON, "{}", path.display());
    }
}

#[test]
fn what_root_leaves_behind_is_the_daemons() {
    let Some(terminal) = of_the_daemon(3) else { return };
    let before = fs::read(terminal.state("keys/seal.key")).unwrap();
    terminal.done(&["rekey"]);
    assert_ne!(fs::read(terminal.state("keys/seal.key")).unwrap(), before);
    assert_the_daemons(&terminal.path(""));

    tamper(&terminal.state("queue.db"), "UPDATE entries SET payload = zeroblob(40) WHERE sequence = 2");
    let done = terminal.done(&["set-aside"]);
    assert!(terminal.path(done["damaged"].as_str().unwrap()).join("queue.db").exists(), "{done}");
    assert_the_daemons(&terminal.path(""));
    assert_eq!(terminal.done(&["verify", "--anchor"])["rows"], 2);

    // Where the daemon was never started, and where root cleared away what it had.
    fs::remove_file(terminal.state("queue.db.lock")).unwrap();
    fs::remove_file(terminal.state("queue.anchor")).unwrap();
    terminal.done(&["set-aside"]);
    assert_the_daemons(&terminal.path(""));
}

#[test]
fn what_root_makes_first_is_the_daemons() {
    let terminal = Terminal::new();
    if !given(&terminal) {
        return;
    }
    let queue = terminal.open();
    queue.commit(draft("1")).unwrap();
    queue.probe().unwrap();
    let store = sbkd::store::Store::open(&terminal.state("store.db")).unwrap();
    store.probe().unwrap();
    // With their logs, while they are open.
    assert!(all(&terminal.path("")).len() > 12);
    assert_the_daemons(&terminal.path(""));
    queue.close();
}

#[test]
fn keys_in_a_folder_of_their_own_belong_to_whom_the_old_ones_do() {
    let (terminal, queue) = Terminal::with(2);
    queue.close();
    drop(queue);
    fs::rename(terminal.state("keys"), terminal.path("given")).unwrap();
    let text = fs::read_to_string(terminal.path("sbkd.toml")).unwrap();
    fs::write(terminal.path("sbkd.toml"), format!("{text}[queue]\nkeys = \"given\"\n")).unwrap();
    if !given(&terminal) {
        return;
    }
    // The folder above is root's, as /etc is.
    lchown(terminal.path(""), Some(0), Some(0)).unwrap();
    terminal.done(&["rekey", "--into", "new"]);
    assert_eq!(all(&terminal.path("new")).len(), 6);
    assert_the_daemons(&terminal.path("new"));
    assert_the_daemons(&terminal.path("state"));
}

#[test]
fn the_doctor_names_what_is_not_the_daemons() {
    let Some(terminal) = of_the_daemon(1) else { return };
    fs::set_permissions(terminal.path("state"), fs::Permissions::from_mode(0o700)).unwrap();
    let rights = || {
        let mut command = rig::bare();
        command.current_dir(terminal.path("")).args(["--json", "--config", "sbkd.toml", "doctor"]);
        let report = rig::Ran::of(command).json();
        let checks = report["checks"].as_array().unwrap().iter();
        checks.filter(|check| check["check"] == "rights").map(|check| check.to_string()).collect::<Vec<_>>()
    };
    let found = rights();
    assert!(found.len() == 1 && found[0].contains("\"ok\""), "{found:?}");
    for name in ["queue.anchor", "keys/seal.key"] {
        lchown(terminal.state(name), Some(0), Some(0)).unwrap();
    }
    let found = rights();
    assert_eq!(found.len(), 2, "{found:?}");
    for (line, file) in found.iter().zip(["queue.anchor", "seal.key"]) {
        for told in ["\"failed\"", file, "uid 12345", "chown -R 12345:12346"] {
            assert!(line.contains(told), "{told}: {line}");
        }
        assert!(!line.contains("state.key") && !line.contains("queue.db"), "{line}");
    }
}
