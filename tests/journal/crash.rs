//! A process that is killed (SIGKILL) at any write of the commit path: what it answered is there, what it did not is
//! whole or absent, and the same key gives one transaction.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Signal, getpid, kill_process};
use sbkd::queue::{Faults, Note, State};

use crate::world::{child, child_dir, draft, keys, open, receipt};

/// The point at which the process dies.
const POINT: &str = "SBKD_TEST_POINT";
const KEYS: [&str; 3] = ["a", "b", "c"];

/// The process: commits, sends and acknowledges each of [`KEYS`], and says what was answered.
#[test]
#[ignore = "a process of the other test here"]
fn the_process() {
    let Some(dir) = child_dir() else { return };
    let point: usize = std::env::var(POINT).unwrap().parse().unwrap();
    let passed = AtomicUsize::new(0);
    let faults = Faults::new(move |_| {
        if passed.fetch_add(1, Ordering::SeqCst) + 1 == point {
            kill_process(getpid(), Signal::KILL).unwrap();
        }
        Ok(())
    });
    let mut answers = fs::File::create(dir.join("answers")).unwrap();
    // One write each: the anchor's thread may kill the process at any moment.
    let mut answer = |key: &str, state: State| answers.write_all(format!("{key} {state}\n").as_bytes()).unwrap();
    let queue = open(&dir, keys(&dir), faults).unwrap();
    for key in KEYS {
        let row = queue.commit(draft(key)).unwrap().row;
        answer(key, row.state);
        queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
        answer(key, State::Sending);
        queue.advance(row.id, State::Acked, receipt(&row).into()).unwrap();
        answer(key, State::Acked);
    }
    queue.close();
}

#[test]
fn a_process_killed_at_any_point_loses_and_doubles_nothing() {
    for point in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let ended = child("crash::the_process", dir.path()).env(POINT, point.to_string()).output().unwrap();
        check(dir.path(), point);
        if ended.status.success() {
            // Each of three keys: begin, insert, sign, commit, committed, anchor; begin, advance, commit, committed twice.
            // The anchor may take up two heads at once.
            let passed = point - 1;
            assert!((3 * 14 - 1..=3 * 14).contains(&passed), "not every point was passed: {passed}");
            return;
        }
        assert_eq!(ended.status.signal(), Some(9), "point {point}: {ended:?}");
    }
}

fn check(dir: &Path, point: usize) {
    let queue = open(dir, keys(dir), Faults::default()).unwrap();
    queue.verify().unwrap();
    // What was not answered is absent, or it is the next that would have been.
    let order = [State::Pending, State::Sending, State::Acked];
    let wanted: Vec<String> = KEYS.iter().flat_map(|key| order.map(|state| format!("{key} {state}"))).collect();
    let answered = fs::read_to_string(dir.join("answers")).unwrap();
    let answered: Vec<&str> = answered.lines().collect();
    assert_eq!(answered, wanted[..answered.len()], "point {point}");
    let found: Vec<String> = KEYS
        .iter()
        .filter_map(|key| queue.by_key(key).unwrap().map(|(row, _)| (key, row)))
        .flat_map(|(key, row)| {
            assert_eq!(queue.payload(row.id).unwrap(), Some(draft(key).payload), "point {point}");
            assert_eq!(queue.answer(row.id).unwrap().is_some(), row.state == State::Acked, "point {point}");
            order
                .into_iter()
                .take_while(move |state| *state != row.state)
                .chain([row.state])
                .map(move |s| format!("{key} {s}"))
        })
        .collect();
    assert_eq!(found, wanted[..found.len()], "point {point}");
    assert!((answered.len()..=answered.len() + 1).contains(&found.len()), "point {point}: {answered:?}, {found:?}");
    // The same keys again: each is one transaction.
    for key in KEYS {
        let there = queue.by_key(key).unwrap().is_some();
        assert_eq!(queue.commit(draft(key)).unwrap().duplicate, there, "point {point}");
    }
    assert_eq!(queue.verify().unwrap().rows, KEYS.len() as u64, "point {point}");
}
