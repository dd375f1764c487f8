//! What is looked at before a journal is opened: a damaged one is left as it is, to the byte.

use super::*;

/// Every file but the lock.
fn files(dir: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_none_or(|ending| ending != "lock"))
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// A journal of so many as a daemon that was killed leaves it: with its log.
fn left(records: usize, change: &str) -> TempDir {
    let (dir, queue) = fresh();
    for n in 0..records {
        queue.commit(draft(&n.to_string())).unwrap();
    }
    if !change.is_empty() {
        tamper(dir.path(), change);
    }
    let copy = tempfile::tempdir().unwrap();
    for (path, bytes) in files(dir.path()) {
        if !path.to_str().unwrap().ends_with("-shm") {
            std::fs::write(copy.path().join(path.file_name().unwrap()), bytes).unwrap();
        }
    }
    copy
}

#[test]
fn a_damaged_journal_is_not_touched() {
    let whole = left(150, "");
    assert!(files(whole.path()).iter().any(|(path, bytes)| path.ends_with("queue.db-wal") && !bytes.is_empty()));
    open(whole.path()).verify().unwrap();
    let cases = [
        ("UPDATE entries SET state = 'acked' WHERE sequence = 60", 60, "its state is not"),
        ("UPDATE entries SET payload = zeroblob(40) WHERE sequence = 149", 149, "its payload does not open"),
        ("UPDATE entries SET header = x'00' WHERE sequence = 60", 60, "changed: its header is not what was hashed"),
        ("DELETE FROM entries WHERE sequence = 140", 140, "removed"),
        (
            "PRAGMA ignore_check_constraints = ON; UPDATE entries SET sequence = -5 WHERE sequence = 140",
            140,
            "inserted: a record stands before the first",
        ),
        ("DELETE FROM entries WHERE sequence = 150; DELETE FROM groups WHERE sequence = 150", 150, "cut off"),
        ("UPDATE groups SET signature = zeroblob(64) WHERE sequence = 150", 150, "the last signature is not"),
        ("DELETE FROM entries; DELETE FROM groups", 1, "cut off"),
    ];
    for (change, record, why) in cases {
        let dir = left(150, change);
        let before = files(dir.path());
        match try_open(dir.path(), Faults::default()).unwrap_err() {
            QueueError::Damaged { record: found, what } => {
                assert_eq!(found, record, "{change}: {what}");
                assert!(what.contains(why), "{change}: {what}");
            }
            other => panic!("{change}: {other:?}"),
        }
        assert_eq!(files(dir.path()), before, "{change}");
    }
    // What is further back is found while the terminal works.
    let dir = left(150, "UPDATE entries SET state = 'acked' WHERE sequence = 10");
    assert!(matches!(open(dir.path()).verify(), Err(QueueError::Damaged { record: 10, .. })));
}

#[test]
fn a_journal_that_is_gone_or_torn_is_not_begun_anew() {
    let gone = left(3, "");
    for name in ["queue.db", "queue.db-wal"] {
        std::fs::remove_file(gone.path().join(name)).unwrap();
    }
    let torn = left(3, "");
    let log = torn.path().join("queue.db-wal");
    let bytes = std::fs::read(&log).unwrap();
    std::fs::write(&log, &bytes[..bytes.len() / 2]).unwrap();
    let others = left(3, "");
    for dir in [&gone, &torn] {
        let before = files(dir.path());
        let error = try_open(dir.path(), Faults::default()).unwrap_err();
        assert!(matches!(error, QueueError::Damaged { .. }), "{error}");
        assert_eq!(files(dir.path()), before);
    }
    let before = files(others.path());
    let keys = QueueKeys { state: Zeroizing::new([9; 32]), ..keys() };
    let clock = Hands::at("2015-08-01T02:00:00Z");
    let opened = Queue::open(settings(others.path()), keys, clock, Arc::new(SystemRandom::default()));
    assert_eq!(opened.unwrap_err(), QueueError::WrongKeys);
    assert_eq!(files(others.path()), before);
}

#[test]
fn a_newer_programs_journal_is_not_touched() {
    // Damaged too, for all that this program can tell.
    let dir = left(1, "PRAGMA user_version = 1000; UPDATE entries SET header = x'00'");
    let before = files(dir.path());
    let newer = QueueError::Newer(1000);
    assert_eq!(try_open(dir.path(), Faults::default()).unwrap_err(), newer);
    let (there, public) = (settings(dir.path()), keys().public_key());
    let aside = set_aside(&there, &keys(), "2015-08-01T03:00:00Z".parse().unwrap(), Unread::IsNotKnown, &mut || Ok(()));
    assert_eq!(aside.unwrap_err(), newer);
    for witness in [Witness::Public(&public), Witness::Keys(&keys(), &there.terminal)] {
        assert_eq!(prove(&there.path, witness, None).unwrap_err(), newer);
    }
    assert_eq!(files(dir.path()), before);
}

#[test]
fn a_journal_goes_on_in_the_mode_of_its_records() {
    for demo in [true, false] {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Hands::at("2015-08-01T02:00:00Z"));
        let of = |demo| Settings { demo, ..settings(dir.path()) };
        let open = |demo, keys| Queue::open(of(demo), keys, clock.clone(), Arc::new(SystemRandom::default()));
        // Without a record it is of neither.
        open(!demo, keys()).unwrap().close();
        let queue = open(demo, keys()).unwrap();
        for key in ["1", "2"] {
            queue.commit(draft(key)).unwrap();
        }
        queue.close();
        let before = files(dir.path());
        let other = QueueError::Mode { demo };
        assert_eq!(open(!demo, keys()).unwrap_err(), other);
        assert_eq!(files(dir.path()), before);
        // Nor does what adds no record make it one of the other mode.
        prove(&of(!demo).path, Witness::Keys(&keys(), &of(!demo).terminal), None).unwrap();
        let folder = dir.path().join("renewed");
        let place = NewKeys::Into { folder: &folder, like: dir.path() };
        rekey(&of(!demo), &keys(), place, &SystemRandom::default(), &mut || Ok(())).unwrap();
        let renewed = QueueKeys::load(&folder).unwrap();
        assert_eq!(open(!demo, renewed.clone()).unwrap_err(), other);
        tamper(dir.path(), "UPDATE entries SET header = x'00' WHERE sequence = 1");
        let now = "2015-08-01T03:00:00Z".parse().unwrap();
        set_aside(&of(!demo), &renewed, now, Unread::IsNotKnown, &mut || Ok(())).unwrap();
        assert_eq!(open(!demo, renewed.clone()).unwrap_err(), other);
        open(demo, renewed).unwrap().commit(draft("3")).unwrap();
    }
}
