//! Whose journal stands under a terminal's name, as keys come, go and return.

use jiff::Timestamp;

use super::*;
use crate::center::chain;
use crate::center::tests::{PACKS, know, registration};
use crate::center::{alarms, db, deliver};
use crate::queue::Queue;
use crate::queue::tests::open;
use crate::wire::batch::ItemAnswer;
use crate::wire::{ChainHead, Envelope};

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
        know(&world.db);
        world.enrol(&world.key, false);
        world
    }

    fn enrol(&self, key: &Digest, replace: bool) {
        enrol(&self.db, self.queue.terminal(), key, None, replace).unwrap();
    }

    fn head(&self) -> ChainHead {
        chain::head(&self.db, self.queue.terminal()).unwrap()
    }

    /// A transaction is committed.
    fn committed(&self, key: &str) -> Envelope {
        let row = self.queue.commit(registration(key)).unwrap().row;
        self.queue.envelope(row.id).unwrap().unwrap()
    }

    /// A transaction is committed and comes by itself.
    fn transaction(&self, key: &str) -> Envelope {
        let envelope = self.committed(key);
        self.deliver(&envelope);
        envelope
    }

    fn answer(&self, envelope: &Envelope) -> ItemAnswer {
        let one = std::slice::from_ref(envelope);
        deliver::batch(&self.db, &PACKS, one, (true, 0), NOW).remove(0)
    }

    fn deliver(&self, envelope: &Envelope) {
        let answer = self.answer(envelope);
        assert!(matches!(answer, ItemAnswer::Receipt(_)), "{answer:?}");
    }

    fn begin_anew(&self, key: &Digest) -> Result<Option<String>, CenterError> {
        aside::begin_anew(&self.db, self.queue.terminal(), key, NOW)
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
    assert_eq!(names, [format!("{code}~{}~1", "01".repeat(32)), format!("{code}~{}~1", "02".repeat(32)), code.into()]);
}

#[test]
fn a_journal_whose_key_returns_has_all_again_as_its_headers_come() {
    // As it is put aside now, and as an earlier version named it.
    for earlier in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path());
        let code = world.queue.terminal().to_owned();
        let first = world.transaction("1");
        world.headers_are_taken();
        // Of the last one the centre has no header yet.
        world.transaction("2");
        for nth in 1..=2 {
            world.enrol(&WRONG, true);
            if earlier {
                for table in ["chain", "groups", "transactions"] {
                    let sql = format!("UPDATE {table} SET terminal = ?1 || '~{nth}' WHERE terminal LIKE ?1 || '~%~%'");
                    world.db.execute(&sql, [&code]).unwrap();
                }
            }
            world.enrol(&world.key, true);
            assert_eq!(world.head(), ChainHead::default());
            world.headers_are_taken();
        }
        world.transaction("3");
        world.headers_are_taken();
        world.deliver(&first);
        let own = |times| (code.clone(), times);
        assert_eq!(world.transactions(), [own(2), own(1), own(1)]);
        let left = "SELECT count(*) FROM chain WHERE terminal <> ?1";
        assert_eq!(world.db.query_row(left, [&code], |row| row.get(0)), Ok(0));
    }
}

#[test]
fn a_key_whose_journal_is_gone_begins_anew_and_what_was_accepted_stays_so() {
    let [dir, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let world = World::new(dir.path());
    let code = world.queue.terminal().to_owned();
    let first = world.transaction("1");
    let late = world.committed("2");
    world.headers_are_taken();
    // Of the last one the centre has no header.
    let third = world.transaction("3");
    // Journal and anchor are deleted, the keys are not.
    let world = World { queue: open(other.path()), ..world };
    let new = world.committed("4");
    assert!(matches!(world.answer(&new), ItemAnswer::Refused(why) if why.code == "C-CHAIN-FORK"));
    assert!(world.begin_anew(&WRONG).is_err());
    let aside = |n: u64| format!("{code}~{}~{n}", world.key);
    assert_eq!(world.begin_anew(&world.key).unwrap(), Some(aside(1)));
    assert_eq!(world.begin_anew(&world.key).unwrap(), None, "nothing is left");
    // Neither a certificate that is renewed nor a wrong key that is put right brings it back.
    for key in [&world.key, &WRONG, &world.key] {
        world.enrol(key, true);
        assert_eq!(world.head(), ChainHead::default());
    }
    world.deliver(&new);
    world.headers_are_taken();
    world.transaction("5");
    let same_place = world.transaction("6");
    world.headers_are_taken();
    assert_eq!(same_place.header.sequence, third.header.sequence);
    // What is of the old one has its answer for ever, and takes no place of the new one.
    for old in [&first, &late, &third] {
        world.deliver(old);
    }
    let own = (code.clone(), 1);
    let all = [(aside(1), 2), (aside(1), 2), own.clone(), own.clone(), own, (aside(1), 1)];
    assert_eq!(world.transactions(), all);
    // Each time it is another name, and an alarm.
    assert_eq!(world.begin_anew(&world.key).unwrap(), Some(aside(2)));
    let alarms = alarms::after(&world.db, "", 10).unwrap();
    let told: Vec<_> = alarms.iter().filter(|(_, alarm)| alarm["code"] == "C-CHAIN-ANEW").collect();
    assert_eq!(told.len(), 2, "{alarms:?}");
    for (n, (_, alarm)) in (1..).zip(told) {
        let text = format!("up to header {} is given up and kept as {}:", n + 1, aside(n));
        assert!(alarm["terminal"] == code.as_str() && alarm["text"].as_str().unwrap().contains(&text), "{alarm}");
    }
    let nobody = super::aside::begin_anew(&world.db, "H44010099998", &world.key, NOW);
    assert!(matches!(nobody, Err(CenterError::Enrol("the terminal is not enrolled"))), "{nobody:?}");
}

#[test]
fn what_a_journal_still_has_of_what_was_given_up_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let code = world.queue.terminal().to_owned();
    let first = world.transaction("1");
    let late = world.committed("2");
    world.headers_are_taken();
    // Of the last one the centre has no header.
    let third = world.transaction("3");
    assert!(world.begin_anew(&world.key).unwrap().is_some());
    world.deliver(&late);
    world.headers_are_taken();
    for envelope in [&first, &late, &third] {
        world.deliver(envelope);
    }
    let own = (code.clone(), 2);
    assert_eq!(world.transactions(), [own.clone(), own.clone(), own]);
    let left = "SELECT count(*) FROM chain WHERE terminal <> ?1";
    assert_eq!(world.db.query_row(left, [&code], |row| row.get(0)), Ok(0));
    world.transaction("4");
    world.headers_are_taken();
}
