//! What is written into the journal. Each statement runs inside a transaction of the writer.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Serialize;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::entry::{Asked, Entry, about_answer, differs, one_row, refusal, row};
use super::seal::{ALGORITHMS, Crypto};
use super::{Caller, Committed, Draft, Note, QueueError, Row, State, chain, protocol};
use crate::value::Protocol;
use crate::wire::{self, ChainHead, Digest, Header, Series};
use crate::world::{Clock, Random};

/// What every statement needs beside its connection.
pub(super) struct Context {
    pub(super) terminal: String,
    pub(super) demo: bool,
    pub(super) crypto: Crypto,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
}

/// A draft with what needs not wait for its turn: its caller computes that, beside the writer.
pub(super) struct Prepared {
    draft: Draft,
    idempotency: Digest,
    content: Digest,
    holder: Digest,
    caller: Option<Asked>,
    payload: Zeroizing<Vec<u8>>,
}

impl Context {
    /// Makes a draft ready.
    pub(super) fn prepare(&self, draft: Draft) -> Prepared {
        let payload = json(&draft.payload);
        Prepared {
            idempotency: self.crypto.idempotency(&draft.idempotency),
            content: self.crypto.content(&content(&draft, &payload)),
            holder: self.crypto.holder(&draft.holder),
            caller: draft.caller.as_ref().map(|caller| self.asked(caller)),
            payload,
            draft,
        }
    }

    /// As what a caller's key is kept.
    pub(super) fn asked(&self, caller: &Caller) -> Asked {
        Asked { key: self.crypto.caller(&caller.key), asked: self.crypto.asked(&caller.asked) }
    }

