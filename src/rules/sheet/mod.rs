//! Decision tables as CSV for spreadsheet programs, and back: what was changed there goes into the rows of the pack's
//! text, and not a byte besides.

mod align;
mod csv;
mod edit;
mod layout;
mod rows;
#[cfg(test)]
mod tests;

use jiff::civil::Date;
use serde::Serialize;

use super::packs::Packs;
use crate::failure::{Diagnostic, offset, place};
use align::Step;
use layout::Layout;
use rows::Rows;

/// The rows of one version of a table, in the text of a pack.
#[derive(Debug)]
pub struct Sheet<'a> {
    file: &'a str,
    text: &'a str,
    table: &'a str,
    from: Option<Date>,
    rows: Rows,
}

/// What came of a CSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The pack's text with it; the very same where nothing was changed.
    pub text: String,
    /// What was changed, in the order of the rows.
    pub changes: Vec<RowChange>,
}

/// Something that a CSV changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum RowChange {
    /// A cell has another value.
    Cell {
        /// The row as it now is, counted from 1.
        row: usize,
        /// The name of its column.
        column: String,
        /// What stood there.
        was: String,
        /// What stands there now.
        is: String,
    },
    /// A row came in.
    Added {
        /// Its place, counted from 1.
        row: usize,
        /// Its cells.
        cells: Vec<String>,
    },
    /// A row went out.
    Removed {
        /// The place it had, counted from 1.
        row: usize,
        /// Its cells.
        cells: Vec<String>,
    },
}

impl<'a> Sheet<'a> {
    /// Finds the rows of `table` in the pack `text`, of the version that begins on `from`; that may be left out where
    /// there is only one.
    ///
    /// # Errors
    /// When the text is no TOML, or has no such table or version, or its rows are not what the header says. Other
    /// mistakes of the pack do no harm: a table may be what has to be mended.
    pub fn find(file: &'a str, text: &'a str, table: &'a str, from: Option<Date>) -> Result<Self, Vec<Diagnostic>> {
        let rows = rows::find(text, table, from);
        let here = |(at, what): rows::Mistake| told(file, text, at, &what);
        let rows = rows.map_err(|mistakes| mistakes.into_iter().map(here).collect::<Vec<_>>())?;
        Ok(Self { file, text, table, from, rows })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows.rows.len()
    }

    /// The rows as CSV, with a header. `bom` puts the mark in front by which spreadsheet programs know UTF-8.
    pub fn to_csv(&self, bom: bool) -> String {
        csv::write(&self.rows.columns, self.rows.rows.iter().map(|row| row.cells.iter().map(|cell| &*cell.text)), bom)
    }

    /// The pack's text with the rows of a CSV, loaded and its cases run. Rows and cells that mean what they meant keep
    /// their bytes, and with them their comments.
    ///
    /// # Errors
    /// Every mistake: of the CSV by its place there; of the pack that comes of it, in the CSV where the rows are to
    /// blame, else in the file.
    pub fn import(&self, name: &str, csv: &[u8]) -> Result<Import, Vec<Diagnostic>> {
        let sheet = self.read(name, csv)?;
        let (text, changes) = self.rewrite(&sheet)?;
        match Packs::load(&[(self.file.to_owned(), text.clone())]) {
            Ok(_) => Ok(Import { text, changes }),
            Err(mistakes) => Err(self.blamed(&sheet, &text, mistakes)),
        }
    }

    fn read<'c>(&self, name: &'c str, csv: &'c [u8]) -> Result<csv::Sheet<'c>, Vec<Diagnostic>> {
        let mut sheet = csv::read(name, csv, &self.rows.columns)?;
        sheet.records.iter_mut().for_each(|record| self.rows.mend(&mut record.cells));
        Ok(sheet)
    }

    /// The text with the rows of a CSV, whatever a loader says of it.
    fn rewrite(&self, sheet: &csv::Sheet<'_>) -> Result<(String, Vec<RowChange>), Vec<Diagnostic>> {
        let new: Vec<&[String]> = sheet.records.iter().map(|record| &*record.cells).collect();
        let layout = Layout::of(self.text, &self.rows);
        let here = |(at, message): rows::Mistake| vec![told(self.file, self.text, at, &message)];
        let steps = align::align(&self.rows, &layout, &new).map_err(here)?;
        let text = edit::edit(self.text, &self.rows, &layout, &steps, &new).map_err(here)?;
        Ok((text, self.changes(&steps, &new)))
    }

    /// Mistakes of the new text, each where its author finds it: a row's in the CSV, another's in the file as it is.
    fn blamed(&self, sheet: &csv::Sheet<'_>, text: &str, mistakes: Vec<Diagnostic>) -> Vec<Diagnostic> {
        // Invariant: `text` differs from a text that has the table in the rows' list alone.
        let Ok(after) = rows::find(text, self.table, self.from) else { return mistakes };
        let blame = |mistake: Diagnostic| {
            let Some(at) = offset(text, mistake.line, mistake.column) else { return mistake };
            if let Some((row, cell)) = after.cell_at(at) {
                let (line, column) = sheet.place(row, cell);
                return Diagnostic { file: sheet.name.to_owned(), line, column, ..mistake };
            }
            let before = if at < after.list.end { at } else { at - after.list.end + self.rows.list.end };
            let (line, column) = place(self.text, before);
            Diagnostic { line, column, ..mistake }
        };
        mistakes.into_iter().map(blame).collect()
    }

    fn changes(&self, steps: &[Step], new: &[&[String]]) -> Vec<RowChange> {
        let rows = &self.rows;
        let old = |at: usize| rows.rows[at].cells.iter().map(|cell| cell.text.clone()).collect::<Vec<_>>();
        let mut changes = Vec::new();
        for step in steps {
            match *step {
                Step::Both(at, to) => {
                    let cells = rows.rows[at].cells.iter().zip(new[to]).enumerate();
                    changes.extend(cells.filter(|(column, (cell, is))| !rows.same(*column, &cell.text, is)).map(
                        |(column, (cell, is))| RowChange::Cell {
                            row: to + 1,
                            column: rows.columns[column].name.clone(),
                            was: cell.text.clone(),
                            is: is.clone(),
                        },
                    ));
                }
                Step::Remove(at) => changes.push(RowChange::Removed { row: at + 1, cells: old(at) }),
                Step::Insert(to) => changes.push(RowChange::Added { row: to + 1, cells: new[to].to_vec() }),
            }
        }
        changes
    }
}

fn told(file: &str, text: &str, at: usize, message: &str) -> Diagnostic {
    let (line, column) = place(text, at);
    Diagnostic { file: file.to_owned(), line, column, message: message.to_owned() }
}
