//! Tables of which more than one row applies, scales that round each part, and cells that take a parameter's figure.

use serde_json::{Value, json};

use crate::rules::{Decision, Input, Outcome, Packs};
use crate::value::Kind;

/// A pack with `rest` after the facts that all tests share.
fn pack(rest: &str) -> String {
    format!(
        r#"
[pack]
id = "test"
version = "1"
title = "测试"
scenarios = ["test"]
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "date"
status = "official"
[enums.kind]
child = "儿童"
old = "老人"
poor = "低保"
none = "无"
[facts]
date = {{ type = "date" }}
total = {{ type = "money", default = "1000.00" }}
kind = {{ type = "kind", default = "none" }}
age = {{ type = "int", default = 30 }}
poor = {{ type = "bool", default = false }}
word = {{ type = "text", default = "a" }}
{rest}"#
    )
}

fn table(hit: &str, on: &str, out: &str, rows: &str) -> String {
    format!(
        r#"
[[table]]
name = "t"
on = {on}
out = {{ {out} }}
hit = {hit}
[[table.version]]
from = 2015-01-01
source = "a"
confidence = "H"
verified_on = 2015-01-01
rows = {rows}
"#
    )
}

fn step(name: &str, expr: &str) -> String {
    format!("[[step]]\nname = \"{name}\"\nexpr = \"{expr}\"\nout = \"{name}\"\n")
}

fn load(rest: &str) -> Packs {
    Packs::load(&[("t.toml".to_owned(), pack(rest))]).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

/// All mistakes, without their places.
fn mistakes(rest: &str) -> Vec<String> {
    let mistakes = Packs::load(&[("t.toml".to_owned(), pack(rest))]).unwrap_err();
    mistakes.into_iter().map(|mistake| mistake.message).collect()
}

fn decide(packs: &Packs, facts: &Value) -> Decision {
    let mut facts = facts.as_object().unwrap().clone();
    facts.insert("date".to_owned(), json!("2015-08-01"));
    packs.decide("test", &Input { facts, ..Input::default() }).unwrap()
}

fn trace(decision: &Decision) -> Vec<String> {
    decision.trace.iter().map(|record| record.line()).collect()
}

/// What each of several people adds to a share: rows that may apply together.
const ADDED: &str = r#"[["child", "*", "*", "10%", "1.00", "a"], ["*", "60..", "*", "10%", "2.00", "b"], ["*", "*", true, "5.5%", "3.00", "c"]]"#;
const ADDED_OUT: &str = r#"share = "rate", amount = "money", why = "text""#;
const ADDED_ON: &str = r#"["kind", "age", "poor"]"#;

#[test]
fn what_applies_adds_up() {
    let table = table("\"collect\"\ncollect = \"sum\"", ADDED_ON, r#"share = "rate", amount = "money""#, {
        r#"[["child", "*", "*", "10%", "1.00"], ["*", "60..", "*", "10%", "2.00"], ["*", "*", true, "5.5%", "3.00"]]"#
    });
    let steps = [step("share", "50% + t.share"), step("paid", "half_up(total * t.share, ¥0.01) + t.amount")].concat();
    let packs = load(&(table + &steps));
    for (facts, share, paid) in [
        (json!({}), "50%", "0.00"),
        (json!({ "kind": "child" }), "60%", "101.00"),
        (json!({ "kind": "child", "age": 60, "poor": true }), "75.5%", "261.00"),
        (json!({ "age": 59, "poor": true }), "55.5%", "58.00"),
    ] {
        let decision = decide(&packs, &facts);
        assert_eq!((&decision.outputs["share"], &decision.outputs["paid"]), (&json!(share), &json!(paid)), "{facts}");
    }
    let told = trace(&decide(&packs, &json!({ "kind": "child", "poor": true })));
    let rows: Vec<_> = told.iter().filter(|line| line.starts_with("table")).collect();
    assert_eq!(rows, ["table t row 1 -> share 10%, amount ¥1.00", "table t row 3 -> share 5.5%, amount ¥3.00"]);
}

