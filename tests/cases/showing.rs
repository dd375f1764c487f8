//! When a settlement counts as told to its counter: once somebody asked its case, and in one shift.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sbkd::queue::{Faults, Point, QueueError, Row, State};
use sbkd::slip::Copy;
use sbkd::terminal::{CaseState, CaseView, Condition, NewCase, Seen, What};
use sbkd::value::Fen;
use sbkd::world::{Random, SystemRandom};

use crate::alarm::Hands;
use crate::counter::{Counter, Gate, HOLDER, PATIENCE, Setup, bill, new_case, statement};
use crate::notices::{FIRST, SETTLE, notices};

const LEFT: &str = "E-TERM-LEFT-TO-NOTICE";

/// A settlement that stands, and of which nobody has asked.
pub fn unasked(counter: &Counter) -> CaseView {
    let view = counter.decided(SETTLE, bill());
    counter.terminal.confirm(view.id).unwrap();
    counter.wait_for(view.id, |view| view.state.is_final())
}

/// The case says that it was settled, and that nobody is to collect by it.
fn is_left_to_notice(view: &CaseView) -> bool {
    view.state == CaseState::Done && view.slip.is_none() && view.failure.as_ref().unwrap().entry.code == LEFT
}

#[test]
fn what_was_told_by_a_notice_is_neither_told_nor_collected_by_its_case() {
    let counter = Counter::new();
    let view = unasked(&counter);
    let told = notices(&counter).remove(0);
    counter.terminal.acknowledge(told.transaction, told.seen(), "0001").unwrap();
    // Now somebody asks it.
    let view = counter.ended(view.id);
    assert!(is_left_to_notice(&view), "{view:?}");
    assert_eq!(counter.terminal.paper(view.id, Copy::Holder).unwrap_err().entry.code, "E-TERM-NO-PAPER");
    assert_eq!(view.transaction.unwrap()["differs"], serde_json::json!(["outcome"]));
    let shift = counter.terminal.close_shift(&view.shift.unwrap()).unwrap();
    assert_eq!((shift.totals[0].cash, shift.told.cash), (Some(Fen::ZERO), told.owed));
    assert!(notices(&counter).is_empty());
}

#[test]
fn a_case_that_was_asked_meanwhile_is_not_told_once_more() {
    let counter = Counter::new();
    let view = unasked(&counter);
    let told = notices(&counter).remove(0);
    // Nobody was told by this, so it is still there to be shown.
    let other = counter
        .terminal
        .acknowledge(told.transaction, Seen { revision: told.revision + 1, ..told.seen() }, "0001")
        .unwrap_err();
    assert_eq!(other.entry.code, "E-TERM-NOTICE-CHANGED");
    let view = counter.ended(view.id);
    assert!(view.failure.is_none() && view.slip.is_some());
    let late = counter.terminal.acknowledge(told.transaction, told.seen(), "0001").unwrap_err();
    assert_eq!(late.entry.code, "E-TERM-NO-NOTICE");
    let shift = counter.terminal.close_shift(&view.shift.unwrap()).unwrap();
    assert_eq!((shift.totals[0].cash, shift.told.count), (told.owed, 0));
}

#[test]
fn who_takes_its_paper_was_told() {
    let counter = Counter::new();
    let view = unasked(&counter);
    let paper = counter.terminal.paper(view.id, Copy::Holder).unwrap();
    let shift = counter.terminal.close_shift(&view.shift.unwrap()).unwrap();
    assert_eq!(shift.totals[0].cash.unwrap().to_string(), "7280.00");
    assert!(notices(&counter).is_empty());
    assert_eq!(counter.ended(view.id).slip.unwrap(), paper.lines(sbkd::slip::COLUMNS));
}

#[test]
fn who_may_not_tell_it_takes_it_from_nobody() {
    let counter = Counter::with(Setup { config: "[shift]\nexplicit = true\n", ..Setup::default() });
    let (shift, _) = counter.terminal.open_shift("0001").unwrap();
    let view = unasked(&counter);
    let row = counter.transactions().remove(0);
    let refused = counter.terminal.acknowledge(row.id, FIRST, "0002").unwrap_err();
    assert_eq!(refused.entry.code, "E-SHIFT-NONE");
    let view = counter.ended(view.id);
    assert!(view.failure.is_none() && view.slip.is_some(), "{view:?}");
    assert!(notices(&counter).is_empty());
    let shift = counter.terminal.close_shift(&shift.number).unwrap();
    assert_eq!(shift.totals[0].cash.unwrap().to_string(), "7280.00");
}

