//! Money in fen (分), the hundredth of a yuan.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount in fen. Negative only in a refund. Written in yuan with two places, `"30000.00"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, utoipa::ToSchema)]
#[schema(value_type = String, pattern = r"^-?\d+\.\d\d$", examples("30000.00"))]
pub struct Fen(pub i64);

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FenError {
    /// Not digits with at most two places after one point.
    #[error("an amount is yuan with at most two places, as in \"1600.00\"")]
    Form,
    /// Does not fit 16 digits before and 2 after the point (national field 16,2).
    #[error("the amount is too large")]
    Range,
}

impl Fen {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount in JSON, as text or as a number.
    pub fn of_json(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::String(text) => text.parse().ok(),
            serde_json::Value::Number(number) => number.to_string().parse().ok(),
            _ => None,
        }
    }

    /// The sum, unless it overflows.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, unless it overflows.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl FromStr for Fen {
    type Err = FenError;

    fn from_str(text: &str) -> Result<Self, FenError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (yuan, fen) = digits.split_once('.').map_or((digits, None), |(yuan, fen)| (yuan, Some(fen)));
        let only_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !only_digits(yuan) || fen.is_some_and(|fen| !only_digits(fen) || fen.len() > 2) {
            return Err(FenError::Form);
        }
        let yuan: i64 = yuan.parse().map_err(|_| FenError::Range)?;
        let hundredths = match fen {
            None => 0,
            // One or two ASCII digits, as checked above.
            Some(fen) => {
                fen.bytes().chain(std::iter::repeat(b'0')).take(2).fold(0, |n, d| n * 10 + i64::from(d - b'0'))
            }
        };
        let amount = yuan.checked_mul(100).and_then(|n| n.checked_add(hundredths)).ok_or(FenError::Range)?;
        Ok(Self(if negative { -amount } else { amount }))
    }
}

impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", magnitude / 100, magnitude % 100)
    }
}

impl Serialize for Fen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_amounts_are_amounts() {
        for text in ["", "-", ".", "1.", ".5", "1.234", "1,000.00", "1e3", "+1", " 1", "１.00"] {
            assert_eq!(text.parse::<Fen>(), Err(FenError::Form), "{text:?}");
        }
        assert_eq!("92233720368547758.08".parse::<Fen>(), Err(FenError::Range));
        assert_eq!("0.5".parse(), Ok(Fen(50)));
        assert_eq!("-0.05".parse(), Ok(Fen(-5)));
    }

    proptest! {
        #[test]
        fn print_and_parse_agree(fen in -i64::MAX..=i64::MAX) {
            prop_assert_eq!(Fen(fen).to_string().parse(), Ok(Fen(fen)));
        }
    }
}
