//! What a running terminal does for its journal by itself.

use std::path::Path;
use std::sync::Arc;

use sbkd::config::Config;
use sbkd::queue::{Draft, Filter, Note, Queue, State};
use sbkd::store::{Accumulators, Store, Told};
use sbkd::terminal::{Condition, NewCase, Parts, Terminal as Running, What};
use sbkd::value::Fen;
use sbkd::virtual_card::VirtualReaders;
use sbkd::wire::{Outcome, Receipt};
use sbkd::world::{Clock as _, FixedClock, SystemClock, SystemRandom};
use serde_json::json;
use uuid::Uuid;

use crate::rig::until;
use crate::world::{Terminal, draft, tamper};

/// The terminal's daemon, in this process.
struct Daemon {
    terminal: Arc<Running>,
    runtime: tokio::runtime::Runtime,
}

impl Daemon {
    fn parts(of: &Terminal) -> (Parts, tokio::runtime::Runtime) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let parts = Parts {
            config: Arc::new(Config::load(&of.path("sbkd.toml")).unwrap()),
            readers: VirtualReaders::new(&[]),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::default()),
            runtime: runtime.handle().clone(),
        };
        (parts, runtime)
    }

    fn start(of: &Terminal) -> Self {
        let (parts, runtime) = Self::parts(of);
        Self { terminal: Running::start(parts).unwrap(), runtime }
    }

    /// Why a case is refused that is opened now: by the terminal's state, or else because the packs are of 2015.
    fn refused(&self) -> &'static str {
        let case = NewCase {
            scenario: "unemployment-sign-in".into(),
            part: None,
            operator: "0007".into(),
            reader: None,
            input: None,
            undo: None,
            reason: None,
            idempotency: None,
        };
        match self.terminal.open_case(case) {
            Ok(opened) => opened.failure.expect("no pack is of today").entry.code,
            Err(failure) => failure.entry.code,
        }
    }

    /// Waits for an event of the journal with this change.
    fn told(&self, change: &str) -> What {
        until("the journal is looked after", || {
            let kept = self.terminal.events(Some(0)).backlog.into_iter().map(|event| event.what);
            kept.into_iter().find(|what| matches!(what, What::Journal { change: told, .. } if *told == change))
        })
    }

    fn stop(self) {
        self.terminal.drain();
        drop(self.terminal);
        self.runtime.shutdown_background();
    }
}

/// A journal of 2015 with so many answered transactions, each of another holder.
fn old(records: u8) -> (Terminal, Queue) {
    let terminal = Terminal::new();
    let queue = terminal.open_at(Arc::new(FixedClock("2015-08-03T02:00:00Z".parse().unwrap())));
    for n in 0..records {
        let row = queue.commit(Draft { holder: vec![n].into(), ..draft(&n.to_string()) }).unwrap().row;
        queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
        let receipt = Receipt {
            id: row.id,
            outcome: Outcome::Accepted,
            centre_no: "C1".into(),
            received_at: row.created_at,
            output: json!({}),
        };
        queue.advance(row.id, State::Acked, receipt.into()).unwrap();
    }
    (terminal, queue)
}

/// One more, that the centre accepted at a moment by its own clock, and said so.
fn accepted(queue: &Queue, received_at: jiff::Timestamp) {
    queue.centre_said(received_at);
    let row = queue.commit(Draft { holder: b"now".to_vec().into(), ..draft("now") }).unwrap().row;
    queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
    let (outcome, centre_no, output) = (Outcome::Accepted, "C2".into(), json!({}));
    queue
        .advance(row.id, State::Acked, Receipt { id: row.id, outcome, centre_no, received_at, output }.into())
        .unwrap();
}

fn told_long_ago(state: &Path, queue: &Queue) -> Store {
    let store = Store::open(state).unwrap();
    let at = "2015-08-03T02:00:00Z".parse().unwrap();
    let told = Accumulators { values: serde_json::Map::new(), as_of: at, asked: at, place: None };
    store.remember_accumulators(queue.holder_tag(&[1]), "310/2015", &told).unwrap();
    store
}

