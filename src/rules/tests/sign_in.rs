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

/// A sign-in of somebody whose benefit began long ago; with an allowance of 600 yuan for `seek` months.
struct Case {
    on: Date,
    signed: i32,
    left: i64,
    seek: i64,
    excuse: &'static str,
    released: Option<Date>,
}

fn decide(case: &Case) -> Decision {
    let mut facts = json!({ "sign_date": case.on, "acc026": true, "acc027": true, "excuse": case.excuse });
    if let Some(released) = case.released {
        facts["released_on"] = json!(released);
    }
    let accumulators = json!({
        "start_month": "2014-01", "signed_month": month(case.signed), "months_left": case.left,
        "seek_amount": "600.00", "seek_left": case.seek, "due": "0.07",
    });
    let object = |value: Value| value.as_object().unwrap().clone();
    let input = Input { facts: object(facts), accumulators: object(accumulators), ..Input::default() };
    PACKS.decide("unemployment-sign-in", &input).unwrap()
}

/// The number of a date's month.
fn number(on: Date) -> i32 {
    (i32::from(on.year()) - 2014) * 12 + i32::from(on.month()) - 1
}

fn day(days: i64) -> Date {
    date(2015, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn the_pack_agrees_with_the_rule_in_plain_months(
        on in 0..365_i64, signed in 0..30_i32, left in 0..25_i64, seek in 0..7_i64, released in prop::option::of(-300..365_i64),
        excuse in prop_oneof![Just("none"), Just("hospital"), Just("pregnant"), Just("infant")],
    ) {
        let case = Case { on: day(on), signed, left, seek, excuse, released: released.map(day) };
        let decision = decide(&case);
        let this = number(case.on);
        // Months before the one of the release were in custody: neither missed nor paid.
        let last = case.released.map_or(signed, |released| signed.max(number(released) - 1));
        let missed = i64::from((this - last - 1).max(0));
        let excused = excuse != "none";
        // Months of 2015 up to April have the old standard, those from May the new one; of 2014 no figure is known.
        let standard_of = |month: i32| match month {
            ..12 => None,
            12..16 => Some(1240),
            _ => Some(1516),
        };
        let old = excused && missed > 0 && standard_of(last + 1) != standard_of(this);

        let refused = signed == this || left == 0 || (missed >= 2 && !excused);
        let wanted = if refused {
            Outcome::Deny
        } else if signed > this || old || case.released.is_some_and(|released| released > case.on) {
            Outcome::Refer
        } else if missed > 0 || last > signed {
            Outcome::Warn
        } else {
            Outcome::Allow
        };
        prop_assert_eq!(decision.outcome, wanted, "{} {} {:?}", case.on, month(signed), decision.reasons);
        if wanted > Outcome::Warn {
            prop_assert!(decision.accumulators.is_empty());
            return Ok(());
        }
        let paid = (if excused { 1 + missed } else { 1 }).min(left);
        let allowances = paid.min(seek);
        let amount = standard_of(this).unwrap() * paid;
        prop_assert_eq!(&decision.outputs["paid_months"], &json!(paid));
        prop_assert_eq!(&decision.outputs["amount"], &json!(format!("{amount}.00")));
        prop_assert_eq!(&decision.outputs["seek_amount"], &json!(format!("{}.00", 600 * allowances)));
        prop_assert_eq!(&decision.outputs["next_month"], &json!(month(this + 1)));
        let after: Vec<_> = decision.accumulators.iter().map(|change| (change.name.as_str(), change.after.clone())).collect();
        prop_assert_eq!(after, [
            ("signed_month", json!(month(this))),
            ("months_left", json!(left - paid)),
            ("seek_left", json!(seek - allowances)),
            ("due", json!(format!("{}.07", amount + 600 * allowances))),
        ]);
    }

    #[test]
    fn signed_in_once_no_day_of_the_month_signs_in_again(first in 0..365_i64, second in 0..365_i64) {
        let (first, second) = (day(first), day(second));
        let again =
            decide(&Case { on: second, signed: number(first), left: 24, seek: 0, excuse: "none", released: None });
        let told = again.reasons.iter().any(|reason| reason.code == "E-SIGN-ALREADY");
        prop_assert_eq!(told, first.month() == second.month());
    }
}
