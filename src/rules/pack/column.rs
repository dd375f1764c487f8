//! A column of conditions, and the parts into which rows cut it.

use std::collections::{BTreeSet, HashMap};

use super::page::Item;
use super::table::{Cell, Row};
use crate::rules::types::{Enumeration, Type};

/// Codes that name a part.
const MOST_NAMED: usize = 5;

/// A column's values, numbered: codes, or the parts into which the ranges cut the numbers.
pub(super) struct Column {
    /// Of each row, the values that meet its condition.
    rows: Vec<Values>,
    /// How many values there are.
    size: usize,
    names: Names,
}

enum Names {
    Codes(Vec<String>),
    /// The numbers at which parts begin, the first of them beginning without one.
    Cuts(Vec<String>),
}

/// Some of a column's values.
enum Values {
    /// From one on, below another.
    Between(usize, usize),
    /// In their order, each once.
    These(Vec<usize>),
}

impl Column {
    /// The column at this position.
    pub fn of(rows: &[(Item<'_>, Row)], column: usize, typ: Type, enums: &[Enumeration]) -> Self {
        let cells = rows.iter().map(|(_, row)| &row.cells[column]);
        match typ {
            Type::Bool => Self::of_codes(cells, vec!["false".to_owned(), "true".to_owned()]),
            Type::Enum(at) => {
                let values = enums.get(at).map(|e| &e.values[..]).unwrap_or_default();
                Self::of_codes(cells, values.iter().map(|(value, _)| value.clone()).collect())
            }
            _ => Self::of_numbers(cells, typ),
        }
    }

    fn of_codes<'c>(cells: impl Iterator<Item = &'c Cell>, names: Vec<String>) -> Self {
        let size = names.len();
        let values = |cell: &Cell| match cell {
            Cell::Bool(b) => Values::These(vec![usize::from(*b)]),
            Cell::Codes(codes) => {
                let codes: BTreeSet<_> = codes.iter().map(|code| *code as usize).collect();
                Values::These(codes.into_iter().collect())
            }
            Cell::Any | Cell::Range(_) => Values::Between(0, size),
        };
        Self { rows: cells.map(values).collect(), size, names: Names::Codes(names) }
    }

    /// Numbers change their rows only where a range begins or ends.
    fn of_numbers<'c>(cells: impl Iterator<Item = &'c Cell> + Clone, typ: Type) -> Self {
        let ends = cells.clone().filter_map(|cell| match cell {
            Cell::Range(range) => Some([range.low, range.high]),
            _ => None,
        });
        let cuts: BTreeSet<i128> = ends.flatten().flatten().collect();
        let cuts: Vec<_> = cuts.into_iter().collect();
        let size = cuts.len() + 1;
        let part = |end: i128| cuts.partition_point(|cut| *cut <= end);
        let values = |cell: &Cell| match cell {
            Cell::Range(range) => Values::Between(range.low.map_or(0, part), range.high.map_or(size, part)),
            _ => Values::Between(0, size),
        };
        let rows = cells.map(values).collect();
        let names = cuts.iter().map(|cut| typ.shown_number(*cut)).collect();
        Self { rows, size, names: Names::Cuts(names) }
    }

    /// Whether a row's condition is met by every value.
    pub fn is_any(&self, row: usize) -> bool {
        match &self.rows[row] {
            Values::Between(low, high) => (*low, *high) == (0, self.size),
            Values::These(codes) => codes.len() == self.size,
        }
    }

    /// How many rows its parts have in all when they are cut by `rows` alone, and for codes how many parts there may be;
    /// `None` when the rows do not cut it.
    pub fn weight(&self, rows: &[usize]) -> Option<usize> {
        if rows.iter().all(|row| self.is_any(*row)) {
            return None;
        }
        if let Names::Codes(_) = self.names {
            let codes = rows.iter().map(|row| match &self.rows[*row] {
                Values::Between(low, high) => high - low,
                Values::These(codes) => codes.len(),
            });
            return Some(codes.sum::<usize>() + self.size);
        }
        let cuts = self.cuts(rows);
        let parts = self
            .between(rows)
            .map(|(_, low, high)| cuts.partition_point(|cut| *cut < high) - cuts.partition_point(|cut| *cut < low));
        Some(parts.sum())
    }

    fn between(&self, rows: &[usize]) -> impl Iterator<Item = (usize, usize, usize)> {
        rows.iter().filter_map(|row| match self.rows[*row] {
            Values::Between(low, high) => Some((*row, low, high)),
            Values::These(_) => None,
        })
    }

    /// Where a range of `rows` begins or ends, and both ends of the column.
    fn cuts(&self, rows: &[usize]) -> Vec<usize> {
        let ends = self.between(rows).flat_map(|(_, low, high)| [low, high]);
        let cuts: BTreeSet<usize> = ends.chain([0, self.size]).collect();
        cuts.into_iter().collect()
    }

    /// The parts into which `rows` cut it, with the rows of each and its name.
    pub fn parts(&self, rows: &[usize]) -> Vec<(Vec<usize>, String)> {
        match &self.names {
            Names::Codes(names) => self.parts_of_codes(rows, names),
            Names::Cuts(names) => self.parts_of_numbers(rows, names),
        }
    }

    /// Codes that have the same rows are one part.
    fn parts_of_codes(&self, rows: &[usize], names: &[String]) -> Vec<(Vec<usize>, String)> {
        let mut of_code = vec![Vec::new(); self.size];
        for row in rows {
            match &self.rows[*row] {
                Values::Between(low, high) => of_code[*low..*high].iter_mut().for_each(|of| of.push(*row)),
                Values::These(codes) => codes.iter().for_each(|code| of_code[*code].push(*row)),
            }
        }
        let mut numbers: HashMap<Vec<usize>, usize> = HashMap::new();
        let mut parts: Vec<(Vec<usize>, Vec<&str>)> = Vec::new();
        for (rows, name) in of_code.into_iter().zip(names) {
            match numbers.get(&rows) {
                Some(number) => parts[*number].1.push(name),
                None => {
                    numbers.insert(rows.clone(), parts.len());
                    parts.push((rows, vec![name]));
                }
            }
        }
        let named = |names: Vec<&str>| match names.get(..MOST_NAMED) {
            Some(first) if names.len() > MOST_NAMED => format!("{}|…", first.join("|")),
            _ => names.join("|"),
        };
        parts.into_iter().map(|(rows, names)| (rows, named(names))).collect()
    }

    fn parts_of_numbers(&self, rows: &[usize], names: &[String]) -> Vec<(Vec<usize>, String)> {
        let mut begin: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut end: HashMap<usize, Vec<usize>> = HashMap::new();
        for (row, low, high) in self.between(rows) {
            begin.entry(low).or_default().push(row);
            end.entry(high).or_default().push(row);
        }
        let mut open: BTreeSet<usize> = BTreeSet::new();
        let cuts = self.cuts(rows);
        let parts = cuts.windows(2).map(|ends| {
            for row in end.get(&ends[0]).into_iter().flatten() {
                open.remove(row);
            }
            open.extend(begin.get(&ends[0]).into_iter().flatten());
            // Part n begins at cut n - 1.
            let cut = |part: usize| part.checked_sub(1).and_then(|cut| names.get(cut)).map_or("", String::as_str);
            (open.iter().copied().collect(), format!("{}..{}", cut(ends[0]), cut(ends[1])))
        });
        parts.collect()
    }
}
