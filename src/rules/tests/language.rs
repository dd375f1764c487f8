//! What expressions, tables and dated figures come to.

use serde_json::{Map, Value, json};

use crate::rules::{Decision, Input, Outcome, Packs, TraceRecord};

const HEAD: &str = r#"
[pack]
id = "test"
version = "1"
title = "测试"
scenarios = ["test"]
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "date"
status = "official"
[enums.level]
L1 = "一级"
L2 = "二级"
L3 = "三级"
[facts]
"#;

/// A pack with `rest` after the facts that all tests share.
fn pack(rest: &str) -> String {
    format!(
        r#"{HEAD}
date = {{ type = "date" }}
total = {{ type = "money", default = "100.05", range = ".." }}
share = {{ type = "rate", default = "89.5%" }}
price = {{ type = "price", default = "0.4050" }}
count = {{ type = "quantity", default = "3" }}
n = {{ type = "int", default = 7, range = ".." }}
yes = {{ type = "bool", default = true }}
level = {{ type = "level", default = "L2" }}
note = {{ type = "text", default = "abc" }}
absent = {{ type = "money", optional = true }}
born = {{ type = "month", default = "2014-11" }}
{rest}"#
    )
}

fn load(rest: &str) -> Packs {
    Packs::load(&[("test.toml".to_owned(), pack(rest))]).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn decide_on(packs: &Packs, facts: Value) -> Decision {
    packs.decide("test", &Input { facts: facts.as_object().unwrap().clone(), ..Input::default() }).unwrap()
}

fn decide(packs: &Packs) -> Decision {
    decide_on(packs, json!({ "date": "2015-08-31" }))
}

/// What an expression comes to.
fn value(expr: &str) -> Value {
    let packs = load(&format!("[[step]]\nname = \"x\"\nexpr = \"{expr}\"\nout = \"x\"\n"));
    decide(&packs).outputs["x"].clone()
}

#[test]
fn expressions_come_to_what_they_say() {
    for (expr, wanted) in [
        ("total - ¥0.05 + ¥1", json!("101.00")),
        ("-total", json!("-100.05")),
        ("2 + 3 * 4 - 1", json!(13)),
        ("(2 + 3) * -4", json!(-20)),
        ("half_up(total * share, ¥0.01)", json!("89.54")), // 89.54475
        ("ceil(total * share, ¥0.01)", json!("89.55")),
        ("floor(total * share, ¥1)", json!("89.00")),
        ("half_up(price * count, ¥0.01)", json!("1.22")), // 1.2150
        ("half_even(price * count, ¥0.01)", json!("1.22")),
        ("half_even(¥0.05, ¥0.1)", json!("0.00")),
        ("half_up(¥0.05, ¥0.1)", json!("0.10")),
        ("half_up(-total * 50%, ¥0.01)", json!("-50.03")), // 50.025, away from zero
        ("half_up(total * count, ¥0.01)", json!("300.15")),
        ("min(total, ¥200, ¥50)", json!("50.00")),
        ("max(n, 3, 9)", json!(9)),
        ("clamp(n, 8, 10)", json!(8)),
        ("clamp(total, ¥0, ¥100)", json!("100.00")),
        ("if yes and not false then total else ¥0", json!("100.05")),
        ("yes or n > 3 and false", json!(true)),
        ("not yes or yes", json!(true)),
        ("level in ['L2', 'L3']", json!(true)),
        ("n in [1, 2]", json!(false)),
        ("'L1' == level", json!(false)),
        ("note != 'abc'", json!(false)),
        ("date >= '2015-08-31' and date < '2015-09-01'", json!(true)),
        ("month_of(date)", json!("2015-08")),
        ("month_of(date) == '2015-08'", json!(true)),
        ("day_of(date)", json!(31)),
        ("days_between('2015-02-28', date)", json!(184)),
        ("days_between(date, '2015-08-01') < 0", json!(true)),
        ("months_between(born, month_of(date))", json!(9)),
        ("add_months(born, 2)", json!("2015-01")),
        ("add_months(born, -11)", json!("2013-12")),
        ("has(absent)", json!(false)),
        ("given(absent, total)", json!("100.05")),
        ("share", json!("89.5%")),
        ("count + count", json!("6")),
        ("level", json!("L2")),
    ] {
        assert_eq!(value(expr), wanted, "{expr}");
    }
}

#[test]
fn a_figure_holds_from_its_day_on() {
    let packs = load(
        r#"
[[param]]
name = "figure"
type = "money"
values = [
  { from = 2014-07-01, to = 2015-04-30, value = "1.00", source = "a", confidence = "H", verified_on = 2015-01-01 },
  { from = 2015-05-01, value = "2.00", source = "b", confidence = "M", verified_on = 2015-01-01 },
]
[[step]]
name = "x"
expr = "figure"
out = "x"
"#,
    );
    for (date, figure, demo) in [
        ("2015-01-01", "1.00", false),
        ("2015-04-30", "1.00", false),
        ("2015-05-01", "2.00", true),
        ("2015-12-31", "2.00", true),
    ] {
        let decision = decide_on(&packs, json!({ "date": date }));
        assert_eq!((&decision.outputs["x"], decision.demo), (&json!(figure), demo), "{date}");
    }
}

const UNKNOWN: &str = r#"
[[param]]
name = "unknown"
label = "未知数值"
type = "rate"
values = [{ from = 2015-01-01, source = "未查到", confidence = "U", verified_on = 2015-01-01 }]
[[step]]
name = "x"
expr = "if total > ¥100 then half_up(total * unknown, ¥0.01) else total"
out = "x"
[[step]]
name = "y"
expr = "total"
out = "y"
[[step]]
name = "z"
expr = "x + y"
out = "z"
[[check]]
code = "Z"
expr = "z >= ¥0"
"#;

#[test]
fn a_figure_that_is_not_known_refers_the_case_where_it_is_needed() {
    let packs = load(UNKNOWN);
    let needed = decide(&packs);
    assert_eq!(needed.outcome, Outcome::Refer);
    let codes: Vec<_> = needed.reasons.iter().map(|reason| reason.code.as_str()).collect();
    assert_eq!(codes, ["E-NO-PARAM"], "told once, whatever depends on it");
    assert_eq!(needed.reasons[0].text.zh, "参数“未知数值”没有数值，不能核定");
    assert_eq!(needed.outputs.keys().collect::<Vec<_>>(), ["y"]);
    assert!(
        needed
            .trace
            .iter()
            .any(|record| matches!(record, TraceRecord::Step { name, value: Value::Null, .. } if name == "z"))
    );

    let not_needed = decide_on(&packs, json!({ "date": "2015-08-31", "total": "100.00" }));
    assert_eq!((not_needed.outcome, &not_needed.outputs["z"]), (Outcome::Allow, &json!("200.00")));
}

#[test]
fn ranges_are_half_open_and_the_first_row_wins_where_it_may() {
    let packs = load(
        r#"
[[table]]
name = "t"
on = ["total", "level", "yes"]
out = { band = "int" }
hit = "first"
[[table.version]]
from = 2015-01-01
source = "a"
confidence = "H"
verified_on = 2015-01-01
rows = [
  ["..0.00", "*", "*", 1],
  ["0.00..1000.00", "L1|L2", true, 2],
  ["0.00..=1000.00", "*", "*", 3],
  ["*", "*", "*", 4],
]
[[step]]
name = "band"
expr = "t.band"
out = "band"
"#,
    );
    for (total, level, yes, band) in [
        ("-0.01", "L1", true, 1),
        ("0.00", "L1", true, 2),
        ("999.99", "L2", true, 2),
        ("999.99", "L2", false, 3),
        ("999.99", "L3", true, 3),
        ("1000.00", "L1", true, 3),
        ("1000.01", "L1", true, 4),
    ] {
        let facts = json!({ "date": "2015-08-31", "total": total, "level": level, "yes": yes });
        let decision = decide_on(&packs, facts);
        assert_eq!(decision.outputs["band"], json!(band), "{total} {level} {yes}");
        assert!(decision.trace.iter().any(|record| record.line() == format!("table t row {band} -> band {band}")));
    }
}

#[test]
fn a_broken_identity_is_referred_unless_a_guard_has_said_why() {
    let packs = load(
        r#"
[[guard]]
code = "E-SIX"
when = "n == 6"
outcome = "deny"
text = { zh = "六", en = "six" }
[[check]]
code = "SEVEN"
expr = "n == 7"
"#,
    );
    let reasons = |n: i64| {
        let decision = decide_on(&packs, json!({ "date": "2015-08-31", "n": n }));
        (decision.outcome, decision.reasons.iter().map(|reason| reason.code.clone()).collect::<Vec<_>>())
    };
    assert_eq!(reasons(7), (Outcome::Allow, vec![]));
    assert_eq!(reasons(8), (Outcome::Refer, vec!["E-CHECK".to_owned()]));
    assert_eq!(reasons(6), (Outcome::Deny, vec!["E-SIX".to_owned()]));
}

#[test]
fn the_hash_is_of_the_files_bytes() {
    let text = pack("");
    let packs = Packs::load(&[("a.toml".to_owned(), text.clone())]).unwrap();
    let wanted = hex::encode_upper(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()));
    assert_eq!(packs.list()[0].pack.sha256, wanted);
    assert_eq!(decide(&packs).pack, packs.list()[0].pack);
    let commented = Packs::load(&[("a.toml".to_owned(), text + "# ")]).unwrap();
    assert_ne!(commented.list()[0].pack.sha256, wanted);
    assert_eq!(decide(&commented).pack, commented.list()[0].pack);
}

