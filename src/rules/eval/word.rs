//! The words that numbers are computed in. What is kept fits 64 bits, and nearly all that leads there does as well, so
//! an expression is computed in 64 bits first, and in 128 where that was too narrow.

use super::super::expr::Round;

/// A word. `None` where a result does not fit it.
pub(in super::super) trait Word: Copy + Ord {
    /// What is kept.
    fn of(n: i64) -> Self;
    /// What was computed in 128 bits.
    fn narrowed(n: i128) -> Option<Self>;
    /// In 128 bits.
    fn widened(self) -> i128;
    fn plus(self, other: Self) -> Option<Self>;
    fn minus(self, other: Self) -> Option<Self>;
    fn times(self, other: Self) -> Option<Self>;
    fn rounded(self, round: Round) -> Option<Self>;
}

macro_rules! word {
    ($word:ty) => {
        impl Word for $word {
            #[inline]
            fn of(n: i64) -> Self {
                n.into()
            }

            #[inline]
            fn narrowed(n: i128) -> Option<Self> {
                n.try_into().ok()
            }

            #[inline]
            fn widened(self) -> i128 {
                self.into()
            }

            #[inline]
            fn plus(self, other: Self) -> Option<Self> {
                self.checked_add(other)
            }

            #[inline]
            fn minus(self, other: Self) -> Option<Self> {
                self.checked_sub(other)
            }

            #[inline]
            fn times(self, other: Self) -> Option<Self> {
                self.checked_mul(other)
            }

            #[inline]
            fn rounded(self, Round { how, by, unit }: Round) -> Option<Self> {
                let by = Self::from(by);
                let (down, rest) = (self.div_euclid(by), self.rem_euclid(by));
                let up = how.up(rest.cmp(&(by - rest)), rest == 0, self >= 0, down.rem_euclid(2) == 1);
                (down + Self::from(up)).checked_mul(unit.into())
            }
        }
    };
}

word!(i64);
word!(i128);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::expr::Rounding;

    const ALL: [Rounding; 4] = [Rounding::HalfUp, Rounding::HalfEven, Rounding::Floor, Rounding::Ceil];

    #[test]
    fn ties_go_where_the_name_says() {
        let round = |how: Rounding| {
            [-25, -15, -14, -1, 0, 1, 14, 15, 16, 25].map(|n: i64| n.rounded(Round { how, by: 10, unit: 1 }).unwrap())
        };
        assert_eq!(round(Rounding::HalfUp), [-3, -2, -1, 0, 0, 0, 1, 2, 2, 3]);
        assert_eq!(round(Rounding::HalfEven), [-2, -2, -1, 0, 0, 0, 1, 2, 2, 2]);
        assert_eq!(round(Rounding::Floor), [-3, -2, -2, -1, 0, 0, 1, 1, 1, 2]);
        assert_eq!(round(Rounding::Ceil), [-2, -1, -1, 0, 0, 1, 2, 2, 2, 3]);
    }

    #[test]
    fn rounding_has_no_edge_at_the_ends_of_the_range() {
        for how in ALL {
            for n in [i128::MIN, i128::MAX] {
                assert_eq!(n.rounded(Round { how, by: 1, unit: 1 }), Some(n));
            }
            for n in [i64::MIN, i64::MAX] {
                assert_eq!(n.rounded(Round { how, by: 1, unit: 1 }), Some(n));
                for (by, unit) in [(1_000_000, 1), (100, 100), (i64::MAX, i64::MAX)] {
                    assert_eq!(
                        n.rounded(Round { how, by, unit }).map(i128::from),
                        narrow(i128::from(n).rounded(Round { how, by, unit }))
                    );
                }
            }
        }
    }

    fn narrow(n: Option<i128>) -> Option<i128> {
        n.filter(|n| i64::try_from(*n).is_ok())
    }

    proptest::proptest! {
        #[test]
        fn both_words_come_to_the_same(a: i64, b: i64, by in 1..=100_000_000_i64, unit in 1..=100_i64) {
            let (wide_a, wide_b) = (i128::from(a), i128::from(b));
            for (narrow_one, wide_one) in [
                (a.plus(b), wide_a.plus(wide_b)),
                (a.minus(b), wide_a.minus(wide_b)),
                (a.times(b), wide_a.times(wide_b)),
            ] {
                proptest::prop_assert_eq!(narrow_one.map(i128::from), narrow(wide_one));
            }
            for how in ALL {
                proptest::prop_assert_eq!(a.rounded(Round { how, by, unit }).map(i128::from), narrow(wide_a.rounded(Round { how, by, unit })));
            }
        }
    }
}
