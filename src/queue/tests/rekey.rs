//! New keys: whole or not at all, wherever it is broken off.

use super::*;

fn folder(dir: &Path) -> QueueKeys {
    QueueKeys::own(&settings(dir), &dir.join("keys"), &SystemRandom::default()).unwrap()
}

fn begin(dir: &Path) -> Queue {
    let clock = Hands::at("2015-08-01T02:00:00Z");
    Queue::open(settings(dir), folder(dir), clock, Arc::new(SystemRandom::default())).unwrap()
}

/// A journal with its own folder of keys: an answered one, one that waits, one that was erased.
fn filled() -> (TempDir, Vec<Row>) {
    let dir = tempfile::tempdir().unwrap();
    let queue = begin(dir.path());
    for key in ["erased", "acked"] {
        let holder = key.as_bytes().to_vec().into();
        let row = queue.commit(Draft { holder, ..draft(key) }).unwrap().row;
        queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
        queue.advance(row.id, State::Acked, receipt(&row, Outcome::Accepted).into()).unwrap();
        if key == "erased" {
            assert_eq!(queue.erase(Timestamp::MAX).unwrap().transactions, 1);
        }
    }
    queue.commit(draft("pending")).unwrap();
    let rows = queue.list(&Filter::default()).unwrap();
    queue.close();
    (dir, rows)
}

fn check(dir: &Path, rows: &[Row]) {
    let queue = begin(dir);
    assert_eq!(queue.list(&Filter::default()).unwrap(), rows);
    assert_eq!(queue.payload(rows[0].id).unwrap(), Some(draft("pending").payload));
    assert!(queue.answer(rows[1].id).unwrap().is_some());
    assert!(queue.commit(draft("pending")).unwrap().duplicate);
    assert_eq!(queue.verify().unwrap().payloads, 2);
    queue.close();
}

#[test]
fn whoever_dies_at_any_step_leaves_a_journal_that_opens() {
    let mut renewed = 0;
    for n in 1.. {
        let (dir, rows) = filled();
        let (old, keys) = (folder(dir.path()), dir.path().join("keys"));
        let mut passed = 0;
        let result = rekey(&settings(dir.path()), &old, NewKeys::InPlace(&keys), &SystemRandom::default(), &mut || {
            passed += 1;
            if passed == n { Err(QueueError::Closed) } else { Ok(()) }
        });
        // Whoever only reads finds the keys as well, and changes nothing.
        let there = settings(dir.path());
        let reads = QueueKeys::of(&there, &keys).unwrap();
        prove(&there.path, Witness::Keys(&reads, &there.terminal), Some(&there.anchor)).unwrap();
        check(dir.path(), &rows);
        renewed += usize::from(*folder(dir.path()).seal != *old.seal);
        if result.is_ok() {
            assert_eq!(passed, n - 1);
            assert!(!keys.join("seal.key.new").exists() && !keys.join("state.key.new").exists());
            // Before the commit the old ones hold, after it the new ones: there are steps on both sides.
            assert!(renewed > 3 && renewed < n - 3, "{renewed} of {n}");
            return;
        }
        // And it can be done again.
        let old = folder(dir.path());
        rekey(&there, &old, NewKeys::InPlace(&keys), &SystemRandom::default(), &mut || Ok(())).unwrap();
        check(dir.path(), &rows);
    }
}

