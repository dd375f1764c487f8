//! The settlements computed a second time, written from settlement-facts §2 and §3 and not from the packs: whole fen in
//! integers without a bound, figures as literals, what is left over by subtraction. What both agree on over many
//! thousands of bills is not one mistake.

mod one_stop;

use std::cmp::min;

use num_bigint::BigInt;

pub use one_stop::{Aid, Figures, OneStop, Person, Shares, one_stop, residents_admission};

/// A line as a bill has it: price and quantity in ten-thousandths, the ratio in millionths.
#[derive(Debug, Clone)]
pub struct Line {
    /// 1 to 3.
    pub class: u8,
    pub price: i128,
    pub count: i128,
    pub cap: Option<i128>,
    pub ratio: i128,
    pub restricted: bool,
    pub approved: bool,
}

/// For what a person is in hospital: how often the deductible is due hangs on it.
#[derive(Debug, Clone, Copy, Default)]
pub enum Stay {
    #[default]
    Ordinary,
    /// In a hospital for it.
    Tuberculosis,
    Psychiatric,
}

/// An admission.
#[derive(Debug, Clone, Default)]
pub struct Bill {
    /// 1 to 3.
    pub level: u8,
    pub retired: bool,
    /// Of the scheme for workers from elsewhere: its deductible and yearly cap in fen, which are the caller's.
    pub outside: Option<(i128, i128)>,
    pub stay: Stay,
    /// From the day of admission to that of discharge.
    pub days: i64,
    pub lines: Vec<Line>,
    pub paid_deductible: i128,
    pub pool_used: i128,
    pub supplement_used: i128,
    pub account: Option<i128>,
}

/// What each bears, in fen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    pub total: BigInt,
    pub own: BigInt,
    pub over: BigInt,
    pub pre: BigInt,
    pub scope: BigInt,
    pub deductible: BigInt,
    pub pool: BigInt,
    pub supplement: BigInt,
    pub account: BigInt,
    pub cash: BigInt,
}

/// n / d to the nearest; ties up. Nothing here is below zero.
fn nearest(n: BigInt, d: u32) -> BigInt {
    (n * 2 + d) / (2 * d)
}

/// What is left of a limit.
fn left(limit: i128, used: i128) -> BigInt {
    if used >= limit { BigInt::ZERO } else { BigInt::from(limit - used) }
}

impl Line {
    /// One of class A that costs `fen`.
    pub fn whole(fen: i128) -> Self {
        Self { class: 1, price: fen * 100, count: 10_000, cap: None, ratio: 0, restricted: false, approved: false }
    }

    pub fn amount(&self) -> BigInt {
        nearest(BigInt::from(self.price) * self.count, 1_000_000)
    }
}

/// §3.1 and the first step of §3.2.
fn parts(lines: &[Line]) -> Split {
    let mut s = Split::default();
    for line in lines {
        let amount = line.amount();
        s.total += &amount;
        if line.class == 3 || (line.restricted && !line.approved) {
            s.own += amount;
            continue;
        }
        let mut rest = amount;
        if let Some(cap) = line.cap {
            let payable = nearest(BigInt::from(cap) * line.count, 1_000_000);
            if payable < rest {
                s.over += &rest - &payable;
                rest = payable;
            }
        }
        if line.class == 2 {
            let pre = nearest(&rest * line.ratio, 1_000_000);
            rest -= &pre;
            s.pre += pre;
        }
        s.scope += rest;
    }
    s
}

/// Deductible and yearly cap in fen, and tenths of a percent, of an employee (§2.1).
fn employees_standard(bill: &Bill) -> (i128, i128, u32) {
    if let Some((deductible, cap)) = bill.outside {
        return (deductible, cap, [720, 680, 640][usize::from(bill.level) - 1]);
    }
    let (yuan, per_mille) = match (bill.level, bill.retired) {
        (1, false) => (400, 900),
        (2, false) => (800, 850),
        (3, false) => (1600, 800),
        (1, true) => (280, 930),
        (2, true) => (560, 895),
        _ => (1120, 860),
    };
    (yuan * 100, 44_547_600, per_mille)
}

/// How often the deductible is due: again after each so many days.
fn times(stay: Stay, days: i64) -> i128 {
    let begun = |each: i64| i128::from(((days - 1) / each).max(0)) + 1;
    match stay {
        Stay::Ordinary => begun(90),
        Stay::Tuberculosis => begun(180),
        Stay::Psychiatric => 0,
    }
}

/// What the pool pays of an employee's admission, and the supplement above its cap (§3.2, steps 2 to 6).
fn employees_basic(bill: &Bill, s: &mut Split) {
    let (deductible, cap, per_mille) = employees_standard(bill);
    s.deductible = min(s.scope.clone(), left(deductible * times(bill.stay, bill.days), bill.paid_deductible));
    let due = nearest((&s.scope - &s.deductible) * per_mille, 1000);
    s.pool = min(due.clone(), left(cap, bill.pool_used));
    s.supplement = min(nearest((due - &s.pool) * 95, 100), left(15_000_000, bill.supplement_used));
}

/// The split of an employee's admission.
pub fn split(bill: &Bill) -> Split {
    let mut s = parts(&bill.lines);
    employees_basic(bill, &mut s);
    let fund = &s.pool + &s.supplement;
    if let Some(balance) = bill.account {
        s.account = min(BigInt::from(balance), &s.scope - &fund);
    }
    s.cash = &s.total - fund - &s.account;
    s
}
