//! What is told of a condition is so: whatever a case gives, it comes out as it was said.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::rules::pack::{Pack, load, load_unproved};
use crate::rules::run::Run;
use crate::rules::{Input, TraceRecord};

const HEAD: &str = r#"
[pack]
id = "test.reach"
version = "1"
title = "条件"
scenarios = ["test"]
valid_from = 2015-02-10
valid_to = 2015-03-20
date_of = "date"
status = "demo"
for = { level = ["L1", "L2"] }
[enums.level]
L1 = "一级"
L2 = "二级"
L3 = "三级"
[facts]
date = { type = "date" }
level = { type = "level" }
m = { type = "money", range = "-2.00..=2.00" }
r = { type = "rate", range = "0%..=3%" }
n = { type = "int", range = "-2..=2" }
b = { type = "bool" }
rest = { type = "money", optional = true, range = "1.00..=3.00" }
other = { type = "level" }
[lines]
least = 1
most = 2
key = "sn"
[lines.facts]
sn = { type = "text" }
part = { type = "money", range = "-1.00..=2.00" }
[accumulators]
used = { type = "int", scope = "year", range = "0..=3" }
[[param]]
name = "cap"
type = "money"
values = [
  { from = 2014-01-01, value = "-9.00", source = "-", confidence = "L", verified_on = 2015-01-01 },
  { from = 2015-01-01, value = "1.00", source = "-", confidence = "L", verified_on = 2015-01-01 },
  { from = 2015-03-01, value = "2.00", source = "-", confidence = "L", verified_on = 2015-01-01 },
]
[[table]]
name = "pay"
on = ["level", "b"]
out = { x = "int", y = "money" }
[[table.version]]
from = 2015-01-01
source = "-"
confidence = "L"
verified_on = 2015-01-01
rows = [["L1", "*", -1, "0.50"], ["L2|L3", true, 0, "1.00"], ["L2|L3", false, 1, "1.50"]]
[[line_step]]
name = "double"
expr = "part + part"
[[step]]
name = "sums"
expr = "sum(double)"
[[step]]
name = "mixed"
expr = "max(m, cap) - given(rest, m)"
"#;

