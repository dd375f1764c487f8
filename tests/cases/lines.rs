//! A line of a bill is settled once, in whatever bill, scenario and key it comes again.

use sbkd::center::Faults;
use sbkd::queue::State;
use sbkd::terminal::{CaseState, CaseView, Condition, NewCase};
use serde_json::{Value, json};

use crate::counter::{Counter, HOLDER, SECOND, bill, bill_of, chip, new_case};

const SETTLE: &str = "medical-settlement";
const STAY: &str = "D20150727001";

/// A bill of two lines, by their numbers, within the limits of a terminal alone; of a visit where it is named.
fn of(visit: Option<&str>, lines: [&str; 2]) -> Value {
    let mut bill = bill_of("3000.00");
    bill["lines"][0]["feedetl_sn"] = lines[0].into();
    let mut second = bill["lines"][0].clone();
    second["feedetl_sn"] = lines[1].into();
    bill["lines"].as_array_mut().unwrap().push(second);
    if let Some(visit) = visit {
        bill["mdtrt_id"] = visit.into();
    }
    bill
}

/// It is refused, and shows the transaction that stands.
#[track_caller]
fn refused(view: &CaseView, line: &str, standing: &CaseView) {
    assert_eq!((view.state, view.duplicate), (CaseState::Refused, true), "{:?}", view.failure);
    let failure = view.failure.as_ref().unwrap();
    assert_eq!((failure.entry.code, failure.detail.as_deref()), ("E-TERM-SAME-LINE", Some(line)));
    let ids = [view, standing].map(|view| view.transaction.as_ref().unwrap()["id"].clone());
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn a_line_that_stands_is_not_settled_in_another_bill() {
    let counter = Counter::new();
    let first = counter.carried_out(SETTLE, of(Some(STAY), ["1", "2"]));
    assert_eq!(first.state, CaseState::Done, "{:?}", first.failure);
    let mut otherwise = of(Some(STAY), ["3", "2"]);
    otherwise["lines"][1]["fee_ocur_time"] = "2015-07-26".into();
    refused(&counter.decided(SETTLE, otherwise), "lines[2]", &first);
    // Nobody asked the centre, or it would have said so itself.
    let keyed = NewCase { idempotency: Some("another".into()), ..new_case(SETTLE, Some(of(Some(STAY), ["1", "3"]))) };
    let id = counter.terminal.open_case(keyed).unwrap().id;
    refused(&counter.ended(id), "lines[1]", &first);
    assert_eq!(counter.transactions().len(), 1);
    assert_eq!(counter.carried_out(SETTLE, of(Some(STAY), ["3", "4"])).state, CaseState::Done);
}

#[test]
fn without_a_visit_a_line_is_known_by_all_that_it_says() {
    let counter = Counter::new();
    let first = counter.carried_out(SETTLE, of(None, ["1", "2"]));
    assert_eq!(first.state, CaseState::Done, "{:?}", first.failure);
    refused(&counter.decided(SETTLE, of(None, ["3", "1"])), "lines[2]", &first);
    let mut next_day = of(None, ["1", "2"]);
    for line in next_day["lines"].as_array_mut().unwrap() {
        line["fee_ocur_time"] = "2015-07-26".into();
    }
    assert_eq!(counter.carried_out(SETTLE, next_day).state, CaseState::Done);
}

#[test]
fn a_line_with_its_visit_and_the_same_without_are_one() {
    let counter = Counter::new();
    let with = counter.carried_out(SETTLE, of(Some(STAY), ["1", "2"]));
    assert_eq!(with.state, CaseState::Done, "{:?}", with.failure);
    refused(&counter.decided(SETTLE, of(None, ["3", "2"])), "lines[2]", &with);
    let without = counter.carried_out(SETTLE, of(None, ["3", "4"]));
    assert_eq!(without.state, CaseState::Done, "{:?}", without.failure);
    // Also where the scenario never does without a visit.
    for scenario in [SETTLE, "critical-illness-settlement"] {
        refused(&counter.decided(scenario, of(Some(STAY), ["5", "4"])), "lines[2]", &without);
    }
}

#[test]
fn one_that_stands_at_the_centre_alone_the_centre_refuses() {
    let counter = Counter::new();
    let bill = of(Some(STAY), ["1", "2"]);
    // Past the terminal: its journal has nothing of it.
    let settled = counter.ask_centre(
        "2207",
        json!({
            "mdtrt_cert_type": "03", "mdtrt_cert_no": "A10000031", "card_sn": "440100D15600000530000003FFFFFFFF",
            "certno": "440103198806120021", "psn_name": "王小雅", "insutype": "310", "med_type": "21",
            "medfee_sumamt": "6000.00", "psn_setlway": "01", "acct_used_flag": "0", "mdtrt_id": STAY,
            "scenario": SETTLE, "business_date": "2015-08-01",
            "facts": {
                "begntime": "2015-07-20", "endtime": "2015-08-01", "hosp_lv": "L3", "psn_type": "1",
                "psn_insu_stas": "0", "medfee_sumamt": "6000.00", "acct_used_flag": false, "balc": "0.00",
            },
            "feedetail": bill["lines"],
        }),
    );
    assert_eq!(settled["infcode"], 0, "{settled}");
    let again = counter.decided(SETTLE, of(Some(STAY), ["3", "2"]));
    assert_eq!(again.state, CaseState::Refused);
    let failure = again.failure.unwrap();
    assert_eq!(failure.entry.code, "C-LINE-DUPLICATE", "{:?}", failure.detail);
    assert!(counter.transactions().is_empty());
}

#[test]
fn what_was_cancelled_or_came_to_nothing_sets_its_lines_free() {
    let counter = Counter::new();
    let first = counter.carried_out(SETTLE, of(Some(STAY), ["1", "2"]));
    let row = counter.transactions().remove(0);
    let undo = NewCase { undo: Some(row.id), ..new_case(SETTLE, None) };
    let id = counter.terminal.open_case(undo).unwrap().id;
    counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation);
    assert_eq!(counter.confirmed(id).state, CaseState::Done);
    counter.wait_for_state(row.id, State::Cancelled);
    counter.centre_faults(Faults { refuse: 1, only: Some("2304".into()), ..Faults::default() });
    let nothing = counter.carried_out(SETTLE, of(Some(STAY), ["1", "3"]));
    assert_eq!(nothing.state, CaseState::Refused, "{:?}", nothing.failure);
    let again = counter.carried_out(SETTLE, of(Some(STAY), ["1", "4"]));
    assert_eq!((again.state, first.state), (CaseState::Done, CaseState::Done), "{:?}", again.failure);
}

