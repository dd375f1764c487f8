//! Whose a journal is, where what it says of that was damaged: other keys open nothing of it, and theirs prove a record.

use rusqlite::Connection;
use serde_json::Value;

use super::entry::Entry;
use super::journal::Context;
use super::proof::{self, Contents as _, Opened};
use super::{QueueError, look, open, seal};
use crate::wire::Digest;

/// How many records are looked at for one that proves.
const LOOKED_AT: u64 = 1000;

/// The journal is this terminal's, written with these keys.
///
/// # Errors
/// [`QueueError::Damaged`] when it says otherwise and its records prove that it is, [`QueueError::WrongKeys`] when they
/// do not, and what the storage may do.
pub(super) fn check(db: &Connection, context: &Context) -> Result<(), QueueError> {
    match open::check_owner(db, context) {
        Err(QueueError::WrongKeys | QueueError::Draft(_)) if is_theirs(db, context) => {
            Err(proof::damaged(0, "changed: it does not say whose it is, and its records do"))
        }
        told => told,
    }
}

/// The record, if all of it proves with the keys.
pub(super) fn whole(context: &Context, row: &rusqlite::Row<'_>) -> Option<Entry> {
    Opened::with(context).check(row).ok()?;
    context.read(row).ok()
}

/// Each of the five keys proves something: whoever has one wrong would go on with records that the others do not open.
fn is_theirs(db: &Connection, context: &Context) -> bool {
    // Not the anchor: one of the first format has no signature.
    if !has_signed(db, context).unwrap_or_default() {
        return false;
    }
    let mut knows_holder = open::says_holder_key(db, context).unwrap_or_default();
    let mut has_payload = false;
    // What cannot be read proves nothing.
    let looked_at = look::columns(db).ok().and_then(|columns| {
        let sql = format!("SELECT {columns} FROM entries ORDER BY sequence DESC LIMIT {LOOKED_AT}");
        let mut statement = db.prepare(&sql).ok()?;
        let mut rows = statement.query([]).ok()?;
        while let Ok(Some(row)) = rows.next() {
            let Some(entry) = whole(context, row) else { continue };
            let Ok(Some(payload)) = context.plain(&entry) else { continue };
            has_payload = true;
            knows_holder = knows_holder || names(&payload, context, &entry.holder);
            if knows_holder {
                break;
            }
        }
        Some(())
    });
    looked_at.is_some() && has_payload && knows_holder
}

/// Whether one of the last signatures is the terminal's.
fn has_signed(db: &Connection, context: &Context) -> Result<bool, QueueError> {
    let mut statement = db.prepare("SELECT sequence, head, signature FROM groups ORDER BY sequence DESC LIMIT 10")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (sequence, head): (u64, [u8; 32]) = (row.get(0)?, row.get(1)?);
        let signature: Vec<u8> = row.get(2)?;
        let key = &context.crypto.public_key;
        if seal::head_is_signed(key, &context.terminal, sequence, &Digest(head), &signature) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a payload has a text that stands for this holder.
fn names(payload: &Value, context: &Context, holder: &Digest) -> bool {
    match payload {
        Value::String(text) => context.crypto.holder(text.as_bytes()) == *holder,
        Value::Array(values) => values.iter().any(|value| names(value, context, holder)),
        Value::Object(fields) => fields.values().any(|value| names(value, context, holder)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