#[test]
fn what_nobody_asked_before_its_shift_ended_is_collected_in_another() {
    let hands = Arc::new(Hands::now());
    let counter = Counter::with(Setup { clock: hands.clone(), ..Setup::default() });
    let view = unasked(&counter);
    let number = view.shift.unwrap();
    let early = counter.terminal.close_shift(&number).unwrap_err();
    assert_eq!(early.entry.code, "E-SHIFT-BUSY", "somebody is about to ask");
    hands.forward(60);
    let closed = counter.terminal.close_shift(&number).unwrap();
    assert_eq!(closed.totals[0].cash, Some(Fen::ZERO));
    // Who asks now collects nothing by it, and what was handed over stays as it was.
    assert!(is_left_to_notice(&counter.ended(view.id)));
    let told = notices(&counter).remove(0);
    counter.terminal.acknowledge(told.transaction, told.seen(), "0001").unwrap();
    assert_eq!(counter.terminal.shift(&number).unwrap().totals, closed.totals);
    let next = counter.terminal.shifts(9).unwrap().remove(0).number;
    assert_ne!(next, number);
    assert_eq!(counter.terminal.close_shift(&next).unwrap().told.cash, told.owed);
}

#[test]
fn a_clock_that_is_set_back_keeps_no_shift_open() {
    let hands = Arc::new(Hands::noon());
    let counter = Counter::with(Setup { clock: hands.clone(), ..Setup::default() });
    let view = unasked(&counter);
    hands.forward(-24 * 3600);
    let closed = counter.terminal.close_shift(&view.shift.unwrap()).unwrap();
    assert_eq!(closed.totals[0].cash, Some(Fen::ZERO));
    assert!(is_left_to_notice(&counter.ended(view.id)));
    assert_eq!(notices(&counter).len(), 1);
}

#[test]
fn a_terminal_that_stops_waits_for_who_is_about_to_ask() {
    let random: Arc<dyn Random> = Arc::new(SystemRandom::default());
    let counter = Counter::with(Setup { random: Arc::clone(&random), ..Setup::default() });
    let view = unasked(&counter);
    let holders = Arc::strong_count(&random);
    let terminal = Arc::clone(&counter.terminal);
    let stopping = std::thread::spawn(move || terminal.drain());
    // The delivery has stopped: nothing is left but to be asked. And who is about to ask has something else to do first.
    let deadline = std::time::Instant::now() + PATIENCE;
    while Arc::strong_count(&random) == holders {
        assert!(std::time::Instant::now() < deadline, "the delivery stops");
        std::thread::yield_now();
    }
    counter.terminal.health();
    let view = counter.ended(view.id);
    assert!(view.failure.is_none() && view.slip.is_some(), "{view:?}");
    stopping.join().unwrap();
    let counter = counter.restarted("nothing");
    assert!(notices(&counter).is_empty());
    let shift = counter.terminal.shift(&view.shift.unwrap()).unwrap();
    assert_eq!(shift.totals[0].cash.unwrap().to_string(), "7280.00");
}

#[test]
fn what_is_asked_after_the_terminal_has_stopped_is_left_to_a_notice() {
    let hands = Arc::new(Hands::now());
    let counter = Counter::with(Setup { clock: hands.clone(), ..Setup::default() });
    let view = unasked(&counter);
    // Nobody is about to ask any more.
    hands.forward(60);
    counter.terminal.drain();
    assert!(is_left_to_notice(&counter.ended(view.id)));
    let counter = counter.restarted("nothing");
    assert_eq!(notices(&counter).len(), 1);
}

/// A counter whose journal hears that the centre's answer to the first settlement is on the disk once the gate is open.
fn held_at_the_answer(more_readers: &'static [&'static str]) -> (Gate, Counter) {
    let (gate, moves) = (Gate::default(), AtomicUsize::new(0));
    let before = gate.clone();
    let faults = Faults::new(move |at| {
        moves.fetch_add(usize::from(at == Point::Advance), Ordering::SeqCst);
        if at == Point::Committed && moves.load(Ordering::SeqCst) == 1 {
            before.pass();
        }
        Ok(())
    });
    gate.set(true);
    (gate, Counter::with(Setup { faults, more_readers, ..Setup::default() }))
}

