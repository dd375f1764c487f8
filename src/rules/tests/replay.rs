//! Past cases, decided again by other packs.

use serde_json::{Value, json};

use super::shipped::PACKS;
use crate::rules::{Again, Decision, Input, Otherwise, Outcome, Packs, PastCase};

const INPATIENT: &str = include_str!("../../../config/policy/guangzhou-2015/medical-settlement.toml");
const WITH_ACCOUNT: &str = include_str!("../../../fixtures/settlement/l3-active-with-account.json");

fn input() -> Input {
    serde_json::from_str(WITH_ACCOUNT).unwrap()
}

/// What the terminal keeps of a case, after its way through the journal.
fn kept(decision: &Decision, input: &Input) -> Value {
    let detail = json!({ "decision": decision, "input": input, "accumulators_as_of": null, "admission": "A1" });
    serde_json::from_str(&detail.to_string()).unwrap()
}

fn past() -> PastCase {
    let decision = PACKS.decide("medical-settlement", &input()).unwrap();
    PastCase::read(kept(&decision, &input())).unwrap()
}

/// The inpatient pack, changed, without the cases that it would then fail.
fn changed(from: &str, to: &str) -> Packs {
    let (rules, _) = INPATIENT.split_once("[case_base]").unwrap();
    let text = rules.replacen(from, to, 1);
    assert!(text != rules, "{from}");
    Packs::load(&[("changed.toml".to_owned(), text)]).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn decided(packs: &Packs) -> Otherwise {
    match packs.decide_again(&past()) {
        Again::Decided(otherwise) => *otherwise,
        Again::Not(error) => panic!("{error}"),
    }
}

/// Field, old, new; a line each.
fn shown(otherwise: &Otherwise) -> Vec<String> {
    otherwise.fields.iter().map(|change| format!("{} {} {}", change.field, change.old, change.new)).collect()
}

#[test]
fn the_packs_that_decided_it_decide_it_again_as_it_was() {
    let otherwise = decided(&PACKS);
    assert!(otherwise.is_nothing() && otherwise.own_pack, "{otherwise:?}");
    assert_eq!(otherwise.amounts["hifp_pay"], (2_224_284, 2_224_284));
    assert!(!otherwise.amounts.contains_key("pool_prop_selfpay"), "a rate is no amount: {:?}", otherwise.amounts);
}

#[test]
fn another_figure_shows_in_each_field_that_it_changes() {
    let packs = changed("[\"L3\", \"1\", \"1600.00\"", "[\"L3\", \"1\", \"1700.00\"");
    let otherwise = decided(&packs);
    assert!(!otherwise.own_pack && otherwise.outcome.is_none(), "{otherwise:?}");
    let fields = shown(&otherwise);
    assert!(fields.contains(&"act_pay_dedc \"1600.00\" \"1700.00\"".to_owned()), "{fields:#?}");
    let (then, now) = otherwise.amounts["hifp_pay"];
    assert_eq!(then, 2_224_284);
    assert_eq!(then - now, 8_000, "80 % of the 100 yuan that are below the deductible now");
    assert!(fields.iter().any(|field| field.starts_with("acc.")), "{fields:#?}");
    assert!(fields.iter().all(|field| !field.starts_with("lines")), "no line is split otherwise: {fields:#?}");
}

#[test]
fn what_is_not_allowed_any_more_is_worth_nothing() {
    let guard = "[[guard]]\ncode = \"E-CLOSED\"\nwhen = \"true\"\noutcome = \"deny\"\ntext = { zh = \"停\", en = \"closed\" }\n\n[[post]]";
    let otherwise = decided(&changed("[[post]]", guard));
    assert_eq!(otherwise.outcome, Some((Outcome::Allow, Outcome::Deny)));
    assert_eq!(otherwise.reasons, Some((Vec::new(), vec!["E-CLOSED".to_owned()])));
    assert_eq!(otherwise.amounts["hifp_pay"], (2_224_284, 0));
}

#[test]
fn a_pack_that_asks_for_less_is_told_less_and_one_that_asks_for_more_cannot_decide() {
    let more = changed("[facts]\n", "[facts]\nnight = { type = \"bool\" }\n");
    match more.decide_again(&past()) {
        Again::Not(error) => assert_eq!(error.to_string(), "facts.night is missing"),
        Again::Decided(otherwise) => panic!("{otherwise:?}"),
    }
    // A case that was decided on more than these packs ask for.
    let decision = PACKS.decide("medical-settlement", &input()).unwrap();
    let mut told = input();
    told.facts.insert("night".to_owned(), json!(true));
    told.lines[0].insert("colour".to_owned(), json!("red"));
    told.accumulators.insert("stays".to_owned(), json!(3));
    let past = PastCase::read(kept(&decision, &told)).unwrap();
    match PACKS.decide_again(&past) {
        Again::Decided(otherwise) => assert!(otherwise.is_nothing(), "{otherwise:?}"),
        Again::Not(error) => panic!("{error}"),
    }
    let other_year =
        changed("valid_from = 2015-01-01\nvalid_to = 2015-12-31", "valid_from = 2015-09-01\nvalid_to = 2015-12-31");
    assert!(matches!(other_year.decide_again(&past), Again::Not(error) if error.to_string().contains("no version")));
}

#[test]
fn a_text_is_not_shown_and_what_another_version_kept_is_not_read() {
    let pack = |out: &str| {
        let text = super::ACCUMULATING
            .replace("[[post]]", &format!("[[step]]\nname = \"whose\"\nexpr = \"{out}\"\nout = \"whose\"\n[[post]]"));
        let text = text.replace("[facts]\n", "[facts]\nwho = { type = \"text\" }\n");
        Packs::load(&[("p.toml".to_owned(), text)]).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
    };
    let facts = json!({ "date": "2015-08-01", "amount": "5.00", "who": "王小雅" });
    let input = Input { facts: facts.as_object().unwrap().clone(), ..Input::default() };
    let decision = pack("who").decide("test", &input).unwrap();
    let past = PastCase::read(kept(&decision, &input)).unwrap();
    let Again::Decided(otherwise) = pack("if amount > ¥1 then '某' else who").decide_again(&past) else { panic!() };
    assert_eq!(shown(&otherwise), ["whose null null"]);
    // These packs do not give the field at all: its type is not known to them.
    let without = Packs::load(&[("p.toml".to_owned(), super::ACCUMULATING.to_owned())]).unwrap();
    let Again::Decided(otherwise) = without.decide_again(&past) else { panic!() };
    assert_eq!(shown(&otherwise), ["whose null null"]);

    let whole = kept(&decision, &input);
    for part in ["decision", "input"] {
        let mut less = whole.clone();
        less.as_object_mut().unwrap().remove(part);
        assert_eq!(PastCase::read(less), None, "{part}");
    }
    assert_eq!(PastCase::read(Value::Null), None);
}
