//! The packs against the second computation, on 100,000 cases each.

use std::sync::atomic::{AtomicU64, Ordering};

use num_bigint::BigInt;

use super::case::{Case, Term};
use super::clerk::Clerk;
use super::random::each;
use super::reference::{
    Aid, Bill, Figures, OneStop, Person, Shares, Split, Stay, one_stop, residents_admission, split,
};
use super::sampler::Sampler;
use super::{sampler, settled};
use crate::rules::pack::Fact;

/// Cases of each comparison.
const CASES: u64 = 100_000;

/// A case of a pack, by the names of what it gives.
struct Given<'c> {
    pack: &'c Sampler,
    case: &'c Case,
}

impl<'c> Given<'c> {
    fn fact(&self, name: &str) -> &'c Term {
        named(self.pack.pack.facts.iter(), &self.case.facts, name)
    }

    /// What was counted before, in fen.
    fn counted(&self, name: &str) -> i128 {
        let all = self.pack.pack.accumulators.iter().map(|accumulator| &accumulator.fact);
        named(all, &self.case.accumulators, name).number().into()
    }

    fn figure(&self, name: &str) -> &'c Term {
        let found = self.case.figures.iter().find(|(at, _)| self.pack.pack.params[*at].name == name);
        found.map(|(_, figure)| figure).expect(name)
    }

    fn number(&self, figure: &str) -> i128 {
        self.figure(figure).number().into()
    }

    /// A figure where a fact says that it is to be used.
    fn number_if(&self, fact: &str, figure: &str) -> Option<i128> {
        (*self.fact(fact) == Term::Bool(true)).then(|| self.number(figure))
    }

    fn code(&self, name: &str) -> &'c str {
        if let Term::Text(code) = self.fact(name) { code } else { "" }
    }

    fn bill(&self) -> Bill {
        Bill {
            level: self.code("hosp_lv")[1..].parse().expect("a level"),
            retired: self.code("psn_type") == "2",
            lines: self.case.lines.clone(),
            paid_deductible: self.counted("ded_paid"),
            pool_used: self.counted("pool"),
            ..Bill::default()
        }
    }

    fn employees_bill(&self) -> Bill {
        let account = || self.fact("balc").number().into();
        let days = match (self.fact("begntime"), self.fact("endtime")) {
            (Term::Date(begins), Term::Date(ends)) => begins.until(*ends).map_or(0, |span| span.get_days().into()),
            _ => 0,
        };
        Bill {
            outside: (self.code("insu_plan") == "outside")
                .then(|| (self.number("outside_ded"), self.number("outside_cap"))),
            stay: match self.code("stay_kind") {
                "tuberculosis" => Stay::Tuberculosis,
                "psychiatric" => Stay::Psychiatric,
                _ => Stay::Ordinary,
            },
            days,
            supplement_used: self.counted("supplement"),
            account: (*self.fact("acct_used_flag") == Term::Bool(true)).then(account),
            ..self.bill()
        }
    }

    fn aid(&self) -> Option<Aid> {
        let aided = self.code("psn_idet_type") != "none" && *self.figure("ma_in_force") == Term::Bool(true);
        let major = *self.fact("major_illness") == Term::Bool(true);
        aided.then(|| Aid {
            counts_deductible: *self.figure("ma_limit_counts_deductible") == Term::Bool(true),
            inpatient: self.counted("ma_inpatient"),
            major: major.then(|| (self.counted("ma_major_burden"), self.counted("ma_major"))),
            young_or_old: self.code("ma_age_group") != "none",
        })
    }

    fn figures(&self) -> Figures {
        let level = self.code("hosp_lv").to_lowercase();
        let group = match self.code("psn_type") {
            "71" | "72" => "student",
            "70" | "73" => "minor",
            _ => "other",
        };
        Figures {
            deductible: self.number(&format!("ded_{level}")),
            ratio: self.number(&format!("rate_{level}_{group}")),
            cap: self.number("pool_cap"),
            limit: match self.fact("continuous_years").number() {
                0..2 => 12_000_000,
                2..5 => 15_000_000,
                _ => self.number("ci_limit_long"),
            },
        }
    }

    fn resident(&self) -> Person {
        Person::Resident {
            figures: self.figures(),
            counts_deductible: *self.figure("ci_counts_deductible") == Term::Bool(true),
            burden: self.counted("ci_burden"),
            paid: self.counted("ci_paid"),
            over_paid: self.counted("ci_over_paid"),
        }
    }
}

