//! No pack and no input can make the engine panic, overflow the stack or run on.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::ACCUMULATING;
use super::shipped::PACKS;
use crate::rules::expr::{Comparison, Node, Place, Scope, parse};
use crate::rules::pack::Pack;
use crate::rules::run::Run;
use crate::rules::val::Val;
use crate::rules::{Input, InputError, Outcome, Packs};

const SHIPPED: [&str; 2] = [
    include_str!("../../../config/policy/guangzhou-2015/medical-settlement.toml"),
    include_str!("../../../config/policy/guangzhou-2015/unemployment-sign-in.toml"),
];

fn load(text: &str) -> Result<Packs, Vec<crate::failure::Diagnostic>> {
    Packs::load(&[("p.toml".to_owned(), text.to_owned())])
}

/// Loads a text; its mistakes, if any, lie within it.
fn places_are_inside(text: &str) {
    if let Err(mistakes) = load(text) {
        assert!(!mistakes.is_empty());
        let lines = text.split('\n').count();
        for mistake in mistakes {
            assert!(mistake.line >= 1 && mistake.line <= lines && mistake.column >= 1, "{mistake}");
        }
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[0-9.%-]{0,25}".prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        Just(json!("2015-08-01")),
        Just(json!("99999999999999.99")),
        Just(json!(["a"])),
        Just(json!({"a": 1.5})),
    ]
}

#[test]
fn what_the_loader_should_have_refused_is_referred_as_a_defect() {
    let pack = || crate::rules::pack::load("p.toml", ACCUMULATING).unwrap();
    let reasons = |pack: &Pack| -> Vec<String> {
        let facts = json!({ "date": "2015-08-01", "amount": "1.00" }).as_object().unwrap().clone();
        let mut run = Run::new(pack);
        run.case("test", &Input { facts, ..Input::default() }, &[], true).unwrap();
        let decision = run.decision("test");
        decision.reasons.into_iter().map(|reason| reason.code).collect()
    };
    assert_eq!(reasons(&pack()), [""; 0]);
    let number = || Box::new(Node::Const(Val::Num(1)));
    let truth = || Box::new(Node::Const(Val::Bool(true.into())));
    for node in [
        Node::Plus(number(), truth()),
        Node::Not(number()),
        Node::If(number(), number(), number()),
        Node::MonthOf(number()),
        Node::AddMonths(number(), number()),
        Node::Compare(Comparison::GreaterEqual, number(), truth()),
        Node::Max(vec![*number(), *truth()]),
        Node::Max(Vec::new()),
        // An accumulator that may be missing, and is.
        Node::Get(Place::Accumulator(0)),
    ] {
        let mut broken = pack();
        broken.whole.steps[0].node = node.clone();
        assert_eq!(reasons(&broken), ["E-DEFECT"], "{node:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_loaded_or_refused(text in "\\PC{0,200}") {
        places_are_inside(&text);
    }

    #[test]
    fn any_expression_is_parsed_or_refused(
        text in "(if |then |else |min\\(|half_up\\(|acc\\.|given\\(|a|¥1\\.5|89%|12|'x'|[-+*<>=!(),.\\[\\] ]|in |not |or |and |é|\\PC){0,60}",
    ) {
        if let Ok(expr) = parse(&text) {
            let _ = Scope::default().check(&expr, None);
        }
    }

    #[test]
    fn a_shipped_pack_with_bytes_changed_is_loaded_or_refused(
        which in 0..2_usize, places in prop::collection::vec((any::<Index>(), "[\\PC\\n]"), 1..4), cut in any::<Option<Index>>(),
    ) {
        let mut chars: Vec<char> = SHIPPED[which].chars().collect();
        for (place, with) in places {
            let at = place.index(chars.len());
            chars[at] = with.chars().next().unwrap();
        }
        if let Some(cut) = cut {
            let at = cut.index(chars.len());
            chars.remove(at);
        }
        places_are_inside(&chars.into_iter().collect::<String>());
    }

    #[test]
    fn a_shipped_pack_with_lines_moved_or_gone_is_loaded_or_refused(
        which in 0..2_usize, from in any::<Index>(), to in any::<Index>(), gone in any::<Index>(),
    ) {
        let mut lines: Vec<&str> = SHIPPED[which].lines().collect();
        let line = lines.remove(from.index(lines.len()));
        lines.insert(to.index(lines.len()), line);
        lines.remove(gone.index(lines.len()));
        places_are_inside(&lines.join("\n"));
    }

    #[test]
    fn any_input_is_decided_or_refused_without_its_values_in_the_words(
        facts in prop::collection::btree_map(prop_oneof![Just("medfee_sumamt"), Just("endtime"), Just("hosp_lv"), Just("balc"), Just("begntime"), Just("psn_type"), Just("psn_insu_stas")].prop_map(str::to_owned), json_value(), 0..7),
        line in prop::collection::btree_map(prop_oneof![Just("cnt"), Just("pric"), Just("feedetl_sn"), Just("x")].prop_map(str::to_owned), json_value(), 0..4),
        count in 0..3_usize,
    ) {
        let input = Input {
            facts: facts.into_iter().collect(),
            lines: vec![line.into_iter().collect(); count],
            accumulators: Map::new(),
        };
        let _ = PACKS.decide("medical-settlement", &input);
    }
}

#[test]
fn deep_nesting_is_a_mistake_and_not_a_crash() {
    for text in [
        "(".repeat(3_000),
        "-".repeat(3_900),
        "not ".repeat(900),
        format!("1{}", "+1".repeat(1_900)),
        "min(".repeat(900),
        "if a then ".repeat(380),
        format!("a{}", " in [a".repeat(600)),
        "1+".repeat(1_000),
        "1".repeat(5_000),
    ] {
        assert!(parse(&text).is_err(), "{}", &text[..10]);
    }
    for text in
        ["[".repeat(1_000_000), "a.".repeat(500_000), format!("x = {}", "[".repeat(1_000_000)), "a".repeat(1_000_000)]
    {
        assert!(load(&text).is_err());
    }
}

#[test]
fn a_file_of_mistakes_is_told_of_a_part_and_soon() {
    for line in ["=\n", "a = \n", "[x]\n", "\"\n", "a = [\n"] {
        let mistakes = load(&line.repeat(1_000_000 / line.len())).unwrap_err();
        assert!((1..=200).contains(&mistakes.len()), "{line:?}: {}", mistakes.len());
    }
    let unknown: String = (0..80_000).map(|n| format!("k{n} = 1\n")).collect();
    assert_eq!(load(&unknown).unwrap_err().len(), 200);
    let steps: String = (0..600).map(|n| format!("[[step]]\nname = \"s{n}\"\nexpr = \"¥1\"\n")).collect();
    let told = load(&format!("{ACCUMULATING}{steps}")).unwrap_err();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].message, "more than 500 steps");
}