#[test]
fn of_what_applies_the_least_or_the_greatest_is_taken() {
    let rows =
        r#"[["*", "*", "*", "9%", "9.00"], ["*", "60..", "*", "10%", "2.00"], ["*", "*", true, "5.5%", "30.00"]]"#;
    let of = |collect: &str, facts: Value| {
        let hit = format!("\"collect\"\ncollect = \"{collect}\"");
        let table = table(&hit, ADDED_ON, r#"share = "rate", amount = "money""#, rows);
        let packs = load(&[table, step("share", "t.share"), step("amount", "min(t.amount, total)")].concat());
        let outputs = decide(&packs, &facts).outputs;
        (outputs["share"].clone(), outputs["amount"].clone())
    };
    assert_eq!(of("min", json!({})), (json!("9%"), json!("9.00")));
    assert_eq!(of("min", json!({ "age": 70, "poor": true })), (json!("5.5%"), json!("2.00")));
    assert_eq!(of("max", json!({ "age": 70, "poor": true })), (json!("10%"), json!("30.00")));
    // A row for each case is wanted here, though it need not be reached first.
    let hole = table("\"collect\"\ncollect = \"max\"", ADDED_ON, ADDED_OUT, ADDED);
    assert_eq!(mistakes(&hole), ["table t has no row for (old|poor|none, ..60, false)", "text has no order"]);
    let dates = table("\"collect\"\ncollect = \"max\"", "[\"poor\"]", "from = \"date\"", {
        r#"[["*", 2015-01-01], [true, 2015-07-01]]"#
    });
    let packs = load(&(dates + &step("from", "t.from")));
    let from = |poor: bool| decide(&packs, &json!({ "poor": poor })).outputs["from"].clone();
    assert_eq!((from(false), from(true)), (json!("2015-01-01"), json!("2015-07-01")));
}

#[test]
fn a_list_has_the_values_of_all_rows_in_their_order() {
    for hit in ["\"rule-order\"", "\"collect\"\ncollect = \"list\""] {
        let steps = [
            step("why", "t.why"),
            step("amounts", "t.amount"),
            step("kinds", "if poor then t.share else t.share"),
            step("count", "count(t.why)"),
            step("has_b", "'b' in t.why"),
            step("has_two", "¥1 + ¥1 in t.amount and not (¥9 in amounts)"),
            step("known", "word in why"),
            "say = \"理由：{why}，共 {count(why)} 项\"\n".to_owned(),
        ];
        let packs = load(&(table(hit, ADDED_ON, ADDED_OUT, ADDED) + &steps.concat()));
        let all = decide(&packs, &json!({ "kind": "child", "age": 70, "poor": true, "word": "c" }));
        assert_eq!(all.outputs["why"], json!(["a", "b", "c"]));
        assert_eq!(all.outputs["amounts"], json!(["1.00", "2.00", "3.00"]));
        assert_eq!(all.outputs["kinds"], json!(["10%", "10%", "5.5%"]));
        assert_eq!((&all.outputs["count"], &all.outputs["has_b"]), (&json!(3), &json!(true)));
        assert_eq!((&all.outputs["has_two"], &all.outputs["known"]), (&json!(true), &json!(true)));
        assert!(
            all.explain_zh(Kind::Settle).contains(&"理由：a、b、c，共 3 项".to_owned()),
            "{:?}",
            all.explain_zh(Kind::Settle)
        );
        assert!(trace(&all).contains(&"step why = a、b、c".to_owned()));
        let none = decide(&packs, &json!({ "word": "zz" }));
        assert_eq!((&none.outputs["why"], &none.outputs["count"]), (&json!([]), &json!(0)));
        assert_eq!((&none.outputs["has_b"], &none.outputs["known"]), (&json!(false), &json!(false)));
        assert!(
            none.explain_zh(Kind::Settle).contains(&"理由：无，共 0 项".to_owned()),
            "{:?}",
            none.explain_zh(Kind::Settle)
        );
    }
}

#[test]
fn lists_are_of_each_type_and_belong_to_their_line() {
    let lines = r#"
[lines]
least = 0
most = 9
key = "id"
[lines.facts]
id = { type = "text" }
n = { type = "int" }
"#;
    let table = table("\"rule-order\"", "[\"n\"]", r#"kind = "kind", day = "date", month = "month", yes = "bool""#, {
        r#"[["1..", "old", 2015-01-01, "2015-02", true], ["2..", "poor", 2015-01-02, "2015-03", false]]"#
    });
    let line_step = |name: &str, expr: &str| step(name, expr).replace("[[step]]", "[[line_step]]");
    let steps = [
        line_step("kinds", "t.kind"),
        line_step("days", "t.day"),
        line_step("months", "t.month"),
        line_step("yes", "t.yes"),
        line_step("mine", "kind in kinds and date in days == false and '2015-03' in months and false in yes"),
    ];
    let packs = load(&[lines, &table, &steps.concat()].concat());
    let line = |n: i64| json!({ "id": n.to_string(), "n": n }).as_object().unwrap().clone();
    let facts = json!({ "date": "2015-08-01", "kind": "poor" }).as_object().unwrap().clone();
    let input = Input { facts, lines: vec![line(2), line(0), line(1)], ..Input::default() };
    let decision = packs.decide("test", &input).unwrap();
    assert_eq!(
        json!(decision.lines),
        json!([
            { "id": "2", "kinds": ["old", "poor"], "days": ["2015-01-01", "2015-01-02"], "months": ["2015-02", "2015-03"],
              "yes": [true, false], "mine": true },
            { "id": "0", "kinds": [], "days": [], "months": [], "yes": [], "mine": false },
            { "id": "1", "kinds": ["old"], "days": ["2015-01-01"], "months": ["2015-02"], "yes": [true], "mine": false },
        ])
    );
    let mut desk = packs.desk("test", &input).unwrap();
    for _ in 0..3 {
        assert_eq!(desk.decision().unwrap(), decision);
    }
}

