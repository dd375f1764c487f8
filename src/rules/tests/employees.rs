//! The employee's other settlements computed a second time, from settlement-facts §2.1 and §3.2 and not from the packs:
//! whole fen, figures as literals. How a line is split is one text for all packs and is held elsewhere, so that the lines
//! here are plain.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::shipped::PACKS;
use crate::rules::{Decision, Input, Outcome};
use crate::value::Fen;

/// The year's cap of the pool, and of the supplement above it, in fen.
const POOL: i64 = 44_547_600;
const SUPPLEMENT: i64 = 15_000_000;

/// Of class A, in the pool's scope; outside the catalogue; an essential medicine of class A.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Own,
    Essential,
}

type Line = (Kind, i64);

/// What is counted so far: deductible, month, year, supplement.
type Counted = (i64, i64, i64, i64);

fn fen(amount: i64) -> String {
    Fen(amount).to_string()
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

/// `amount × per_mille` to the fen; ties up.
fn share(amount: i64, per_mille: i64) -> i64 {
    (amount * per_mille + 500) / 1000
}

fn left(limit: i64, used: i64) -> i64 {
    (limit - used).max(0)
}

fn sum(lines: &[Line], of: impl Fn(Kind) -> bool) -> i64 {
    lines.iter().filter(|(kind, _)| of(*kind)).map(|(_, amount)| amount).sum()
}

fn told(lines: &[Line], day: &str, essential: bool) -> Vec<Map<String, Value>> {
    let line = |(at, (kind, amount)): (usize, &Line)| {
        let mut line = object(json!({
            "feedetl_sn": at.to_string(), "med_list_codg": "X", "fee_ocur_time": day, "cnt": "1",
            "pric": fen(*amount), "det_item_fee_sumamt": fen(*amount),
            "chrgitm_lv": if *kind == Kind::Own { "03" } else { "01" },
        }));
        if essential {
            line.insert("bas_medn_flag".to_owned(), json!(*kind == Kind::Essential));
        }
        line
    };
    lines.iter().enumerate().map(line).collect()
}

/// Amounts that were given out, in fen.
fn of<const N: usize>(decision: &Decision, names: [&str; N]) -> [i64; N] {
    names.map(|name| decision.outputs[name].as_str().and_then(|text| text.parse::<Fen>().ok()).expect(name).0)
}

/// The person's part by account and cash, and the funds'.
fn shares(decision: &Decision) -> [i64; 5] {
    of(decision, ["fund_pay_sumamt", "psn_part_amt", "acct_pay", "psn_cash_pay", "balc"])
}

/// The same from what the funds pay.
fn shared(lines: &[Line], fund: i64, account: Option<i64>) -> [i64; 5] {
    let (total, scope) = (sum(lines, |_| true), sum(lines, |kind| kind != Kind::Own));
    let balance = account.unwrap_or(0);
    let paid = if account.is_some() { balance.min(scope - fund) } else { 0 };
    [fund, total - fund, paid, total - fund - paid, balance - paid]
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let kind = prop_oneof![Just(Kind::Plain), Just(Kind::Own), Just(Kind::Essential)];
    let amount = prop_oneof![0..100_i64, 0..100_000_i64, 0..80_000_000_i64];
    prop::collection::vec((kind, amount), 1..4)
}

fn counted() -> impl Strategy<Value = Counted> {
    let month = prop_oneof![Just(0_i64), 0..35_000_i64, Just(30_000_i64), Just(15_000_i64), Just(10_000_i64)];
    let year = prop_oneof![Just(0_i64), 0..POOL, POOL - 30_000..=POOL + 200];
    let supplement = prop_oneof![Just(0_i64), 0..SUPPLEMENT, SUPPLEMENT - 200..=SUPPLEMENT + 200];
    (prop_oneof![Just(0_i64), 0..500_000_i64], month, year, supplement)
}

fn account() -> impl Strategy<Value = Option<i64>> {
    prop::option::of(prop_oneof![Just(0_i64), 0..20_000_i64, 0..9_000_000_i64])
}

/// A date so many days before the third of August.
fn before(days: i64) -> String {
    let day = jiff::civil::date(2015, 8, 3);
    day.checked_sub(jiff::Span::new().days(days)).expect("a day").to_string()
}

proptest! {
    #![proptest_config(super::tried(3_000))]

    #[test]
    fn outpatient_care(
        primary in any::<bool>(), referred in prop::option::of(-3..40_i64), markup in any::<bool>(),
        retired in any::<bool>(), lines in lines(), counted in counted(), account in account(),
    ) {
        let (_, month, year, _) = counted;
        let holds = referred.is_some_and(|days| (0..=30).contains(&days));
        let mut facts = object(json!({
            "begntime": "2015-08-03", "endtime": "2015-08-03", "med_type": "11", "psn_insu_stas": "0", "selected": true,
            "fixmedins_kind": if primary { "primary" } else { "other" }, "psn_type": if retired { "2" } else { "1" },
            "zero_markup": !markup, "medfee_sumamt": fen(sum(&lines, |_| true)), "acct_used_flag": account.is_some(),
            "balc": fen(account.unwrap_or(0)),
        }));
        facts.extend(referred.map(|days| ("refl_date".to_owned(), json!(before(days)))));
        let accumulators = object(json!({ "clinic_pool": fen(month), "pool": fen(year) }));
        let decision = PACKS.decide("medical-settlement", &Input { facts, lines: told(&lines, "2015-08-03", true), accumulators }).unwrap();
        prop_assert_eq!(decision.outcome, Outcome::Allow);

        // 80 % at a primary institution, 88 % of essential medicines without mark-up; elsewhere by the referral.
        let (plain, essential) = (sum(&lines, |kind| kind == Kind::Plain), sum(&lines, |kind| kind == Kind::Essential));
        let per_mille = if primary { 800 } else if holds { 550 } else { 450 };
        let best = if primary && !markup { 880 } else { per_mille };
        let due = (plain * per_mille + essential * best + 500) / 1000;
        let pool = due.min(left(30_000, month)).min(left(POOL, year));
        prop_assert_eq!(of(&decision, ["hifp_pay", "act_pay_dedc"]), [pool, 0]);
        prop_assert_eq!(shares(&decision), shared(&lines, pool, account));
    }

    #[test]
    fn chronic_and_specified_diseases(
        special in any::<bool>(), home in any::<bool>(), primary in any::<bool>(), level in 1..=3_usize,
        retired in any::<bool>(), flexible in any::<bool>(), days in prop_oneof![0..=360_i64, Just(90), Just(91)],
        lines in lines(), counted in counted(), account in account(),
    ) {
        let (deductible, month, year, used) = counted;
        let home = special && home;
        let facts = object(json!({
            "begntime": before(if home { days } else { 0 }), "endtime": "2015-08-03", "med_type": "14",
            "psn_insu_stas": "0", "dise_codg": "M1", "appr_dise_codg": "M1",
            "dise_kind": if special { "special" } else { "chronic" },
            "special_kind": if home { "home-bed" } else { "clinic" }, "hosp_lv": format!("L{level}"),
            "fixmedins_kind": if primary { "primary" } else { "other" }, "psn_type": if retired { "2" } else { "1" },
            "flexible": flexible, "appr_begndate": "2014-01-01", "medfee_sumamt": fen(sum(&lines, |_| true)),
            "acct_used_flag": account.is_some(), "balc": fen(account.unwrap_or(0)),
        }));
        let accumulators = object(json!({
            "ded_paid": fen(deductible), "chronic_pool": fen(month), "pool": fen(year), "supplement": fen(used),
        }));
        let decision = PACKS.decide("medical-settlement", &Input { facts, lines: told(&lines, "2015-08-03", false), accumulators }).unwrap();
        prop_assert_eq!(decision.outcome, Outcome::Allow);

        let scope = sum(&lines, |kind| kind != Kind::Own);
        // A home bed is of level 1, and owes its deductible for each ninety days that have begun.
        let owed = (days + 89).max(90) / 90 * if retired { 28_000 } else { 40_000 };
        let paid = if home { scope.min(left(owed, deductible)) } else { 0 };
        let level = if home { 1 } else { level };
        let (pool, supplement) = if special {
            let due = share(scope - paid, if retired { [930, 895, 860] } else { [900, 850, 800] }[level - 1]);
            let pool = due.min(left(POOL, year));
            (pool, share(due - pool, 950).min(left(SUPPLEMENT, used)))
        } else {
            let limit = if retired || flexible { 10_000 } else { 15_000 };
            (share(scope, if primary { 850 } else { 650 }).min(left(limit, month)).min(left(POOL, year)), 0)
        };
        prop_assert_eq!(of(&decision, ["act_pay_dedc", "hifp_pay", "hifob_pay"]), [paid, pool, supplement]);
        prop_assert_eq!(shares(&decision), shared(&lines, pool + supplement, account));
        let counts = |name: &str| decision.accumulators.iter().any(|change| change.name == name);
        prop_assert!(counts("pool") && counts("chronic_pool") != special);
    }

    #[test]
    fn a_long_stay(
        kind in prop_oneof![Just(("ordinary", 90)), Just(("tuberculosis", 180)), Just(("psychiatric", 0))],
        days in prop_oneof![0..=360_i64, Just(90), Just(91), Just(180), Just(181)], level in 1..=3_usize,
        retired in any::<bool>(), lines in lines(), counted in counted(), account in account(),
    ) {
        let (deductible, _, year, used) = counted;
        let facts = object(json!({
            "begntime": before(days), "endtime": "2015-08-03", "psn_insu_stas": "0", "hosp_lv": format!("L{level}"),
            "psn_type": if retired { "2" } else { "1" }, "stay_kind": kind.0, "medfee_sumamt": fen(sum(&lines, |_| true)),
            "acct_used_flag": account.is_some(), "balc": fen(account.unwrap_or(0)),
        }));
        let accumulators = object(json!({ "ded_paid": fen(deductible), "pool": fen(year), "supplement": fen(used) }));
        let decision = PACKS.decide("medical-settlement", &Input { facts, lines: told(&lines, "2015-08-03", false), accumulators }).unwrap();
        prop_assert_eq!(decision.outcome, Outcome::Allow);

        let (standard, per_mille) = match (level, retired) {
            (1, false) => (400, 900),
            (2, false) => (800, 850),
            (3, false) => (1600, 800),
            (1, true) => (280, 930),
            (2, true) => (560, 895),
            _ => (1120, 860),
        };
        let times = if kind.1 == 0 { 0 } else { (days + kind.1 - 1).max(kind.1) / kind.1 };
        let scope = sum(&lines, |kind| kind != Kind::Own);
        let paid = scope.min(left(standard * 100 * times, deductible));
        let due = share(scope - paid, per_mille);
        let pool = due.min(left(POOL, year));
        let supplement = share(due - pool, 950).min(left(SUPPLEMENT, used));
        prop_assert_eq!(of(&decision, ["act_pay_dedc", "hifp_pay", "hifob_pay"]), [paid, pool, supplement]);
        prop_assert_eq!(shares(&decision), shared(&lines, pool + supplement, account));
    }

    #[test]
    fn a_pharmacy(lines in lines(), account in account()) {
        let facts = object(json!({
            "begntime": "2015-08-03", "endtime": "2015-08-03", "designated": true, "balc": fen(account.unwrap_or(0)),
            "medfee_sumamt": fen(sum(&lines, |_| true)), "acct_used_flag": account.is_some(),
        }));
        let input = Input { facts, lines: told(&lines, "2015-08-03", false), ..Input::default() };
        let decision = PACKS.decide("pharmacy-settlement", &input).unwrap();
        let short = account.is_some_and(|balance| balance < sum(&lines, |kind| kind != Kind::Own));
        prop_assert_eq!(decision.outcome, if short { Outcome::Warn } else { Outcome::Allow });
        prop_assert_eq!(of(&decision, ["hifp_pay"]), [0]);
        prop_assert_eq!(shares(&decision), shared(&lines, 0, account));
    }

    #[test]
    fn what_is_left_is_paid_once(
        parts in prop::array::uniform5(prop_oneof![Just(0_i64), 0..9_000_000_i64]), off in -2..=2_i64, again in any::<bool>(),
    ) {
        let [fund, hospital, account, shared, cash] = parts;
        let order = (cash + off).max(0);
        let facts = object(json!({
            "pay_date": "2015-08-03", "setl_id": "S1", "setl_stas": "settled", "medfee_sumamt": fen(parts.iter().sum()),
            "fund_pay_sumamt": fen(fund), "hosp_part_amt": fen(hospital), "acct_pay": fen(account),
            "acct_mulaid_pay": fen(shared), "psn_cash_pay": fen(cash), "order_no": "O1", "order_amt": fen(order),
            "bank_active": true,
        }));
        let accumulators = object(json!({ "paid": fen(if again { cash } else { 0 }) }));
        let decision = PACKS.decide("out-of-pocket-payment", &Input { facts, accumulators, ..Input::default() }).unwrap();
        let pays = cash > 0 && order == cash && !again;
        prop_assert_eq!(decision.outcome, if pays { Outcome::Allow } else { Outcome::Deny });
        if pays {
            prop_assert_eq!(of(&decision, ["psn_part_amt", "psn_cash_pay"]), [account + shared + cash, cash]);
        }
    }
}
