//! Two packs compared by what they say, and by what they do to each other's cases.

use crate::rules::{CaseEffect, Comparison, Outcome, PackComparison, Source};

const PACK: &str = r#"
[pack]
id = "test.stay"
version = "1"
title = "住院"
scenarios = ["stay"]
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "on"
status = "official"
[enums.level]
L1 = "一级"
L2 = "二级"
[facts]
on = { type = "date" }
level = { type = "level", label = "等级" }
days = { type = "days", range = "1..=90", default = 1 }
fee = { type = "money" }
[accumulators]
paid = { type = "money", scope = "year", default = "0.00" }
[[param]]
name = "cap"
label = "限额"
type = "money"
values = [
  { from = 2015-01-01, value = "100.00", source = "甲", confidence = "H", verified_on = 2026-11-25 },
  { from = 2015-07-01, source = "乙", confidence = "U", verified_on = 2026-11-25 },
]
[[table]]
name = "share"
label = "比例"
on = ["level", "days"]
out = { rate = "rate", least = "money" }
hit = "first"
[[table.version]]
from = 2015-01-01
source = "丙"
confidence = "H"
verified_on = 2026-11-25
rows = [
  ["L1", "*", "90%", "0"],
  ["*", "..=10", "80%", "0"],
  ["L2", "11..", "70%", "5"],
]
[[step]]
name = "due"
expr = "half_up((fee * share.rate), ¥0.01)"
[[step]]
name = "pay"
label = "支付"
expr = "min(due, max(cap - acc.paid, ¥0))"
out = "pay"
say = "支付 {pay}"
[[guard]]
code = "E-LONG"
when = "days > 60"
outcome = "warn"
text = { zh = "过长", en = "too long" }
[[check]]
code = "PAID"
expr = "pay <= fee"
[[post]]
name = "paid"
add = "pay"
[case_base]
facts = { on = 2015-03-01, level = "L1", fee = "50.00" }
[[case]]
name = "一级"
outcome = "allow"
want = { pay = "45.00" }
[[case]]
name = "下半年"
facts = { on = 2015-08-01 }
outcome = "allow"
figures = { cap = "40.00" }
want = { pay = "40.00" }
"#;

fn source(text: &str) -> Source {
    Source { file: "p.toml".to_owned(), text: text.to_owned(), signature: None }
}

/// The pack compared with itself after these changes to its text.
fn compared(changes: &[(&str, &str)]) -> PackComparison {
    let text = changes.iter().fold(PACK.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    let mut all = Comparison::of(&[source(PACK)], &[source(&text)]).unwrap_or_else(|told| panic!("{told:?}"));
    assert_eq!((all.packs.len(), all.gone.len(), all.added.len()), (1, 0, 0));
    assert_eq!(all.is_nothing(), all.packs[0].changes.is_empty());
    all.packs.remove(0)
}

/// The changes, a line each: where, what it was, what it is.
fn told(changes: &[(&str, &str)]) -> Vec<String> {
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "–".to_owned());
    let line = |change: &crate::rules::PackChange| {
        let place = [&change.part, &change.name, &change.section, &change.member];
        let place: Vec<&str> = place.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        format!("{}: {} → {}", place.join(" "), side(&change.old), side(&change.new))
    };
    compared(changes).changes.iter().map(line).collect()
}

#[test]
fn what_is_only_written_otherwise_is_no_change() {
    for changes in [
        &[("\n[pack]", "\n# another comment\n[pack]")][..],
        &[("\"100.00\"", "\"100\""), ("\"90%\"", "\"90.0%\""), ("\"70%\", \"5\"", "\"70%\", \"5.00\"")],
        &[("half_up((fee * share.rate), ¥0.01)", "half_up( fee*share.rate ,¥0.01 )"), ("¥0)", "¥0.00)")],
        &[("\"1..=90\"", "\"1..91\""), ("\"..=10\"", "\"..11\""), ("{pay}\"", "{ (pay) }\"")],
        &[("code = \"E-LONG\"\nwhen = \"days > 60\"", "when = \"(days) > 60\"\ncode = \"E-LONG\"")],
        &[("L1 = \"一级\"\nL2 = \"二级\"", "L2 = \"二级\"\nL1 = \"一级\"")],
    ] {
        let compared = compared(changes);
        assert_eq!(compared.changes, [], "{changes:?}");
        assert_eq!((compared.effects.cases, compared.effects.same), (2, 2));
    }
}

