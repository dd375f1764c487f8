//! The values of the language. Each is a word and its kind, and is copied; what is longer is kept elsewhere, by number.

use std::cmp::Ordering;
use std::ops::Range;

use jiff::civil::Date;

/// A value; its type is known where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Val {
    Bool(bool),
    /// In the unit of the type.
    Num(i64),
    Date(Date),
    /// Months since the beginning of year 0.
    Month(i32),
    Text(TextId),
    /// Position in its enumeration.
    Code(u32),
    List(List),
}

/// A text, by its number among [`Texts`](super::texts::Texts): two texts are the same when their numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextId(pub u32);

/// A list: where its values begin among those of a case's lists, and how many there are. Nothing compares lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct List {
    pub start: u32,
    pub len: u32,
}

impl List {
    /// Where its values are.
    pub fn range(self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }
}

impl Val {
    /// The order of two values of one type. Texts have none but being the same; the checker lets nobody ask for more.
    pub fn order(self, other: Self) -> Option<Ordering> {
        Some(match (self, other) {
            (Self::Num(a), Self::Num(b)) => a.cmp(&b),
            (Self::Date(a), Self::Date(b)) => a.cmp(&b),
            (Self::Month(a), Self::Month(b)) => a.cmp(&b),
            (Self::Code(a), Self::Code(b)) => a.cmp(&b),
            (Self::Text(a), Self::Text(b)) => a.0.cmp(&b.0),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(&b),
            _ => return None,
        })
    }

    /// A number that no other value of its type has.
    pub fn key(self) -> i64 {
        match self {
            Self::Bool(b) => b.into(),
            Self::Num(n) => n,
            Self::Date(date) => (i64::from(date.year()) * 16 + i64::from(date.month())) * 32 + i64::from(date.day()),
            Self::Month(month) => month.into(),
            Self::Text(text) => text.0.into(),
            Self::Code(code) => code.into(),
            Self::List(list) => list.start.into(),
        }
    }
}

/// The month of a date.
pub(super) fn month_of(date: Date) -> Val {
    Val::Month(i32::from(date.year()) * 12 + i32::from(date.month()) - 1)
}

/// A month from its number, within the years that a date can have.
pub(super) fn month(number: i64) -> Option<Val> {
    (0..120_000).contains(&number).then(|| i32::try_from(number).ok().map(Val::Month)).flatten()
}

/// A date as `2015-08-01` and in no other form.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_i16, |n, digit| digit.is_ascii_digit().then(|| n * 10 + i16::from(digit - b'0')))
    };
    let small = |digits: &[u8]| number(digits).and_then(|n| i8::try_from(n).ok());
    Date::new(number(&[y1, y2, y3, y4])?, small(&[m1, m2])?, small(&[d1, d2])?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_is_two_words() {
        assert_eq!(size_of::<Option<Val>>(), 16);
    }

    #[test]
    fn a_date_has_one_form() {
        assert_eq!(parse_date("2016-02-29"), Some(jiff::civil::date(2016, 2, 29)));
        assert_eq!(parse_date("0000-01-01"), Some(jiff::civil::date(0, 1, 1)));
        for text in ["2015-02-29", "2015-8-01", "2015-08-1", "20150801", "2015-08-01 ", "-015-08-01", "2015-00-01", ""]
        {
            assert_eq!(parse_date(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_date_is_read_as_it_is_written(year in 0..=9999_i16, month in 1..=12_i8, day in 1..=28_i8) {
            let date = jiff::civil::date(year, month, day);
            prop_assert_eq!(parse_date(&date.to_string()), Some(date));
            prop_assert_eq!(Val::Date(date).key().cmp(&Val::Date(jiff::civil::date(2015, 8, 1)).key()),
                date.cmp(&jiff::civil::date(2015, 8, 1)));
        }
    }
}
