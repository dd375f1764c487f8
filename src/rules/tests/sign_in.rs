//! The monthly sign-in of the shipped pack against the rule told in plain months.

use std::sync::LazyLock;

use jiff::civil::{Date, date};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::rules::{Decision, Input, Outcome, Packs};

static PACKS: LazyLock<Packs> = LazyLock::new(Packs::builtin);

/// A month by its number, 0 being January of 2014.
fn month(number: i32) -> String {
    format!("{}-{:02}", 2014 + number.div_euclid(12), number.rem_euclid(12) + 1)
}

fn decide(on: Date, signed: i32, left: i64, excuse: &str) -> Decision {
    let facts = json!({ "sign_date": on, "acc026": true, "acc027": true, "excuse": excuse });
    let accumulators = json!({ "start_month": "2014-01", "signed_month": month(signed), "months_left": left });
    let object = |value: Value| value.as_object().unwrap().clone();
    let input = Input { facts: object(facts), accumulators: object(accumulators), ..Input::default() };
    PACKS.decide("unemployment-sign-in", &input).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_pack_agrees_with_the_rule_in_plain_months(
        day in 0..365_i64, signed in 0..30_i32, left in 0..25_i64,
        excuse in prop_oneof![Just("none"), Just("hospital"), Just("pregnant"), Just("infant")],
    ) {
        let on = date(2015, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap();
        let decision = decide(on, signed, left, excuse);
        let this = 12 + i32::from(on.month()) - 1;
        let missed = i64::from(this - signed - 1);
        let excused = excuse != "none";
        // Months of 2015 up to April have the old standard, those from May the new one; of 2014 no figure is known.
        let standard_of = |month: i32| match month {
            ..12 => None,
            12..16 => Some(1240),
            _ => Some(1516),
        };
        let old = excused && missed > 0 && standard_of(signed + 1) != standard_of(this);

        let refused = signed == this || left == 0 || (missed >= 2 && !excused);
        let wanted = if refused {
            Outcome::Deny
        } else if signed > this || old {
            Outcome::Refer
        } else if missed > 0 {
            Outcome::Warn
        } else {
            Outcome::Allow
        };
        prop_assert_eq!(decision.outcome, wanted, "{} {} {:?}", on, month(signed), decision.reasons);
        if wanted > Outcome::Warn {
            prop_assert!(decision.accumulators.is_empty());
            return Ok(());
        }
        let paid = (if excused { 1 + missed } else { 1 }).min(left);
        let standard = standard_of(this).unwrap();
        prop_assert_eq!(&decision.outputs["paid_months"], &json!(paid));
        prop_assert_eq!(&decision.outputs["amount"], &json!(format!("{}.00", standard * paid)));
        prop_assert_eq!(&decision.outputs["next_month"], &json!(month(this + 1)));
        let after: Vec<_> = decision.accumulators.iter().map(|change| (change.name.as_str(), change.after.clone())).collect();
        prop_assert_eq!(after, [("signed_month", json!(month(this))), ("months_left", json!(left - paid))]);
    }

    #[test]
    fn signed_in_once_no_day_of_the_month_signs_in_again(first in 0..365_i64, second in 0..365_i64) {
        let day = |days: i64| date(2015, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
        let (first, second) = (day(first), day(second));
        let signed = 12 + i32::from(first.month()) - 1;
        let again = decide(second, signed, 24, "none");
        let same_month = first.month() == second.month();
        let told = again.reasons.iter().any(|reason| reason.code == "E-SIGN-ALREADY");
        prop_assert_eq!(told, same_month);
    }
}
