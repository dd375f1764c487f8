//! The statements of the journal. Each runs inside a transaction of the writer, or on the reader's connection.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, params};
use serde::Serialize;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::seal::{ALGORITHMS, Crypto};
use super::{Committed, Draft, Note, QueueError, Row, State, chain, protocol};
use crate::value::{Fen, Protocol};
use crate::wire::{self, ChainHead, Digest, Header, Outcome, Receipt, Series};
use crate::world::{Clock, Random};

/// What every statement needs beside its connection.
pub(super) struct Context {
    pub(super) terminal: String,
    pub(super) demo: bool,
    pub(super) crypto: Crypto,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
}

/// A row with the columns that are not shown.
pub(super) struct Entry {
    pub(super) row: Row,
    pub(super) header: Header,
    pub(super) header_bytes: Vec<u8>,
    pub(super) id: Vec<u8>,
    pub(super) idempotency: Digest,
    pub(super) content: Digest,
    pub(super) holder: Digest,
    pub(super) payload: Option<Vec<u8>>,
    pub(super) answer: Option<Vec<u8>>,
    pub(super) state_mac: Digest,
}

pub(super) const COLUMNS: &str = "sequence, id, idempotency, content, header, header_hash, holder, operator, amount, \
     payload, state, attempts, updated_at, centre_no, answer, state_mac, msgid, online, created_at, differs";

impl Context {
    /// Inserts a draft after `head`, or finds it.
    pub(super) fn insert(&self, db: &Connection, head: &mut ChainHead, draft: &Draft) -> Result<Committed, QueueError> {
        let online = protocol(draft.kind, draft.provisional) == Protocol::Online;
        if !(draft.state == State::Pending || draft.state == State::Sending && online) {
            return Err(QueueError::Draft("it starts in a state that it cannot start in"));
        }
        let idempotency = self.crypto.idempotency(&draft.idempotency);
        let content = self.crypto.content(&content(draft));
        if let Some(known) = self.find(db, "idempotency", &idempotency.0)? {
            let same = known.content == content;
            return if same { Ok(Committed { row: known.row, duplicate: true }) } else { Err(QueueError::Conflict) };
        }

        let now = self.now();
        let id = self.new_id(now)?;
        let payload = json(&draft.payload);
        let header = Header {
            terminal: self.terminal.clone(),
            sequence: head.sequence + 1,
            id,
            msgid: self.new_msgid(db, now, head.sequence + 1)?,
            scenario: draft.scenario.clone(),
            kind: draft.kind,
            business_date: draft.business_date,
            created_at: now,
            provisional: draft.provisional,
            demo: self.demo,
            payload_commitment: self.crypto.commit_to(id, &payload),
            previous: head.hash,
            algorithms: ALGORITHMS.into(),
        };
        let header_bytes = chain::bytes(&header);
        let header_hash = chain::hash_bytes(&header_bytes);
        let mut entry = Entry {
            row: row(&header, header_hash, draft.operator.clone(), draft.amount, draft.state, now),
            header,
            header_bytes,
            id: id.as_bytes().to_vec(),
            idempotency,
            content,
            holder: self.crypto.holder(&draft.holder),
            payload: Some(self.crypto.seal(&payload, &header_hash.0, &*self.random)?),
            answer: None,
            state_mac: Digest::default(),
        };
        entry.state_mac = self.state_mac(&entry);
        let row = &entry.row;
        db.prepare_cached(
            "INSERT INTO entries (sequence, id, msgid, idempotency, content, header, header_hash, holder, operator,
                 amount, online, created_at, payload, state, attempts, updated_at, state_mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?12, ?16)",
        )?
        .execute(params![
            row.sequence,
            entry.id,
            row.msgid,
            entry.idempotency.0,
            entry.content.0,
            entry.header_bytes,
            row.header_hash.0,
            entry.holder.0,
            row.operator,
            row.amount.map(|fen| fen.0),
            online,
            now.as_millisecond(),
            entry.payload,
            row.state.name(),
            row.attempts,
            entry.state_mac.0,
        ])?;
        *head = ChainHead { sequence: row.sequence, hash: header_hash };
        Ok(Committed { row: entry.row, duplicate: false })
    }

    /// Moves a row.
    pub(super) fn advance(&self, db: &Connection, id: Uuid, to: State, note: &Note) -> Result<Row, QueueError> {
        let mut entry = self.find(db, "id", id.as_bytes())?.ok_or(QueueError::NotFound)?;
        let from = entry.row.state;
        if !from.may_become(to, entry.row.protocol()) {
            return Err(QueueError::Move { from, to });
        }
        entry.row.state = to;
        entry.row.updated_at = self.now();
        if to == State::Sending {
            entry.row.attempts = entry.row.attempts.saturating_add(1);
        }
        if let Note::Receipt(receipt, differs) = note {
            let plain = json(receipt);
            entry.answer = Some(self.crypto.seal(&plain, &about_answer(&entry.row.header_hash), &*self.random)?);
            entry.row.centre_no = Some(receipt.centre_no.clone()).filter(|no| !no.is_empty());
            entry.row.refusal = refusal(receipt);
            entry.row.differs.clone_from(differs);
        }
        entry.state_mac = self.state_mac(&entry);
        let row = &entry.row;
        db.prepare_cached(
            "UPDATE entries SET state = ?2, attempts = ?3, updated_at = ?4, centre_no = ?5, answer = ?6,
                 state_mac = ?7, differs = ?8 WHERE sequence = ?1",
        )?
        .execute(params![
            row.sequence,
            row.state.name(),
            row.attempts,
            row.updated_at.as_millisecond(),
            row.centre_no,
            entry.answer,
            entry.state_mac.0,
            differs(row),
        ])?;
        Ok(entry.row)
    }

    /// Signs the head after a commit group.
    pub(super) fn sign(&self, db: &Connection, head: &ChainHead) -> Result<(), QueueError> {
        let signature = self.crypto.sign(&self.terminal, head.sequence, &head.hash);
        db.prepare_cached("INSERT INTO groups (sequence, head, signature) VALUES (?1, ?2, ?3)")?.execute(params![
            head.sequence,
            head.hash.0,
            signature
        ])?;
        Ok(())
    }

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
        // The refusal's words stand in the sealed answer only.
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
        self.crypto.authenticate(b"state", &fields)
    }

    /// Now, in whole milliseconds, so that what is stored is what was hashed.
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    fn new_id(&self, now: Timestamp) -> Result<Uuid, QueueError> {
        let mut random = [0; 10];
        self.random.fill(&mut random)?;
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// The last four digits are the sequence's; a clock that jumped back may meet one that is used, and takes the next.
    fn new_msgid(&self, db: &Connection, now: Timestamp, sequence: u64) -> Result<String, QueueError> {
        let mut used = db.prepare_cached("SELECT 1 FROM entries WHERE msgid = ?1")?;
        for number in sequence..sequence + 10_000 {
            let msgid = wire::message_id(&self.terminal, now, Series::Transaction, number);
            if !used.exists([&msgid])? {
                return Ok(msgid);
            }
        }
        Err(QueueError::Draft("ten thousand message ids of this second are used"))
    }
}

