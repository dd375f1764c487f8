//! The types of the language, their values, and how both are read and shown.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use serde_json::Value;

use crate::value::{Fen, Price, Quantity, Rate};

/// A type. What is counted in a unit never mixes with what is counted in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Type {
    Bool,
    Int,
    Days,
    /// Fen.
    Money,
    /// Ten-thousandths of a yuan.
    Price,
    /// Ten-thousandths.
    Quantity,
    /// Parts per million.
    Rate,
    /// A product, in 10⁻⁸ yuan: must be rounded before it is kept.
    Exact,
    Date,
    /// A month of a year.
    Month,
    Text,
    /// An enumeration of the pack, by position.
    Enum(usize),
}

/// A value; its type is known where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Val {
    Bool(bool),
    /// In the unit of the type.
    Num(i128),
    Date(Date),
    /// Months since the beginning of year 0.
    Month(i32),
    Text(Arc<str>),
    /// Position in its enumeration.
    Code(usize),
}

/// An enumeration, or a code list: the values that stand in the data, and what a person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Enumeration {
    pub name: String,
    /// Value and label, in the pack's order.
    pub values: Vec<(String, String)>,
}

/// The longest text a fact may have, in characters.
pub(super) const LONGEST_TEXT: usize = 200;

/// The month of a date.
pub(super) fn month_of(date: Date) -> Val {
    Val::Month(i32::from(date.year()) * 12 + i32::from(date.month()) - 1)
}

/// A month from its number, within the years that a date can have.
pub(super) fn month(number: i128) -> Option<Val> {
    (0..120_000).contains(&number).then(|| i32::try_from(number).ok().map(Val::Month)).flatten()
}

impl Type {
    /// A type by its name in a pack; an enumeration by its own.
    pub fn named(name: &str, enums: &[Enumeration]) -> Option<Self> {
        Some(match name {
            "bool" => Self::Bool,
            "int" => Self::Int,
            "days" => Self::Days,
            "money" => Self::Money,
            "price" => Self::Price,
            "quantity" => Self::Quantity,
            "rate" => Self::Rate,
            "date" => Self::Date,
            "month" => Self::Month,
            "text" => Self::Text,
            _ => return enums.iter().position(|e| e.name == name).map(Self::Enum),
        })
    }

