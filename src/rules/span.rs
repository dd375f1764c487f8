//! Over what an accumulator runs: its scope, and the one stretch of it that a case falls in (settlement-facts §3.3, §6.5).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The scope of an accumulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Span {
    /// One stay in hospital.
    Admission,
    /// So many days in a row, again and again from a date of the case on.
    Days,
    /// A calendar month.
    Month,
    /// An insurance year.
    Year,
    /// One disease, for good.
    Disease,
    /// As long as the benefit lasts.
    Benefit,
}

impl Span {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Admission, Self::Days, Self::Month, Self::Year, Self::Disease, Self::Benefit];

    /// Its name in packs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admission => "admission",
            Self::Days => "days",
            Self::Month => "month",
            Self::Year => "year",
            Self::Disease => "disease",
            Self::Benefit => "benefit",
        }
    }
}

/// The stretch that a case falls in. What is counted in one is counted together, whatever scenario counts it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Period {
    /// The scope.
    pub scope: Span,
    /// Which one: `2015-08`, `2015`, `2015-07/2016-06` for an insurance year that begins in July, `2015-07-20+90` for the
    /// days from the ninetieth after that date on, `-` for a benefit or a disease. Empty for an admission: its number is
    /// no fact of the rules.
    pub of: String,
    /// What it is counted apart by: the value of the fact that the pack names, such as a disease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl Period {
    /// What tells it from every other of its scope, in the admission of this number. `None` for a stay that is not named:
    /// nobody can tell it from another, so nothing is counted over it.
    pub fn key(&self, admission: Option<&str>) -> Option<String> {
        let of = match self.scope {
            Span::Admission => admission?,
            _ => &self.of,
        };
        Some(match &self.by {
            None => of.to_owned(),
            Some(by) => format!("{of}/{by}"),
        })
    }

    /// Whether its key tells something of a person's health or stay.
    pub fn is_personal(&self) -> bool {
        self.by.is_some() || matches!(self.scope, Span::Admission | Span::Days)
    }
}

/// `2015-08`.
pub(super) fn month(date: Date) -> String {
    format!("{:04}-{:02}", date.year(), date.month())
}

/// The insurance year that a date is in, when it begins with this month (1 to 12): `2015`, or `2015-07/2016-06`.
pub(super) fn year(date: Date, begins: i8) -> String {
    let first = if date.month() < begins { date.year() - 1 } else { date.year() };
    match begins {
        1 => format!("{first:04}"),
        _ => format!("{first:04}-{begins:02}/{:04}-{:02}", first + 1, begins - 1),
    }
}

/// The window of `length` days that a date is in, counted from `since` on: `2015-07-20+90`. Days before it count as its
/// first window's, for no count begins before its beginning.
pub(super) fn window(date: Date, since: Date, length: i32) -> String {
    let gone = since.until(date).map_or(0, |span| span.get_days()).max(0);
    format!("{since}+{}", gone / length * length)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_year_begins_with_its_month() {
        assert_eq!(year(date(2015, 1, 1), 1), "2015");
        assert_eq!(year(date(2015, 12, 31), 1), "2015");
        assert_eq!(year(date(2015, 6, 30), 7), "2014-07/2015-06");
        assert_eq!(year(date(2015, 7, 1), 7), "2015-07/2016-06");
        assert_eq!(year(date(2015, 1, 31), 12), "2014-12/2015-11");
        assert_eq!(year(date(2015, 2, 1), 2), "2015-02/2016-01");
    }

    #[test]
    fn a_window_has_its_length() {
        let since = date(2015, 7, 20);
        let of = |day| window(day, since, 90);
        assert_eq!(of(since), "2015-07-20+0");
        assert_eq!(of(date(2015, 10, 17)), "2015-07-20+0", "the ninetieth day");
        assert_eq!(of(date(2015, 10, 18)), "2015-07-20+90");
        assert_eq!(of(date(2016, 1, 16)), "2015-07-20+180");
        assert_eq!(of(date(2015, 7, 19)), "2015-07-20+0");
    }

    #[test]
    fn a_key_names_the_stay_and_what_is_counted_apart() {
        let period = |scope, of: &str, by: Option<&str>| Period { scope, of: of.into(), by: by.map(str::to_owned) };
        assert_eq!(period(Span::Admission, "", None).key(None), None);
        assert_eq!(period(Span::Admission, "", None).key(Some("A1")).as_deref(), Some("A1"));
        assert_eq!(period(Span::Month, "2015-08", Some("M01")).key(Some("A1")).as_deref(), Some("2015-08/M01"));
        assert_eq!(period(Span::Year, "2015", None).key(None).as_deref(), Some("2015"));
        for span in Span::ALL {
            assert_eq!(serde_json::to_value(span).unwrap(), span.name());
        }
    }
}