/// The first settlement, once the journal has the centre's answer to it.
fn answered(counter: &Counter) -> Row {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        match counter.transactions().pop().filter(|row| row.state == State::Acked) {
            Some(row) => return row,
            None => assert!(std::time::Instant::now() < deadline, "the answer is there"),
        }
    }
}

#[test]
fn what_is_being_committed_is_acknowledged_by_nobody() {
    let (gate, counter) = held_at_the_answer(&[]);
    let view = counter.decided(SETTLE, bill());
    counter.terminal.confirm(view.id).unwrap();
    let row = answered(&counter);
    assert!(row.is_untold());
    let early = counter.terminal.acknowledge(row.id, FIRST, "0002").unwrap_err();
    assert_eq!(early.entry.code, "E-TERM-NO-NOTICE");
    assert_eq!(counter.wait_for(view.id, |_| true).state, CaseState::Committing, "it waits to be told");
    gate.set(false);
    let view = counter.ended(view.id);
    assert!(view.state == CaseState::Done && view.failure.is_none(), "{view:?}");
    assert!(notices(&counter).is_empty());
}

#[test]
fn what_is_being_committed_is_a_notice_at_no_other_case() {
    const OTHER: &str = "Counter 10 00";
    let (gate, counter) = held_at_the_answer(&[OTHER]);
    let opened_at = |reader: &str| {
        let new = NewCase { reader: Some(reader.to_owned()), ..new_case(SETTLE, Some(bill())) };
        counter.terminal.open_case(new).unwrap().id
    };
    let first = opened_at(HOLDER);
    counter.wait_for(first, |view| view.state == CaseState::WaitingConfirmation);
    counter.terminal.confirm(first).unwrap();
    assert!(answered(&counter).is_untold());
    let read = |view: &CaseView| !matches!(view.state, CaseState::WaitingCard | CaseState::Reading);
    // Its own case tells it.
    let second = counter.wait_for(opened_at(OTHER), read);
    assert!(second.notices.unwrap().is_empty());
    gate.set(false);
    counter.wait_for(first, |view| view.state.is_final());
    counter.wait_for(second.id, |view| view.state.is_final());
    // Who goes on to another case without having asked that one is told by the notice.
    let third = counter.wait_for(opened_at(OTHER), read);
    assert_eq!(third.notices.unwrap().len(), 1);
}

#[test]
fn what_may_stand_though_the_disk_failed_is_called_refused_by_nobody() {
    // The disk fails once, when the new record has just been committed.
    let [inserted, failed] = [const { AtomicBool::new(false) }; 2];
    let faults = Faults::new(move |at| {
        inserted.fetch_or(at == Point::Insert, Ordering::SeqCst);
        match at == Point::Committed && inserted.load(Ordering::SeqCst) && !failed.swap(true, Ordering::SeqCst) {
            true => Err(QueueError::StorageFull),
            false => Ok(()),
        }
    });
    let counter = Counter::with(Setup { faults, ..Setup::default() });
    let view = counter.decided("unemployment-sign-in", statement());
    counter.terminal.confirm(view.id).unwrap();
    let view = counter.ended(view.id);
    assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::Failed, "E-TERM-UNSURE"));
    let row = counter.transactions().remove(0);
    assert_eq!(view.transaction.unwrap()["id"], row.id.to_string());
    counter.wait_for_state(row.id, State::Acked);
}

/// A disk that fails once, at this point of this move of the first settlement.
pub fn failing(fails: Point, of: usize) -> Faults {
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
pub enum Lost {
    /// The centre's answer is on the disk, and the terminal does not hear that it is.
    TheWord,
    /// The case has ended, and nobody asked it how before the terminal went.
    TheCounter,
}

#[test]
fn what_is_settled_and_was_shown_to_nobody_is_told_later_and_collected_by_nobody() {
    for lost in [Lost::TheWord, Lost::TheCounter] {
        let hands = Arc::new(Hands::now());
        let faults = match lost {
            Lost::TheWord => failing(Point::Committed, 1),
            Lost::TheCounter => Faults::default(),
        };
        let counter = Counter::with(Setup { faults, clock: hands.clone(), ..Setup::default() });
        let view = unasked(&counter);
        hands.forward(60);
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
        assert_eq!(cash(&counter), Some(Fen::ZERO), "nobody collected anything");
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