#[test]
fn what_cannot_be_collected_or_listed_is_told() {
    let with = |hit: &str, out: &str, row: &str| mistakes(&table(hit, "[\"poor\"]", out, row));
    assert_eq!(
        with("\"collect\"", "n = \"int\"", "[]"),
        ["'collect' says what becomes of the rows: \"sum\", \"min\", \"max\" or \"list\""]
    );
    assert_eq!(
        with("\"first\"\ncollect = \"sum\"", "n = \"int\"", "[[\"*\", 1]]"),
        ["'collect' goes with the hit policy \"collect\""]
    );
    assert_eq!(
        with("\"any\"", "n = \"int\"", "[]"),
        ["unknown hit policy 'any': \"unique\", \"first\", \"collect\" or \"rule-order\""]
    );
    assert_eq!(
        with("\"collect\"\ncollect = \"avg\"", "n = \"int\"", "[]"),
        ["unknown way to collect 'avg': \"sum\", \"min\", \"max\" or \"list\""]
    );
    assert_eq!(with("\"collect\"\ncollect = \"sum\"", "n = \"text\"", "[]"), ["text has no sum"]);
    let listed = table("\"rule-order\"", "[\"poor\"]", "n = \"int\", w = \"text\"", "[[true, 1, \"x\"]]");
    for (expr, wanted) in [
        ("t.n == t.n", "lists are not compared: ask what is in one"),
        ("t.n + 1", "list<int> is wanted here, not int"),
        ("max(t.n, t.n)", "list<int> has no order"),
        ("count(age)", "a list is wanted here, not int"),
        ("count(1, 2)", "count is used as count(list)"),
        ("age in age", "a list is wanted here, not int"),
        ("'x' in t.n", "'x' is not int"),
        ("total in t.n", "int is wanted here, not money"),
        ("word in t.n", "int is wanted here, not text"),
        ("t.n in ['a']", "'a' is not list<int>"),
        ("age in t.n in t.w", "text is wanted here, not bool"),
    ] {
        assert_eq!(mistakes(&(listed.clone() + &step("x", expr))), [wanted], "{expr}");
    }
}

#[test]
fn too_many_rows_at_once_are_told() {
    let rows = |count: i64| {
        let rows: Vec<_> = (0..count).map(|n| format!("[\"{n}..\", {n}]")).collect();
        table("\"collect\"\ncollect = \"sum\"", "[\"age\"]", "n = \"int\"", &format!("[{}]", rows.join(",")))
    };
    let packs = load(&(rows(500) + &step("x", "t.n")));
    assert_eq!(decide(&packs, &json!({ "age": 499 })).outputs["x"], json!(499 * 500 / 2));
    let wanted = "the tables of which more than one row may be used at once have more than 500 rows";
    assert_eq!(mistakes(&(rows(501) + &step("x", "t.n"))), [wanted]);
    // A table that is cut by is one of them.
    let scale = |count: i64| {
        let bands = (1..count).map(|n| format!("[\"{n}.00..{}.00\", \"1%\"]", n + 1));
        let rows: Vec<_> = ["[\"..1.00\", \"1%\"]".to_owned()]
            .into_iter()
            .chain(bands)
            .chain([format!("[\"{count}.00..\", \"1%\"]")])
            .collect();
        table("\"unique\"", "[\"total\"]", "rate = \"rate\"", &format!("[{}]", rows.join(",")))
    };
    assert_eq!(mistakes(&(scale(500) + &step("x", "half_up(bands(total, t.rate), ¥0.01)"))), [wanted]);
    load(&(scale(500) + &step("x", "half_up(total * t.rate, ¥0.01)")));
}

