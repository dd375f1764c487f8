//! The price of one unit, to a ten-thousandth of a yuan (national field `pric`).

use super::decimal::{decimal, parse, print_full};

/// A price in ten-thousandths of a yuan. Written with four places, `"0.4050"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Price(pub i64);

decimal!(Price, parse, print_full);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::DecimalError;

    #[test]
    fn only_prices_are_prices() {
        for text in ["", ".", "1.", ".5", "1.23456", "-1", "+1", "1,000", "1e3", " 1", "1%", "１"] {
            assert_eq!(text.parse::<Price>(), Err(DecimalError::Form), "{text:?}");
        }
        assert_eq!("922337203685477.5808".parse::<Price>(), Err(DecimalError::Range));
        assert_eq!("99999999999999999999".parse::<Price>(), Err(DecimalError::Range));
        assert_eq!("0.405".parse(), Ok(Price(4050)));
        assert_eq!(Price(4050).to_string(), "0.4050");
    }
}
