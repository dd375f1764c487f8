//! Looks figures up in what is in force, and notes each that is used.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use super::eval::{Computed, Stop, Word};
use super::expr::{Place, Round};
use super::force::InForce;
use super::notes::short;
use super::pack::{Hit, Out};
use super::run::{Run, Scratch};
use super::val::{List, Val};

/// The most values of all lists of a case; one with more is referred as out of range.
const MOST_LISTED: usize = 1_000_000;

/// What becomes of the value of a row: whether the next is wanted.
type Taken = Result<ControlFlow<()>, Stop>;

impl<'p> Run<'p> {
    /// A parameter's figure on the business date.
    pub fn param(&mut self, at: usize) -> Computed {
        self.version(at)?.what.ok_or(Stop::no_figure(at))
    }

    /// The day from which that figure holds.
    pub fn since(&mut self, at: usize) -> Computed {
        Ok(Val::Date(self.version(at)?.from.into()))
    }

    fn version(&mut self, at: usize) -> Result<InForce<'p, Option<Val>>, Stop> {
        // The versions cover the pack's span, and only a date within it comes here.
        let version = self.force.params[at].ok_or(Stop::DEFECT)?;
        self.demo |= version.demo;
        self.notes.param(at);
        Ok(version)
    }

    /// What a column of a table gives for what is kept at `on`; a sum is only a number, see [`Run::cell_number`].
    pub fn cell(&mut self, table: usize, column: usize, on: &[Place]) -> Computed {
        let wanted = match self.pack.tables[table].hit {
            Hit::List => return self.listed(table, column, on),
            Hit::Sum => return Err(Stop::DEFECT),
            Hit::Unique | Hit::First => None,
            Hit::Min => Some(Ordering::Less),
            Hit::Max => Some(Ordering::Greater),
        };
        let mut found: Option<Val> = None;
        self.each_row(table, column, on, |_, value| {
            match (found, wanted) {
                (Some(best), Some(wanted)) if value.order(best).ok_or(Stop::DEFECT)? != wanted => {}
                _ => found = Some(value),
            }
            Ok(if wanted.is_none() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        // Proved complete at load.
        found.ok_or(Stop::DEFECT)
    }

    /// What a column of numbers gives.
    pub fn cell_number<W: Word>(&mut self, table: usize, column: usize, on: &[Place]) -> Result<W, Stop> {
        let number = |value: Val| match value {
            Val::Num(n) => Ok(W::of(n)),
            _ => Err(Stop::DEFECT),
        };
        if self.pack.tables[table].hit != Hit::Sum {
            return number(self.cell(table, column, on)?);
        }
        let mut sum = W::of(0);
        self.each_row(table, column, on, |_, value| {
            sum = sum.plus(number(value)?).ok_or(Stop::RANGE)?;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(sum)
    }

    fn listed(&mut self, table: usize, column: usize, on: &[Place]) -> Computed {
        let start = self.lists.len();
        self.each_row(table, column, on, |run, value| {
            if run.lists.len() >= MOST_LISTED {
                return Err(Stop::RANGE);
            }
            run.lists.push(value);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(Val::List(List::new(short(start), short(self.lists.len() - start))))
    }

    /// Gives `take` the column's value in each row that applies, as long as it wants the next.
    fn each_row(
        &mut self,
        table: usize,
        column: usize,
        on: &[Place],
        take: impl FnMut(&mut Self, Val) -> Taken,
    ) -> Result<(), Stop> {
        // Taken for as long as the keys are needed, and put back with its room.
        let mut scratch = std::mem::take(&mut self.scratch);
        let done = self.each_row_by(&mut scratch, table, column, on, take);
        self.scratch = scratch;
        done
    }

    fn each_row_by(
        &mut self,
        scratch: &mut Scratch,
        table: usize,
        column: usize,
        on: &[Place],
        mut take: impl FnMut(&mut Self, Val) -> Taken,
    ) -> Result<(), Stop> {
        let version = self.force.tables[table].ok_or(Stop::DEFECT)?;
        scratch.values.clear();
        for place in on {
            scratch.values.push(self.get(*place)?.ok_or(Stop::DEFECT)?);
        }
        for at in version.what.matching(&scratch.values, &mut scratch.parts) {
            self.demo |= version.demo;
            self.notes.row(table, at, &scratch.values);
            let value = self.out(version.what.rows[at].out[column])?;
            if take(self, value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn out(&mut self, out: Out) -> Computed {
        match out {
            Out::Value(value) => Ok(value),
            Out::Param(param) => self.param(param),
        }
    }

    /// Each part of an amount at the rate of the row whose range it lies in, rounded by itself where `each` says so; what
    /// is below zero has no part.
    pub fn bands(&mut self, amount: i128, table: usize, column: usize, each: Option<Round>) -> Result<i128, Stop> {
        let version = self.force.tables[table].ok_or(Stop::DEFECT)?;
        let mut sum = 0_i128;
        for (at, row) in version.what.rows.iter().enumerate() {
            let part = row.cells.first().map_or(0, |cell| cell.part(amount));
            if part == 0 {
                continue;
            }
            self.demo |= version.demo;
            self.notes.band(table, at, amount);
            let Val::Num(rate) = self.out(row.out[column])? else { return Err(Stop::DEFECT) };
            let product = part.checked_mul(rate.into());
            let product = product.and_then(|product| each.map_or(Some(product), |round| product.rounded(round)));
            sum = product.and_then(|product| sum.checked_add(product)).ok_or(Stop::RANGE)?;
        }
        Ok(sum)
    }
}
