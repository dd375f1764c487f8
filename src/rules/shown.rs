//! Values in the form that stands in the data, and as a person reads them.

use jiff::civil::Date;
use serde_json::Value;

use super::texts::CaseTexts;
use super::types::{Enumeration, Type};
use super::val::{List, Val};
use crate::failure::visible;
use crate::value::{Fen, Price, Quantity, Rate};

/// Between the values of a list, as a person reads it.
const COMMA: &str = "、";

/// What the numbers stand for that are in values.
#[derive(Clone, Copy)]
pub(super) struct Lexicon<'a> {
    pub enums: &'a [Enumeration],
    pub texts: &'a CaseTexts<'a>,
    pub lists: &'a [Val],
}

impl Lexicon<'_> {
    /// The value in the form that stands in the data.
    pub fn json(&self, typ: Type, value: Val) -> Value {
        match (typ, value) {
            (Type::List(element), Val::List(list)) => {
                self.list(list).iter().map(|value| self.json(element.typ(), *value)).collect()
            }
            (_, Val::Bool(b)) => Value::Bool(b.into()),
            (Type::Int | Type::Days, Val::Num(n)) => Value::from(n),
            _ => Value::String(self.plain(typ, value)),
        }
    }

    /// The value as a person reads it.
    pub fn shown(&self, typ: Type, value: Val) -> String {
        match (typ, value) {
            (Type::List(_), Val::List(list)) if list.len() == 0 => "无".to_owned(),
            (Type::List(element), Val::List(list)) => {
                let shown: Vec<_> = self.list(list).iter().map(|value| self.shown(element.typ(), *value)).collect();
                shown.join(COMMA)
            }
            (Type::Bool, Val::Bool(b)) => if b.into() { "是" } else { "否" }.to_owned(),
            (typ, Val::Num(n)) => typ.shown_number(n.into()),
            // What somebody typed in stands among the pack's own words: on the slip and in a terminal it stays a value.
            (Type::Text, Val::Text(text)) => visible(self.texts.get(text)).into_owned(),
            (Type::Enum(_), Val::Code(code)) => self.code(typ, code).map_or("", |(_, label)| label).to_owned(),
            _ => self.plain(typ, value),
        }
    }

    /// The value as it is written in the data.
    pub fn plain(&self, typ: Type, value: Val) -> String {
        match value {
            Val::Bool(b) => bool::from(b).to_string(),
            Val::Date(day) => Date::from(day).to_string(),
            Val::Month(n) => format!("{:04}-{:02}", n.div_euclid(12), n.rem_euclid(12) + 1),
            Val::Text(text) => self.texts.get(text).to_owned(),
            Val::Code(code) => self.code(typ, code).map_or("", |(value, _)| value).to_owned(),
            Val::Num(n) => typ.plain_number(n),
            // A list has no other type than one, which is told apart above.
            Val::List(_) => String::new(),
        }
    }

    fn code(&self, typ: Type, code: u64) -> Option<(&str, &str)> {
        let Type::Enum(at) = typ else { return None };
        let (value, label) = self.enums.get(at)?.values.get(usize::try_from(code).ok()?)?;
        Some((value, label))
    }

    fn list(&self, list: List) -> &[Val] {
        self.lists.get(list.range()).unwrap_or_default()
    }
}

impl Type {
    /// A number of this type as a person reads it. Only a sum or a product may be larger than what is kept; it is shown by
    /// its digits.
    pub fn shown_number(self, n: i128) -> String {
        if self == Self::Exact {
            return exact(n);
        }
        let plain = i64::try_from(n).map_or_else(|_| n.to_string(), |n| self.plain_number(n));
        match self {
            Self::Money | Self::Price => match plain.strip_prefix('-') {
                Some(amount) => format!("-¥{amount}"),
                None => format!("¥{plain}"),
            },
            Self::Days => format!("{plain} 天"),
            _ => plain,
        }
    }

    fn plain_number(self, n: i64) -> String {
        match self {
            Self::Money => Fen(n).to_string(),
            Self::Price => Price(n).to_string(),
            Self::Quantity => Quantity(n).to_string(),
            Self::Rate => Rate(n).to_string(),
            _ => n.to_string(),
        }
    }
}
/// An unrounded product, in millionths of a fen: to the fen at least, and on as far as there are digits.
fn exact(n: i128) -> String {
    let (yuan, rest) = (n.unsigned_abs() / 100_000_000, n.unsigned_abs() % 100_000_000);
    let digits = format!("{rest:08}");
    let (fen, more) = digits.split_at(2);
    let sign = if n < 0 { "-" } else { "" };
    format!("{sign}¥{yuan}.{fen}{}", more.trim_end_matches('0'))
}
