//! Certification of pensioners as the shipped pack decides it, in plain months.

use jiff::civil::{Date, date};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::shipped::PACKS;
use crate::rules::{Decision, Input, Outcome};

fn decide(scenario: &str, facts: Value, accumulators: Value) -> Decision {
    let object = |value: Value| -> Map<String, Value> { value.as_object().unwrap().clone() };
    let input = Input { facts: object(facts), accumulators: object(accumulators), ..Input::default() };
    PACKS.decide(scenario, &input).unwrap()
}

/// A month by its number, 0 being January of 2013.
fn month(number: i32) -> String {
    format!("{}-{:02}", 2013 + number.div_euclid(12), number.rem_euclid(12) + 1)
}

fn number(on: Date) -> i32 {
    (i32::from(on.year()) - 2013) * 12 + i32::from(on.month()) - 1
}

fn day(number: i64) -> Date {
    date(2015, 1, 1).checked_add(jiff::Span::new().days(number)).unwrap()
}

proptest! {
    #![proptest_config(super::tried(20_000))]

    #[test]
    fn a_certificate_lasts_twelve_months_and_the_thirteenth_is_paid_back(
        on in 0..365_i64, last in 0..40_i32, pension in prop::option::of(0..2_000_000_i64), failures in 0..6_i64, matched: bool,
    ) {
        let on = day(on);
        let this = number(on);
        let yuan = |fen: i64| json!(format!("{}.{:02}", fen / 100, fen % 100));
        let mut facts = json!({
            "certify_date": on, "aac084": "1", "failures": failures, "matched": matched, "alive": true,
        });
        if let Some(pension) = pension {
            facts["pension_amt"] = yuan(pension);
        }
        let kept = json!({ "first_month": "2010-01", "certified_month": month(last) });
        let decision = decide("pension-certification", facts, kept);
        let suspended = i64::from((this - last - 12).max(0));
        // Nobody's pension is nothing.
        let known = pension.is_some_and(|pension| pension > 0);
        let wanted = if failures < 3 && !matched {
            Outcome::Deny
        } else if failures >= 3 || last > this || (suspended > 0 && !known) {
            Outcome::Refer
        } else if suspended > 0 || last == this {
            Outcome::Warn
        } else {
            Outcome::Allow
        };
        prop_assert_eq!(decision.outcome, wanted, "{} {} {:?}", on, month(last), decision.reasons);
        // What is not known is not told as nothing.
        let told = decision.outputs.contains_key("back_pay");
        prop_assert_eq!(told, wanted != Outcome::Deny && (suspended == 0 || known));
        if wanted <= Outcome::Warn {
            let paid_back = suspended * pension.unwrap_or(0);
            prop_assert_eq!(&decision.outputs["suspended_months"], &json!(suspended));
            prop_assert_eq!(&decision.outputs["back_pay"], &yuan(paid_back));
            prop_assert_eq!(&decision.outputs["certified_until"], &json!(month(this + 12)));
            prop_assert_eq!(&decision.outputs["suspended_from"], &json!(month(this + 13)));
        }
    }
}