#[test]
fn each_part_tells_what_it_says_otherwise() {
    for (change, line) in [
        (("version = \"1\"", "version = \"2\""), "pack version: 1 → 2"),
        (("valid_to = 2015-12-31", "valid_to = 2016-12-31"), "pack valid_to: 2015-12-31 → 2016-12-31"),
        (("L2 = \"二级\"", "L2 = \"次级\""), "enums level L2: 二级 → 次级"),
        (("default = 1 }", "default = 2 }"), "facts days default: 1 → 2"),
        (("\"1..=90\"", "\"1..=80\""), "facts days range: 1..91 → 1..81"),
        (
            ("fee = { type = \"money\" }", "fee = { type = \"money\" }\nnew = { type = \"bool\", default = false }"),
            "facts new: – → default = false, type = bool",
        ),
        (("scope = \"year\"", "scope = \"month\""), "accumulators paid scope: year → month"),
        (("\"100.00\", source = \"甲\"", "\"120.00\", source = \"甲\""), "param cap 2015-01-01 value: 100.00 → 120.00"),
        (("source = \"甲\"", "source = \"丁\""), "param cap 2015-01-01 source: 甲 → 丁"),
        (
            ("2015-07-01, source", "2015-09-01, source"),
            "param cap 2015-07-01: confidence = U, source = 乙, verified_on = 2026-11-25 → –",
        ),
        (("\"80%\"", "\"81%\""), "table share 2015-01-01 (*, ..11) rate: 80% → 81%"),
        (("\"..=10\"", "\"..=12\""), "table share 2015-01-01 (*, ..11): least = 0.00, rate = 80% → –"),
        (
            ("max(cap - acc.paid, ¥0)", "max(cap - acc.paid, ¥1)"),
            "step pay expr: min(due, max(cap - acc.paid, ¥0.00)) → min(due, max(cap - acc.paid, ¥1.00))",
        ),
        (("支付 {pay}", "共付 {pay}"), "step pay say: 支付 {pay} → 共付 {pay}"),
        (("outcome = \"warn\"", "outcome = \"deny\""), "guard E-LONG outcome: warn → deny"),
        (("过长", "太长"), "guard E-LONG text.zh: 过长 → 太长"),
        (("pay <= fee", "pay < fee"), "check PAID expr: pay <= fee → pay < fee"),
        (("add = \"pay\"", "add = \"due\""), "post paid add: pay → due"),
        (("level = \"L1\", fee", "level = \"L2\", fee"), "case_base facts.level: L1 → L2"),
        (("want = { pay = \"40.00\" }", "want = { pay = \"41.00\" }"), "case 下半年 want.pay: 40.00 → 41.00"),
    ] {
        let lines = told(&[change]);
        assert!(lines.contains(&line.to_owned()), "{line}\n{lines:#?}");
        assert!(lines.len() <= 2, "{line}\n{lines:#?}");
    }
}

#[test]
fn where_the_order_of_rows_counts_it_is_told() {
    let swapped = [(
        "[\"L1\", \"*\", \"90%\", \"0\"],\n  [\"*\", \"..=10\", \"80%\", \"0\"]",
        "[\"*\", \"..=10\", \"80%\", \"0\"],\n  [\"L1\", \"*\", \"90%\", \"0\"]",
    )];
    assert_eq!(told(&swapped), ["table share 2015-01-01 rows: (L1, *) < (*, ..=10) → (*, ..=10) < (L1, *)"]);
    assert_eq!(compared(&swapped).effects.changed.len(), 1, "the case of the first half-year: one day at L1");
}

fn effects(changes: &[(&str, &str)]) -> (Vec<CaseEffect>, Vec<String>) {
    let compared = compared(changes);
    (compared.effects.changed, compared.failing)
}

