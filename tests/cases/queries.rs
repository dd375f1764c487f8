//! What a query shows and when, how often it is printed, and whom a report keeps out of sight.

use std::sync::Arc;

use sbkd::center::Faults;
use sbkd::queue::{Filter, State};
use sbkd::slip::{COLUMNS, Copy};
use sbkd::terminal::holder_card::Secret;
use sbkd::terminal::{CaseState, CaseView, Condition, NewCase};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::alarm::Hands;
use crate::counter::{Counter, HOLDER, SECOND, Setup, bill, chip, new_case, statement};

const PRINTED: &str = "benefit-record-query";
const SHOWN: &str = "talent-service-query";
const REPORT: &str = "labor-inspection-report";

/// Opens a case under a key of its own, and lets it come to its confirmation, or to its end.
fn decided(counter: &Counter, key: &str) -> CaseView {
    let new = NewCase { idempotency: Some(key.into()), ..new_case(PRINTED, Some(json!({ "record_year": 2014 }))) };
    let id = counter.terminal.open_case(new).unwrap().id;
    counter.wait_for(id, |view| view.state.is_final() || view.state == CaseState::WaitingConfirmation)
}

/// Agrees to it, with a PIN where it needs one.
pub fn confirmed(counter: &Counter, view: &CaseView, pin: &str) -> CaseView {
    let pin = Secret(Zeroizing::new(pin.to_owned()));
    let goes_on = if view.needs_pin { CaseState::Proving } else { CaseState::Committing };
    assert_eq!(counter.terminal.confirm_with(view.id, Some(pin), true).unwrap().state, goes_on);
    counter.wait_for(view.id, |view| view.state.is_final() || view.state == CaseState::WaitingConfirmation)
}

/// Carries out the query that is kept, with the PIN.
fn proved(counter: &Counter) -> CaseView {
    let view = counter.decided(SHOWN, json!({}));
    assert_eq!(view.state, CaseState::WaitingConfirmation, "{:?}", view.failure);
    confirmed(counter, &view, "123456")
}

/// Whether it is done with a page of its records, and whether it tells that the day's prints are used up. Its records are
/// shown either way.
fn printed(counter: &Counter, view: &CaseView) -> (bool, bool) {
    assert_eq!(view.state, CaseState::Done, "{:?}", view.failure);
    assert!(!records(view).unwrap()["records"].as_array().unwrap().is_empty());
    let lines = counter.terminal.paper(view.id, Copy::Holder).unwrap().lines(COLUMNS).join("\n");
    let told: Vec<&str> = view.findings.iter().map(|finding| finding.entry.code).collect();
    (lines.contains("内容校验值"), told.contains(&"E-TERM-PRINTED"))
}

fn records(view: &CaseView) -> Option<Value> {
    view.found.as_ref().map(|found| found.value())
}

#[test]
fn records_are_shown_to_who_knows_the_pin_however_often_and_printed_so_often_whatever_key_comes() {
    let counter = Counter::new();
    let first = decided(&counter, "K0");
    assert!(first.needs_pin && records(&first).is_none(), "{:?}", records(&first));
    let wrong = confirmed(&counter, &first, "654321");
    assert_eq!(wrong.state, CaseState::WaitingConfirmation);
    assert_eq!(wrong.failure.as_ref().unwrap().entry.code, "E-CARD-PIN-WRONG");
    assert!(records(&wrong).is_none() && counter.transactions().is_empty());
    let done = confirmed(&counter, &first, "123456");
    assert_eq!(printed(&counter, &done), (true, false));
    // A look alone is not counted.
    let look = decided(&counter, "a look");
    let pin = Secret(Zeroizing::new("123456".to_owned()));
    counter.terminal.confirm_with(look.id, Some(pin), false).unwrap();
    assert_eq!(printed(&counter, &counter.ended(look.id)), (false, false));
    for key in ["K1", "K2"] {
        let view = decided(&counter, key);
        assert_eq!(printed(&counter, &confirmed(&counter, &view, "123456")), (true, false));
    }
    // Whoever agrees knows by then that nothing is printed.
    let over = decided(&counter, "K3");
    assert_eq!(over.findings.iter().map(|finding| finding.entry.code).collect::<Vec<_>>(), ["E-TERM-PRINTED"]);
    assert_eq!(printed(&counter, &confirmed(&counter, &over, "123456")), (false, true));
    assert_eq!(counter.transactions().len(), 5);
    let (journal, _dir) = counter.journal();
    let told: Vec<_> = journal
        .list(&Filter::default())
        .unwrap()
        .into_iter()
        .rev()
        .map(|row| {
            let request = journal.payload(row.id).unwrap().unwrap()["request"].clone();
            (request["printed"] == true, request.get("document_sha256").is_some())
        })
        .collect();
    assert_eq!(told, [true, false, true, true, false].map(|printed| (printed, printed)), "it goes up as it was");
}

