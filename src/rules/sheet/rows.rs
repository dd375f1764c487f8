//! The rows of a table's version, and where each of their cells stands in the pack's text.

use std::borrow::Cow;
use std::ops::Range;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::rules::pack::Cell as Condition;
use crate::rules::types::Type;
use crate::rules::val::parse_date;

/// The rows of one version.
#[derive(Debug)]
pub(super) struct Rows {
    /// What stands above the cells of each row: the names it is looked up by, then what it gives.
    pub columns: Vec<Column>,
    /// Where the list of rows stands, with its brackets.
    pub list: Range<usize>,
    pub rows: Vec<Row>,
}

/// A column. A type that only a whole pack tells, such as that of a step, is not known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub name: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Condition(Option<Type>),
    Value(Option<Type>),
}

/// A row and where it stands, with its brackets.
#[derive(Debug)]
pub(super) struct Row {
    pub at: Range<usize>,
    pub cells: Vec<Cell>,
}

/// A cell, where it stands, with its quotes, and its text, without.
#[derive(Debug)]
pub(super) struct Cell {
    pub at: Range<usize>,
    pub text: String,
}

/// What is wrong, and the byte at which it is.
pub(super) type Mistake = (usize, String);

type Value<'a> = Spanned<DeValue<'a>>;

/// What a cell means, as far as that is known: two texts with one meaning are no change.
#[derive(PartialEq, Eq)]
enum Meaning<'t> {
    Condition(Condition),
    Number(i64),
    Text(&'t str),
}

impl Rows {
    /// Whether two texts of a column mean the same: a spreadsheet program writes `400` for `400.00`.
    pub fn same(&self, column: usize, a: &str, b: &str) -> bool {
        a == b || self.columns[column].meaning(a) == self.columns[column].meaning(b)
    }

    /// Writes truth values as TOML does: spreadsheet programs have them in capitals.
    pub fn mend(&self, cells: &mut [String]) {
        let truth = |text: &str| matches!(text, "true" | "false" | "*");
        for (column, text) in cells.iter_mut().enumerate() {
            let lower = text.to_ascii_lowercase();
            if truth(&lower) && self.rows.iter().all(|row| truth(&row.cells[column].text)) {
                *text = lower;
            }
        }
    }

    /// Row and cell at a byte; no cell where the row as a whole is meant.
    pub fn cell_at(&self, at: usize) -> Option<(usize, Option<usize>)> {
        let row = self.rows.iter().position(|row| row.at.contains(&at))?;
        Some((row, self.rows[row].cells.iter().position(|cell| cell.at.contains(&at))))
    }
}

impl Column {
    /// A text that is the same for all texts of one meaning.
    pub fn key<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.meaning(text) {
            Meaning::Condition(condition) => Cow::Owned(format!("{condition:?}")),
            Meaning::Number(number) => Cow::Owned(number.to_string()),
            Meaning::Text(text) => Cow::Borrowed(text),
        }
    }

    /// Whether rows are looked up by it.
    pub fn is_condition(&self) -> bool {
        matches!(self.kind, Kind::Condition(_))
    }

    fn meaning<'t>(&self, text: &'t str) -> Meaning<'t> {
        let known = match &self.kind {
            Kind::Condition(typ) => typ.and_then(|typ| Condition::parse(text, typ, &[])).map(Meaning::Condition),
            Kind::Value(typ) => typ.and_then(|typ| typ.parse_number(text)).map(Meaning::Number),
        };
        known.unwrap_or(Meaning::Text(text))
    }
}

/// Finds the rows of the version of `name` that begins on `from`, of the only one where `from` is left out.
pub(super) fn find(text: &str, name: &str, from: Option<Date>) -> Result<Rows, Vec<Mistake>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(errors.iter().map(|e| (e.span().map_or(0, |span| span.start), e.message().to_owned())).collect());
    }
    one(root.get_ref(), name, from).map_err(|mistake| vec![mistake])
}

fn one(root: &DeTable<'_>, name: &str, from: Option<Date>) -> Result<Rows, Mistake> {
    let tables: Vec<_> = tables(root.get("table")).collect();
    let is_called = |table: &&Value<'_>| text(entry(table, "name")) == Some(name);
    let Some(table) = tables.iter().find(|table| is_called(table)) else {
        let names: Vec<_> = tables.iter().filter_map(|table| text(entry(table, "name"))).collect();
        return Err((0, format!("there is no table '{name}'; there are: {}", names.join(", "))));
    };
    let columns = columns(root, table)?;
    let version = version(table, name, from)?;
    let rows = entry(version, "rows").and_then(|rows| Some((rows.span(), rows.get_ref().as_array()?)));
    let (list, array) = rows.ok_or_else(|| (version.span().start, format!("table {name} has no list of rows here")))?;
    Ok(Rows { rows: array.iter().map(|value| row(value, &columns)).collect::<Result<_, _>>()?, columns, list })
}

