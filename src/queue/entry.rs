//! One row of the journal: read, held against what this terminal wrote, opened.

use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::types::Type;
use serde_json::Value;
use zeroize::Zeroizing;

use super::journal::Context;
use super::{QueueError, Row, State, chain};
use crate::value::{Fen, Protocol};
use crate::wire::{Digest, Header, Outcome, Receipt, plain_code};

/// A row with the columns that are not shown.
pub(super) struct Entry {
    pub(super) row: Row,
    pub(super) header: Header,
    pub(super) header_bytes: Vec<u8>,
    pub(super) id: Vec<u8>,
    pub(super) idempotency: Digest,
    pub(super) content: Digest,
    pub(super) holder: Digest,
    pub(super) caller: Option<Asked>,
    pub(super) payload: Option<Vec<u8>>,
    pub(super) answer: Option<Vec<u8>>,
    pub(super) state_mac: Digest,
}

pub(super) const COLUMNS: &str = "sequence, id, idempotency, content, header, header_hash, holder, operator, amount, \
     payload, state, attempts, updated_at, centre_no, answer, state_mac, msgid, online, created_at, differs, reason, caller, asked";

impl Context {
    /// The row whose column `by` is `key`; `by` is one of this file's own names.
    pub(super) fn find(&self, db: &Connection, by: &str, key: &[u8]) -> Result<Option<Entry>, QueueError> {
        let mut statement = db.prepare_cached(&format!("SELECT {COLUMNS} FROM entries WHERE {by} = ?1"))?;
        let mut rows = statement.query([key])?;
        rows.next()?.map(|row| self.read(row)).transpose()
    }

    /// A row of [`COLUMNS`], as this terminal wrote it.
    ///
    /// # Errors
    /// [`QueueError::Damaged`], naming the record, when it is not.
    pub(super) fn read(&self, sql: &rusqlite::Row<'_>) -> Result<Entry, QueueError> {
        let record = sql.get(0)?;
        let mut entry =
            entry(sql).map_err(|error| QueueError::Damaged { record, what: format!("it cannot be read: {error}") })?;
        self.check(&entry)?;
        // The refusal stands in the sealed answer only.
        if entry.row.state == State::Refused {
            entry.row.refusal = self.open_answer(&entry)?.as_ref().and_then(refusal);
        }
        Ok(entry)
    }

    /// Whether everything but the payload is what this terminal wrote.
    pub(super) fn check(&self, entry: &Entry) -> Result<(), QueueError> {
        let header = &entry.header;
        let same = chain::hash_bytes(&entry.header_bytes) == entry.row.header_hash
            && entry.row.sequence == header.sequence
            && entry.id == header.id.as_bytes()
            && header.terminal == self.terminal;
        if !same {
            return Err(damaged(entry, "its header was changed"));
        }
        if entry.state_mac != self.state_mac(entry) {
            return Err(damaged(entry, "its state is not what this terminal wrote"));
        }
        Ok(())
    }

    /// The payload in plain, as it was sealed; `None` once it is erased.
    pub(super) fn open_payload(&self, entry: &Entry) -> Result<Option<Zeroizing<Vec<u8>>>, QueueError> {
        let Some(sealed) = &entry.payload else { return Ok(None) };
        let plain = self.crypto.open(sealed, &entry.row.header_hash.0);
        plain.map(Some).ok_or_else(|| damaged(entry, "its payload does not open"))
    }

    /// The payload as JSON; `None` once it is erased.
    pub(super) fn plain(&self, entry: &Entry) -> Result<Option<Value>, QueueError> {
        let Some(plain) = self.open_payload(entry)? else { return Ok(None) };
        serde_json::from_slice(&plain).map(Some).map_err(|_| damaged(entry, "its payload is not JSON"))
    }

    /// The centre's answer.
    pub(super) fn open_answer(&self, entry: &Entry) -> Result<Option<Receipt>, QueueError> {
        let Some(sealed) = &entry.answer else { return Ok(None) };
        let plain = self.crypto.open(sealed, &about_answer(&entry.row.header_hash));
        plain
            .and_then(|plain| serde_json::from_slice(&plain).ok())
            .map(Some)
            .ok_or_else(|| damaged(entry, "its answer does not open"))
    }

    /// What authenticates everything of a row that its header does not cover.
    pub(super) fn state_mac(&self, entry: &Entry) -> Digest {
        let row = &entry.row;
        let answer = entry.answer.as_deref().map(chain::hash_bytes).unwrap_or_default();
        let (amount, centre_no) =
            (optional(row.amount.map(|fen| fen.0.to_be_bytes())), optional(row.centre_no.as_deref()));
        let (attempts, updated_at) = (row.attempts.to_be_bytes(), row.updated_at.as_millisecond().to_be_bytes());
        let sealed = [u8::from(entry.payload.is_some())];
        let mut fields: Vec<&[u8]> = vec![
            &row.header_hash.0,
            &entry.idempotency.0,
            &entry.content.0,
            &entry.holder.0,
            row.operator.as_bytes(),
            &amount,
            &sealed,
            row.state.name().as_bytes(),
            &attempts,
            &updated_at,
            &centre_no,
            &answer.0,
        ];
        // Rows from before the column came have no part for it.
        let differs = differs(row);
        fields.extend(differs.as_deref().map(str::as_bytes));
        // Nothing that differs begins like this: none can stand for the other.
        fields.extend(row.reason.iter().flat_map(|reason| [&b"reason"[..], reason.as_bytes()]));
        fields.extend(entry.caller.iter().flat_map(|caller| [&b"caller"[..], &caller.key.0, &caller.asked.0]));
        self.crypto.authenticate(b"state", &fields)
    }
}

