//! The terminal's neighbours go away and come back.

use std::io::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sbkd::queue::{Faults, Filter, Point, QueueError, State};
use sbkd::terminal::{CaseState, Condition, NewCase, Status, What};
use sbkd::world::{NoRandom, Random, SystemRandom};
use serde_json::Value;

use crate::counter::{Counter, HOLDER, PSAM, Setup, bill, bill_of, held_at, new_case, numbered, psam, statement};
use crate::queries::confirmed;

const SETTLE: &str = "medical-settlement";

/// A counter whose centre has told it of the person, and is away now.
fn left_alone(config: &'static str) -> Counter {
    let mut counter = Counter::with(Setup { config, ..Setup::default() });
    let view = counter.decided(SETTLE, bill());
    counter.terminal.cancel(view.id).unwrap();
    counter.stop_centre();
    counter
}

#[test]
fn without_the_centre_a_settlement_is_provisional_and_settled_later() {
    let mut counter = left_alone("");
    let view = counter.decided(SETTLE, bill());
    assert_eq!((view.state, view.provisional), (CaseState::WaitingConfirmation, true), "{:?}", view.failure);
    assert!(view.centre.is_none());
    let view = counter.confirmed(view.id);
    assert_eq!(view.state, CaseState::ProvisionalDone, "{:?}", view.failure);
    assert!(view.slip.unwrap().join("\n").contains("以中心结算为准"));
    let row = counter.transactions().remove(0);
    assert!(row.provisional && row.state.is_open());
    counter.start_centre();
    counter.wait_for_state(row.id, State::Acked);
    counter.wait_for_condition(Condition::UplinkAway, false);
    let (journal, _dir) = counter.journal();
    let payload = journal.payload(row.id).unwrap().unwrap();
    assert_eq!(payload["detail"]["infno"], "2304", "what it is cancelled by goes by it");
}

#[test]
fn what_needs_the_centre_is_not_stored_for_one_that_went_since_it_was_decided() {
    let pension = include_str!("../../fixtures/scenarios/pension-collection.toml");
    let change = include_str!("../../fixtures/scenarios/designated-institution-change.toml");
    for (scenario, card, fixture) in
        [("pension-collection", "v3-retired", pension), ("designated-institution-change", "v3-sm4", change)]
    {
        let fixture: Value = toml::from_str(fixture).unwrap();
        let mut counter = Counter::with(Setup { card, ..Setup::default() });
        let agreed = |counter: &Counter| {
            let view = counter.decided(scenario, fixture["form"].clone());
            assert_eq!(view.state, CaseState::WaitingConfirmation, "{scenario}: {:?}", view.failure);
            view
        };
        let view = agreed(&counter);
        counter.stop_centre();
        let view = confirmed(&counter, &view, "123456");
        assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::Refused, "E-TERM-UPLINK-AWAY"));
        assert!(view.transaction.is_none() && counter.transactions().is_empty(), "{scenario}");
        counter.start_centre();
        counter.wait_for_condition(Condition::UplinkAway, false);
        let view = agreed(&counter);
        let view = confirmed(&counter, &view, "123456");
        assert_eq!(view.state, CaseState::Done, "{scenario}: {:?}", view.failure);
    }
}

#[test]
fn a_provisional_settlement_that_the_centre_settles_otherwise_is_told() {
    let seed = Some(Some("seed-other-accumulators.toml"));
    let mut counter = Counter::with(Setup { centre: seed, ..Setup::default() });
    assert_eq!(counter.decided(SETTLE, bill()).state, CaseState::Referred);
    counter.stop_centre();
    let view = counter.carried_out(SETTLE, bill());
    assert_eq!(view.state, CaseState::ProvisionalDone, "{:?}", view.failure);
    let mut events = counter.terminal.events(None);
    counter.start_centre();
    let told =
        counter.next_event(&mut events, |what| matches!(what, What::Transaction { state, .. } if state == "acked"));
    let What::Transaction { id, differs, .. } = told else { panic!("{told:?}") };
    assert!(["hifp_pay", "psn_cash_pay"].iter().all(|name| differs.iter().any(|field| field == name)), "{differs:?}");
    assert_eq!(counter.terminal.transaction(id).unwrap().unwrap().differs, differs);
}

