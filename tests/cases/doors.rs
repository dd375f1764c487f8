//! What the doors may ask, and in which order.

use std::path::Path;

use sbkd::queue::Filter;
use sbkd::terminal::{CaseState, NewCase, Status, What};
use sbkd::value::Kind;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::counter::{Counter, HOLDER, PSAM, SECOND, Setup, bill, chip, new_case, statement};

const SIGN_IN: &str = "unemployment-sign-in";

fn alone() -> Counter {
    Counter::with(Setup { centre: None, ..Setup::default() })
}

#[test]
fn scenarios_that_are_not_there_are_told_apart() {
    let some =
        "[scenarios]\nonly = [\"medical-settlement\", \"unemployment-sign-in\", \"employment-certificate-copy\"]\n";
    let counter = Counter::with(Setup { centre: None, config: some, ..Setup::default() });
    let refused = |new| counter.terminal.open_case(new).unwrap_err().entry.code;
    assert_eq!(refused(new_case("dance", None)), "E-SCN-UNKNOWN");
    assert_eq!(refused(new_case("employment-registration", None)), "E-SCN-UNDEFINED");
    assert_eq!(refused(NewCase { part: Some(Kind::Query), ..new_case(SIGN_IN, None) }), "E-SCN-PART");
    let catalogue = counter.terminal.catalogue().entries();
    let available: Vec<&str> = catalogue.filter(|entry| entry.available).map(|entry| entry.id.as_str()).collect();
    assert_eq!(available, ["employment-certificate-copy", "medical-settlement", SIGN_IN]);
}

/// Of the year in which this runs no pack that ships holds, and the demonstration's business date is not set.
#[test]
fn a_scenario_without_a_pack_for_today_takes_no_card() {
    let some = "[scenarios]\nonly = [\"medical-settlement\", \"unemployment-sign-in\"]\n";
    let counter = Counter::with(Setup { demo_date: false, config: some, ..Setup::default() });
    let listed = |id| counter.terminal.listed(counter.terminal.catalogue().scenario(id).unwrap());
    let state = |id| (listed(id).available, listed(id).no_pack_today);
    assert_eq!(state(SIGN_IN), (false, true), "it is of the day on which it is carried out");
    assert_eq!(state("medical-settlement"), (true, true), "its form says the day");
    assert_eq!(state("employment-registration"), (false, false), "it is not carried out here");
    let health = counter.terminal.health();
    assert_eq!(health.policy.no_pack_today, ["medical-settlement", SIGN_IN]);
    assert_eq!(health.status, Status::Degraded);

    let mut events = counter.terminal.events(None);
    for input in [None, Some(statement())] {
        let refused = counter.terminal.open_case(new_case(SIGN_IN, input)).unwrap_err();
        assert_eq!(refused.entry.code, "E-RULES-NO-VERSION");
    }
    // Of a bill of last August the first case tells, and its card is the first that is taken.
    let view = counter.decided("medical-settlement", bill());
    assert_eq!((view.state, view.failure), (CaseState::WaitingConfirmation, None));
    let first = counter.next_event(&mut events, |what| matches!(what, What::Case { .. }));
    assert!(matches!(first, What::Case { case, .. } if case == view.id), "{first:?}");

    let dated = Counter::with(Setup { config: some, ..Setup::default() });
    assert_eq!(dated.terminal.health().policy.no_pack_today, [""; 0], "the demonstration's date counts");
    assert!(dated.terminal.open_case(new_case(SIGN_IN, None)).is_ok());
}

#[test]
fn what_a_key_committed_is_told_though_no_pack_holds_any_more() {
    let counter = Counter::new();
    let keyed = |key: &str| NewCase { idempotency: Some(key.into()), ..new_case(SIGN_IN, Some(statement())) };
    let id = counter.terminal.open_case(keyed("K1")).unwrap().id;
    counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation);
    counter.terminal.confirm(id).unwrap();
    let done = counter.ended(id);
    assert_eq!(done.state, CaseState::Done, "{:?}", done.failure);

    let counter = counter.begun_again(&Setup { demo_date: false, ..Setup::default() }, |_| ());
    assert_eq!(counter.terminal.open_case(keyed("K2")).unwrap_err().entry.code, "E-RULES-NO-VERSION");
    let again = counter.ended(counter.terminal.open_case(keyed("K1")).unwrap().id);
    assert_eq!((again.state, again.failure.unwrap().entry.code), (CaseState::Refused, "E-TERM-REPEATED"));
    assert_eq!(again.transaction.unwrap()["id"], done.transaction.unwrap()["id"]);
}

