//! Whose journal stands under a terminal's name, as keys come, go and return.

use jiff::Timestamp;

use super::*;
use crate::center::{db, deliver};
use crate::queue::tests::{draft, open};
use crate::queue::{Draft, Queue};
use crate::rules::Packs;
use crate::value::Kind;
use crate::wire::Envelope;
use crate::wire::batch::ItemAnswer;

const NOW: Timestamp = Timestamp::constant(1_438_400_000, 0);
const WRONG: Digest = Digest([9; 32]);

/// A centre in which a terminal is enrolled, and the terminal's journal.
struct World {
    db: Connection,
    queue: Queue,
    key: Digest,
}

impl World {
    fn new(dir: &std::path::Path) -> Self {
        let (db, queue) = (db::open(None).unwrap(), open(dir));
        let key = Digest(queue.public_key());
        let world = Self { db, queue, key };
        world.enrol(&world.key, false);
        world
    }

    fn enrol(&self, key: &Digest, replace: bool) {
        enrol(&self.db, self.queue.terminal(), key, None, replace).unwrap();
    }

    fn head(&self) -> ChainHead {
        chain::head(&self.db, self.queue.terminal()).unwrap()
    }

    /// A transaction is committed and comes by itself.
    fn transaction(&self, key: &str) -> Envelope {
        let payload = serde_json::json!({ "request": {}, "detail": {} });
        let row = self.queue.commit(Draft { kind: Kind::Register, payload, ..draft(key) }).unwrap().row;
        let envelope = self.queue.envelope(row.id).unwrap().unwrap();
        self.deliver(&envelope);
        envelope
    }

    fn deliver(&self, envelope: &Envelope) {
        let one = std::slice::from_ref(envelope);
        let answer = deliver::batch(&self.db, &Packs::builtin_for_use(), one, (true, 0), NOW).remove(0);
        assert!(matches!(answer, ItemAnswer::Receipt(_)), "{answer:?}");
    }

    /// The journal's headers after the centre's head are taken, and then the centre has all of them.
    fn headers_are_taken(&self) {
        let signed = self.queue.signed_headers(self.head(), 100).unwrap();
        let head = chain::extend(&self.db, self.queue.terminal(), &self.key, &signed, NOW).unwrap();
        assert_eq!(head, self.queue.head().unwrap());
    }

    /// The names that transactions stand under, each with how often it came.
    fn transactions(&self) -> Vec<(String, u64)> {
        let mut read = self.db.prepare("SELECT terminal, times FROM transactions ORDER BY number").unwrap();
        read.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
    }
}

#[test]
fn each_journal_of_a_terminal_is_put_aside_under_a_name_of_its_own() {
    let db = db::open(None).unwrap();
    let code = "H44010099999";
    // There are no headers of any of them.
    let transaction = |id: u8| {
        let sql = "INSERT INTO transactions (id, terminal, sequence, header_hash, content, scenario, accepted, receipt, detail, times)
                   VALUES (?1, ?2, 1, x'00', x'00', 's', 1, '', '', 1)";
        db.execute(sql, params![[id; 16], code]).unwrap();
    };
    for id in 1..=3 {
        enrol(&db, code, &Digest([id; 32]), None, true).unwrap();
        transaction(id);
    }
    let mut read = db.prepare("SELECT terminal FROM transactions ORDER BY number").unwrap();
    let names: Vec<String> = read.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(names, [format!("{code}~{}", "01".repeat(32)), format!("{code}~{}", "02".repeat(32)), code.into()]);
}

#[test]
fn a_journal_whose_key_returns_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let first = world.transaction("1");
    world.headers_are_taken();
    // Of the last one the centre has no header yet.
    world.transaction("2");
    let head = world.head();
    for _ in 0..2 {
        world.enrol(&WRONG, true);
        assert_eq!(world.head(), ChainHead::default());
        world.enrol(&world.key, true);
        assert_eq!(world.head(), head);
    }
    world.headers_are_taken();
    world.transaction("3");
    world.headers_are_taken();
    world.deliver(&first);
    let own = |times| (world.queue.terminal().to_owned(), times);
    assert_eq!(world.transactions(), [own(2), own(1), own(1)]);
}

#[test]
fn a_journal_that_was_put_aside_under_a_number_is_known_by_its_signature() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let code = world.queue.terminal().to_owned();
    world.transaction("1");
    world.headers_are_taken();
    let head = world.head();
    // As it was done before: the key that returned found nothing of its own, and its headers were a fork.
    rename(&world.db, &code, &format!("{code}~1")).unwrap();
    // What is of nobody else's key is left where it is.
    let foreign = "INSERT INTO groups VALUES (?1 || '~2', 1, ?2, ?3)";
    world.db.execute(foreign, params![code, [1u8; 32], [1u8; 64]]).unwrap();
    world.transaction("2");
    world.enrol(&world.key, false);
    assert_eq!(world.head(), ChainHead::default(), "only what is to be replaced is looked for");
    world.enrol(&world.key, true);
    assert_eq!(world.head(), head);
    world.headers_are_taken();
    assert_eq!(world.transactions(), [(code.clone(), 1), (code.clone(), 1)]);
    let left: u64 = world
        .db
        .query_row("SELECT count(*) FROM groups WHERE terminal = ?1 || '~2'", [&code], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 1);
    // Where a chain goes on already, nothing is laid under it.
    world.db.execute("UPDATE groups SET terminal = ?1 || '~1' WHERE terminal = ?1 AND sequence = 1", [&code]).unwrap();
    world.enrol(&world.key, true);
    let aside: u64 = world
        .db
        .query_row("SELECT count(*) FROM groups WHERE terminal = ?1 || '~1'", [&code], |row| row.get(0))
        .unwrap();
    assert_eq!(aside, 1);
}
