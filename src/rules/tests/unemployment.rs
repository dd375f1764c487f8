//! Unemployment benefit as the shipped packs decide it: applied for, granted month by month and collected, against the
//! rule told in plain arithmetic.

use std::sync::LazyLock;

use jiff::civil::{Date, date};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::rules::{Decision, Input, Outcome, Packs};

static PACKS: LazyLock<Packs> = LazyLock::new(Packs::builtin);

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn decide(scenario: &str, facts: Value, accumulators: Map<String, Value>) -> Decision {
    let input = Input { facts: object(facts), accumulators, ..Input::default() };
    PACKS.decide(scenario, &input).unwrap()
}

fn day(number: i64) -> Date {
    date(2015, 1, 1).checked_add(jiff::Span::new().days(number)).unwrap()
}

/// The month `ahead` months after that of a day, as the packs write it.
fn month(on: Date, ahead: i64) -> String {
    let number = i64::from(on.year()) * 12 + i64::from(on.month()) - 1 + ahead;
    format!("{:04}-{:02}", number.div_euclid(12), number.rem_euclid(12) + 1)
}

/// Article 17: a month for each full year up to four, then one for each full half year, at most 24.
fn granted(paid: i64) -> i64 {
    let months = if paid < 48 { paid / 12 } else { 4 + (paid - 48) / 6 };
    months.min(24)
}

/// Whole yuan; what is less is dropped.
fn benefit(on: Date) -> i64 {
    let wage = if on < date(2015, 5, 1) { 1550 } else { 1895 };
    let percent = if on < date(2018, 5, 1) { 80 } else { 90 };
    wage * percent / 100
}

/// Fen, from fen, at 15 %.
fn allowance(wage: i64) -> i64 {
    (wage * 15 + 50) / 100
}

fn yuan(fen: i64) -> Value {
    json!(format!("{}{}.{:02}", if fen < 0 { "-" } else { "" }, fen.abs() / 100, fen.abs() % 100))
}

proptest! {
    #![proptest_config(super::tried(20_000))]

    #[test]
    fn months_start_and_amounts_are_those_of_the_law(
        on in 0..1247_i64, waited in 0..20_i64, rested in prop::option::of(0..20_i64), paid in 0..400_i64,
        earlier in prop::option::of((0..30_i64, 0..300_i64)), stopped: bool, wage in 0..2_000_000_i64, over_age: bool,
    ) {
        let applied = day(on);
        let registered = applied.checked_sub(jiff::Span::new().days(waited)).unwrap();
        let mut facts = json!({
            "claim": "benefit", "apply_date": applied, "registered_on": registered, "ajc090": registered, "ajc093": "ended",
            "aac161": paid + earlier.map_or(0, |(_, credited)| credited), "aac040": yuan(wage), "acc026": true,
            "over_age": over_age,
        });
        if let Some(workdays) = rested {
            facts["workdays"] = json!(workdays);
        }
        if stopped {
            facts["stopped_on"] = json!(registered);
            facts["stop_cause"] = json!("employed");
        }
        let kept = earlier.map(|(left, credited)| object(json!({ "months_left": left, "credited": credited })));
        let kept = kept.unwrap_or_default();
        let decision = decide("unemployment-application", facts, kept);

        let before = earlier.map_or(0, |(left, _)| left);
        let total = (granted(paid) + before).min(24);
        let eligible = paid >= 12 || before > 0;
        let counted = rested.unwrap_or(waited);
        let no_wage = wage == 0 && !over_age;
        // Seven working days are never spread over four weeks.
        let unclear = rested.map_or(waited > 7, |workdays| {
            workdays > waited || (workdays <= 7 && waited > 2 * workdays + 14)
        }) || (before > 0 && !stopped) || no_wage;
        let wanted = match (eligible, unclear) {
            (false, _) => Outcome::Deny,
            (true, true) => Outcome::Refer,
            (true, false) => Outcome::Allow,
        };
        prop_assert_eq!(decision.outcome, wanted, "{:?}", decision.reasons);
        if wanted != Outcome::Allow {
            prop_assert!(decision.accumulators.is_empty());
            return Ok(());
        }
        let out = &decision.outputs;
        prop_assert_eq!(&out["aac166"], &json!(total));
        prop_assert_eq!(&out["aac164"], &json!(if counted <= 7 { registered } else { applied }));
        prop_assert_eq!(&out["start_month"], &json!(month(applied, 1)));
        prop_assert_eq!(&out["aac165"], &json!(month(applied, total)));
        prop_assert_eq!(&out["aac169"], &yuan(benefit(applied) * 100));
        let seek = if over_age { 0 } else { allowance(wage) };
        // What is only carried over has no allowance of its own.
        let open = if granted(paid) > 0 { 6 } else { 0 };
        prop_assert_eq!(&out["seek_amount"], &yuan(seek));
        prop_assert_eq!(&out["seek_months"], &json!(if seek > 0 { total.min(open) } else { 0 }));
    }

    #[test]
    fn a_birth_brings_three_months_of_its_own_standard(on in 0..365_i64, ago in -3..200_i64, claimed in 0..2_i64, sex in 1..3_i64) {
        let applied = day(on);
        let born = applied.checked_sub(jiff::Span::new().days(ago)).unwrap();
        let drawn = (date(2015, 1, 20), date(2015, 10, 31));
        let facts = json!({
            "claim": "birth", "apply_date": applied, "event_date": born, "aac004": sex.to_string(),
            "aac164": drawn.0, "aac165": drawn.1,
        });
        let decision = decide("unemployment-application", facts, object(json!({ "births": claimed })));
        let refused = sex != 2 || claimed > 0 || born > applied || born < drawn.0 || born > drawn.1;
        let wanted = if refused {
            Outcome::Deny
        } else if benefit(born) == benefit(applied) {
            Outcome::Allow
        } else {
            Outcome::Refer
        };
        prop_assert_eq!(decision.outcome, wanted, "{} {} {:?}", applied, born, decision.reasons);
        if wanted == Outcome::Allow {
            prop_assert_eq!(&decision.outputs["amount"], &yuan(300 * benefit(born)));
        }
    }
}

