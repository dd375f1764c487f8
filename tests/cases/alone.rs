//! What the terminal settled alone counts as told once somebody asked its case, as what the centre settled does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sbkd::center;
use sbkd::queue::{Faults, Point, QueueError, Row, State};
use sbkd::terminal::{CaseState, CaseView, Condition, NewCase};

use crate::alarm::Hands;
use crate::counter::{Counter, HOLDER, Setup, bill, new_case};
use crate::notices::{FIRST, SETTLE, again, notices};
use crate::showing::unasked;

/// A second reader.
const OTHER: &str = "Counter 10 00";

/// A counter whose centre has told it of the person, and is away now.
fn left_alone(setup: Setup) -> Counter {
    let mut counter = Counter::with(setup);
    let view = decided(&counter, HOLDER);
    if !view.state.is_final() {
        counter.terminal.cancel(view.id).unwrap();
    }
    away(&mut counter);
    counter
}

fn away(counter: &mut Counter) {
    counter.stop_centre();
    counter.wait_for_condition(Condition::UplinkAway, true);
}

/// The one transaction, once the centre is there and has said this to it.
fn delivered(counter: &mut Counter, refuse: u32, to: State) -> Row {
    counter.start_centre();
    counter.centre_faults(center::Faults { refuse, ..center::Faults::default() });
    counter.wait_for_state(counter.transactions()[0].id, to)
}

/// What was collected in the shift of a transaction.
#[track_caller]
fn collected(counter: &Counter, row: &Row, expected: &str) {
    let shift = counter.terminal.shift(row.shift.as_ref().unwrap()).unwrap();
    assert_eq!(shift.totals[0].cash.unwrap().to_string(), expected);
}

/// It is told as if it were told for the first time, and is collected by that.
#[track_caller]
fn is_told_by_a_notice(counter: &Counter, row: &Row, cash: &str) {
    collected(counter, row, "0.00");
    let told = notices(counter).remove(0);
    assert_eq!((told.transaction, told.collected), (row.id, None));
    assert_eq!(told.cash.unwrap().to_string(), cash);
    assert_eq!(counter.terminal.health().untold, Some(1));
    counter.terminal.acknowledge(row.id, told.seen(), "0001").unwrap();
    assert!(notices(counter).is_empty());
    assert_eq!(counter.terminal.health().untold, Some(0));
}

#[test]
fn what_was_settled_alone_and_nobody_asked_before_a_restart_is_told_once_the_centre_has_it() {
    for (refuse, to, cash) in [(0, State::Acked, "7280.00"), (1, State::Refused, "0.00")] {
        let counter = left_alone(Setup::default());
        assert_eq!(unasked(&counter).state, CaseState::ProvisionalDone);
        let mut counter = counter.restarted("nothing");
        let row = counter.transactions().remove(0);
        assert_eq!((row.state.is_on_its_way(), row.differs.as_slice()), (true, &["outcome".to_owned()][..]));
        collected(&counter, &row, "0.00");
        // What the centre makes of it is what they are to be told.
        let early = counter.terminal.acknowledge(row.id, FIRST, "0001").unwrap_err();
        assert_eq!(early.entry.code, "E-TERM-NO-NOTICE");
        let row = delivered(&mut counter, refuse, to);
        is_told_by_a_notice(&counter, &row, cash);
    }
}

#[test]
fn what_was_settled_alone_on_a_disk_that_failed_is_told_and_collected_by_a_notice() {
    let [armed, inserted, failed] = [const { AtomicBool::new(false) }; 3].map(Arc::new);
    let arm = armed.clone();
    let faults = Faults::new(move |at| {
        inserted.fetch_or(at == Point::Insert && armed.load(Ordering::SeqCst), Ordering::SeqCst);
        match at == Point::Committed && inserted.load(Ordering::SeqCst) && !failed.swap(true, Ordering::SeqCst) {
            true => Err(QueueError::StorageFull),
            false => Ok(()),
        }
    });
    let mut counter = left_alone(Setup { faults, ..Setup::default() });
    let view = counter.decided(SETTLE, bill());
    arm.store(true, Ordering::SeqCst);
    let view = counter.confirmed(view.id);
    assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::Failed, "E-TERM-UNSURE"));
    assert!(view.slip.is_none());
    counter.wait_for_condition(Condition::Storage, false);
    let row = delivered(&mut counter, 0, State::Acked);
    is_told_by_a_notice(&counter, &row, "7280.00");
}