#[test]
fn a_kiosk_carries_out_what_holders_run() {
    let counter = Counter::with(Setup { centre: None, config: "[scenarios]\nat = \"kiosk\"\n", ..Setup::default() });
    let opened = |scenario| counter.terminal.open_case(new_case(scenario, None)).map_err(|failure| failure.entry.code);
    assert_eq!(opened("medical-settlement").err(), Some("E-SCN-ELSEWHERE"));
    assert!(opened(SIGN_IN).is_ok());
}

#[test]
fn wrong_input_opens_nothing_and_changes_nothing() {
    let counter = alone();
    for input in [json!([]), json!({}), json!({"acc026": "yes", "acc027": false}), json!({"acc026": 1}), Value::Null] {
        let refused = counter.terminal.open_case(new_case(SIGN_IN, Some(input))).unwrap_err();
        assert_eq!(refused.entry.code, "E-SCN-INPUT");
    }
    let id = counter.open(SIGN_IN, None);
    counter.wait_for(id, |view| view.state == CaseState::WaitingInput);
    let refused = counter.terminal.input(id, json!({"acc026": "yes"})).unwrap_err();
    let detail = refused.detail.unwrap();
    assert!(detail.contains("acc026") && detail.contains("acc027") && !detail.contains("yes"), "{detail}");
    let view = counter.terminal.case(id).unwrap();
    assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::WaitingInput, "E-SCN-INPUT"));
    counter.terminal.input(id, statement()).unwrap();
    let view = counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation);
    assert!(view.failure.is_none());
}

#[test]
fn a_key_opens_one_case() {
    let counter = alone();
    let keyed = |input: Value, key: &str| NewCase { idempotency: Some(key.into()), ..new_case(SIGN_IN, Some(input)) };
    let first = counter.terminal.open_case(keyed(statement(), "k1")).unwrap();
    let again = counter.terminal.open_case(keyed(statement(), "k1")).unwrap();
    assert_eq!(first.id, again.id);
    let other = counter.terminal.open_case(keyed(json!({"acc026": false, "acc027": true}), "k1")).unwrap_err();
    assert_eq!(other.entry.code, "E-TERM-KEY-USED");
    assert_eq!(counter.terminal.open_case(keyed(statement(), "")).unwrap_err().entry.code, "E-TERM-KEY-FORM");
    let nobody = NewCase { operator: "  ".into(), ..new_case(SIGN_IN, None) };
    assert_eq!(counter.terminal.open_case(nobody).unwrap_err().entry.code, "E-TERM-OPERATOR");
}

#[test]
fn one_reader_serves_one_case_and_two_serve_two() {
    let counter = alone();
    let opened = |reader: Option<&str>| {
        counter.terminal.open_case(NewCase { reader: reader.map(str::to_owned), ..new_case(SIGN_IN, None) })
    };
    let refused = |reader| opened(reader).unwrap_err().entry.code;
    let read = |id| counter.wait_for(id, |view| view.state == CaseState::WaitingInput).reader.unwrap();
    let first = opened(None).unwrap().id;
    assert_eq!(refused(Some(HOLDER)), "E-TERM-BUSY");
    assert_eq!(refused(Some("nowhere")), "E-TERM-NO-READER");
    assert_eq!(refused(Some(PSAM)), "E-TERM-NO-READER");
    let second = opened(Some(SECOND)).unwrap().id;
    assert_eq!(refused(None), "E-TERM-BUSY");
    counter.readers.insert(SECOND, chip("v3-long-name"));
    assert_eq!((read(first), read(second)), (HOLDER.to_owned(), SECOND.to_owned()));

    counter.terminal.cancel(first).unwrap();
    counter.terminal.cancel(second).unwrap();
    assert_eq!(refused(None), "E-TERM-WHICH-READER");
    assert_eq!(read(opened(Some(HOLDER)).unwrap().id), HOLDER);
}

