//! Ranges of numbers, half open: `1000.00..2000.00` has its beginning and not its end; `..=` takes the end in.

use crate::rules::types::Type;

/// From `low` on, below `high`; without a limit where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Range {
    pub low: Option<i128>,
    pub high: Option<i128>,
}

impl Range {
    /// A range as it is written; a single value is the range of itself. `None` when it is not one, or is empty.
    pub fn parse(text: &str, typ: Type) -> Option<Self> {
        let number = |text: &str| typ.parse_number(text.trim()).map(i128::from);
        let end = |text: &str| if text.trim().is_empty() { Some(None) } else { number(text).map(Some) };
        let range = match text.split_once("..") {
            None => {
                let n = number(text)?;
                Self { low: Some(n), high: Some(n + 1) }
            }
            Some((low, high)) => match high.strip_prefix('=') {
                Some(high) => Self { low: end(low)?, high: Some(number(high)? + 1) },
                None => Self { low: end(low)?, high: end(high)? },
            },
        };
        let empty = matches!((range.low, range.high), (Some(low), Some(high)) if low >= high);
        (!empty).then_some(range)
    }

    /// Whether `n` is in it.
    pub fn has(&self, n: i128) -> bool {
        self.low.is_none_or(|low| low <= n) && self.high.is_none_or(|high| n < high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_outside_unless_it_is_written_so() {
        let range = |text| Range::parse(text, Type::Int).unwrap();
        assert!(range("1..3").has(1) && range("1..3").has(2) && !range("1..3").has(3) && !range("1..3").has(0));
        assert!(range("1..=3").has(3) && range("7").has(7) && !range("7").has(8));
        assert!(range("..3").has(i128::MIN) && range("3..").has(i128::MAX) && range("..").has(0));
        for text in ["", "a", "3..3", "3..1", "1..=", "1...3", "1.5..2"] {
            assert_eq!(Range::parse(text, Type::Int), None, "{text:?}");
        }
        assert_eq!(Range::parse("0.10..0.30", Type::Money), Some(Range { low: Some(10), high: Some(30) }));
    }
}