#[test]
fn what_does_not_fit_is_referred() {
    let packs = load(ACCUMULATING).unwrap();
    let decide = |amount: &str, used: &str| {
        let facts = json!({"date": "2015-01-01", "amount": amount}).as_object().unwrap().clone();
        let accumulators = json!({"used": used}).as_object().unwrap().clone();
        packs.decide("test", &Input { facts, accumulators, ..Input::default() }).unwrap()
    };
    let fine = decide("10.00", "1.00");
    assert_eq!((fine.outcome, &fine.accumulators[0].after), (Outcome::Allow, &json!("11.00")));
    for (amount, used) in [("92233720368547758.07", "0.00"), ("0.01", "92233720368547758.07")] {
        let decision = decide(amount, used);
        assert_eq!(decision.outcome, Outcome::Refer);
        assert_eq!(decision.reasons.last().unwrap().code, "E-RANGE");
        assert!(decision.accumulators.is_empty());
    }
}

#[test]
fn inputs_are_named_by_place_and_never_by_value() {
    let packs = &*PACKS;
    let case = |change: &dyn Fn(&mut Value)| {
        let mut input = json!({
            "facts": {"begntime": "2015-07-20", "endtime": "2015-08-01", "hosp_lv": "L3", "psn_type": "1",
                "psn_insu_stas": "0", "medfee_sumamt": "1.00"},
            "lines": [{"feedetl_sn": "1", "med_list_codg": "A", "fee_ocur_time": "2015-07-20", "cnt": "1",
                "pric": "1", "det_item_fee_sumamt": "1.00", "chrgitm_lv": "01"}],
        });
        change(&mut input);
        let input: Input = serde_json::from_value(input).unwrap();
        packs.decide("medical-settlement", &input).map(|decision| decision.outcome)
    };
    assert_eq!(case(&|_| ()), Ok(Outcome::Warn));
    let wrong = |change: &dyn Fn(&mut Value)| case(change).unwrap_err().to_string();
    assert_eq!(wrong(&|i| i["facts"]["hosp_lv"] = Value::Null), "facts.hosp_lv is missing");
    assert_eq!(wrong(&|i| i["facts"]["name"] = json!("张三")), "facts.name is not known to the pack");
    assert_eq!(
        wrong(&|i| i["facts"]["medfee_sumamt"] = json!(1.5)),
        "facts.medfee_sumamt is not an amount such as \"30000.00\""
    );
    assert_eq!(
        wrong(&|i| i["facts"]["hosp_lv"] = json!("L4")),
        "facts.hosp_lv is not one of \"L1\" 一级, \"L2\" 二级, \"L3\" 三级"
    );
    assert_eq!(wrong(&|i| i["lines"][0]["selfpay_prop"] = json!("100.1%")), "lines[1].selfpay_prop must be 0%..=100%");
    assert_eq!(wrong(&|i| i["lines"] = json!([])), "lines must be at least 1");
    let line = case_line();
    assert_eq!(wrong(&|i| i["lines"] = json!(vec![line.clone(); 501])), "the bill has more than 500 lines");
    assert_eq!(
        wrong(&|i| i["facts"]["endtime"] = json!("2016-01-01")),
        "no version of the pack for this date: medical-settlement on 2016-01-01"
    );
    assert_eq!(
        wrong(&|i| i["accumulators"] = json!({"pool": "-1.00"})),
        "accumulators.pool must be from 0 to ¥99999999999999.99"
    );
    let unknown = packs.decide("no-such", &Input::default()).unwrap_err();
    assert_eq!(unknown, InputError::UnknownScenario { scenario: "no-such".to_owned() });
}

fn case_line() -> Value {
    json!({"feedetl_sn": "1", "med_list_codg": "A", "fee_ocur_time": "2015-07-20", "cnt": "1", "pric": "1",
        "det_item_fee_sumamt": "1.00", "chrgitm_lv": "01"})
}
