//! What came out otherwise than a holder was told is told at their next case, until that is acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use jiff::SignedDuration;
use sbkd::center;
use sbkd::queue::{Faults, Filter, Point, QueueError, State};
use sbkd::store::Action;
use sbkd::terminal::{CaseState, CaseView, Condition, Notice, Status, What};
use sbkd::world::{Clock as _, Random, SystemRandom, shanghai};

use crate::alarm::Hands;
use crate::counter::{Counter, Gate, HOLDER, PATIENCE, Setup, bill, bill_of, chip, new_case, numbered, statement};

const SETTLE: &str = "medical-settlement";
const SIGN_IN: &str = "unemployment-sign-in";

/// The notices that a case of the holder carries now.
fn notices(counter: &Counter) -> Vec<Notice> {
    let view = counter.decided(SETTLE, numbered("9"));
    if !view.state.is_final() {
        counter.terminal.cancel(view.id).unwrap();
    }
    view.notices.unwrap()
}

/// Settled by the terminal alone, and then delivered.
fn delivered(counter: &mut Counter, state: State, faults: center::Faults) -> CaseView {
    counter.stop_centre();
    let view = counter.carried_out(SETTLE, bill());
    assert_eq!(view.state, CaseState::ProvisionalDone, "{:?}", view.failure);
    counter.start_centre();
    counter.centre_faults(faults);
    counter.wait_for_state(counter.transactions()[0].id, state);
    view
}

#[test]
fn a_settlement_that_came_out_otherwise_is_told_at_the_next_case() {
    // The centre tells other accumulators than it settles with.
    let seed = Some(Some("seed-other-accumulators.toml"));
    let mut counter = Counter::with(Setup { centre: seed, ..Setup::default() });
    assert_eq!(counter.decided(SETTLE, bill()).state, CaseState::Referred);
    assert!(notices(&counter).is_empty());
    let view = delivered(&mut counter, State::Acked, center::Faults::default());
    assert!(view.as_of.is_some() && view.notices.unwrap().is_empty());
    let told = notices(&counter);
    assert_eq!(told.len(), 1);
    let row = counter.transactions().remove(0);
    assert_eq!((told[0].transaction, &told[0].differs), (row.id, &row.differs));
    assert!(told[0].differs.iter().any(|name| name == "psn_cash_pay"), "{told:?}");
    let (collected, owed) = (told[0].collected.unwrap(), told[0].owed.unwrap());
    assert!(collected.to_string() == "7280.00" && owed > collected, "{told:?}");

    assert_eq!(counter.terminal.acknowledge(row.id, 0, " ").unwrap_err().entry.code, "E-TERM-OPERATOR");
    assert_eq!(counter.terminal.acknowledge(row.id, 0, "0002").unwrap().id, row.id);
    assert!(notices(&counter).is_empty());
    let counter = counter.restarted("nothing");
    assert!(notices(&counter).is_empty(), "acknowledged for good");
}

#[test]
fn figures_that_are_taken_over_after_a_holder_was_told_are_told_again() {
    let counter = Counter::new();
    let view = counter.carried_out(SETTLE, bill());
    let row = counter.transactions().remove(0);
    let day = shanghai().to_datetime(row.updated_at).date();
    let mut told_before = 0;
    // What they were told the first time was seen to then: the second time it is the rest.
    for (had, cash, now) in [("7280.00", "6800.00", "-480.00"), ("6800.00", "6900.00", "100.00")] {
        let other = "UPDATE settlements SET reply = json_set(reply, '$.setlinfo.psn_cash_pay', ?1)";
        at_the_centre(&counter, other, cash);
        adopted(&counter, day);
        let told = notices(&counter).remove(0);
        let yuan = |sum: Option<sbkd::value::Fen>| sum.unwrap().to_string();
        assert_eq!([yuan(told.collected), yuan(told.owed), yuan(told.cash)], [had, cash, now]);
        let earlier = counter.terminal.acknowledge(row.id, told_before, "0002").unwrap_err();
        assert_eq!(earlier.entry.code, "E-TERM-NOTICE-CHANGED", "what they were told before is not how it stands now");
        counter.terminal.acknowledge(row.id, told.revision, "0002").unwrap();
        told_before = told.revision;
        assert!(notices(&counter).is_empty());
    }
    assert_eq!(told_before, 2);
    let totals = counter.terminal.shift(&view.shift.unwrap()).unwrap().totals;
    assert_eq!(totals[0].cash.unwrap().to_string(), "7280.00", "what was collected at the counter");
    let theirs = counter.terminal.shifts(9).unwrap().into_iter().find(|shift| shift.operator == "0002").unwrap();
    let told = counter.terminal.close_shift(&theirs.number).unwrap().told;
    assert_eq!((told.count, told.cash.unwrap().to_string().as_str()), (2, "-380.00"));
}

