//! What an earlier transaction of the same person, not at its end yet, means for the next.

use std::sync::Arc;

use sbkd::center::Faults;
use sbkd::queue::State;
use sbkd::terminal::{CaseState, CaseView, Condition};
use serde_json::Value;

use crate::alarm::Hands;
use crate::counter::{Counter, Setup, bill_of, numbered, statement};

const SETTLE: &str = "medical-settlement";

fn bill(number: &str) -> Value {
    let mut bill = numbered(number);
    bill["mdtrt_id"] = "D20150727001".into();
    bill
}

/// A counter that the centre has told of the person.
fn told() -> Counter {
    let counter = Counter::new();
    let view = counter.decided(SETTLE, bill("0"));
    counter.terminal.cancel(view.id).unwrap();
    counter
}

fn output(view: &CaseView, name: &str) -> String {
    view.decision.as_ref().unwrap().value()["outputs"][name].as_str().unwrap().to_owned()
}

#[test]
fn while_one_is_taken_back_no_other_of_the_person_is_settled() {
    let counter = Counter::new();
    let first = counter.decided(SETTLE, bill("1"));
    // Settled at the centre, and no answer comes: neither to it, nor to the query, nor to the reversal.
    counter.centre_faults(Faults { drop_answer: 1000, ..Faults::default() });
    let first = counter.confirmed(first.id);
    assert_eq!(first.failure.unwrap().entry.code, "E-TERM-NOTHING-SETTLED");
    let open = first.transaction.unwrap();
    counter.centre_faults(Faults { only: Some("2601".into()), drop_answer: 1000, ..Faults::default() });
    let found = counter.decided(SETTLE, bill("2"));
    assert_eq!(found.state, CaseState::Refused, "{:?}", found.decision);
    assert_eq!(found.failure.unwrap().entry.code, "E-TERM-EARLIER-OPEN");
    assert_eq!(found.transaction.unwrap()["id"], open["id"], "it shows which one");

    counter.centre_faults(Faults::default());
    let row = counter.transactions().remove(0);
    counter.wait_for_state(row.id, State::Reversed);
    for case in [first.id, found.id] {
        let shown =
            counter.wait_for(case, |view| view.transaction.as_ref().is_some_and(|row| row["state"] == "reversed"));
        assert_eq!(shown.state, CaseState::Refused);
    }
    let second = counter.carried_out(SETTLE, bill("2"));
    assert_eq!(second.state, CaseState::Done, "{:?}", second.failure);
    assert_eq!(second.centre.unwrap()["act_pay_dedc"], "1600.00", "the first has paid no deductible");
}

#[test]
fn the_account_is_spent_once_while_the_centre_is_away() {
    let mut counter = told();
    counter.stop_centre();
    let small = |number: &str| {
        let mut bill = bill_of("3000.00");
        bill["lines"][0]["feedetl_sn"] = number.into();
        bill["acct_used_flag"] = true.into();
        let view = counter.carried_out(SETTLE, bill);
        assert_eq!(view.state, CaseState::ProvisionalDone, "{:?}", view.failure);
        (output(&view, "acct_pay"), output(&view, "balc"))
    };
    assert_eq!(small("1"), ("500.00".into(), "0.00".into()));
    assert_eq!(small("2"), ("0.00".into(), "0.00".into()), "what was spent is spent");
}

#[test]
fn the_account_is_spent_once_though_the_clock_was_ahead_when_the_centre_was_asked() {
    let hands = Arc::new(Hands::noon());
    let mut counter = Counter::with(Setup { clock: hands.clone(), ..Setup::default() });
    let small = |number: &str| {
        let mut bill = bill_of("3000.00");
        bill["lines"][0]["feedetl_sn"] = number.into();
        bill["acct_used_flag"] = true.into();
        bill
    };
    hands.forward(2 * 3600);
    let first = counter.decided(SETTLE, small("1"));
    hands.forward(-2 * 3600);
    let first = counter.confirmed(first.id);
    assert_eq!(first.state, CaseState::Done, "{:?}", first.failure);
    assert_eq!((output(&first, "acct_pay"), output(&first, "balc")), ("500.00".into(), "0.00".into()));
    counter.stop_centre();
    counter.wait_for_condition(Condition::UplinkAway, true);
    let second = counter.decided(SETTLE, small("2"));
    assert_eq!(second.failure.unwrap().entry.code, "E-TERM-NO-RECORD", "the record is of a time to come");
    // The clock has caught up.
    hands.forward(3 * 3600);
    let third = counter.decided(SETTLE, small("3"));
    assert_eq!(third.state, CaseState::WaitingConfirmation, "{:?}", third.failure);
    assert_eq!((output(&third, "acct_pay"), output(&third, "balc")), ("0.00".into(), "0.00".into()));
}

#[test]
fn one_that_the_centre_took_without_an_answer_is_counted_once() {
    let mut counter = told();
    counter.stop_centre();
    let first = counter.carried_out(SETTLE, bill("1"));
    assert_eq!(first.state, CaseState::ProvisionalDone, "{:?}", first.failure);
    let row = counter.transactions().remove(0);
    counter.start_centre();
    counter.centre_faults(Faults { only: Some("transactions".into()), drop_answer: 1000, ..Faults::default() });
    counter.wait_for_state(row.id, State::Sending);
    // The centre tells of the person what may have the first in it or not; it settles nothing before that is known.
    let second = counter.decided(SETTLE, bill("2"));
    assert_eq!(second.failure.unwrap().entry.code, "E-TERM-EARLIER-OPEN");
    counter.stop_centre();
    let second = counter.decided(SETTLE, bill("2"));
    assert_eq!(second.state, CaseState::WaitingConfirmation, "{:?}", second.failure);
    assert_eq!(output(&second, "act_pay_dedc"), "0.00", "the first has paid the deductible");
    let trace = second.decision.unwrap().value()["trace"].to_string();
    // 12000.00 that the centre told before, and the 22720.00 of the first.
    assert!(trace.contains("34720.00") && !trace.contains("57440.00"), "{trace}");
}

#[test]
fn who_agrees_after_the_centre_came_back_begins_anew() {
    let mut counter = told();
    counter.stop_centre();
    counter.wait_for_condition(Condition::UplinkAway, true);
    let alone = counter.decided(SETTLE, bill("1"));
    assert!(alone.provisional, "{:?}", alone.failure);
    counter.start_centre();
    counter.wait_for_condition(Condition::UplinkAway, false);
    let view = counter.confirmed(alone.id);
    assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::Refused, "E-TERM-CENTRE-BACK"));
    assert!(counter.transactions().is_empty() && view.slip.is_none());
    assert_eq!(counter.carried_out(SETTLE, bill("1")).state, CaseState::Done);
}

#[test]
fn a_centre_that_does_not_know_the_terminal_is_not_away() {
    let mut counter = told();
    counter.stop_centre();
    counter.start_centre_that_knows_nobody();
    let view = counter.decided(SETTLE, bill("1"));
    assert_eq!(view.state, CaseState::Refused, "nothing is settled without a centre that is there");
    assert_eq!(view.failure.unwrap().entry.code, "E-UPLINK-UNAUTHORIZED");
    // What is stored and sent later waits until somebody has seen to the token.
    let sign_in = counter.carried_out("unemployment-sign-in", statement());
    assert_eq!(sign_in.state, CaseState::Done, "{:?}", sign_in.failure);
}