#[test]
fn a_scale_rounds_once_or_each_part() {
    let scale = table("\"unique\"", "[\"total\"]", "rate = \"rate\"", {
        r#"[["..0.05", "50%"], ["0.05..0.10", "50%"], ["0.10..", "50%"]]"#
    });
    let exprs = [
        ("once", "half_up(bands(total, t.rate), ¥0.01)"),
        ("up", "bands_half_up(total, t.rate, ¥0.01)"),
        ("even", "bands_half_even(total, t.rate, ¥0.01)"),
        ("down", "bands_floor(total, t.rate, ¥0.01)"),
        ("above", "bands_ceil(total, t.rate, ¥0.1)"),
    ];
    let packs = load(&(scale.clone() + &exprs.map(|(name, expr)| step(name, expr)).concat()));
    let of = |total: &str| {
        let outputs = decide(&packs, &json!({ "total": total })).outputs;
        exprs.map(|(name, _)| outputs[name].as_str().unwrap().to_owned())
    };
    // 0.05 + 0.05 + 0.05: half of each is 2.5 fen.
    assert_eq!(of("0.15"), ["0.08", "0.09", "0.06", "0.06", "0.30"]);
    assert_eq!(of("0.05"), ["0.03", "0.03", "0.02", "0.02", "0.10"]);
    assert_eq!(of("0.00"), ["0.00"; 5]);
    for (expr, wanted) in [
        (
            "bands_half_up(total, t.rate)",
            "bands_half_up is used as bands_half_up(amount, table.rate, ¥0.01): a rounding names its unit",
        ),
        ("bands_half_up(total, t.rate, ¥0.05)", "the unit of a rounding is ¥0.01, ¥0.1 or ¥1"),
        ("bands_best(total, t.rate, ¥0.01)", "unknown function 'bands_best'"),
        ("half_up(age * bands_floor(total, t.rate, ¥0.01) * 1%, ¥0.01) + 1", "money is wanted here, not int"),
    ] {
        assert_eq!(mistakes(&(scale.clone() + &step("x", expr))), [wanted], "{expr}");
    }
}

/// A table whose figures are parameters'.
const WITH_FIGURES: &str = r#"
[[param]]
name = "known"
label = "已知"
type = "money"
values = [
  { from = 2015-01-01, value = "5.00", source = "a", confidence = "H", verified_on = 2015-01-01 },
  { from = 2015-09-01, value = "6.00", source = "b", confidence = "M", verified_on = 2015-01-01 },
]
[[param]]
name = "unknown"
label = "未知"
type = "rate"
values = [{ from = 2015-01-01, source = "未查到", confidence = "U", verified_on = 2015-01-01 }]
"#;

#[test]
fn a_cell_takes_a_parameters_figure() {
    let table = table("\"unique\"", "[\"poor\"]", "ded = \"money\", rate = \"rate\"", {
        r#"[[true, "=known", "=unknown"], [false, "7.00", "=unknown"]]"#
    });
    let steps =
        [step("ded", "t.ded"), step("paid", "if age > 60 then half_up(total * t.rate, ¥0.01) else ¥0")].concat();
    let rest = [WITH_FIGURES, &table, &steps].concat();
    let packs = load(&rest);
    let poor = decide(&packs, &json!({ "poor": true }));
    assert_eq!((poor.outcome, &poor.outputs["ded"]), (Outcome::Allow, &json!("5.00")));
    // The row, then what it takes.
    assert_eq!(trace(&poor)[..2], ["table t row 1 -> ded ¥5.00, rate 无数值", "param known = ¥5.00 (from 2015-01-01)"]);
    assert!(!poor.demo, "the figure that is not known is shown, not used");
    let later = json!({ "date": "2015-09-01", "poor": true }).as_object().unwrap().clone();
    let later = packs.decide("test", &Input { facts: later, ..Input::default() }).unwrap();
    assert_eq!((&later.outputs["ded"], later.demo), (&json!("6.00"), true));
    let old = decide(&packs, &json!({ "age": 61 }));
    assert_eq!((old.outcome, &old.outputs["ded"]), (Outcome::Refer, &json!("7.00")));
    assert_eq!(old.reasons[0].text.zh, "参数“未知”没有数值，不能核定");
    // A case gives it a figure of its own.
    let case = "[[case]]\nname = \"c\"\noutcome = \"allow\"\nfacts = { date = 2015-08-01, age = 61 }\n";
    load(&(rest.clone() + case + "figures = { unknown = \"10%\" }\nwant = { paid = \"100.00\" }\n"));
    let failed = mistakes(&(rest + case + "want = { paid = \"100.00\" }\n"));
    assert_eq!(failed.len(), 3, "{failed:?}");
}

