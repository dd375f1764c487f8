//! The lines of bills: one that stands in a settlement is settled in no other.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

use super::db::json;
use super::errors::CenterError;
use super::refusal::Refusal;
use super::settle::settled_number;
use crate::wire::errors;
use crate::wire::settle::Settlement;

/// 费用明细流水号: the institution's own number of a line (settlement-facts §4.3). A line without one is not known again.
const NUMBER: &str = "feedetl_sn";

/// What names a line where a bill says no visit: there the number is one of the till's, which may begin anew each day.
const SOLD: [&str; 6] = [NUMBER, "med_list_codg", "fee_ocur_time", "cnt", "pric", "det_item_fee_sumamt"];

/// What a line is known by again. Two that each name a visit are the same where visit and number are; where one of them
/// names none, all that was sold tells, the number among it.
struct Named {
    /// In the bill, from 1.
    place: usize,
    /// Its number, and all of [`SOLD`]; JSON.
    number: String,
    sold: String,
}

fn named(settlement: &Settlement) -> impl Iterator<Item = Named> {
    settlement.feedetail.iter().zip(1..).filter_map(|(line, place)| {
        let number = line.get(NUMBER).filter(|number| **number != Value::Null)?;
        Some(Named { place, number: json(number), sold: json(&SOLD.map(|item| line.get(item))) })
    })
}

/// By what lines are known in the bills of a person: two bills with the same line have one of these in common.
pub(super) fn names(settlement: &Settlement) -> impl Iterator<Item = String> {
    let visit = settlement.mdtrt_id.as_deref();
    named(settlement).flat_map(move |line| [visit.map(|visit| json(&(visit, &line.number))), Some(line.sold)]).flatten()
}

/// Why a bill is not settled, where a line of it stands in another settlement.
pub(super) fn refusal(db: &Connection, psn_no: &str, bill: &Settlement) -> Result<Option<Refusal>, CenterError> {
    let mut standing = db.prepare_cached(
        "SELECT settlement FROM fee_lines JOIN standing ON standing.number = fee_lines.settlement
         WHERE fee_lines.psn_no = ?1 AND feedetl_sn = ?2 AND ifnull(mdtrt_id = ?3, sold = ?4)",
    )?;
    for Named { place, number, sold } in named(bill) {
        let line = params![psn_no, number, bill.mdtrt_id, sold];
        let found: Option<i64> = standing.query_row(line, |row| row.get(0)).optional()?;
        if let Some(number) = found {
            let number = settled_number(number);
            let words = format!("第 {place} 行费用明细已在结算 {number} 中结算");
            return Ok(Some(Refusal::saying(&errors::LINE_DUPLICATE, &words)));
        }
    }
    Ok(None)
}

/// Keeps the lines of a bill that a settlement settled.
pub(super) fn keep(db: &Connection, psn_no: &str, bill: &Settlement, settlement: i64) -> Result<(), CenterError> {
    // Twice in one bill it is the rules' to say.
    let mut insert = db.prepare_cached(
        "INSERT OR IGNORE INTO fee_lines (psn_no, feedetl_sn, sold, settlement, mdtrt_id) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for Named { number, sold, .. } in named(bill) {
        insert.execute(params![psn_no, number, sold, settlement, bill.mdtrt_id])?;
    }
    Ok(())
}
