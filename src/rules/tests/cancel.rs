//! Cancelling what was settled: amounts and accumulators go back to the fen, and only from the last on.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::date;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::rules::{
    CancelError, Change, Counted, Decision, Effect, Input, Outcome, Packs, Period, Span, TraceRecord, obstacle,
};
use crate::value::Kind;

static PACKS: LazyLock<Packs> = LazyLock::new(Packs::builtin);

const WITH_ACCOUNT: &str = include_str!("../../../fixtures/settlement/l3-active-with-account.json");

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn with_account() -> Decision {
    PACKS.decide("medical-settlement", &serde_json::from_str(WITH_ACCOUNT).unwrap()).unwrap()
}

fn sign_in(accumulators: Value) -> Decision {
    let facts = object(json!({ "sign_date": "2015-08-03", "acc026": true, "acc027": false, "stop_cause": "none" }));
    let input = Input { facts, accumulators: object(accumulators), ..Input::default() };
    PACKS.decide("unemployment-sign-in", &input).unwrap()
}

fn yuan(fen: i64) -> String {
    format!("{}{}.{:02}", if fen < 0 { "-" } else { "" }, fen.abs() / 100, fen.abs() % 100)
}

fn fen(value: &Value) -> i64 {
    value.as_str().unwrap().replace('.', "").parse().unwrap()
}

#[test]
fn every_amount_is_negated_and_nothing_else() {
    let settled = with_account();
    let cancelled = settled.cancelled(&PACKS).unwrap();
    assert_eq!((cancelled.outcome, cancelled.reasons.len()), (Outcome::Allow, 0));
    for (field, wanted) in [
        ("medfee_sumamt", "-30000.00"),
        ("fulamt_ownpay_amt", "-123.45"),
        ("act_pay_dedc", "-1600.00"),
        ("hifp_pay", "-22242.84"),
        ("hifob_pay", "0.00"),
        ("acct_pay", "-500.00"),
        ("psn_cash_pay", "-7257.16"),
        // A rate, and how the account stood then.
        ("pool_prop_selfpay", "80%"),
        ("balc", "0.00"),
        ("refd_setl_flag", "1"),
    ] {
        assert_eq!(cancelled.outputs[field], wanted, "{field}");
    }
    assert_eq!(cancelled.outputs.len(), settled.outputs.len() + 1);
    assert_eq!(cancelled.lines[1]["preselfpay_amt"], "-450.00");
    assert_eq!(cancelled.lines[1]["feedetl_sn"], settled.lines[1]["feedetl_sn"]);
    assert_eq!((&cancelled.pack, cancelled.business_date), (&settled.pack, settled.business_date));

    // Every identity that needs no fact of the case was tested, those of each line too.
    let codes: Vec<_> = cancelled.trace.iter().filter(|record| matches!(record, TraceRecord::Check { .. })).collect();
    let told = |code: &str| codes.iter().any(|record| record.line().ends_with(&format!("check {code} ok")));
    assert!(["TOTAL", "SCOPE", "FUND", "PERSON", "SPLIT-NOT-NEGATIVE"].into_iter().all(told), "{codes:?}");
    assert!(told("LINE-NOT-NEGATIVE") && !told("LINE-SUM"));
    insta::assert_snapshot!(cancelled.explain_zh(Kind::Settle).join("\n"));
}

#[test]
fn a_value_that_was_set_goes_back() {
    let kept = json!({ "start_month": "2015-02", "signed_month": "2015-07", "months_left": 6, "due": "1.00" });
    let undone = sign_in(kept).cancelled(&PACKS).unwrap();
    let after: Vec<_> = undone.accumulators.iter().map(|change| (change.name.as_str(), change.after.clone())).collect();
    let wanted = [
        ("due", json!("1.00")),
        ("seek_left", json!(0)),
        ("months_left", json!(6)),
        ("signed_month", json!("2015-07")),
    ];
    assert_eq!(after, wanted, "the last first");
    assert_eq!((&undone.outputs["amount"], &undone.outputs["aac169"]), (&json!("-1516.00"), &json!("1516.00")));
    assert_eq!((&undone.outputs["paid_months"], &undone.outputs["next_month"]), (&json!(1), &json!("2015-09")));

    // Signed in for the first time: there is no month again.
    let undone = sign_in(json!({ "start_month": "2015-08", "months_left": 3 })).cancelled(&PACKS).unwrap();
    let signed = undone.accumulators.last().unwrap();
    assert_eq!((signed.name.as_str(), &signed.value, &signed.after), ("signed_month", &Value::Null, &Value::Null));
}

