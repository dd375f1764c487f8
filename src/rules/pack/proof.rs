//! Proofs about the rows of a table: that no combination of values is left out, that no two rows share one, that each row
//! is reached.
//!
//! The combinations are never counted out. The rows cut one column into parts, each part keeps the rows that reach into
//! it, and so on with the next column, the one first that leaves the fewest rows in all its parts. A table that decides
//! something at each step is so proved in a time that grows with its rows; for one that does not, there is a limit.

use super::column::Column;
use super::page::Item;
use super::table::Row;
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