/// A counter whose centre was asked about the holder, and is away.
fn alone() -> Counter {
    let mut counter = Counter::new();
    counter.terminal.cancel(counter.decided(SETTLE, bill()).id).unwrap();
    counter.stop_centre();
    counter.wait_for_condition(Condition::UplinkAway, true);
    counter
}

#[test]
fn alone_a_line_is_settled_once_as_well() {
    let mut counter = alone();
    let first = counter.carried_out(SETTLE, of(Some(STAY), ["1", "2"]));
    assert_eq!(first.state, CaseState::ProvisionalDone, "{:?}", first.failure);
    refused(&counter.decided(SETTLE, of(Some(STAY), ["2", "3"])), "lines[1]", &first);
    counter.start_centre();
    let row = counter.transactions().remove(0);
    counter.wait_for_state(row.id, State::Acked);
    refused(&counter.decided(SETTLE, of(Some(STAY), ["2", "3"])), "lines[1]", &first);
}

#[test]
fn of_two_that_are_settled_alone_at_once_one_has_the_line() {
    let counter = alone();
    counter.readers.insert(SECOND, chip("v3-sm4"));
    let waits = |reader: &str, lines| {
        let new = NewCase { reader: Some(reader.into()), ..new_case(SETTLE, Some(of(Some(STAY), lines))) };
        let id = counter.terminal.open_case(new).unwrap().id;
        let view = counter.wait_for(id, |view| view.state.is_final() || view.state == CaseState::WaitingConfirmation);
        assert_eq!(view.state, CaseState::WaitingConfirmation, "{:?}", view.failure);
        id
    };
    let (one, other) = (waits(HOLDER, ["1", "2"]), waits(SECOND, ["2", "3"]));
    assert_eq!(counter.confirmed(one).state, CaseState::ProvisionalDone);
    let late = counter.confirmed(other);
    assert_eq!((late.state, late.duplicate), (CaseState::Refused, true));
    assert_eq!(late.failure.unwrap().entry.code, "E-TERM-SAME-LINE");
    assert_eq!(counter.transactions().len(), 1);
}
