//! Packed decimal fields of the card (type `cn`, card-facts §1.2): digits two a byte, padded with F.

use jiff::civil::Date;

/// Why a decimal field is not what it should be. Says what kind, never the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BcdError {
    /// A nibble is neither a digit nor final padding.
    #[error("a nibble is not a decimal digit")]
    Digit,
    /// The field has another length.
    #[error("{0} bytes, not the field's length")]
    Length(usize),
    /// Eight digits that are no day of the calendar.
    #[error("not a day of the calendar")]
    Date,
}

/// Whether a field was never written: all FF. Such a field has no value.
pub fn unwritten(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0xFF)
}

/// The digits of a field, as characters.
///
/// # Errors
/// When a nibble is not a digit.
pub fn digits(bytes: &[u8]) -> Result<String, BcdError> {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0x0F])
        .map(|nibble| if nibble < 10 { Ok(char::from(b'0' + nibble)) } else { Err(BcdError::Digit) })
        .collect()
}

/// A date as `YYYYMMDD`; `None` where the card was left at FF.
///
/// # Errors
/// When the four bytes are not a day of the calendar.
pub fn date(bytes: &[u8]) -> Result<Option<Date>, BcdError> {
    if bytes.len() != 4 {
        return Err(BcdError::Length(bytes.len()));
    }
    if unwritten(bytes) {
        return Ok(None);
    }
    date_of_digits(&digits(bytes)?).map(Some)
}

/// A date as the card has it: `YYYYMMDD` in four bytes.
pub fn packed_date(date: Date) -> [u8; 4] {
    let two = |number: i16| (number / 10 % 10 * 16 + number % 10) as u8;
    [two(date.year() / 100), two(date.year() % 100), two(date.month().into()), two(date.day().into())]
}

/// A date from eight ASCII digits.
pub(super) fn date_of_digits(text: &str) -> Result<Date, BcdError> {
    if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BcdError::Digit);
    }
    let number = |range: std::ops::Range<usize>| text[range].parse::<i16>().map_err(|_| BcdError::Digit);
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    // A month or day of two digits fits an i8.
    Date::new(year, month as i8, day as i8).map_err(|_| BcdError::Date)
}

#[cfg(test)]
mod tests {
    use jiff::civil;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_that_are_none_are_refused() {
        assert_eq!(date(&[0x20, 0x15, 0x02, 0x29]), Err(BcdError::Date));
        assert_eq!(date(&[0x20, 0x16, 0x02, 0x29]), Ok(Some(civil::date(2016, 2, 29))));
        assert_eq!(date(&[0x20, 0x15, 0x1A, 0x01]), Err(BcdError::Digit));
        assert_eq!(date(&[0x20, 0x15, 0xFF, 0xFF]), Err(BcdError::Digit));
        assert_eq!(date(&[0xFF; 4]), Ok(None));
        assert_eq!(date(&[0x00; 4]), Err(BcdError::Date));
        assert_eq!(date(&[0x20]), Err(BcdError::Length(1)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_date_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..6)) {
            if let Ok(Some(date)) = date(&bytes) {
                prop_assert_eq!(date.strftime("%Y%m%d").to_string(), hex::encode(bytes));
            }
        }
    }
}