#[test]
fn beyond_the_limits_nothing_is_provisional() {
    let counter = left_alone("");
    let refused = |amount: &str| {
        let view = counter.decided(SETTLE, bill_of(amount));
        assert_eq!(view.state, CaseState::Refused, "{amount}");
        view.failure.unwrap()
    };
    assert_eq!(refused("50000.01").entry.code, "E-TERM-LIMIT");
    let first = counter.carried_out(SETTLE, bill_of("45000.00"));
    assert_eq!(first.state, CaseState::ProvisionalDone);
    // The day's sum counts what was committed.
    let second = refused("35000.01");
    assert!(second.detail.unwrap().contains("person"));
    let fits = counter.decided(SETTLE, bill_of("35000.00"));
    assert_eq!(fits.state, CaseState::WaitingConfirmation);
}

#[test]
fn a_restart_forgets_neither_what_was_settled_alone_nor_the_days_sum() {
    let counter = left_alone("");
    let first = counter.carried_out(SETTLE, bill_of("45000.00"));
    assert_eq!(first.state, CaseState::ProvisionalDone, "{:?}", first.failure);
    let mut counter = counter.restarted("nothing");
    let refused = counter.decided(SETTLE, bill_of("35000.01"));
    assert_eq!(refused.failure.map(|failure| failure.entry.code), Some("E-TERM-LIMIT"));
    let fits = counter.decided(SETTLE, bill_of("35000.00"));
    assert_eq!(fits.state, CaseState::WaitingConfirmation, "{:?}", fits.failure);
    // 12000.00 that the centre told, and the 34720.00 since.
    assert!(fits.decision.unwrap().value()["trace"].to_string().contains("46720.00"));
    let row = counter.transactions().remove(0);
    counter.start_centre();
    counter.wait_for_state(row.id, State::Acked);
}

#[test]
fn cases_that_are_carried_out_at_once_do_not_pass_the_limits_together() {
    const READERS: [&str; 8] = [
        "Counter 10 00",
        "Counter 11 00",
        "Counter 12 00",
        "Counter 13 00",
        "Counter 14 00",
        "Counter 15 00",
        "Counter 16 00",
        "Counter 17 00",
    ];
    // The journal's writer is held until all are on their way.
    let (gate, faults) = held_at(Point::Begin);
    let mut counter = Counter::with(Setup { more_readers: &READERS, faults, ..Setup::default() });
    let case = |counter: &Counter, reader: &str| {
        let new = NewCase { reader: Some(reader.into()), ..new_case(SETTLE, Some(bill_of("45000.00"))) };
        let id = counter.terminal.open_case(new).unwrap().id;
        counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation);
        id
    };
    let first = case(&counter, HOLDER);
    counter.terminal.cancel(first).unwrap();
    counter.stop_centre();
    // Each keeps within the day's 80000.00 by itself; two of them do not.
    let cases: Vec<_> = READERS.iter().map(|reader| case(&counter, reader)).collect();
    gate.set(true);
    for id in &cases {
        counter.terminal.confirm(*id).unwrap();
    }
    gate.set(false);
    let ends: Vec<CaseState> = cases.iter().map(|id| counter.ended(*id).state).collect();
    assert_eq!(ends.iter().filter(|end| **end == CaseState::ProvisionalDone).count(), 1, "{ends:?}");
    assert_eq!(counter.transactions().len(), 1);
}

#[test]
fn a_person_the_centre_never_told_of_is_not_settled_alone() {
    let counter = Counter::with(Setup { centre: None, ..Setup::default() });
    let view = counter.decided(SETTLE, bill());
    assert_eq!(view.state, CaseState::Refused);
    assert_eq!(view.failure.unwrap().entry.code, "E-TERM-NO-RECORD");
    assert!(counter.transactions().is_empty());
}

#[test]
fn a_provisional_settlement_counts_in_the_next() {
    let counter = left_alone("");
    counter.carried_out(SETTLE, bill());
    let view = counter.decided(SETTLE, numbered("2"));
    let trace = view.decision.unwrap().value()["trace"].to_string();
    // 12000.00 that the centre told, and the 22720.00 since.
    assert!(trace.contains("34720.00"), "{trace}");
}

