//! Files of the journal that are moved, deleted or replaced while it is open: nothing is answered that would be gone with
//! the process, and no other file takes the journal's place by itself.

use std::fs;
use std::path::PathBuf;

use super::*;

const FILES: [&str; 4] = ["queue.db", "queue.db-wal", "queue.db-shm", "queue.db.lock"];

/// Two records, the second not in the database yet but in its log; and a whole copy from when there was one.
fn running() -> (TempDir, Queue, Row) {
    let (dir, queue) = fresh();
    let row = queue.commit(draft("a")).unwrap().row;
    let copy = dir.path().join("copy.db");
    Connection::open(dir.path().join("queue.db")).unwrap().execute("VACUUM INTO ?1", [copy.to_str()]).unwrap();
    queue.commit(draft("b")).unwrap();
    queue.probe().unwrap();
    // Whoever has read keeps the log from being written back when the journal is closed.
    queue.stats().unwrap();
    fs::create_dir(dir.path().join("away")).unwrap();
    (dir, queue, row)
}

fn take_away(dir: &Path, names: &[&str]) {
    names.iter().for_each(|name| fs::rename(dir.join(name), dir.join("away").join(name)).unwrap());
}

fn put_back(dir: &Path, names: &[&str]) {
    names.iter().for_each(|name| fs::rename(dir.join("away").join(name), dir.join(name)).unwrap());
}

#[track_caller]
fn is_replaced<T: std::fmt::Debug>(told: Result<T, QueueError>) {
    let error = told.unwrap_err();
    assert!(matches!(error, QueueError::Replaced(_)) && error.is_storage(), "{error:?}");
}

/// Nothing is answered, nothing is written, and what is there is read.
#[track_caller]
fn does_nothing(queue: &Queue, row: &Row) {
    is_replaced(queue.commit(draft("c")));
    // What is known already is not answered either: nobody would find it.
    is_replaced(queue.commit(draft("b")));
    is_replaced(queue.advance(row.id, State::Sending, Note::Nothing));
    is_replaced(queue.probe());
    is_replaced(queue.clear());
    is_replaced(queue.verify());
    assert_eq!(queue.damage(), None);
    assert_eq!((queue.stats().unwrap().total, queue.get(row.id).unwrap().unwrap().state), (2, State::Pending));
}

#[test]
fn what_is_taken_away_stops_the_journal_until_it_is_back() {
    for names in [&FILES[..], &FILES[..1], &FILES[1..2], &FILES[2..3], &FILES[3..]] {
        let (dir, queue, row) = running();
        take_away(dir.path(), names);
        does_nothing(&queue, &row);
        put_back(dir.path(), names);
        queue.probe().unwrap();
        assert_eq!(queue.commit(draft("c")).unwrap().row.sequence, 3, "{names:?}");
        queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
        assert_eq!(queue.verify().unwrap().rows, 3, "{names:?}");
        queue.close();
        drop(queue);
        assert_eq!(open(dir.path()).verify().unwrap().rows, 3, "{names:?}");
    }
}

#[test]
fn another_file_in_its_place_is_not_taken_for_the_journal() {
    let (dir, queue, row) = running();
    take_away(dir.path(), &FILES);
    fs::rename(dir.path().join("copy.db"), dir.path().join("queue.db")).unwrap();
    does_nothing(&queue, &row);
    // It is opened by whoever has it at the path, and has a log then: that changes nothing.
    let other = Connection::open(dir.path().join("queue.db")).unwrap();
    other.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE told (x); DROP TABLE told").unwrap();
    does_nothing(&queue, &row);
    drop(other);
    queue.close();
    drop(queue);
    // It was not written to, and the anchor knows that something is missing.
    let opened = try_open(dir.path(), Faults::default());
    assert!(matches!(opened, Err(QueueError::Damaged { record: 2, .. })), "{opened:?}");
    let rows: u64 = Connection::open(dir.path().join("queue.db"))
        .unwrap()
        .query_row("SELECT count(*) FROM entries", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 1);
}

