//! Random operations against a model that is a list of rows and the table of moves: commits with new and known keys,
//! moves of every kind, faults, jumps of the clock, restarts. What the journal says is what the model says, each time.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;

use super::*;

const YEAR: i64 = 365 * 24 * 3_600_000;
/// Few keys, so that they meet.
const KEYS: usize = 6;
/// The keys of what takes others back begin here: one an attempt.
const UNDO: usize = 1000;

#[derive(Debug, Clone)]
enum Op {
    /// The key, and which of two contents it comes with.
    Commit(usize, i64),
    /// Which row, where to, and what the centre answered: accepted, refused, or nothing.
    Advance(prop::sample::Index, State, Option<bool>),
    /// Which row is to be taken back.
    Undo(prop::sample::Index),
    /// The holder of which row is shown how it was settled.
    Shown(prop::sample::Index),
    Reopen,
    /// The n-th point from now on fails.
    Fault(usize),
    /// The clock goes on by so many milliseconds, or back.
    Jump(i64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let state = prop::sample::select(State::ALL.to_vec());
    let one = prop_oneof![
        6 => (0..KEYS, prop_oneof![4 => Just(0), 1 => Just(1)]).prop_map(|(key, content)| Op::Commit(key, content)),
        12 => (any::<prop::sample::Index>(), state, any::<Option<bool>>())
            .prop_map(|(which, to, answer)| Op::Advance(which, to, answer)),
        4 => any::<prop::sample::Index>().prop_map(Op::Undo),
        3 => any::<prop::sample::Index>().prop_map(Op::Shown),
        1 => Just(Op::Reopen),
        3 => (1..8_usize).prop_map(Op::Fault),
        2 => prop_oneof![Just(YEAR), Just(-YEAR), -5000..5000_i64].prop_map(Op::Jump),
    ];
    proptest::collection::vec(one, 1..60)
}

/// What a key stands for: a third goes by store and forward, a third online, a third is decided by the terminal alone.
fn made(key: usize, content: i64) -> Draft {
    let name = key.to_string();
    if key >= UNDO {
        return Draft { amount: Some(Fen(-100)), ..online(&name) };
    }
    let made = match key % 3 {
        0 => draft(&name),
        1 => online(&name),
        _ => Draft { provisional: true, state: State::Pending, ..online(&name) },
    };
    Draft { amount: Some(Fen(100 + content)), ..made }
}

/// A row of the model, with what its key stands for.
struct Known {
    key: usize,
    content: i64,
    row: Row,
    answer: Option<Receipt>,
}

struct World {
    dir: TempDir,
    clock: Arc<Hands>,
    /// How many points there are before one fails; 0 for none.
    fuse: Arc<AtomicUsize>,
    queue: Queue,
    model: Vec<Known>,
}

impl World {
    fn new() -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Hands::at("2015-08-01T02:00:00Z"));
        let fuse = Arc::<AtomicUsize>::default();
        let queue = Self::opened(&dir, &clock, &fuse);
        Self { dir, clock, fuse, queue, model: Vec::new() }
    }

    fn opened(dir: &TempDir, clock: &Arc<Hands>, fuse: &Arc<AtomicUsize>) -> Queue {
        let fuse = fuse.clone();
        let faults = Faults::new(move |point| match fuse.load(Ordering::SeqCst) {
            0 => Ok(()),
            left => {
                fuse.store(left - 1, Ordering::SeqCst);
                if left == 1 { Err(QueueError::Storage(format!("{point:?}"))) } else { Ok(()) }
            }
        });
        let random = Arc::new(SystemRandom::default());
        Queue::open_with_faults(settings(dir.path()), keys(), clock.clone(), random, faults).unwrap()
    }

    fn reopen(&mut self) {
        self.queue.close();
        // The closing of the old files comes before the opening of the new ones.
        self.queue = Self::opened(&self.dir, &self.clock, &self.fuse);
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Commit(key, content) => self.commit(key, content),
            Op::Advance(which, to, answer) if !self.model.is_empty() => {
                self.advance(which.index(self.model.len()), to, answer);
            }
            Op::Shown(which) if !self.model.is_empty() => self.shown(which.index(self.model.len())),
            Op::Undo(which) if !self.model.is_empty() => self.undo(which.index(self.model.len())),
            Op::Advance(..) | Op::Shown(_) | Op::Undo(_) => {}
            Op::Reopen => self.reopen(),
            Op::Fault(points) => self.fuse.store(points, Ordering::SeqCst),
            Op::Jump(millis) => self.clock.add(millis),
        }
    }

    fn commit(&mut self, key: usize, content: i64) {
        let wanted = made(key, content);
        let known = self.model.iter().find(|known| known.key == key);
        let same = known.map(|known| known.content == content);
        match self.queue.commit(wanted.clone()) {
            Ok(Committed { row, duplicate }) => {
                assert_eq!((duplicate, same.unwrap_or(true)), (known.is_some(), true));
                match known {
                    Some(known) => assert_eq!(row, known.row),
                    None => self.learn(key, content, &wanted, row),
                }
            }
            Err(QueueError::Conflict) => assert_eq!(same, Some(false)),
            // Whole or absent: the journal itself tells which.
            Err(QueueError::Storage(_)) => {
                let found = self.queue.by_key(&wanted.idempotency).unwrap();
                match (found, known) {
                    (Some((row, _)), None) => self.learn(key, content, &wanted, row),
                    (found, known) => assert_eq!(found.map(|(row, _)| row).as_ref(), known.map(|known| &known.row)),
                }
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    /// A row is to be taken back: that stands, and is no cancellation.
    fn undo(&mut self, which: usize) {
        let (id, before) = (self.model[which].row.id, self.model[which].row.clone());
        let key = UNDO + self.model.len();
        let wanted = Draft { cancels: Some(id), ..made(key, 0) };
        let allowed = before.state == State::Acked && before.cancels.is_none();
        let told = self.queue.commit(wanted.clone());
        let found = self.queue.by_key(&wanted.idempotency).unwrap().map(|(row, _)| row);
        match &told {
            Ok(_) => assert!(allowed && found.is_some()),
            Err(QueueError::Move { from, to }) => {
                assert_eq!((*from, *to), (before.state, State::Cancelling));
                assert!(before.state != State::Acked && found.is_none());
            }
            Err(QueueError::Draft(_)) => assert!(before.cancels.is_some() && found.is_none()),
            // Whole or absent, and with it what it does to the other.
            Err(QueueError::Storage(_)) => assert!(allowed || found.is_none()),
            Err(error) => panic!("{error:?}"),
        }
        if let Some(row) = found {
            assert_eq!(row.cancels, Some(id));
            self.learn(key, 0, &wanted, row);
            self.follow(which, State::Cancelling);
        }
    }

    /// What is taken back goes where its cancellation leads it.
    fn follow(&mut self, which: usize, to: State) {
        let row = &mut self.model[which].row;
        (row.state, row.updated_at, row.refusal, row.reason) = (to, self.clock.now(), None, None);
    }

    /// Holds a new row against its draft.
    fn learn(&mut self, key: usize, content: i64, draft: &Draft, row: Row) {
        let now = self.clock.now();
        let place = (row.sequence, row.created_at, row.updated_at);
        assert_eq!(place, (self.model.len() as u64 + 1, now, now));
        assert_eq!((row.state, row.attempts), (draft.state, u32::from(draft.state == State::Sending)));
        let worth = (row.kind, row.provisional, row.amount, row.business_date);
        assert_eq!(worth, (draft.kind, draft.provisional, draft.amount, draft.business_date));
        // What the terminal settles alone is told to nobody yet; what goes online is not settled.
        assert_eq!((&row.centre_no, &row.refusal, row.is_untold()), (&None, &None, draft.provisional));
        assert!(!row.is_settled_otherwise());
        self.model.push(Known { key, content, row, answer: None });
    }

    fn advance(&mut self, which: usize, to: State, answer: Option<bool>) {
        let Known { row: before, answer: answered, .. } = &self.model[which];
        let refused = Outcome::Refused { code: "E-1".into(), text: "不符合条件".into() };
        let outcome = |accepted| if accepted { Outcome::Accepted } else { refused.clone() };
        let receipt = answer.map(|accepted| receipt(before, outcome(accepted)));
        let mut after = before.clone();
        after.state = to;
        after.updated_at = self.clock.now();
        after.attempts += u32::from(to == State::Sending);
        if let Some(receipt) = &receipt {
            after.centre_no = Some(receipt.centre_no.clone());
            after.differs.retain(|name| name == Row::OUTCOME);
            after.differs.insert(0, "hifp_pay".into());
        }
        // What is being cancelled goes where its cancellation leads it.
        let allowed = before.state != State::Cancelling && before.state.may_become(to, before.protocol());
        let names = vec!["hifp_pay".into()];
        let note = receipt.clone().map_or(Note::Nothing, |receipt| Note::Receipt(Box::new(receipt), names));
        let receipt = receipt.or_else(|| answered.clone());
        let told = self.queue.advance(before.id, to, note);
        let (state, stays) = (before.state, before.clone());
        let found = self.queue.get(stays.id).unwrap().unwrap();
        // The code of a refusal shows while it stands refused, and are the kept answer's.
        let is_refused = receipt.as_ref().is_some_and(|receipt| receipt.outcome == refused);
        after.refusal = (to == State::Refused && is_refused).then(|| "E-1".to_owned());
        match told {
            Ok(row) => {
                assert!(allowed, "{state} to {to}");
                assert_eq!(found, after);
                assert_eq!(Row { refusal: None, ..row }, Row { refusal: None, ..found });
            }
            Err(QueueError::Move { from, to: there }) => {
                assert!(!allowed, "{state} to {to}");
                assert_eq!((from, there, &found), (state, to, &stays));
                return;
            }
            Err(QueueError::Storage(_)) if found == stays => return,
            Err(QueueError::Storage(_)) => assert_eq!((&found, allowed), (&after, true)),
            Err(error) => panic!("{error:?}"),
        }
        (self.model[which].row, self.model[which].answer) = (after, receipt);
        let led = self.model[which].row.cancels.and_then(|id| self.model.iter().position(|known| known.row.id == id));
        let ends = match to {
            State::Acked => Some(State::Cancelled),
            State::Refused | State::Void | State::Reversed => Some(State::Acked),
            _ => None,
        };
        if let (Some(led), Some(ends)) = (led, ends)
            && self.model[led].row.state == State::Cancelling
        {
            self.follow(led, ends);
        }
    }

    fn shown(&mut self, which: usize) {
        let before = &self.model[which].row;
        let mut after = before.clone();
        after.differs.retain(|name| name != Row::OUTCOME);
        let stands = before.state == State::Acked || before.protocol() == Protocol::StoreAndForward;
        let told = self.queue.shown(before.id);
        let found = self.queue.get(before.id).unwrap().unwrap();
        match told {
            Ok(_) => assert_eq!((&found, stands), (&after, true)),
            Err(QueueError::Move { .. }) => assert_eq!((&found, stands), (before, false)),
            Err(QueueError::Storage(_)) => assert!(found == *before || stands && found == after),
            Err(error) => panic!("{error:?}"),
        }
        self.model[which].row = found;
    }

    /// The journal and the model say the same.
    fn check(&self) {
        let queue = &self.queue;
        assert_eq!(queue.verify().unwrap().rows, self.model.len() as u64);
        let mut rows = queue.list(&Filter::default()).unwrap();
        rows.reverse();
        assert_eq!(rows, self.model.iter().map(|known| known.row.clone()).collect::<Vec<_>>());
        assert!(rows.iter().zip(1..).all(|(row, place)| row.sequence == place));
        assert_eq!(rows.iter().map(|row| &row.msgid).collect::<BTreeSet<_>>().len(), rows.len());
        for known in &self.model {
            let Known { row, key, content, answer } = known;
            assert_eq!(queue.payload(row.id).unwrap(), Some(made(*key, *content).payload));
            assert_eq!(&queue.answer(row.id).unwrap(), answer);
            assert_eq!(queue.by_key(&key.to_string()).unwrap().unwrap().0, *row);
        }
        // A cancellation is a transaction of its own: nothing is to be delivered of the one that it cancels.
        let open: Vec<&Row> = rows.iter().filter(|row| row.state.is_due()).collect();
        let due: Vec<u64> = queue.due(0, 100).unwrap().iter().map(|(row, _)| row.sequence).collect();
        assert_eq!(due, open.iter().map(|row| row.sequence).collect::<Vec<_>>());
        let stats = queue.stats().unwrap();
        let worth: i64 = open.iter().filter_map(|row| row.amount).map(|fen| fen.0.abs()).sum();
        assert_eq!((stats.total, stats.unsent, stats.sum), (rows.len() as u64, open.len() as u64, Fen(worth)));
        assert_eq!(stats.refused, rows.iter().filter(|row| row.state == State::Refused).count() as u64);
        let is_answered = |row: &&Row| matches!(row.state, State::Acked | State::Refused);
        assert_eq!(stats.last_ack, rows.iter().filter(is_answered).map(|row| row.updated_at).max());
    }

    /// Whoever has the file in hand is refused the same moves by the database.
    fn check_database(&self) {
        let mut db = Connection::open(settings(self.dir.path()).path).unwrap();
        for Known { row, .. } in &self.model {
            for to in State::ALL {
                let attempt = db.transaction().unwrap();
                let sql = "UPDATE entries SET state = ?2 WHERE sequence = ?1";
                let moved = attempt.execute(sql, (row.sequence, to.name()));
                assert_eq!(moved.is_ok(), row.state.may_become(to, row.protocol()), "{} to {to}: {moved:?}", row.state);
                attempt.rollback().unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn the_journal_does_what_a_simple_model_does(ops in ops()) {
        let mut world = World::new();
        for op in ops {
            world.run(op);
        }
        world.fuse.store(0, Ordering::SeqCst);
        world.check();
        world.check_database();
        world.reopen();
        world.check();
    }
}

/// Runs; all of them with `SBKD_FULL=1`.
fn cases() -> u32 {
    if std::env::var_os("SBKD_FULL").is_some_and(|value| value == "1") { 5000 } else { 60 }
}