#[test]
fn a_birth_under_another_date_is_not_paid_again() {
    let birth = |born: &str| {
        json!({
            "claim": "birth", "apply_date": "2015-08-10", "event_date": born, "aac004": "2",
            "aac164": "2015-06-01", "aac165": "2015-12-31",
        })
    };
    let first = decide("unemployment-application", birth("2015-08-01"), Map::new());
    let counted = first.accumulators.iter().find(|change| change.name == "births_all").unwrap();
    let kept = object(json!({ "births_all": counted.after }));
    let again = decide("unemployment-application", birth("2015-08-02"), kept);
    assert_eq!(again.outcome, Outcome::Refer, "{:?}", again.reasons);
}

#[test]
fn who_was_granted_nothing_is_paid_nothing() {
    for month in 1..=12 {
        let facts = json!({ "sign_date": date(2015, month, 3), "acc026": true, "acc027": true, "stop_cause": "none" });
        let decision = decide("unemployment-sign-in", facts, Map::new());
        assert_eq!(decision.outcome, Outcome::Warn);
        assert!(decision.accumulators.is_empty(), "{:?}", decision.accumulators);
    }
}

#[test]
fn no_month_is_forfeited_before_the_decision_is_known() {
    let mut kept = Kept::default();
    assert!(kept.applied(date(2015, 8, 28), 60, None));
    assert_eq!(kept.0["start_month"], json!("2015-09"));
    let sign = |decided: Option<&str>| {
        let mut facts = json!({ "sign_date": "2015-10-10", "acc026": true, "acc027": true, "stop_cause": "none" });
        if let Some(decided) = decided {
            facts["decided_on"] = json!(decided);
        }
        facts
    };
    let known = ["start_month", "start_estimated", "months_left", "seek_amount", "seek_left"];
    let given: Map<String, Value> = known.iter().map(|name| ((*name).to_owned(), kept.0[*name].clone())).collect();
    let unsure = decide("unemployment-sign-in", sign(None), given);
    assert_eq!(unsure.outcome, Outcome::Refer, "{:?}", unsure.reasons);
    kept.through("unemployment-sign-in", sign(Some("2015-09-08")), &known);
    assert_eq!((kept.months(), &kept.0["start_month"]), (granted(60) - 1, &json!("2015-10")));
    assert_eq!(kept.0["start_estimated"], json!(false));
}

/// A person's accumulators, as a scenario after the other finds and leaves them.
#[derive(Default)]
struct Kept(Map<String, Value>);

impl Kept {
    /// Decides a case with those of the accumulators that are `known` to its pack, and carries it out.
    fn through(&mut self, scenario: &str, facts: Value, known: &[&str]) -> Decision {
        let given = self.0.iter().filter(|(name, _)| known.contains(&name.as_str()));
        let decision = decide(scenario, facts, given.map(|(name, value)| (name.clone(), value.clone())).collect());
        assert!(decision.outcome <= Outcome::Warn, "{:?}", decision.reasons);
        for change in &decision.accumulators {
            self.0.insert(change.name.clone(), change.after.clone());
        }
        decision
    }

    /// Applies on a day of 2015 with so many months paid in all; whether the benefit was granted.
    fn applied(&mut self, on: Date, paid: i64, stopped: Option<Date>) -> bool {
        let mut facts = json!({
            "claim": "benefit", "apply_date": on, "registered_on": on, "ajc090": on, "ajc093": "ended", "aac161": paid,
            "aac040": "4000.00", "acc026": true,
        });
        if let Some(stopped) = stopped {
            facts["stopped_on"] = json!(stopped);
            facts["stop_cause"] = json!("employed");
        }
        let known =
            ["months_left", "start_month", "start_estimated", "credited", "paid_at", "seek_amount", "seek_left"];
        let given = self.0.iter().filter(|(name, _)| known.contains(&name.as_str()));
        let given = given.map(|(name, value)| (name.clone(), value.clone())).collect();
        let decision = decide("unemployment-application", facts, given);
        for change in &decision.accumulators {
            self.0.insert(change.name.clone(), change.after.clone());
        }
        decision.outcome <= Outcome::Warn
    }

