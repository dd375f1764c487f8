//! The record accounts for each fen: which row, which part of a scale, which cap.

use serde_json::json;

use super::shipped::PACKS;
use crate::rules::{Decision, Input, Packs, TraceRecord};

const PACK: &str = r#"
[pack]
id = "test.record"
version = "1"
title = "记录"
scenarios = ["test"]
for = { kind = ["a"] }
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "on"
status = "official"
[enums.kind]
a = "甲种"
b = "乙种"
[facts]
on = { type = "date", label = "日期" }
kind = { type = "kind", label = "种类", default = "a" }
burden = { type = "money" }
room = { type = "money" }
[[table]]
name = "scale"
label = "分段比例"
on = ["burden"]
out = { rate = "rate" }
[[table.version]]
from = 2015-01-01
source = "测试"
confidence = "H"
verified_on = 2026-11-26
rows = [
  ["..18000.00", "0%"],
  ["18000.00..50000.00", "50%"],
  ["50000.00..", "60%"],
]
[[step]]
name = "due"
expr = "half_up(bands(burden, scale.rate), ¥0.01)"
[[step]]
name = "paid"
expr = "min(due, max(room - ¥1, ¥0))"
out = "paid"
[[step]]
name = "first"
expr = "half_up(bands(¥20000, scale.rate), ¥0.01)"
"#;

fn decided(burden: &str, room: &str) -> Decision {
    let packs = Packs::load(&[("a.toml".to_owned(), PACK.to_owned())]).unwrap();
    let facts = json!({ "on": "2015-08-03", "burden": burden, "room": room });
    let input = Input { facts: facts.as_object().unwrap().clone(), ..Input::default() };
    packs.decide("test", &input).unwrap()
}

fn lines(decision: &Decision) -> Vec<String> {
    decision.trace.iter().map(TraceRecord::line).collect()
}

#[test]
fn each_row_of_a_scale_says_what_part_it_was_used_for() {
    let lines = lines(&decided("60000.00", "999999.00"));
    assert_eq!(
        lines,
        [
            "table scale row 1 -> rate 0% on ¥18000.00 = ¥0.00",
            "table scale row 2 -> rate 50% on ¥32000.00 = ¥16000.00",
            "table scale row 3 -> rate 60% on ¥10000.00 = ¥6000.00",
            "step due = ¥22000.00",
            "step paid = ¥22000.00 = due",
            // The same scale for another amount.
            "table scale row 1 -> rate 0% on ¥18000.00 = ¥0.00",
            "table scale row 2 -> rate 50% on ¥2000.00 = ¥1000.00",
            "step first = ¥1000.00",
        ]
    );
}

#[test]
fn a_step_that_takes_the_least_says_which_it_was() {
    let taken = |burden, room| {
        let lines = lines(&decided(burden, room));
        lines.iter().find(|line| line.starts_with("step paid")).unwrap().clone()
    };
    assert_eq!(taken("60000.00", "5001.00"), "step paid = ¥5000.00 = max(room - ¥1.00, ¥0.00)");
    assert_eq!(taken("60000.00", "22001.00"), "step paid = ¥22000.00 = due", "the first of two that are alike");
    let table = decided("60000.00", "5001.00").explain_table();
    assert!(
        table.contains("= max(room - ¥1.00, ¥0.00)") && table.contains("rate 50%，用于 ¥32000.00，得 ¥16000.00"),
        "{table}"
    );
}

#[test]
fn an_explanation_says_each_formula_with_its_values() {
    let packs = Packs::load(&[("a.toml".to_owned(), PACK.to_owned())]).unwrap();
    let facts = json!({ "on": "2015-08-03", "burden": "18000.01", "room": "5001.00" });
    let input = Input { facts: facts.as_object().unwrap().clone(), ..Input::default() };
    let explained = packs.explain("test", &input).unwrap();
    let worked = explained.trace.iter().filter_map(|record| match record {
        TraceRecord::Step { name, worked, .. } => Some((name.as_str(), worked.as_deref()?)),
        _ => None,
    });
    let worked: Vec<_> = worked.collect();
    assert_eq!(
        worked,
        [
            // Half a fen, before it is rounded.
            ("due", "half_up(¥0.005, ¥0.01)"),
            ("paid", "min(¥0.01, max(¥5001.00 - ¥1.00, ¥0.00))"),
            ("first", "half_up(¥1000.00, ¥0.01)"),
        ]
    );
    assert!(explained.explain_table().contains("= min(¥0.01, max(¥5001.00 - ¥1.00, ¥0.00))；取 due"));
    // What is stored with a transaction has none: it is as long again.
    let decided = packs.decide("test", &input).unwrap();
    assert!(decided.trace.iter().all(|record| !matches!(record, TraceRecord::Step { worked: Some(_), .. })));
    let without = |mut decision: Decision| {
        for record in &mut decision.trace {
            if let TraceRecord::Step { worked, .. } = record {
                *worked = None;
            }
        }
        decision
    };
    assert_eq!(without(explained), decided);
}

/// The bill of the README, line by line: what each amount is worked out from stands beside it.
#[test]
fn each_fen_of_a_bill_is_accounted_for() {
    let bill = include_str!("../../../fixtures/settlement/l3-active-with-account.json");
    let explained = PACKS.explain("medical-settlement", &serde_json::from_str(bill).unwrap()).unwrap();
    let worked = |of: Option<usize>, step: &str| {
        let found = explained.trace.iter().find_map(|record| match record {
            TraceRecord::Step { line, name, worked, .. } if *line == of && name == step => worked.clone(),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("{step} has no formula"))
    };
    assert_eq!(
        worked(Some(2), "line_pre"),
        "if '02' == '02' and ¥1000.00 > ¥0.00 then half_up(¥1000.00 * 45%, ¥0.01) else ¥0.00"
    );
    assert_eq!(worked(Some(4), "line_gap"), "half_up(¥11.5000 * 2, ¥0.01) - ¥23.00");
    assert_eq!(worked(None, "pool_due"), "half_up(¥27803.55 * 80%, ¥0.01)");
    assert_eq!(worked(None, "cash"), "¥7757.16 - ¥500.00");
    // What is not needed has no figure, and stands as it is written.
    assert!(worked(None, "standard").contains("outside_ded"));
    let changes = explained.explain_changes();
    assert_eq!(changes[1], "累计 pool（险种 310，年度 2015-07/2016-06）：0.00 + 22242.84 = 22242.84");
    assert!(changes[3].contains(&explained.pack.sha256));
}

#[test]
fn a_decision_says_why_it_was_this_pack() {
    let reason = decided("1.00", "1.00").version_reason;
    assert_eq!(reason, "日期 2015-08-03，在政策包 test.record 1 的有效期 2015-01-01 至 2015-12-31 内，种类 甲种");
}