#[test]
fn what_was_not_carried_out_has_no_cancellation() {
    let denied = sign_in(json!({ "signed_month": "2015-08", "months_left": 6 }));
    assert_eq!(denied.cancelled(&PACKS).unwrap_err(), CancelError::NotCarriedOut(Outcome::Deny));
    let referred = sign_in(json!({ "signed_month": "2015-09", "months_left": 6 }));
    assert_eq!(referred.cancelled(&PACKS).unwrap_err(), CancelError::NotCarriedOut(Outcome::Refer));
    let cancelled = with_account().cancelled(&PACKS).unwrap();
    assert_eq!(cancelled.cancelled(&PACKS).unwrap_err(), CancelError::AlreadyCancelled);

    let older = Decision { amounts: None, ..with_account() };
    assert_eq!(older.cancelled(&PACKS).unwrap_err(), CancelError::Untold);
    let stored = serde_json::to_value(with_account()).unwrap();
    let mut without = object(stored);
    without.remove("amounts");
    assert_eq!(serde_json::from_value::<Decision>(without.into()).unwrap(), older, "as it was stored before");

    let mut damaged = with_account();
    damaged.outputs.insert("hifp_pay".into(), json!("much"));
    assert_eq!(damaged.cancelled(&PACKS).unwrap_err(), CancelError::Unreadable("hifp_pay".into()));
    let mut damaged = with_account();
    damaged.accumulators[1].value = Value::Null;
    assert_eq!(damaged.cancelled(&PACKS).unwrap_err(), CancelError::Unreadable("pool".into()));
}

#[test]
fn an_identity_that_does_not_hold_refers_the_cancellation() {
    let codes = |settled: &Decision| {
        let cancelled = settled.cancelled(&PACKS).unwrap();
        assert!(cancelled.accumulators.is_empty() == (cancelled.outcome == Outcome::Refer));
        cancelled.reasons.iter().map(|reason| (reason.code.clone(), reason.text.en.clone())).collect::<Vec<_>>()
    };
    let mut settled = with_account();
    settled.outputs.insert("fund_pay_sumamt".into(), json!("22242.85"));
    let told = codes(&settled);
    let all = |code: &str| told.iter().any(|(_, text)| text.contains(&format!(" {code} ")));
    assert!(told.iter().all(|(code, _)| code == "E-CANCEL-IDENTITY") && all("FUND") && all("FUND-PARTS"), "{told:?}");

    // A line alone: the sum of the lines is no longer the whole's.
    let mut settled = with_account();
    settled.lines[0].insert("inscp_scp_amt".into(), json!("0.00"));
    assert!(codes(&settled).iter().any(|(_, text)| text.contains(" SCOPE ")));

    // Without the very pack nothing is tested, and the slip says so.
    let mut settled = with_account();
    settled.outputs.insert("fund_pay_sumamt".into(), json!("22242.85"));
    settled.pack.sha256 = "0".repeat(64);
    let cancelled = settled.cancelled(&PACKS).unwrap();
    assert_eq!((cancelled.outcome, cancelled.outputs["fund_pay_sumamt"].clone()), (Outcome::Allow, json!("-22242.85")));
    assert!(cancelled.version_reason.ends_with("未核对"), "{}", cancelled.version_reason);
}

fn change(name: &str, scheme: &str, period: Period, value: &str) -> Change {
    let value = json!(value);
    Change {
        name: name.into(),
        scheme: scheme.into(),
        period,
        effect: Effect::Add,
        value: value.clone(),
        before: Value::Null,
        after: value,
    }
}