fn columns(root: &DeTable<'_>, table: &Value<'_>) -> Result<Vec<Column>, Mistake> {
    let on = entry(table, "on").and_then(|on| on.get_ref().as_array()).into_iter().flat_map(|list| list.iter());
    let on: Vec<_> = on.filter_map(|name| name.get_ref().as_str()).collect();
    let mut out: Vec<_> = entry(table, "out").and_then(as_table).into_iter().flat_map(DeTable::iter).collect();
    // In the order of the file, as the loader takes them.
    out.sort_by_key(|(name, _)| name.span().start);
    if on.is_empty() || out.is_empty() {
        return Err((table.span().start, "the table has no 'on' or no 'out'".to_owned()));
    }
    let named = |name: &str| Type::named(name, &[]);
    let conditions = on.into_iter().map(|name| (name.to_owned(), Kind::Condition(fact(root, name).and_then(named))));
    let values = out
        .into_iter()
        .map(|(name, typ)| (name.get_ref().to_string(), Kind::Value(typ.get_ref().as_str().and_then(named))));
    Ok(conditions.chain(values).map(|(name, kind)| Column { name, kind }).collect())
}

/// The type of a fact, or of a line's, as it is written.
fn fact<'v>(root: &'v DeTable<'_>, name: &str) -> Option<&'v str> {
    let of = |facts: Option<&'v Value<'_>>| text(entry(facts.and_then(as_table)?.get(name)?, "type"));
    of(root.get("facts")).or_else(|| of(entry(root.get("lines")?, "facts")))
}

fn version<'v, 'a>(table: &'v Value<'a>, name: &str, from: Option<Date>) -> Result<&'v Value<'a>, Mistake> {
    let versions: Vec<_> = tables(entry(table, "version")).collect();
    let begins = |version: &Value<'_>| parse_date(&entry(version, "from")?.get_ref().as_datetime()?.to_string());
    match (from, versions.as_slice()) {
        (None, [only]) => Ok(only),
        (Some(_), all) if let Some(found) = all.iter().find(|version| begins(version) == from) => Ok(found),
        (_, all) => {
            let dates: Vec<_> = all.iter().filter_map(|version| Some(begins(version)?.to_string())).collect();
            let asked = from.map_or_else(|| "--from is wanted".to_owned(), |from| format!("none begins on {from}"));
            Err((table.span().start, format!("table {name}: {asked}; its versions begin on: {}", dates.join(", "))))
        }
    }
}

fn row(value: &Value<'_>, columns: &[Column]) -> Result<Row, Mistake> {
    let at = value.span();
    let cells = value.get_ref().as_array().ok_or_else(|| (at.start, "a row is a list".to_owned()))?;
    if cells.len() != columns.len() {
        return Err((at.start, format!("the row has {} cells, not {}", cells.len(), columns.len())));
    }
    let cells = cells.iter().map(|cell| {
        let text = written(cell).ok_or_else(|| (cell.span().start, "no cell of a table".to_owned()))?;
        Ok(Cell { at: cell.span(), text })
    });
    Ok(Row { cells: cells.collect::<Result<_, Mistake>>()?, at })
}

/// A cell as the loader reads it.
fn written(cell: &Value<'_>) -> Option<String> {
    match cell.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(n) if n.radix() == 10 => Some(n.as_str().to_owned()),
        DeValue::Boolean(b) => Some(b.to_string()),
        DeValue::Datetime(date) => Some(date.to_string()),
        _ => None,
    }
}

fn tables<'v, 'a>(list: Option<&'v Value<'a>>) -> impl Iterator<Item = &'v Value<'a>> {
    let list = list.and_then(|list| list.get_ref().as_array()).into_iter().flat_map(|list| list.iter());
    list.filter(|value| as_table(value).is_some())
}

fn as_table<'v, 'a>(value: &'v Value<'a>) -> Option<&'v DeTable<'a>> {
    value.get_ref().as_table()
}

fn entry<'v, 'a>(table: &'v Value<'a>, key: &str) -> Option<&'v Value<'a>> {
    as_table(table)?.get(key)
}

fn text<'v>(value: Option<&'v Value<'_>>) -> Option<&'v str> {
    value?.get_ref().as_str()
}
