//! What is in force on a business date: looked up once for a date, and not for each use.

use jiff::civil::Date;

use super::pack::{Origin, Pack, Rows};
use super::val::Val;

/// The versions in force on a day.
#[derive(Debug, Default)]
pub(super) struct Force<'p> {
    date: Option<Date>,
    /// By parameter; `None` where no version covers the day, which the loader excludes.
    pub params: Vec<Option<InForce<'p, Option<Val>>>>,
    /// By table.
    pub tables: Vec<Option<InForce<'p, &'p Rows>>>,
}

/// A version.
#[derive(Debug, Clone, Copy)]
pub(super) struct InForce<'p, T> {
    /// The day from which it holds.
    pub from: Date,
    /// The figure, where it is known, or the rows.
    pub what: T,
    pub origin: &'p Origin,
    /// What is printed from it says 演示参数.
    pub demo: bool,
}

impl<'p> Force<'p> {
    /// Goes to another day. `figures` stand in for those of parameters that no source gives.
    pub fn on(&mut self, pack: &'p Pack, date: Date, figures: &[(usize, Val)]) {
        if self.date == Some(date) {
            return;
        }
        self.date = Some(date);
        self.params.clear();
        self.params.extend(pack.params.iter().enumerate().map(|(at, param)| {
            let (from, figure) = param.figures.on(date)?;
            let for_test = figures.iter().find(|(param, _)| *param == at && !figure.origin.confirmed());
            let value = for_test.map(|(_, value)| *value).or(figure.value);
            Some(InForce { from, what: value, origin: &figure.origin, demo: figure.origin.demo() })
        }));
        self.tables.clear();
        self.tables.extend(pack.tables.iter().map(|table| {
            let (from, rows) = table.versions.on(date)?;
            Some(InForce { from, what: rows, origin: &rows.origin, demo: rows.origin.demo() })
        }));
    }
}
