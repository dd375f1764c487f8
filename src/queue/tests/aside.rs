//! A damaged journal set aside: what is whole goes on, what is lost is signed as lost, and the damaged files stay as
//! they were, wherever the work is broken off.

use super::*;
use crate::wire::headers::Hole;

/// Six transactions, the second of them answered; then `sql` by whatever damages files.
fn damaged(sql: &str) -> (TempDir, Vec<Row>) {
    let (dir, queue) = fresh();
    for key in ["1", "2", "3", "4", "5", "6"] {
        queue.commit(draft(key)).unwrap();
    }
    let row = queue.by_key("2").unwrap().unwrap().0;
    queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
    queue.advance(row.id, State::Acked, receipt(&row, Outcome::Accepted).into()).unwrap();
    let mut rows = queue.list(&Filter::default()).unwrap();
    rows.reverse();
    queue.close();
    drop(queue);
    tamper(dir.path(), sql);
    (dir, rows)
}

fn aside(dir: &Path, step: &mut dyn FnMut() -> Result<(), QueueError>) -> Result<SetAside, QueueError> {
    set_aside(&settings(dir), &keys(), "2015-08-01T03:00:00Z".parse().unwrap(), Unread::IsNotKnown, step)
}

fn all_aside(dir: &Path) -> Result<SetAside, QueueError> {
    set_aside(&settings(dir), &keys(), "2015-08-01T03:00:00Z".parse().unwrap(), Unread::IsLost, &mut || Ok(()))
}

fn numbers(holes: &[Hole]) -> Vec<(u64, u64)> {
    holes.iter().map(|hole| (hole.after.sequence + 1, hole.until.sequence)).collect()
}

/// What is there, where and how it was; what is lost; and the next one follows.
fn check(dir: &Path, rows: &[Row], lost: &[(u64, u64)]) {
    let is_lost = |row: &&Row| !lost.iter().any(|(first, last)| (*first..=*last).contains(&row.sequence));
    let whole: Vec<Row> = rows.iter().filter(is_lost).cloned().collect();
    let there = settings(dir);
    let public = keys().public_key();
    for witness in [Witness::Public(&public), Witness::Keys(&keys(), &there.terminal)] {
        let proof = prove(&there.path, witness, Some(&there.anchor)).unwrap();
        assert_eq!((proof.rows, numbers(&proof.lost)), (whole.len() as u64, lost.to_vec()));
    }
    let queue = open(dir);
    let mut listed = queue.list(&Filter::default()).unwrap();
    listed.reverse();
    assert_eq!(listed, whole);
    for row in &whole {
        let again = queue.commit(draft(&row.sequence.to_string())).unwrap();
        assert!(again.duplicate && again.row == *row);
    }
    let next = queue.commit(draft("new")).unwrap().row;
    assert_eq!(next.sequence, 7, "after the highest head that is known");
    assert_eq!(queue.verify().unwrap().rows, whole.len() as u64 + 1);
    queue.close();
}

const DAMAGES: &[(&str, &[(u64, u64)])] = &[
    ("UPDATE entries SET header = x'00' WHERE sequence = 3", &[(3, 3)]),
    ("UPDATE entries SET payload = zeroblob(40) WHERE sequence IN (2, 3, 5)", &[(2, 3), (5, 5)]),
    ("DELETE FROM entries WHERE sequence = 1", &[(1, 1)]),
    ("DELETE FROM entries WHERE sequence > 4; DELETE FROM groups WHERE sequence > 4", &[(5, 6)]),
    ("UPDATE entries SET state = 'refused' WHERE sequence = 6", &[(6, 6)]),
    ("DELETE FROM groups WHERE sequence > 2", &[]),
    ("DELETE FROM entries; DELETE FROM groups", &[(1, 6)]),
    ("DROP TABLE groups", &[]),
];