#[test]
fn a_store_that_cannot_be_read_keeps_nobody_from_their_case() {
    let counter = Counter::new();
    let store = rusqlite::Connection::open(counter.dir.path().join("state/store.db")).unwrap();
    store.execute_batch("DROP TABLE told").unwrap();
    let view = counter.carried_out(SIGN_IN, statement());
    assert_eq!((view.state, view.notices), (CaseState::Done, None));
}

#[test]
fn what_the_centre_refused_is_told_to_its_holder_and_to_nobody_else() {
    let mut counter = Counter::new();
    counter.terminal.cancel(counter.decided(SETTLE, bill()).id).unwrap();
    delivered(&mut counter, State::Refused, center::Faults { refuse: 1, ..Default::default() });
    let told = notices(&counter);
    assert_eq!(told.len(), 1);
    assert!(told[0].refusal.as_ref().unwrap().starts_with("C-ON-PURPOSE ") && told[0].owed.is_none(), "{told:?}");
    // What anybody may see has the code alone.
    let (id, said) = (told[0].transaction, told[0].refusal.clone().unwrap());
    let row = counter.terminal.transaction(id).unwrap().unwrap();
    assert_eq!(row.refusal.as_deref(), Some("C-ON-PURPOSE"));
    let words = counter.terminal.centre_refusal(id).unwrap().unwrap();
    assert!(words.text.len() > 4 && said == format!("{} {}", words.code, words.text), "{said}");
    // Another person's case carries nothing of it.
    counter.readers.remove(HOLDER);
    counter.readers.insert(HOLDER, chip("v1-3des"));
    assert!(counter.decided(SIGN_IN, statement()).notices.unwrap().is_empty());
}

#[test]
fn figures_that_leave_the_cash_as_it_was_are_told_too() {
    let counter = Counter::new();
    counter.carried_out(SETTLE, bill());
    let day = shanghai().to_datetime(counter.transactions()[0].updated_at).date();
    for (nth, account) in [(1, "480.00"), (2, "470.00")] {
        at_the_centre(&counter, "UPDATE settlements SET reply = json_set(reply, '$.setlinfo.acct_pay', ?1)", account);
        adopted(&counter, day);
        let told = notices(&counter).remove(0);
        assert_eq!(told.revision, nth);
        assert!(told.differs.iter().any(|name| name == "acct_pay"), "{told:?}");
        counter.terminal.acknowledge(told.transaction, told.revision, "0002").unwrap();
        assert!(notices(&counter).is_empty());
    }
}

#[test]
fn what_is_erased_before_its_holder_comes_is_told_all_the_same() {
    let counter = Counter::new();
    counter.carried_out(SETTLE, bill());
    let day = shanghai().to_datetime(counter.transactions()[0].updated_at).date();
    let cash = "UPDATE settlements SET reply = json_set(reply, '$.setlinfo.psn_cash_pay', ?1)";
    at_the_centre(&counter, cash, "6800.00");
    adopted(&counter, day);
    let told = notices(&counter).remove(0);
    counter.terminal.acknowledge(told.transaction, told.revision, "0002").unwrap();
    // Another time after they were told, and they do not come before it is erased.
    at_the_centre(&counter, cash, "6900.00");
    adopted(&counter, day);
    let counter =
        counter.restarted_after(|queue| assert_eq!(queue.erase(jiff::Timestamp::MAX).unwrap().transactions, 1));
    let told = notices(&counter).remove(0);
    assert_eq!((told.transaction, told.revision), (counter.transactions()[0].id, 2));
    assert!(told.collected.is_none() && told.owed.is_none() && told.differs.contains(&"psn_cash_pay".to_owned()));
    assert_eq!(told.cash, None, "nobody knows any more");
    counter.terminal.acknowledge(told.transaction, 2, "0002").unwrap();
    assert!(notices(&counter).is_empty());
}