#[test]
fn a_psam_that_is_away_is_a_condition_that_heals() {
    let counter = Counter::with(Setup { psam: false, ..Setup::default() });
    let id = counter.open(SETTLE, Some(bill()));
    let view = counter.ended(id);
    assert_eq!(view.state, CaseState::Failed);
    assert_eq!(view.failure.unwrap().entry.code, "E-KEYS-NO-PSAM");
    assert!(view.holder.is_none());
    counter.wait_for_condition(Condition::KeysAway, true);
    assert_eq!(counter.terminal.health().status, Status::Degraded);
    counter.readers.insert(PSAM, psam("v3-sm4"));
    counter.wait_for_condition(Condition::KeysAway, false);
    assert_eq!(counter.decided(SETTLE, bill()).state, CaseState::WaitingConfirmation);
}

#[test]
fn a_card_service_that_is_away_refuses_and_heals() {
    let counter = Counter::new();
    counter.readers.service(false);
    counter.wait_for_condition(Condition::CardServiceAway, true);
    let view = counter.terminal.open_case(new_case(SETTLE, Some(bill()))).unwrap();
    assert_eq!(view.state, CaseState::Refused);
    assert_eq!(view.failure.unwrap().entry.code, "E-TERM-CARD-SERVICE-AWAY");
    counter.readers.service(true);
    counter.wait_for_condition(Condition::CardServiceAway, false);
    assert_eq!(counter.carried_out(SETTLE, bill()).state, CaseState::Done);
}

#[test]
fn a_case_that_waits_for_a_card_outlives_the_card_services_absence() {
    let counter = Counter::new();
    let card = counter.readers.remove(HOLDER).unwrap();
    let id = counter.open(SETTLE, Some(bill()));
    counter.readers.service(false);
    counter.wait_for_condition(Condition::CardServiceAway, true);
    counter.readers.insert(HOLDER, card);
    counter.readers.service(true);
    let view = counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation || view.state.is_final());
    assert_eq!(view.state, CaseState::WaitingConfirmation, "{:?}", view.failure);
}

#[test]
fn a_disk_that_fails_commits_nothing_and_says_so_and_heals() {
    for point in [Point::Begin, Point::Insert, Point::Sign, Point::Commit] {
        let broken = Arc::new(AtomicBool::new(false));
        let switch = broken.clone();
        let faults = Faults::new(move |at| {
            if at == point && switch.load(Ordering::SeqCst) { Err(QueueError::StorageFull) } else { Ok(()) }
        });
        let counter = Counter::with(Setup { faults, ..Setup::default() });
        let view = counter.decided("unemployment-sign-in", statement());
        broken.store(true, Ordering::SeqCst);
        let view = counter.confirmed(view.id);
        assert!(matches!(view.state, CaseState::Refused | CaseState::Failed), "{point:?}: {:?}", view.state);
        assert!(view.slip.is_none() && view.transaction.is_none(), "{point:?}");
        assert!(counter.transactions().is_empty(), "{point:?}");
        broken.store(false, Ordering::SeqCst);
        counter.wait_for_condition(Condition::Storage, false);
        let view = counter.carried_out("unemployment-sign-in", statement());
        assert_eq!(view.state, CaseState::Done, "{point:?}: {:?}", view.failure);
    }
}

#[test]
fn an_anchor_that_is_not_written_is_a_disk_that_fails() {
    let broken = Arc::new(AtomicBool::new(false));
    let switch = broken.clone();
    let faults = Faults::new(move |at| match at == Point::Anchor && switch.load(Ordering::SeqCst) {
        true => Err(QueueError::StorageFull),
        false => Ok(()),
    });
    let counter = Counter::with(Setup { faults, ..Setup::default() });
    let view = counter.decided("unemployment-sign-in", statement());
    broken.store(true, Ordering::SeqCst);
    // It is durable, and told so.
    assert_eq!(counter.confirmed(view.id).state, CaseState::Done);
    let view = counter.decided(SETTLE, bill());
    assert_eq!(view.state, CaseState::Refused);
    assert_eq!(view.failure.unwrap().entry.code, "E-TERM-STORAGE");
    assert!(counter.terminal.health().conditions.contains(&Condition::Storage));
    broken.store(false, Ordering::SeqCst);
    counter.wait_for_condition(Condition::Storage, false);
    assert_eq!(counter.carried_out(SETTLE, bill()).state, CaseState::Done);
}

