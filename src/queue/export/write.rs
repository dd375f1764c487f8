//! Writes a day out of one snapshot of the journal, a record at a time.

use std::io::{self, Write};

use jiff::civil::Date;
use ring::digest;
use rusqlite::{Connection, Transaction};
use serde_json::value::RawValue;

use super::{End, ExportError, Exported, FORMAT, Line, Record, Sum, about, csv, sign};
use crate::queue::entry::Entry;
use crate::queue::journal::Context;
use crate::queue::lost::Lost;
use crate::queue::{Past, QueueError, State, anchor, look, witness};
use crate::value::Fen;
use crate::wire::{ChainHead, Digest};

impl Past {
    /// Writes the records of a business date as JSON lines, with what proves them.
    ///
    /// # Errors
    /// When the journal cannot be read, anything in it is damaged or missing, or `out` fails.
    pub fn export(&self, date: Date, out: &mut dyn Write) -> Result<Exported, ExportError> {
        let snapshot = self.proved()?;
        let day = Day::read(&snapshot, &self.context, date)?;
        let mut lines = Lines { out, digest: digest::Context::new(&digest::SHA256) };
        let text = raw(&day.head)?;
        let bound = about(text.get());
        let sign = |part, head, text: &str| Some(sign(&self.context.crypto, &self.context.terminal, part, head, text));
        let signature = sign("head", Digest::default(), text.get());
        lines.put(&Line { head: Some(&text), signature, ..Line::default() })?;

        if let Some((text, signature)) = Lost::kept(&snapshot)? {
            let text = RawValue::from_string(text).map_err(io::Error::other)?;
            let signature = Some(hex::encode_upper(signature));
            lines.put(&Line { lost: Some(&text), signature, ..Line::default() })?;
        }

        let mut last = day.head.after.sequence;
        let mut group = snapshot.prepare("SELECT head, signature FROM groups WHERE sequence = ?1")?;
        day.each(&snapshot, &self.context, |entry| {
            let header = RawValue::from_string(String::from_utf8_lossy(&entry.header_bytes).into_owned());
            let header = header.map_err(io::Error::other)?;
            if entry.row.business_date == date {
                let text = raw(&record(&entry, &header))?;
                let signature = sign("record", bound, text.get());
                lines.put(&Line { record: Some(&text), signature, ..Line::default() })?;
            } else {
                lines.put(&Line { header: Some(&header), ..Line::default() })?;
            }
            last = entry.row.sequence;
            let mut ends = group.query([last])?;
            if let Some(row) = ends.next()? {
                let hash = Digest(row.get(0)?);
                let signature: Vec<u8> = row.get(1)?;
                let signature = Some(hex::encode_upper(signature));
                lines.put(&Line { group: Some(ChainHead { sequence: last, hash }), signature, ..Line::default() })?;
            }
            Ok(())
        })?;
        let text = raw(&End { last, sha256: lines.hash() })?;
        let signature = sign("end", bound, text.get());
        lines.put(&Line { end: Some(&text), signature, ..Line::default() })?;
        lines.out.flush()?;
        Ok(day.head)
    }

    /// Writes the records of a business date as CSV: nothing in it can be proved.
    ///
    /// # Errors
    /// As [`Past::export`].
    pub fn export_csv(&self, date: Date, out: &mut dyn Write) -> Result<Exported, ExportError> {
        let snapshot = self.proved()?;
        let day = Day::read(&snapshot, &self.context, date)?;
        let mut table = csv::Table::begin(out)?;
        day.each(&snapshot, &self.context, |entry| match entry.row.business_date == date {
            true => Ok(table.row(&entry.row)?),
            false => Ok(()),
        })?;
        table.end()?;
        Ok(day.head)
    }

    /// A snapshot that is whole: what is told of a day is all that the day had, and nothing else.
    fn proved(&self) -> Result<Transaction<'_>, QueueError> {
        let anchored =
            anchor::peek_if_there(&self.anchor, &anchor::Proof::Keys(&self.context.crypto), &self.context.terminal)?;
        let snapshot = self.db.unchecked_transaction()?;
        witness::with_keys(&snapshot, &self.context, anchored.into())?;
        Ok(snapshot)
    }
}

fn record<'a>(entry: &Entry, header: &'a RawValue) -> Record<'a> {
    let row = &entry.row;
    Record {
        header,
        header_hash: row.header_hash,
        state: row.state,
        attempts: row.attempts,
        updated_at: row.updated_at,
        operator: row.operator.clone(),
        amount: row.amount,
        centre_no: row.centre_no.clone(),
        differs: row.differs.clone(),
    }
}

