//! Journals as each released schema left them, kept in `fixtures/queue`: they are opened, read, proved and written on.
//!
//! `SBKD_WRITE=1` makes those that are missing; one that is there is never made anew, since its journal would be.

use std::path::PathBuf;

use rusqlite_migration::Migrations;

use super::*;
use crate::queue::journal::Context;

/// Each released schema with the columns it had.
const RELEASED: &[(usize, &str)] = &[
    (1, COLUMNS_1),
    (2, COLUMNS_1),
    (
        3,
        "sequence, id, msgid, idempotency, content, header, header_hash, holder, operator, amount, online, created_at, \
         payload, state, attempts, updated_at, centre_no, answer, state_mac, differs",
    ),
    (
        6,
        "sequence, id, msgid, idempotency, content, header, header_hash, holder, operator, amount, online, created_at, \
         payload, state, attempts, updated_at, centre_no, answer, state_mac, differs, reason",
    ),
];
const COLUMNS_1: &str = "sequence, id, msgid, idempotency, content, header, header_hash, holder, operator, amount, \
     online, created_at, payload, state, attempts, updated_at, centre_no, answer, state_mac";

fn fixture(version: usize) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/queue/v{version}.db"))
}

/// One transaction in each kind of state.
fn fill(queue: &Queue, version: usize) {
    let refused = Outcome::Refused { code: "E-1".into(), text: "不符合条件".into() };
    queue.commit(draft("pending")).unwrap();
    for (key, to, note) in [("acked", State::Acked, Outcome::Accepted), ("refused", State::Refused, refused)] {
        let row = queue.commit(draft(key)).unwrap().row;
        queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
        queue.advance(row.id, to, receipt(&row, note).into()).unwrap();
    }
    let row = queue.commit(online("unknown")).unwrap().row;
    queue.advance(row.id, State::Unknown, Note::Nothing).unwrap();
    let row = queue.commit(online("reversed")).unwrap().row;
    for to in [State::Unknown, State::Reversing, State::Reversed] {
        queue.advance(row.id, to, Note::Nothing).unwrap();
    }
    if version >= 3 {
        let row = queue.commit(online("otherwise")).unwrap().row;
        let note = Note::Receipt(Box::new(receipt(&row, Outcome::Accepted)), vec!["psn_cash_pay".into()]);
        queue.advance(row.id, State::Acked, note).unwrap();
    }
}

/// Lays a journal of today into the schema of a version, and its head into an anchor of the first format.
fn make(version: usize, columns: &str) {
    let (dir, queue) = fresh();
    fill(&queue, version);
    let head = queue.verify().unwrap();
    queue.close();
    drop(queue);
    let file = fixture(version);
    let mut db = Connection::open(&file).unwrap();
    Migrations::from_slice(&open::STEPS[..version]).to_latest(&mut db).unwrap();
    let start: String =
        db.query_row("SELECT sql FROM sqlite_master WHERE name = 'entries_start'", [], |row| row.get(0)).unwrap();
    db.execute("ATTACH ?1 AS now", [dir.path().join("queue.db").to_str().unwrap()]).unwrap();
    db.execute_batch(&format!(
        "DROP TRIGGER entries_start;
         INSERT INTO meta SELECT * FROM now.meta;
         INSERT INTO entries ({columns}) SELECT {columns} FROM now.entries;
         INSERT INTO groups SELECT * FROM now.groups; {start}; DETACH now; VACUUM"
    ))
    .unwrap();
    let mac = seal::Crypto::new(&keys())
        .authenticate(b"anchor", &[settings(dir.path()).terminal.as_bytes(), &head.rows.to_be_bytes(), &head.head.0]);
    let anchor = format!("sbkd-anchor-1 {} {} {mac}\n", head.rows, head.head);
    std::fs::write(file.with_extension("anchor"), anchor).unwrap();
}

/// A copy that can be written.
fn copied(version: usize) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(fixture(version), dir.path().join("queue.db")).unwrap();
    std::fs::copy(fixture(version).with_extension("anchor"), dir.path().join("queue.anchor")).unwrap();
    dir
}