#[test]
fn a_terminal_that_stops_begins_nothing_and_ends_what_waits() {
    let counter = Counter::new();
    let view = counter.decided(SETTLE, bill());
    counter.terminal.drain();
    let view = counter.ended(view.id);
    assert_eq!(view.state, CaseState::Cancelled);
    assert_eq!(view.failure.unwrap().entry.code, "E-TERM-DRAINING");
    let refused = counter.terminal.open_case(new_case(SETTLE, None)).unwrap_err();
    assert_eq!(refused.entry.code, "E-TERM-DRAINING");
    assert_eq!(counter.terminal.health().status, Status::Draining);
}

#[test]
fn what_somebody_agreed_to_is_finished_though_the_terminal_stops() {
    let (gate, faults) = held_at(Point::Begin);
    let counter = Counter::with(Setup { faults, ..Setup::default() });
    let view = counter.decided("unemployment-sign-in", statement());
    let mut events = counter.terminal.events(None);
    gate.set(true);
    assert_eq!(counter.terminal.confirm(view.id).unwrap().state, CaseState::Committing);
    std::thread::scope(|threads| {
        threads.spawn(|| counter.terminal.drain());
        counter.next_event(&mut events, |what| matches!(what, What::Condition { condition: Condition::Draining, .. }));
        gate.set(false);
    });
    let view = counter.ended(view.id);
    assert_eq!(view.state, CaseState::Done, "{:?}", view.failure);
}

/// Panics once on a case's thread: a defect of this program.
struct Defect(AtomicBool);

impl Random for Defect {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        let in_case = std::thread::current().name() == Some("case read");
        assert!(!(in_case && self.0.swap(false, Ordering::SeqCst)), "a defect, for the test");
        SystemRandom::default().fill(bytes)
    }
}

#[test]
fn a_defect_ends_one_case_and_nothing_else() {
    let random = Arc::new(Defect(AtomicBool::new(true)));
    let counter = Counter::with(Setup { random, ..Setup::default() });
    let view = counter.decided(SETTLE, bill());
    assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::Failed, "E-TERM-DEFECT"));
    assert!(counter.transactions().is_empty());
    assert_eq!(counter.carried_out(SETTLE, bill()).state, CaseState::Done);
}

/// Set where a test runs on a disk of its own that is small.
const SMALL_DISK: &str = "SBKD_TEST_SMALL_DISK";

#[test]
fn a_disk_that_is_really_full_loses_nothing_that_was_told() {
    if std::env::var_os(SMALL_DISK).is_none() {
        return on_a_small_disk("away::a_disk_that_is_really_full_loses_nothing_that_was_told");
    }
    let counter = left_alone("");
    let filler = counter.dir.path().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 1024]).is_ok() {}
    drop(file);
    // What the journal's files have room for may still be committed.
    let mut told = 0;
    let refused = loop {
        let view = counter.decided(SETTLE, bill_of("1.00"));
        let view = if view.state.is_final() { view } else { counter.confirmed(view.id) };
        if view.state != CaseState::ProvisionalDone {
            break view;
        }
        told += 1;
        assert!(told < 150, "the disk does not fill");
    };
    assert_eq!(refused.state, CaseState::Refused, "{:?}", refused.failure);
    let code = refused.failure.unwrap().entry.code;
    assert!(["E-QUEUE-STORAGE-FULL", "E-TERM-STORAGE"].contains(&code), "{code}");
    let kept = |counter: &Counter| {
        let all = Filter { limit: Some(1000), ..Filter::default() };
        counter.terminal.transactions(&all).unwrap().len()
    };
    assert_eq!(kept(&counter), told);

    std::fs::remove_file(filler).unwrap();
    counter.wait_for_condition(Condition::Storage, false);
    assert_eq!(counter.carried_out(SETTLE, bill_of("1.00")).state, CaseState::ProvisionalDone);
    let counter = counter.restarted("nothing");
    assert_eq!(kept(&counter), told + 1);
}

/// Runs one test of this program with a file system of 4 MB for its files.
fn on_a_small_disk(test: &str) {
    let disk = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=4m none \"$1\" && TMPDIR=$1 exec \"$2\" --exact \"$3\"";
    let ran = Command::new("unshare")
        .args(["-rm", "sh", "-c", script, "sh"])
        .arg(disk.path())
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(SMALL_DISK, "1")
        .output()
        .unwrap();
    let told = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    // A name that fits no test ends well, too.
    assert!(ran.status.success() && told.contains("1 passed"), "{told}");
}