#[test]
fn all_is_proved_and_what_is_old_is_erased() {
    let (terminal, queue) = old(5);
    let tag = queue.holder_tag(&[1]);
    let store = told_long_ago(&terminal.state("store.db"), &queue);
    assert!(store.accumulators(tag, "310/2015").unwrap().is_some());
    let erased = queue.list(&Filter::default()).unwrap()[0].id;
    for id in [erased, Uuid::from_u128(7)] {
        let at = "2015-08-03T02:00:00Z".parse().unwrap();
        let told = Told { id, revision: 1, holder: tag, operator: "0001", shift: "S1", cash: Some(Fen(100)), at };
        store.acknowledge(&told).unwrap();
    }
    queue.close();
    drop((queue, store));
    let queue = terminal.open();
    accepted(&queue, SystemClock.now());
    queue.close();
    drop(queue);
    let daemon = Daemon::start(&terminal);
    assert!(matches!(daemon.told("verified"), What::Journal { records: Some(6), record: None, .. }));
    assert!(matches!(daemon.told("erased"), What::Journal { records: Some(5), .. }));
    let health = daemon.terminal.health().queue.unwrap();
    assert!(health.verified_at.is_some() && health.damaged.is_empty());
    let rows = daemon.terminal.transactions(&Default::default()).unwrap();
    assert_eq!(rows.iter().filter(|row| row.erased).count(), 5);
    daemon.stop();
    assert_eq!(terminal.done(&["verify", "--anchor"])["payloads"], 1);
    let store = Store::open(&terminal.state("store.db")).unwrap();
    assert_eq!(store.accumulators(tag, "310/2015").unwrap(), None);
    assert_eq!(store.acknowledged(tag).unwrap().len(), 2, "its header tells of it for ever, and nobody is told twice");
}

#[test]
fn a_clock_that_is_a_year_ahead_of_the_centre_erases_nothing() {
    let (terminal, queue) = old(5);
    let tag = queue.holder_tag(&[1]);
    let store = told_long_ago(&terminal.state("store.db"), &queue);
    // By the clock of the host all of it was over long ago.
    accepted(&queue, SystemClock.now() - jiff::SignedDuration::from_hours(366 * 24));
    queue.close();
    drop((queue, store));
    let daemon = Daemon::start(&terminal);
    let What::Journal { why: Some(why), records: None, .. } = daemon.told("kept") else { panic!("no reason") };
    assert!(why.contains("the newest time of the centre"), "{why}");
    assert!(daemon.terminal.transactions(&Default::default()).unwrap().iter().all(|row| !row.erased));
    daemon.stop();
    let store = Store::open(&terminal.state("store.db")).unwrap();
    assert!(store.accumulators(tag, "310/2015").unwrap().is_some());
}

#[test]
fn damage_further_back_is_told_and_nothing_is_erased() {
    let (terminal, queue) = old(120);
    queue.close();
    drop(queue);
    tamper(&terminal.state("queue.db"), "UPDATE entries SET amount = 1 WHERE sequence = 7");
    let daemon = Daemon::start(&terminal);
    assert!(matches!(daemon.told("damaged"), What::Journal { record: Some(7), .. }));
    until("health has it", || {
        let queue = daemon.terminal.health().queue?;
        (queue.verified_at.is_some() && queue.damaged == [7]).then_some(())
    });
    // Nothing new begins, and whoever asks is told why.
    assert!(daemon.terminal.health().conditions.contains(&Condition::Storage));
    assert_eq!(daemon.refused(), "E-QUEUE-DAMAGED");
    daemon.stop();
    // It is known at the next start, though the damage is far from the journal's end.
    let (parts, _runtime) = Daemon::parts(&terminal);
    assert_eq!(Running::start(parts).err().map(|failure| failure.entry.code), Some("E-QUEUE-DAMAGED"));
    let whole = terminal.damaged(&["verify"]);
    assert_eq!(whole.0, 7);
    tamper_back(&terminal);
    assert_eq!(terminal.done(&["verify"])["payloads"], 120, "nothing was erased");
    let daemon = Daemon::start(&terminal);
    daemon.told("verified");
    assert!(!daemon.terminal.health().conditions.contains(&Condition::Storage));
    assert_eq!(daemon.refused(), "E-RULES-NO-VERSION", "the journal refuses nothing any more");
    daemon.stop();
}

/// As it was.
fn tamper_back(terminal: &Terminal) {
    tamper(&terminal.state("queue.db"), "UPDATE entries SET amount = 151600 WHERE sequence = 7");
}
