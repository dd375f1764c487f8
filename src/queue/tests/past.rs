//! A journal read beside its writer.

use super::*;
use crate::queue::journal::Context;

/// What is read: each transaction's key in its payload, `erased`, or what is wrong with it.
fn read(past: &Past) -> Vec<String> {
    let mut seen = Vec::new();
    let each = past.each(|read| {
        seen.push(match read {
            Ok((_, Some(payload))) => payload["key"].as_str().unwrap().to_owned(),
            Ok((row, None)) => format!("{} erased", row.sequence),
            Err(error) => error.to_string(),
        });
    });
    each.unwrap();
    seen
}

#[test]
fn all_is_read_in_its_order_while_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let keys_of = |n: usize| (0..n).map(|n| n.to_string()).collect::<Vec<_>>();
    for key in keys_of(205) {
        queue.commit(draft(&key)).unwrap();
    }
    let past = Past::open(&settings(dir.path()), &keys()).unwrap();
    assert_eq!(read(&past), keys_of(205), "two pages and a part of one");
    queue.commit(draft("205")).unwrap();
    assert_eq!(read(&past).len(), 206, "what was written since");
    queue.close();
    drop((queue, past));
    // Nobody has it open any more, and SQLite has put its other files away.
    let db = Connection::open(dir.path().join("queue.db")).unwrap();
    db.execute("INSERT OR REPLACE INTO meta VALUES ('touched', x'00')", []).unwrap();
    db.close().unwrap();
    assert!(!dir.path().join("queue.db-wal").exists());
    assert_eq!(read(&Past::open(&settings(dir.path()), &keys()).unwrap()).len(), 206);
    let again = open(dir.path());
    again.commit(draft("206")).unwrap();
}

#[test]
fn what_is_erased_or_damaged_is_told_and_the_next_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    for key in ["1", "2", "3"] {
        queue.commit(draft(key)).unwrap();
    }
    let past = Past::open(&settings(dir.path()), &keys()).unwrap();
    let db = Connection::open(dir.path().join("queue.db")).unwrap();
    // As whoever erases will do it.
    let context: &Context = &past.context;
    let id: Vec<u8> = db.query_row("SELECT id FROM entries WHERE sequence = 1", [], |row| row.get(0)).unwrap();
    let mut entry = context.find(&db, "id", &id).unwrap().unwrap();
    entry.payload = None;
    let mac = context.state_mac(&entry);
    db.execute("UPDATE entries SET payload = NULL, state_mac = ?1 WHERE sequence = 1", [mac.0]).unwrap();
    db.execute("UPDATE entries SET attempts = 7 WHERE sequence = 2", []).unwrap();
    let damaged = "the journal is damaged at record 2: its state is not what this terminal wrote";
    assert_eq!(read(&past), ["1 erased", damaged, "3"]);
}

#[test]
fn another_terminals_journal_or_none_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Past::open(&settings(dir.path()), &keys()).is_err(), "there is none");
    open(dir.path()).close();
    let others = QueueKeys { seal: Zeroizing::new([9; 32]), ..keys() };
    assert_eq!(Past::open(&settings(dir.path()), &others).unwrap_err(), QueueError::WrongKeys);
    let other = Settings { terminal: "T44010000002".into(), ..settings(dir.path()) };
    assert!(matches!(Past::open(&other, &keys()).unwrap_err(), QueueError::Draft(_)));
    // A database that was never claimed is nobody's.
    let db = Connection::open(dir.path().join("queue.db")).unwrap();
    db.execute("DELETE FROM meta WHERE name = 'state-key'", []).unwrap();
    assert_eq!(Past::open(&settings(dir.path()), &keys()).unwrap_err(), QueueError::WrongKeys);
}

#[test]
fn a_day_that_lacks_a_record_or_has_one_too_many_is_not_exported() {
    let changes = [
        "DELETE FROM entries WHERE sequence = 2; DELETE FROM groups WHERE sequence = 2",
        "DELETE FROM entries WHERE sequence = 3; DELETE FROM groups WHERE sequence = 3",
        "UPDATE entries SET payload = zeroblob(40) WHERE sequence = 1",
        "UPDATE groups SET signature = zeroblob(64) WHERE sequence = 1",
    ];
    let day = jiff::civil::date(2015, 8, 1);
    for change in changes {
        let (dir, queue) = fresh();
        for key in ["1", "2", "3"] {
            queue.commit(draft(key)).unwrap();
        }
        queue.close();
        let past = Past::open(&settings(dir.path()), &keys()).unwrap();
        let mut out = Vec::new();
        assert_eq!(past.export(day, &mut out).unwrap().records, 3);
        tamper(dir.path(), change);
        let mut out = Vec::new();
        let damaged = |error: ExportError| matches!(error, ExportError::Journal(QueueError::Damaged { .. }));
        assert!(damaged(past.export(day, &mut out).unwrap_err()), "{change}");
        assert!(damaged(past.export_csv(day, &mut out).unwrap_err()), "{change}");
        assert!(out.is_empty(), "{change}");
    }
}
