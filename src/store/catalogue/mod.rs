//! What drugs and services cost: the catalogue that the back office signed (`docs/catalogue.md`, settlement-facts §3.1 and
//! §4.2: 1312, 1318, 1319), a million rows, kept as a list is (`store::lists`).
//!
//! A code is looked up by the day of the fee and the insurance. What it finds is what held on that day, whatever has
//! changed since; what it does not find was not in the catalogue.

mod format;
mod read;
mod rows;
mod series;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

pub use rows::{CodeRows, DatedRow, ItemRow};

use super::Store;
use super::errors::{GOODS_BUSY, GOODS_DAMAGED, GOODS_FILE, GOODS_FORM, GOODS_OLDER, GOODS_UNSIGNED};
use super::lists::{self, Imported, ListCodes, ListError, ListFile, ListInfo, ListKind, Lists, Read as _, Step};
use crate::value::{Price, Rate};
use crate::wire::Digest;
use crate::wire::detached::{PublicKey, Signed};

/// 收费项目等级 甲: in common use; no official list was seen.
const CLASS_A: &str = "01";

/// What a catalogue's signature is of.
pub const CATALOGUE: Signed = Signed {
    domain: "sbkd-catalogue-1",
    name: "catalogue",
    comment: "医保目录签名，随目录存放；改动目录任何字节即失效 / The signature of a catalogue: it holds for these bytes alone.",
};

/// Catalogues of drugs and services, as a kind of list.
#[derive(Debug)]
pub struct Goods;

impl ListKind for Goods {
    const SIGNED: Signed = CATALOGUE;
    const NAME: &'static str = "catalogue";
    const CODES: ListCodes = ListCodes {
        file: &GOODS_FILE,
        form: &GOODS_FORM,
        unsigned: &GOODS_UNSIGNED,
        older: &GOODS_OLDER,
        busy: &GOODS_BUSY,
        damaged: &GOODS_DAMAGED,
    };
    const ENTRIES: &'static str = include_str!("entries.sql");
    // Nothing in it is secret.
    const KEY: usize = 0;
    const LONGEST_LINE: usize = format::LONGEST_LINE;
    type Info = CatalogueInfo;
}

/// Why a catalogue is not taken in, or not used.
pub type CatalogueError = ListError<Goods>;

/// The catalogue in force, looked up and replaced. Shared; one caller at a time looks up.
pub struct Catalogue(Lists<Goods>);

/// What is told of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Catalogue)]
pub struct CatalogueInfo {
    /// Its serial, which grows from catalogue to catalogue.
    pub serial: u64,
    /// When the back office made it.
    #[schema(value_type = String, format = DateTime)]
    pub issued: Timestamp,
    /// When this terminal took it in: it is in force since then.
    #[schema(value_type = String, format = DateTime)]
    pub taken_at: Timestamp,
    /// What the back office says it is.
    pub note: String,
    /// How many rows say what is in it.
    pub items: u64,
    /// How many rows limit prices.
    pub prices: u64,
    /// How many rows say what share is paid first.
    pub rates: u64,
    /// The id of the key that signed it.
    pub signed_by: String,
    /// SHA-256 of the signed file.
    pub sha256: Digest,
}

impl ListInfo for CatalogueInfo {
    fn serial(&self) -> u64 {
        self.serial
    }

    fn issued(&self) -> Timestamp {
        self.issued
    }

    fn sha256(&self) -> Digest {
        self.sha256
    }
}

/// A catalogue without mistakes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedCatalogue {
    /// Its serial.
    pub serial: u64,
    /// When it was made.
    pub issued: Timestamp,
    /// What it says it is.
    pub note: String,
    /// How many rows say what is in it.
    pub items: u64,
    /// How many rows limit prices.
    pub prices: u64,
    /// How many rows say what share is paid first.
    pub rates: u64,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// What is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// 医疗目录编码, `med_list_codg`.
    pub code: &'a str,
    /// The day of the fee, `fee_ocur_time`.
    pub on: Date,
    /// 险种, `insutype`.
    pub insutype: &'a str,
}

/// What the catalogue says of a code on a day, for an insurance. Named and written as on a line of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Good {
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// 目录类别: 101 for drugs and so on (settlement-facts §4.4).
    #[serde(skip)]
    pub list_type: String,
    /// 收费项目等级: 01, 02 or 03.
    pub chrgitm_lv: String,
    /// Whether its use is limited.
    pub lmt_used_flag: bool,
    /// 自付比例, what share of it is paid first; none where the catalogue does not say. Of class A it is nothing.
    pub selfpay_prop: Option<Rate>,
    /// 定价上限金额, what of a price is reckoned with; none where any is.
    pub pric_uplmt_amt: Option<Price>,
}