/// The part of the chain that holds a day.
struct Day {
    head: Exported,
    /// The end of the commit group that the day's last record is in.
    last: u64,
}

impl Day {
    fn read(db: &Connection, context: &Context, date: Date) -> Result<Self, ExportError> {
        let mut sums: Vec<Sum> = Vec::new();
        let mut ends: Option<(u64, u64)> = None;
        // As the header has it: there is no column of its own for it.
        let within = format!("\"business_date\":\"{date}\"");
        let sql = format!(
            "SELECT {} FROM entries WHERE instr(header, CAST(?1 AS BLOB)) > 0 ORDER BY sequence",
            look::columns(db)?
        );
        let mut statement = db.prepare(&sql)?;
        let mut rows = statement.query([within])?;
        while let Some(row) = rows.next()? {
            let row = context.read(row)?.row;
            if row.business_date != date {
                continue;
            }
            ends = Some((ends.map_or(row.sequence, |(first, _)| first), row.sequence));
            add(&mut sums, row.state, row.amount.unwrap_or(Fen::ZERO))?;
        }
        sums.sort_by_key(|sum| sum.state);
        let ((after, after_signature), last) = match ends {
            None => ((ChainHead::default(), String::new()), 0),
            Some((first, last)) => (signed_before(db, first)?, signed_from(db, last)?),
        };
        let head = Exported {
            format: FORMAT.to_owned(),
            terminal: context.terminal.clone(),
            key: Digest(context.crypto.public_key),
            date,
            made_at: context.clock.now(),
            records: sums.iter().map(|sum| sum.records).sum(),
            sums,
            after,
            after_signature,
        };
        Ok(Self { head, last })
    }

    /// Each record from the first to the last, those of other days among them.
    fn each(
        &self,
        db: &Connection,
        context: &Context,
        mut take: impl FnMut(Entry) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let sql = format!(
            "SELECT {} FROM entries WHERE sequence > ?1 AND sequence <= ?2 ORDER BY sequence",
            look::columns(db)?
        );
        let mut statement = db.prepare(&sql)?;
        let mut rows = statement.query([self.head.after.sequence, self.last])?;
        while let Some(row) = rows.next()? {
            take(context.read(row)?)?;
        }
        Ok(())
    }
}

fn add(sums: &mut Vec<Sum>, state: State, amount: Fen) -> Result<(), QueueError> {
    let place = sums.iter().position(|sum| sum.state == state).unwrap_or_else(|| {
        sums.push(Sum { state, records: 0, amount: Fen::ZERO });
        sums.len() - 1
    });
    let sum = &mut sums[place];
    sum.records += 1;
    let total = sum.amount.0.checked_add(amount.0);
    sum.amount = Fen(total.ok_or(QueueError::Damaged { record: 0, what: "its amounts have no sum".into() })?);
    Ok(())
}

/// The last signed head before a record, with its signature.
fn signed_before(db: &Connection, record: u64) -> Result<(ChainHead, String), QueueError> {
    let sql = "SELECT sequence, head, signature FROM groups WHERE sequence < ?1 ORDER BY sequence DESC LIMIT 1";
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([record])?;
    let Some(row) = rows.next()? else { return Ok((ChainHead::default(), String::new())) };
    let signature: Vec<u8> = row.get(2)?;
    Ok((ChainHead { sequence: row.get(0)?, hash: Digest(row.get(1)?) }, hex::encode_upper(signature)))
}

/// The end of the commit group that a record is in.
fn signed_from(db: &Connection, record: u64) -> Result<u64, QueueError> {
    let end: Option<u64> =
        db.query_row("SELECT min(sequence) FROM groups WHERE sequence >= ?1", [record], |row| row.get(0))?;
    end.ok_or(QueueError::Damaged { record, what: "it is not signed".into() })
}

/// What is written, and the hash of it so far.
struct Lines<'a> {
    out: &'a mut dyn Write,
    digest: digest::Context,
}

impl Lines<'_> {
    fn put(&mut self, line: &Line<'_>) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.digest.update(&text);
        self.out.write_all(&text)
    }

    fn hash(&self) -> Digest {
        let mut out = [0; 32];
        out.copy_from_slice(self.digest.clone().finish().as_ref());
        Digest(out)
    }
}

fn raw(value: &impl serde::Serialize) -> io::Result<Box<RawValue>> {
    Ok(serde_json::value::to_raw_value(value)?)
}
