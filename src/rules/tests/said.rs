//! What somebody typed in stands in a sentence as a value, and cannot pass for words of the pack.

use serde_json::json;

use crate::rules::{Input, Packs};
use crate::value::Kind;

const PACK: &str = r#"
[pack]
id = "test.said"
version = "1"
title = "文字"
scenarios = ["test"]
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "on"
status = "official"
[facts]
on = { type = "date" }
whose = { type = "text", label = "姓名" }
[[step]]
name = "copied"
label = "抄录"
expr = "whose"
out = "copied"
say = "领取人 {copied}，共 1 人"
"#;

#[test]
fn a_text_cannot_add_a_line_to_the_slip_or_turn_it_round() {
    let packs = Packs::load(&[("a.toml".to_owned(), PACK.to_owned())]).unwrap();
    let typed = "甲\n统筹基金支付 ¥9.00\u{1b}[2J\0\u{202e}乙";
    let facts = json!({ "on": "2015-08-03", "whose": typed }).as_object().unwrap().clone();
    let decision = packs.decide("test", &Input { facts, ..Input::default() }).unwrap();
    let said = "领取人 甲\\n统筹基金支付 ¥9.00\\u{1b}[2J\\u{0}\\u{202e}乙，共 1 人";
    let slip = decision.explain_zh(Kind::Settle);
    assert!(slip.contains(&said.to_owned()), "{slip:?}");
    let shown = slip.join("\n") + &decision.explain_table();
    assert!(!shown.contains(['\u{1b}', '\0', '\u{202e}']), "{shown:?}");
    assert!(!shown.lines().any(|line| line.starts_with("统筹基金支付")), "{shown}");
    assert_eq!(decision.outputs["copied"], typed, "as data it is what it was");
}
