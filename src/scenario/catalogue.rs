//! The table of 2015: 77 rows, embedded, in the printed order.

use serde::Serialize;

use crate::value::Kind;

/// The table as shipped: a copy that a test compares with the printed texts.
const BUILTIN: &str = include_str!("../../config/scenarios/catalogue.tsv");

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Scenario)]
pub struct Entry {
    /// Place in the table, 1 to 77.
    pub row: u32,
    /// The number as printed, which is 75 twice.
    pub printed: u32,
    /// Stable id.
    pub id: String,
    /// What it does.
    pub kind: Kind,
    /// Further parts of a scenario that has several.
    pub also: Vec<Kind>,
    /// 业务领域.
    pub domain: String,
    /// 应用名称.
    pub name: String,
    /// The usage text as printed.
    pub usage: String,
    /// The remark as printed.
    #[schema(required)]
    pub remark: Option<String>,
    /// How a row with a defect is meant.
    #[schema(required)]
    pub note: Option<String>,
    /// It has a definition and can be carried out.
    pub available: bool,
}

/// All rows.
#[derive(Debug, Clone)]
pub struct Catalogue {
    entries: Vec<Entry>,
}

/// A line that is not a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("catalogue.tsv:{line}:{column}: {what}")]
pub struct CatalogueError {
    /// Line, from 1.
    pub line: usize,
    /// Column of the table, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

impl Catalogue {
    /// The table as shipped; `available` names the scenarios that have a definition.
    ///
    /// # Errors
    /// Never for the table as shipped, which a test parses.
    pub fn builtin<'a>(available: impl Fn(&str) -> bool + 'a) -> Result<Self, CatalogueError> {
        Self::parse(BUILTIN, available)
    }

    /// Parses a table with a head line.
    ///
    /// # Errors
    /// Names the line and the column of the first cell that does not fit.
    pub fn parse(text: &str, available: impl Fn(&str) -> bool) -> Result<Self, CatalogueError> {
        let mut entries: Vec<Entry> = Vec::new();
        for (index, line) in text.lines().enumerate().skip(1) {
            let entry = row(index + 1, line, &available)?;
            if entries.iter().any(|other| other.id == entry.id) {
                return Err(wrong(index + 1, 3, format!("{} is there twice", entry.id)));
            }
            entries.push(entry);
        }
        Ok(Self { entries })
    }

    /// All rows, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The row with this id.
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }
}

fn row(line: usize, text: &str, available: &impl Fn(&str) -> bool) -> Result<Entry, CatalogueError> {
    let cells: Vec<&str> = text.split('\t').collect();
    let [row, printed, id, kind_name, also, domain, name, usage, remark, note] = cells[..] else {
        return Err(wrong(line, cells.len(), "a row has ten cells".to_owned()));
    };
    let number = |column, cell: &str| cell.parse().map_err(|_| wrong(line, column, format!("{cell:?} is no number")));
    let optional = |cell: &str| (!cell.is_empty()).then(|| cell.to_owned());
    Ok(Entry {
        row: number(1, row)?,
        printed: number(2, printed)?,
        id: id.to_owned(),
        kind: kind(line, 4, kind_name)?,
        also: also
            .split(',')
            .filter(|part| !part.is_empty())
            .map(|part| kind(line, 5, part))
            .collect::<Result<_, _>>()?,
        domain: domain.to_owned(),
        name: name.to_owned(),
        usage: usage.to_owned(),
        remark: optional(remark),
        note: optional(note),
        available: available(id),
    })
}

fn kind(line: usize, column: usize, name: &str) -> Result<Kind, CatalogueError> {
    let value = serde_json::Value::String(name.to_owned());
    serde_json::from_value(value).map_err(|_| wrong(line, column, format!("{name:?} is no kind")))
}

fn wrong(line: usize, column: usize, what: String) -> CatalogueError {
    CatalogueError { line, column, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_77_rows_with_ids_of_their_own() {
        let catalogue = Catalogue::builtin(|id| id == "medical-settlement").unwrap();
        let rows: Vec<u32> = catalogue.entries().iter().map(|entry| entry.row).collect();
        assert_eq!(rows, (1..=77).collect::<Vec<_>>());
        let sign_in = catalogue.entry("unemployment-sign-in").unwrap();
        assert_eq!((sign_in.row, sign_in.kind, sign_in.available), (58, Kind::SignIn, false));
        assert!(catalogue.entry("medical-settlement").unwrap().available);
        assert_eq!(catalogue.entry("designated-institution-change").unwrap().also, [Kind::Query]);
    }

    #[test]
    fn a_bad_row_is_named() {
        let err = Catalogue::parse("head\n1\t1\ta\tdance\t\td\tn\tu\t\t", |_| false).unwrap_err();
        assert_eq!((err.line, err.column), (2, 4));
    }
}