#[test]
fn a_journal_of_each_released_schema_is_read_and_written_on() {
    for &(version, columns) in RELEASED {
        if std::env::var_os("SBKD_WRITE").is_some() && !fixture(version).exists() {
            make(version, columns);
        }
        let dir = copied(version);
        let there = settings(dir.path());
        let proof = prove(&there.path, Witness::Keys(&keys(), &there.terminal), Some(&there.anchor)).unwrap();
        assert_eq!(proof.payloads, Some(proof.rows), "{version}, before it is brought up to date");
        assert_eq!(std::fs::read(&there.path).unwrap(), std::fs::read(fixture(version)).unwrap());
        assert_eq!(Past::open(&there, &keys()).unwrap().each(|read| drop(read.unwrap())), Ok(()), "{version}");

        let queue = open(dir.path());
        let rows = queue.list(&Filter::default()).unwrap();
        let states: Vec<State> = rows.iter().rev().map(|row| row.state).collect();
        let mut expected = vec![State::Pending, State::Acked, State::Refused, State::Unknown, State::Reversed];
        expected.extend((version >= 3).then_some(State::Acked));
        assert_eq!(states, expected, "{version}");
        assert_eq!(rows.iter().any(|row| row.differs == ["psn_cash_pay"]), version >= 3);
        assert!(rows.iter().any(|row| row.refusal.as_deref() == Some("E-1")));
        assert!(queue.commit(draft("acked")).unwrap().duplicate, "{version}");
        assert_eq!(queue.payload(rows[0].id).unwrap().unwrap()["name"], "张三");
        let next = queue.commit(draft("new")).unwrap().row;
        assert_eq!(next.sequence, proof.rows + 1);
        queue.advance(next.id, State::Sending, Note::Nothing).unwrap();
        assert_eq!(queue.verify().unwrap().rows, proof.rows + 1);
        queue.close();
        drop(queue);
        // Its anchor has the signature from now on.
        let public = keys().public_key();
        let proof = prove(&there.path, Witness::Public(&public), Some(&there.anchor)).unwrap();
        assert_eq!(proof.anchor_behind, Some(0));
    }
}

#[test]
fn a_step_that_fails_leaves_the_journal_as_it_was() {
    for &(version, columns) in RELEASED {
        let dir = copied(version);
        let path = dir.path().join("queue.db");
        let db = Connection::open(&path).unwrap();
        // In the way of the last step.
        db.execute_batch("CREATE TABLE entries_caller (x)").unwrap();
        drop(db);
        let look = |path: &Path| -> Vec<Vec<rusqlite::types::Value>> {
            let db = Connection::open(path).unwrap();
            let mut rows = db.prepare(&format!("SELECT {columns} FROM entries ORDER BY sequence")).unwrap();
            let count = rows.column_count();
            let row = |row: &rusqlite::Row<'_>| {
                (0..count).map(|n| row.get::<_, rusqlite::types::Value>(n)).collect::<Result<Vec<_>, _>>()
            };
            rows.query_map([], row).unwrap().map(Result::unwrap).collect()
        };
        let before = look(&path);
        assert!(!before.is_empty());
        assert!(try_open(dir.path(), Faults::default()).is_err(), "{version}");
        assert_eq!(look(&path), before, "{version}");
        // And it opens once nothing is in the way.
        Connection::open(&path).unwrap().execute_batch("DROP TABLE entries_caller").unwrap();
        open(dir.path()).verify().unwrap();
    }
}

#[test]
fn the_kept_journals_hold_what_only_their_schema_had() {
    for &(version, columns) in RELEASED {
        let db = look::still(&fixture(version)).unwrap();
        let kept: usize = db.query_row("SELECT user_version FROM pragma_user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, version);
        let there: Vec<String> = db
            .prepare("SELECT name FROM pragma_table_info('entries')")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(there, columns.split(", ").map(str::trim).collect::<Vec<_>>());
        let context = Context::to_read(&keys(), "T44010000001".into());
        open::check_owner(&db, &context).unwrap();
    }
}
