//! Values on paper, and in whose hands they are.

use serde_json::{Map, Value};

use super::document::{Label, Table, Text};
use crate::value::mask;

/// In whose hands a paper is meant to be, and so how persons stand on it.
#[derive(Debug, Clone, std::marker::Copy, PartialEq, Eq)]
pub enum Copy {
    /// The holder's own: what is personal stands on it in full.
    Holder,
    /// A hospital's, a pharmacy's, anybody's: what is personal is starred but for its first character.
    ThirdParty,
}

impl Copy {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Holder, Self::ThirdParty];

    /// Its name at the doors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holder => "holder",
            Self::ThirdParty => "third-party",
        }
    }

    /// The copy of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|copy| copy.name() == name)
    }

    /// A personal text as it stands on this copy.
    pub(super) fn personal(self, text: &str) -> Text {
        match self {
            Self::Holder => text.into(),
            Self::ThirdParty => mask(&text.chars().take(LONGEST_MASK).collect::<String>(), 1, 0).as_str().into(),
        }
    }
}

/// One item of a form or of a record.
#[derive(Debug, Clone)]
pub struct Column<'a> {
    /// Its name in the data.
    pub item: &'a str,
    /// What a person reads.
    pub label: &'a str,
    /// What its values are.
    pub cell: Cell<'a>,
}

/// What values are, so far as paper cares.
#[derive(Debug, Clone)]
pub enum Cell<'a> {
    /// Yuan: `"260.00"`.
    Money,
    /// A number, a quantity, a rate.
    Number,
    /// A date, a month, a text that names nobody.
    Plain,
    /// 是 or 否.
    Bool,
    /// A code of a list: value and label each. One that is not in it is printed as it is.
    Choice(Vec<(&'a str, &'a str)>),
    /// What may tell who somebody is: a name, a number, a free text.
    Personal,
}

/// The most characters of a masked text: of a statement of a thousand nobody wants the stars.
const LONGEST_MASK: usize = 12;

/// Where there is no value.
const NONE: &str = "–";

impl Column<'_> {
    /// Its value in `row` as it stands on `copy`.
    pub(super) fn text(&self, row: &Map<String, Value>, copy: Copy) -> Text {
        let value = row.get(self.item).unwrap_or(&Value::Null);
        let plain = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match (&self.cell, value) {
            (_, Value::Null) => NONE.into(),
            (Cell::Bool, Value::Bool(yes)) => if *yes { "是" } else { "否" }.into(),
            (Cell::Money, _) => format!("¥{}", plain()).as_str().into(),
            (Cell::Choice(values), _) => {
                let code = plain();
                let label = values.iter().find(|(value, _)| *value == code).map(|(_, label)| *label);
                label.unwrap_or(&code).into()
            }
            (Cell::Personal, _) => copy.personal(&plain()),
            (Cell::Number | Cell::Plain | Cell::Bool, _) => plain().as_str().into(),
        }
    }
}

/// Rows under their columns' labels.
pub(super) fn table(columns: &[Column], rows: &[Map<String, Value>], copy: Copy) -> Table {
    let label =
        |column: &Column| Label { text: column.label.into(), right: matches!(column.cell, Cell::Money | Cell::Number) };
    Table {
        columns: columns.iter().map(label).collect(),
        rows: rows.iter().map(|row| columns.iter().map(|column| column.text(row, copy)).collect()).collect(),
    }
}
