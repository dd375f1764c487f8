//! The journal on real SQLite files.

mod aside;
mod caller;
mod cancel;
mod crash;
mod damage;
mod durable;
mod erase;
mod forged;
mod hole;
mod model;
mod opening;
mod past;
mod privacy;
mod rekey;
mod replaced;
mod schema;
mod tamper;

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::*;
use crate::value::{Fen, Kind, Protocol};
use crate::wire::signature::Signature;
use crate::wire::{Outcome, Receipt};
use crate::world::SystemRandom;

pub(crate) fn keys() -> QueueKeys {
    let key = |byte| Zeroizing::new([byte; 32]);
    QueueKeys { seal: key(1), commitment: key(2), holder: key(3), state: key(4), signing: key(5) }
}

/// A clock that a test moves.
pub(crate) struct Hands(AtomicI64);

impl Hands {
    pub(crate) fn at(text: &str) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(text.parse::<Timestamp>().unwrap().as_millisecond())))
    }

    pub(crate) fn add(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

pub(crate) fn settings(dir: &Path) -> Settings {
    Settings {
        path: dir.join("queue.db"),
        anchor: dir.join("queue.anchor"),
        terminal: "T44010000001".into(),
        demo: true,
    }
}

pub(crate) fn open(dir: &Path) -> Queue {
    try_open(dir, Faults::default()).unwrap()
}

pub(crate) fn try_open(dir: &Path, faults: Faults) -> Result<Queue, QueueError> {
    let clock = Hands::at("2015-08-01T02:00:00Z");
    Queue::open_with_faults(settings(dir), keys(), clock, Arc::new(SystemRandom::default()), faults)
}

pub(crate) fn draft(key: &str) -> Draft {
    Draft {
        idempotency: key.into(),
        caller: None,
        scenario: "unemployment-sign-in".into(),
        kind: Kind::SignIn,
        business_date: jiff::civil::date(2015, 8, 1),
        provisional: false,
        holder: Zeroizing::new(b"11010519491231002X".to_vec()),
        operator: "0007".into(),
        shift: Some("2015080108000000".into()),
        amount: Some(Fen(151_600)),
        cancels: None,
        payload: json!({"name": "张三", "key": key}),
        state: State::Pending,
    }
}

pub(crate) fn online(key: &str) -> Draft {
    Draft { scenario: "medical-settlement".into(), kind: Kind::Settle, state: State::Sending, ..draft(key) }
}

pub(crate) fn receipt(row: &Row, outcome: Outcome) -> Receipt {
    Receipt {
        id: row.id,
        outcome,
        centre_no: "C1".into(),
        received_at: "2015-08-01T02:00:01Z".parse().unwrap(),
        output: json!({"psn_name": "张三"}),
    }
}

/// Somebody with the file in hand, whom no trigger holds: the triggers stand again afterwards, and what refers to what
/// is nobody's concern.
pub(crate) fn tamper(dir: &Path, sql: &str) {
    let db = Connection::open(dir.join("queue.db")).unwrap();
    let triggers = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'";
    let triggers: Vec<(String, String)> = db
        .prepare(triggers)
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    db.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    for (name, _) in &triggers {
        db.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    db.execute_batch(sql).unwrap();
    for (_, trigger) in &triggers {
        // A table that is gone has none any more.
        drop(db.execute_batch(trigger));
    }
}

/// Damages some records of a closed journal (numbers with commas between), sets it aside, and opens what is left of it.
pub(crate) fn lose(dir: &Path, records: &str) -> Queue {
    tamper(dir, &format!("UPDATE entries SET header = x'00' WHERE sequence IN ({records})"));
    set_aside(&settings(dir), &keys(), "2015-08-01T03:00:00Z".parse().unwrap(), Unread::IsNotKnown, &mut || Ok(()))
        .unwrap();
    open(dir)
}

/// The journal's signature on any bytes.
pub(crate) fn sign(bytes: &[u8]) -> Signature {
    seal::Crypto::new(&keys()).sign_message(bytes)
}

fn fresh() -> (TempDir, Queue) {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    (dir, queue)
}

#[test]
fn a_transaction_is_there_after_a_restart() {
    let (dir, queue) = fresh();
    let first = queue.commit(draft("a")).unwrap();
    assert!(!first.duplicate);
    assert_eq!((first.row.sequence, first.row.state, first.row.attempts), (1, State::Pending, 0));
    assert_eq!(first.row.id.get_version_num(), 7);
    assert_eq!(first.row.msgid, "T44010000001201508011000000001");
    queue.close();
    assert_eq!(queue.commit(draft("b")), Err(QueueError::Closed));
    drop(queue);

    let queue = open(dir.path());
    assert_eq!(queue.get(first.row.id).unwrap(), Some(first.row.clone()));
    assert_eq!(queue.payload(first.row.id).unwrap(), Some(draft("a").payload));
    let envelope = queue.envelope(first.row.id).unwrap().unwrap();
    assert_eq!(chain::hash(&envelope.header), first.row.header_hash);
    let proof = queue.verify().unwrap();
    assert_eq!((proof.rows, proof.groups, proof.anchor_behind, proof.payloads), (1, 1, 0, 1));
    assert_eq!(proof.head, first.row.header_hash);
}

#[test]
fn the_same_key_is_the_same_transaction_for_ever() {
    let (dir, queue) = fresh();
    let first = queue.commit(draft("a")).unwrap().row;
    let colleague = Draft { operator: "0008".into(), ..draft("a") };
    assert_eq!(queue.commit(colleague).unwrap(), Committed { row: first.clone(), duplicate: true });
    let others = [
        Draft { amount: Some(Fen(1)), ..draft("a") },
        Draft { payload: json!({}), ..draft("a") },
        Draft { holder: Zeroizing::new(b"else".to_vec()), ..draft("a") },
        Draft { provisional: true, ..draft("a") },
        Draft { business_date: jiff::civil::date(2015, 8, 2), ..draft("a") },
    ];
    for other in others {
        assert_eq!(queue.commit(other), Err(QueueError::Conflict));
    }
    queue.advance(first.id, State::Sending, Note::Nothing).unwrap();
    queue.advance(first.id, State::Acked, receipt(&first, Outcome::Accepted).into()).unwrap();
    drop(queue);
    let again = open(dir.path()).commit(draft("a")).unwrap();
    assert!(again.duplicate);
    assert_eq!((again.row.id, again.row.state), (first.id, State::Acked));
}

#[test]
fn what_a_key_stands_for_is_in_a_buffer_that_did_not_grow() {
    let payload = journal::json(&draft("a").payload);
    let content = journal::content(&draft("a"), &payload);
    assert_eq!(content.capacity(), content.len());
    let find = |text: &str| content.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(find("sign-in") && find("张三") && !find("SignIn"));
    let receipt = receipt(&fresh().1.commit(draft("a")).unwrap().row, Outcome::Accepted);
    let plain = journal::json(&receipt);
    assert_eq!((plain.capacity(), plain.to_vec()), (plain.len(), serde_json::to_vec(&receipt).unwrap()));
}

#[test]
fn callers_at_once_each_get_their_own_and_the_chain_holds() {
    let (_dir, queue) = fresh();
    let mut changes = queue.changes();
    let callers: Vec<_> = (0..8)
        .map(|caller| {
            let queue = queue.clone();
            thread::spawn(move || {
                (0..25).map(|n| queue.commit(draft(&format!("{}", (caller + n) % 40))).unwrap().row).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut rows: Vec<Row> = callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
    rows.sort_by_key(|row| row.sequence);
    rows.dedup();
    assert_eq!(rows.iter().map(|row| row.sequence).collect::<Vec<_>>(), (1..=32).collect::<Vec<_>>());
    let proof = queue.verify().unwrap();
    assert_eq!(proof.rows, 32);
    let seen: Vec<u64> = std::iter::from_fn(|| changes.try_recv().ok()).map(|row| row.sequence).collect();
    assert_eq!(seen, (1..=32).collect::<Vec<_>>());
}

#[test]
fn one_process_at_a_time() {
    let (dir, queue) = fresh();
    assert_eq!(try_open(dir.path(), Faults::default()).unwrap_err(), QueueError::InUse);
    drop(queue);
}

#[test]
fn a_terminals_code_has_twelve_characters() {
    let dir = tempfile::tempdir().unwrap();
    for code in ["", "T1", "T4401000001", "T440100000011", "T44010 00001", "终端终端"] {
        let settings = Settings { terminal: code.into(), ..settings(dir.path()) };
        let clock = Hands::at("2015-08-01T02:00:00Z");
        let opened = Queue::open(settings, keys(), clock, Arc::new(SystemRandom::default()));
        assert!(matches!(opened, Err(QueueError::Draft(_))), "{code}");
    }
}

#[test]
fn other_keys_do_not_open_it() {
    let (dir, queue) = fresh();
    queue.commit(draft("a")).unwrap();
    queue.close();
    drop(queue);
    let key = Zeroizing::new([9; 32]);
    let wrong = [
        QueueKeys { seal: key.clone(), ..keys() },
        QueueKeys { commitment: key.clone(), ..keys() },
        QueueKeys { holder: key.clone(), ..keys() },
        QueueKeys { state: key.clone(), ..keys() },
        QueueKeys { signing: key, ..keys() },
    ];
    for keys in wrong {
        let clock = Hands::at("2015-08-01T02:00:00Z");
        let result = Queue::open(settings(dir.path()), keys, clock, Arc::new(SystemRandom::default()));
        assert_eq!(result.unwrap_err(), QueueError::WrongKeys);
    }
}

#[test]
fn a_message_id_is_new_even_when_the_clock_jumps_back() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::at("2015-08-01T02:00:00Z");
    let queue = Queue::open(settings(dir.path()), keys(), clock.clone(), Arc::new(SystemRandom::default())).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for n in 0..20 {
        clock.add(if n % 2 == 0 { 3_600_000 } else { -3_600_000 });
        let row = queue.commit(draft(&n.to_string())).unwrap().row;
        assert_eq!(row.msgid.len(), 30);
        assert!(seen.insert(row.msgid));
    }
    queue.verify().unwrap();
}

#[test]
fn the_statistics_count_what_is_owed() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::at("2015-08-01T02:00:00Z");
    let queue = Queue::open(settings(dir.path()), keys(), clock.clone(), Arc::new(SystemRandom::default())).unwrap();
    let rows: Vec<Row> = (0..4).map(|n| queue.commit(draft(&n.to_string())).unwrap().row).collect();
    clock.add(90_000);
    queue.advance(rows[1].id, State::Sending, Note::Nothing).unwrap();
    queue.advance(rows[1].id, State::Acked, receipt(&rows[1], Outcome::Accepted).into()).unwrap();
    let refused = Outcome::Refused { code: "E-1".into(), text: "不符合条件".into() };
    queue.advance(rows[2].id, State::Sending, Note::Nothing).unwrap();
    let row = queue.advance(rows[2].id, State::Refused, receipt(&rows[2], refused).into()).unwrap();
    assert_eq!(row.refusal.as_deref(), Some("E-1"));
    assert_eq!(queue.get(row.id).unwrap(), Some(row));
    let stats = queue.stats().unwrap();
    assert_eq!((stats.total, stats.unsent, stats.refused), (4, 2, 1));
    assert_eq!(stats.oldest_unsent_secs, Some(90));
    assert_eq!(stats.sum, Fen(303_200));
    assert_eq!(stats.last_ack, Some(clock.now()));
    let due: Vec<u64> = queue.due(0, 10).unwrap().iter().map(|(row, _)| row.sequence).collect();
    assert_eq!(due, [1, 4]);
    let refused = Filter { states: vec![State::Refused], limit: None };
    assert_eq!(queue.list(&refused).unwrap().len(), 1);
    assert_eq!(queue.list(&Filter { limit: Some(2), ..Filter::default() }).unwrap()[0].sequence, 4);
}

#[test]
fn the_age_of_what_was_settled_alone_is_below_nothing_where_the_clock_was_set_back() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::at("2015-08-03T02:00:00Z");
    let queue = Queue::open(settings(dir.path()), keys(), clock.clone(), Arc::new(SystemRandom::default())).unwrap();
    let committed = clock.now();
    queue.commit(Draft { kind: Kind::Settle, provisional: true, amount: Some(Fen(1)), ..draft("a") }).unwrap();
    clock.add(-2 * 86_400_000);
    assert_eq!(queue.provisional_unsent().unwrap(), (1, Some(-2 * 86_400)));
    let stats = queue.stats().unwrap();
    assert_eq!((stats.oldest_unsent_secs, stats.oldest_unsent), (Some(0), Some(committed)));
}

#[test]
fn the_sum_of_a_holder_is_of_what_was_settled_alone_since_and_stands() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::at("2015-08-01T15:59:59.999Z");
    let queue = Queue::open(settings(dir.path()), keys(), clock.clone(), Arc::new(SystemRandom::default())).unwrap();
    let alone = |key: &str, fen| Draft { kind: Kind::Settle, provisional: true, amount: Some(Fen(fen)), ..draft(key) };
    queue.commit(alone("the day before", 1)).unwrap();
    clock.add(1);
    // Midnight in Shanghai.
    let since = clock.now();
    let refused = queue.commit(alone("refused", 20)).unwrap().row;
    queue.commit(alone("pending", 300)).unwrap();
    queue.commit(Draft { amount: None, ..alone("worth nothing", 0) }).unwrap();
    queue.commit(Draft { holder: b"another".to_vec().into(), ..alone("another's", 4000) }).unwrap();
    queue.commit(Draft { amount: Some(Fen(50_000)), ..online("at the centre") }).unwrap();
    let acked = queue.commit(alone("acked", 600_000)).unwrap().row;
    let sum = || queue.provisional_sum(queue.holder_tag(&draft("").holder), since).unwrap();
    assert_eq!(sum(), Fen(600_320));
    for (row, to, outcome) in [
        (&refused, State::Refused, Outcome::Refused { code: "E-1".into(), text: "不符合条件".into() }),
        (&acked, State::Acked, Outcome::Accepted),
    ] {
        queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
        queue.advance(row.id, to, receipt(row, outcome).into()).unwrap();
    }
    assert_eq!(sum(), Fen(600_300));
    let back = Draft { cancels: Some(acked.id), amount: Some(Fen(-600_000)), ..online("back") };
    let back = queue.commit(back).unwrap().row;
    assert_eq!(sum(), Fen(600_300), "it may come to nothing");
    queue.advance(back.id, State::Acked, receipt(&back, Outcome::Accepted).into()).unwrap();
    assert_eq!(sum(), Fen(300));
}

#[test]
fn what_the_centre_settled_otherwise_stays_with_the_row() {
    let (dir, queue) = fresh();
    let row = queue.commit(draft("a")).unwrap().row;
    queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
    let differs = vec!["hifp_pay".to_owned(), "psn_cash_pay".to_owned()];
    let note = Note::Receipt(Box::new(receipt(&row, Outcome::Accepted)), differs.clone());
    let row = queue.advance(row.id, State::Acked, note).unwrap();
    assert_eq!(row.differs, differs);
    assert_eq!(queue.list(&Filter::default()).unwrap(), [row]);
    queue.verify().unwrap();
    queue.close();
    drop(queue);
    let db = Connection::open(dir.path().join("queue.db")).unwrap();
    for forged in ["NULL", "'[]'", "'[\"hifp_pay\"]'", "'x'"] {
        db.execute(&format!("UPDATE entries SET differs = {forged}"), []).unwrap();
        let opened = try_open(dir.path(), Faults::default());
        assert!(matches!(opened, Err(QueueError::Damaged { record: 1, .. })), "{forged}");
    }
}

#[test]
fn a_holder_is_found_without_reading_the_whole_journal() {
    let (dir, _queue) = fresh();
    let db = open::reader(&settings(dir.path()).path).unwrap();
    for condition in [read::ALONE, holder::UNCOUNTED, holder::IN_DOUBT, holder::UNSETTLED] {
        let sql = format!("EXPLAIN QUERY PLAN SELECT amount FROM entries WHERE {condition} ORDER BY sequence");
        let plan: String = db.query_row(&sql.replace("?1", "x'00'").replace("?2", "1"), [], |row| row.get(3)).unwrap();
        assert!(plan.contains("entries_holder"), "{plan}");
    }
}

#[test]
fn the_database_has_the_same_moves() {
    let (dir, queue) = fresh();
    queue.commit(draft("a")).unwrap();
    let db = Connection::open(dir.path().join("queue.db")).unwrap();
    let mut kept: Vec<(String, String, bool)> = db
        .prepare("SELECT from_state, to_state, online FROM moves")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut ours = Vec::new();
    for from in State::ALL {
        for to in State::ALL {
            for (protocol, online) in [(Protocol::StoreAndForward, false), (Protocol::Online, true)] {
                if from.may_become(to, protocol) {
                    ours.push((from.name().to_owned(), to.name().to_owned(), online));
                }
            }
        }
    }
    kept.sort();
    ours.sort();
    assert_eq!(kept, ours);
    for refused in [
        "UPDATE entries SET state = 'acked'",
        "UPDATE entries SET operator = 'x'",
        "UPDATE entries SET header = x'00'",
        "DELETE FROM entries",
        "UPDATE groups SET head = zeroblob(32)",
        "DELETE FROM groups",
    ] {
        assert!(db.execute_batch(refused).is_err(), "{refused}");
    }
}

#[test]
fn nothing_starts_half_way() {
    let (_dir, queue) = fresh();
    for state in State::ALL.into_iter().filter(|state| *state != State::Pending) {
        let made = queue.commit(Draft { state, ..draft("a") });
        assert!(matches!(made, Err(QueueError::Draft(_))), "{state}");
        if state != State::Sending {
            assert!(queue.commit(Draft { state, ..online("b") }).is_err(), "{state}");
        }
    }
    // A provisional settlement is store and forward.
    assert!(queue.commit(Draft { provisional: true, ..online("b") }).is_err());
    assert_eq!(queue.stats().unwrap().total, 0);
}
