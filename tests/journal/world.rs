//! What the proofs share: a journal in a folder, its drafts, and this program started again as a process that may die.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sbkd::queue::{Draft, Faults, Queue, QueueError, QueueKeys, Row, Settings, State};
use sbkd::value::{Fen, Kind};
use sbkd::wire::{Outcome, Receipt};
use sbkd::world::{Clock, FixedClock, SystemRandom};
use serde_json::json;
use zeroize::Zeroizing;

/// Tells a child where it works; without it, it is no child.
const CHILD: &str = "SBKD_TEST_CHILD";

/// How long a journal may be somebody else's before a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether all of it is wanted, and not a sample.
pub fn full() -> bool {
    std::env::var_os("SBKD_FULL").is_some_and(|value| value == "1")
}

/// This program once more, to run `test`, one that is ignored otherwise, in `dir`.
pub fn child(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
    command.args([test, "--exact", "--ignored", "--nocapture"]).env(CHILD, dir);
    command
}

/// Where a child works; `None` in a process that nobody started as one.
pub fn child_dir() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

pub fn settings(dir: &Path) -> Settings {
    Settings {
        path: dir.join("queue.db"),
        anchor: dir.join("queue.anchor"),
        terminal: "H44010099999".into(),
        demo: true,
    }
}

/// The keys of a folder, made when there are none.
pub fn keys(dir: &Path) -> QueueKeys {
    QueueKeys::load_or_create(&dir.join("keys"), &SystemRandom::default()).expect("the keys")
}

/// The journal of a folder with the keys of another.
pub fn open(dir: &Path, keys: QueueKeys, faults: Faults) -> Result<Queue, QueueError> {
    open_at(dir, keys, faults, Arc::new(FixedClock("2015-08-03T02:00:00Z".parse().expect("a moment"))))
}

pub fn open_at(dir: &Path, keys: QueueKeys, faults: Faults, clock: Arc<dyn Clock>) -> Result<Queue, QueueError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let random = Arc::new(SystemRandom::default());
        match Queue::open_with_faults(settings(dir), keys.clone(), clock.clone(), random, faults.clone()) {
            // A child that another test starts has the lock of what is closed here until it is a program of its own.
            Err(QueueError::InUse) if Instant::now() < deadline => std::thread::yield_now(),
            opened => return opened,
        }
    }
}

/// The draft that a key stands for, the same each time. Some are longer than a page of the database.
pub fn draft(key: &str) -> Draft {
    let words = "缴费基数核定".repeat(key.len() % 7 * 60);
    Draft {
        idempotency: key.into(),
        caller: None,
        scenario: "unemployment-sign-in".into(),
        kind: Kind::SignIn,
        business_date: jiff::civil::date(2015, 8, 3),
        provisional: false,
        holder: Zeroizing::new(b"440103198806120021".to_vec()),
        operator: "0007".into(),
        shift: None,
        amount: Some(Fen(151_600)),
        cancels: None,
        payload: json!({ "name": "王小雅", "key": key, "words": words }),
        state: State::Pending,
    }
}

/// The centre's acknowledgement of a row.
pub fn receipt(row: &Row) -> Receipt {
    Receipt {
        id: row.id,
        outcome: Outcome::Accepted,
        centre_no: "C1".into(),
        received_at: "2015-08-03T02:00:01Z".parse().expect("a moment"),
        output: json!({ "month": "2015-08" }),
    }
}
