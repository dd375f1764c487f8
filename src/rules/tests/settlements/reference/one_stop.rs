//! The one-stop order: basic, critical illness, supplements, assistance (§3.2, steps 7 to 14; §2.3, §2.4).

use std::cmp::{max, min};

use num_bigint::BigInt;

use super::{Bill, Split, employees_basic, left, nearest, parts};

/// Whose bill it is, with what only that scheme asks for. Figures that the facts do not have are the caller's.
#[derive(Debug, Clone)]
pub enum Person {
    Employee,
    Resident {
        figures: Figures,
        /// The deductible counts into the own burden.
        counts_deductible: bool,
        /// What was counted this year: own burden, and what critical illness has paid of it and above the cap.
        burden: i128,
        paid: i128,
        over_paid: i128,
    },
}

/// A resident's figures of an admission.
#[derive(Debug, Clone)]
pub struct Figures {
    pub deductible: i128,
    /// In millionths.
    pub ratio: i128,
    /// Of the pool, in the year.
    pub cap: i128,
    /// Of critical illness, in the year.
    pub limit: i128,
}

/// Assistance to one who has the right to it, and what was counted this year.
#[derive(Debug, Clone)]
pub struct Aid {
    /// The deductible that assistance pays counts into the limit for inpatients.
    pub counts_deductible: bool,
    pub inpatient: i128,
    /// A major illness, with the burden counted and what was paid; ten points more for children and the elderly.
    pub major: Option<(i128, i128)>,
    pub young_or_old: bool,
}

/// A one-stop settlement.
#[derive(Debug, Clone)]
pub struct OneStop {
    pub bill: Bill,
    pub person: Person,
    /// Share in millionths of what is left.
    pub civil_servant: Option<i128>,
    pub enterprise: Option<i128>,
    pub aid: Option<Aid>,
}

/// What each pays beyond the basic split, in fen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shares {
    pub basic: Split,
    pub critical: BigInt,
    pub civil_servant: BigInt,
    pub enterprise: BigInt,
    pub assistance: BigInt,
    pub fund: BigInt,
    pub person: BigInt,
}

/// The split of a one-stop settlement.
pub fn one_stop(case: &OneStop) -> Shares {
    let mut s = Shares { basic: parts(&case.bill.lines), ..Shares::default() };
    match &case.person {
        Person::Employee => employees_basic(&case.bill, &mut s.basic),
        Person::Resident { .. } => resident(case, &mut s),
    }
    let b = &mut s.basic;
    let mut open = &b.scope - &b.pool - &b.supplement - &s.critical;
    for (share, paid) in [(case.civil_servant, &mut s.civil_servant), (case.enterprise, &mut s.enterprise)] {
        *paid = nearest(&open * share.unwrap_or(0), 1_000_000);
        open -= &*paid;
    }
    if let Some(aid) = &case.aid {
        s.assistance = assistance(aid, &open, &b.deductible);
        open -= &s.assistance;
    }
    if let Some(balance) = case.bill.account {
        b.account = min(BigInt::from(balance), open);
    }
    s.fund = &b.pool + &b.supplement + &s.critical + &s.civil_servant + &s.enterprise + &s.assistance;
    s.person = &b.total - &s.fund;
    b.cash = &s.person - &b.account;
    s
}

/// A resident's basic part and critical illness.
fn resident(case: &OneStop, s: &mut Shares) {
    let Person::Resident { figures, counts_deductible, burden, paid, over_paid } = &case.person else { return };
    let b = &mut s.basic;
    let due = residents_basic(figures, &case.bill, b);
    // What the cap alone kept from being paid is no own burden of the first kind: 70 % of it is paid besides.
    let mut own = &b.scope - &due;
    if !counts_deductible {
        own -= &b.deductible;
    }
    let room = left(figures.limit, paid + over_paid);
    // Half of what the year's burden is above 18,000 yuan, less what was paid of it.
    let above = max(BigInt::from(*burden) + &own - 1_800_000, BigInt::ZERO);
    let owed = max(nearest(above, 2) - paid, BigInt::ZERO);
    s.critical = min(min(owed, own) + seven_tenths(due - &b.pool), room);
}

/// A resident's deductible and pool. What the pool would pay without its cap.
fn residents_basic(figures: &Figures, bill: &Bill, b: &mut Split) -> BigInt {
    b.deductible = min(b.scope.clone(), left(figures.deductible, bill.paid_deductible));
    let due = nearest((&b.scope - &b.deductible) * figures.ratio, 1_000_000);
    b.pool = min(due.clone(), left(figures.cap, bill.pool_used));
    due
}

fn seven_tenths(amount: BigInt) -> BigInt {
    nearest(amount * 7, 10)
}

/// The split of a resident's admission that is settled by itself (row 43): of critical illness only what is above the cap,
/// of a year in which so much was paid.
pub fn residents_admission(bill: &Bill, figures: &Figures, critical_used: i128) -> Shares {
    let mut s = Shares { basic: parts(&bill.lines), ..Shares::default() };
    let due = residents_basic(figures, bill, &mut s.basic);
    s.critical = min(seven_tenths(due - &s.basic.pool), left(figures.limit, critical_used));
    s.fund = &s.basic.pool + &s.critical;
    s.person = &s.basic.total - &s.fund;
    s.basic.cash = s.person.clone();
    s
}

/// The deductible first, then nine tenths of the rest within 40,000 yuan a year; of what a major illness leaves then, a
/// share that rises with the year's burden, within 100,000.
fn assistance(aid: &Aid, open: &BigInt, deductible: &BigInt) -> BigInt {
    let room = left(4_000_000, aid.inpatient);
    let whole = min(deductible, open);
    let tenths = nearest((open - whole) * 9, 10);
    let ordinary = if aid.counts_deductible { min(whole + tenths, room) } else { whole + min(tenths, room) };
    let Some((burden, paid)) = aid.major else { return ordinary };
    // What is owed on the burden with this bill, less what is owed on the burden before it, both by today's group: another
    // group before has no effect now.
    let before = BigInt::from(burden);
    let owed = major(&(&before + open - &ordinary), aid.young_or_old) - major(&before, aid.young_or_old);
    ordinary + min(owed, left(10_000_000, paid))
}

/// 50 % of a burden, and ten points more above each of two amounts; ten points more of all of it for the young and old.
fn major(burden: &BigInt, young_or_old: bool) -> BigInt {
    let above = |from: i128| max(burden - from, BigInt::ZERO);
    let tenths = burden * if young_or_old { 6 } else { 5 } + above(5_000_000) + above(10_000_000);
    nearest(tenths, 10)
}