    /// The name a form knows it by.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Days => "days",
            Self::Money => "money",
            Self::Price => "price",
            Self::Quantity => "quantity",
            Self::Rate => "rate",
            Self::Exact => "an unrounded product",
            Self::Date => "date",
            Self::Month => "month",
            Self::Text => "text",
            Self::Enum(_) => "choice",
        }
    }

    /// The name in a diagnostic.
    pub fn name(self, enums: &[Enumeration]) -> &str {
        match self {
            Self::Enum(at) => enums.get(at).map_or("choice", |e| &e.name),
            other => other.kind(),
        }
    }

    /// Whether its values have an order.
    pub fn ordered(self) -> bool {
        !matches!(self, Self::Bool | Self::Text | Self::Enum(_))
    }

    /// Whether its values are numbers in a unit.
    pub fn number(self) -> bool {
        matches!(self, Self::Int | Self::Days | Self::Money | Self::Price | Self::Quantity | Self::Rate | Self::Exact)
    }

    /// Whether terminal and centre can add to it where no pack is at hand: amounts and whole numbers.
    pub fn adds_up(self) -> bool {
        matches!(self, Self::Int | Self::Days | Self::Money)
    }

    /// A value in the form that stands in the data; dates and months as `2015-08-01` and `2015-08`.
    pub fn parse(self, text: &str, enums: &[Enumeration]) -> Option<Val> {
        let number = |n: i64| Val::Num(n.into());
        match self {
            Self::Bool => text.parse().ok().map(Val::Bool),
            Self::Int | Self::Days => text.parse().ok().map(number),
            Self::Money => text.parse::<Fen>().ok().map(|fen| number(fen.0)),
            Self::Price => text.parse::<Price>().ok().map(|price| number(price.0)),
            Self::Quantity => text.parse::<Quantity>().ok().map(|quantity| number(quantity.0)),
            Self::Rate => text.parse::<Rate>().ok().map(|rate| number(rate.0)),
            Self::Exact => None,
            Self::Date => parse_date(text).map(Val::Date),
            Self::Month => (text.len() == 7).then(|| parse_date(&format!("{text}-01"))).flatten().map(month_of),
            Self::Text => (text.chars().count() <= LONGEST_TEXT).then(|| Val::Text(text.into())),
            Self::Enum(at) => enums.get(at)?.values.iter().position(|(value, _)| value == text).map(Val::Code),
        }
    }

    /// The value in the form that stands in the data.
    pub fn json(self, value: &Val, enums: &[Enumeration]) -> Value {
        match (self, value) {
            (_, Val::Bool(b)) => Value::Bool(*b),
            (Self::Int | Self::Days, Val::Num(n)) => i64::try_from(*n).map_or(Value::Null, Value::from),
            _ => Value::String(self.plain(value, enums)),
        }
    }

    /// The value as a person reads it.
    pub fn shown(self, value: &Val, enums: &[Enumeration]) -> String {
        let plain = || self.plain(value, enums);
        match (self, value) {
            (Self::Bool, Val::Bool(b)) => if *b { "是" } else { "否" }.to_owned(),
            (Self::Money | Self::Price, _) => match plain().strip_prefix('-') {
                Some(amount) => format!("-¥{amount}"),
                None => format!("¥{}", plain()),
            },
            (Self::Days, _) => format!("{} 天", plain()),
            (Self::Enum(at), Val::Code(code)) => {
                enums.get(at).and_then(|e| e.values.get(*code)).map_or_else(String::new, |(_, label)| label.clone())
            }
            _ => plain(),
        }
    }

    fn plain(self, value: &Val, enums: &[Enumeration]) -> String {
        match value {
            Val::Bool(b) => b.to_string(),
            Val::Date(date) => date.to_string(),
            Val::Month(n) => format!("{:04}-{:02}", n.div_euclid(12), n.rem_euclid(12) + 1),
            Val::Text(text) => text.to_string(),
            Val::Code(code) => match self {
                Self::Enum(at) => enums.get(at).and_then(|e| e.values.get(*code)).map(|(value, _)| value.clone()),
                _ => None,
            }
            .unwrap_or_default(),
            Val::Num(n) => {
                // What is kept fits: see `Val::fits`. Only a product may be larger, and it is shown by its digits.
                let Ok(n) = i64::try_from(*n) else { return n.to_string() };
                match self {
                    Self::Money => Fen(n).to_string(),
                    Self::Price => Price(n).to_string(),
                    Self::Quantity => Quantity(n).to_string(),
                    Self::Rate => Rate(n).to_string(),
                    _ => n.to_string(),
                }
            }
        }
    }

    /// What a value should look like, for who gave a wrong one.
    pub fn expected(self, enums: &[Enumeration]) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Int => "a whole number".to_owned(),
            Self::Days => "a whole number of days".to_owned(),
            Self::Money => "an amount such as \"30000.00\"".to_owned(),
            Self::Price => "a price such as \"0.4050\"".to_owned(),
            Self::Quantity => "a quantity such as \"2\"".to_owned(),
            Self::Rate => "a rate such as \"89.5%\"".to_owned(),
            Self::Exact => "unrounded".to_owned(),
            Self::Date => "a date such as \"2015-08-01\"".to_owned(),
            Self::Month => "a month such as \"2015-08\"".to_owned(),
            Self::Text => format!("a text of at most {LONGEST_TEXT} characters"),
            Self::Enum(at) => {
                let values = enums.get(at).map(|e| &e.values[..]).unwrap_or_default();
                let list: Vec<_> = values.iter().map(|(value, label)| format!("\"{value}\" {label}")).collect();
                format!("one of {}", list.join(", "))
            }
        }
    }
}

impl Val {
    /// The order of two values of one type.
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        Some(match (self, other) {
            (Self::Num(a), Self::Num(b)) => a.cmp(b),
            (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::Month(a), Self::Month(b)) => a.cmp(b),
            (Self::Code(a), Self::Code(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            _ => return None,
        })
    }

    /// Whether it can be kept: numbers in 64 bits.
    pub fn fits(&self) -> bool {
        !matches!(self, Self::Num(n) if i64::try_from(*n).is_err())
    }
}

impl fmt::Display for Enumeration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A date as `2015-08-01` and in no other form.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let date: Date = text.parse().ok()?;
    (date.to_string() == text && date.year() >= 0).then_some(date)
}
