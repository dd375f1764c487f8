//! Decision tables: rows of conditions and what they give; proved complete, and with hit policy `unique` disjoint.

use super::dated::Dated;
use super::page::Item;
use super::range::Range;
use super::{Origin, Type, Val};
use crate::rules::types::Enumeration;

/// A table.
#[derive(Debug)]
pub(in super::super) struct Table {
    pub name: String,
    pub label: String,
    /// The names it is looked up by, and their types.
    pub on: Vec<(String, Type)>,
    /// Names and types of what a row gives.
    pub columns: Vec<(String, Type)>,
    pub versions: Dated<Rows>,
}

/// The rows of one version of a table.
#[derive(Debug)]
pub(in super::super) struct Rows {
    pub rows: Vec<Row>,
    pub origin: Origin,
}

/// A row.
#[derive(Debug, Clone)]
pub(in super::super) struct Row {
    pub cells: Vec<Cell>,
    pub out: Vec<Val>,
}

/// A condition on one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Cell {
    Any,
    Bool(bool),
    Codes(Vec<usize>),
    Range(Range),
}

/// The most combinations a table is proved over.
const MOST_COMBINATIONS: usize = 20_000;
/// The most rows.
pub(super) const MOST_ROWS: usize = 500;
/// Missing combinations told one by one.
const MOST_TOLD: usize = 5;

impl Cell {
    /// A condition as it is written: `*`, values joined by `|`, `true`, or a range.
    pub fn parse(text: &str, typ: Type, enums: &[Enumeration]) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        match typ {
            Type::Bool => text.parse().ok().map(Self::Bool),
            Type::Enum(_) => {
                let codes = text.split('|').map(|value| match typ.parse(value.trim(), enums) {
                    Some(Val::Code(code)) => Some(code),
                    _ => None,
                });
                codes.collect::<Option<Vec<_>>>().map(Self::Codes)
            }
            _ => Range::parse(text, typ).map(Self::Range),
        }
    }

    /// Whether `value` meets it.
    pub fn holds(&self, value: &Val) -> bool {
        match (self, value) {
            (Self::Any, _) => true,
            (Self::Bool(wanted), Val::Bool(given)) => wanted == given,
            (Self::Codes(codes), Val::Code(code)) => codes.contains(code),
            (Self::Range(range), Val::Num(n)) => range.has(*n),
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

    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Codes(a), Self::Codes(b)) => a.iter().any(|code| b.contains(code)),
            (Self::Range(a), Self::Range(b)) => a.meets(b),
            _ => true,
        }
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

/// Proves the rows complete, and disjoint when `unique`; tells what is missing at `table` and what overlaps at its row.
pub(super) fn prove(
    name: &str,
    table: Item<'_>,
    rows: &[(Item<'_>, Row)],
    on: &[(String, Type)],
    unique: bool,
    enums: &[Enumeration],
) {
    if unique {
        for (at, (place, row)) in rows.iter().enumerate() {
            let overlaps = |other: &Row| row.cells.iter().zip(&other.cells).all(|(a, b)| a.meets(b));
            if let Some(other) = rows[..at].iter().position(|(_, other)| overlaps(other)) {
                place.mistake(format!("row {} overlaps row {}", at + 1, other + 1));
            }
        }
    }
    let samples: Vec<Vec<(Val, String)>> =
        on.iter().enumerate().map(|(column, (_, typ))| samples(rows, column, *typ, enums)).collect();
    let combinations = samples.iter().try_fold(1_usize, |n, values| n.checked_mul(values.len()));
    let Some(combinations) = combinations.filter(|n| *n <= MOST_COMBINATIONS) else {
        table.mistake(format!("table {name} has more than {MOST_COMBINATIONS} combinations: split it"));
        return;
    };
    let mut reached = vec![false; rows.len()];
    let mut missing = 0;
    for number in 0..combinations {
        let combination = combination(number, &samples);
        let values: Vec<Val> = combination.iter().map(|(value, _)| value.clone()).collect();
        match rows.iter().position(|(_, row)| row.holds(&values)) {
            Some(row) => reached[row] = true,
            None => {
                missing += 1;
                if missing <= MOST_TOLD {
                    let names: Vec<_> = combination.iter().map(|(_, name)| name.as_str()).collect();
                    table.mistake(format!("table {name} has no row for ({})", names.join(", ")));
                }
            }
        }
    }
    if missing > MOST_TOLD {
        table.mistake(format!("table {name} has no row for {} more combinations", missing - MOST_TOLD));
    }
    if !unique {
        for ((place, _), _) in rows.iter().zip(&reached).filter(|(_, reached)| !**reached) {
            place.mistake("no case ever comes to this row: the rows above take it");
        }
    }
}

/// The combination with this number: one sample of each column.
fn combination<'a>(mut number: usize, samples: &'a [Vec<(Val, String)>]) -> Vec<&'a (Val, String)> {
    let pick = |values: &'a Vec<(Val, String)>| {
        let sample = &values[number % values.len()];
        number /= values.len();
        sample
    };
    samples.iter().map(pick).collect()
}

/// One value of each part into which the rows cut a column, and how the part is named. Numbers change their row only
/// where a range begins or ends.
fn samples(rows: &[(Item<'_>, Row)], column: usize, typ: Type, enums: &[Enumeration]) -> Vec<(Val, String)> {
    match typ {
        Type::Bool => [false, true].map(|b| (Val::Bool(b), b.to_string())).into(),
        Type::Enum(at) => {
            let values = enums.get(at).map(|e| &e.values[..]).unwrap_or_default();
            values.iter().enumerate().map(|(code, (value, _))| (Val::Code(code), value.clone())).collect()
        }
        _ => {
            let mut cuts: Vec<i128> = Vec::new();
            for (_, row) in rows {
                if let Some(Cell::Range(range)) = row.cells.get(column) {
                    cuts.extend(range.low);
                    cuts.extend(range.high);
                }
            }
            cuts.sort_unstable();
            cuts.dedup();
            let shown = |n: i128| typ.shown(&Val::Num(n), enums);
            let Some(first) = cuts.first() else { return vec![(Val::Num(0), "..".to_owned())] };
            let mut found = vec![(Val::Num(first - 1), format!("..{}", shown(*first)))];
            for (at, cut) in cuts.iter().enumerate() {
                let end = cuts.get(at + 1).map(|next| shown(*next)).unwrap_or_default();
                found.push((Val::Num(*cut), format!("{}..{end}", shown(*cut))));
            }
            found
        }
    }
}
