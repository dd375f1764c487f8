//! A share, in parts per million, written as a percentage.

use super::decimal::{DecimalError, decimal, parse, print_short};

/// A rate in parts per million. Written `"89.5%"`; the percent sign is part of it, so that `1` is never taken for the
/// whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rate(pub i64);

decimal!(Rate, percent, |n| print_short(n) + "%");

/// A hundredth in parts per million is the unit of the decimal: four places of a percentage are millionths.
fn percent(text: &str) -> Result<i64, DecimalError> {
    parse(text.strip_suffix('%').ok_or(DecimalError::Form)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_percentage() {
        for (ppm, text) in [(0, "0%"), (1_000_000, "100%"), (895_000, "89.5%"), (1, "0.0001%")] {
            assert_eq!(Rate(ppm).to_string(), text);
            assert_eq!(text.parse(), Ok(Rate(ppm)));
        }
        for text in ["0.895", "1", "%", "89.5 %", "-1%", "0.00001%", "1%%"] {
            assert_eq!(text.parse::<Rate>(), Err(DecimalError::Form), "{text:?}");
        }
    }
}
