//! Maternity and work injury as the shipped packs settle them: the identities of a bill, and the law's own table.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::rules::{Decision, Input, Outcome, Packs};

static PACKS: LazyLock<Packs> = LazyLock::new(Packs::builtin);

fn decide(scenario: &str, facts: Value, lines: Vec<Value>) -> Decision {
    let object = |value: Value| -> Map<String, Value> { value.as_object().unwrap().clone() };
    let input = Input { facts: object(facts), lines: lines.into_iter().map(object).collect(), ..Input::default() };
    PACKS.decide(scenario, &input).unwrap()
}

fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

fn fen(decision: &Decision, field: &str) -> i64 {
    decision.outputs[field].as_str().unwrap().replace('.', "").parse().unwrap()
}

/// A line of a bill: its amount in fen, its class (1 to 3), and for class B the share in percent that is paid first.
type Line = (i64, u8, i64);

fn lines(bill: &[Line]) -> Vec<Value> {
    let line = |(at, (amount, class, share)): (usize, &Line)| {
        let mut line = json!({
            "feedetl_sn": at.to_string(), "med_list_codg": "X", "fee_ocur_time": "2015-07-22", "cnt": "1",
            "pric": yuan(*amount), "det_item_fee_sumamt": yuan(*amount), "chrgitm_lv": format!("0{class}"),
        });
        if *class == 2 {
            line["selfpay_prop"] = json!(format!("{share}%"));
        }
        line
    };
    bill.iter().enumerate().map(line).collect()
}

/// Own pay and pre-self-pay of a bill.
fn split(bill: &[Line]) -> (i64, i64) {
    let own = bill.iter().filter(|line| line.1 == 3).map(|line| line.0).sum();
    let pre = bill.iter().filter(|line| line.1 == 2).map(|line| (line.0 * line.2 + 50) / 100).sum();
    (own, pre)
}

fn bill() -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec((0..2_000_000_i64, 1..4_u8, 0..101_i64), 1..6)
}

proptest! {
    #![proptest_config(super::tried(5_000))]

    #[test]
    fn the_fund_pays_for_an_injury_all_that_is_in_the_lists(bill in bill()) {
        let total: i64 = bill.iter().map(|line| line.0).sum();
        let facts = json!({
            "claim": "treatment", "begntime": "2015-07-20", "endtime": "2015-07-30", "serial_wi": "G1", "alc020": "2015-07-20",
            "applied_on": "2015-07-28", "treat_begndate": "2015-07-20", "treat_enddate": "2016-01-20", "agreement": true, "insured": true, "medfee_sumamt": yuan(total),
        });
        let decision = decide("work-injury-settlement", facts, lines(&bill));
        let (own, _) = split(&bill);
        prop_assert_eq!(decision.outcome, Outcome::Allow, "{:?}", decision.reasons);
        prop_assert_eq!(fen(&decision, "fund_pay_sumamt"), total - own);
        prop_assert_eq!(fen(&decision, "psn_cash_pay"), own);
    }

    #[test]
    fn a_birth_above_the_limit_is_paid_as_assessed_and_the_parts_add_up(bill in bill(), assessed in 0..10_000_000_i64) {
        let total: i64 = bill.iter().map(|line| line.0).sum();
        let facts = json!({
            "begntime": "2015-07-20", "endtime": "2015-07-30", "med_type": "52", "psn_insu_stas": "0", "paid_months": 12,
            "fixmedins_code": "H1", "conf_no": "Q1", "conf_fixmedins": "H1", "conf_begndate": "2015-02-01",
            "conf_enddate": "2015-10-31", "matn_type": "1", "assessed_amt": yuan(assessed), "medfee_sumamt": yuan(total),
        });
        let decision = decide("maternity-settlement", facts, lines(&bill));
        let (own, pre) = split(&bill);
        let scope = total - own - pre;
        let wanted = if assessed > scope {
            Outcome::Deny
        } else if scope > 1_000_000 {
            Outcome::Allow
        } else {
            // By quota, of which no figure is known.
            Outcome::Refer
        };
        prop_assert_eq!(decision.outcome, wanted, "{:?}", decision.reasons);
        if wanted == Outcome::Allow {
            let (fund, hospital) = (fen(&decision, "fund_pay_sumamt"), fen(&decision, "hosp_part_amt"));
            let person = fen(&decision, "psn_part_amt");
            prop_assert_eq!((fund, hospital, person), (assessed, scope - assessed, own + pre));
            prop_assert_eq!(fund + hospital + person, total);
        }
    }

    #[test]
    fn a_grade_brings_its_months_of_the_persons_own_wage(grade in 1..11_usize, wage in 1..5_000_000_i64, late: bool) {
        let months = [27, 25, 23, 21, 18, 16, 13, 11, 9, 7][grade - 1];
        let claim = |claim: &str| json!({
            "claim": claim, "endtime": if late { "2015-05-01" } else { "2015-04-30" }, "serial_wi": "G1", "ala040": grade,
            "own_wage": yuan(wage), "insured": true,
        });
        let once = decide("work-injury-settlement", claim("disability"), Vec::new());
        prop_assert_eq!(fen(&once, "fund_pay_sumamt"), months * wage);

        let monthly = decide("work-injury-settlement", claim("allowance"), Vec::new());
        let told = monthly.reasons.first().map(|reason| reason.code.as_str());
        match grade {
            1..=4 => {
                let share = [90, 85, 80, 75][grade - 1];
                let least = if late { 189_500 } else { 155_000 };
                prop_assert_eq!(fen(&monthly, "fund_pay_sumamt"), ((wage * share + 50) / 100).max(least));
            }
            5 | 6 => prop_assert_eq!(told, Some("E-WINB-EMPLOYER")),
            _ => prop_assert_eq!(told, Some("E-WINB-NOBODY")),
        }
    }
}
