//! The values of the language. Each is a word and its kind, and is copied; what is longer is kept elsewhere, by number.

use std::cmp::Ordering;
use std::ops::Range;

use jiff::civil::Date;

/// A value; its type is known where it stands. Each kind is held in 64 bits, so that a value travels in two registers, and
/// so does one that may be missing or be a reason why there is none. With narrower kinds it went through memory, in
/// pieces, and a settlement took half as long again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Val {
    Bool(Truth),
    /// In the unit of the type.
    Num(i64),
    Date(Day),
    /// Months since the beginning of year 0.
    Month(i64),
    Text(TextId),
    /// Position in its enumeration.
    Code(u64),
    List(List),
}

/// True or false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u64)]
pub(super) enum Truth {
    No,
    Yes,
}

impl From<bool> for Truth {
    fn from(truth: bool) -> Self {
        if truth { Self::Yes } else { Self::No }
    }
}

impl From<Truth> for bool {
    fn from(truth: Truth) -> Self {
        truth == Truth::Yes
    }
}

/// A day of the calendar, by a number that grows from day to day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(i64);

impl From<Date> for Day {
    fn from(date: Date) -> Self {
        Self((i64::from(date.year()) * 16 + i64::from(date.month())) * 32 + i64::from(date.day()))
    }
}

impl From<Day> for Date {
    fn from(Day(day): Day) -> Self {
        let (year, month, day) = (day.div_euclid(512), day.rem_euclid(512) / 32, day.rem_euclid(32));
        // Each comes from a date, and fits as it did there.
        #[allow(clippy::cast_possible_truncation, reason = "they came from these very types")]
        let parts = (year as i16, month as i8, day as i8);
        Self::constant(parts.0, parts.1, parts.2)
    }
}

/// A text, by its number among [`Texts`](super::texts::Texts): two texts are the same when their numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TextId(pub u64);

/// A list: where its values begin among those of a case's lists, and how many there are. Nothing compares lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct List(u64);

impl List {
    /// The list of so many values from a position on.
    pub fn new(start: u32, len: u32) -> Self {
        Self(u64::from(start) << 32 | u64::from(len))
    }

    /// How many values it has.
    pub fn len(self) -> u32 {
        // The lower half.
        (self.0 & u64::from(u32::MAX)) as u32
    }

    /// Where its values are.
    pub fn range(self) -> Range<usize> {
        let start = (self.0 >> 32) as usize;
        start..start + self.len() as usize
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
            (Self::Text(a), Self::Text(b)) => a.cmp(&b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(&b),
            _ => return None,
        })
    }

    /// A number that no other value of its type has.
    pub fn key(self) -> i64 {
        match self {
            Self::Bool(truth) => bool::from(truth).into(),
            Self::Num(n) | Self::Month(n) | Self::Date(Day(n)) => n,
            Self::Text(TextId(n)) | Self::Code(n) | Self::List(List(n)) => n.cast_signed(),
        }
    }
}

/// The month of a date.
pub(super) fn month_of(date: Date) -> Val {
    Val::Month(i64::from(date.year()) * 12 + i64::from(date.month()) - 1)
}

/// A month from its number, within the years that a date can have.
pub(super) fn month(number: i64) -> Option<Val> {
    (0..120_000).contains(&number).then_some(Val::Month(number))
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
            prop_assert_eq!(Date::from(Day::from(date)), date);
            prop_assert_eq!(Val::Date(date.into()).key().cmp(&Val::Date(jiff::civil::date(2015, 8, 1).into()).key()),
                date.cmp(&jiff::civil::date(2015, 8, 1)));
        }
    }
}
