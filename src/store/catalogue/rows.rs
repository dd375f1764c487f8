//! All that a catalogue says of one code, for people.

use jiff::civil::Date;
use rusqlite::{Connection, params};
use serde::Serialize;

use super::{Catalogue, CatalogueError, CatalogueInfo, number};
use crate::value::{Price, Rate};

/// The rows of a code, in the order of their dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodeRows {
    /// The catalogue.
    pub catalogue: CatalogueInfo,
    /// What it is; none where the code is not in the catalogue.
    pub items: Vec<ItemRow>,
    /// What of a price is reckoned with.
    pub prices: Vec<DatedRow<Option<Price>>>,
    /// What share is paid first.
    pub rates: Vec<DatedRow<Rate>>,
}

/// What a code is over a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemRow {
    /// The first day.
    pub begndate: Date,
    /// The last day; none where none is known.
    pub enddate: Option<Date>,
    /// Its name.
    pub name: String,
    /// 目录类别.
    pub list_type: String,
    /// 收费项目等级.
    pub chrgitm_lv: String,
    /// Whether its use is limited.
    pub lmt_used_flag: bool,
}

/// A value over a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatedRow<T> {
    /// 险种; empty for all kinds.
    pub insutype: String,
    /// The first day.
    pub begndate: Date,
    /// The last day; none where none is known.
    pub enddate: Option<Date>,
    /// The value.
    pub value: T,
}

impl Catalogue {
    /// All rows of a code, or those that hold on a day; `None` while no catalogue was taken in.
    ///
    /// # Errors
    /// As [`in_force`](Self::in_force).
    pub fn rows(&self, code: &str, on: Option<Date>) -> Result<Option<CodeRows>, CatalogueError> {
        self.0.with(|open| {
            Ok(CodeRows {
                catalogue: open.row.info.clone(),
                items: items(&open.db, code, on)?,
                prices: dated(&open.db, "price", "most", code, on, |most: Option<i64>| most.map(Price))?,
                rates: dated(&open.db, "rate", "share", code, on, Rate)?,
            })
        })
    }
}

fn items(db: &Connection, code: &str, on: Option<Date>) -> Result<Vec<ItemRow>, rusqlite::Error> {
    let mut select = db.prepare(
        "SELECT begins, ends, name, list_type, class, limited FROM item
         WHERE code = ?1 AND (?2 IS NULL OR ?2 BETWEEN begins AND ends) ORDER BY begins",
    )?;
    let rows = select.query_map(params![code, on.map(number)], |row| {
        Ok(ItemRow {
            begndate: day(row.get(0)?).unwrap_or_default(),
            enddate: last_day(row.get(1)?),
            name: row.get(2)?,
            list_type: row.get(3)?,
            chrgitm_lv: row.get(4)?,
            lmt_used_flag: row.get(5)?,
        })
    })?;
    rows.collect()
}

fn dated<V: rusqlite::types::FromSql, T>(
    db: &Connection,
    table: &str,
    column: &str,
    code: &str,
    on: Option<Date>,
    value: impl Fn(V) -> T,
) -> Result<Vec<DatedRow<T>>, rusqlite::Error> {
    let mut select = db.prepare(&format!(
        "SELECT insutype, begins, ends, {column} FROM {table}
         WHERE code = ?1 AND (?2 IS NULL OR ?2 BETWEEN begins AND ends) ORDER BY insutype, begins"
    ))?;
    let rows = select.query_map(params![code, on.map(number)], |row| {
        Ok(DatedRow {
            insutype: row.get(0)?,
            begndate: day(row.get(1)?).unwrap_or_default(),
            enddate: last_day(row.get(2)?),
            value: value(row.get(3)?),
        })
    })?;
    rows.collect()
}

/// The day that a number of the tables stands for.
fn day(number: i64) -> Option<Date> {
    let part = |number: i64| i8::try_from(number % 100).ok();
    Date::new(i16::try_from(number / 10_000).ok()?, part(number / 100)?, part(number)?).ok()
}

/// A row that ends with the last day there is has no end.
fn last_day(number: i64) -> Option<Date> {
    day(number).filter(|day| *day != Date::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_and_its_number_are_each_other() {
        let date = Date::constant(2015, 8, 3);
        assert_eq!((number(date), day(20_150_803)), (20_150_803, Some(date)));
        assert_eq!((number(Date::MAX), last_day(99_991_231)), (99_991_231, None));
        assert_eq!(day(20_150_230), None);
    }
}