/// An expression of a type by choices that are used up.
fn expression(typ: &str, depth: usize, choices: &mut std::slice::Iter<'_, u8>) -> String {
    let mut choose = |all: &[&'static str]| all[usize::from(*choices.next().unwrap_or(&0)) % all.len()];
    let leaves: &[&str] = match typ {
        "money" => &[
            "m",
            "cap",
            "given(rest, ¥0)",
            "¥0",
            "¥1",
            "sums",
            "mixed",
            "pay.y",
            "half_up(m * r, ¥0.01)",
            "floor(m * r, ¥1)",
        ],
        "int" => {
            &["n", "acc.used", "0", "1", "-1", "pay.x", "day_of(date)", "months_between('2015-01', month_of(date))"]
        }
        "date" => &["date", "since(cap)", "'2015-02-28'", "'2015-03-21'"],
        _ => &[
            "b",
            "has(rest)",
            "level == 'L3'",
            "other != 'L1'",
            "level in ['L1', 'L2']",
            "other in ['L2', 'L3']",
            "n in [0, 1, 2]",
        ],
    };
    let forms: &[&str] = match typ {
        _ if depth == 0 => &["leaf"],
        "date" => &["leaf", "min", "max", "if"],
        "bool" => &["leaf", "and", "or", "not", "compare", "compare", "compare", "if"],
        _ => &["leaf", "+", "-", "times", "negative", "min", "max", "clamp", "if"],
    };
    let form = choose(forms);
    let leaf = choose(leaves);
    let sign = choose(&["==", "!=", "<", "<=", ">", ">="]);
    let kind = choose(&["money", "int", "date"]);
    let mut of = |typ: &str| expression(typ, depth - 1, choices);
    match form {
        "leaf" => leaf.to_owned(),
        "min" | "max" => format!("{form}({}, {})", of(typ), of(typ)),
        "clamp" => format!("clamp({}, {}, {})", of(typ), of(typ), of(typ)),
        "times" => format!("({}) * ({})", of("int"), of(typ)),
        "negative" => format!("-({})", of(typ)),
        "not" => format!("not ({})", of(typ)),
        "if" => format!("if {} then {} else {}", of("bool"), of(typ), of(typ)),
        "compare" => format!("({}) {sign} ({})", of(kind), of(kind)),
        _ => format!("({}) {form} ({})", of(typ), of(typ)),
    }
}

fn input() -> impl Strategy<Value = Input> {
    let money = |from: i64, to: i64| {
        (from..=to)
            .prop_map(|fen| format!("{}{}.{:02}", if fen < 0 { "-" } else { "" }, fen.abs() / 100, fen.abs() % 100))
    };
    let date = prop_oneof![Just("2015-02-10"), Just("2015-02-28"), Just("2015-03-01"), Just("2015-03-20")];
    let level = || prop_oneof![Just("L1"), Just("L2"), Just("L3")];
    let own = prop_oneof![Just("L1"), Just("L2")];
    let facts =
        (date, own, money(-200, 200), 0..=3_i64, -2..=2_i64, any::<bool>(), prop::option::of(money(100, 300)), level());
    let lines = prop::collection::vec(money(-100, 200), 1..=2);
    (facts, lines, 0..=3_i64).prop_map(|((date, level, m, r, n, b, rest, other), lines, used)| {
        let object = |value: Value| value.as_object().cloned().unwrap();
        let mut facts = object(
            json!({ "date": date, "level": level, "m": m, "r": format!("{r}%"), "n": n, "b": b, "other": other }),
        );
        facts.extend(rest.map(|rest| ("rest".to_owned(), Value::from(rest))));
        let lines = lines.into_iter().map(|part| object(json!({ "sn": part, "part": part }))).collect();
        Input { facts, lines, accumulators: Map::from_iter([("used".to_owned(), Value::from(used))]) }
    })
}

/// A pack with a step that is this condition; `None` where a text in it has no type.
fn pack(condition: &str) -> Option<Pack> {
    load_unproved("t.toml", &format!("{HEAD}[[step]]\nname = \"it\"\nexpr = \"{condition}\"\n")).ok()
}

/// Whether the condition holds; `None` when it cannot be computed.
fn holds(pack: &Pack, input: &Input) -> Option<bool> {
    let mut run = Run::new(pack);
    run.case("test", input, &[], true).unwrap_or_else(|error| panic!("{error}: {input:?}"));
    let decision = run.decision("test");
    decision.trace.iter().find_map(|record| match record {
        TraceRecord::Step { name, value, .. } if name == "it" => value.as_bool(),
        _ => None,
    })
}

/// What is told of a guard with this condition, or of an `if` with it.
fn told(condition: &str) -> Vec<String> {
    let guard = format!(
        "[[guard]]\ncode = \"E\"\nwhen = \"{condition}\"\noutcome = \"warn\"\ntext = {{ zh = \"x\", en = \"x\" }}\n"
    );
    let told = load("t.toml", &format!("{HEAD}{guard}")).err().unwrap_or_default();
    told.into_iter().map(|mistake| mistake.message).filter(|message| message.starts_with("guard 'E' ")).collect()
}

proptest! {
    #![proptest_config(super::tried(1_500))]

    #[test]
    fn what_never_or_always_holds_does_so_in_every_case(
        choices in prop::collection::vec(any::<u8>(), 60), inputs in prop::collection::vec(input(), 12),
    ) {
        let condition = expression("bool", 4, &mut choices.iter());
        let Some(pack) = pack(&condition) else { return Ok(()) };
        let told = told(&condition);
        for input in inputs {
            let it = holds(&pack, &input);
            for message in &told {
                prop_assert!(it != Some(message.contains("can never hold")), "{condition}: {message}: {input:?}");
            }
        }
    }
}

#[test]
fn what_a_name_can_be_is_seen_through_what_is_made_of_it() {
    for (condition, wanted) in [
        ("m > ¥2", "can never hold: m is from -¥2.00 to ¥2.00"),
        ("-m >= ¥2.01", "can never hold: m is from -¥2.00 to ¥2.00"),
        ("m + cap < -¥1", "can never hold"),
        ("2 * n > 4", "can never hold"),
        ("sums > ¥8", "can never hold: sums is from -¥4.00 to ¥8.00"),
        ("mixed < -¥2", "can never hold: mixed is from -¥2.00 to ¥4.00"),
        ("half_up(m * r, ¥0.01) > ¥0.06", "can never hold"),
        ("level == 'L3'", "can never hold: level is 'L1' or 'L2'"),
        ("level in ['L1', 'L2']", "always holds: level is 'L1' or 'L2'"),
        ("other in ['L1', 'L2', 'L3']", "always holds: other is 'L1' or 'L2' or 'L3'"),
        ("since(cap) > '2015-03-01'", "can never hold"),
        ("date >= '2015-03-21'", "can never hold: date is from 2015-02-10 to 2015-03-20"),
        ("month_of(date) == '2015-04'", "can never hold"),
        ("acc.used > 3 or pay.x > 1", "can never hold: acc.used is from 0 to 3; pay.x is from -1 to 1"),
        ("b and not b", "can never hold: b is true"),
        ("b or n > 0 or not b", "always holds: b is false"),
        ("n > 0 and n < 1", "can never hold: n is from 1 to 2"),
        ("other != 'L1' and other in ['L1']", "can never hold: other is 'L2' or 'L3'"),
        ("n != 2 and n >= 2", "can never hold: n is from -2 to 1"),
        ("given(rest, ¥1) < ¥1", "can never hold: rest is from ¥1.00 to ¥3.00"),
        ("(if b then m else ¥3) > ¥3", "can never hold"),
        ("clamp(m, ¥0, ¥1) > ¥1", "can never hold"),
        ("days_between('2015-02-10', date) > 38", "can never hold"),
        ("cap > ¥2", "can never hold: cap is from ¥1.00 to ¥2.00"),
    ] {
        let told = told(condition);
        assert!(told.len() == 1 && told[0].contains(wanted), "{condition}: {told:?}");
    }
    for condition in [
        "m > ¥1.99",
        "n > 1 and b",
        "level == 'L1'",
        "true",
        "has(rest)",
        "cap > ¥1",
        "sums == -¥4",
        "date > '2015-03-19'",
    ] {
        assert!(told(condition).is_empty(), "{condition}: {:?}", told(condition));
    }
}
