//! Random bills through the shipped pack: the identities of settlement-facts §3.2, and a second computation.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::reference::{Bill, Line, Split, split};
use crate::rules::{Decision, Input, Outcome, Packs};
use crate::value::{Fen, Price, Quantity, Rate};

static PACKS: LazyLock<Packs> = LazyLock::new(Packs::builtin);

fn fen(n: i128) -> String {
    Fen(i64::try_from(n).unwrap()).to_string()
}

fn ten_thousandths(n: i128) -> i64 {
    i64::try_from(n).unwrap()
}

pub(super) fn input(bill: &Bill) -> Input {
    let line = |(at, line): (usize, &Line)| -> Map<String, Value> {
        let mut value = json!({
            "feedetl_sn": at.to_string(), "med_list_codg": "X", "fee_ocur_time": "2015-07-01",
            "cnt": Quantity(ten_thousandths(line.count)), "pric": Price(ten_thousandths(line.price)),
            "det_item_fee_sumamt": fen(line.amount()), "chrgitm_lv": format!("0{}", line.class),
            "selfpay_prop": Rate(ten_thousandths(line.ratio)),
            "lmt_used_flag": line.restricted, "hosp_appr_flag": line.approved,
        });
        if let Some(cap) = line.cap {
            value["pric_uplmt_amt"] = json!(Price(ten_thousandths(cap)));
        }
        value.as_object().unwrap().clone()
    };
    let total: i128 = bill.lines.iter().map(Line::amount).sum();
    let facts = json!({
        "begntime": "2015-06-30", "endtime": "2015-07-02", "hosp_lv": format!("L{}", bill.level),
        "psn_type": if bill.retired { "2" } else { "1" }, "psn_insu_stas": "0", "medfee_sumamt": fen(total),
        "acct_used_flag": bill.account.is_some(), "balc": fen(bill.account.unwrap_or(0)),
    });
    let accumulators = json!({
        "ded_paid": fen(bill.paid_deductible), "pool": fen(bill.pool_used), "supplement": fen(bill.supplement_used),
    });
    Input {
        facts: facts.as_object().unwrap().clone(),
        lines: bill.lines.iter().enumerate().map(line).collect(),
        accumulators: accumulators.as_object().unwrap().clone(),
    }
}

fn decide(bill: &Bill) -> Decision {
    PACKS.decide("medical-settlement", &input(bill)).unwrap()
}

fn amount(fields: &Map<String, Value>, name: &str) -> i128 {
    fields[name].as_str().unwrap().parse::<Fen>().unwrap().0.into()
}

fn split_of(decision: &Decision) -> Split {
    let of = |name| amount(&decision.outputs, name);
    Split {
        total: of("medfee_sumamt"),
        own: of("fulamt_ownpay_amt"),
        over: of("overlmt_selfpay"),
        pre: of("preselfpay_amt"),
        scope: of("inscp_scp_amt"),
        deductible: of("act_pay_dedc"),
        pool: of("hifp_pay"),
        supplement: of("hifob_pay"),
        account: of("acct_pay"),
        cash: of("psn_cash_pay"),
    }
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let price = prop_oneof![0..=99_i128, 0..=2_000_000_i128, Just(10_050_i128), 0..=3_000_000_000_i128];
    let count = prop_oneof![Just(10_000_i128), 1..=99_999_i128, Just(5_000_i128)];
    let cap = prop::option::of(prop_oneof![Just(0_i128), 0..=3_000_000_i128]);
    let ratio = prop_oneof![Just(0_i128), 0..=1_000_000_i128, Just(1_000_000_i128)];
    let line = (1..=3_u8, price, count, cap, ratio, any::<bool>(), any::<bool>());
    let line = line.prop_map(|(class, price, count, cap, ratio, restricted, approved)| Line {
        class,
        price,
        count,
        cap,
        ratio,
        restricted,
        approved,
    });
    prop::collection::vec(line, 1..6)
}

pub(super) fn bills() -> impl Strategy<Value = Bill> {
    let pool_used = prop_oneof![Just(0_i128), 0..=50_000_000_i128, 44_500_000..=44_547_600_i128];
    let supplement_used = prop_oneof![Just(0_i128), 0..=16_000_000_i128];
    let account = prop::option::of(prop_oneof![Just(0_i128), 0..=10_000_000_i128]);
    (1..=3_u8, any::<bool>(), lines(), 0..=200_000_i128, pool_used, supplement_used, account).prop_map(
        |(level, retired, lines, paid_deductible, pool_used, supplement_used, account)| Bill {
            level,
            retired,
            lines,
            paid_deductible,
            pool_used,
            supplement_used,
            account,
        },
    )
}

