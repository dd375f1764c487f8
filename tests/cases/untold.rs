//! What holders are still to be told, as the health and the list have it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sbkd::center;
use sbkd::queue::{Faults, Filter, Point, State};
use sbkd::terminal::{CaseState, Condition, Status};
use sbkd::world::shanghai;

use crate::alarm::Hands;
use crate::counter::{Counter, Gate, Setup, bill, statement};
use crate::notices::{FIRST, SETTLE, SIGN_IN, adopted, again, at_the_centre, delivered};
use crate::showing::{Lost, failing, unasked};

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
    counter.terminal.acknowledge(settled, again(0), "0002").unwrap();
    assert_eq!(untold(&counter), [refused]);
    let counter = counter.restarted("nothing");
    assert_eq!(untold(&counter), [refused]);
    counter.terminal.acknowledge(refused, again(0), "0002").unwrap();
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
        counter.terminal.acknowledge(row.id, again(revision), "0002").unwrap();
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
        unasked(&counter);
        match lost {
            Lost::TheWord => counter.wait_for_condition(Condition::Storage, false),
            Lost::TheCounter => {
                assert!(untold(&counter).is_empty(), "somebody is about to ask");
                hands.forward(60);
            }
        }
        let row = counter.transactions().remove(0);
        assert_eq!(untold(&counter), [row.id]);
        counter.terminal.acknowledge(row.id, FIRST, "0002").unwrap();
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
