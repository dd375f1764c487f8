//! Residents' contributions as the shipped packs decide them, in plain months and days.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::civil::{Date, date};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::shipped::PACKS;
use crate::rules::{Decision, Input, Outcome, Packs};

/// The pension's pack without its cases, with a figure for a tier: no source gives one.
static WITH_TIER: LazyLock<Packs> = LazyLock::new(|| {
    let text = include_str!("../../../config/policy/guangzhou-2015/resident-contribution.toml");
    let rules = text.split("[case_base]").next().unwrap();
    let (before, tier) = rules.split_once("name = \"tier_1\"").unwrap();
    let tier = tier.replacen("from = 2015-01-01,", "from = 2015-01-01, value = \"50.00\",", 1);
    Packs::load(&[("t.toml".to_owned(), format!("{before}name = \"tier_1\"{tier}"))]).unwrap()
});

fn decide_by(packs: &Packs, scenario: &str, facts: Value, accumulators: Value) -> Decision {
    let object = |value: Value| -> Map<String, Value> { value.as_object().unwrap().clone() };
    let input = Input { facts: object(facts), accumulators: object(accumulators), ..Input::default() };
    packs.decide(scenario, &input).unwrap()
}

fn decide(scenario: &str, facts: Value, accumulators: Value) -> Decision {
    decide_by(&PACKS, scenario, facts, accumulators)
}

/// What a case carried out leaves behind.
fn carry_out(decision: &Decision, kept: &mut Value) {
    for change in &decision.accumulators {
        kept[&change.name] = change.after.clone();
    }
}

const SCENARIOS: [(&str, &str); 3] =
    [("register", "insurance-enrollment"), ("apply", "contribution-declaration"), ("pay", "contribution-payment")];

/// A month by its number, 0 being January of 2013.
fn month(number: i32) -> String {
    format!("{}-{:02}", 2013 + number.div_euclid(12), number.rem_euclid(12) + 1)
}

fn day(number: i64) -> Date {
    date(2015, 1, 1).checked_add(jiff::Span::new().days(number)).unwrap()
}

proptest! {
    #![proptest_config(super::tried(20_000))]

    #[test]
    fn sixteen_is_reached_on_the_birthday(on in 0..365_i64, born in 0..800_i64) {
        let on = day(on);
        let born = date(1998, 1, 1).checked_add(jiff::Span::new().days(born)).unwrap();
        let facts = json!({
            "part": "register", "aae140": "resident-pension", "aae036": on, "aac006": born, "aaz289": 1,
            "employee_pension": false, "enrolled_pension": false,
        });
        let decision = decide("insurance-enrollment", facts, json!({}));
        let years = i32::from(on.year()) - i32::from(born.year())
            - i32::from((on.month(), on.day()) < (born.month(), born.day()));
        let wanted = if years >= 16 { Outcome::Allow } else { Outcome::Deny };
        prop_assert_eq!(decision.outcome, wanted, "{} {}", on, born);
    }

    #[test]
    fn a_month_is_refused_where_it_is_known_to_be_paid(
        from in 20..40_i32, count in -2..15_i32, paid in prop::option::of((20..40_i32, prop::option::of(0..6_i32))),
    ) {
        let to = from + count - 1;
        let facts = json!({
            "part": "pay", "aae140": "resident-pension", "aae036": "2015-08-03", "aac006": "1980-05-20", "aaz289": 1,
            "aae041": month(from), "aae042": month(to),
        });
        let mut kept = json!({});
        // Of an older record only the last month is known to be paid.
        let known = paid.map(|(last, run)| last - run.unwrap_or(0)..=last);
        if let Some((last, run)) = paid {
            kept["paid_to"] = json!(month(last));
            if let Some(run) = run {
                kept["paid_from"] = json!(month(last - run));
            }
        }
        let decision = decide("contribution-payment", facts, kept);
        let codes: Vec<_> = decision.reasons.iter().map(|reason| reason.code.as_str()).collect();
        let told = |code| codes.contains(&code);
        prop_assert_eq!(told("E-RESP-MONTHS"), count <= 0);
        if count > 0 {
            let (some, earlier, gap) = known.map_or((false, false, false), |known| {
                ((from..=to).any(|month| known.contains(&month)), to < *known.start(), from > *known.end() + 1)
            });
            prop_assert_eq!(told("E-RESP-PAID"), some);
            prop_assert_eq!(told("E-RESP-EARLIER"), earlier);
            prop_assert_eq!(told("E-RESP-GAP"), gap);
            // 2015 is the months 24 to 35.
            prop_assert_eq!(told("E-RESP-YEAR"), from < 24 || to > 35);
            // No figure of a tier is known.
            prop_assert!(told("E-NO-PARAM"));
        }
    }
}