#[test]
fn each_case_is_decided_by_both_packs() {
    let (changed, failing) = effects(&[("\"90%\"", "\"60%\"")]);
    assert_eq!(changed.len(), 2);
    let fields = &changed[0].otherwise.as_ref().unwrap().fields;
    let pay = fields.iter().find(|field| field.field == "pay").unwrap();
    assert_eq!((changed[0].of, &pay.old, &pay.new), ("both", &"45.00".into(), &"30.00".into()));
    assert_eq!(failing, ["一级", "下半年"], "what the author has still to do");

    // A guard that says no, and a case that only the new one has.
    let guard = "outcome = \"deny\"\ntext = { zh = \"过长\"";
    let case = "[[case]]\nname = \"久住\"\nfacts = { days = 61 }\noutcome = \"deny\"\nreasons = [\"E-LONG\"]\n[[case]]\nname = \"下半年\"";
    let (changed, failing) =
        effects(&[("outcome = \"warn\"\ntext = { zh = \"过长\"", guard), ("[[case]]\nname = \"下半年\"", case)]);
    assert_eq!((changed.len(), changed[0].of, failing.len()), (1, "new", 0));
    let otherwise = changed[0].otherwise.as_ref().unwrap();
    assert_eq!((otherwise.outcome, &otherwise.reasons), (Some((Outcome::Warn, Outcome::Deny)), &None));
}

#[test]
fn what_one_of_them_does_not_decide_is_told_with_why() {
    let (changed, _) =
        effects(&[("fee = { type = \"money\" }", "fee = { type = \"money\" }\nnight = { type = \"bool\" }")]);
    let why = |effect: &CaseEffect| (effect.not_by_old.clone(), effect.not_by_new.clone());
    assert_eq!(changed.iter().map(why).collect::<Vec<_>>(), vec![(None, Some("facts.night is missing".to_owned())); 2]);
    let later = "valid_from = 2015-04-01";
    let (changed, _) = effects(&[("valid_from = 2015-01-01", later)]);
    assert_eq!(changed.len(), 1);
    assert!(changed[0].not_by_new.as_ref().unwrap().contains("2015-03-01"), "{changed:?}");
    // A figure that was not known, and that a case had stood in for, is the pack's own now.
    let known = "2015-07-01, value = \"30.00\", source = \"乙\", confidence = \"H\"";
    let (changed, failing) = effects(&[("2015-07-01, source = \"乙\", confidence = \"U\"", known)]);
    let fields = &changed[0].otherwise.as_ref().unwrap().fields;
    assert!(fields.iter().any(|field| field.field == "pay" && field.new == "30.00"), "{fields:?}");
    assert_eq!(failing, ["下半年"]);
}

#[test]
fn sets_are_compared_by_id_and_day() {
    let version = |id: &str, from: &str, to: &str| {
        let text = PACK.replace("test.stay", id).replace("valid_from = 2015-01-01", &format!("valid_from = {from}"));
        let (rules, _) = text.split_once("[case_base]").unwrap();
        source(&rules.replace("valid_to = 2015-12-31", &format!("valid_to = {to}")))
    };
    let (first, second) = (version("a", "2015-01-01", "2015-06-30"), version("a", "2015-07-01", "2015-12-31"));
    let other = version("b", "2015-01-01", "2015-12-31");
    let all =
        Comparison::of(&[first.clone(), second.clone()], &[second.clone(), other.clone(), first.clone()]).unwrap();
    assert_eq!((all.packs.len(), all.gone.len(), all.added.len()), (2, 0, 1));
    assert!(all.packs.iter().all(|pack| pack.changes.is_empty()) && !all.is_nothing());
    let all = Comparison::of(&[first.clone(), other], std::slice::from_ref(&second)).unwrap();
    assert_eq!((all.packs.len(), all.gone.len(), all.added.len()), (1, 1, 0), "the same pack on other days");
    assert!(all.packs[0].changes.iter().any(|change| change.member == "valid_from"));
    let mistakes = Comparison::of(&[source("[pack]")], &[second]).unwrap_err();
    assert!(!mistakes.is_empty());
}