/// What was looked up, all of it in one catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedUp {
    /// The catalogue.
    pub catalogue: CatalogueInfo,
    /// What was found, in the order in which it was asked; none where a code was not in it on that day.
    pub goods: Vec<Option<Good>>,
}

impl Catalogue {
    /// The catalogue of a store, whose rows are in `folder`.
    pub fn new(folder: &Path, store: Arc<Store>) -> Self {
        Self(Lists::new(folder, store))
    }

    /// The catalogue in force, proved; `None` while none was taken in.
    ///
    /// # Errors
    /// When it is damaged, or cannot be read.
    pub fn in_force(&self) -> Result<Option<CatalogueInfo>, CatalogueError> {
        self.0.in_force()
    }

    /// Looks codes up; `None` while no catalogue was taken in.
    ///
    /// # Errors
    /// As [`in_force`](Self::in_force): then nothing is known of any.
    pub fn look(&self, asked: &[Asked<'_>]) -> Result<Option<LookedUp>, CatalogueError> {
        self.0.with(|open| {
            let goods = asked.iter().map(|asked| good(&open.db, asked)).collect::<Result<_, _>>()?;
            Ok(LookedUp { catalogue: open.row.info.clone(), goods })
        })
    }

    /// Takes a catalogue in: proves its signature, reads it line by line, and puts it in force once it is whole and on the
    /// disk. Blocks, for seconds where it has a million rows; who looks something up meanwhile does so in the one of before.
    ///
    /// # Errors
    /// What is wrong with it, up to [`MOST_MISTAKES`](lists::MOST_MISTAKES) places, or with the disk. Then the one of
    /// before is in force.
    pub fn import(
        &self,
        list: &mut ListFile,
        keys: &[PublicKey],
        now: Timestamp,
    ) -> Result<Imported<CatalogueInfo>, CatalogueError> {
        self.imported(list, keys, now, &mut || Ok(()))
    }

    fn imported(
        &self,
        list: &mut ListFile,
        keys: &[PublicKey],
        now: Timestamp,
        step: Step<'_, Goods>,
    ) -> Result<Imported<CatalogueInfo>, CatalogueError> {
        self.0.import(list, keys, now, step)
    }

    /// Reads all of a catalogue, without a look at its signature.
    ///
    /// # Errors
    /// The mistakes, by their places.
    pub fn check(list: &mut ListFile) -> Result<CheckedCatalogue, CatalogueError> {
        // A database that SQLite keeps on the disk and takes away again.
        let sha256 = lists::fill::<Goods>(&mut Connection::open("")?, list, &[], &mut || Ok(()))?;
        let header = Goods::header(&mut list.lines()?).map_err(|error| ListError::of(&list.name, error))?;
        let format::Header { serial, issued, note, counts: [items, prices, rates] } = header;
        Ok(CheckedCatalogue { serial, issued, note, items, prices, rates, sha256 })
    }
}

fn good(db: &Connection, asked: &Asked<'_>) -> Result<Option<Good>, CatalogueError> {
    let Asked { code, on, insutype } = asked;
    let on = number(*on);
    let item = "SELECT name, list_type, class, limited FROM item WHERE code = ?1 AND begins <= ?2 AND ends >= ?2";
    let mut item = db.prepare_cached(item)?;
    let found = item.query_row(params![code, on], |row| {
        Ok(Good {
            name: row.get(0)?,
            list_type: row.get(1)?,
            chrgitm_lv: row.get(2)?,
            lmt_used_flag: row.get(3)?,
            selfpay_prop: None,
            pric_uplmt_amt: None,
        })
    });
    let Some(found) = found.optional()? else { return Ok(None) };
    // Rows do not overlap, and a code has them for all kinds of insurance or for single ones: there is one at most.
    let dated = |sql: &str| {
        let mut select = db.prepare_cached(sql)?;
        select
            .query_row(params![code, insutype, on], |row| row.get::<_, Option<i64>>(0))
            .optional()
            .map(Option::flatten)
    };
    let most = "SELECT most FROM price WHERE code = ?1 AND insutype IN ('', ?2) AND begins <= ?3 AND ends >= ?3";
    let share = "SELECT share FROM rate WHERE code = ?1 AND insutype IN ('', ?2) AND begins <= ?3 AND ends >= ?3";
    // Of class A nothing is paid first (settlement-facts §3.1), whether a row says so or none.
    let nothing = (found.chrgitm_lv == CLASS_A).then_some(Rate(0));
    let selfpay_prop = dated(share)?.map(Rate).or(nothing);
    Ok(Some(Good { selfpay_prop, pric_uplmt_amt: dated(most)?.map(Price), ..found }))
}

/// A day as a number that is written the same, 20150803.
fn number(date: Date) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}