fn period(scope: Span, of: &str, by: Option<&str>) -> Period {
    Period { scope, of: of.into(), by: by.map(str::to_owned) }
}

#[test]
fn only_what_is_counted_together_stands_in_the_way() {
    let year = |of: &str| period(Span::Year, of, None);
    let pool = change("pool", "310", year("2015"), "100.00");
    let stands = |own: &Change, admission: Option<&str>, later: &Change, other: Option<&str>| {
        let own = [Counted { change: own, admission }];
        obstacle(&own, &[Counted { change: later, admission: other }]).is_some()
    };
    // The same cap, whatever the scenario and the stay; also where the cap left nothing for the later one.
    assert!(stands(&pool, Some("A"), &pool, Some("B")));
    assert!(stands(&pool, None, &change("pool", "310", year("2015"), "0.00"), None));
    assert!(!stands(&pool, None, &change("pool", "390", year("2015"), "1.00"), None), "another insurance");
    assert!(!stands(&pool, None, &change("pool", "310", year("2016"), "1.00"), None), "another year");
    assert!(!stands(&pool, None, &change("supplement", "310", year("2015"), "1.00"), None), "another accumulator");
    // One that changed nothing is in nobody's way.
    assert!(!stands(&change("pool", "310", year("2015"), "0.00"), None, &pool, None));
    let set = |before: &str, after: &str| {
        let changed = change("signed_month", "unemployment", period(Span::Benefit, "-", None), after);
        Change { effect: Effect::Set, before: json!(before), ..changed }
    };
    assert!(stands(&set("2015-07", "2015-08"), None, &set("2015-08", "2015-09"), None));
    assert!(!stands(&set("2015-08", "2015-08"), None, &set("2015-08", "2015-09"), None));

    // A stay has its own count; stays that are not named may be one.
    let stay = change("ded_paid", "310", period(Span::Admission, "", None), "100.00");
    assert!(stands(&stay, Some("A"), &stay, Some("A")) && !stands(&stay, Some("A"), &stay, Some("B")));
    assert!(stands(&stay, None, &stay, Some("B")) && stands(&stay, Some("A"), &stay, None));
    let disease = |by| change("used", "310", period(Span::Month, "2015-08", Some(by)), "1.00");
    assert!(stands(&disease("M01"), None, &disease("M01"), None));
    assert!(!stands(&disease("M01"), None, &disease("M02"), None));

    let own = [Counted { change: &stay, admission: None }, Counted { change: &pool, admission: None }];
    assert_eq!(obstacle(&own, &[]), None);
    let told = obstacle(&own, &own).unwrap();
    assert_eq!((told.code.as_str(), told.outcome), ("E-CANCEL-LATER", Outcome::Refer));
    assert!(
        told.text.zh.contains("310/ded_paid、310/pool") && told.text.en.contains("310/ded_paid, 310/pool"),
        "{told:?}"
    );
}

/// A bill of one line in fen, in which of two stays, whether the account pays.
type Bill = (i64, usize, bool);

/// A person's accumulators by scheme, name and stretch.
type Ledger = BTreeMap<(String, String, String), Value>;

/// The insurance year of the bills' day.
const YEAR: &str = "2015-07/2016-06";

fn key(change: &Change, stay: &str) -> (String, String, String) {
    (change.scheme.clone(), change.name.clone(), change.period.key(Some(stay)).unwrap())
}

