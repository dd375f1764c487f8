//! What holds of every settlement, whatever the scheme (settlement-facts §3.2): on random cases of every pack that ships.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use super::super::shipped::PACKS;
use super::case::{Case, Term};
use super::clerk::{Change, Clerk};
use super::limits::LIMITS;
use super::random::{Random, each};
use super::reference::Line;
use super::sampler::FUNDS;
use super::{samplers, settled};
use crate::rules::Outcome;
use crate::rules::decision::Amount;
use crate::value::Fen;

/// Cases of all packs together, at the least.
const CASES: u64 = 100_000;

/// Schemes that pay by a quota up to a total and by assessment above it are not marginal (§2.6): a dearer bill may cost the
/// fund less there.
const NOT_MARGINAL: [&str; 1] = ["gz.maternity"];

#[test]
fn every_settlement_adds_up_and_more_costs_no_one_less() {
    let packs = samplers();
    let cases = CASES.div_ceil(u64::try_from(packs.len()).expect("few"));
    for pack in &packs {
        let marginal = !NOT_MARGINAL.iter().any(|id| pack.pack.reference.id.starts_with(id));
        let many = AtomicU64::new(0);
        each(
            cases,
            || Clerk::new(pack),
            |clerk, random| {
                let Some(case) = settled(clerk, random) else { return };
                many.fetch_add(1, Ordering::Relaxed);
                adds_up(clerk, &case);
                stays_within_the_limits(clerk, &case);
                let low = clerk.amounts();
                a_cancellation_restores(clerk, &case, &low);
                if marginal {
                    more_costs_no_one_less(clerk, &case, &low, random);
                }
                if marginal && pack.has_lines() {
                    lines_agree_with_the_whole(clerk, &case, random);
                }
            },
        );
        assert!(many.into_inner() * 100 >= cases * 99, "{}: too few are settled", pack.pack.reference.id);
    }
}

/// An amount as a decision has it.
fn amount(value: &Value) -> i64 {
    value.as_str().and_then(|text| text.parse::<Fen>().ok()).unwrap_or_else(|| panic!("no amount: {value}")).0
}

fn adds_up(clerk: &Clerk<'_>, case: &Case) {
    let told = || clerk.told(case);
    let sum = |names: &[&str]| names.iter().filter_map(|name| clerk.given_out(name)).sum::<i64>();
    assert!(clerk.amounts().iter().all(|(_, amount)| *amount >= 0), "{}", told());
    assert_eq!(clerk.given_out("fund_pay_sumamt"), Some(sum(&FUNDS)), "{}", told());
    let Some(sums) = clerk.sums(&case.lines) else { return };
    let total = clerk.given_out("medfee_sumamt").expect("a total");
    let parts = ["fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt"];
    assert_eq!(total, sum(&parts), "{}", told());
    assert_eq!(total, sum(&["fund_pay_sumamt", "psn_part_amt", "hosp_part_amt"]), "{}", told());
    let person = clerk.given_out("psn_part_amt").expect("a person's part");
    assert_eq!(person, sum(&["acct_pay", "acct_mulaid_pay", "psn_cash_pay"]), "{}", told());
    assert_eq!(parts.map(|part| clerk.given_out(part)), sums.map(Some), "{}", told());
}

fn stays_within_the_limits(clerk: &mut Clerk<'_>, case: &Case) {
    let changes = clerk.changes();
    let pack = clerk.sampler;
    let name = |at: usize| &*pack.pack.accumulators[at].fact.name;
    for limit in LIMITS.iter().filter(|limit| pack.pack.reference.id.starts_with(limit.packs)) {
        let added: i64 =
            changes.iter().filter(|change| limit.names.contains(&name(change.0))).map(|change| change.2).sum();
        let before = case.accumulators.iter().enumerate().filter(|(at, _)| limit.names.contains(&name(*at)));
        let before: i64 = before.map(|(_, term)| term.number()).sum();
        let within = added == 0 || before + added <= (limit.most)(pack, case);
        assert!(within, "{:?}: {before} + {added}: {}", limit.names, clerk.told(case));
    }
}

