//! A schema that somebody changed: what it would do to the journal, no header, signature or hash of a record tells.

use super::*;

const IGNORES: &str = "CREATE TRIGGER z BEFORE UPDATE ON entries BEGIN SELECT RAISE(IGNORE); END";
/// Nothing is open by it any more.
const NOTHING_OPEN: &str = "PRAGMA writable_schema = ON;
     UPDATE sqlite_schema SET sql = replace(sql, '(state IN (''pending'', ''sending''', '(state IN (''x''')
     WHERE name = 'entries'; PRAGMA writable_schema = RESET";

/// A journal of one record that waits, closed; then each `sql` by somebody with the file in hand.
fn forged(sql: &[&str]) -> TempDir {
    let (dir, queue) = fresh();
    queue.commit(draft("a")).unwrap();
    queue.close();
    drop(queue);
    for sql in sql {
        // What one has changed in the schema the next one reads.
        Connection::open(dir.path().join("queue.db")).unwrap().execute_batch(sql).unwrap();
    }
    dir
}

fn aside(dir: &Path) -> Result<SetAside, QueueError> {
    let now = "2015-08-01T03:00:00Z".parse().unwrap();
    set_aside(&settings(dir), &keys(), now, Unread::IsNotKnown, &mut || Ok(()))
}

#[test]
fn each_change_of_the_schema_is_damage_that_is_named_and_set_aside_without_a_loss() {
    let cases: &[(&[&str], &str)] = &[
        (&[IGNORES], "inserted: the trigger z "),
        (&[NOTHING_OPEN, "REINDEX"], "changed: the table entries "),
        (&["DROP TRIGGER entries_move"], "removed: the trigger entries_move "),
        (
            &["DROP TRIGGER entries_move; CREATE TRIGGER entries_move BEFORE DELETE ON moves BEGIN SELECT 1; END"],
            "changed: the trigger entries_move ",
        ),
        (&["DROP INDEX entries_holder"], "removed: the index entries_holder "),
        (
            &["DROP INDEX entries_state; CREATE INDEX entries_state ON entries (state)"],
            "changed: the index entries_state ",
        ),
        (&["CREATE TABLE told (x)"], "inserted: the table told "),
        (&["CREATE VIEW told AS SELECT * FROM entries"], "inserted: the view told "),
        (&["INSERT INTO moves VALUES ('acked', 'pending', 0)"], "changed: the table moves "),
        (&["DELETE FROM moves WHERE to_state = 'refused'"], "changed: the table moves "),
        (&["PRAGMA user_version = 4"], "inserted: the index entries_caller "),
    ];
    let public = keys().public_key();
    for (sql, expected) in cases {
        let dir = forged(sql);
        let there = settings(dir.path());
        let before = std::fs::read(&there.path).unwrap();
        let told = [
            prove(&there.path, Witness::Public(&public), Some(&there.anchor)).unwrap_err(),
            prove(&there.path, Witness::Keys(&keys(), &there.terminal), Some(&there.anchor)).unwrap_err(),
            try_open(dir.path(), Faults::default()).unwrap_err(),
        ];
        for told in told {
            let QueueError::Damaged { record: 0, what } = &told else { panic!("{sql:?}: {told:?}") };
            assert!(what.starts_with(expected), "{sql:?}: {what}");
        }
        assert!(std::fs::read(&there.path).unwrap() == before, "{sql:?} was written to");
        let aside = aside(dir.path()).unwrap();
        assert_eq!((aside.rows, aside.lost), (1, vec![]), "{sql:?}");
        let queue = open(dir.path());
        assert_eq!(queue.verify().unwrap().rows, 1, "{sql:?}");
        assert_eq!(queue.stats().unwrap().unsent, 1, "{sql:?}");
    }
}

#[test]
fn figures_for_the_planner_are_no_damage() {
    let dir = forged(&["ANALYZE"]);
    let db = look::still(&settings(dir.path()).path).unwrap();
    assert!(db.prepare("SELECT * FROM sqlite_stat1").unwrap().exists([]).unwrap());
    open(dir.path()).verify().unwrap();
}

#[test]
fn what_a_trigger_lets_fall_is_not_answered_as_written() {
    let (dir, queue) = fresh();
    let row = queue.commit(draft("a")).unwrap().row;
    let other = Connection::open(dir.path().join("queue.db")).unwrap();
    let falls = |told: Result<(), QueueError>| {
        let Err(QueueError::Damaged { record: 0, what }) = &told else { panic!("{told:?}") };
        assert!(what.ends_with("is in 0 rows"), "{what}");
    };
    other.execute_batch(IGNORES).unwrap();
    falls(queue.advance(row.id, State::Sending, Note::Nothing).map(drop));
    falls(queue.advance(row.id, State::Pending, Note::Reason("it waits".into())).map(drop));
    assert_eq!(queue.get(row.id).unwrap().unwrap(), row);
    for table in ["entries", "groups"] {
        let sql = format!("CREATE TRIGGER y BEFORE INSERT ON {table} BEGIN SELECT RAISE(IGNORE); END");
        other.execute_batch(&sql).unwrap();
        falls(queue.commit(draft("b")).map(drop));
        assert_eq!(queue.stats().unwrap().total, 1);
        other.execute_batch("DROP TRIGGER y").unwrap();
    }
    let sql = "CREATE TRIGGER y BEFORE UPDATE ON meta BEGIN SELECT RAISE(IGNORE); END";
    queue.probe().unwrap();
    other.execute_batch(sql).unwrap();
    falls(queue.probe());
    other.execute_batch("DROP TRIGGER y").unwrap();

    // The proof finds it, and nothing more is written as long as it is there.
    let told = queue.verify().unwrap_err();
    assert!(matches!(&told, QueueError::Damaged { record: 0, what } if what.contains("the trigger z")), "{told:?}");
    assert!(queue.damage().unwrap().file);
    assert_eq!(queue.commit(draft("b")).unwrap_err(), told);
    other.execute_batch("DROP TRIGGER z").unwrap();
    queue.verify().unwrap();
    assert_eq!(queue.commit(draft("b")).unwrap().row.sequence, 2);
    assert_eq!(queue.advance(row.id, State::Sending, Note::Nothing).unwrap().state, State::Sending);
    queue.verify().unwrap();
}