#[test]
fn the_pack_that_holds_on_the_day_decides() {
    let year = |file: &str, year: &str, facts: &str| {
        let text = pack(facts).replace("= 2015-", &format!("= {year}-"));
        (file.to_owned(), text.replace("version = \"1\"", &format!("version = \"{year}\"")))
    };
    let packs = Packs::load(&[
        year("a.toml", "2015", "[[step]]\nname = \"x\"\nexpr = \"1\"\nout = \"x\"\n"),
        year("b.toml", "2016", "added = { type = \"int\" }\n[[step]]\nname = \"x\"\nexpr = \"added\"\nout = \"x\"\n"),
    ])
    .unwrap();
    let asks = |year, name: &str| {
        let schema = packs.schema("test", jiff::civil::date(year, 12, 31), &Map::new()).unwrap();
        schema.facts.iter().any(|fact| fact.name == name)
    };
    assert!(asks(2015, "total") && asks(2016, "total") && asks(2016, "added") && !asks(2015, "added"));
    assert!(packs.schema("test", jiff::civil::date(2017, 1, 1), &Map::new()).is_err());
    assert_eq!(decide_on(&packs, json!({ "date": "2015-12-31" })).outputs["x"], json!(1));
    let later = decide_on(&packs, json!({ "date": "2016-01-01", "added": 2 }));
    assert_eq!((&later.outputs["x"], later.version_reason.contains("2016-01-01 至 2016-12-31")), (&json!(2), true));
    let wrong = |facts: Value| {
        let facts = facts.as_object().unwrap().clone();
        packs.decide("test", &Input { facts, ..Input::default() }).unwrap_err().to_string()
    };
    assert_eq!(wrong(json!({ "date": "2016-01-01" })), "facts.added is missing");
    assert_eq!(wrong(json!({ "date": "2017-01-01" })), "no version of the pack for this date: test on 2017-01-01");
    assert_eq!(wrong(json!({})), "facts.date is missing");
    assert_eq!(wrong(json!({ "date": "2015-02-29" })), "facts.date is not a date such as \"2015-08-01\"");
}