/// A bill of one line of class A.
fn whole(bill: &Bill, total: i128) -> Bill {
    let line =
        Line { class: 1, price: total * 100, count: 10_000, cap: None, ratio: 0, restricted: false, approved: false };
    Bill { lines: vec![line], ..bill.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_pack_agrees_with_the_second_computation(bill in bills()) {
        let decision = decide(&bill);
        prop_assert_eq!(decision.outcome, Outcome::Allow);
        prop_assert_eq!(split_of(&decision), split(&bill));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_share_paid_first_is_never_taken_for_zero(bill in bills()) {
        let mut unstated = input(&bill);
        for line in &mut unstated.lines {
            line.remove("selfpay_prop");
        }
        let decision = PACKS.decide("medical-settlement", &unstated).unwrap();
        let all_of_it = bill.lines.iter().map(|line| Line { ratio: 1_000_000, ..line.clone() }).collect();
        let needed = split(&Bill { lines: all_of_it, ..bill.clone() }).pre > 0;
        if needed {
            prop_assert_eq!(decision.outcome, Outcome::Refer);
            prop_assert!(!decision.outputs.contains_key("preselfpay_amt") && !decision.outputs.contains_key("hifp_pay"));
            let told = decision.reasons.iter().find(|reason| reason.code == "E-MED-LINE-SELFPAY");
            let class = |line: usize| bill.lines[line - 1].class;
            prop_assert_eq!(told.and_then(|reason| reason.line).map(class), Some(2));
        } else {
            prop_assert_eq!(decision.outcome, Outcome::Allow);
            prop_assert_eq!(split_of(&decision), split(&bill));
        }
    }

    #[test]
    fn the_identities_hold_and_nothing_is_below_zero_or_above_a_cap(bill in bills()) {
        let decision = decide(&bill);
        let of = |name| amount(&decision.outputs, name);
        let s = split_of(&decision);
        prop_assert_eq!(s.total, s.own + s.over + s.pre + s.scope);
        prop_assert_eq!(of("fund_pay_sumamt"), s.pool + s.supplement);
        prop_assert_eq!(s.total, of("fund_pay_sumamt") + of("psn_part_amt") + of("hosp_part_amt"));
        prop_assert_eq!(of("psn_part_amt"), s.account + s.cash);
        prop_assert_eq!(of("balc"), bill.account.unwrap_or(0) - s.account);
        let parts = [s.own, s.over, s.pre, s.scope, s.deductible, s.pool, s.supplement, s.account, s.cash];
        prop_assert!(parts.iter().all(|part| *part >= 0), "{:?}", parts);
        prop_assert!(s.pool + bill.pool_used <= 44_547_600.max(bill.pool_used));
        prop_assert!(s.supplement + bill.supplement_used <= 15_000_000.max(bill.supplement_used));
        prop_assert!(s.account <= bill.account.unwrap_or(0));
        let sums = [("fulamt_ownpay_amt", s.own), ("overlmt_amt", s.over), ("preselfpay_amt", s.pre), ("inscp_scp_amt", s.scope)];
        for (name, sum) in sums {
            prop_assert_eq!(decision.lines.iter().map(|line| amount(line, name)).sum::<i128>(), sum);
        }
        for change in &decision.accumulators {
            let before: Fen = change.before.as_str().unwrap().parse().unwrap();
            let value: Fen = change.value.as_str().unwrap().parse().unwrap();
            let after: Fen = change.after.as_str().unwrap().parse().unwrap();
            prop_assert_eq!(before.0 + value.0, after.0);
        }
    }

    #[test]
    fn a_dearer_bill_costs_no_part_less(bill in bills(), total in 0..=60_000_000_i128, more in 0..=1_000_000_i128) {
        let (low, high) = (split_of(&decide(&whole(&bill, total))), split_of(&decide(&whole(&bill, total + more))));
        prop_assert!(low.deductible <= high.deductible);
        prop_assert!(low.pool <= high.pool);
        prop_assert!(low.pool + low.supplement <= high.pool + high.supplement);
        prop_assert!(low.account + low.cash <= high.account + high.cash);
    }

    #[test]
    fn a_split_bill_agrees_with_the_whole_within_half_a_fen_a_line(
        bill in bills(), ratio in 0..=1_000_000_i128, parts in prop::collection::vec(0..=5_000_000_i128, 1..20),
    ) {
        let line = |fen: &i128| Line {
            class: 2, price: fen * 100, count: 10_000, cap: None, ratio, restricted: false, approved: false,
        };
        let apart = Bill { lines: parts.iter().map(line).collect(), ..bill.clone() };
        let together = Bill { lines: vec![line(&parts.iter().sum())], ..bill };
        let (apart, together) = (split_of(&decide(&apart)), split_of(&decide(&together)));
        prop_assert_eq!(apart.total, together.total);
        // Half a fen a line, and half a fen of the whole's own rounding.
        let most = i128::try_from(parts.len()).unwrap() + 1;
        prop_assert!(2 * (apart.pre - together.pre).abs() <= most);
        prop_assert!(2 * (apart.scope - together.scope).abs() <= most);
    }

    #[test]
    fn the_same_input_gives_the_same_decision(bill in bills()) {
        prop_assert_eq!(decide(&bill), decide(&bill));
        let stored = serde_json::to_string(&decide(&bill)).unwrap();
        prop_assert_eq!(serde_json::from_str::<Decision>(&stored).unwrap(), decide(&bill));
    }
}
