//! What came out otherwise than a holder was told is told at their next case, until that is acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::SignedDuration;
use sbkd::center;
use sbkd::queue::{Faults, Point, QueueError, State};
use sbkd::store::Action;
use sbkd::terminal::{CaseState, CaseView, Condition, Notice, Seen};
use sbkd::wire;
use sbkd::world::{Clock as _, Random, SystemRandom, shanghai};

use crate::counter::{Counter, HOLDER, PATIENCE, Setup, bill, bill_of, chip, new_case, numbered, statement};
use crate::showing::unasked;

pub const SETTLE: &str = "medical-settlement";
pub const SIGN_IN: &str = "unemployment-sign-in";

/// The notices that a case of the holder carries now.
pub fn notices(counter: &Counter) -> Vec<Notice> {
    let view = counter.decided(SETTLE, numbered("9"));
    if !view.state.is_final() {
        counter.terminal.cancel(view.id).unwrap();
    }
    view.notices.unwrap()
}

/// They were told of it before, and are told anew.
pub fn again(revision: u32) -> Seen {
    Seen { revision, untold: false }
}

/// They were never told that it was settled.
pub const FIRST: Seen = Seen { revision: 0, untold: true };

/// Settled by the terminal alone, and then delivered.
pub fn delivered(counter: &mut Counter, state: State, faults: center::Faults) -> CaseView {
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

    assert_eq!(counter.terminal.acknowledge(row.id, again(0), " ").unwrap_err().entry.code, "E-TERM-OPERATOR");
    assert_eq!(counter.terminal.acknowledge(row.id, again(0), "0002").unwrap().id, row.id);
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
        let earlier = counter.terminal.acknowledge(row.id, again(told_before), "0002").unwrap_err();
        assert_eq!(earlier.entry.code, "E-TERM-NOTICE-CHANGED", "what they were told before is not how it stands now");
        counter.terminal.acknowledge(row.id, told.seen(), "0002").unwrap();
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
    assert_eq!(told[0].failure.as_ref().unwrap().entry, &wire::errors::ON_PURPOSE, "what is to be done, and by whom");
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
        counter.terminal.acknowledge(told.transaction, told.seen(), "0002").unwrap();
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
    counter.terminal.acknowledge(told.transaction, told.seen(), "0002").unwrap();
    // Another time after they were told, and they do not come before it is erased.
    at_the_centre(&counter, cash, "6900.00");
    adopted(&counter, day);
    let counter =
        counter.restarted_after(|queue| assert_eq!(queue.erase(jiff::Timestamp::MAX).unwrap().transactions, 1));
    let told = notices(&counter).remove(0);
    assert_eq!((told.transaction, told.revision), (counter.transactions()[0].id, 2));
    assert!(told.collected.is_none() && told.owed.is_none() && told.differs.contains(&"psn_cash_pay".to_owned()));
    assert_eq!(told.cash, None, "nobody knows any more");
    counter.terminal.acknowledge(told.transaction, again(2), "0002").unwrap();
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
    counter.terminal.acknowledge(row.id, told.seen(), "0002").unwrap();
    assert!(notices(&counter).is_empty());
    // Who told them collected it, in their own shift, and once.
    counter.terminal.acknowledge(row.id, told.seen(), "0002").unwrap();
    let shifts = counter.terminal.shifts(9).unwrap();
    let of = |operator: &str| shifts.iter().find(|shift| shift.operator == operator).unwrap().number.clone();
    let handed_over = counter.terminal.close_shift(&of("0002")).unwrap();
    assert_eq!((handed_over.told.count, handed_over.told.cash, handed_over.totals.len()), (1, told.owed, 0));
    let total = counter.terminal.close_shift(&of("0001")).unwrap();
    assert_eq!((total.told.count, total.totals[0].cash), (0, Some(sbkd::value::Fen::ZERO)));
}

#[test]
fn what_one_operator_told_is_told_and_collected_by_no_other() {
    let counter = Counter::new();
    unasked(&counter);
    let id = counter.transactions()[0].id;
    // Once more by who did is no harm: their first answer may have been lost.
    for _ in 0..2 {
        assert_eq!(counter.terminal.acknowledge(id, FIRST, "0002").unwrap().id, id);
    }
    let other = counter.terminal.acknowledge(id, FIRST, "0003").unwrap_err();
    assert_eq!((other.entry.code, other.detail.as_deref()), ("E-TERM-NOTICE-TOLD", Some("0002")));
    assert!(counter.terminal.shifts(9).unwrap().iter().all(|shift| shift.operator != "0003"));
}

/// Changes the centre's books behind its back.
pub fn at_the_centre(counter: &Counter, sql: &str, value: &str) {
    let db = rusqlite::Connection::open(counter.dir.path().join("centre.db")).unwrap();
    assert_eq!(db.execute(sql, [value]), Ok(1));
}

/// The day is held against the centre, and what differs is taken over.
pub fn adopted(counter: &Counter, day: jiff::civil::Date) {
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
    assert_eq!(counter.terminal.acknowledge(id, again(0), "0002").unwrap_err().entry.code, "E-TERM-NO-NOTICE");
    let unknown = uuid::Uuid::from_u128(1);
    assert_eq!(counter.terminal.acknowledge(unknown, again(0), "0002").unwrap_err().entry.code, "E-QUEUE-NOT-FOUND");
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
    for (domain, name) in [("medical", "medical-settlement"), ("unemployment", "unemployment-sign-in")] {
        let file = format!("{domain}.toml");
        let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/scenarios").join(&file);
        let text = std::fs::read_to_string(shipped).unwrap();
        let id = format!("id = \"{name}\"\n");
        assert_eq!(text.matches(&id).count(), 1);
        let limited = text.replace(&id, &format!("{id}cache_hours = 1\n"));
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
