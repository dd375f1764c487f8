//! Arithmetic on the ends of what a number can be.

use super::domain::{Domain, NUMBERS};

/// The least and the greatest number there can be, where there is one.
pub(super) type Ends = (Option<i128>, Option<i128>);

/// From the sum of the lower ends to that of the upper ones. Where one is too large to be computed there is none.
pub(super) fn sum(one: Ends, other: Ends) -> Domain {
    let plus = |a: Option<i128>, b: Option<i128>| a.zip(b).and_then(|(a, b)| a.checked_add(b));
    Domain::Between(plus(one.0, other.0), plus(one.1, other.1))
}

/// What a product with a constant factor can be.
pub(super) fn product(one: Ends, other: Ends, factor: i128) -> Domain {
    let ends = || {
        let (a, b, c, d) = (one.0?, one.1?, other.0?, other.1?);
        let products = [(a, c), (a, d), (b, c), (b, d)].map(|(a, b)| a.checked_mul(b)?.checked_mul(factor));
        let products: Vec<i128> = products.into_iter().collect::<Option<_>>()?;
        Some((*products.iter().min()?, *products.iter().max()?))
    };
    match ends() {
        Some((low, high)) => Domain::Between(Some(low), Some(high)),
        // Without all ends, that neither is below zero is what is most often known.
        None if one.0 >= Some(0) && other.0 >= Some(0) && factor >= 0 => Domain::Between(Some(0), None),
        None => NUMBERS,
    }
}

/// To whole multiples of `by`, each of which is `unit`; no rounding goes further than to the next one.
pub(super) fn rounded(of: Ends, by: i128, unit: i128) -> Domain {
    let low = of.0.and_then(|n| n.div_euclid(by).checked_mul(unit));
    let high = of.1.and_then(|n| n.div_euclid(by).checked_add(i128::from(n.rem_euclid(by) != 0))?.checked_mul(unit));
    Domain::Between(low, high)
}

/// The least or the greatest of two values.
#[derive(Clone, Copy)]
pub(super) enum Extreme {
    Least,
    Greatest,
}

impl Extreme {
    /// The lower end of it, by both lower ends.
    pub fn low(self, a: Option<i128>, b: Option<i128>) -> Option<i128> {
        match self {
            Self::Least => a.zip(b).map(|(a, b)| a.min(b)),
            Self::Greatest => a.max(b),
        }
    }

    /// The upper end of it, by both upper ends.
    pub fn high(self, a: Option<i128>, b: Option<i128>) -> Option<i128> {
        match (self, a.zip(b)) {
            (Self::Least, Some((a, b))) => Some(a.min(b)),
            (Self::Least, None) => a.or(b),
            (Self::Greatest, both) => both.map(|(a, b)| a.max(b)),
        }
    }
}
