//! The monthly sign-in.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sbkd::center::Faults;
use sbkd::queue::State;
use sbkd::terminal::{CaseState, What};
use sbkd::world::{Clock, SystemClock};
use serde_json::json;

use crate::counter::{Counter, Gate, HOLDER, Setup, chip, statement};

const SIGN_IN: &str = "unemployment-sign-in";

#[test]
fn a_sign_in_is_committed_printed_and_acknowledged() {
    let counter = Counter::new();
    let view = counter.carried_out(SIGN_IN, statement());
    assert_eq!(view.state, CaseState::Done, "{:?}", view.failure);
    assert!(!view.provisional && !view.duplicate && view.business_date_is_demo);
    let rows = counter.transactions();
    assert_eq!(rows.len(), 1);
    counter.wait_for_state(rows[0].id, State::Acked);

    let decision = view.decision.unwrap().value();
    assert_eq!(decision["outputs"]["aac169"], "1516.00");
    let slip = view.slip.unwrap().join("\n");
    for said in ["1516.00", "演示参数", "（演示日期）", &rows[0].id.to_string(), "下次签到月份"] {
        assert!(slip.contains(said), "{said}:\n{slip}");
    }
    assert!(!slip.contains("王小雅") && !slip.contains("440103198806120021"));
    let holder = serde_json::to_string(&view.holder).unwrap();
    assert!(!holder.contains("440103198806120021"), "{holder}");
}

#[test]
fn the_case_shows_when_its_transaction_is_acknowledged() {
    let counter = Counter::new();
    let id = counter.carried_out(SIGN_IN, statement()).id;
    let acked = counter.wait_for(id, |view| view.transaction.as_ref().is_some_and(|row| row["state"] == "acked"));
    assert_eq!(acked.state, CaseState::Done);
}

/// Holds up whoever commits a case, wherever it looks at the time.
struct SlowCommit(Gate);

impl Clock for SlowCommit {
    fn now(&self) -> jiff::Timestamp {
        if std::thread::current().name() == Some("case commit") {
            self.0.pass();
        }
        SystemClock.now()
    }
}

#[test]
fn an_answer_that_comes_before_the_case_has_ended_is_shown_too() {
    let gate = Gate::default();
    let counter = Counter::with(Setup { clock: Arc::new(SlowCommit(gate.clone())), ..Setup::default() });
    let view = counter.decided(SIGN_IN, statement());
    let mut events = counter.terminal.events(None);
    gate.set(true);
    counter.terminal.confirm(view.id).unwrap();
    counter.next_event(&mut events, |what| matches!(what, What::Transaction { state, .. } if state == "acked"));
    assert_eq!(counter.terminal.case(view.id).unwrap().state, CaseState::Committing);
    gate.set(false);
    let view = counter.wait_for(view.id, |view| view.transaction.as_ref().is_some_and(|row| row["state"] == "acked"));
    assert_eq!(view.state, CaseState::Done);
}

#[test]
fn twice_in_a_month_is_told_and_not_committed_twice() {
    let counter = Counter::new();
    let first = counter.carried_out(SIGN_IN, statement());
    let again = counter.decided(SIGN_IN, statement());
    assert_eq!(again.state, CaseState::Refused);
    assert_eq!(again.failure.unwrap().entry.code, "E-TERM-ALREADY");
    assert!(again.duplicate);
    assert_eq!(again.transaction.unwrap()["id"], first.transaction.unwrap()["id"]);
    assert_eq!(counter.transactions().len(), 1);
}

/// A clock that a test sets, in seconds.
pub struct Hands(pub AtomicI64);

