//! What nobody honest sends, kept for whoever looks on.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::errors::CenterError;

/// Raises one; the same again counts.
pub(super) fn raise(
    db: &Connection,
    terminal: &str,
    code: &str,
    text: &str,
    now: Timestamp,
) -> Result<(), CenterError> {
    tracing::error!(terminal, code, text, "an alarm");
    db.execute(
        "INSERT INTO alarms (terminal, code, text, first_at, times) VALUES (?1, ?2, ?3, ?4, 1)
         ON CONFLICT (terminal, code, text) DO UPDATE SET times = times + 1",
        params![terminal, code, text, now.to_string()],
    )?;
    Ok(())
}

/// All of them, oldest first.
pub(super) fn read(db: &Connection) -> Result<Vec<Value>, CenterError> {
    let mut statement = db.prepare("SELECT terminal, code, text, first_at, times FROM alarms ORDER BY number")?;
    let alarms = statement.query_map([], |row| {
        let (terminal, code, text): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (first_at, times): (String, u64) = (row.get(3)?, row.get(4)?);
        Ok(json!({ "terminal": terminal, "code": code, "text": text, "first_at": first_at, "times": times }))
    })?;
    Ok(alarms.collect::<Result<_, _>>()?)
}
