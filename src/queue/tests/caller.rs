//! A caller's key: what it committed is found by it for ever, and whether the same was asked for.

use super::*;
use crate::queue::Caller;

fn caller(key: &str, asked: &str) -> Caller {
    Caller { key: key.into(), asked: asked.as_bytes().to_vec().into() }
}

fn asked_for(name: &str, key: &str, asked: &str) -> Draft {
    Draft { caller: Some(caller(key, asked)), ..draft(name) }
}

fn found(queue: &Queue, key: &str, asked: &str) -> Option<(uuid::Uuid, bool)> {
    queue.of_caller(&caller(key, asked)).unwrap().map(|(row, is_same)| (row.id, is_same))
}

#[test]
fn what_a_key_committed_is_found_by_it_also_once_it_is_erased() {
    let (dir, queue) = fresh();
    let row = queue.commit(asked_for("a", "K", "this")).unwrap().row;
    queue.commit(draft("by nobody's key")).unwrap();
    let known = [found(&queue, "K", "this"), found(&queue, "K", "that"), found(&queue, "L", "this")];
    assert_eq!(known, [Some((row.id, true)), Some((row.id, false)), None]);
    assert_eq!(queue.commit(asked_for("b", "K", "this")), Err(QueueError::Conflict), "it is one transaction for ever");
    assert!(queue.commit(asked_for("a", "K", "this")).unwrap().duplicate);
    queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
    queue.advance(row.id, State::Acked, receipt(&row, Outcome::Accepted).into()).unwrap();
    for row in queue.list(&Filter::default()).unwrap() {
        if row.state == State::Pending {
            queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
            queue.advance(row.id, State::Acked, receipt(&row, Outcome::Accepted).into()).unwrap();
        }
    }
    assert_eq!(queue.erase(Timestamp::MAX).unwrap().transactions, 2);
    queue.close();
    drop(queue);
    let queue = open(dir.path());
    assert!(queue.get(row.id).unwrap().unwrap().erased);
    assert_eq!(found(&queue, "K", "this"), Some((row.id, true)));
    queue.verify().unwrap();
}

#[test]
fn it_is_found_in_what_takes_the_place_of_a_damaged_journal() {
    let (dir, queue) = fresh();
    let row = queue.commit(asked_for("a", "K", "this")).unwrap().row;
    queue.close();
    drop(queue);
    Connection::open(dir.path().join("queue.db")).unwrap().execute_batch("CREATE TABLE told (x)").unwrap();
    let now = "2015-08-01T03:00:00Z".parse().unwrap();
    set_aside(&settings(dir.path()), &keys(), now, Unread::IsNotKnown, &mut || Ok(())).unwrap();
    assert_eq!(found(&open(dir.path()), "K", "this"), Some((row.id, true)));
}

#[test]
fn whoever_changes_it_damages_the_record() {
    for change in ["asked = zeroblob(32)", "caller = zeroblob(32)", "asked = NULL", "caller = NULL, asked = NULL"] {
        let (dir, queue) = fresh();
        queue.commit(asked_for("a", "K", "this")).unwrap();
        queue.close();
        drop(queue);
        let db = Connection::open(dir.path().join("queue.db")).unwrap();
        let change = format!("UPDATE entries SET {change}");
        assert!(db.execute_batch(&change).is_err(), "{change}: a committed transaction does not change");
        let sql = "SELECT sql FROM sqlite_schema WHERE name = 'entries_caller_fixed'";
        let fixed: String = db.query_row(sql, [], |row| row.get(0)).unwrap();
        db.execute_batch(&format!("DROP TRIGGER entries_caller_fixed; {change}; {fixed}")).unwrap();
        drop(db);
        let told = try_open(dir.path(), Faults::default()).unwrap_err();
        assert!(matches!(told, QueueError::Damaged { record: 1, .. }), "{change}: {told:?}");
    }
}
