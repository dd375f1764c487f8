//! The monthly sign-in of the shipped pack against the rule told in plain months.

use jiff::civil::{Date, date};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::shipped::PACKS;
use crate::rules::{Decision, Input, Outcome};

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
    custody: (Option<Date>, Option<Date>),
    excused: (Option<Date>, Option<Date>),
}

fn decide(case: &Case) -> Decision {
    let mut facts =
        json!({ "sign_date": case.on, "acc026": true, "acc027": true, "excuse": case.excuse, "stop_cause": "none" });
    let dated = [
        ("detained_from", case.custody.0),
        ("released_on", case.custody.1),
        ("excuse_from", case.excused.0),
        ("excuse_to", case.excused.1),
    ];
    for (name, on) in dated {
        if let Some(on) = on {
            facts[name] = json!(on);
        }
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
    #![proptest_config(super::tried(10_000))]

    #[test]
    fn the_pack_agrees_with_the_rule_in_plain_months(
        on in 0..365_i64, signed in 0..30_i32, left in 0..25_i64, seek in 0..7_i64,
        detained in prop::option::of(-300..365_i64), released in prop::option::of(-300..365_i64),
        excuse in prop_oneof![Just("none"), Just("hospital"), Just("pregnant"), Just("infant")],
        reason_from in prop::option::of(-700..365_i64), reason_to in prop::option::of(-300..365_i64),
    ) {
        let custody = (detained.map(day), released.map(day));
        let reason = (reason_from.map(day), reason_to.map(day));
        let case = Case { on: day(on), signed, left, seek, excuse, custody, excused: reason };
        let decision = decide(&case);
        let this = number(case.on);
        // Months of which some day was in custody are not counted.
        let free = |month: &i32| match custody {
            (Some(from), Some(to)) => !(number(from)..=number(to)).contains(month),
            _ => true,
        };
        let unclear = detained.is_some() != released.is_some() || detained > released;
        let resumed = custody.1.is_some_and(|to| number(to) > signed);
        let missed: Vec<_> = (signed + 1..this).filter(free).collect();
        let in_a_row = missed.windows(2).any(|two| two[0] + 1 == two[1]);
        let excused = excuse != "none";
        // Months of 2015 up to April have the old standard, those from May the new one; of 2014 no figure is known.
        let standard_of = |month: i32| match month {
            ..12 => None,
            12..16 => Some(1240),
            _ => Some(1516),
        };
        // The good reason covers each of the months; undated, it is good for one.
        let covered = match reason {
            (None, None) => missed.len() <= 1,
            (Some(from), Some(to)) => {
                from <= to && missed.iter().all(|month| (number(from)..=number(to)).contains(month))
            }
            _ => false,
        };
        let uncovered = excused && !missed.is_empty() && !covered;
        // Nobody signs in while in custody.
        let contradicted = matches!(custody, (Some(from), Some(to)) if (number(from) + 1..number(to)).contains(&signed));
        let old = excused && missed.first().is_some_and(|first| standard_of(*first) != standard_of(this));
        // Without a good reason the months that were missed are gone, with one they are paid back.
        let missed = i64::try_from(missed.len()).unwrap();
        let paid = if excused { (missed + 1).min(left) } else { i64::from(missed < left) };
        let rest = (left - missed - 1).max(0);

        let refused = signed == this || paid == 0 || (in_a_row && !excused);
        let late = custody.1.is_some_and(|to| to > case.on);
        if late || unclear {
            prop_assert!(decision.outcome >= Outcome::Refer, "{:?}", decision.reasons);
            return Ok(());
        }
        let wanted = if refused {
            Outcome::Deny
        } else if signed > this || old || uncovered || contradicted {
            Outcome::Refer
        } else if missed > 0 || resumed {
            Outcome::Warn
        } else {
            Outcome::Allow
        };
        prop_assert_eq!(decision.outcome, wanted, "{} {} {:?}", case.on, month(signed), decision.reasons);
        if wanted > Outcome::Warn {
            prop_assert!(decision.accumulators.is_empty());
            return Ok(());
        }
        let allowances = paid.min(seek);
        let amount = standard_of(this).unwrap() * paid;
        prop_assert_eq!(&decision.outputs["paid_months"], &json!(paid));
        prop_assert_eq!(&decision.outputs["amount"], &json!(format!("{amount}.00")));
        prop_assert_eq!(&decision.outputs["seek_amount"], &json!(format!("{}.00", 600 * allowances)));
        prop_assert_eq!(&decision.outputs["next_month"], &json!(month(this + 1)));
        let after: Vec<_> = decision.accumulators.iter().map(|change| (change.name.as_str(), change.after.clone())).collect();
        prop_assert_eq!(after, [
            ("signed_month", json!(month(this))),
            ("months_left", json!(rest)),
            ("seek_left", json!(seek - allowances)),
            ("due", json!(format!("{}.07", amount + 600 * allowances))),
        ]);
    }

    #[test]
    fn signed_in_once_no_day_of_the_month_signs_in_again(first in 0..365_i64, second in 0..365_i64) {
        let (first, second) = (day(first), day(second));
        let again =
            decide(&Case { on: second, signed: number(first), left: 24, seek: 0, excuse: "none", custody: (None, None), excused: (None, None) });
        let told = again.reasons.iter().any(|reason| reason.code == "E-SIGN-ALREADY");
        prop_assert_eq!(told, first.month() == second.month());
    }
}

/// What one gets of a benefit of `granted` months that began in `begun` of 2015, who comes in the months of 2015 whose
/// bits are set: benefit and allowance in fen, and the months that were paid.
fn worth(begun: i32, granted: i32, excuse: &str, months: u32) -> (i64, i64) {
    let mut kept = json!({
        "start_month": month(begun), "months_left": granted, "seek_amount": "600.00", "seek_left": granted.min(6), "due": "0.00",
    });
    let mut paid = 0;
    for this in (begun..24).filter(|this| months >> (this - begun) & 1 == 1) {
        let on = date(2015, i8::try_from(this - 11).unwrap(), 15);
        let facts = json!({
            "sign_date": on, "acc026": true, "acc027": true, "excuse": excuse, "stop_cause": "none",
            "excuse_from": "2014-12-01", "excuse_to": on,
        });
        let object = |value: &Value| value.as_object().unwrap().clone();
        let input = Input { facts: object(&facts), accumulators: object(&kept), ..Input::default() };
        let decision = PACKS.decide("unemployment-sign-in", &input).unwrap();
        if decision.outcome > Outcome::Warn {
            continue;
        }
        paid += decision.outputs["paid_months"].as_i64().unwrap();
        for change in &decision.accumulators {
            kept[&change.name] = change.after.clone();
        }
    }
    let fen = kept["due"].as_str().unwrap().replace('.', "").parse().unwrap();
    (fen, paid)
}

/// Every way to come or not to come from a benefit's first month to three months beyond its last; the rise of the standard
/// in May lies late in it, early or before it.
#[test]
fn who_skips_months_never_gets_more_than_who_attends() {
    for begun in [12, 13, 14, 15, 16] {
        for granted in [1, 2, 6] {
            let span = (24 - begun).min(granted + 3);
            let all = (1 << span) - 1;
            let attended = worth(begun, granted, "none", all);
            assert_eq!(attended.1, i64::from(granted));
            for excuse in ["none", "hospital"] {
                for months in 0..=all {
                    let got = worth(begun, granted, excuse, months);
                    assert!(got.0 <= attended.0 && got.1 <= attended.1, "{begun} {granted} {excuse} {months:012b}");
                    // Without a good reason a month that was missed is gone.
                    let within = (months & ((1 << granted) - 1)).count_ones();
                    assert!(excuse != "none" || got.1 <= i64::from(within), "{begun} {granted} {months:012b}");
                }
            }
        }
    }
}