#[test]
fn a_second_change_after_one_that_was_broken_off_loses_no_key() {
    let broken_off = |dir: &Path, at: usize| {
        let (there, keys) = (settings(dir), dir.join("keys"));
        let (old, mut passed) = (QueueKeys::of(&there, &keys).unwrap(), 0);
        rekey(&there, &old, NewKeys::InPlace(&keys), &SystemRandom::default(), &mut || {
            passed += 1;
            if passed == at { Err(QueueError::Closed) } else { Ok(()) }
        })
    };
    let mut waited = 0;
    for first in 1.. {
        let (dir, _) = filled();
        if broken_off(dir.path(), first).is_ok() {
            assert!(waited >= 2, "the journal's keys waited after {waited} of the steps");
            return;
        }
        let keys = dir.path().join("keys");
        let waits =
            *QueueKeys::of(&settings(dir.path()), &keys).unwrap().state != *QueueKeys::load(&keys).unwrap().state;
        if !waits {
            continue;
        }
        waited += 1;
        for second in 1.. {
            let (dir, rows) = filled();
            broken_off(dir.path(), first).unwrap_err();
            let done = broken_off(dir.path(), second);
            let (there, keys) = (settings(dir.path()), dir.path().join("keys"));
            let reads = QueueKeys::of(&there, &keys).unwrap();
            let proved = prove(&there.path, Witness::Keys(&reads, &there.terminal), Some(&there.anchor));
            assert!(proved.is_ok(), "{first}, then {second}: {proved:?}");
            check(dir.path(), &rows);
            if done.is_ok() {
                break;
            }
        }
    }
}

#[test]
fn the_old_keys_open_nothing_any_more_and_the_public_key_is_the_same() {
    let (dir, rows) = filled();
    let (old, keys) = (folder(dir.path()), dir.path().join("keys"));
    let db = || std::fs::read(dir.path().join("queue.db")).unwrap();
    let sealed: Vec<u8> = Connection::open(dir.path().join("queue.db"))
        .unwrap()
        .query_row("SELECT payload FROM entries WHERE sequence = 3", [], |row| row.get(0))
        .unwrap();
    let holds = |bytes: &[u8]| bytes.windows(sealed.len()).any(|window| window == sealed);
    assert!(holds(&db()));
    let done = rekey(&settings(dir.path()), &old, NewKeys::InPlace(&keys), &SystemRandom::default(), &mut || Ok(()));
    assert_eq!(done, Ok(Rekeyed { rows: 3, payloads: 2, answers: 1, cleared: true }));
    assert!(!holds(&db()));
    assert_eq!(folder(dir.path()).public_key(), old.public_key());
    let clock = Hands::at("2015-08-01T02:00:00Z");
    let opened = Queue::open(settings(dir.path()), old, clock, Arc::new(SystemRandom::default()));
    assert_eq!(opened.unwrap_err(), QueueError::WrongKeys);
    check(dir.path(), &rows);
}

#[test]
fn a_folder_that_is_only_read_stays_and_another_is_filled() {
    let (dir, rows) = filled();
    let (old, into) = (folder(dir.path()), dir.path().join("new"));
    let place = NewKeys::Into { folder: &into, like: &dir.path().join("keys") };
    rekey(&settings(dir.path()), &old, place, &SystemRandom::default(), &mut || Ok(())).unwrap();
    assert_eq!(*folder(dir.path()).seal, *old.seal);
    assert!(
        rekey(&settings(dir.path()), &old, place, &SystemRandom::default(), &mut || Ok(())).is_err(),
        "it is there"
    );
    std::fs::remove_dir_all(dir.path().join("keys")).unwrap();
    std::fs::rename(&into, dir.path().join("keys")).unwrap();
    check(dir.path(), &rows);
}

#[test]
fn a_journal_in_use_or_damaged_keeps_its_keys() {
    let (dir, _) = filled();
    let (old, keys) = (folder(dir.path()), dir.path().join("keys"));
    let again =
        || rekey(&settings(dir.path()), &old, NewKeys::InPlace(&keys), &SystemRandom::default(), &mut || Ok(()));
    let queue = begin(dir.path());
    assert_eq!(again(), Err(QueueError::InUse));
    queue.close();
    let db = Connection::open(dir.path().join("queue.db")).unwrap();
    db.execute("UPDATE entries SET payload = zeroblob(40) WHERE sequence = 2", []).unwrap();
    drop(db);
    assert!(matches!(again(), Err(QueueError::Damaged { record: 2, .. })));
    assert_eq!(*folder(dir.path()).seal, *old.seal);
}
