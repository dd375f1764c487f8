//! Residents' contributions as the shipped packs decide them, in plain months and days.

use std::sync::LazyLock;

use jiff::civil::{Date, date};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::rules::{Decision, Input, Outcome, Packs};

static PACKS: LazyLock<Packs> = LazyLock::new(Packs::builtin);

fn decide(scenario: &str, facts: Value, accumulators: Value) -> Decision {
    let object = |value: Value| -> Map<String, Value> { value.as_object().unwrap().clone() };
    let input = Input { facts: object(facts), accumulators: object(accumulators), ..Input::default() };
    PACKS.decide(scenario, &input).unwrap()
}

/// A month by its number, 0 being January of 2013.
fn month(number: i32) -> String {
    format!("{}-{:02}", 2013 + number.div_euclid(12), number.rem_euclid(12) + 1)
}

fn day(number: i64) -> Date {
    date(2015, 1, 1).checked_add(jiff::Span::new().days(number)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn sixteen_is_reached_on_the_birthday(on in 0..365_i64, born in 0..800_i64) {
        let on = day(on);
        let born = date(1998, 1, 1).checked_add(jiff::Span::new().days(born)).unwrap();
        let facts = json!({ "aae140": "resident-pension", "aae036": on, "aac006": born, "aaz289": 1 });
        let decision = decide("insurance-enrollment", facts, json!({}));
        let years = i32::from(on.year()) - i32::from(born.year())
            - i32::from((on.month(), on.day()) < (born.month(), born.day()));
        let wanted = if years >= 16 { Outcome::Allow } else { Outcome::Deny };
        prop_assert_eq!(decision.outcome, wanted, "{} {}", on, born);
    }

    #[test]
    fn no_month_is_paid_twice(from in 20..40_i32, count in -2..15_i32, paid_to in prop::option::of(20..40_i32)) {
        let facts = json!({
            "aae140": "resident-pension", "aae036": "2015-08-03", "aac006": "1980-05-20", "aaz289": 1,
            "aae030": month(from), "aae031": month(from + count - 1),
        });
        let kept = paid_to.map_or(json!({}), |paid| json!({ "paid_to": month(paid) }));
        let decision = decide("contribution-payment", facts, kept);
        let codes: Vec<_> = decision.reasons.iter().map(|reason| reason.code.as_str()).collect();
        let told = |code| codes.contains(&code);
        prop_assert_eq!(told("E-RESP-MONTHS"), count <= 0);
        if count > 0 {
            prop_assert_eq!(told("E-RESP-PAID"), paid_to.is_some_and(|paid| from <= paid));
            prop_assert_eq!(told("E-RESP-GAP"), paid_to.is_some_and(|paid| from > paid + 1));
            // 2015 is the months 24 to 35.
            prop_assert_eq!(told("E-RESP-YEAR"), from < 24 || from + count - 1 > 35);
            // No figure of a tier is known.
            prop_assert!(told("E-NO-PARAM"));
        }
    }
}
