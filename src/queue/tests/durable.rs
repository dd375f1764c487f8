//! What "committed" rests on: a sync of each commit, which only a power cut would tell from none.

use super::*;

#[test]
fn the_writers_connection_syncs_each_commit_to_a_write_ahead_log() {
    let dir = tempfile::tempdir().unwrap();
    // A second time on the same file: what a connection is set to is not kept in it.
    for _ in 0..2 {
        let db = open::writer(&settings(dir.path())).unwrap();
        let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
        let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        // 2 is FULL; NORMAL (1) and OFF (0) lose commits with the power.
        assert_eq!((mode.as_str(), number("synchronous"), number("secure_delete")), ("wal", 2, 1));
    }
}

#[test]
fn a_write_that_finds_the_file_damaged_ends_its_group_and_everybody_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (reached, begun) = mpsc::sync_channel(1);
    let (go, goes_on) = mpsc::sync_channel(1);
    let goes_on = Mutex::new(goes_on);
    let (begins, inserts) = (AtomicI64::new(0), AtomicI64::new(0));
    let damaged = QueueError::Damaged { record: 0, what: "the database disk image is malformed".into() };
    let found = damaged.clone();
    let faults = Faults::new(move |point| {
        match point {
            Point::Begin if begins.fetch_add(1, Ordering::Relaxed) == 0 => {
                reached.send(()).unwrap();
                goes_on.lock().unwrap().recv().unwrap();
            }
            Point::Insert if inserts.fetch_add(1, Ordering::Relaxed) == 2 => return Err(found.clone()),
            _ => {}
        }
        Ok(())
    });
    let queue = try_open(dir.path(), faults).unwrap();
    let commit = |key: &str| {
        let (reply, answer) = mpsc::sync_channel(1);
        let prepared = Box::new(queue.inner.context.prepare(draft(key)));
        queue.inner.jobs.send(Job::Commit(prepared, Box::new(move |told| reply.send(told).unwrap()))).unwrap();
        answer
    };
    let first = commit("first");
    begun.recv().unwrap();
    // These are one group: both wait before the writer comes to them.
    let group = ["second", "third"].map(commit);
    go.send(()).unwrap();
    assert!(first.recv().unwrap().is_ok());
    for answer in group {
        assert_eq!(answer.recv().unwrap().unwrap_err(), damaged);
    }
    assert_eq!(queue.stats().unwrap().total, 1);
    let again = queue.commit(draft("second")).unwrap();
    assert_eq!((again.duplicate, again.row.sequence), (false, 2));
    queue.verify().unwrap();
}

#[test]
fn an_anchor_that_hangs_keeps_no_transaction_open_and_it_goes_on_after() {
    let dir = tempfile::tempdir().unwrap();
    let (go, goes_on) = mpsc::channel::<()>();
    let goes_on = Mutex::new(goes_on);
    let faults = Faults::new(move |point| {
        if point == Point::Anchor {
            // Until the test lets it go, and from then on at once.
            while goes_on.lock().unwrap().recv().is_ok() {}
        }
        Ok(())
    });
    let queue = try_open(dir.path(), faults).unwrap();
    // One head is being written, one waits.
    queue.commit(draft("a")).unwrap();
    queue.commit(draft("b")).unwrap();
    let hangs = QueueError::Anchor(format!("{}: its disk hangs", dir.path().join("queue.anchor").display()));
    assert_eq!(queue.commit(draft("c")), Err(hangs.clone()));
    assert_eq!(queue.probe(), Err(hangs));
    assert_eq!(queue.stats().unwrap().total, 2);
    drop(go);
    let row = queue.commit(draft("c")).unwrap().row;
    assert_eq!(row.sequence, 3);
    queue.probe().unwrap();
    assert_eq!(queue.verify().unwrap().anchor_behind, 0);
}

#[test]
fn whoever_tries_whether_writing_works_writes() {
    let (dir, queue) = fresh();
    let log = || std::fs::metadata(dir.path().join("queue.db-wal")).unwrap().len();
    queue.probe().unwrap();
    for _ in 0..3 {
        assert!(queue.clear().unwrap());
        assert_eq!(log(), 0);
        queue.probe().unwrap();
        assert!(log() > 0, "nothing was written");
    }
}
