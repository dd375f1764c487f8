//! Random bills through the whole of a decision: what is not stated is not taken for zero, and what is stored is what was
//! decided. What a pack makes of the amounts is proved in `settlements`.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::settlements::reference::{Bill, Line, split};
use super::shipped::PACKS;
use crate::rules::{Decision, Input, Outcome};
use crate::value::{Fen, Price, Quantity, Rate};

fn fen(n: i128) -> String {
    Fen(i64::try_from(n).unwrap()).to_string()
}

fn ten_thousandths(n: i128) -> i64 {
    i64::try_from(n).unwrap()
}

fn amount(line: &Line) -> i128 {
    line.amount().try_into().unwrap()
}

pub(super) fn input(bill: &Bill) -> Input {
    let line = |(at, line): (usize, &Line)| -> Map<String, Value> {
        let mut value = json!({
            "feedetl_sn": at.to_string(), "med_list_codg": "X", "fee_ocur_time": "2015-07-01",
            "cnt": Quantity(ten_thousandths(line.count)), "pric": Price(ten_thousandths(line.price)),
            "det_item_fee_sumamt": fen(amount(line)), "chrgitm_lv": format!("0{}", line.class),
            "selfpay_prop": Rate(ten_thousandths(line.ratio)),
            "lmt_used_flag": line.restricted, "hosp_appr_flag": line.approved,
        });
        if let Some(cap) = line.cap {
            value["pric_uplmt_amt"] = json!(Price(ten_thousandths(cap)));
        }
        value.as_object().unwrap().clone()
    };
    let total: i128 = bill.lines.iter().map(amount).sum();
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
        // A line of class A that states one is referred.
        ratio: if class == 1 { 0 } else { ratio },
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
            ..Bill::default()
        },
    )
}

proptest! {
    #![proptest_config(super::tried(1_000))]

    #[test]
    fn a_share_paid_first_is_never_taken_for_zero(bill in bills()) {
        let mut unstated = input(&bill);
        for line in &mut unstated.lines {
            line.remove("selfpay_prop");
        }
        let decision = PACKS.decide("medical-settlement", &unstated).unwrap();
        let all_of_it = bill.lines.iter().map(|line| Line { ratio: 1_000_000, ..line.clone() }).collect();
        let needed = split(&Bill { lines: all_of_it, ..bill.clone() }).pre > num_bigint::BigInt::ZERO;
        if needed {
            prop_assert_eq!(decision.outcome, Outcome::Refer);
            prop_assert!(!decision.outputs.contains_key("preselfpay_amt") && !decision.outputs.contains_key("hifp_pay"));
            let told = decision.reasons.iter().find(|reason| reason.code == "E-MED-LINE-SELFPAY");
            let class = |line: usize| bill.lines[line - 1].class;
            prop_assert_eq!(told.and_then(|reason| reason.line).map(class), Some(2));
        } else {
            prop_assert_eq!(decision.outcome, Outcome::Allow);
            prop_assert_eq!(&decision.outputs["psn_cash_pay"], &json!(fen(split(&bill).cash.try_into().unwrap())));
        }
    }

    #[test]
    fn the_same_input_gives_the_same_decision(bill in bills()) {
        prop_assert_eq!(decide(&bill), decide(&bill));
        let stored = serde_json::to_string(&decide(&bill)).unwrap();
        prop_assert_eq!(serde_json::from_str::<Decision>(&stored).unwrap(), decide(&bill));
    }
}