#[test]
fn a_settlement_that_is_found_when_nobody_waits_any_more_is_told_and_nothing_of_it_was_collected() {
    let broken = Arc::new(AtomicBool::new(false));
    let switch = broken.clone();
    let faults = Faults::new(move |at| match at == Point::Advance && switch.load(Ordering::SeqCst) {
        true => Err(QueueError::StorageFull),
        false => Ok(()),
    });
    let counter = Counter::with(Setup { faults, ..Setup::default() });
    let view = counter.decided(SETTLE, bill());
    broken.store(true, Ordering::SeqCst);
    // The centre settles, and the journal does not take its answer: the clerk is told that nobody knows.
    let view = counter.confirmed(view.id);
    assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::Failed, "E-SETTLE-UNSURE"));
    broken.store(false, Ordering::SeqCst);
    let row = counter.wait_for_state(counter.transactions()[0].id, State::Acked);
    assert_eq!(row.differs, ["outcome"]);
    counter.wait_for_condition(Condition::Storage, false);
    let told = notices(&counter).remove(0);
    assert_eq!((told.transaction, told.collected), (row.id, None));
    assert_eq!(told.owed.unwrap().to_string(), "7280.00");
    let total = counter.terminal.shift(&row.shift.unwrap()).unwrap().totals.remove(0);
    assert_eq!((total.state.as_str(), total.count, total.cash), ("acked", 1, Some(sbkd::value::Fen::ZERO)));
    assert_eq!(told.cash, told.owed);
    counter.terminal.acknowledge(row.id, told.revision, "0002").unwrap();
    assert!(notices(&counter).is_empty());
    // Who told them collected it, in their own shift, and once.
    counter.terminal.acknowledge(row.id, told.revision, "0002").unwrap();
    let shifts = counter.terminal.shifts(9).unwrap();
    let of = |operator: &str| shifts.iter().find(|shift| shift.operator == operator).unwrap().number.clone();
    let handed_over = counter.terminal.close_shift(&of("0002")).unwrap();
    assert_eq!((handed_over.told.count, handed_over.told.cash, handed_over.totals.len()), (1, told.owed, 0));
    let total = counter.terminal.close_shift(&of("0001")).unwrap();
    assert_eq!((total.told.count, total.totals[0].cash), (0, Some(sbkd::value::Fen::ZERO)));
}

#[test]
fn what_was_told_of_a_case_that_nobody_asked_is_not_collected_in_it_as_well() {
    let counter = Counter::new();
    let view = counter.decided(SETTLE, bill());
    counter.terminal.confirm(view.id).unwrap();
    counter.wait_for(view.id, |view| view.state.is_final());
    let told = notices(&counter).remove(0);
    counter.terminal.acknowledge(told.transaction, told.revision, "0001").unwrap();
    // Now somebody asks it.
    let view = counter.ended(view.id);
    assert_eq!(view.state, CaseState::Done);
    let shift = counter.terminal.close_shift(&view.shift.unwrap()).unwrap();
    assert_eq!((shift.totals[0].cash, shift.told.cash), (Some(sbkd::value::Fen::ZERO), told.owed));
    assert!(notices(&counter).is_empty());
}