#[test]
fn figures_of_parameters_are_collected_and_cut_by() {
    let scale =
        table("\"unique\"", "[\"total\"]", "rate = \"rate\"", r#"[["..100.00", "50%"], ["100.00..", "=unknown"]]"#);
    let packs = load(&[WITH_FIGURES, &scale, &step("x", "half_up(bands(total, t.rate), ¥0.01)")].concat());
    assert_eq!(decide(&packs, &json!({ "total": "100.00" })).outputs["x"], json!("50.00"));
    assert_eq!(decide(&packs, &json!({ "total": "100.01" })).reasons[0].code, "E-NO-PARAM");
    let summed =
        table("\"collect\"\ncollect = \"sum\"", "[\"poor\"]", "n = \"money\"", r#"[["*", "=known"], [true, "1.00"]]"#);
    let packs = load(&[WITH_FIGURES, &summed, &step("x", "t.n")].concat());
    assert_eq!(decide(&packs, &json!({ "poor": true })).outputs["x"], json!("6.00"));
}

#[test]
fn a_cell_names_a_parameter_of_its_type() {
    for (cell, wanted) in [
        ("=none", "unknown name 'none'"),
        ("=total", "'total' is not a parameter"),
        ("=unknown", "money is wanted here, not rate"),
        ("= known", "unknown name ' known'"),
    ] {
        let table = table("\"unique\"", "[\"poor\"]", "ded = \"money\"", &format!("[[\"*\", \"{cell}\"]]"));
        let rest = [WITH_FIGURES, &table, &step("x", "t.ded")].concat();
        assert_eq!(mistakes(&rest), [wanted]);
        let told = Packs::load(&[("t.toml".to_owned(), pack(&rest))]).unwrap_err();
        let text = pack(&rest);
        let line = text.lines().nth(told[0].line - 1).unwrap();
        assert_eq!(line.chars().skip(told[0].column - 1).collect::<String>(), format!("\"{cell}\"]]"));
    }
}

#[test]
fn what_a_table_can_never_give_is_known_of_each_hit_policy() {
    let with = |hit: &str, rows: &str, when: &str| {
        let table = table(hit, "[\"poor\"]", "n = \"money\"", rows);
        let guard = format!(
            "[[guard]]\ncode = \"E-T\"\nwhen = \"{when}\"\noutcome = \"warn\"\ntext = {{ zh = \"大\", en = \"large\" }}\n"
        );
        let packs = Packs::load(&[("t.toml".to_owned(), pack(&[WITH_FIGURES, &table, &guard].concat()))]);
        packs.err().map(|mistakes| mistakes[0].message.clone())
    };
    let (sum, max) = ("\"collect\"\ncollect = \"sum\"", "\"collect\"\ncollect = \"max\"");
    let rows = r#"[["*", "1.00"], [true, "2.00"], [false, "3.00"]]"#;
    assert_eq!(with(sum, rows, "t.n > ¥5.99"), None);
    assert_eq!(with(sum, rows, "t.n > ¥6"), Some("guard 'E-T' can never hold: t.n is from ¥0.00 to ¥6.00".to_owned()));
    assert_eq!(with(max, rows, "t.n > ¥2.99"), None);
    assert_eq!(with(max, rows, "t.n > ¥3"), Some("guard 'E-T' can never hold: t.n is from ¥1.00 to ¥3.00".to_owned()));
    let known = r#"[["*", "=known"]]"#;
    assert_eq!(with("\"unique\"", known, "t.n > ¥5.99"), None);
    assert_eq!(
        with("\"unique\"", known, "t.n > ¥6"),
        Some("guard 'E-T' can never hold: t.n is from ¥5.00 to ¥6.00".to_owned())
    );
    assert_eq!(with("\"rule-order\"", rows, "count(t.n) > 2 and ¥9 in t.n"), None);
}