#[test]
fn what_is_whole_goes_on_and_what_is_lost_is_signed() {
    for (sql, lost) in DAMAGES {
        let (dir, rows) = damaged(sql);
        let before = std::fs::read(dir.path().join("queue.db")).unwrap();
        let anchor = std::fs::read(dir.path().join("queue.anchor")).unwrap();
        assert!(try_open(dir.path(), Faults::default()).and_then(|queue| queue.verify()).is_err(), "{sql}");
        let done = aside(dir.path(), &mut || Ok(())).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(numbers(&done.lost), *lost, "{sql}");
        assert_eq!(done.damaged, dir.path().join("damaged-2015-08-01T030000Z"));
        // As it is, to the byte.
        assert_eq!(std::fs::read(done.damaged.join("queue.anchor")).unwrap(), anchor, "{sql}");
        let kept = std::fs::read(done.damaged.join("queue.db")).unwrap();
        assert_eq!(kept.len(), before.len(), "{sql}");
        check(dir.path(), &rows, lost);
        assert_eq!(aside(dir.path(), &mut || Ok(())).unwrap_err(), QueueError::Whole);
    }
}

#[test]
fn whoever_dies_at_any_step_can_go_on() {
    let (sql, lost) = DAMAGES[1];
    for n in 1.. {
        let (dir, rows) = damaged(sql);
        let mut passed = 0;
        let first = aside(dir.path(), &mut || {
            passed += 1;
            if passed == n { Err(QueueError::Closed) } else { Ok(()) }
        });
        match try_open(dir.path(), Faults::default()) {
            // The old one still: nothing was lost by the try.
            Err(QueueError::Damaged { .. }) => {
                assert!(first.is_err());
                assert_eq!(numbers(&aside(dir.path(), &mut || Ok(())).unwrap().lost), lost, "n = {n}");
            }
            opened => opened.unwrap().close(),
        }
        check(dir.path(), &rows, lost);
        if first.is_ok() {
            assert!(n > 8, "{n} steps");
            return;
        }
    }
}

/// Broken off before the new journal was to take the old one's place, and then the old one was mended: what was begun has
/// payloads too, and the erasure knows nothing of it.
#[test]
fn nothing_stays_of_what_was_begun_and_is_not_wanted_any_more() {
    let left = |dir: &Path| {
        let names = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains(".new") || name.contains(".read")).collect::<Vec<_>>()
    };
    let opens = |dir: &Path| open(dir).close();
    let is_set_aside = |dir: &Path| assert_eq!(aside(dir, &mut || Ok(())).unwrap_err(), QueueError::Whole);
    let gets_keys = |dir: &Path| {
        let (folder, like) = (dir.join("others"), dir.join("keys"));
        let place = NewKeys::Into { folder: &folder, like: &like };
        rekey(&settings(dir), &keys(), place, &SystemRandom::default(), &mut || Ok(())).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
    };
    for next in [&opens as &dyn Fn(&Path), &is_set_aside, &gets_keys] {
        let mut begun = 0;
        for n in 1.. {
            let (dir, _) = damaged("");
            let bytes = std::fs::read(dir.path().join("queue.db")).unwrap();
            Connection::open(dir.path().join("queue.db")).unwrap().execute_batch(DAMAGES[1].0).unwrap();
            let mut passed = 0;
            let broken_off = aside(dir.path(), &mut || {
                passed += 1;
                if passed == n { Err(QueueError::Closed) } else { Ok(()) }
            });
            if broken_off.is_ok() || dir.path().join("queue.db.set-aside").exists() {
                break;
            }
            // What a process that is killed leaves of the copy by which it reads.
            for name in ["queue.db.read", "queue.db.read-wal"] {
                std::fs::write(dir.path().join(name), &bytes).unwrap();
            }
            begun +=
                usize::from(dir.path().join("queue.db.new").exists() && dir.path().join("queue.anchor.new").exists());
            std::fs::write(dir.path().join("queue.db"), &bytes).unwrap();
            next(dir.path());
            assert_eq!(left(dir.path()), Vec::<String>::new(), "n = {n}");
        }
        assert!(begun > 0, "there was nothing to take away");
    }
}