/// Reads the columns of [`COLUMNS`].
pub(super) fn entry(sql: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    let bad = |column: usize, what: &str| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, what.to_owned().into())
    };
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
    row.sequence = sql.get(0)?;
    row.attempts = sql.get(11)?;
    row.centre_no = sql.get(13)?;
    let differs: Option<String> = sql.get(19)?;
    let differs = differs.map(|names| serde_json::from_str(&names).map_err(|_| bad(19, "not a list of names")));
    row.differs = differs.transpose()?.unwrap_or_default();
    Ok(Entry {
        row,
        header,
        header_bytes,
        id: sql.get(1)?,
        idempotency: Digest(sql.get(2)?),
        content: Digest(sql.get(3)?),
        holder: Digest(sql.get(6)?),
        payload: sql.get(9)?,
        answer: sql.get(14)?,
        state_mac: Digest(sql.get(15)?),
    })
}

pub(super) fn damaged(entry: &Entry, what: &str) -> QueueError {
    QueueError::Damaged { record: entry.row.sequence, what: what.into() }
}

fn row(
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
        amount,
        provisional: header.provisional,
        demo: header.demo,
        centre_no: None,
        refusal: None,
        differs: Vec::new(),
        header_hash,
    }
}

/// What an idempotency key stands for. Not the operator: a colleague may send it again.
pub(super) fn content(draft: &Draft) -> Zeroizing<Vec<u8>> {
    let amount = draft.amount.map(|fen| fen.to_string()).unwrap_or_default();
    let date = draft.business_date.to_string();
    let payload = json(&draft.payload);
    let parts = [
        draft.scenario.as_bytes(),
        draft.kind.name().as_bytes(),
        date.as_bytes(),
        amount.as_bytes(),
        &draft.holder,
        &payload,
    ];
    let length = |part: &[u8]| (part.len() as u64).to_be_bytes();
    // It never grows: what it would outgrow would stay behind, unwiped.
    let whole: usize = parts.iter().map(|part| length(part).len() + part.len()).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(whole + 1));
    for part in parts {
        out.extend_from_slice(&length(part));
        out.extend_from_slice(part);
    }
    out.push(u8::from(draft.provisional));
    out
}

fn refusal(receipt: &Receipt) -> Option<String> {
    match &receipt.outcome {
        Outcome::Accepted => None,
        Outcome::Refused { code, text } => Some(format!("{code} {text}")),
    }
}

/// What stands in the column of this name.
fn differs(row: &Row) -> Option<String> {
    (!row.differs.is_empty()).then(|| serde_json::json!(row.differs).to_string())
}

fn about_answer(header_hash: &Digest) -> Vec<u8> {
    [&header_hash.0[..], b"answer"].concat()
}

fn optional(value: Option<impl AsRef<[u8]>>) -> Vec<u8> {
    value.map_or_else(Vec::new, |value| [b"=", value.as_ref()].concat())
}

/// JSON in a buffer of its own length, which does not grow either.
pub(super) fn json(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Invariant: what is kept is plain data with text keys, which always has a JSON form.
    serde_json::to_writer(&mut count, value).expect("plain data has a JSON form");
    let mut out = Zeroizing::new(Vec::with_capacity(count.0));
    serde_json::to_writer(&mut *out, value).expect("plain data has a JSON form");
    out
}
