//! What terminals have lost of their chains and signed as lost: a chain goes on after it, with an alarm.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde_json::json;

use super::errors::CenterError;
use super::{alarms, chain, ledger};
use crate::queue::chain::Broken;
use crate::wire::headers::{Hole, SignedHole};
use crate::wire::signature::{self, Signature};
use crate::wire::{ChainHead, Digest, Header};

/// The code of the alarm.
const CODE: &str = crate::wire::errors::CHAIN_HOLE.code;

/// Takes a hole that the terminal tells of, and gives what its chain goes on from. The first time it is an alarm, in the
/// same SQLite transaction: nothing is followed after a hole that nobody is told of.
pub(super) fn cross(
    db: &Connection,
    terminal: &str,
    key: &Digest,
    SignedHole { hole, signature }: &SignedHole,
    head: ChainHead,
    now: Timestamp,
) -> Result<ChainHead, CenterError> {
    let (after, until) = (hole.after.sequence, hole.until.sequence);
    if hole.records() == 0 {
        return Err(CenterError::Form("a hole without a record"));
    }
    if !signature::holds(key, &hole.text(terminal), signature) {
        return Err(CenterError::Unsigned(until));
    }
    if after > head.sequence {
        return Err(Broken::Gap { after: head.sequence, found: after + 1 }.into());
    }
    agrees(db, terminal, hole)?;
    if keep(db, terminal, hole, signature, now)? {
        let Here { headers, transactions, nothing } = here(db, terminal, hole)?;
        let text = format!(
            "records {} to {until} are lost at the terminal: {}; known here: {headers} by header, {transactions} by \
             transaction; {nothing} not at all",
            after + 1,
            hole.records(),
        );
        alarms::raise_each(db, terminal, CODE, &text, now)?;
    }
    Ok(if head.sequence < until { hole.until } else { head })
}

/// It begins after a header that is here, skips nothing that is here in another form, and takes nothing back of what was
/// told before: a hole may grow, and then has all of the earlier one in it.
fn agrees(db: &Connection, terminal: &str, hole: &Hole) -> Result<(), CenterError> {
    let (after, until) = (hole.after.sequence, hole.until.sequence);
    if chain::hash(db, terminal, after)? != Some(hole.after.hash) {
        return Err(Broken::Fork(after).into());
    }
    let mut other = db.prepare_cached(
        "SELECT 1 FROM chain WHERE terminal = ?1 AND sequence = ?3 AND hash <> ?4
         UNION ALL SELECT 1 FROM transactions WHERE terminal = ?1 AND sequence = ?3 AND header_hash <> ?4
         UNION ALL SELECT 1 FROM holes WHERE terminal = ?1 AND after_sequence < ?3 AND until_sequence > ?2
         AND (after_sequence < ?2 OR until_sequence > ?3 OR until_sequence = ?3 AND until_hash <> ?4)",
    )?;
    match other.exists(params![terminal, after, until, hole.until.hash.0])? {
        true => Err(Broken::Fork(until).into()),
        false => Ok(()),
    }
}

/// Whether it is news.
fn keep(
    db: &Connection,
    terminal: &str,
    hole: &Hole,
    signature: &Signature,
    now: Timestamp,
) -> Result<bool, CenterError> {
    let Hole { after, until } = hole;
    let kept = db.execute(
        "INSERT INTO holes (terminal, after_sequence, after_hash, until_sequence, until_hash, signature, told_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (terminal, after_sequence, until_sequence) DO NOTHING",
        params![terminal, after.sequence, after.hash.0, until.sequence, until.hash.0, signature.0, now.to_string()],
    )?;
    Ok(kept > 0)
}

/// What the centre has of lost records.
struct Here {
    /// Headers in the chain.
    headers: u64,
    /// Transactions that came by themselves.
    transactions: u64,
    /// Of how many it has neither.
    nothing: u64,
}

fn here(db: &Connection, terminal: &str, hole: &Hole) -> Result<Here, CenterError> {
    let mut count = db.prepare_cached(
        "WITH headers AS (SELECT sequence FROM chain WHERE terminal = ?1 AND sequence > ?2 AND sequence <= ?3),
         taken AS (SELECT sequence FROM transactions WHERE terminal = ?1 AND sequence > ?2 AND sequence <= ?3)
         SELECT (SELECT count(*) FROM headers), (SELECT count(*) FROM taken),
                (SELECT count(*) FROM (SELECT sequence FROM headers UNION SELECT sequence FROM taken))",
    )?;
    let counted = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, u64>(2)?));
    let (headers, transactions, either) =
        count.query_row(params![terminal, hole.after.sequence, hole.until.sequence], counted)?;
    Ok(Here { headers, transactions, nothing: hole.records() - either })
}

/// A transaction whose place was lost at its terminal is the one that was there, as far as what was signed about the
/// hole tells.
pub(super) fn check(db: &Connection, header: &Header, hash: &Digest) -> Result<(), CenterError> {
    let mut other = db.prepare_cached(
        "SELECT 1 FROM holes WHERE terminal = ?1
         AND (until_sequence = ?2 AND until_hash <> ?3 OR after_sequence = ?2 - 1 AND after_hash <> ?4)",
    )?;
    match other.exists(params![header.terminal, header.sequence, hash.0, header.previous.0])? {
        true => Err(Broken::Fork(header.sequence).into()),
        false => Ok(()),
    }
}

/// Those after a number, oldest first, with what is known of each by now.
pub(super) fn after(db: &Connection, key: &str, most: usize) -> Result<Vec<ledger::Row>, CenterError> {
    let mut statement = db.prepare(
        "SELECT terminal, after_sequence, after_hash, until_sequence, until_hash, signature, told_at, number
         FROM holes WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let mut rows = statement.query(params![ledger::number(key)?, most])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (terminal, told_at): (String, String) = (row.get(0)?, row.get(6)?);
        let hole = Hole {
            after: ChainHead { sequence: row.get(1)?, hash: Digest(row.get(2)?) },
            until: ChainHead { sequence: row.get(3)?, hash: Digest(row.get(4)?) },
        };
        let Here { headers, transactions, nothing } = here(db, &terminal, &hole)?;
        let shown = json!({
            "terminal": terminal,
            "after": hole.after,
            "until": hole.until,
            "signature": Signature(row.get(5)?),
            "told_at": told_at,
            "records": hole.records(),
            "headers": headers,
            "transactions": transactions,
            "unknown": nothing,
        });
        all.push((row.get::<_, i64>(7)?.to_string(), shown));
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
