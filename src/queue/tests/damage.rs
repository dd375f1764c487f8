//! What damage that was found does: to what is told, to what is written, and to the next start.

use std::sync::atomic::AtomicU32;

use super::*;

/// What damages a record far from the journal's end, and what mends it.
const DAMAGE: &str = "UPDATE entries SET amount = 1 WHERE sequence = 7";
const MENDED: &str = "UPDATE entries SET amount = 151600 WHERE sequence = 7";

/// More records than are looked at before the journal is opened.
fn long() -> (TempDir, Queue) {
    let (dir, queue) = fresh();
    for n in 0..120 {
        queue.commit(draft(&n.to_string())).unwrap();
    }
    (dir, queue)
}

fn is_noted(dir: &Path) -> bool {
    dir.join("queue.db.damaged").exists()
}

#[track_caller]
fn finds<T: std::fmt::Debug>(result: Result<T, QueueError>, wrong: u64) {
    assert!(matches!(&result, Err(QueueError::Damaged { record, .. }) if *record == wrong), "{result:?}");
}

#[test]
fn what_only_one_proof_finds_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let armed = Arc::new(AtomicBool::new(false));
    let writes = Arc::new(AtomicU32::new(0));
    let (path, arm, count) = (dir.path().to_owned(), armed.clone(), writes.clone());
    // The anchor is written anew before each proof: a place between the two.
    let faults = Faults::new(move |point| {
        if point != Point::Anchor || !arm.load(Ordering::Relaxed) {
            return Ok(());
        }
        if count.fetch_add(1, Ordering::Relaxed) == 0 {
            return Err(QueueError::Storage("not the first time".into()));
        }
        tamper(&path, MENDED);
        Ok(())
    });
    let queue = try_open(dir.path(), faults).unwrap();
    for n in 0..10 {
        queue.commit(draft(&n.to_string())).unwrap();
    }
    queue.probe().unwrap();
    tamper(dir.path(), DAMAGE);
    assert_eq!(queue.list(&Filter::default()).unwrap().len(), 9);
    assert_eq!(queue.stats().unwrap().damaged, [7]);
    std::fs::remove_file(dir.path().join("queue.anchor")).unwrap();
    armed.store(true, Ordering::Relaxed);
    assert_eq!(queue.verify().unwrap().rows, 10);
    assert_eq!(writes.load(Ordering::Relaxed), 2, "two proofs");
    // What a reader met is taken back as well.
    assert_eq!((queue.damage(), queue.stats().unwrap().damaged), (None, vec![]));
    assert!(!is_noted(dir.path()));
}

#[test]
fn damage_is_known_until_a_proof_finds_the_journal_whole() {
    let (dir, queue) = long();
    queue.verify().unwrap();
    assert!(!is_noted(dir.path()));
    tamper(dir.path(), DAMAGE);
    finds(queue.verify(), 7);
    let damage = queue.damage().unwrap();
    assert_eq!((damage.record, damage.file), (7, false));
    let noted: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("queue.db.damaged")).unwrap()).unwrap();
    assert_eq!(noted, json!(damage));
    // What has begun is ended.
    let row = queue.by_key("3").unwrap().unwrap().0;
    queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
    tamper(dir.path(), MENDED);
    queue.verify().unwrap();
    assert_eq!((queue.damage(), queue.stats().unwrap().damaged), (None, vec![]));
    assert!(!is_noted(dir.path()));
}

#[test]
fn a_start_after_damage_proves_all_before_it_writes() {
    let (dir, queue) = long();
    tamper(dir.path(), DAMAGE);
    finds(queue.verify(), 7);
    queue.close();
    drop(queue);
    let bytes = || ["queue.db", "queue.db.damaged", "queue.anchor"].map(|name| std::fs::read(dir.path().join(name)));
    let before = bytes().map(Result::unwrap);
    finds(try_open(dir.path(), Faults::default()), 7);
    assert_eq!(bytes().map(Result::unwrap), before);
    tamper(dir.path(), MENDED);
    open(dir.path()).close();
    assert!(!is_noted(dir.path()));
}

#[test]
fn a_journal_that_is_set_aside_or_whole_leaves_no_note() {
    let (dir, queue) = long();
    tamper(dir.path(), DAMAGE);
    finds(queue.verify(), 7);
    queue.close();
    drop(queue);
    let aside = || {
        set_aside(
            &settings(dir.path()),
            &keys(),
            "2015-08-01T03:00:00Z".parse().unwrap(),
            Unread::IsNotKnown,
            &mut || Ok(()),
        )
    };
    let done = aside().unwrap();
    assert_eq!(done.rows, 119);
    assert!(!is_noted(dir.path()));
    assert_eq!(open(dir.path()).verify().unwrap().rows, 119);
    std::fs::write(dir.path().join("queue.db.damaged"), b"").unwrap();
    assert_eq!(aside().unwrap_err(), QueueError::Whole);
    assert!(!is_noted(dir.path()));
}

#[test]
fn nothing_more_is_written_into_a_file_that_is_itself_wrong() {
    let (dir, queue) = fresh();
    let row = queue.commit(draft("a")).unwrap().row;
    // An index that leads to other rows than the table has, though it is defined as it should be.
    let index_over = |columns| {
        let sql = format!("CREATE INDEX entries_state ON entries ({columns})");
        let change = format!("UPDATE sqlite_schema SET sql = '{sql}' WHERE name = 'entries_state'");
        // A table that comes and goes makes the writer read the schema again.
        let told = "CREATE TABLE told (x); DROP TABLE told";
        tamper(dir.path(), &format!("PRAGMA writable_schema = ON; {change}; {told}"));
    };
    index_over("updated_at, state");
    tamper(dir.path(), "REINDEX entries_state");
    index_over("state, updated_at");
    finds(queue.verify(), 0);
    assert!(queue.damage().unwrap().file);
    let bytes = || ["queue.db", "queue.db-wal"].map(|name| std::fs::read(dir.path().join(name)).unwrap());
    let before = bytes();
    finds(queue.advance(row.id, State::Sending, Note::Nothing), 0);
    finds(queue.commit(draft("b")), 0);
    finds(queue.probe(), 0);
    finds(queue.verify(), 0);
    assert!(bytes() == before);
    tamper(dir.path(), "REINDEX entries_state");
    queue.verify().unwrap();
    queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
}