impl Clock for Hands {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

#[test]
fn the_month_turns_at_midnight_in_shanghai() {
    let last: jiff::Timestamp = "2015-08-31T15:59:59Z".parse().unwrap();
    let clock = Arc::new(Hands(AtomicI64::new(last.as_second())));
    // A card of 2014.
    let card = "v2-3des";
    let counter = Counter::with(Setup { card, clock: clock.clone(), demo_date: false, ..Setup::default() });
    let signed = || {
        let view = counter.carried_out(SIGN_IN, statement());
        assert_eq!(view.state, CaseState::Done, "{:?}", view.failure);
        counter.wait_for_state(counter.transactions()[0].id, State::Acked);
        view.decision.unwrap().value()["outputs"]["sign_month"].clone()
    };
    assert_eq!(signed(), "2015-08");
    let again = counter.decided(SIGN_IN, statement());
    assert_eq!(again.failure.unwrap().entry.code, "E-TERM-ALREADY");
    clock.0.fetch_add(1, Ordering::SeqCst);
    assert_eq!(signed(), "2015-09");
    assert_eq!(counter.transactions().len(), 2);
}

#[test]
fn a_lost_cache_does_not_let_it_through() {
    let counter = Counter::with(Setup { centre: None, ..Setup::default() });
    let first = counter.carried_out(SIGN_IN, statement());
    assert_eq!(first.state, CaseState::Done, "{:?}", first.failure);
    let counter = counter.restarted("store.db");
    // The journal knows the month by itself; the other statement makes it other content.
    let again = counter.decided(SIGN_IN, json!({"acc026": false, "acc027": true}));
    assert_eq!((again.state, again.duplicate), (CaseState::Refused, true));
    assert_eq!(again.failure.unwrap().entry.code, "E-TERM-ALREADY");
    assert_eq!(counter.transactions().len(), 1);
}

#[test]
fn one_that_the_centre_refused_is_repeated_whatever_became_of_the_cache() {
    let mut counter = Counter::new();
    for lose in ["nothing", "store.db"] {
        counter.centre_faults(Faults { refuse: 1, ..Faults::default() });
        let view = counter.carried_out(SIGN_IN, statement());
        let id = view.transaction.unwrap()["id"].as_str().unwrap().parse().unwrap();
        counter.wait_for_state(id, State::Refused);
        counter = counter.restarted(lose);
    }
    let view = counter.carried_out(SIGN_IN, statement());
    assert_eq!(view.state, CaseState::Done, "{:?}", view.failure);
    let rows = counter.transactions();
    assert_eq!(rows.len(), 3);
    counter.wait_for_state(rows[0].id, State::Acked);
    let again = counter.decided(SIGN_IN, statement());
    assert_eq!(again.failure.unwrap().entry.code, "E-TERM-ALREADY");
}

#[test]
fn one_that_the_centre_refused_does_not_count_while_the_centre_is_away() {
    let mut counter = Counter::new();
    counter.centre_faults(Faults { refuse: 1, ..Faults::default() });
    counter.carried_out(SIGN_IN, statement());
    counter.wait_for_state(counter.transactions()[0].id, State::Refused);
    counter.stop_centre();
    let view = counter.carried_out(SIGN_IN, statement());
    assert_eq!(view.state, CaseState::Done, "{:?}", view.failure);
    counter.start_centre();
    counter.wait_for_state(counter.transactions()[0].id, State::Acked);
}

#[test]
fn two_missed_months_stop_the_benefit() {
    let counter = Counter::with(Setup { card: "v1-3des", ..Setup::default() });
    let view = counter.decided(SIGN_IN, statement());
    assert_eq!(view.state, CaseState::Refused);
    let failure = view.failure.unwrap();
    assert_eq!(failure.entry.code, "E-TERM-DENIED");
    assert!(failure.detail.unwrap().contains("E-SIGN-TWO-MISSED"));
    assert!(counter.transactions().is_empty());
}

#[test]
fn a_good_reason_excuses() {
    let counter = Counter::with(Setup { card: "v1-3des", ..Setup::default() });
    let mut form = statement();
    form["excuse"] = json!("hospital");
    // Two months were missed: without its dates the reason might be of one of them.
    let view = counter.decided(SIGN_IN, form.clone());
    assert_eq!(view.state, CaseState::Referred);
    form["excuse_from"] = json!("2015-06-20");
    form["excuse_to"] = json!("2015-07-10");
    let view = counter.carried_out(SIGN_IN, form);
    assert_eq!(view.state, CaseState::Done, "{:?}", view.failure);
    assert_eq!(view.decision.unwrap().value()["outcome"], "warn");
    counter.wait_for_state(counter.transactions()[0].id, State::Acked);
}

#[test]
fn without_the_centre_it_is_kept_and_delivered_later() {
    let mut counter = Counter::new();
    counter.stop_centre();
    let view = counter.carried_out(SIGN_IN, statement());
    assert_eq!((view.state, view.provisional), (CaseState::Done, false));
    let id = counter.transactions()[0].id;
    counter.start_centre();
    counter.wait_for_state(id, State::Acked);
}

#[test]
fn another_person_signs_in_at_the_same_counter() {
    let counter = Counter::new();
    counter.carried_out(SIGN_IN, statement());
    counter.readers.insert(HOLDER, chip("v3-long-name"));
    let view = counter.carried_out(SIGN_IN, statement());
    assert_eq!(view.state, CaseState::Done, "{:?}", view.failure);
    assert_eq!(counter.transactions().len(), 2);
}
