//! Decision tables: rows of conditions and what they give; see [`proof`](super::proof) for what is
//! proved of them.

use super::Origin;
use super::dated::Dated;
use super::hit::Hit;
use super::index::{self, Index};
use super::range::Range;
use crate::rules::types::{Enumeration, Type};
use crate::rules::val::Val;

/// A table.
#[derive(Debug)]
pub(in super::super) struct Table {
    pub name: String,
    pub label: String,
    /// The names it is looked up by, and their types.
    pub on: Vec<(String, Type)>,
    /// Names and types of what a row gives.
    pub columns: Vec<(String, Type)>,
    /// What becomes of the rows that apply.
    pub hit: Hit,
    pub versions: Dated<Rows>,
}

/// The rows of one version of a table.
#[derive(Debug)]
pub(in super::super) struct Rows {
    pub rows: Vec<Row>,
    pub origin: Origin,
    index: Index,
}

/// A row.
#[derive(Debug, Clone)]
pub(in super::super) struct Row {
    pub cells: Vec<Cell>,
    pub out: Vec<Out>,
}

/// What a row gives in one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Out {
    Value(Val),
    /// The figure of a parameter.
    Param(usize),
}

/// A condition on one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Cell {
    Any,
    Bool(bool),
    Codes(Vec<u32>),
    Range(Range),
}

/// The most rows of all tables of a pack.
pub(super) const MOST_ROWS: usize = 10_000;
/// The most rows of all tables of which more than one may be used at once: each leaves a record for each bill line.
pub(super) const MOST_AT_ONCE: usize = 500;
/// The most names a table is looked up by, and the most columns it gives.
pub(super) const MOST_COLUMNS: usize = 20;

impl Cell {
    /// A condition as it is written: `*`, values joined by `|`, `true`, or a range.
    pub fn parse(text: &str, typ: Type, enums: &[Enumeration]) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        match typ {
            Type::Bool => text.parse().ok().map(Self::Bool),
            Type::Enum(at) => {
                let code = |value: &str| values_of(at, enums).iter().position(|(known, _)| known == value.trim());
                let codes = text.split('|').map(|value| u32::try_from(code(value)?).ok());
                codes.collect::<Option<Vec<_>>>().map(Self::Codes)
            }
            _ => Range::parse(text, typ).map(Self::Range),
        }
    }

    /// Whether `value` meets it.
    pub fn holds(&self, value: &Val) -> bool {
        match (self, value) {
            (Self::Any, _) => true,
            (Self::Bool(wanted), Val::Bool(given)) => *wanted == bool::from(*given),
            (Self::Codes(codes), Val::Code(code)) => codes.iter().any(|wanted| u64::from(*wanted) == *code),
            (Self::Range(range), Val::Num(n)) => range.has((*n).into()),
            _ => false,
        }
    }

    /// How much of the amounts from zero to `amount` lies in its range.
    pub fn part(&self, amount: i128) -> i128 {
        let (low, high) = match self {
            Self::Any => (0, amount),
            Self::Range(range) => (range.low.unwrap_or(0).max(0), range.high.map_or(amount, |high| high.min(amount))),
            _ => (0, 0),
        };
        (high - low).max(0)
    }
}

impl Rows {
    /// Rows with conditions on names of these types.
    pub fn new(rows: Vec<Row>, origin: Origin, types: impl Iterator<Item = Type>, enums: &[Enumeration]) -> Self {
        let index = Index::new(&rows, types, enums);
        Self { rows, origin, index }
    }

    /// The rows that apply to these values, in their order; `parts` is room to work in.
    pub fn matching<'a>(
        &'a self,
        values: &'a [Val],
        parts: &'a mut Vec<usize>,
    ) -> impl Iterator<Item = usize> + use<'a> {
        index::matching(&self.index, &self.rows, values, parts)
    }
}

impl Row {
    /// Whether the values meet all its conditions.
    pub fn holds(&self, values: &[Val]) -> bool {
        self.cells.iter().zip(values).all(|(cell, value)| cell.holds(value))
    }
}

/// Whether a name of this type can be looked up by.
pub(super) fn can_look_up(typ: Type) -> bool {
    matches!(typ, Type::Bool | Type::Enum(_) | Type::Int | Type::Days | Type::Money | Type::Quantity | Type::Rate)
}

/// The values of an enumeration, and their labels.
pub(super) fn values_of(at: usize, enums: &[Enumeration]) -> &[(String, String)] {
    enums.get(at).map(|e| &e.values[..]).unwrap_or_default()
}