#[test]
fn a_copy_of_all_of_it_in_its_place_is_the_journal_after_a_restart_only() {
    let (dir, queue, row) = running();
    let whole = dir.path().join("whole.db");
    Connection::open(dir.path().join("queue.db")).unwrap().execute("VACUUM INTO ?1", [whole.to_str()]).unwrap();
    take_away(dir.path(), &FILES);
    fs::rename(whole, dir.path().join("queue.db")).unwrap();
    does_nothing(&queue, &row);
    queue.close();
    drop(queue);
    let queue = open(dir.path());
    assert_eq!(queue.commit(draft("c")).unwrap().row.sequence, 3);
    queue.verify().unwrap();
}

#[test]
fn a_log_that_is_deleted_stops_it_and_what_was_in_it_is_kept() {
    let (dir, queue, row) = running();
    fs::remove_file(dir.path().join("queue.db-wal")).unwrap();
    does_nothing(&queue, &row);
    // The database is the one at its path: what was in the log is in it.
    queue.close();
    drop(queue);
    assert_eq!(open(dir.path()).verify().unwrap().rows, 2);
}

#[test]
fn a_lock_that_is_deleted_stops_it_before_another_process_writes_beside_it() {
    let (dir, queue, row) = running();
    fs::remove_file(dir.path().join("queue.db.lock")).unwrap();
    let other = open(dir.path());
    does_nothing(&queue, &row);
    assert_eq!(other.commit(draft("c")).unwrap().row.sequence, 3);
    // Whichever is found first: the place in the chain is taken, or that the lock is gone.
    assert!(queue.commit(draft("d")).unwrap_err().is_storage());
    is_replaced(queue.probe());
    queue.close();
    assert!(matches!(try_open(dir.path(), Faults::default()), Err(QueueError::InUse)));
    assert_eq!(other.verify().unwrap().rows, 3);
}

#[test]
fn what_was_committed_while_it_was_taken_away_is_not_answered_as_durable() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("away")).unwrap();
    let armed = Arc::new(AtomicBool::new(false));
    let (arm, path): (_, PathBuf) = (armed.clone(), dir.path().to_owned());
    // On the disk, and nobody has heard of it yet.
    let faults = Faults::new(move |point| {
        if point == Point::Committed && arm.swap(false, Ordering::Relaxed) {
            take_away(&path, &FILES);
        }
        Ok(())
    });
    let queue = try_open(dir.path(), faults).unwrap();
    queue.commit(draft("a")).unwrap();
    armed.store(true, Ordering::Relaxed);
    is_replaced(queue.commit(draft("b")));
    is_replaced(queue.probe());
    put_back(dir.path(), &FILES);
    let again = queue.commit(draft("b")).unwrap();
    assert_eq!((again.duplicate, again.row.sequence), (true, 2));
    assert_eq!(queue.verify().unwrap().rows, 2);
}

#[test]
fn a_journal_behind_a_link_is_the_file_that_the_link_leads_to() {
    let (dir, queue) = fresh();
    queue.commit(draft("a")).unwrap();
    queue.close();
    drop(queue);
    let real = dir.path().join("real");
    fs::create_dir(&real).unwrap();
    fs::rename(dir.path().join("queue.db"), real.join("queue.db")).unwrap();
    std::os::unix::fs::symlink(real.join("queue.db"), dir.path().join("queue.db")).unwrap();
    let queue = open(dir.path());
    let row = queue.commit(draft("b")).unwrap().row;
    queue.stats().unwrap();
    fs::rename(real.join("queue.db-wal"), real.join("away")).unwrap();
    does_nothing(&queue, &row);
    fs::rename(real.join("away"), real.join("queue.db-wal")).unwrap();
    assert_eq!(queue.commit(draft("c")).unwrap().row.sequence, 3);
    fs::remove_file(dir.path().join("queue.db")).unwrap();
    is_replaced(queue.commit(draft("d")));
}
