//! Cards that are pulled, wrong, or past their validity.

use sbkd::failure::Failure;
use sbkd::terminal::{CaseState, What};
use sbkd::virtual_card::Chip;
use serde_json::{Value, json};

use crate::counter::{Counter, HOLDER, PSAM, Setup, bill, chip, chip_like, psam, statement};

const SIGN_IN: &str = "unemployment-sign-in";

#[test]
fn a_card_pulled_at_any_command_ends_the_case_and_commits_nothing() {
    for card in ["v1-3des", "v2-3des", "v3-sm4", "v3-no-whole-file"] {
        let codes = pulled_at_every_command(card, HOLDER, chip, 6);
        assert!(codes.iter().all(|code| *code == "E-READER-CARD-REMOVED"), "{card}: {codes:?}");
    }
}

#[test]
fn a_psam_pulled_at_any_command_ends_the_case_and_commits_nothing() {
    for card in ["v2-3des", "v3-sm4"] {
        pulled_at_every_command(card, PSAM, psam, 3);
    }
}

/// In a sign-in and in a settlement one case for each command of the chip in `reader`, which is pulled before it answers;
/// then one with none left to be pulled at, after `least` commands and more. The codes of the failures.
fn pulled_at_every_command(
    card: &'static str,
    reader: &str,
    chip: fn(&str) -> Box<dyn Chip>,
    least: u32,
) -> Vec<&'static str> {
    let counter = Counter::with(Setup { card, ..Setup::default() });
    let mut codes = Vec::new();
    for (scenario, form) in [(SIGN_IN, statement()), ("medical-settlement", bill())] {
        for n in 1.. {
            let place = format!("{card}, {scenario}, {reader}, command {n}");
            counter.readers.insert(reader, chip(card));
            counter.readers.pull_at(reader, n);
            let view = counter.decided(scenario, form.clone());
            if !counter.readers.pulled(reader) {
                assert!(n > least && view.holder.is_some(), "{place}: {:?}", view.failure);
                if !view.state.is_final() {
                    counter.terminal.cancel(view.id).unwrap();
                }
                break;
            }
            assert_eq!((view.state, view.holder), (CaseState::Failed, None), "{place}");
            codes.push(view.failure.unwrap().entry.code);
        }
    }
    assert!(counter.transactions().is_empty(), "{card}, {reader}");
    codes
}

#[test]
fn a_card_pulled_at_any_command_of_a_reading_outside_a_case_gives_nothing_of_it() {
    for image in ["v1-3des", "v2-3des", "v3-sm4", "v3-no-whole-file"] {
        let counter = Counter::with(Setup { card: image, centre: None, ..Setup::default() });
        let mut n = 1;
        loop {
            counter.readers.insert(HOLDER, chip(image));
            counter.readers.pull_at(HOLDER, n);
            let reading = counter.terminal.read_card(Some(HOLDER), true);
            if !counter.readers.pulled(HOLDER) {
                assert!(reading.unwrap()["holder"]["name"].is_string(), "{image} at {n}");
                break;
            }
            assert_eq!(reading.unwrap_err().entry.code, "E-READER-CARD-REMOVED", "{image} at {n}");
            n += 1;
        }
        assert!(n > 6, "{image}: only {n} commands");
    }
}

#[test]
fn a_card_pulled_while_somebody_thinks_ends_the_case() {
    let counter = Counter::new();
    let decided = counter.decided(SIGN_IN, statement());
    counter.readers.remove(HOLDER);
    let view = counter.ended(decided.id);
    assert_eq!((view.state, view.failure.unwrap().entry.code), (CaseState::Failed, "E-TERM-CARD-REMOVED"));
    assert!(counter.terminal.confirm(decided.id).is_err());

    counter.readers.insert(HOLDER, chip("v3-sm4"));
    let id = counter.open(SIGN_IN, None);
    counter.wait_for(id, |view| view.state == CaseState::WaitingInput);
    counter.readers.remove(HOLDER);
    assert_eq!(counter.ended(id).failure.unwrap().entry.code, "E-TERM-CARD-REMOVED");
    assert!(counter.transactions().is_empty());
}

#[test]
fn a_card_may_come_before_or_after_the_case() {
    let counter = Counter::new();
    let card = counter.readers.remove(HOLDER).unwrap();
    let mut events = counter.terminal.events(None);
    let id = counter.open(SIGN_IN, Some(statement()));
    assert_eq!(counter.terminal.case(id).unwrap().state, CaseState::WaitingCard);
    counter.readers.insert(HOLDER, card);
    let view = counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation);
    assert_eq!(view.reader.as_deref(), Some(HOLDER));
    for step in ["selected", "card-read", "internal-authenticated", "external-authenticated", "holder-read"] {
        counter.next_event(&mut events, |what| matches!(what, What::Step { step: told, .. } if told == step));
    }
}

