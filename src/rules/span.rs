//! Over what an accumulator runs: its scope (settlement-facts §3.3, §6.5).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The scope of an accumulator. Days in a row and a single disease are not among them: nobody keeps count over those
/// yet, and a pack that asks for it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Span {
    /// One stay in hospital.
    Admission,
    /// A calendar month.
    Month,
    /// A calendar year.
    Year,
    /// As long as the benefit lasts.
    Benefit,
}

impl Span {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Admission, Self::Month, Self::Year, Self::Benefit];

    /// Its name in packs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admission => "admission",
            Self::Month => "month",
            Self::Year => "year",
            Self::Benefit => "benefit",
        }
    }

    /// The one that a business date, or a stay, falls in: two with the same name are counted together. `None` for a stay
    /// that is not named: nobody can tell it from another, so nothing is counted over it.
    pub fn period(self, date: Date, admission: Option<&str>) -> Option<String> {
        match self {
            Self::Admission => admission.map(str::to_owned),
            Self::Month => Some(format!("{:04}-{:02}", date.year(), date.month())),
            Self::Year => Some(format!("{:04}", date.year())),
            Self::Benefit => Some("-".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_falls_into_its_period() {
        let date = jiff::civil::date(2015, 8, 3);
        let periods = Span::ALL.map(|span| span.period(date, None));
        assert_eq!(periods, [None, Some("2015-08".into()), Some("2015".into()), Some("-".into())]);
        assert_eq!(Span::Admission.period(date, Some("A1")).as_deref(), Some("A1"));
        for span in Span::ALL {
            assert_eq!(serde_json::to_value(span).unwrap(), span.name());
        }
    }
}
