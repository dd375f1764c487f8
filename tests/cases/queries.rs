//! What a query shows and when, how often it is printed, and whom a report keeps out of sight.

use std::sync::Arc;

use sbkd::center::Faults;
use sbkd::queue::State;
use sbkd::terminal::holder_card::Secret;
use sbkd::terminal::{CaseState, CaseView, Condition, NewCase};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::alarm::Hands;
use crate::counter::{Counter, Setup, bill, new_case};

const PRINTED: &str = "benefit-record-query";
const SHOWN: &str = "talent-service-query";
const REPORT: &str = "labor-inspection-report";

/// Opens a case under a key of its own, and lets it come to its confirmation, or to its end.
fn decided(counter: &Counter, key: &str) -> CaseView {
    let new = NewCase { idempotency: Some(key.into()), ..new_case(PRINTED, Some(json!({ "record_year": 2014 }))) };
    let id = counter.terminal.open_case(new).unwrap().id;
    counter.wait_for(id, |view| view.state.is_final() || view.state == CaseState::WaitingConfirmation)
}

/// Agrees to it with a PIN.
pub fn confirmed(counter: &Counter, view: &CaseView, pin: &str) -> CaseView {
    let pin = Secret(Zeroizing::new(pin.to_owned()));
    assert_eq!(counter.terminal.confirm_with(view.id, Some(pin)).unwrap().state, CaseState::Proving);
    counter.wait_for(view.id, |view| view.state.is_final() || view.state == CaseState::WaitingConfirmation)
}

/// Carries out the query that is kept, with the PIN.
fn proved(counter: &Counter) -> CaseView {
    let view = counter.decided(SHOWN, json!({}));
    assert_eq!(view.state, CaseState::WaitingConfirmation, "{:?}", view.failure);
    confirmed(counter, &view, "123456")
}

fn records(view: &CaseView) -> Option<Value> {
    view.found.as_ref().map(|found| found.value())
}

#[test]
fn records_are_shown_to_who_knows_the_pin_and_printed_so_often_whatever_key_comes() {
    let counter = Counter::new();
    let first = decided(&counter, "K0");
    assert!(first.needs_pin && records(&first).is_none(), "{:?}", records(&first));
    let wrong = confirmed(&counter, &first, "654321");
    assert_eq!(wrong.state, CaseState::WaitingConfirmation);
    assert_eq!(wrong.failure.as_ref().unwrap().entry.code, "E-CARD-PIN-WRONG");
    assert!(records(&wrong).is_none() && counter.transactions().is_empty());
    let done = confirmed(&counter, &first, "123456");
    assert_eq!(done.state, CaseState::Done, "{:?}", done.failure);
    assert!(!records(&done).unwrap()["records"].as_array().unwrap().is_empty());
    for key in ["K1", "K2"] {
        let view = decided(&counter, key);
        assert_eq!(confirmed(&counter, &view, "123456").state, CaseState::Done);
    }
    let over = decided(&counter, "K3");
    assert_eq!((over.state, over.failure.unwrap().entry.code), (CaseState::Refused, "E-TERM-PRINTED"));
    assert!(over.found.is_none() && counter.transactions().len() == 3);
}

#[test]
fn what_the_centre_told_not_long_ago_is_shown_while_it_is_away_and_nothing_else() {
    let hands = Arc::new(Hands::noon());
    let mut counter = Counter::with(Setup { clock: hands.clone(), ..Setup::default() });
    let told = proved(&counter);
    assert_eq!(told.state, CaseState::Done, "{:?}", told.failure);
    let told = records(&told).unwrap();
    assert_eq!(told["cached"], false);
    counter.stop_centre();
    counter.wait_for_condition(Condition::UplinkAway, true);
    let kept = proved(&counter);
    assert_eq!(kept.state, CaseState::Done, "{:?}", kept.failure);
    let kept = records(&kept).unwrap();
    assert_eq!(kept["cached"], true);
    assert_eq!((&kept["records"], &kept["as_of"]), (&told["records"], &told["as_of"]));
    // It was never asked.
    let away = |view: CaseView| {
        assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::Refused, "E-TERM-UPLINK-AWAY"));
    };
    away(counter.decided("enrollment-query", json!({ "aae030": "2015-07-01", "aae031": "2015-07-31" })));
    // The hours of the scenario are over.
    hands.forward(24 * 3600);
    assert_eq!(proved(&counter).state, CaseState::Done);
    hands.forward(1);
    away(counter.decided(SHOWN, json!({})));
}

fn report() -> Value {
    let fixture = include_str!("../../fixtures/scenarios/labor-inspection-report.toml");
    let fixture: Value = toml::from_str(fixture).unwrap();
    fixture["form"].clone()
}

/// A report of somebody who is not to be kept secret.
fn open_report() -> Value {
    let mut form = report();
    form["confidential"] = false.into();
    form["respondent_name"] = "另一家作坊".into();
    form
}

#[test]
fn who_wants_to_be_kept_secret_is_shown_nowhere() {
    let counter = Counter::new();
    let view = counter.carried_out(REPORT, report());
    assert_eq!(view.state, CaseState::Done, "{:?}", view.failure);
    let shown = serde_json::to_string(&view).unwrap();
    assert!(view.holder.is_none(), "{:?}", view.holder);
    assert!(!shown.contains("王*") && !shown.contains("4401031988"), "{shown}");
    assert!(!view.slip.unwrap().iter().any(|line| line.starts_with("姓名") || line.starts_with("社会保障号码")));
    let view = counter.decided(REPORT, open_report());
    assert!(view.holder.is_some(), "{:?}", view.failure);
}

#[test]
fn who_wants_to_be_kept_secret_is_shown_nowhere_though_the_report_is_taken_back() {
    let counter = Counter::new();
    assert_eq!(counter.carried_out(REPORT, report()).state, CaseState::Done);
    let row = counter.transactions().remove(0);
    counter.wait_for_state(row.id, State::Acked);
    let undo = || {
        let id = counter.terminal.open_case(NewCase { undo: Some(row.id), ..new_case(REPORT, None) }).unwrap().id;
        counter.wait_for(id, |view| view.state.is_final() || view.state == CaseState::WaitingConfirmation)
    };
    let is_hidden = |view: &CaseView| view.holder.is_none() && view.notices.as_ref().is_some_and(Vec::is_empty);
    let told = |scenario: &str, form: Value| {
        let view = counter.decided(scenario, form);
        if !view.state.is_final() {
            counter.terminal.cancel(view.id).unwrap();
        }
        view.notices.unwrap()
    };
    // The centre refuses it: whoever serves the holder next for something else is told nothing.
    let view = undo();
    assert!(is_hidden(&view), "{:?}", view.holder);
    counter.centre_faults(Faults { refuse: 1, ..Faults::default() });
    let view = counter.confirmed(view.id);
    assert!(view.state == CaseState::Done && is_hidden(&view), "{:?}", view.holder);
    let refused = counter.transactions().remove(0);
    counter.wait_for_state(refused.id, State::Refused);
    counter.wait_for_state(row.id, State::Acked);
    assert!(told("medical-settlement", bill()).is_empty());
    assert_eq!(told(REPORT, open_report()).remove(0).transaction, refused.id);
    // And where it is withdrawn already there is nothing to agree to.
    let view = undo();
    counter.confirmed(view.id);
    counter.wait_for_state(row.id, State::Cancelled);
    let view = undo();
    assert_eq!(view.failure.as_ref().unwrap().entry.code, "E-TERM-UNDO-STATE");
    assert!(is_hidden(&view), "{:?}", view.holder);
}