fn named<'c>(facts: impl Iterator<Item = &'c Fact>, terms: &'c [Term], name: &str) -> &'c Term {
    facts.zip(terms).find(|(fact, _)| fact.name == name).map(|(_, term)| term).expect(name)
}

/// The basic split that was given out; what the scheme does not have is nothing.
fn split_of(clerk: &Clerk<'_>) -> Split {
    let of = |name| BigInt::from(clerk.given_out(name).unwrap_or(0));
    Split {
        total: of("medfee_sumamt"),
        own: of("fulamt_ownpay_amt"),
        over: of("overlmt_selfpay"),
        pre: of("preselfpay_amt"),
        scope: of("inscp_scp_amt"),
        deductible: of("act_pay_dedc"),
        pool: of("hifp_pay"),
        supplement: of("hifob_pay"),
        account: of("acct_pay"),
        cash: of("psn_cash_pay"),
    }
}

fn shares_of(clerk: &Clerk<'_>) -> Shares {
    let of = |name| BigInt::from(clerk.given_out(name).unwrap_or(0));
    Shares {
        basic: split_of(clerk),
        critical: of("hifmi_pay"),
        civil_servant: of("cvlserv_pay"),
        enterprise: of("hifes_pay"),
        assistance: of("maf_pay"),
        fund: of("fund_pay_sumamt"),
        person: of("psn_part_amt"),
    }
}

/// Compares what a pack makes of random cases; nearly all of them must be settled.
fn compare<T: PartialEq + std::fmt::Debug>(
    pack: &Sampler,
    cases: u64,
    of: fn(&Clerk<'_>) -> T,
    wanted: impl Fn(&Given<'_>) -> T + Sync,
) {
    let compared = AtomicU64::new(0);
    each(
        cases,
        || Clerk::new(pack),
        |clerk, random| {
            if let Some(case) = settled(clerk, random) {
                assert_eq!(of(clerk), wanted(&Given { pack, case: &case }), "{}", clerk.told(&case));
                compared.fetch_add(1, Ordering::Relaxed);
            }
        },
    );
    assert!(compared.into_inner() * 1000 >= cases * 999, "too few cases are settled");
}

#[test]
fn an_employees_admission() {
    let pack = sampler("medical-settlement", str::to_owned);
    compare(&pack, CASES, split_of, |given| split(&given.employees_bill()));
}

fn employees(given: &Given<'_>) -> Shares {
    one_stop(&OneStop {
        bill: given.employees_bill(),
        person: Person::Employee,
        civil_servant: given.number_if("cvlserv_flag", "cvlserv_rate"),
        enterprise: given.number_if("hifes_flag", "hifes_rate"),
        aid: given.aid(),
    })
}

#[test]
fn an_employees_one_stop_settlement() {
    compare(&sampler("one-stop-employee", str::to_owned), CASES, shares_of, employees);
}

#[test]
fn a_residents_admission() {
    let wanted = |given: &Given<'_>| {
        let critical_used = given.counted("ci_paid") + given.counted("ci_over_paid");
        residents_admission(&given.bill(), &given.figures(), critical_used)
    };
    compare(&sampler("resident-inpatient", str::to_owned), CASES, shares_of, wanted);
}

fn residents(given: &Given<'_>) -> Shares {
    one_stop(&OneStop {
        bill: given.bill(),
        person: given.resident(),
        civil_servant: given.number_if("cvlserv_flag", "cvlserv_rate"),
        enterprise: given.number_if("hifes_flag", "hifes_rate"),
        aid: given.aid(),
    })
}

#[test]
fn a_residents_one_stop_settlement() {
    compare(&sampler("one-stop-resident", str::to_owned), CASES, shares_of, residents);
}

#[test]
#[should_panic(expected = "left == right")]
fn a_pack_that_rounds_otherwise_is_told() {
    let floor = |text: &str| text.replacen("half_up(bands(ci_sum", "floor(bands(ci_sum", 1);
    compare(&sampler("one-stop-resident", floor), CASES, shares_of, residents);
}