/// Damage that is further back than a start looks: whoever opens the journal writes on in it.
#[test]
fn what_is_kept_is_what_was_damaged_wherever_it_is_broken_off() {
    let (old, queue) = fresh();
    for n in 0..120 {
        queue.commit(draft(&n.to_string())).unwrap();
    }
    queue.close();
    drop(queue);
    tamper(old.path(), "UPDATE entries SET header = x'00' WHERE sequence = 3");
    let names = ["queue.db", "queue.anchor"];
    let before = names.map(|name| std::fs::read(old.path().join(name)).unwrap());
    for n in 1.. {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in names.iter().zip(&before) {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        let mut passed = 0;
        let first = aside(dir.path(), &mut || {
            passed += 1;
            if passed == n { Err(QueueError::Closed) } else { Ok(()) }
        });
        let queue = open(dir.path());
        queue.commit(draft("next")).unwrap();
        queue.close();
        drop(queue);
        let kept = dir.path().join("damaged-2015-08-01T030000Z");
        if kept.exists() {
            assert_eq!(names.map(|name| std::fs::read(kept.join(name)).unwrap()), before, "n = {n}");
            assert!(matches!(aside(dir.path(), &mut || Ok(())), Err(QueueError::Whole)), "n = {n}");
        } else {
            assert!(first.is_err(), "n = {n}");
        }
        if first.is_ok() {
            return;
        }
    }
}

#[test]
fn what_an_earlier_program_began_is_ended() {
    let (sql, lost) = DAMAGES[1];
    let (dir, rows) = damaged(sql);
    // It had the new journal ready, the old files under other names, and the new anchor in its place: then the mark.
    let mut passed = 0;
    let died = aside(dir.path(), &mut || {
        passed += 1;
        if passed == 2 { Err(QueueError::Closed) } else { Ok(()) }
    });
    assert_eq!(died.unwrap_err(), QueueError::Closed);
    std::fs::rename(dir.path().join("queue.anchor.new"), dir.path().join("queue.anchor")).unwrap();
    assert!(dir.path().join("queue.db.new").exists());
    std::fs::write(dir.path().join("queue.db.set-aside"), b"").unwrap();
    open(dir.path()).close();
    check(dir.path(), &rows, lost);
}

#[test]
fn a_file_of_which_nothing_can_be_read_is_given_up_only_by_leave() {
    for empty in [false, true] {
        let (dir, rows) = damaged("");
        let path = dir.path().join("queue.db");
        let bytes = if empty { Vec::new() } else { vec![b'x'; 5000] };
        std::fs::write(&path, &bytes).unwrap();
        let done = if empty {
            aside(dir.path(), &mut || Ok(())).unwrap()
        } else {
            let refused = aside(dir.path(), &mut || Ok(()));
            assert!(matches!(refused, Err(QueueError::Damaged { record: 0, .. })), "{refused:?}");
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
            assert!(!path.with_file_name("queue.db.read").exists());
            all_aside(dir.path()).unwrap()
        };
        assert_eq!(numbers(&done.lost), [(1, 6)]);
        assert_eq!(std::fs::read(done.damaged.join("queue.db")).unwrap(), bytes);
        check(dir.path(), &rows, &[(1, 6)]);
    }
    // Nobody knows how far it went.
    let (dir, _) = damaged("");
    std::fs::write(dir.path().join("queue.db"), vec![b'x'; 5000]).unwrap();
    std::fs::remove_file(dir.path().join("queue.anchor")).unwrap();
    let refused = all_aside(dir.path());
    assert!(matches!(refused, Err(QueueError::Damaged { record: 0, .. })), "{refused:?}");
}

#[test]
fn leave_to_give_up_all_gives_up_nothing_that_can_be_read() {
    let (sql, lost) = DAMAGES[1];
    let (dir, rows) = damaged(sql);
    assert_eq!(numbers(&all_aside(dir.path()).unwrap().lost), lost);
    check(dir.path(), &rows, lost);
}

#[test]
fn a_flipped_bit_in_the_first_bytes_loses_nothing() {
    // Beside the last, no record is wrong.
    for (place, (sql, lost)) in [(0, DAMAGES[0]), (15, DAMAGES[0]), (16, DAMAGES[1]), (19, DAMAGES[0]), (7, DAMAGES[5])]
    {
        let (dir, rows) = damaged(sql);
        let path = dir.path().join("queue.db");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[place] ^= 0x40;
        std::fs::write(&path, &bytes).unwrap();
        let done = aside(dir.path(), &mut || Ok(())).unwrap();
        assert_eq!(numbers(&done.lost), lost, "byte {place}");
        assert_eq!(std::fs::read(done.damaged.join("queue.db")).unwrap(), bytes);
        let left = ["queue.db.read", "queue.db.read-wal"].map(|name| dir.path().join(name).exists());
        assert_eq!(left, [false, false]);
        check(dir.path(), &rows, lost);
    }
}

#[test]
fn what_stands_in_the_log_is_read_though_the_file_is_no_database_any_more() {
    let (dir, queue) = fresh();
    for key in ["1", "2", "3", "4", "5", "6"] {
        queue.commit(draft(key)).unwrap();
    }
    queue.probe().unwrap();
    tamper(dir.path(), "UPDATE entries SET header = x'00' WHERE sequence = 3");
    // As a daemon that was killed leaves it: all in the log, its first page too.
    let killed = tempfile::tempdir().unwrap();
    for name in ["queue.db", "queue.db-wal", "queue.anchor"] {
        std::fs::copy(dir.path().join(name), killed.path().join(name)).unwrap();
    }
    let path = killed.path().join("queue.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let end = bytes.len().min(4096);
    bytes[..end].fill(0);
    std::fs::write(&path, &bytes).unwrap();
    let done = aside(killed.path(), &mut || Ok(())).unwrap();
    assert_eq!((done.rows, numbers(&done.lost)), (5, vec![(3, 3)]));
}

/// A journal of so many, and its last leaf overwritten.
fn without_its_last_leaf(records: u64) -> TempDir {
    let (dir, queue) = fresh();
    for n in 0..records {
        queue.commit(draft(&n.to_string())).unwrap();
    }
    let id = *queue.headers(records - 1, 1).unwrap()[0].id.as_bytes();
    queue.close();
    drop(queue);
    let path = dir.path().join("queue.db");
    // All of it in the file.
    Connection::open(&path).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    // A leaf of a table begins with 13.
    let leaf = bytes.chunks_mut(4096).find(|page| page[0] == 13 && page.windows(16).any(|part| part == id)).unwrap();
    leaf.fill(0xff);
    std::fs::write(&path, &bytes).unwrap();
    dir
}

#[test]
fn a_last_leaf_that_cannot_be_read_is_not_read_for_ever() {
    let dir = without_its_last_leaf(300);
    let context = Context::to_read(&keys(), "T44010000001".into());
    let old = damaged::Damaged::open(&dir.path().join("queue.db")).unwrap().unwrap();
    assert_eq!(old.most(300, true), 300 + 1024, "two commit groups more");
    assert!(old.most(300, false) > 300 + 1024, "as many as there is room for");
    let new = open::writer(&Settings { path: dir.path().join("new.db"), ..settings(dir.path()) }).unwrap();
    let mut chain = crate::queue::aside::Rebuilt { rows: 0, head: Default::default(), holes: Vec::new() };
    old.copy(&new, &context, old.most(300, false), &mut chain).unwrap();
    assert!((280..300).contains(&chain.rows), "{}", chain.rows);
    assert!((1..100).contains(&old.opened.get()), "{} connections", old.opened.get());
    drop((old, new));
    let done = aside(dir.path(), &mut || Ok(())).unwrap();
    assert_eq!((done.rows, numbers(&done.lost)), (chain.rows, vec![(chain.rows + 1, 300)]));
    assert_eq!(open(dir.path()).commit(draft("next")).unwrap().row.sequence, 301);
}

#[test]
fn a_second_damage_adds_to_the_list_and_a_forged_list_is_damage() {
    let (dir, rows) = damaged(DAMAGES[0].0);
    aside(dir.path(), &mut || Ok(())).unwrap();
    let tamper = |sql: &str| tamper(dir.path(), sql);
    // What is not on the list is no hole.
    tamper("DELETE FROM entries WHERE sequence = 5");
    let opened = try_open(dir.path(), Faults::default());
    assert!(matches!(opened, Err(QueueError::Damaged { record: 5, .. })), "{opened:?}");
    let later = "2015-08-02T03:00:00Z".parse().unwrap();
    let done = set_aside(&settings(dir.path()), &keys(), later, Unread::IsNotKnown, &mut || Ok(())).unwrap();
    assert_eq!(numbers(&done.lost), [(3, 3), (5, 5)]);
    check(dir.path(), &rows, &[(3, 3), (5, 5)]);
    tamper(
        "UPDATE meta SET value = CAST(replace(CAST(value AS TEXT), '\"sequence\":3', '\"sequence\":4') AS BLOB) WHERE name = 'lost'",
    );
    let opened = try_open(dir.path(), Faults::default());
    assert!(matches!(opened, Err(QueueError::Damaged { record: 0, .. })), "{opened:?}");
}

#[test]
fn a_journal_in_use_or_another_terminals_is_left_alone() {
    let (dir, queue) = fresh();
    queue.commit(draft("a")).unwrap();
    assert_eq!(aside(dir.path(), &mut || Ok(())).unwrap_err(), QueueError::InUse);
    queue.close();
    drop(queue);
    let others = QueueKeys { state: Zeroizing::new([9; 32]), ..keys() };
    let now = "2015-08-01T03:00:00Z".parse().unwrap();
    assert_eq!(
        set_aside(&settings(dir.path()), &others, now, Unread::IsNotKnown, &mut || Ok(())).unwrap_err(),
        QueueError::WrongKeys
    );
    assert!(!dir.path().join("damaged-2015-08-01T030000Z").exists());
}

#[test]
fn a_record_at_an_absurd_place_is_not_walked_to() {
    let insert = "PRAGMA ignore_check_constraints = ON;
        UPDATE entries SET sequence = 4611686018427387904 WHERE sequence = 6";
    let (dir, rows) = damaged(insert);
    assert_eq!(numbers(&aside(dir.path(), &mut || Ok(())).unwrap().lost), [(6, 6)]);
    check(dir.path(), &rows, &[(6, 6)]);
}

#[test]
fn what_the_journal_says_of_whose_it_is_can_be_damaged_too() {
    for name in ["terminal", "public-key", "commitment-key", "state-key", "sealed"] {
        for change in ["UPDATE meta SET value = x'00' WHERE name =", "DELETE FROM meta WHERE name ="] {
            let (dir, rows) = damaged(&format!("{change} '{name}'"));
            let opened = try_open(dir.path(), Faults::default());
            assert!(matches!(opened, Err(QueueError::Damaged { record: 0, .. })), "{change} {name}: {opened:?}");
            let done = aside(dir.path(), &mut || Ok(())).unwrap();
            assert_eq!((done.rows, done.lost), (6, vec![]), "{name}");
            check(dir.path(), &rows, &[]);
        }
    }
}

#[test]
fn an_anchor_without_a_signature_does_not_prove_the_key_that_signs() {
    let (dir, queue) = fresh();
    let named = Draft { payload: json!({"certno": "11010519491231002X"}), ..draft("named") };
    queue.commit(named).unwrap();
    queue.close();
    drop(queue);
    // As programs wrote it at first: the state key alone proves it.
    let path = dir.path().join("queue.anchor");
    let mut first_format = String::new();
    for line in std::fs::read_to_string(&path).unwrap().lines() {
        if let ["sbkd-anchor-2", sequence, hash, tag, _] = line.trim_end().split(' ').collect::<Vec<_>>()[..] {
            first_format += &format!("{:511}\n", format!("sbkd-anchor-1 {sequence} {hash} {tag}"));
        }
    }
    std::fs::write(&path, first_format).unwrap();
    let crypto = seal::Crypto::new(&keys());
    let anchored = anchor::peek(&path, &anchor::Proof::Keys(&crypto), "T44010000001").unwrap();
    assert_eq!(anchored.map(|head| head.sequence), Some(1));
    let others = QueueKeys { signing: Zeroizing::new([9; 32]), ..keys() };
    let now = "2015-08-01T03:00:00Z".parse().unwrap();
    assert_eq!(
        set_aside(&settings(dir.path()), &others, now, Unread::IsNotKnown, &mut || Ok(())).unwrap_err(),
        QueueError::WrongKeys
    );
}

#[test]
fn the_holders_key_is_proved_by_a_payload_that_names_the_holder() {
    let (dir, queue) = fresh();
    let named = || Draft { payload: json!({"input": [{"certno": "11010519491231002X"}]}), ..draft("named") };
    queue.commit(named()).unwrap();
    queue.close();
    drop(queue);
    let others = QueueKeys { holder: Zeroizing::new([9; 32]), ..keys() };
    let now = "2015-08-01T03:00:00Z".parse().unwrap();
    let db = Connection::open(dir.path().join("queue.db")).unwrap();
    db.execute("UPDATE meta SET value = x'00' WHERE name = 'holder-key'", []).unwrap();
    drop(db);
    assert_eq!(
        set_aside(&settings(dir.path()), &others, now, Unread::IsNotKnown, &mut || Ok(())).unwrap_err(),
        QueueError::WrongKeys
    );
    assert!(matches!(try_open(dir.path(), Faults::default()), Err(QueueError::Damaged { record: 0, .. })));
    assert_eq!(aside(dir.path(), &mut || Ok(())).unwrap().lost, []);
    let queue = open(dir.path());
    assert!(queue.commit(named()).unwrap().duplicate);
}

#[test]
fn what_was_lost_at_the_end_stays_lost_when_the_journal_is_set_aside_again() {
    let (dir, rows) = damaged("DELETE FROM entries WHERE sequence > 4; DELETE FROM groups WHERE sequence > 4");
    aside(dir.path(), &mut || Ok(())).unwrap();
    let db = Connection::open(dir.path().join("queue.db")).unwrap();
    db.execute("UPDATE entries SET payload = zeroblob(40) WHERE sequence = 2", []).unwrap();
    drop(db);
    std::fs::remove_file(dir.path().join("queue.anchor")).unwrap();
    let later = "2015-08-02T03:00:00Z".parse().unwrap();
    let done = set_aside(&settings(dir.path()), &keys(), later, Unread::IsNotKnown, &mut || Ok(())).unwrap();
    assert_eq!(numbers(&done.lost), [(2, 2), (5, 6)]);
    check(dir.path(), &rows, &[(2, 2), (5, 6)]);
}

#[test]
fn a_database_whose_tables_cannot_be_read_is_not_one_that_has_none() {
    let (dir, rows) = damaged("");
    let path = dir.path().join("queue.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..4096].fill(0xff);
    std::fs::write(&path, &bytes).unwrap();
    let refused = aside(dir.path(), &mut || Ok(()));
    assert!(matches!(refused, Err(QueueError::Damaged { record: 0, .. })), "{refused:?}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert!(!dir.path().join("damaged-2015-08-01T030000Z").exists());
    // And there is a way on.
    assert_eq!(numbers(&all_aside(dir.path()).unwrap().lost), [(1, 6)]);
    check(dir.path(), &rows, &[(1, 6)]);
}