#[test]
fn cards_that_cannot_be_accepted_are_told_apart() {
    for (image, code) in [
        ("not-social-security", "E-CARD-WRONG-TYPE"),
        ("v3-forged", "E-CARD-NOT-GENUINE"),
        ("v3-garbled-record", "E-CARD-GARBLED"),
        ("v3-bad-name", "E-CARD-NAME"),
    ] {
        let counter = Counter::with(Setup { centre: None, ..Setup::default() });
        counter.readers.insert(HOLDER, chip(image));
        let view = counter.decided(SIGN_IN, statement());
        assert_eq!(view.state, CaseState::Failed, "{image}");
        let failure = view.failure.unwrap();
        assert_eq!(failure.entry.code, code, "{image}");
        assert_told_with_all_parts(&failure);
        assert!(view.holder.is_none() && counter.transactions().is_empty(), "{image}");
    }
}

#[test]
fn a_card_that_is_not_valid_yet_or_lacks_what_a_case_needs_opens_nothing() {
    let not_yet = "[card]\nissued = \"2099-01-01\"\nexpires = \"2119-12-31\"\n".to_owned();
    let left_at_ff = |tag: &str| format!("[quirks]\nunpersonalised = [\"{tag}\"]\n");
    for (changes, code, detail) in [
        (not_yet, "E-TERM-CARD-NOT-YET", Some("2099-01-01")),
        (left_at_ff("07"), "E-TERM-CARD-BLANK", Some("卡号")),
        (left_at_ff("08"), "E-TERM-CARD-BLANK", Some("社会保障号码")),
        (left_at_ff("09"), "E-TERM-CARD-BLANK", Some("姓名")),
    ] {
        let counter = Counter::with(Setup { centre: None, ..Setup::default() });
        counter.readers.insert(HOLDER, chip_like("v3-sm4", &changes));
        for (scenario, form) in [(SIGN_IN, statement()), ("medical-settlement", bill())] {
            let view = counter.decided(scenario, form);
            assert_eq!(view.state, CaseState::Failed, "{changes}");
            let failure = view.failure.unwrap();
            assert_eq!((failure.entry.code, failure.detail.as_deref()), (code, detail), "{changes}");
            assert_told_with_all_parts(&failure);
            assert!(view.holder.is_none() && view.decision.is_none(), "{changes}");
        }
        assert!(counter.transactions().is_empty(), "{changes}");
    }
}

/// What a person is told of a failure: the cause, the remedy and who must act, in both languages.
#[track_caller]
fn assert_told_with_all_parts(failure: &Failure) {
    let told = serde_json::to_value(failure).unwrap();
    for part in ["/code", "/message", "/cause", "/remedy", "/actor", "/en/message", "/en/cause", "/en/remedy"] {
        let text = told.pointer(part).and_then(Value::as_str);
        assert!(text.is_some_and(|text| !text.is_empty()), "{part}: {told}");
    }
}

#[test]
fn what_an_expired_card_may_do_is_the_scenarios_setting() {
    let counter = Counter::with(Setup { card: "v3-expired", ..Setup::default() });
    let settlement = counter.decided("medical-settlement", bill());
    assert_eq!(settlement.state, CaseState::Failed);
    assert_eq!(settlement.failure.unwrap().entry.code, "E-TERM-CARD-EXPIRED");
    // The sign-in takes it; that its holder works again is another matter.
    let sign_in = counter.decided(SIGN_IN, statement());
    assert!(sign_in.holder.is_some());
    assert!(sign_in.failure.unwrap().detail.unwrap().contains("E-SIGN-STOPPED"));
}

#[test]
fn a_card_is_read_outside_a_case_and_masked_unless_told_otherwise() {
    let counter = Counter::with(Setup { centre: None, ..Setup::default() });
    let masked = counter.terminal.read_card(None, false).unwrap();
    assert_ne!(masked["holder"]["social_security_number"], "440103198806120021");
    let whole = counter.terminal.read_card(Some(HOLDER), true).unwrap();
    assert_eq!(whole["holder"]["social_security_number"], "440103198806120021");
    let code = |reader| counter.terminal.read_card(reader, false).unwrap_err().entry.code;
    assert_eq!(code(Some("nowhere")), "E-TERM-NO-READER");
    let view = counter.decided(SIGN_IN, json!({"acc026": true, "acc027": true}));
    assert_eq!(view.state, CaseState::WaitingConfirmation, "{:?}", view.failure);
    assert_eq!(code(None), "E-TERM-BUSY");
    counter.terminal.cancel(view.id).unwrap();
    counter.readers.remove(HOLDER);
    assert_eq!(code(None), "E-TERM-NO-CARD");
}