    fn months(&self) -> i64 {
        self.0["months_left"].as_i64().unwrap()
    }

    fn amount(&self, name: &str) -> Value {
        self.0.get(name).cloned().unwrap_or_else(|| json!("0.00"))
    }
}

#[test]
fn a_benefit_that_runs_is_not_granted_again_and_no_contribution_counts_twice() {
    for paid in 12..200 {
        let mut kept = Kept::default();
        assert!(kept.applied(date(2015, 2, 3), paid, None));
        assert_eq!(kept.months(), granted(paid));
        // Again on the same day, and in each month after: it runs.
        for again in 2..8 {
            assert!(!kept.applied(date(2015, again, 20), paid, None), "{paid}");
            assert!(
                !kept.applied(date(2015, again, 20), paid, Some(date(2015, 1, 31))),
                "{paid}: stopped before it began"
            );
        }
        // Stopped once and again: what was left is left, whatever was paid before.
        for again in 3..8 {
            assert!(kept.applied(date(2015, again, 20), paid, Some(date(2015, again, 10))), "{paid}");
            assert_eq!(kept.months(), granted(paid), "{paid}");
            assert_eq!(kept.0["seek_left"], json!(granted(paid).min(6)), "{paid}");
        }
        // Allowances that were paid in the meantime do not come back.
        kept.0.insert("seek_left".to_owned(), json!(0));
        assert!(kept.applied(date(2015, 8, 20), paid, Some(date(2015, 8, 10))));
        assert_eq!(kept.0["seek_left"], json!(0), "{paid}");
        // What was paid since then counts, once; less than a year of it counts when it has grown to one.
        let before = kept.months();
        assert!(kept.applied(date(2015, 9, 20), paid + 11, Some(date(2015, 9, 10))));
        assert_eq!(kept.months(), before);
        for _ in 0..2 {
            assert!(kept.applied(date(2015, 10, 20), paid + 24, Some(date(2015, 10, 10))));
            assert_eq!(kept.months(), (before + 2).min(24), "{paid}");
        }
    }
}

proptest! {
    #![proptest_config(super::tried(1_000))]

    /// Applied for in May, signed for in each month but some that were missed for a good reason, and collected now and
    /// then: nothing is paid twice, nothing is lost.
    #[test]
    fn what_is_granted_is_collected_to_the_fen(
        paid in 12..130_i64, wage in 0..2_000_000_i64, missed in prop::collection::vec(any::<bool>(), 7),
        collects in prop::collection::vec(any::<bool>(), 7),
    ) {
        let mut kept = Kept::default();
        let facts = json!({
            "claim": "benefit", "apply_date": "2015-05-04", "registered_on": "2015-05-04", "ajc090": "2015-05-01",
            "ajc093": "dismissed", "aac161": paid, "aac040": yuan(wage), "acc026": true, "decided_on": "2015-05-12",
        });
        kept.through("unemployment-application", facts, &[]);
        let (entitled, seek) = (granted(paid), allowance(wage));
        // What the months add up to that were granted so far, the allowance for six of them at most.
        let worth = |months: i64| months * 151_600 + months.min(6) * seek;
        let (mut months, mut waiting, mut collected) = (0, 0, 0);
        for (number, (missed, collects)) in (6..=12_i8).zip(missed.into_iter().zip(collects)) {
            if months == entitled {
                break;
            }
            waiting += 1;
            if missed {
                continue;
            }
            let on = date(2015, number, 3);
            let facts = json!({
                "sign_date": on, "acc026": true, "acc027": false, "excuse": "hospital", "stop_cause": "none",
                "excuse_from": "2015-06-30", "excuse_to": on,
            });
            let known = ["start_month", "start_estimated", "signed_month", "months_left", "seek_amount", "seek_left", "due"];
            kept.through("unemployment-sign-in", facts, &known);
            months = (months + std::mem::take(&mut waiting)).min(entitled);
            if collects {
                let due = kept.amount("due");
                let facts = json!({ "collect_date": on, "bank_active": true, "pay_amt": due, "pay_stas": "paid" });
                kept.through("unemployment-collection", facts, &["due", "collected", "signed_month"]);
                collected = worth(months);
                prop_assert_eq!(kept.amount("due"), yuan(0));
            }
        }
        prop_assert_eq!(kept.amount("due"), yuan(worth(months) - collected));
        prop_assert_eq!(kept.amount("collected"), yuan(collected));
        prop_assert_eq!(&kept.0["months_left"], &json!(entitled - months));
    }
}