#[test]
fn a_case_that_was_asked_meanwhile_is_not_told_once_more() {
    let counter = Counter::new();
    let view = counter.decided(SETTLE, bill());
    counter.terminal.confirm(view.id).unwrap();
    counter.wait_for(view.id, |view| view.state.is_final());
    let told = notices(&counter).remove(0);
    // Nobody was told by this, so it is still there to be shown.
    let other = counter.terminal.acknowledge(told.transaction, told.revision + 1, "0001").unwrap_err();
    assert_eq!(other.entry.code, "E-TERM-NOTICE-CHANGED");
    let view = counter.ended(view.id);
    let late = counter.terminal.acknowledge(told.transaction, told.revision, "0001").unwrap_err();
    assert_eq!(late.entry.code, "E-TERM-NO-NOTICE");
    let shift = counter.terminal.close_shift(&view.shift.unwrap()).unwrap();
    assert_eq!((shift.totals[0].cash, shift.told.count), (told.owed, 0));
}

/// A disk that fails once, at this point of this move of the first settlement.
fn failing(fails: Point, of: usize) -> Faults {
    let moves = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    Faults::new(move |at| {
        let step = usize::from(at == Point::Advance);
        let moved = moves.fetch_add(step, Ordering::SeqCst) + step;
        match at == fails && moved == of && !failed.swap(true, Ordering::SeqCst) {
            true => Err(QueueError::StorageFull),
            false => Ok(()),
        }
    })
}

/// How it comes that a counter hears nothing of a settlement that stands.
#[derive(Clone, Copy, PartialEq)]
enum Lost {
    /// The centre's answer is on the disk, and the terminal does not hear that it is.
    TheWord,
    /// The case has ended, and nobody asked it how before the terminal went.
    TheCounter,
}

#[test]
fn what_is_settled_and_was_shown_to_nobody_is_told_later_and_collected_by_nobody() {
    for lost in [Lost::TheWord, Lost::TheCounter] {
        let counter = match lost {
            Lost::TheWord => Counter::with(Setup { faults: failing(Point::Committed, 1), ..Setup::default() }),
            Lost::TheCounter => Counter::new(),
        };
        let view = counter.decided(SETTLE, bill());
        counter.terminal.confirm(view.id).unwrap();
        let view = counter.wait_for(view.id, |view| view.state.is_final());
        match lost {
            Lost::TheWord => {
                assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::Failed, "E-SETTLE-UNSURE"));
                counter.wait_for_condition(Condition::Storage, false);
            }
            Lost::TheCounter => assert_eq!(view.state, CaseState::Done),
        }
        let row = counter.transactions().remove(0);
        assert_eq!((row.state, row.differs.as_slice()), (State::Acked, &["outcome".to_owned()][..]));
        let told = notices(&counter).remove(0);
        assert_eq!((told.transaction, told.collected), (row.id, None));
        let cash =
            |counter: &Counter| counter.terminal.shift(row.shift.as_ref().unwrap()).unwrap().totals.remove(0).cash;
        assert_eq!(cash(&counter), Some(sbkd::value::Fen::ZERO), "nobody collected anything");
        // A restart changes nothing of it, and once it was shown there is nothing to tell.
        let counter = counter.restarted_after(|queue| {
            assert!(queue.get(row.id).unwrap().unwrap().is_untold());
            let shown = queue.shown(row.id).unwrap();
            assert!(shown.differs.is_empty() && shown.updated_at == row.updated_at);
            queue.verify().unwrap();
        });
        assert!(notices(&counter).is_empty());
        assert_eq!(cash(&counter).unwrap().to_string(), "7280.00");
    }
}

#[test]
fn what_was_shown_is_noted_whatever_the_disk_does_meanwhile() {
    // The second move is that it was shown.
    for fails in [Point::Advance, Point::Committed] {
        let counter = Counter::with(Setup { faults: failing(fails, 2), ..Setup::default() });
        let mut events = counter.terminal.events(None);
        let view = counter.carried_out(SETTLE, bill());
        assert_eq!(view.state, CaseState::Done, "the counter sees what stands");
        assert_eq!(view.transaction.unwrap()["differs"], serde_json::json!([]));
        for failed in [true, false] {
            counter.next_event(
                &mut events,
                |what| matches!(what, What::Condition { condition: Condition::Storage, present } if *present == failed),
            );
        }
        let shift = counter.terminal.close_shift(&view.shift.unwrap()).unwrap();
        assert_eq!(shift.totals[0].cash.unwrap().to_string(), "7280.00", "{fails:?}");
        assert!(notices(&counter).is_empty(), "{fails:?}");
        assert!(!counter.transactions()[0].is_untold());
    }
}

