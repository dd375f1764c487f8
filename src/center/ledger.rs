//! What the centre holds, for whoever looks on: numbers, amounts and states; nothing that names a person.

use rusqlite::Connection;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::db::parse;
use super::errors::CenterError;
use super::{alarms, chain, holes, shift};
use crate::wire::settle::SettlementAnswer;
use crate::wire::{ChainHead, Receipt};

/// The fields of a settlement that are amounts or the centre's own numbers.
const SHOWN: [&str; 9] = [
    "setl_id",
    "setl_time",
    "medfee_sumamt",
    "inscp_scp_amt",
    "act_pay_dedc",
    "fund_pay_sumamt",
    "psn_part_amt",
    "acct_pay",
    "psn_cash_pay",
];

/// Everything, oldest first.
pub(super) fn read(db: &Connection) -> Result<Value, CenterError> {
    let sign_ins: u64 = db.query_row("SELECT count(*) FROM sign_ins", [], |row| row.get(0))?;
    Ok(json!({
        "terminals": terminals(db)?,
        "transactions": transactions(db)?,
        "settlements": settlements(db)?,
        "sign_ins": sign_ins,
        "alarms": alarms::read(db)?,
        "holes": holes::all(db)?,
        "shifts": shift::all(db)?,
    }))
}

fn terminals(db: &Connection) -> Result<Vec<Value>, CenterError> {
    // Of some there may be holes alone.
    let mut statement = db.prepare("SELECT terminal FROM chain UNION SELECT terminal FROM holes ORDER BY terminal")?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let terminal: String = row.get(0)?;
        let ChainHead { sequence, hash } = chain::head(db, &terminal)?;
        all.push(json!({ "terminal": terminal, "sequence": sequence, "hash": hash }));
    }
    Ok(all)
}

fn transactions(db: &Connection) -> Result<Vec<Value>, CenterError> {
    let mut statement =
        db.prepare("SELECT id, terminal, sequence, scenario, receipt, times FROM transactions ORDER BY number")?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, terminal, sequence): ([u8; 16], String, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (scenario, receipt, times): (String, String, u64) = (row.get(3)?, row.get(4)?, row.get(5)?);
        let receipt: Receipt = parse(&receipt)?;
        all.push(json!({
            "id": Uuid::from_bytes(id),
            "terminal": terminal,
            "sequence": sequence,
            "scenario": scenario,
            "outcome": receipt.outcome,
            "centre_no": receipt.centre_no,
            "received_at": receipt.received_at,
            "times": times,
        }));
    }
    Ok(all)
}

fn settlements(db: &Connection) -> Result<Vec<Value>, CenterError> {
    let mut statement = db.prepare("SELECT msgid, state, reply, times, review FROM settlements ORDER BY number")?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (msgid, state): (String, String) = (row.get(0)?, row.get(1)?);
        let (reply, times, review): (Option<String>, u64, bool) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let mut shown = Map::new();
        if let Some(answer) = reply.filter(|_| state == "settled" || state == "reversed") {
            let answer: SettlementAnswer = parse(&answer)?;
            shown.extend(answer.setlinfo.into_iter().filter(|(name, _)| SHOWN.contains(&name.as_str())));
        }
        shown.extend([
            ("msgid".to_owned(), msgid.into()),
            ("state".to_owned(), state.into()),
            ("times".to_owned(), times.into()),
            ("review".to_owned(), review.into()),
        ]);
        all.push(Value::Object(shown));
    }
    Ok(all)
}