/// What a caller asked for, by which key: keyed hashes of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) key: Digest,
    pub(super) asked: Digest,
}

/// Reads the columns of [`COLUMNS`].
pub(super) fn entry(sql: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    let header_bytes: Vec<u8> = sql.get(4)?;
    let header: Header = serde_json::from_slice(&header_bytes).map_err(|_| bad(4, "not a header"))?;
    let state: String = sql.get(10)?;
    let state = State::of_name(&state).ok_or_else(|| bad(10, "not a state"))?;
    let updated_at = Timestamp::from_millisecond(sql.get(12)?).map_err(|_| bad(12, "not a time"))?;
    let mut row =
        row(&header, Digest(sql.get(5)?), sql.get(7)?, sql.get::<_, Option<i64>>(8)?.map(Fen), state, updated_at);
    let kept: (String, bool, i64) = (sql.get(16)?, sql.get(17)?, sql.get(18)?);
    let online = row.protocol() == Protocol::Online;
    if kept != (row.msgid.clone(), online, row.created_at.as_millisecond()) {
        return Err(bad(16, "not what its header says"));
    }
    if header.operator.as_ref().is_some_and(|told| *told != row.operator) {
        return Err(bad(7, "not the operator of its header"));
    }
    row.sequence = sql.get(0)?;
    row.attempts = sql.get(11)?;
    row.centre_no = sql.get(13)?;
    row.differs = names(sql, 19)?;
    row.reason = sql.get(20)?;
    let payload: Option<Vec<u8>> = sql.get(9)?;
    row.erased = payload.is_none();
    Ok(Entry {
        row,
        header,
        header_bytes,
        id: sql.get(1)?,
        idempotency: Digest(sql.get(2)?),
        content: Digest(sql.get(3)?),
        holder: Digest(sql.get(6)?),
        caller: asked(sql)?,
        payload,
        answer: sql.get(14)?,
        state_mac: Digest(sql.get(15)?),
    })
}

/// What differs, from the column of this number.
pub(super) fn names(sql: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Vec<String>> {
    let differs: Option<String> = sql.get(column)?;
    let differs = differs.map(|names| serde_json::from_str(&names).map_err(|_| bad(column, "not a list of names")));
    Ok(differs.transpose()?.unwrap_or_default())
}

fn asked(sql: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Asked>> {
    match (sql.get(21)?, sql.get(22)?) {
        (Some(key), Some(asked)) => Ok(Some(Asked { key: Digest(key), asked: Digest(asked) })),
        (None, None) => Ok(None),
        _ => Err(bad(22, "not what its caller's key goes with")),
    }
}

pub(super) fn bad(column: usize, what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, what.to_owned().into())
}

/// What was written for a record is in one row: a trigger that is none of the journal's can let it fall, and a table that
/// is none of its own can have the record twice.
pub(super) fn one_row(written: usize, record: u64) -> Result<(), QueueError> {
    match written {
        1 => Ok(()),
        // Of the file: the group that it is in must not stand.
        rows => Err(QueueError::Damaged {
            record: 0,
            what: format!("what is written for record {record} is in {rows} rows"),
        }),
    }
}

pub(super) fn damaged(entry: &Entry, what: &str) -> QueueError {
    QueueError::Damaged { record: entry.row.sequence, what: what.into() }
}

pub(super) fn row(
    header: &Header,
    header_hash: Digest,
    operator: String,
    amount: Option<Fen>,
    state: State,
    updated_at: Timestamp,
) -> Row {
    Row {
        id: header.id,
        sequence: header.sequence,
        msgid: header.msgid.clone(),
        scenario: header.scenario.clone(),
        kind: header.kind,
        state,
        attempts: u32::from(state == State::Sending),
        created_at: header.created_at,
        updated_at,
        business_date: header.business_date,
        operator,
        shift: header.shift.clone(),
        amount,
        cancels: header.cancels,
        provisional: header.provisional,
        demo: header.demo,
        centre_no: None,
        refusal: None,
        differs: Vec::new(),
        reason: None,
        erased: false,
        header_hash,
    }
}

pub(super) fn refusal(receipt: &Receipt) -> Option<String> {
    match &receipt.outcome {
        Outcome::Accepted => None,
        Outcome::Refused { code, .. } => Some(plain_code(code).to_owned()),
    }
}

/// What stands in the column of this name.
pub(super) fn differs(row: &Row) -> Option<String> {
    (!row.differs.is_empty()).then(|| serde_json::json!(row.differs).to_string())
}

pub(super) fn about_answer(header_hash: &Digest) -> Vec<u8> {
    [&header_hash.0[..], b"answer"].concat()
}

fn optional(value: Option<impl AsRef<[u8]>>) -> Vec<u8> {
    value.map_or_else(Vec::new, |value| [b"=", value.as_ref()].concat())
}
