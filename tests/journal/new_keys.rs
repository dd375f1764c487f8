//! A folder of new keys is there after a power cut: what holds its name is synced as well, and before the journal is its.

use std::path::Path;
use std::process::Command;

use sbkd::queue::{Faults, NewKeys, QueueKeys, rekey};
use sbkd::world::SystemRandom;

use crate::world::{child, child_dir, draft, open, settings};

#[test]
#[ignore = "a process of the test here"]
fn the_process() {
    let Some(dir) = child_dir() else { return };
    let random = SystemRandom::default();
    let keys = QueueKeys::load_or_create(&dir.join("made/for it/keys"), &random).unwrap();
    let journal = dir.join("journal");
    let queue = open(&journal, keys.clone(), Faults::default()).unwrap();
    queue.commit(draft("a")).unwrap();
    queue.close();
    let place = NewKeys::Into { folder: &dir.join("there/new"), like: &dir.join("made/for it/keys") };
    rekey(&settings(&journal), &keys, place, &random, &mut || Ok(())).unwrap();
}

#[test]
fn the_names_of_folders_of_keys_are_synced() {
    let dir = tempfile::tempdir().unwrap();
    for made in ["journal", "there"] {
        std::fs::create_dir(dir.path().join(made)).unwrap();
    }
    let process = child("new_keys::the_process", dir.path());
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-e", "trace=fsync,fdatasync", "-o"]).arg(log.path());
    strace.arg(process.get_program()).args(process.get_args());
    for (name, value) in process.get_envs() {
        strace.env(name, value.unwrap());
    }
    let output = strace.output().expect("strace (tools/install brings it)");
    assert!(output.status.success(), "{output:?}");
    let synced = std::fs::read_to_string(log.path()).unwrap();
    let at = |path: &Path| synced.rfind(&format!("<{}>)", path.display()));
    for made in ["made/for it/keys", "made/for it", "made", "", "there/new"] {
        let path = if made.is_empty() { dir.path().to_owned() } else { dir.path().join(made) };
        assert!(at(&path).is_some(), "{made}: {synced}");
    }
    let (named, committed) = (at(&dir.path().join("there")), at(&dir.path().join("journal/queue.db-wal")));
    assert!(named.is_some() && named < committed, "{named:?} {committed:?}: {synced}");
}