    /// Inserts a draft after `head` where the chain `may_grow`, or finds it; with what it takes back, as that stands then.
    pub(super) fn insert(
        &self,
        db: &Connection,
        head: &mut ChainHead,
        prepared: &Prepared,
        may_grow: &dyn Fn() -> Result<(), QueueError>,
    ) -> Result<(Committed, Option<Row>), QueueError> {
        let &Prepared { ref draft, idempotency, content, holder, caller, ref payload } = prepared;
        let online = protocol(draft.kind, draft.provisional) == Protocol::Online;
        if !(draft.state == State::Pending || draft.state == State::Sending && online) {
            return Err(QueueError::Draft("it starts in a state that it cannot start in"));
        }
        if let Some(known) = self.find(db, "idempotency", &idempotency.0)? {
            let same = known.content == content;
            let found = Committed { row: known.row, duplicate: true };
            return if same { Ok((found, None)) } else { Err(QueueError::Conflict) };
        }
        if let Some(caller) = caller
            && self.find(db, "caller", &caller.key.0)?.is_some()
        {
            return Err(QueueError::Conflict);
        }
        let cancelled = self.to_cancel(db, draft, holder)?;
        may_grow()?;

        let now = self.now();
        let id = self.new_id(now)?;
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
            payload_commitment: self.crypto.commit_to(id, payload),
            previous: head.hash,
            algorithms: ALGORITHMS.into(),
            operator: Some(draft.operator.clone()),
            shift: draft.shift.clone(),
            cancels: draft.cancels,
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
            holder,
            caller,
            payload: Some(self.crypto.seal(payload, &header_hash.0, &*self.random)?),
            answer: None,
            state_mac: Digest::default(),
        };
        if draft.provisional && draft.amount.is_some() {
            entry.row.differs.push(Row::OUTCOME.to_owned());
        }
        entry.state_mac = self.state_mac(&entry);
        let row = &entry.row;
        let mut insert = db.prepare_cached(
            "INSERT INTO entries (sequence, id, msgid, idempotency, content, header, header_hash, holder, operator,
                 amount, online, created_at, payload, state, attempts, updated_at, state_mac, differs,
                 caller, asked)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?12, ?16, ?17, ?18, ?19)",
        )?;
        let inserted = insert.execute(params![
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
            differs(row),
            caller.map(|caller| caller.key.0),
            caller.map(|caller| caller.asked.0),
        ])?;
        one_row(inserted, row.sequence)?;
        let cancelled = self.begin_cancelling(db, cancelled)?;
        *head = ChainHead { sequence: row.sequence, hash: header_hash };
        Ok((Committed { row: entry.row, duplicate: false }, cancelled))
    }

    /// Moves a row; with what it takes back, where that ends with it.
    pub(super) fn advance(
        &self,
        db: &Connection,
        id: Uuid,
        to: State,
        note: &Note,
    ) -> Result<(Row, Option<Row>), QueueError> {
        match note {
            Note::Adopted(answer, differs) => return Ok((self.adopt(db, id, answer, differs)?, None)),
            Note::Shown => return Ok((self.shown(db, id)?, None)),
            _ => {}
        }
        let mut entry = self.find(db, "id", id.as_bytes())?.ok_or(QueueError::NotFound)?;
        let from = entry.row.state;
        if let Note::Reason(reason) = note {
            entry.row.reason = Some(reason.chars().take(Note::LONGEST).collect());
            if to == from {
                return Ok((self.explain(db, entry)?, None));
            }
        } else if !matches!(to, State::Sending | State::Unknown) {
            // It got on; another attempt alone says nothing yet, and neither does one without an answer.
            entry.row.reason = None;
        }
        // What is being cancelled goes on with its cancellation alone ([`Self::to_follow`]).
        if from == State::Cancelling || !from.may_become(to, entry.row.protocol()) {
            return Err(QueueError::Move { from, to });
        }
        let followed = self.to_follow(db, &entry.row, to);
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
            let untold = entry.row.is_untold() || Row::tells_untold(differs);
            entry.row.differs_by(differs, untold);
        }
        let row = self.write_state(db, entry)?;
        Ok((row, self.follow(db, followed)?))
    }

    /// Writes what changes of a row.
    pub(super) fn write_state(&self, db: &Connection, mut entry: Entry) -> Result<Row, QueueError> {
        entry.state_mac = self.state_mac(&entry);
        let row = &entry.row;
        let mut update = db.prepare_cached(
            "UPDATE entries SET state = ?2, attempts = ?3, updated_at = ?4, centre_no = ?5, answer = ?6,
                 state_mac = ?7, differs = ?8, reason = ?9 WHERE sequence = ?1",
        )?;
        let updated = update.execute(params![
            row.sequence,
            row.state.name(),
            row.attempts,
            row.updated_at.as_millisecond(),
            row.centre_no,
            entry.answer,
            entry.state_mac.0,
            differs(row),
            row.reason,
        ])?;
        one_row(updated, row.sequence)?;
        Ok(entry.row)
    }

    /// Writes why a row does not get on; its state stays. What is said already is not written again.
    fn explain(&self, db: &Connection, mut entry: Entry) -> Result<Row, QueueError> {
        if !entry.row.state.is_open() {
            return Err(QueueError::Move { from: entry.row.state, to: entry.row.state });
        }
        let mac = self.state_mac(&entry);
        if mac != entry.state_mac {
            entry.state_mac = mac;
            let mut update = db.prepare_cached("UPDATE entries SET reason = ?2, state_mac = ?3 WHERE sequence = ?1")?;
            let row = &entry.row;
            one_row(update.execute(params![row.sequence, row.reason, entry.state_mac.0])?, row.sequence)?;
        }
        Ok(entry.row)
    }

    /// Signs the head after a commit group.
    pub(super) fn sign(&self, db: &Connection, head: &ChainHead) -> Result<(), QueueError> {
        let signature = self.crypto.sign(&self.terminal, head.sequence, &head.hash);
        let mut insert = db.prepare_cached("INSERT INTO groups (sequence, head, signature) VALUES (?1, ?2, ?3)")?;
        one_row(insert.execute(params![head.sequence, head.hash.0, signature])?, head.sequence)
    }

    /// Now, in whole milliseconds, so that what is stored is what was hashed.
    pub(super) fn now(&self) -> Timestamp {
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

/// What an idempotency key stands for. Not the operator: a colleague may send it again.
pub(super) fn content(draft: &Draft, payload: &[u8]) -> Zeroizing<Vec<u8>> {
    let amount = draft.amount.map(|fen| fen.to_string()).unwrap_or_default();
    let date = draft.business_date.to_string();
    let parts = [
        draft.scenario.as_bytes(),
        draft.kind.name().as_bytes(),
        date.as_bytes(),
        amount.as_bytes(),
        &draft.holder,
        payload,
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