/// Carrying the case out and cancelling it leaves every accumulator as it was to the fen, takes back what was paid to the
/// fen, and the next case is decided as if nothing had been.
fn a_cancellation_restores(clerk: &mut Clerk<'_>, case: &Case, low: &[(&str, i64)]) {
    let changes = clerk.changes();
    let settled = clerk.decision();
    let cancelled = settled.cancelled(&PACKS).unwrap_or_else(|error| panic!("{error}: {}", clerk.told(case)));
    assert!(cancelled.outcome <= Outcome::Warn, "{:?}: {}", cancelled.reasons, clerk.told(case));
    for Amount { field, .. } in settled.amounts.iter().flatten() {
        if let Some(paid) = settled.outputs.get(field) {
            assert_eq!(amount(paid) + amount(&cancelled.outputs[field]), 0, "{field}: {}", clerk.told(case));
        }
    }
    let mut counted: BTreeMap<&str, Value> = BTreeMap::new();
    for change in settled.accumulators.iter().chain(&cancelled.accumulators) {
        if let Some(now) = counted.insert(&change.name, change.after.clone()) {
            assert_eq!(now, change.before, "{}: {}", change.name, clerk.told(case));
        }
    }
    assert_eq!(counted.len() * 2, settled.accumulators.len() + cancelled.accumulators.len(), "{}", clerk.told(case));
    let mut again = case.clone();
    for (accumulator, now) in clerk.sampler.pack.accumulators.iter().zip(&mut again.accumulators) {
        let Some(after) = counted.get(&*accumulator.fact.name) else { continue };
        let before = now.clone();
        *now = match (after, accumulator.fact.typ.kind()) {
            (Value::Null, _) => Term::Nothing,
            (after, "money") => Term::Fen(amount(after)),
            (after, _) => Term::Whole(after.as_i64().expect("a count")),
        };
        // What was not known before is nothing now.
        let is = *now == before || (before == Term::Nothing && now.number() == 0);
        assert!(is, "{} is {now:?}, and was {before:?}: {}", accumulator.fact.name, clerk.told(case));
    }
    assert!(clerk.settle(&again) && clerk.amounts() == low, "{}", clerk.told(case));
    assert_eq!(added(&clerk.changes()), added(&changes), "{}", clerk.told(case));
}

/// What is added to each accumulator, by its position.
fn added(changes: &[Change]) -> Vec<(usize, i64)> {
    changes.iter().map(|(at, _, added, _)| (*at, *added)).collect()
}

/// With a dearer bill no fund pays less, and no person bears less.
fn more_costs_no_one_less(clerk: &mut Clerk<'_>, case: &Case, low: &[(&str, i64)], random: &mut Random) {
    let more = random.amount(1_000_000);
    let mut dearer = case.clone();
    if clerk.sampler.has_lines() {
        dearer.lines.push(Line::whole(more.into()));
    } else {
        let scope = clerk.sampler.pack.facts.iter().position(|fact| fact.name == "inscp_scp_amt");
        let scope = &mut dearer.facts[scope.expect("an amount in scope")];
        *scope = Term::Fen(scope.number() + more);
    }
    assert!(clerk.settle(&dearer), "{}", clerk.told(&dearer));
    for name in FUNDS.iter().chain(&["fund_pay_sumamt", "psn_part_amt", "hosp_part_amt", "act_pay_dedc", "acct_pay"]) {
        let low = low.iter().find(|(output, _)| output == name).map(|(_, amount)| *amount);
        assert!(low <= clerk.given_out(name), "{name} was {low:?}: {}", clerk.told(&dearer));
    }
}

/// A bill in several lines agrees with the same bill in one, within half a fen a line.
fn lines_agree_with_the_whole(clerk: &mut Clerk<'_>, case: &Case, random: &mut Random) {
    let ratio = random.within(0, 1_000_000);
    let part = |fen: i64| Line { class: 2, ratio: ratio.into(), ..Line::whole(fen.into()) };
    let parts: Vec<i64> = (0..random.within(1, 20)).map(|_| random.amount(5_000_000)).collect();
    let mut of = |lines: Vec<Line>| {
        let case = Case { lines, ..case.clone() };
        assert!(clerk.settle(&case), "{}", clerk.told(&case));
        let of = |name| clerk.given_out(name).expect(name);
        ["preselfpay_amt", "inscp_scp_amt", "fund_pay_sumamt", "psn_part_amt"].map(of)
    };
    let apart = of(parts.iter().map(|fen| part(*fen)).collect());
    let together = of(vec![part(parts.iter().sum())]);
    // Half a fen a line, and half a fen of the whole's own rounding.
    let most = i64::try_from(parts.len()).expect("few") + 1;
    for (apart, together) in apart.into_iter().zip(together) {
        assert!(2 * (apart - together).abs() <= most, "{apart} {together} {parts:?} {}", clerk.told(case));
    }
}