#[test]
fn a_figure_tells_since_when_it_holds() {
    let param = |expr: &str| {
        format!(
            r#"
[[param]]
name = "p"
type = "money"
values = [
  {{ from = 2014-07-01, value = "1.00", source = "a", confidence = "H", verified_on = 2015-01-01 }},
  {{ from = 2015-05-01, source = "a", confidence = "U", verified_on = 2015-01-01 }},
]
[[step]]
name = "x"
expr = "{expr}"
out = "x"
"#
        )
    };
    let packs = load(&param("since(p)"));
    let since = |date: &str| decide_on(&packs, json!({ "date": date })).outputs["x"].clone();
    assert_eq!((since("2015-01-01"), since("2015-04-30")), (json!("2014-07-01"), json!("2014-07-01")));
    // That there is no figure is known from a day as well.
    assert_eq!(since("2015-05-01"), json!("2015-05-01"));
    assert!(decide(&packs).trace.iter().any(|record| matches!(record, TraceRecord::Param { .. })));
    for wrong in ["since(total)", "since(¥1)", "since(p, p)", "since(q)"] {
        assert!(Packs::load(&[("t.toml".to_owned(), pack(&param(wrong)))]).is_err(), "{wrong}");
    }
}

#[test]
fn bands_charge_each_part_at_its_own_rate() {
    let table = |hit: &str| {
        format!(
            r#"
[[table]]
name = "t"
on = ["total"]
out = {{ rate = "rate", n = "int" }}
hit = "{hit}"
[[table.version]]
from = 2015-01-01
source = "a"
confidence = "H"
verified_on = 2015-01-01
rows = [["..50000.00", "50%", 1], ["50000.00..100000.00", "60%", 2], ["100000.00..", "70%", 3]]
[[step]]
name = "x"
expr = "half_up(bands(total, t.rate), ¥0.01)"
out = "x"
"#
        )
    };
    let packs = load(&table("unique"));
    for (total, wanted) in [
        ("-1.00", "0.00"),
        ("0.01", "0.01"),
        ("50000.00", "25000.00"),
        ("50000.01", "25000.01"),
        ("100000.00", "55000.00"),
        ("100000.03", "55000.02"),
        ("300000.00", "195000.00"),
    ] {
        let decision = decide_on(&packs, json!({ "date": "2015-08-31", "total": total }));
        assert_eq!(decision.outputs["x"], json!(wanted), "{total}");
    }
    let wrong = |rest: &str| Packs::load(&[("t.toml".to_owned(), pack(rest))]).unwrap_err()[0].message.clone();
    assert!(wrong(&table("first")).starts_with("bands are a unique table"));
    assert_eq!(wrong(&table("unique").replace("t.rate", "t.n")), "rate is wanted here, not int");
    assert_eq!(wrong(&table("unique").replace("t.rate", "t.m")), "table t has no column 'm'");
    assert_eq!(wrong(&table("unique").replace("t.rate", "total")), "a column of a table is wanted here");
}
