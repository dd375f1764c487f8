//! (g) A commit of the journal, seal, chain, signature and anchor included, beside what the disk can do and what SQLite
//! alone does.
//!
//! Everything writes to folders of one disk, and takes turns: what else the disk does meets all of it alike.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::Connection;
use sbkd::queue::{Draft, Queue, QueueKeys, Settings, State};
use sbkd::value::{Fen, Kind};
use sbkd::world::{Clock, SystemRandom};
use serde_json::json;
use zeroize::Zeroizing;

use crate::numbers::{at, ms, ratio, thousandths};
use crate::table::Row;

const ROUNDS: usize = 5;
/// Writes a round of those that write one after the other, and of each caller.
const WRITES: usize = 200;
const CALLERS: [usize; 3] = [1, 8, 64];
const PYTHON: &str = include_str!("persist_queue.py");

/// A clock that runs a hundred times as quick, from long ago: a national message id has room for 10,000 a second, and a
/// disk for more.
pub struct Quick(Instant);

impl Quick {
    /// Now it begins.
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Quick {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + self.0.elapsed() * 100
    }
}

/// The rounds of one contender: how long each took, and each write in it.
#[derive(Default)]
struct Taken {
    rounds: Vec<Duration>,
    writes: Vec<Duration>,
    count: usize,
}

impl Taken {
    /// One round: `write` once for each of the writes.
    fn round(&mut self, mut write: impl FnMut(usize)) {
        let started = Instant::now();
        for n in 0..WRITES {
            let begun = Instant::now();
            write(n);
            self.writes.push(begun.elapsed());
        }
        self.rounds.push(started.elapsed());
        self.count = WRITES;
    }

    /// What a write takes of a round, in the median of the rounds.
    fn each(&self) -> Duration {
        let mut rounds = self.rounds.clone();
        at(&mut rounds, 50) / u32::try_from(self.count.max(1)).unwrap_or(u32::MAX)
    }

    fn percentile(&self, percent: usize) -> Duration {
        at(&mut self.writes.clone(), percent)
    }

    fn figure(&self) -> String {
        let each = self.each().as_nanos().max(1);
        let (median, high) = (ms(self.percentile(50)), ms(self.percentile(99)));
        format!("{} a second; a write: median {median}, 99th percentile {high}", 1_000_000_000 / each)
    }
}

/// Measures.
pub fn measure() -> Vec<Row> {
    // The disk that the build is on: the folder for temporary files may be memory.
    let beside = std::env::current_exe().expect("the path of this program");
    let beside = beside.parent().expect("the folder of this program");
    let dir = tempfile::tempdir_in(beside).expect("a folder on the disk");
    let length = row_length(dir.path());
    let mut file = File::create(dir.path().join("bare")).expect("a file");
    let db = bare_database(&dir.path().join("bare.db"));
    let queues = CALLERS.map(|callers| open(&dir.path().join(format!("queue-{callers}"))));
    let (mut synced, mut sqlite, mut ours) = (Taken::default(), Taken::default(), CALLERS.map(|_| Taken::default()));
    for round in 0..ROUNDS {
        synced.round(|_| append(&mut file));
        sqlite.round(|_| insert(&db, length));
        for (n, callers) in CALLERS.into_iter().enumerate() {
            commits(&queues[n], round, callers, &mut ours[n]);
        }
    }
    for queue in &queues {
        let proof = queue.verify().expect("the journal proves itself");
        assert_eq!(proof.rows % (ROUNDS * WRITES) as u64, 0);
    }
    let mut rows = rows(&synced, &sqlite, &ours, length);
    rows.extend(persist_queue(dir.path(), length));
    rows
}

fn rows(synced: &Taken, sqlite: &Taken, ours: &[Taken; 3], length: usize) -> Vec<Row> {
    let mut rows = vec![
        Row::plain("(g) the disk: append 4 KiB, fdatasync", synced.figure()),
        Row::plain(&format!("(g) SQLite, WAL and FULL: one INSERT of {length} bytes a transaction"), sqlite.figure()),
    ];
    for (callers, ours) in CALLERS.iter().zip(ours) {
        rows.push(Row::plain(&format!("(g) the journal, callers at once: {callers}"), ours.figure()));
    }
    let (bare, [one, _, many]) = (sqlite.each(), ours);
    let [times_one, times_many] = [one, many].map(|ours| thousandths(bare, ours.each()));
    let (mine, disk) = (one.percentile(99), synced.percentile(99));
    rows.extend([
        Row::with_goal("(g) one caller, of SQLite alone", ratio(bare, one.each()), "at least 0.7", times_one >= 700),
        Row::with_goal("(g) 64 callers, of SQLite alone", ratio(bare, many.each()), "at least 4", times_many >= 4000),
        Row::with_goal(
            "(g) 99th percentile of a commit, of that of fdatasync",
            ratio(mine, disk),
            "at most 3",
            thousandths(mine, disk) <= 3000,
        ),
    ]);
    rows
}

fn append(file: &mut File) {
    file.write_all(&[0x5A; 4096]).and_then(|()| file.sync_data()).expect("a synced write");
}