/// What the health and the list say that holders are still to be told: the transactions, the latest first.
fn untold(counter: &Counter) -> Vec<uuid::Uuid> {
    let rows = counter.terminal.untold(&Filter::default()).unwrap();
    let health = counter.terminal.health();
    assert_eq!(health.untold, Some(rows.len() as u64));
    assert_eq!(health.status == Status::Ok, rows.is_empty(), "{health:?}");
    rows.into_iter().map(|row| row.id).collect()
}

#[test]
fn what_a_holder_who_never_comes_back_does_not_know_is_in_the_health_and_in_the_list() {
    let seed = Some(Some("seed-other-accumulators.toml"));
    let mut counter = Counter::with(Setup { centre: seed, ..Setup::default() });
    counter.terminal.cancel(counter.decided(SIGN_IN, statement()).id).unwrap();
    assert!(untold(&counter).is_empty());
    // Kept as told: the centre has it so, and so has the journal.
    assert_eq!(counter.decided(SETTLE, bill()).state, CaseState::Referred);
    delivered(&mut counter, State::Acked, center::Faults::default());
    let settled = counter.transactions()[0].id;
    assert_eq!(untold(&counter), [settled]);
    counter.centre_faults(center::Faults { refuse: 1, ..Default::default() });
    counter.carried_out(SIGN_IN, statement());
    let refused = counter.transactions()[0].id;
    counter.wait_for_state(refused, State::Refused);
    assert_eq!(untold(&counter), [refused, settled]);
    let of = |state, limit| counter.terminal.untold(&Filter { states: vec![state], limit: Some(limit) }).unwrap();
    assert_eq!(of(State::Acked, 1).iter().map(|row| row.id).collect::<Vec<_>>(), [settled]);
    assert!(of(State::Pending, 9).is_empty());
    let rows = counter.terminal.untold(&Filter { states: Vec::new(), limit: Some(1) }).unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [refused]);
    // Somebody called the holder.
    counter.terminal.acknowledge(settled, 0, "0002").unwrap();
    assert_eq!(untold(&counter), [refused]);
    let counter = counter.restarted("nothing");
    assert_eq!(untold(&counter), [refused]);
    counter.terminal.acknowledge(refused, 0, "0002").unwrap();
    assert!(untold(&counter).is_empty());
}

#[test]
fn figures_that_are_taken_over_are_to_be_told_anew_by_the_health_too() {
    let counter = Counter::new();
    counter.carried_out(SETTLE, bill());
    let row = counter.transactions().remove(0);
    let day = shanghai().to_datetime(row.updated_at).date();
    for (revision, cash) in [(1, "6800.00"), (2, "6900.00")] {
        assert!(untold(&counter).is_empty());
        at_the_centre(&counter, "UPDATE settlements SET reply = json_set(reply, '$.setlinfo.psn_cash_pay', ?1)", cash);
        adopted(&counter, day);
        assert_eq!(untold(&counter), [row.id]);
        counter.terminal.acknowledge(row.id, revision, "0002").unwrap();
    }
    assert!(untold(&counter).is_empty());
}

