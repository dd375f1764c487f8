//! Random cases, the same in every run: a case is its number, and the seed may be another by `SBKD_SEED`.

use crate::rules::each::all;

/// SplitMix64: small, and good enough to choose test data by.
pub struct Random(u64);

impl Random {
    /// The numbers of one case.
    pub fn of(seed: u64, case: u64) -> Self {
        let mut random = Self(seed ^ case.wrapping_mul(0xA076_1D64_78BD_642F));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From `first` to `last`, both taken in.
    pub fn within(&mut self, first: i64, last: i64) -> i64 {
        let many = u64::try_from(last - first).expect("in order") + 1;
        first + i64::try_from(self.next() % many).expect("less than so many")
    }

    /// Once in `times`.
    pub fn once_in(&mut self, times: i64) -> bool {
        self.within(1, times) == 1
    }

    pub fn yes(&mut self) -> bool {
        self.once_in(2)
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let last = i64::try_from(of.len()).expect("few") - 1;
        &of[usize::try_from(self.within(0, last)).expect("not below zero")]
    }

    /// An amount, small as often as large.
    pub fn amount(&mut self, most: i64) -> i64 {
        let digits = u32::try_from(self.within(0, 9)).expect("few");
        self.within(0, most.min(10_i64.pow(digits)))
    }

    /// An amount that often is about one of the edges.
    pub fn about(&mut self, edges: &[i64], most: i64) -> i64 {
        let edge = *self.one(edges);
        match self.within(0, 3) {
            0 => self.amount(most),
            1 => (edge + self.within(-2, 2)).max(0),
            2 => edge - self.amount(edge),
            _ => 0,
        }
    }
}

/// Does `check` with the numbers of each case, on all processors; each begins with what `begin` gives.
pub fn each<T>(cases: u64, begin: impl Fn() -> T + Sync, check: impl Fn(&mut T, &mut Random) + Sync) {
    let seed = std::env::var("SBKD_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_150_801);
    // Not one at a time: the threads would wait for each other.
    let firsts: Vec<u64> = (0..cases).step_by(64).collect();
    all(&firsts, begin, |state, first| {
        for case in *first..cases.min(first + 64) {
            let _named = Named { seed, case };
            check(state, &mut Random::of(seed, case));
        }
    });
}

/// Names the case that fails.
struct Named {
    seed: u64,
    case: u64,
}

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("case {} of seed {}", self.case, self.seed);
        }
    }
}
