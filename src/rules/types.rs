//! The types of the language: their names, and how values of them are read.

use std::borrow::Cow;

use super::val::{TextId, Val, month_of, parse_date};
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
    /// What a table gives that takes every row that applies.
    List(Element),
}

/// What a list has in it: a value of any type that a column of a table can have, so no product and no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Element(usize);

/// An enumeration, or a code list: the values that stand in the data, and what a person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Enumeration {
    pub name: String,
    /// Value and label, in the pack's order.
    pub values: Vec<(String, String)>,
}

/// The longest text a fact may have, in characters.
pub(super) const LONGEST_TEXT: usize = 200;

impl Element {
    /// The types that have no parameter; the enumerations follow them.
    const PLAIN: [Type; 10] = [
        Type::Bool,
        Type::Int,
        Type::Days,
        Type::Money,
        Type::Price,
        Type::Quantity,
        Type::Rate,
        Type::Date,
        Type::Month,
        Type::Text,
    ];

    /// An element of this type; `None` where there is no list of it.
    pub fn of(typ: Type) -> Option<Self> {
        match typ {
            Type::Enum(at) => Some(Self(Self::PLAIN.len() + at)),
            _ => Self::PLAIN.iter().position(|plain| *plain == typ).map(Self),
        }
    }

    /// The element's type.
    pub fn typ(self) -> Type {
        Self::PLAIN.get(self.0).copied().unwrap_or_else(|| Type::Enum(self.0 - Self::PLAIN.len()))
    }
}

impl Type {
    /// A type by its name in a pack; an enumeration by its own. A list has none: nobody declares one.
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
            Self::List(_) => "list",
        }
    }

    /// The name in a diagnostic.
    pub fn name(self, enums: &[Enumeration]) -> Cow<'_, str> {
        match self {
            Self::Enum(at) => enums.get(at).map_or("choice", |e| &e.name).into(),
            Self::List(element) => format!("list<{}>", element.typ().name(enums)).into(),
            other => other.kind().into(),
        }
    }

    /// Whether its values have an order.
    pub fn ordered(self) -> bool {
        !matches!(self, Self::Bool | Self::Text | Self::Enum(_) | Self::List(_))
    }

    /// Whether its values are numbers in a unit.
    pub fn number(self) -> bool {
        matches!(self, Self::Int | Self::Days | Self::Money | Self::Price | Self::Quantity | Self::Rate | Self::Exact)
    }

    /// Whether terminal and centre can add to it where no pack is at hand: amounts and whole numbers.
    pub fn adds_up(self) -> bool {
        matches!(self, Self::Int | Self::Days | Self::Money)
    }

    /// A value in the form that stands in the data; dates and months as `2015-08-01` and `2015-08`. `keep` gives a text
    /// its number.
    pub fn parse(self, text: &str, enums: &[Enumeration], keep: impl FnOnce(&str) -> TextId) -> Option<Val> {
        match self {
            Self::Bool => text.parse::<bool>().ok().map(|truth| Val::Bool(truth.into())),
            Self::Date => parse_date(text).map(|date| Val::Date(date.into())),
            Self::Month => (text.len() == 7).then(|| parse_date(&format!("{text}-01"))).flatten().map(month_of),
            Self::Text => (text.chars().count() <= LONGEST_TEXT).then(|| Val::Text(keep(text))),
            Self::Enum(at) => {
                let code = enums.get(at)?.values.iter().position(|(value, _)| value == text)?;
                u64::try_from(code).ok().map(Val::Code)
            }
            _ => self.parse_number(text).map(Val::Num),
        }
    }

    /// Whether a text is a value of this type.
    pub fn reads(self, text: &str, enums: &[Enumeration]) -> bool {
        self.parse(text, enums, |_| TextId(0)).is_some()
    }

    /// A number in the form that stands in the data.
    pub fn parse_number(self, text: &str) -> Option<i64> {
        match self {
            Self::Int | Self::Days => text.parse().ok(),
            Self::Money => text.parse::<Fen>().ok().map(|fen| fen.0),
            Self::Price => text.parse::<Price>().ok().map(|price| price.0),
            Self::Quantity => text.parse::<Quantity>().ok().map(|quantity| quantity.0),
            Self::Rate => text.parse::<Rate>().ok().map(|rate| rate.0),
            _ => None,
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
            Self::List(_) => "a list".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_of_what_a_column_can_be() {
        for typ in Element::PLAIN.into_iter().chain([Type::Enum(0), Type::Enum(7)]) {
            let element = Element::of(typ).unwrap();
            assert_eq!(element.typ(), typ);
            assert_eq!(Element::of(Type::List(element)), None);
        }
        assert_eq!(Element::of(Type::Exact), None);
    }
}