#[test]
fn what_was_shown_to_nobody_is_in_the_health() {
    for lost in [Lost::TheWord, Lost::TheCounter] {
        let hands = Arc::new(Hands::now());
        let mut setup = Setup { clock: hands.clone(), ..Setup::default() };
        if lost == Lost::TheWord {
            setup.faults = failing(Point::Committed, 1);
        }
        let counter = Counter::with(setup);
        let view = counter.decided(SETTLE, bill());
        counter.terminal.confirm(view.id).unwrap();
        counter.wait_for(view.id, |view| view.state.is_final());
        match lost {
            Lost::TheWord => counter.wait_for_condition(Condition::Storage, false),
            Lost::TheCounter => {
                assert!(untold(&counter).is_empty(), "somebody is about to ask");
                hands.forward(60);
            }
        }
        let row = counter.transactions().remove(0);
        assert_eq!(untold(&counter), [row.id]);
        counter.terminal.acknowledge(row.id, 0, "0002").unwrap();
        assert!(untold(&counter).is_empty());
    }
}

#[test]
fn what_is_about_to_be_shown_is_not_in_the_health() {
    let (gate, moves) = (Gate::default(), AtomicUsize::new(0));
    let before = gate.clone();
    let faults = Faults::new(move |at| {
        // The second move is that it was shown.
        if at == Point::Advance && moves.fetch_add(1, Ordering::SeqCst) == 1 {
            before.pass();
        }
        Ok(())
    });
    let counter = Counter::with(Setup { faults, ..Setup::default() });
    let view = counter.decided(SETTLE, bill());
    gate.set(true);
    counter.terminal.confirm(view.id).unwrap();
    let view = counter.wait_for(view.id, |view| view.state.is_final());
    assert!(counter.transactions()[0].is_untold() && untold(&counter).is_empty(), "nobody has asked yet");
    assert_eq!(counter.terminal.case(view.id).unwrap().state, CaseState::Done);
    assert!(counter.transactions()[0].is_untold() && untold(&counter).is_empty(), "it is being noted");
    gate.set(false);
    counter.terminal.shift(&view.shift.unwrap()).unwrap();
    assert!(!counter.transactions()[0].is_untold() && untold(&counter).is_empty());
}

#[test]
fn a_store_that_does_not_tell_what_holders_know_is_no_health() {
    let counter = Counter::new();
    let store = rusqlite::Connection::open(counter.dir.path().join("state/store.db")).unwrap();
    store.execute_batch("ALTER TABLE told RENAME TO away").unwrap();
    let health = counter.terminal.health();
    assert_eq!((health.untold, health.status), (None, Status::Degraded));
    assert_eq!(counter.terminal.untold(&Filter::default()).unwrap_err().entry.code, "E-STORE-FAILED");
    store.execute_batch("ALTER TABLE away RENAME TO told").unwrap();
    assert!(untold(&counter).is_empty());
}

/// Changes the centre's books behind its back.
fn at_the_centre(counter: &Counter, sql: &str, value: &str) {
    let db = rusqlite::Connection::open(counter.dir.path().join("centre.db")).unwrap();
    assert_eq!(db.execute(sql, [value]), Ok(1));
}

/// The day is held against the centre, and what differs is taken over.
fn adopted(counter: &Counter, day: jiff::civil::Date) {
    counter.terminal.reconcile(day, "0009").unwrap();
    let found = counter.terminal.differences(day).unwrap().remove(0);
    counter.terminal.repair(found.id, Action::Adopt, "0009", None).unwrap();
}

#[test]
fn what_came_out_as_it_was_told_is_nothing_to_tell() {
    let mut counter = Counter::new();
    counter.terminal.cancel(counter.decided(SETTLE, bill()).id).unwrap();
    delivered(&mut counter, State::Acked, center::Faults::default());
    assert!(notices(&counter).is_empty());
    let id = counter.transactions()[0].id;
    assert_eq!(counter.terminal.acknowledge(id, 0, "0002").unwrap_err().entry.code, "E-TERM-NO-NOTICE");
    let unknown = uuid::Uuid::from_u128(1);
    assert_eq!(counter.terminal.acknowledge(unknown, 0, "0002").unwrap_err().entry.code, "E-QUEUE-NOT-FOUND");
}

