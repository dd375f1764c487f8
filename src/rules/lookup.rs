//! Looks figures up in what is in force, and notes each that is used.

use super::eval::{Computed, Stop};
use super::expr::Place;
use super::force::InForce;
use super::pack::Rows;
use super::run::{Run, Scratch};
use super::val::Val;

impl<'p> Run<'p> {
    /// A parameter's figure on the business date.
    pub fn param(&mut self, at: usize) -> Computed {
        self.version(at)?.what.ok_or(Stop::NoFigure(super::notes::short(at)))
    }

    /// The day from which that figure holds.
    pub fn since(&mut self, at: usize) -> Computed {
        Ok(Val::Date(self.version(at)?.from))
    }

    fn version(&mut self, at: usize) -> Result<InForce<'p, Option<Val>>, Stop> {
        // The versions cover the pack's span, and only a date within it comes here.
        let version = self.force.params[at].ok_or(Stop::Defect)?;
        self.demo |= version.demo;
        self.notes.param(at);
        Ok(version)
    }

    /// A column of the row whose conditions are met by what is kept at `on`.
    pub fn cell(&mut self, table: usize, column: usize, on: &[Place]) -> Computed {
        // Taken for as long as the keys are needed, and put back with its room.
        let mut scratch = std::mem::take(&mut self.scratch);
        let row = self.row(table, on, &mut scratch);
        self.scratch = scratch;
        let (rows, at) = row?;
        Ok(rows.rows[at].out[column])
    }

    fn row(&mut self, table: usize, on: &[Place], scratch: &mut Scratch) -> Result<(&'p Rows, usize), Stop> {
        let version = self.force.tables[table].ok_or(Stop::Defect)?;
        scratch.values.clear();
        for place in on {
            scratch.values.push(self.get(*place)?.ok_or(Stop::Defect)?);
        }
        // Proved complete at load.
        let mut found = version.what.matching(&scratch.values, &mut scratch.parts);
        let at = found.next().ok_or(Stop::Defect)?;
        self.demo |= version.demo;
        self.notes.row(table, at, &scratch.values);
        Ok((version.what, at))
    }

    /// Each part of an amount at the rate of the row whose range it lies in; what is below zero has no part.
    pub fn bands(&mut self, amount: i128, table: usize, column: usize) -> Result<i128, Stop> {
        let version = self.force.tables[table].ok_or(Stop::Defect)?;
        let mut sum = 0_i128;
        for (at, row) in version.what.rows.iter().enumerate() {
            let part = row.cells.first().map_or(0, |cell| cell.part(amount));
            if let (Some(Val::Num(rate)), true) = (row.out.get(column), part > 0) {
                self.demo |= version.demo;
                self.notes.band(table, at, amount);
                sum = part.checked_mul((*rate).into()).and_then(|part| sum.checked_add(part)).ok_or(Stop::Range)?;
            }
        }
        Ok(sum)
    }
}