fn settle(ledger: &Ledger, bill: &Bill) -> Decision {
    let stay = ["A", "B"][bill.1];
    let kept =
        |name: &str, of: &str| ledger.get(&("310".into(), name.into(), of.into())).cloned().unwrap_or(Value::Null);
    let facts = json!({
        "begntime": "2015-07-01", "endtime": "2015-08-01", "insutype": "310", "med_type": "21", "hosp_lv": "L2",
        "psn_type": "2", "psn_insu_stas": "0", "medfee_sumamt": yuan(bill.0), "acct_used_flag": bill.2, "balc": "50.00",
    });
    let line = json!({
        "feedetl_sn": "1", "med_list_codg": "X", "fee_ocur_time": date(2015, 7, 2), "cnt": "1", "pric": yuan(bill.0),
        "det_item_fee_sumamt": yuan(bill.0), "chrgitm_lv": "02", "selfpay_prop": "12.5%",
    });
    let accumulators = json!({
        "ded_paid": kept("ded_paid", stay), "pool": kept("pool", YEAR), "supplement": kept("supplement", YEAR),
    });
    let input = Input { facts: object(facts), lines: vec![object(line)], accumulators: object(accumulators) };
    PACKS.decide("medical-settlement", &input).unwrap()
}

/// What a journal or a centre does with the changes of a transaction.
fn carry_out(ledger: &mut Ledger, changes: &[Change], stay: &str) {
    for change in changes {
        let now = ledger.entry(key(change, stay)).or_insert_with(|| json!("0.00"));
        *now = match change.effect {
            Effect::Add => json!(yuan(fen(now) + fen(&change.value))),
            Effect::Set => change.value.clone(),
        };
        assert_eq!(*now, change.after);
    }
}

proptest! {
    #![proptest_config(super::tried(1_000))]

    #[test]
    fn cancelled_from_the_last_on_nothing_is_left(
        bills in prop::collection::vec((0..3_000_000_i64, 0..2_usize, any::<bool>()), 1..8), used in 44_000_000..44_600_000_i64,
    ) {
        let pool = ("310".to_owned(), "pool".to_owned(), YEAR.to_owned());
        let mut ledger = Ledger::from([(pool, json!(yuan(used)))]);
        let mut done = Vec::new();
        for bill in &bills {
            let decision = settle(&ledger, bill);
            prop_assert!(decision.outcome <= Outcome::Warn, "{:?}", decision.reasons);
            let before = ledger.clone();
            let stay = ["A", "B"][bill.1];
            carry_out(&mut ledger, &decision.accumulators, stay);
            done.push((decision, stay, before));
        }
        let counted = |(decision, stay, _): &(Decision, &'static str, Ledger)| -> Vec<(Change, &'static str)> {
            decision.accumulators.iter().map(|change| (change.clone(), *stay)).collect()
        };
        let seen = |changes: &'_ [(Change, &'static str)]| -> Vec<_> {
            changes.iter().map(|(change, stay)| (key(change, stay), fen(&change.value))).collect()
        };
        for at in 0..done.len() {
            let own = counted(&done[at]);
            let later: Vec<_> = done[at + 1..].iter().flat_map(counted).collect();
            fn refer<'a>(list: &'a [(Change, &'static str)]) -> Vec<Counted<'a>> {
                list.iter().map(|(change, stay)| Counted { change, admission: Some(*stay) }).collect()
            }
            let told = obstacle(&refer(&own), &refer(&later)).is_some();
            let keys: Vec<_> = seen(&later).into_iter().map(|(key, _)| key).collect();
            let wanted = seen(&own).into_iter().any(|(key, fen)| fen != 0 && keys.contains(&key));
            prop_assert_eq!(told, wanted);
        }
        while let Some((settled, stay, before)) = done.pop() {
            let cancelled = settled.cancelled(&PACKS).unwrap();
            prop_assert_eq!(cancelled.outcome, Outcome::Allow, "{:?}", cancelled.reasons);
            for field in settled.amounts.iter().flatten().map(|amount| &amount.field) {
                let sides = (settled.outputs.get(field), cancelled.outputs.get(field));
                if let (Some(paid), Some(back)) = sides {
                    prop_assert_eq!(fen(paid) + fen(back), 0, "{}", field);
                }
            }
            carry_out(&mut ledger, &cancelled.accumulators, stay);
            let nothing = |ledger: &Ledger| -> Ledger {
                ledger.iter().filter(|(_, value)| **value != "0.00").map(|(key, value)| (key.clone(), value.clone())).collect()
            };
            prop_assert_eq!(nothing(&ledger), nothing(&before));
        }
    }
}
