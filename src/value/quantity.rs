//! How many units (national field `cnt`, 16,4).

use super::decimal::{decimal, parse, print_short};

/// A quantity in ten-thousandths. Written with no more places than it needs, `"2"`, `"0.5"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(pub i64);

decimal!(Quantity, parse, print_short);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_written_short() {
        for (n, text) in [(0, "0"), (20_000, "2"), (100_000, "10"), (5_000, "0.5"), (1, "0.0001")] {
            assert_eq!(Quantity(n).to_string(), text);
            assert_eq!(text.parse(), Ok(Quantity(n)));
        }
        assert!("0.00001".parse::<Quantity>().is_err());
    }
}
