//! A terminal's journal with made-up transactions, and the commands on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use sbkd::queue::{Draft, Queue, QueueKeys, Settings, State};
use sbkd::value::{Fen, Kind};
use sbkd::world::{Clock, SystemClock, SystemRandom};
use serde_json::{Value, json};

use crate::rig::{self, Ran};

pub const TERMINAL: &str = "H44010000001";
/// The business date of most transactions.
pub const DAY: &str = "2015-08-03";
/// What stands in every payload, and nowhere else.
pub const PERSON: &str = "11010519491231002X";

/// A terminal of its own in a folder that is gone afterwards.
pub struct Terminal {
    dir: tempfile::TempDir,
}

impl Terminal {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text =
            format!("mode = \"production\"\nterminal = \"{TERMINAL}\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n");
        fs::write(dir.path().join("sbkd.toml"), text).unwrap();
        fs::create_dir(dir.path().join("state")).unwrap();
        Self { dir }
    }

    /// A terminal with so many transactions of [`DAY`], each in a commit group of its own, and its open journal.
    pub fn with(records: usize) -> (Self, Queue) {
        let terminal = Self::new();
        let queue = terminal.open();
        for n in 1..=records {
            queue.commit(draft(&n.to_string())).unwrap();
        }
        // The anchor follows on a thread of its own: it is there when this is answered.
        queue.probe().unwrap();
        (terminal, queue)
    }

    /// The journal, as its daemon has it open.
    pub fn open(&self) -> Queue {
        self.open_at(Arc::new(SystemClock))
    }

    /// The same, by another clock.
    pub fn open_at(&self, clock: Arc<dyn Clock>) -> Queue {
        let settings = Settings {
            path: self.state("queue.db"),
            anchor: self.state("queue.anchor"),
            terminal: TERMINAL.into(),
            demo: false,
        };
        let random = SystemRandom::default();
        Queue::open(settings, self.keys(), clock, Arc::new(random)).unwrap()
    }

    pub fn keys(&self) -> QueueKeys {
        QueueKeys::load_or_create(&self.state("keys"), &SystemRandom::default()).unwrap()
    }

    pub fn key(&self) -> String {
        hex::encode(self.keys().public_key())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn state(&self, name: &str) -> PathBuf {
        self.path("state").join(name)
    }

    /// `sbkd queue …` with this terminal's configuration.
    pub fn queue(&self, args: &[&str]) -> Ran {
        let mut command = rig::bare();
        command.current_dir(self.dir.path()).args(["--json", "--config", "sbkd.toml", "queue"]).args(args);
        Ran::of(command)
    }

    /// What `sbkd queue …` tells when it is done.
    #[track_caller]
    pub fn done(&self, args: &[&str]) -> Value {
        let ran = self.queue(args);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{args:?}: {}", ran.stdout);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    /// The first record that `sbkd queue verify …` finds wrong, and what is wrong with it.
    #[track_caller]
    pub fn damaged(&self, args: &[&str]) -> (u64, String) {
        let ran = self.queue(args);
        let told: Value = serde_json::from_str(&ran.stdout).unwrap();
        let error = &told["error"];
        assert_eq!((ran.code, error["code"].as_str()), (Some(6), Some("E-QUEUE-DAMAGED")), "{args:?}: {told}");
        (error["record"].as_u64().unwrap(), error["what"].as_str().unwrap().to_owned())
    }
}

/// `sbkd queue …` of somebody who has nothing of the terminal.
pub fn outsider(dir: &Path, args: &[&str]) -> Ran {
    let mut command = rig::bare();
    command.current_dir(dir).args(["--json", "queue"]).args(args);
    Ran::of(command)
}

pub fn draft(key: &str) -> Draft {
    Draft {
        idempotency: key.into(),
        caller: None,
        scenario: "unemployment-sign-in".into(),
        kind: Kind::SignIn,
        business_date: DAY.parse().unwrap(),
        provisional: false,
        holder: PERSON.as_bytes().to_vec().into(),
        operator: "0007".into(),
        shift: Some("2015080310000000".into()),
        amount: Some(Fen(151_600)),
        cancels: None,
        payload: json!({"certno": PERSON, "key": key}),
        state: State::Pending,
    }
}

/// Somebody with the file in hand: no trigger, no check, no reference holds them, and the triggers stand again afterwards.
pub fn tamper(path: &Path, sql: &str) {
    let db = Connection::open(path).unwrap();
    let triggers = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'";
    let triggers: Vec<(String, String)> = db
        .prepare(triggers)
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    db.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON").unwrap();
    for (name, _) in &triggers {
        db.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    db.execute_batch(sql).unwrap();
    for (_, trigger) in &triggers {
        // A table that is gone has none any more.
        drop(db.execute_batch(trigger));
    }
}

/// Every file of a folder with its bytes.
pub fn bytes_of(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}
