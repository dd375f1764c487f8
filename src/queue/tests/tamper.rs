//! What was changed, removed, moved or cut off shows, and the first record that is wrong is named.

use super::*;

/// Three transactions, closed; then `sql` by someone with the file in hand.
fn tampered(sql: &str) -> QueueError {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let rows: Vec<Row> = ["a", "b", "c"].map(|key| queue.commit(draft(key)).unwrap().row).into();
    queue.advance(rows[1].id, State::Sending, Note::Nothing).unwrap();
    queue.verify().unwrap();
    queue.close();
    drop(queue);
    tamper(dir.path(), sql);
    try_open(dir.path(), Faults::default()).and_then(|queue| queue.verify()).unwrap_err()
}

#[test]
fn each_tampering_names_its_record() {
    let cases = [
        ("UPDATE entries SET state = 'acked' WHERE sequence = 2", 2),
        ("UPDATE entries SET operator = '0008' WHERE sequence = 1", 1),
        ("UPDATE entries SET amount = 1 WHERE sequence = 3", 3),
        ("UPDATE entries SET attempts = 0 WHERE sequence = 2", 2),
        ("UPDATE entries SET payload = NULL WHERE sequence = 2", 2),
        ("UPDATE entries SET payload = (SELECT payload FROM entries WHERE sequence = 1) WHERE sequence = 2", 2),
        ("UPDATE entries SET payload = zeroblob(40) WHERE sequence = 3", 3),
        (
            "UPDATE entries SET header = CAST(replace(CAST(header AS TEXT), 'true', 'false') AS BLOB) WHERE sequence = 2",
            2,
        ),
        ("UPDATE entries SET header = x'7b7d' WHERE sequence = 2", 2),
        ("UPDATE entries SET id = zeroblob(16) WHERE sequence = 2", 2),
        ("UPDATE entries SET msgid = 'another' WHERE sequence = 2", 2),
        ("UPDATE entries SET created_at = 1 WHERE sequence = 2", 2),
        ("UPDATE entries SET online = 1 WHERE sequence = 2", 2),
        ("DELETE FROM entries WHERE sequence = 2", 2),
        ("DELETE FROM groups WHERE sequence = 3", 3),
        ("UPDATE groups SET signature = zeroblob(64) WHERE sequence = 2", 2),
        ("DELETE FROM groups WHERE sequence = 3; DELETE FROM entries WHERE sequence = 3", 3),
        ("DELETE FROM groups; DELETE FROM entries", 1),
    ];
    for (sql, expected) in cases {
        match tampered(sql) {
            QueueError::Damaged { record, .. } => assert_eq!(record, expected, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

/// Three transactions; then `sql` by someone with the file in hand. What is whole is read all the same.
fn damaged_second(sql: &str) -> (tempfile::TempDir, Queue, Vec<Row>) {
    let (dir, queue) = fresh();
    let rows: Vec<Row> = ["a", "b", "c"].map(|key| queue.commit(draft(key)).unwrap().row).into();
    tamper(dir.path(), sql);
    (dir, queue, rows)
}

#[test]
fn a_damaged_record_keeps_no_other_from_being_read() {
    let changes = [
        "header = x'00'",
        "header = CAST(replace(CAST(header AS TEXT), '2015-08-01\",\"created', '2015-08-02\",\"created') AS BLOB)",
        "header_hash = zeroblob(32)",
        "state = 'sending'",
        "attempts = 7",
        "operator = '0008'",
        "created_at = 1",
        "msgid = 'another'",
        "state_mac = zeroblob(32)",
    ];
    for change in changes {
        let (_dir, queue, rows) = damaged_second(&format!("UPDATE entries SET {change} WHERE sequence = 2"));
        let damaged = |error: QueueError| matches!(error, QueueError::Damaged { record: 2, .. });
        let due: Vec<u64> = queue.due(0, 1).unwrap().iter().map(|(row, _)| row.sequence).collect();
        assert_eq!(due, [1], "{change}");
        let due: Vec<u64> = queue.due(1, 1).unwrap().iter().map(|(row, _)| row.sequence).collect();
        assert_eq!(due, [3], "{change}");
        let listed: Vec<u64> = queue.list(&Filter::default()).unwrap().iter().map(|row| row.sequence).collect();
        assert_eq!(listed, [3, 1], "{change}");
        assert_eq!(queue.headers(0, 10).unwrap().len(), 1, "{change}");
        assert!(damaged(queue.headers(1, 10).unwrap_err()), "{change}");
        assert!(damaged(queue.get(rows[1].id).unwrap_err()), "{change}");
        assert!(damaged(queue.envelope(rows[1].id).unwrap_err()), "{change}");
        assert!(damaged(queue.advance(rows[1].id, State::Sending, Note::Nothing).unwrap_err()), "{change}");
        assert!(damaged(queue.commit(draft("b")).unwrap_err()), "{change}");
        // What this person did is not known without it.
        let holder = queue.holder_tag(&draft("").holder);
        assert!(damaged(queue.uncounted(holder, 0).unwrap_err()), "{change}");
        assert_eq!(queue.stats().unwrap().damaged, [2], "{change}");
        // Nothing else suffers.
        queue.advance(rows[2].id, State::Sending, Note::Nothing).unwrap();
        assert_eq!(queue.commit(draft("d")).unwrap().row.sequence, 4, "{change}");
    }
}

#[test]
fn a_payload_that_does_not_open_is_told_of_and_not_sent() {
    let (_dir, queue, rows) = damaged_second("UPDATE entries SET payload = zeroblob(40) WHERE sequence = 2");
    assert_eq!(queue.list(&Filter::default()).unwrap().len(), 3);
    assert!(queue.stats().unwrap().damaged.is_empty());
    assert!(matches!(queue.envelope(rows[1].id), Err(QueueError::Damaged { record: 2, .. })));
    let uncounted = queue.uncounted(queue.holder_tag(&draft("").holder), 0);
    assert!(matches!(uncounted, Err(QueueError::Damaged { record: 2, .. })));
    assert_eq!(queue.stats().unwrap().damaged, [2]);
}

#[test]
fn a_missing_anchor_shows() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    queue.commit(draft("a")).unwrap();
    queue.close();
    drop(queue);
    std::fs::remove_file(dir.path().join("queue.anchor")).unwrap();
    assert!(matches!(try_open(dir.path(), Faults::default()), Err(QueueError::Damaged { record: 0, .. })));
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue.db");
    std::fs::write(&path, vec![b'x'; 5000]).unwrap();
    assert!(matches!(try_open(dir.path(), Faults::default()), Err(QueueError::Damaged { record: 0, .. })));
    assert_eq!(std::fs::read(&path).unwrap(), vec![b'x'; 5000]);
}

#[test]
fn an_anchor_that_is_taken_away_or_overwritten_meanwhile_is_no_damage_and_is_written_anew() {
    let (dir, queue) = fresh();
    queue.commit(draft("a")).unwrap();
    queue.verify().unwrap();
    let path = dir.path().join("queue.anchor");
    let anchored = || anchor::peek(&path, &anchor::Proof::Keys(&queue.inner.context.crypto), queue.terminal()).unwrap();
    std::fs::remove_file(&path).unwrap();
    queue.verify().unwrap();
    assert_eq!(anchored().unwrap().sequence, 1);
    std::fs::write(&path, vec![b'x'; 1024]).unwrap();
    queue.verify().unwrap();
    assert_eq!((anchored().unwrap().sequence, queue.damage()), (1, None));
    // One of before, put in its place, is behind and no damage either.
    let old = std::fs::read(&path).unwrap();
    queue.commit(draft("b")).unwrap();
    queue.probe().unwrap();
    std::fs::write(&path, old).unwrap();
    assert_eq!((queue.verify().unwrap().anchor_behind, queue.damage()), (1, None));
}
