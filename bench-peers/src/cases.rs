//! The cases that every engine settles: the same list each time.

/// What one case states; amounts in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// The bill.
    pub total: i64,
    /// Paid wholly by the person.
    pub own: i64,
    /// Above the price limits.
    pub over: i64,
    /// Paid first by the person.
    pub pre: i64,
    /// What the personal account holds.
    pub balance: i64,
    /// What the pool has paid this year.
    pub pool: i64,
    /// What was paid of this admission's deductible.
    pub ded_paid: i64,
    /// The hospital's level, a place in [`LEVELS`].
    pub level: usize,
    /// The person's status, a place in [`STATUSES`].
    pub status: usize,
}

/// What comes of it, in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answer {
    /// Within the scheme's scope.
    pub scope: i64,
    /// Deductible paid now.
    pub ded: i64,
    /// Paid by the pool.
    pub paid: i64,
    /// Paid from the personal account.
    pub acct: i64,
    /// Paid in cash.
    pub cash: i64,
}

/// The levels as they are written.
pub const LEVELS: [&str; 3] = ["L1", "L2", "L3"];
/// The statuses as they are written.
pub const STATUSES: [&str; 2] = ["active", "retired"];
/// Deductible in fen and rate in parts per million, by level and status.
pub const PAY: [[(i64, i64); 2]; 3] = [
    [(40_000, 900_000), (28_000, 930_000)],
    [(80_000, 850_000), (56_000, 895_000)],
    [(160_000, 800_000), (112_000, 860_000)],
];
/// The pool's cap in fen.
pub const POOL_CAP: i64 = 44_547_600;

/// How many cases.
pub const COUNT: usize = 4_000;
const SEED: u64 = 20_150_801;

impl Case {
    /// Its level as it is written.
    pub fn level_name(&self) -> &'static str {
        LEVELS[self.level]
    }

    /// Its status as it is written.
    pub fn status_name(&self) -> &'static str {
        STATUSES[self.status]
    }
}

/// The list: the three vectors of the facts, then random ones.
pub fn list() -> Vec<Case> {
    let plain = Case { total: 0, own: 0, over: 0, pre: 0, balance: 0, pool: 0, ded_paid: 0, level: 2, status: 0 };
    let mut cases = vec![
        Case { total: 3_000_000, ..plain },
        Case { total: 3_000_000, own: 12_345, over: 2_300, pre: 45_000, balance: 50_000, ..plain },
        Case { total: 56_010, level: 1, status: 1, ..plain },
    ];
    let mut random = Random(SEED);
    cases.extend(std::iter::repeat_with(|| random.case()).take(COUNT - cases.len()));
    cases
}

/// SplitMix64, so that the list is the same everywhere and for good.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: i64) -> i64 {
        // Invariant: every bound here is above zero and fits, and so does what is below it.
        (self.next() % bound as u64) as i64
    }

    /// One time in `of`.
    fn one_in(&mut self, of: i64) -> bool {
        self.below(of) == 0
    }

    /// A case; the parts of the bill never exceed it. Bills are small, middling and large in equal shares, and one
    /// person in eight has come close to the cap.
    fn case(&mut self) -> Case {
        let largest = [200_000, 5_000_000, 60_000_000][self.below(3) as usize];
        let total = self.below(largest + 1);
        let mut rest = total;
        let mut part = |random: &mut Self| {
            let part = if random.one_in(2) { 0 } else { random.below(rest / 4 + 1) };
            rest -= part;
            part
        };
        let (own, over, pre) = (part(self), part(self), part(self));
        let close = self.one_in(8);
        Case {
            total,
            own,
            over,
            pre,
            balance: if self.one_in(3) { 0 } else { self.below(500_001) },
            pool: if close { POOL_CAP - self.below(2_000_000) } else { self.below(10_000_000) },
            ded_paid: if self.one_in(4) { self.below(200_001) } else { 0 },
            level: self.below(LEVELS.len() as i64) as usize,
            status: self.below(STATUSES.len() as i64) as usize,
        }
    }
}

/// The settlement in plain Rust, with no engine at all: what every answer is held against.
pub fn reference(case: &Case) -> Answer {
    let (ded, rate) = PAY[case.level][case.status];
    let scope = case.total - case.own - case.over - case.pre;
    let ded = scope.min((ded - case.ded_paid).max(0));
    // Half a fen goes up; nothing here is below zero.
    let due = ((scope - ded) * rate + 500_000) / 1_000_000;
    let paid = due.min((POOL_CAP - case.pool).max(0));
    let acct = (scope - paid).min(case.balance);
    Answer { scope, ded, paid, acct, cash: case.total - paid - acct }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_facts_come_out() {
        let [first, second, third] = [0, 1, 2].map(|at| reference(&list()[at]));
        assert_eq!((first.ded, first.paid, first.cash), (160_000, 2_272_000, 728_000));
        assert_eq!((second.scope, second.paid, second.acct, second.cash), (2_940_355, 2_224_284, 50_000, 725_716));
        assert_eq!((third.ded, third.paid, third.cash), (56_000, 9, 56_001));
    }

    #[test]
    fn the_list_is_varied_and_the_same_each_time() {
        let cases = list();
        assert_eq!((cases.len(), &cases), (COUNT, &list()));
        let all = |holds: fn(&Case, &Answer) -> bool| cases.iter().filter(|c| holds(c, &reference(c))).count();
        assert_eq!(all(|case, answer| answer.scope < 0 || answer.cash < 0 || answer.acct > case.balance), 0);
        // What rounding, the cap, the deductible and the account change is there, and often.
        let tie = |case: &Case, answer: &Answer| {
            (answer.scope - answer.ded) * PAY[case.level][case.status].1 % 1_000_000 == 500_000
        };
        assert!(all(tie) >= 50);
        assert!(all(|case, answer| answer.paid == POOL_CAP - case.pool) >= 50);
        assert!(all(|_, answer| answer.ded == answer.scope) >= 50);
        assert!(all(|case, answer| answer.acct == case.balance && case.balance > 0) >= 50);
        for (level, status) in [0, 1, 2].into_iter().flat_map(|level| [(level, 0), (level, 1)]) {
            assert!(cases.iter().filter(|case| (case.level, case.status) == (level, status)).count() >= 500);
        }
    }
}