#[test]
fn of_two_that_print_at_once_each_takes_the_next_of_the_day_or_is_shown_alone() {
    let counter = Counter::new();
    counter.readers.insert(SECOND, chip("v3-sm4"));
    let both = || {
        [HOLDER, SECOND].map(|reader| {
            let form = Some(json!({ "record_year": 2014 }));
            let new = NewCase { reader: Some(reader.into()), ..new_case(PRINTED, form) };
            let id = counter.terminal.open_case(new).unwrap().id;
            counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation)
        })
    };
    let done = both().map(|view| printed(&counter, &confirmed(&counter, &view, "123456")));
    assert_eq!(done, [(true, false); 2]);
    // One is left of the day, and both were told that there is.
    let views = both();
    assert!(views.iter().all(|view| view.findings.is_empty()));
    let done = views.map(|view| printed(&counter, &confirmed(&counter, &view, "123456")));
    assert_eq!(done, [(true, false), (false, true)]);
    assert_eq!(counter.transactions().len(), 4);
}

/// What is shown of a case, without what is of this one alone.
fn shown_alike(view: &CaseView) -> Value {
    let mut shown = serde_json::to_value(view).unwrap();
    for member in ["id", "created_at", "updated_at", "as_of"] {
        shown[member].take();
    }
    shown
}

#[test]
fn what_the_rules_say_of_records_is_told_to_who_knows_the_pin() {
    let counter = Counter::new();
    // There are records of 2014, and none of 2013.
    let of_year = |year: u32| counter.decided(PRINTED, json!({ "record_year": year }));
    let there = of_year(2014);
    assert_eq!(there.state, CaseState::WaitingConfirmation, "{:?}", there.failure);
    counter.terminal.cancel(there.id).unwrap();
    assert!(counter.ended(there.id).decision.is_none(), "who gives up is told nothing");
    let none = of_year(2013);
    assert_eq!(shown_alike(&none), shown_alike(&there), "before the PIN the one is shown as the other");
    let wrong = confirmed(&counter, &none, "654321");
    assert!(wrong.state == CaseState::WaitingConfirmation && wrong.decision.is_none());
    let none = confirmed(&counter, &none, "123456");
    assert_eq!((none.state, none.failure.as_ref().unwrap().entry.code), (CaseState::Refused, "E-TERM-DENIED"));
    assert!(none.failure.unwrap().detail.unwrap().contains("E-RECORD-NONE"));
    assert_eq!(none.decision.unwrap().value()["reasons"][0]["code"], "E-RECORD-NONE");
    assert!(none.transaction.is_none() && none.found.is_none() && counter.transactions().is_empty());
    // Its reader is free, and no print of the day was used up.
    let done = confirmed(&counter, &of_year(2014), "123456");
    assert_eq!((done.state, done.decision.unwrap().value()["outcome"].clone()), (CaseState::Done, json!("allow")));
}

