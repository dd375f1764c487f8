//! A value that a caller gives.

use jiff::civil::Date;
use serde_json::Value;

use super::texts::CaseTexts;
use super::types::{Enumeration, Type};
use super::val::Val;
use crate::value::{Fen, Price, Quantity, Rate};

/// A value that a caller gives: what it is, or the text that stands for it in the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datum<'a> {
    /// Nothing: the pack's default is taken, or none where the item is optional.
    Nothing,
    /// True or false.
    Bool(bool),
    /// A whole number, of days or of anything.
    Whole(i64),
    /// An amount.
    Money(Fen),
    /// A price of one.
    Price(Price),
    /// How many.
    Quantity(Quantity),
    /// A share.
    Rate(Rate),
    /// A day.
    Date(Date),
    /// A text, a code, or a value of any type but `int`, `days` and `bool` as it is written in the data.
    Text(&'a str),
}

impl<'a> Datum<'a> {
    /// What a JSON value gives: integers and booleans are JSON's own, all else is a string.
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Nothing),
            Value::Bool(b) => Some(Self::Bool(*b)),
            Value::Number(n) => n.as_i64().map(Self::Whole),
            Value::String(text) => Some(Self::Text(text)),
            _ => None,
        }
    }

    /// The value of this type.
    pub(super) fn typed(self, typ: Type, enums: &[Enumeration], texts: &mut CaseTexts<'_>) -> Option<Val> {
        match (typ, self) {
            (Type::Bool, Self::Bool(b)) => Some(Val::Bool(b.into())),
            (Type::Int | Type::Days, Self::Whole(n))
            | (Type::Money, Self::Money(Fen(n)))
            | (Type::Price, Self::Price(Price(n)))
            | (Type::Quantity, Self::Quantity(Quantity(n)))
            | (Type::Rate, Self::Rate(Rate(n))) => Some(Val::Num(n)),
            (Type::Date, Self::Date(date)) if date.year() >= 0 => Some(Val::Date(date.into())),
            (Type::Bool | Type::Int | Type::Days, _) => None,
            // Typed or scanned, `S1` and `S1 ` are one bill, and a blank is nothing: no text function could tell them so.
            (Type::Text, Self::Text(text)) => typ.parse(text.trim(), enums, |text| texts.keep(text)),
            (typ, Self::Text(text)) => typ.parse(text, enums, |text| texts.keep(text)),
            _ => None,
        }
    }
}

/// A value can be given as what it is.
macro_rules! datum {
    ($($typ:ty => $variant:ident),* $(,)?) => {
        $(impl From<$typ> for Datum<'_> {
            fn from(value: $typ) -> Self {
                Self::$variant(value)
            }
        })*
    };
}

datum! { bool => Bool, i64 => Whole, Fen => Money, Price => Price, Quantity => Quantity, Rate => Rate, Date => Date }

impl<'a> From<&'a str> for Datum<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}