/// A counter whose centre takes ten minutes for a question, and whose terminal waits as long; a case that waits for it.
fn waiting(random: &Arc<dyn Random>) -> (Counter, uuid::Uuid) {
    let counter = Counter::with(Setup { resolve_secs: 600, random: Arc::clone(random), ..Setup::default() });
    counter.centre_faults(center::Faults { only: Some("1101".into()), delay_ms: 600_000, ..Default::default() });
    let id = counter.terminal.open_case(new_case(SETTLE, Some(bill()))).unwrap().id;
    counter.wait_for(id, |view| view.state == CaseState::Deciding);
    (counter, id)
}

/// The terminal is gone, with every thread of it, while its centre is still there and answers nothing.
fn gone(counter: Counter, random: &Arc<dyn Random>) {
    let Counter { terminal, centre, runtime, .. } = counter;
    terminal.drain();
    drop(terminal);
    let deadline = std::time::Instant::now() + PATIENCE;
    while Arc::strong_count(random) > 1 {
        assert!(std::time::Instant::now() < deadline, "somebody waits for the centre");
        std::thread::yield_now();
    }
    drop((centre, runtime));
}

#[test]
fn a_case_that_is_given_up_waits_for_the_centre_no_longer() {
    let random: Arc<dyn Random> = Arc::new(SystemRandom::default());
    let (counter, id) = waiting(&random);
    assert_eq!(counter.terminal.cancel(id).unwrap().state, CaseState::Cancelled);
    gone(counter, &random);
}

#[test]
fn a_card_that_is_pulled_ends_the_wait_for_the_centre() {
    let random: Arc<dyn Random> = Arc::new(SystemRandom::default());
    let (counter, id) = waiting(&random);
    counter.readers.remove(HOLDER);
    assert_eq!(counter.ended(id).state, CaseState::Failed);
    gone(counter, &random);
}

#[test]
fn what_the_centre_told_last_is_used_as_long_as_the_scenario_allows() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["medical-settlement", "unemployment-sign-in"] {
        let file = format!("{name}.toml");
        let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/scenarios").join(&file);
        let text = std::fs::read_to_string(shipped).unwrap();
        let limited = text.replacen("\nkind = ", "\ncache_hours = 1\nkind = ", 1);
        assert_ne!(limited, text);
        std::fs::write(folder.path().join(file), limited).unwrap();
    }
    let lines = format!("[paths]\nscenarios = \"{}\"\n", folder.path().display());
    let hands = Arc::new(crate::alarm::Hands::now());
    let mut counter =
        Counter::with(Setup { config: Box::leak(lines.into_boxed_str()), clock: hands.clone(), ..Setup::default() });
    counter.terminal.cancel(counter.decided(SETTLE, bill()).id).unwrap();
    counter.stop_centre();
    counter.wait_for_condition(Condition::UplinkAway, true);
    let view = counter.decided(SETTLE, bill_of("100.00"));
    assert_eq!(view.state, CaseState::WaitingConfirmation, "{:?}", view.failure);
    counter.terminal.cancel(view.id).unwrap();
    // The person may have been told of lately in another year, or another admission: the oldest of it counts.
    let store = rusqlite::Connection::open(counter.dir.path().join("state/store.db")).unwrap();
    let told = |hours: i64| {
        let as_of = (hands.now() - SignedDuration::from_hours(hours)).to_string();
        let shelves = r#"UPDATE accumulators SET accumulators = json_set(accumulators, '$.as_of', ?1)
                       WHERE json_extract(accumulators, '$.values." insutype"') IS NULL"#;
        assert!(store.execute(shelves, [as_of]).unwrap() > 0);
    };
    told(2);
    let view = counter.decided(SETTLE, bill_of("100.00"));
    assert_eq!(view.failure.unwrap().entry.code, "E-TERM-NO-RECORD");
    told(0);
    let view = counter.decided(SETTLE, bill_of("100.00"));
    assert_eq!(view.state, CaseState::WaitingConfirmation, "{:?}", view.failure);
    counter.terminal.cancel(view.id).unwrap();
    hands.forward(3700);
    let view = counter.decided(SETTLE, bill_of("100.00"));
    assert_eq!(view.failure.unwrap().entry.code, "E-TERM-NO-RECORD");
}
