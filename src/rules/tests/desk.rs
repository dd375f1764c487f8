//! A desk that decides case after case comes to what each case comes to alone.

use proptest::prelude::*;
use serde_json::json;

use super::settlement::{bills, input};
use super::shipped::PACKS;
use crate::rules::{Datum, Desk, Input, InputError, Outcome, Packs};
use crate::value::Fen;

/// An official pack in which one figure is for demonstration: it is used in a step, or only in a sentence.
const DEMO: &str = r#"
[pack]
id = "test.demo"
version = "1"
title = "演示"
scenarios = ["test"]
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "date"
status = "official"
[facts]
date = { type = "date" }
in_step = { type = "bool", default = false }
in_say = { type = "bool", default = false }
note = { type = "text", default = "abc" }
[[param]]
name = "shown"
type = "money"
values = [
  { from = 2015-01-01, value = "1.00", source = "a", confidence = "H", verified_on = 2015-01-01 },
  { from = 2015-07-01, value = "2.00", source = "a", confidence = "M", verified_on = 2015-01-01 },
]
[[step]]
name = "x"
expr = "if in_step then shown else ¥0"
out = "x"
say = "{shown}"
say_when = "in_say"
[[step]]
name = "same"
expr = "note in ['abc', 'x'] or note == 'y'"
out = "same"
"#;

fn demo() -> Packs {
    Packs::load(&[("demo.toml".to_owned(), DEMO.to_owned())]).unwrap()
}

fn case(facts: serde_json::Value) -> Input {
    Input { facts: facts.as_object().unwrap().clone(), ..Input::default() }
}

fn bytes(packs: &Packs, input: &Input) -> String {
    serde_json::to_string(&packs.decide("medical-settlement", input).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(super::tried(300))]

    #[test]
    fn the_same_case_gives_the_same_bytes_whatever_came_before(bills in prop::collection::vec(bills(), 1..6)) {
        let packs = &*PACKS;
        let inputs: Vec<_> = bills.iter().map(input).collect();
        let mut desk = packs.desk("medical-settlement", &inputs[0]).unwrap();
        let pool = desk.output("hifp_pay").unwrap();
        let in_scope = desk.line_output("inscp_scp_amt").unwrap();
        for case in inputs.iter().chain(inputs.iter().rev()) {
            let alone = packs.decide("medical-settlement", case).unwrap();
            desk.read(case).unwrap();
            prop_assert_eq!(desk.decide(), Ok(alone.outcome));
            prop_assert_eq!(desk.demo(), alone.demo);
            let paid = desk.fen(pool).map(|fen| json!(fen));
            prop_assert_eq!(paid.as_ref(), alone.outputs.get("hifp_pay"));
            for (at, line) in alone.lines.iter().enumerate() {
                let told = desk.fen_on(at, in_scope).map(|fen| json!(fen));
                prop_assert_eq!(told.as_ref(), line.get("inscp_scp_amt"));
            }
            let codes: Vec<_> = alone.reasons.iter().map(|reason| reason.code.as_str()).collect();
            prop_assert_eq!(desk.codes().collect::<Vec<_>>(), codes);
            prop_assert_eq!(serde_json::to_string(&desk.decision().unwrap()).unwrap(), bytes(packs, case));
        }
    }
}

#[test]
fn a_figure_for_demonstration_counts_where_it_is_used_traced_or_not() {
    let packs = demo();
    let mut desk = packs.desk("test", &case(json!({ "date": "2015-01-01" }))).unwrap();
    for (date, in_step, in_say, demo) in [
        ("2015-06-30", true, true, false),
        ("2015-07-01", false, false, false),
        ("2015-07-01", true, false, true),
        ("2015-07-01", false, true, true),
    ] {
        desk.read(&case(json!({ "date": date, "in_step": in_step, "in_say": in_say }))).unwrap();
        for decide in [Desk::decide, Desk::decide_noted] {
            decide(&mut desk).unwrap();
            assert_eq!(desk.demo(), demo, "{date} {in_step} {in_say}");
        }
        assert_eq!(desk.decision().unwrap().demo, demo);
    }
}

#[test]
fn what_is_given_by_slot_is_what_is_read() {
    let packs = &*PACKS;
    let text = include_str!("../../../fixtures/settlement/l3-active-with-account.json");
    let input: Input = serde_json::from_str(text).unwrap();
    let mut read = packs.desk("medical-settlement", &input).unwrap();
    let mut given = packs.desk("medical-settlement", &input).unwrap();
    given.set_lines(input.lines.len()).unwrap();
    assert!(matches!(given.decide(), Err(InputError::Missing { item }) if item == "lines[1].feedetl_sn"));
    let datum = |value: &'_ serde_json::Value| -> Option<bool> { value.as_bool() };
    for (at, line) in input.lines.iter().enumerate() {
        for (name, value) in line {
            let slot = given.line_fact(name).unwrap();
            match datum(value) {
                Some(truth) => given.set_on(at, slot, truth).unwrap(),
                None => given.set_on(at, slot, value.as_str().unwrap()).unwrap(),
            }
        }
    }
    assert_eq!(given.decision().unwrap(), read.decision().unwrap());

    let balance = given.fact("balc").unwrap();
    let wrong = |result: Result<(), InputError>| result.unwrap_err().to_string();
    assert_eq!(wrong(given.set(balance, true)), "facts.balc is not an amount such as \"30000.00\"");
    assert_eq!(wrong(given.set(balance, Fen(-1))), "facts.balc must be from 0 to ¥99999999999999.99");
    assert_eq!(given.decision().unwrap(), read.decision().unwrap(), "what is refused changes nothing");
    assert_eq!(wrong(given.set_on(99, given.line_fact("cnt").unwrap(), "1")), "lines[100].? is not known to the pack");
    assert_eq!(wrong(given.set_lines(0)), "lines must be at least 1");
    assert_eq!(wrong(given.set_lines(501)), "the bill has more than 500 lines");
    let cash = given.output("psn_cash_pay").unwrap();
    assert_eq!(wrong(given.set(cash, Fen(1))), "slot is not known to the pack");
    assert_eq!((given.fen(cash), given.number(cash)), (Some(Fen(725_716)), Some(725_716)));
    // What is not decided has no result, and neither has what is denied.
    given.set(balance, Datum::Nothing).unwrap();
    assert_eq!(given.fen(cash), None);
    given.set(given.fact("psn_insu_stas").unwrap(), "1").unwrap();
    assert_eq!((given.decide(), given.fen(cash)), (Ok(Outcome::Deny), None));
}

#[test]
fn a_case_that_cannot_be_read_leaves_nothing_behind() {
    let packs = demo();
    let mut desk = packs.desk("test", &case(json!({ "date": "2015-01-01", "note": "y" }))).unwrap();
    assert!(desk.read(&case(json!({ "date": "2015-01-02", "note": 1 }))).is_err());
    assert_eq!(desk.decide(), Err(InputError::Missing { item: "facts.date".to_owned() }));
    desk.read(&case(json!({ "date": "2016-01-01" }))).unwrap();
    assert!(matches!(desk.decide(), Err(InputError::NoVersion { .. })));
}

#[test]
fn texts_are_the_same_when_they_read_the_same() {
    let packs = demo();
    for (note, same) in [("abc", true), ("x", true), ("y", true), ("ab", false), ("", false), ("X", false)] {
        let decision = packs.decide("test", &case(json!({ "date": "2015-01-01", "note": note }))).unwrap();
        assert_eq!(decision.outputs["same"], json!(same), "{note}");
    }
}
