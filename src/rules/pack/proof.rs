//! Proofs about the rows of a table: that no combination of values is left out, that no two rows share one, that each row
//! is reached.
//!
//! The combinations are never counted out. The rows cut one column into parts, each part keeps the rows that reach into
//! it, and so on with the next column, the one first that leaves the fewest rows in all its parts. A table that decides
//! something at each step is so proved in a time that grows with its rows; for one that does not, there is a limit.

use std::collections::{BTreeSet, HashMap};

use super::page::Item;
use super::table::{Cell, Row};
use crate::rules::types::{Enumeration, Type};

/// What has to hold of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Each combination of values has exactly one row.
    ExactlyOne,
    /// Each has a row, and each row is the first of some combination.
    First,
    /// Each has a row.
    AtLeastOne,
}

/// The most rows looked at for all proofs of a pack, each as often as a part of a column reaches it: some tenths of a
/// second.
pub(super) const MOST_STEPS: usize = 5_000_000;
/// Missing combinations told one by one.
const MOST_TOLD: usize = 5;
/// Codes that name a part.
const MOST_NAMED: usize = 5;

/// A table to be proved.
pub(super) struct Proof<'a> {
    pub name: &'a str,
    /// Where the table is named.
    pub place: Item<'a>,
    pub rows: &'a [(Item<'a>, Row)],
    pub on: &'a [(String, Type)],
    pub enums: &'a [Enumeration],
}

impl Proof<'_> {
    /// Proves what `needs` says; tells what is missing at the table and what else is wrong at the row. `steps` are those
    /// that are left, and fewer afterwards.
    pub fn run(&self, needs: Needs, steps: &mut usize) {
        let columns =
            self.on.iter().enumerate().map(|(at, (_, typ))| Column::of(self.rows, at, *typ, self.enums)).collect();
        let mut search = Search {
            columns,
            needs,
            steps,
            overlaps: vec![None; self.rows.len()],
            reached: vec![false; self.rows.len()],
            missing: Vec::new(),
            more: 0,
        };
        let all: Vec<usize> = (0..self.rows.len()).collect();
        let proved = search.part(&all, &mut vec![None; self.on.len()]).is_some();
        let Search { overlaps, reached, missing, more, .. } = search;
        let name = self.name;
        for (at, other) in overlaps.iter().enumerate() {
            if let Some((other, values)) = other {
                self.rows[at].0.mistake(format!("row {} overlaps row {} on {values}", at + 1, other + 1));
            }
        }
        for values in &missing {
            self.place.mistake(format!("table {name} has no row for {values}"));
        }
        if more > 0 {
            self.place.mistake(format!("table {name} has no row for {more} more combinations"));
        }
        // What was found so far is wrong by itself; that the search came to no end is not a mistake besides.
        if !proved && missing.is_empty() && overlaps.iter().all(Option::is_none) {
            self.place.mistake(format!("table {name} has too many combinations to be proved: split it"));
        }
        if needs == Needs::First && proved {
            for ((place, _), _) in self.rows.iter().zip(&reached).filter(|(_, reached)| !**reached) {
                place.mistake("no case ever comes to this row: the rows above take it");
            }
        }
    }
}

/// A column's values, numbered: codes, or the parts into which the ranges cut the numbers.
struct Column {
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
    fn of(rows: &[(Item<'_>, Row)], column: usize, typ: Type, enums: &[Enumeration]) -> Self {
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
    fn is_any(&self, row: usize) -> bool {
        match &self.rows[row] {
            Values::Between(low, high) => (*low, *high) == (0, self.size),
            Values::These(codes) => codes.len() == self.size,
        }
    }

    /// How many rows its parts have in all when they are cut by `rows` alone, and for codes how many parts there may be;
    /// `None` when the rows do not cut it.
    fn weight(&self, rows: &[usize]) -> Option<usize> {
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
    fn parts(&self, rows: &[usize]) -> Vec<(Vec<usize>, String)> {
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

/// A search for combinations that are wrong.
struct Search<'s> {
    columns: Vec<Column>,
    needs: Needs,
    steps: &'s mut usize,
    /// Of each row, the first above it that shares a combination with it, and which.
    overlaps: Vec<Option<(usize, String)>>,
    /// Whether a row is the first of some combination.
    reached: Vec<bool>,
    missing: Vec<String>,
    /// How many are missing besides.
    more: usize,
}

impl Search<'_> {
    /// Looks at one part: `rows` are all that reach into it, `names` say which part it is in the columns that were cut.
    /// `None` when the steps do not suffice.
    fn part(&mut self, rows: &[usize], names: &mut Vec<Option<String>>) -> Option<()> {
        *self.steps = self.steps.checked_sub(rows.len() * self.columns.len() + 1)?;
        let Some(first) = rows.first() else {
            self.miss(names);
            return Some(());
        };
        let whole = rows.iter().position(|row| self.is_whole(*row, names));
        let rows = match (self.needs, whole) {
            // The rows below one that takes all come to nothing here.
            (Needs::First, Some(at)) => &rows[..=at],
            (Needs::AtLeastOne, Some(_)) => return Some(()),
            _ => rows,
        };
        let open = self.columns.iter().enumerate().filter(|(at, _)| names[*at].is_none());
        let weights = open.filter_map(|(at, column)| Some((column.weight(rows)?, at)));
        let Some((weight, at)) = weights.min() else {
            self.reached[*first] = true;
            self.overlap(rows, names);
            return Some(());
        };
        *self.steps = self.steps.checked_sub(weight)?;
        for (rows, name) in self.columns[at].parts(rows) {
            names[at] = Some(name);
            self.part(&rows, names)?;
        }
        names[at] = None;
        Some(())
    }

    /// Whether a row takes everything that is left of a part.
    fn is_whole(&self, row: usize, names: &[Option<String>]) -> bool {
        self.columns.iter().zip(names).all(|(column, name)| name.is_some() || column.is_any(row))
    }

    /// Notes the rows that share a combination.
    fn overlap(&mut self, rows: &[usize], names: &[Option<String>]) {
        let (Needs::ExactlyOne, [first, others @ ..]) = (self.needs, rows) else { return };
        for other in others {
            let known = &mut self.overlaps[*other];
            if known.as_ref().is_none_or(|(known, _)| first < known) {
                *known = Some((*first, shown(names)));
            }
        }
    }

    fn miss(&mut self, names: &[Option<String>]) {
        if self.missing.len() < MOST_TOLD {
            self.missing.push(shown(names));
        } else {
            self.more += 1;
        }
    }
}

/// A part by the values of each column; `*` where all of them are in it.
fn shown(names: &[Option<String>]) -> String {
    let names: Vec<_> = names.iter().map(|name| name.as_deref().unwrap_or("*")).collect();
    format!("({})", names.join(", "))
}