/// SQLite alone, with a table.
pub fn bare_database(path: &Path) -> Connection {
    let db = Connection::open(path).expect("a database");
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE entries (sequence INTEGER PRIMARY KEY, row BLOB)",
    )
    .expect("a table");
    db
}

/// A transaction of SQLite alone.
pub fn insert(db: &Connection, length: usize) {
    let mut statement = db.prepare_cached("INSERT INTO entries (row) VALUES (?1)").expect("a statement");
    statement.execute([vec![0x5A; length]]).expect("an insert");
}

fn open(dir: &Path) -> Queue {
    std::fs::create_dir_all(dir).expect("a folder");
    let random = Arc::new(SystemRandom::default());
    let keys = QueueKeys::load_or_create(&dir.join("keys"), &*random).expect("keys");
    let settings = Settings {
        path: dir.join("queue.db"),
        anchor: dir.join("queue.anchor"),
        terminal: "H44010099999".into(),
        demo: true,
    };
    Queue::open(settings, keys, Arc::new(Quick::start()), random).expect("a journal")
}

/// A month's sign-in, as the terminal commits it.
fn draft(key: String) -> Draft {
    let person = json!({
        "mdtrt_cert_type": "03", "mdtrt_cert_no": "A10000031", "card_sn": "440100D15600000530000003FFFFFFFF",
        "certno": "440103198806120021", "psn_name": "王小雅", "psn_no": null,
    });
    let facts = json!({ "sign_date": "2015-08-03", "acc026": true, "acc027": false });
    Draft {
        idempotency: key,
        caller: None,
        scenario: "unemployment-sign-in".into(),
        kind: Kind::SignIn,
        business_date: "2015-08-03".parse().expect("a date"),
        provisional: false,
        holder: Zeroizing::new(b"440103198806120021".to_vec()),
        operator: "0007".into(),
        shift: None,
        amount: Some(Fen(151_600)),
        cancels: None,
        payload: json!({ "request": { "person": person, "month": "2015-08", "facts": facts }, "detail": {} }),
        state: State::Pending,
    }
}

/// A round in which each caller commits one after the other, waiting for each answer.
fn commits(queue: &Queue, round: usize, callers: usize, taken: &mut Taken) {
    let started = Instant::now();
    let writes = std::thread::scope(|threads| {
        let callers: Vec<_> = (0..callers)
            .map(|caller| {
                threads.spawn(move || {
                    let mut writes = Vec::with_capacity(WRITES);
                    for n in 0..WRITES {
                        let draft = draft(format!("{round}/{caller}/{n}"));
                        let begun = Instant::now();
                        queue.commit(draft).expect("a commit");
                        writes.push(begun.elapsed());
                    }
                    writes
                })
            })
            .collect();
        callers.into_iter().flat_map(|caller| caller.join().expect("a caller")).collect::<Vec<_>>()
    });
    taken.rounds.push(started.elapsed());
    taken.count = writes.len();
    taken.writes.extend(writes);
}

/// How long a row of the journal is, that of a sign-in, all columns together.
pub fn row_length(dir: &Path) -> usize {
    let dir = dir.join("one");
    let queue = open(&dir);
    queue.commit(draft("one".into())).expect("a commit");
    queue.close();
    drop(queue);
    let db = Connection::open(dir.join("queue.db")).expect("the journal's database");
    let mut statement = db.prepare("SELECT * FROM entries").expect("the journal's rows");
    let columns = statement.column_count();
    let length = statement.query_row([], |row| {
        (0..columns).try_fold(0, |sum, column| {
            let value = row.get_ref(column)?;
            Ok(sum + value.as_bytes().map_or(8, <[u8]>::len))
        })
    });
    length.expect("a row")
}

/// Python's queues of that name, when they are installed.
fn persist_queue(dir: &Path, length: usize) -> Vec<Row> {
    let script = dir.join("persist_queue.py");
    std::fs::write(&script, PYTHON).expect("a file");
    let (count, length) = ((ROUNDS * WRITES).to_string(), length.to_string());
    let folder: PathBuf = dir.join("persist-queue");
    let ran = Command::new("python3").arg(script).arg(folder).args([&count, &length]).output();
    let Some(ran) = ran.ok().filter(|ran| ran.status.success()) else {
        return vec![Row::plain("(g) persist-queue (Python)", "not installed".to_owned())];
    };
    let text = String::from_utf8_lossy(&ran.stdout);
    let kinds = [("file", "Queue, a sync each 100 rows"), ("sqlite", "SQLiteQueue, auto_commit")];
    kinds
        .into_iter()
        .map(|(kind, name)| {
            let times = text.lines().filter_map(|line| line.strip_prefix(kind)?.trim().parse().ok());
            let writes: Vec<Duration> = times.map(Duration::from_micros).collect();
            let taken = Taken { rounds: vec![writes.iter().sum()], count: writes.len(), writes };
            Row::plain(&format!("(g) persist-queue (Python), {name}"), taken.figure())
        })
        .collect()
}
