//! What values something can have: never fewer than it has.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::rules::expr::Comparison;
use crate::rules::pack::Range;
use crate::rules::types::{Enumeration, Type};
use crate::rules::val::Val;

/// A set of values. It has every value that can come about, and perhaps more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Domain {
    /// Numbers, dates by their day, months by theirs: from one to another, both in it; without a limit where there is
    /// none.
    Between(Option<i128>, Option<i128>),
    /// Codes, or zero for false and one for true. Never none.
    These(BTreeSet<u32>),
    /// Whatever there is: texts and lists.
    Any,
}

use Domain::{Any, Between, These};

/// Numbers without a limit.
pub(super) const NUMBERS: Domain = Between(None, None);

impl Domain {
    /// Every value of a type.
    pub fn of(typ: Type, enums: &[Enumeration]) -> Self {
        match typ {
            Type::Bool => These([0, 1].into()),
            Type::Enum(at) => {
                let count = enums.get(at).map_or(0, |e| e.values.len());
                let codes: BTreeSet<u32> = (0..count).filter_map(|code| u32::try_from(code).ok()).collect();
                if codes.is_empty() { Any } else { These(codes) }
            }
            Type::Date | Type::Month => NUMBERS,
            typ if typ.number() => NUMBERS,
            _ => Any,
        }
    }

    /// The numbers of a range.
    pub fn range(range: Option<&Range>) -> Self {
        range.map_or(NUMBERS, |range| Between(range.low, range.high.map(|high| high - 1)))
    }

    /// One value.
    pub fn one(value: Val) -> Self {
        let number = |n: i128| Between(Some(n), Some(n));
        match value {
            Val::Bool(b) => Self::truth(b.into()),
            Val::Code(code) => u32::try_from(code).map_or(Any, |code| These([code].into())),
            Val::Num(n) => number(n.into()),
            Val::Date(date) => number(day(date.into())),
            Val::Month(month) => number(month.into()),
            Val::Text(_) | Val::List(_) => Any,
        }
    }

    /// Only true, or only false.
    pub fn truth(truth: bool) -> Self {
        These([u32::from(truth)].into())
    }

    /// True or false, as far as each can be.
    pub fn truths(yes: bool, no: bool) -> Self {
        let found: BTreeSet<u32> = [(no, 0), (yes, 1)].into_iter().filter(|(can, _)| *can).map(|(_, n)| n).collect();
        // Neither: it is never computed at all, of which nothing is said.
        if found.is_empty() { Any } else { These(found) }
    }

    /// Whether it has this truth; all that is not known has both.
    pub fn can_be(&self, truth: bool) -> bool {
        match self {
            These(values) => values.contains(&u32::from(truth)),
            _ => true,
        }
    }

    /// The values of both.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Between(a, b), Between(c, d)) => Between(a.zip(c).map(|(a, c)| a.min(c)), b.zip(d).map(|(b, d)| b.max(d))),
            (These(mut one), These(other)) => {
                one.extend(other);
                These(one)
            }
            _ => Any,
        }
    }

    /// The values in both; `None` when there are none.
    pub fn and(self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Between(a, b), Between(c, d)) => {
                let (low, high) = (tighter(a, *c, i128::max), tighter(b, *d, i128::min));
                let empty = low.zip(high).is_some_and(|(low, high)| low > high);
                (!empty).then_some(Between(low, high))
            }
            (These(one), These(other)) => {
                let both: BTreeSet<u32> = one.intersection(other).copied().collect();
                (!both.is_empty()).then_some(These(both))
            }
            (one, _) => Some(one),
        }
    }

    /// The values for which a comparison with some value of `other` holds; `None` when there are none.
    pub fn such_that(self, comparison: Comparison, other: &Self) -> Option<Self> {
        let (low, high) = other.ends();
        match comparison {
            Comparison::Equal => self.and(other),
            Comparison::Unequal => self.unlike(other),
            Comparison::Less => self.and(&Between(None, high.map(|high| high - 1))),
            Comparison::LessEqual => self.and(&Between(None, high)),
            Comparison::Greater => self.and(&Between(low.map(|low| low + 1), None)),
            Comparison::GreaterEqual => self.and(&Between(low, None)),
        }
    }

    /// The values that are not the only one of `other`.
    fn unlike(self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Between(low, high), Between(Some(a), Some(b))) if a == b => {
                let low = low.map(|low| if low == *a { low + 1 } else { low });
                let high = high.map(|high| if high == *a { high - 1 } else { high });
                let empty = low.zip(high).is_some_and(|(low, high)| low > high);
                (!empty).then_some(Between(low, high))
            }
            (These(mut values), These(other)) if other.len() == 1 => {
                values.retain(|value| !other.contains(value));
                (!values.is_empty()).then_some(These(values))
            }
            (one, _) => Some(one),
        }
    }

    /// The least and the greatest number; without where nothing is known.
    pub fn ends(&self) -> (Option<i128>, Option<i128>) {
        match self {
            Between(low, high) => (*low, *high),
            _ => (None, None),
        }
    }

    /// In words, for who asks why; `None` where nothing is known.
    pub fn shown(&self, typ: Type, enums: &[Enumeration]) -> Option<String> {
        let number = |n: i128| match typ {
            Type::Date => date(n).map_or_else(|| n.to_string(), |date| date.to_string()),
            Type::Month => format!("{:04}-{:02}", n.div_euclid(12), n.rem_euclid(12) + 1),
            typ => typ.shown_number(n),
        };
        match self {
            Between(Some(low), Some(high)) if low == high => Some(number(*low)),
            Between(Some(low), Some(high)) => Some(format!("from {} to {}", number(*low), number(*high))),
            Between(Some(low), None) => Some(format!("{} or more", number(*low))),
            Between(None, Some(high)) => Some(format!("{} or less", number(*high))),
            Between(None, None) | Any => None,
            These(values) => {
                let name = |code: &u32| match typ {
                    Type::Bool => Some((*code == 1).to_string()),
                    Type::Enum(at) => Some(format!("'{}'", enums.get(at)?.values.get(*code as usize)?.0)),
                    _ => None,
                };
                let names: Vec<_> = values.iter().map(name).collect::<Option<_>>()?;
                Some(names.join(" or "))
            }
        }
    }
}

/// The days from the beginning of year 0.
pub(super) fn day(date: Date) -> i128 {
    i128::from(date.duration_since(Date::ZERO).as_hours() / 24)
}

/// The month of a day, counted as months are; `None` outside of the calendar.
pub(super) fn month(day: i128) -> Option<i128> {
    let date = date(day)?;
    Some(i128::from(date.year()) * 12 + i128::from(date.month()) - 1)
}

fn date(day: i128) -> Option<Date> {
    let days = i64::try_from(day).ok().and_then(|day| jiff::Span::new().try_days(day).ok())?;
    Date::ZERO.checked_add(days).ok()
}

fn tighter(a: Option<i128>, b: Option<i128>, of: fn(i128, i128) -> i128) -> Option<i128> {
    match (a, b) {
        (Some(a), Some(b)) => Some(of(a, b)),
        (a, b) => a.or(b),
    }
}