#[test]
fn what_was_settled_alone_is_told_by_its_case_whatever_the_centre_said_before_it_was_asked() {
    for (refuse, to, back) in [(0, State::Acked, None), (1, State::Refused, Some("-7280.00"))] {
        let mut counter = left_alone(Setup::default());
        let view = unasked(&counter);
        let row = delivered(&mut counter, refuse, to);
        collected(&counter, &row, "0.00");
        let view = counter.ended(view.id);
        assert!(view.state == CaseState::ProvisionalDone && view.slip.is_some() && view.failure.is_none());
        collected(&counter, &row, "7280.00");
        let told = notices(&counter);
        assert_eq!(told.first().map(|told| told.cash.unwrap().to_string()).as_deref(), back);
        assert_eq!(counter.terminal.health().untold, Some(told.len() as u64));
    }
}

#[test]
fn what_a_notice_told_and_its_case_has_told_since_is_collected_once() {
    let seed = Some(Some("seed-other-accumulators.toml"));
    for (refuse, to, due) in [(0, State::Acked, "862.20"), (1, State::Refused, "-7280.00")] {
        let mut counter = left_alone(Setup { centre: seed, ..Setup::default() });
        let view = unasked(&counter);
        let row = delivered(&mut counter, refuse, to);
        let seen = notices(&counter).remove(0).seen();
        assert_eq!(seen, FIRST);
        // Before the holder is told by that, somebody asks the case, and collects.
        assert!(counter.ended(view.id).slip.is_some());
        let late = counter.terminal.acknowledge(row.id, seen, "0002").unwrap_err();
        assert_eq!(late.entry.code, "E-TERM-NOTICE-CHANGED");
        let told = notices(&counter).remove(0);
        assert_eq!((told.seen(), told.cash.unwrap().to_string().as_str()), (again(0), due));
        collected(&counter, &row, "7280.00");
        counter.terminal.acknowledge(row.id, told.seen(), "0002").unwrap();
        assert!(notices(&counter).is_empty());
    }
}

#[test]
fn a_shift_is_not_kept_open_by_what_becomes_of_a_settlement_that_nobody_asked_for() {
    let hands = Arc::new(Hands::now());
    let mut counter = left_alone(Setup { clock: hands.clone(), ..Setup::default() });
    let number = unasked(&counter).shift.unwrap();
    hands.forward(59);
    assert_eq!(counter.terminal.close_shift(&number).unwrap_err().entry.code, "E-SHIFT-BUSY");
    // The answer moves the case, which nobody asks all the same.
    let row = delivered(&mut counter, 0, State::Acked);
    hands.forward(1);
    counter.terminal.close_shift(&number).unwrap();
    is_told_by_a_notice(&counter, &row, "7280.00");
}

/// A case of the same bill at a reader.
fn decided(counter: &Counter, reader: &str) -> CaseView {
    let new = NewCase { reader: Some(reader.into()), ..new_case(SETTLE, Some(bill())) };
    let id = counter.terminal.open_case(new).unwrap().id;
    counter.wait_for(id, |view| view.state.is_final() || view.state == CaseState::WaitingConfirmation)
}

#[test]
fn a_bill_that_was_settled_alone_and_refused_since_is_not_done_by_a_case_from_before() {
    let mut counter = left_alone(Setup { more_readers: &[OTHER], ..Setup::default() });
    let [first, second] = [HOLDER, OTHER].map(|reader| decided(&counter, reader));
    assert_eq!(counter.confirmed(first.id).state, CaseState::ProvisionalDone);
    let row = delivered(&mut counter, 1, State::Refused);
    away(&mut counter);
    let view = counter.confirmed(second.id);
    assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::Refused, "E-TERM-REPEATED"));
    assert!(view.slip.is_none());
    assert_eq!(view.transaction.unwrap()["id"], row.id.to_string());
}
