//! Operators' shifts: signed on once, with a number for the envelope of what follows; signed off once.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::json;

use super::errors::CenterError;
use super::ledger::{Row, number};
use crate::wire::Request;
use crate::wire::shift::{SignOff, SignOn, SignedOn};

/// `9001`: the same shift of a terminal gets the same number.
pub(super) fn sign_on(
    db: &Connection,
    request: &Request,
    input: &SignOn,
    now: Timestamp,
) -> Result<SignedOn, CenterError> {
    let key = params![request.fixmedins_code, input.shift];
    let known = db
        .prepare_cached("SELECT number FROM shifts WHERE terminal = ?1 AND shift = ?2")?
        .query_row(key, |row| row.get(0))
        .optional()?;
    let number: i64 = match known {
        Some(number) => number,
        None => {
            db.prepare_cached("INSERT INTO shifts (terminal, shift, operator, opened_at) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![request.fixmedins_code, input.shift, request.opter, now.to_string()])?;
            db.last_insert_rowid()
        }
    };
    Ok(SignedOn { sign_no: sign_no(number) })
}

/// `9002`: whether there is such a shift of the terminal. One that is signed off already stays so.
pub(super) fn sign_off(db: &Connection, terminal: &str, input: &SignOff, now: Timestamp) -> Result<bool, CenterError> {
    let number: Option<i64> = input.sign_no.strip_prefix('Q').and_then(|digits| digits.parse().ok());
    let ended = db
        .prepare_cached("UPDATE shifts SET closed_at = coalesce(closed_at, ?3) WHERE terminal = ?1 AND number = ?2")?
        .execute(params![terminal, number, now.to_string()])?;
    Ok(ended == 1)
}

/// Those after a number, oldest first, for the ledger.
pub(super) fn after(db: &Connection, key: &str, most: usize) -> Result<Vec<Row>, CenterError> {
    let mut statement = db.prepare(
        "SELECT number, terminal, shift, operator, opened_at, closed_at FROM shifts
         WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let shifts = statement.query_map(params![number(key)?, most], |row| {
        let closed: Option<String> = row.get(5)?;
        let shown = json!({
            "sign_no": sign_no(row.get(0)?),
            "terminal": row.get::<_, String>(1)?,
            "shift": row.get::<_, String>(2)?,
            "operator": row.get::<_, String>(3)?,
            "opened_at": row.get::<_, String>(4)?,
            "closed_at": closed,
        });
        Ok((row.get::<_, i64>(0)?.to_string(), shown))
    })?;
    Ok(shifts.collect::<Result<_, _>>()?)
}

fn sign_no(number: i64) -> String {
    format!("Q{number:011}")
}