#[test]
fn a_case_can_be_given_up_until_it_is_committed() {
    let counter = alone();
    let card = counter.readers.remove(HOLDER).unwrap();
    let cancelled = |id: Uuid| {
        assert_eq!(counter.terminal.cancel(id).unwrap().state, CaseState::Cancelled);
        assert_eq!(counter.terminal.cancel(id).unwrap_err().entry.code, "E-TERM-STATE");
        assert_eq!(counter.terminal.input(id, statement()).unwrap_err().entry.code, "E-TERM-STATE");
        assert_eq!(counter.terminal.confirm(id).unwrap_err().entry.code, "E-TERM-STATE");
    };
    cancelled(counter.open(SIGN_IN, None));
    counter.readers.insert(HOLDER, card);
    let id = counter.open(SIGN_IN, None);
    counter.wait_for(id, |view| view.state == CaseState::WaitingInput);
    cancelled(id);
    cancelled(counter.decided(SIGN_IN, statement()).id);
    let done = counter.carried_out(SIGN_IN, statement());
    assert_eq!(counter.terminal.cancel(done.id).unwrap_err().entry.code, "E-TERM-STATE");
    assert_eq!(counter.transactions().len(), 1);
    assert_eq!(counter.terminal.cancel(Uuid::nil()).unwrap_err().entry.code, "E-TERM-NO-CASE");
}

#[test]
fn who_does_not_go_on_in_time_loses_the_case() {
    let counter = Counter::with(Setup { centre: None, config: "[cases]\ninput_secs = 1\n", ..Setup::default() });
    let id = counter.open("medical-settlement", None);
    let view = counter.ended(id);
    assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::Cancelled, "E-TERM-TIMED-OUT"));
}

#[test]
fn only_the_latest_cases_are_kept() {
    let counter = Counter::with(Setup { centre: None, config: "[cases]\nkeep = 2\n", ..Setup::default() });
    let ids: Vec<Uuid> = (0..3)
        .map(|_| {
            let id = counter.open("medical-settlement", Some(bill()));
            let _ = counter.terminal.cancel(id);
            counter.ended(id);
            id
        })
        .collect();
    assert!(counter.terminal.case(ids[0]).is_none());
    assert!(counter.terminal.case(ids[1]).is_some() && counter.terminal.case(ids[2]).is_some());
}

#[test]
fn what_is_committed_explains_itself_by_pack_and_trace() {
    let counter = Counter::new();
    let mut decided = Vec::new();
    for (scenario, form) in [(SIGN_IN, statement()), ("medical-settlement", bill())] {
        let view = counter.decided(scenario, form);
        decided.push((scenario, view.decision.clone().unwrap().value()));
        assert_eq!(counter.confirmed(view.id).state, CaseState::Done);
    }
    let (journal, _dir) = counter.journal();
    for (scenario, shown) in decided {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policy/guangzhou-2015").join(scenario);
        let bytes = std::fs::read(file.with_extension("toml")).unwrap();
        let hash = ring::digest::digest(&ring::digest::SHA256, &bytes);
        let rows = journal.list(&Filter::default()).unwrap();
        let row = rows.iter().find(|row| row.scenario == scenario).unwrap();
        let payload = journal.payload(row.id).unwrap().unwrap();
        let kept = payload.pointer("/detail/decision").unwrap_or(&payload["decision"]);
        assert_eq!(kept["pack"]["sha256"], hex::encode_upper(hash), "{scenario}: {payload}");
        assert_eq!(kept["pack"]["version"], "2015.1");
        assert!(kept["trace"].as_array().is_some_and(|trace| trace.len() > 3), "{scenario}: {payload}");
        // To the letter what was shown before somebody agreed.
        assert_eq!(kept, &shown, "{scenario}");
    }
}