proptest! {
    #![proptest_config(super::tried(3_000))]

    #[test]
    fn no_month_is_paid_or_declared_twice_and_a_declaration_does_not_count_as_paid(
        acts in prop::collection::vec((1..3_usize, 24..36_i32, 1..4_i32), 1..10),
    ) {
        let mut kept = json!({});
        let mut done = [BTreeSet::new(), BTreeSet::new()];
        for (act, from, count) in acts {
            let to = (from + count - 1).min(35);
            let months: BTreeSet<i32> = (from..=to).collect();
            let facts = json!({
                "part": SCENARIOS[act].0, "aae140": "resident-pension", "aae036": "2015-08-03", "aac006": "1980-05-20",
                "aaz289": 1, "aae041": month(from), "aae042": month(to),
            });
            let decision = decide_by(&WITH_TIER, SCENARIOS[act].1, facts, kept.clone());
            let [declared, paid] = &mut done;
            let again = !months.is_disjoint(paid) || (act == 1 && !months.is_disjoint(declared));
            let last = paid.last().max(if act == 1 { declared.last() } else { None }).copied();
            match decision.outcome {
                Outcome::Allow | Outcome::Warn => prop_assert!(!again),
                Outcome::Deny => prop_assert!(again, "{:?}", decision.reasons),
                // Only months before the last ones are for the centre.
                Outcome::Refer => prop_assert!(last.is_some_and(|last| to < last), "{:?}", decision.reasons),
            }
            if decision.outcome <= Outcome::Warn {
                carry_out(&decision, &mut kept);
                if act == 1 { declared.extend(months) } else { paid.extend(months) }
            }
        }
        let paid = done[1].len();
        prop_assert_eq!(kept.get("paid_months").cloned().unwrap_or(json!(0)), json!(paid));
        prop_assert_eq!(kept.get("paid_amt").cloned().unwrap_or(json!("0.00")), json!(format!("{}.00", 50 * paid)));
    }
}

#[test]
fn who_enrols_and_declares_can_pay_once() {
    let pension = json!({
        "aae140": "resident-pension", "aae036": "2015-08-03", "aac006": "1980-05-20", "aaz289": 1,
        "aae041": "2015-08", "aae042": "2015-08", "employee_pension": false, "enrolled_pension": false,
        "period_open": true,
    });
    let medical = json!({
        "aae140": "390", "aae036": "2015-10-12", "insured_year": 2016, "district": "other",
        "employee_medical": false, "enrolled_medical": false, "period_open": true,
    });
    for (packs, facts) in [(&*WITH_TIER, pension), (&*PACKS, medical)] {
        let mut kept = json!({});
        let mut outcome = |(part, scenario): (&str, &str)| {
            let mut facts = facts.clone();
            facts["part"] = json!(part);
            if part == "register" {
                facts.as_object_mut().unwrap().retain(|name, _| !["aae041", "aae042"].contains(&name.as_str()));
            }
            let decision = decide_by(packs, scenario, facts, kept.clone());
            if decision.outcome <= Outcome::Warn {
                carry_out(&decision, &mut kept);
            }
            decision.outcome
        };
        let [enrol, declare, pay] = SCENARIOS;
        assert_eq!([enrol, enrol, declare].map(&mut outcome), [Outcome::Allow; 3]);
        assert_eq!(outcome(declare), Outcome::Deny);
        assert_eq!(outcome(pay), Outcome::Allow);
        assert_eq!([pay, declare].map(&mut outcome), [Outcome::Deny; 2]);
        assert_eq!(outcome(enrol), Outcome::Allow);
    }
}
