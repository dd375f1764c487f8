//! Decimal numbers kept as whole multiples of a small unit. No floating point, no sign: a price, a quantity and a rate
//! are never below zero.

/// Why a text is not such a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not digits with at most four places after one point (for a rate: and a percent sign).
    #[error("digits with at most four places, as in \"0.4050\"; a rate ends in a percent sign, as in \"89.5%\"")]
    Form,
    /// Does not fit.
    #[error("the number is too large")]
    Range,
}

/// Places after the point, of all three types.
const PLACES: usize = 4;
/// One, in the unit.
const ONE: i64 = 10_000;

/// `text` in ten-thousandths.
pub(super) fn parse(text: &str) -> Result<i64, DecimalError> {
    let (whole, rest) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let only_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !only_digits(whole) || rest.is_some_and(|rest| !only_digits(rest) || rest.len() > PLACES) {
        return Err(DecimalError::Form);
    }
    let whole: i64 = whole.parse().map_err(|_| DecimalError::Range)?;
    // At most four ASCII digits, as checked above.
    let digits = rest.unwrap_or_default().bytes().chain(std::iter::repeat(b'0')).take(PLACES);
    let part = digits.fold(0, |n, digit| n * 10 + i64::from(digit - b'0'));
    whole.checked_mul(ONE).and_then(|n| n.checked_add(part)).ok_or(DecimalError::Range)
}

/// Ten-thousandths with all four places.
pub(super) fn print_full(n: i64) -> String {
    let sign = if n < 0 { "-" } else { "" };
    let n = n.unsigned_abs();
    format!("{sign}{}.{:04}", n / ONE.unsigned_abs(), n % ONE.unsigned_abs())
}

/// Ten-thousandths with no more places than needed.
pub(super) fn print_short(n: i64) -> String {
    let full = print_full(n);
    full.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text form and serde of a type that wraps an `i64`.
macro_rules! decimal {
    ($name:ident, $parse:expr, $print:expr) => {
        impl std::str::FromStr for $name {
            type Err = crate::value::DecimalError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $parse(text).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&$print(self.0))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        #[cfg(test)]
        mod round_trip {
            use proptest::prelude::*;

            use super::*;

            proptest! {
                #[test]
                fn print_and_parse_agree(n in 0..=i64::MAX) {
                    prop_assert_eq!($name(n).to_string().parse(), Ok($name(n)));
                }

                #[test]
                fn any_text_is_parsed_or_refused(text in "[0-9.%¥ e+-]{0,24}") {
                    if let Ok(number) = text.parse::<$name>() {
                        prop_assert!(number.0 >= 0);
                        prop_assert_eq!(number.to_string().parse(), Ok(number));
                    }
                }
            }
        }
    };
}
pub(super) use decimal;