#[test]
fn of_several_payments_one_chooses_without_a_pin_and_sees_the_one_that_is_collected() {
    let counter = Counter::with(Setup { card: "v3-retired", ..Setup::default() });
    let mut form = json!({ "pension_scheme": "employee", "aae003": "2015-07" });
    let id = counter.open("pension-collection", Some(form.clone()));
    let asks = counter.wait_for(id, |view| view.state == CaseState::WaitingInput && view.failure.is_some());
    let found = records(&asks).unwrap();
    let columns: Vec<_> = found["columns"].as_array().unwrap().iter().map(|column| &column["name"]).collect();
    assert_eq!(columns, ["pay_no", "paid_month"]);
    let months: Vec<_> = found["records"].as_array().unwrap().iter().map(|record| &record["paid_month"]).collect();
    assert_eq!(months.len(), 3, "{found}");
    assert!(
        found["records"].as_array().unwrap().iter().all(|record| record.as_object().unwrap().len() == 2),
        "{found}"
    );
    form["pay_no"] = "YL20150710000006".into();
    counter.terminal.input(id, form).unwrap();
    let shown = counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation || view.state.is_final());
    assert_eq!(shown.state, CaseState::WaitingConfirmation, "{:?}", shown.failure);
    let check = |view: &CaseView| {
        let found = records(view).unwrap();
        let [one] = &found["records"].as_array().unwrap()[..] else { panic!("{found}") };
        assert_eq!((&one["paid_month"], &one["pay_amt"]), (&json!("2015-07"), &json!("3120.50")));
    };
    // Who agrees sees to what: the amount, its state and the account; and of the others nothing, now or later.
    check(&shown);
    let done = confirmed(&counter, &shown, "123456");
    assert_eq!(done.state, CaseState::Done, "{:?}", done.failure);
    check(&done);
}

#[test]
fn what_was_found_and_its_page_are_there_for_ten_minutes_after_the_end() {
    let hands = Arc::new(Hands::noon());
    let counter = Counter::with(Setup { clock: hands.clone(), ..Setup::default() });
    let done = confirmed(&counter, &decided(&counter, "K0"), "123456");
    assert_eq!(done.state, CaseState::Done, "{:?}", done.failure);
    let shown = || counter.terminal.case(done.id).unwrap();
    let paper = || counter.terminal.paper(done.id, Copy::Holder).map_err(|failure| failure.entry.code);
    hands.forward(599);
    assert!(shown().found.is_some() && paper().is_ok());
    hands.forward(1);
    assert!(shown().found.is_none() && shown().slip.is_some() && shown().transaction.is_some());
    assert_eq!(paper().err(), Some("E-TERM-NO-PAPER"));
    // A slip has no full name, and is kept as long as the case.
    let slip = counter.carried_out("unemployment-sign-in", statement());
    hands.forward(600);
    assert!(counter.terminal.paper(slip.id, Copy::Holder).is_ok());
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
    let view = counter.decided(REPORT, open_report());
    let holder = view.holder.clone().unwrap();
    let masked = [holder.name, holder.social_security_number, holder.card_number].map(Option::unwrap);
    let names_them = |view: &CaseView| {
        let shown = serde_json::to_string(view).unwrap();
        view.holder.is_some() || masked.iter().any(|text| shown.contains(text.as_str()))
    };
    assert!(names_them(&view), "{view:?}");
    // Who did not go on with it may have meant to be kept secret: nobody who has the case's id is told who it was.
    let ended = |id| {
        let view = counter.terminal.cancel(id).unwrap();
        assert!(!names_them(&view), "{view:?}");
        assert!(!names_them(&counter.wait_for(id, |view| view.state.is_final())) && !names_them(&counter.ended(id)));
    };
    ended(view.id);
    let asks = counter.open(REPORT, None);
    let view = counter.wait_for(asks, |view| view.state == CaseState::WaitingInput);
    assert!(names_them(&view), "whoever fills it in sees whose card it is");
    let slow = |delay_ms| counter.centre_faults(Faults { delay_ms, ..Faults::default() });
    slow(5_000);
    let view = counter.terminal.input(asks, report()).unwrap();
    assert!(view.state == CaseState::Deciding && !names_them(&view), "{view:?}");
    ended(asks);
    // Given at the opening, the form says so before the card is read.
    let id = counter.open(REPORT, Some(report()));
    assert!(!names_them(&counter.wait_for(id, |view| view.state == CaseState::Deciding)));
    ended(id);
    slow(0);
    let view = counter.decided(REPORT, report());
    assert_eq!(view.state, CaseState::WaitingConfirmation, "{:?}", view.failure);
    assert!(!names_them(&view), "{view:?}");
    let committing = counter.terminal.confirm(view.id).unwrap();
    let done = counter.ended(view.id);
    assert_eq!(done.state, CaseState::Done, "{:?}", done.failure);
    assert!(!names_them(&committing) && !names_them(&done), "{done:?}");
    assert!(!done.slip.unwrap().iter().any(|line| line.starts_with("姓名") || line.starts_with("社会保障号码")));
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
