//! The employee's admission computed a second time, written from settlement-facts §3 and not from the pack: whole
//! numbers, figures as literals, the account by cases. What both agree on over thousands of bills is not one mistake.

/// A line as a bill has it; amounts in fen, price and quantity in ten-thousandths, the ratio in millionths.
#[derive(Debug, Clone)]
pub struct Line {
    pub class: u8,
    pub price: i128,
    pub count: i128,
    pub cap: Option<i128>,
    pub ratio: i128,
    pub restricted: bool,
    pub approved: bool,
}

/// An admission.
#[derive(Debug, Clone)]
pub struct Bill {
    /// 1 to 3.
    pub level: u8,
    pub retired: bool,
    pub lines: Vec<Line>,
    pub paid_deductible: i128,
    pub pool_used: i128,
    pub supplement_used: i128,
    pub account: Option<i128>,
}

/// What each bears, in fen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    pub total: i128,
    pub own: i128,
    pub over: i128,
    pub pre: i128,
    pub scope: i128,
    pub deductible: i128,
    pub pool: i128,
    pub supplement: i128,
    pub account: i128,
    pub cash: i128,
}

/// n / d to the nearest; ties up. Nothing here is below zero.
fn nearest(n: i128, d: i128) -> i128 {
    (2 * n + d) / (2 * d)
}

impl Line {
    pub fn amount(&self) -> i128 {
        nearest(self.price * self.count, 1_000_000)
    }
}

/// The split of a bill.
pub fn split(bill: &Bill) -> Split {
    let mut s = Split::default();
    for line in &bill.lines {
        let amount = line.amount();
        s.total += amount;
        if line.class == 3 || (line.restricted && !line.approved) {
            s.own += amount;
            continue;
        }
        let mut rest = amount;
        if let Some(cap) = line.cap {
            let payable = nearest(cap * line.count, 1_000_000);
            if payable < rest {
                s.over += rest - payable;
                rest = payable;
            }
        }
        if line.class == 2 {
            let pre = nearest(rest * line.ratio, 1_000_000);
            s.pre += pre;
            rest -= pre;
        }
        s.scope += rest;
    }
    // Yuan, and tenths of a percent.
    let (standard, per_mille) = match (bill.level, bill.retired) {
        (1, false) => (400, 900),
        (2, false) => (800, 850),
        (3, false) => (1600, 800),
        (1, true) => (280, 930),
        (2, true) => (560, 895),
        _ => (1120, 860),
    };
    let open = if bill.paid_deductible >= standard * 100 { 0 } else { standard * 100 - bill.paid_deductible };
    s.deductible = if s.scope < open { s.scope } else { open };
    let due = nearest((s.scope - s.deductible) * per_mille, 1000);
    let room = if bill.pool_used >= 44_547_600 { 0 } else { 44_547_600 - bill.pool_used };
    if due > room {
        s.pool = room;
        let more = nearest((due - room) * 95, 100);
        let limit = if bill.supplement_used >= 15_000_000 { 0 } else { 15_000_000 - bill.supplement_used };
        s.supplement = if more > limit { limit } else { more };
    } else {
        s.pool = due;
    }
    let person = s.total - s.pool - s.supplement;
    if let Some(balance) = bill.account {
        let in_scope = s.scope - s.pool - s.supplement;
        s.account = if balance < in_scope { balance } else { in_scope };
    }
    s.cash = person - s.account;
    s
}
