//! What is filed at the centre, and that a query was answered: each once an id (`deliver`), and one of a key at a time.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::decide::decide_form;
use super::deliver::Taken;
use super::errors::CenterError;
use super::ledger::{Row, number};
use super::people::{self, Shelf};
use super::postings::{self, Source};
use super::records::{self, PAY_STAS, Record};
use super::refusal::Refusal;
use super::visits::Care;
use super::{became, cancel, db, visits};
use crate::rules::{Change, Packs};
use crate::value::Kind;
use crate::wire::enquiry::Enquiry;
use crate::wire::filing::{Document, Filed, Filing, Standing};
use crate::wire::person::INSUTYPE;
use crate::wire::{Header, errors};
use crate::world::shanghai;

/// Files it, if it may be.
pub(super) fn file(
    db: &Connection,
    packs: &Packs,
    header: &Header,
    filing: &Filing,
    now: Timestamp,
) -> Result<Taken, CenterError> {
    let Some(person) = people::find(db, &filing.person)? else { return Ok(Err(Refusal::of(&errors::NO_PERSON))) };
    let psn_no = person.psn_no.as_str();
    if !is_of(header, (&filing.scenario, filing.part)) || !filing.documents.iter().all(Document::was_there) {
        return Ok(Err(Refusal::of(&errors::FORM)));
    }
    let same = standing(db, psn_no, filing)?;
    if let Some(standing) = same
        && became::is_so(db, psn_no, standing)?
    {
        let words = format!("{}，受理号 {}", errors::ALREADY.message.zh, filed_number(standing));
        return Ok(Err(Refusal::saying(&errors::ALREADY, &words)));
    }
    if let Some(refusal) = visits::not_insured(&person, &filing.fields) {
        return Ok(Err(refusal));
    }
    let named = filing.fields.get("mdtrt_id").and_then(Value::as_str);
    let insurance = insurance(packs, filing);
    if let Some(mdtrt_id) = named
        && let Some(refusal) = visits::refusal(db, psn_no, mdtrt_id, insurance.as_deref())?
    {
        return Ok(Err(refusal));
    }
    let filing = &*cancel::in_one_form(filing);
    if let Some(refusal) = cancel::none_to_claim(db, psn_no, filing)? {
        return Ok(Err(refusal));
    }
    let record = records::named(db, psn_no, (&filing.scenario, filing.part), &filing.fields)?;
    if filing.part == Kind::Collect
        && let Some(refusal) = not_to_be_collected(record.as_ref())
    {
        return Ok(Err(refusal));
    }
    let shelf = Shelf { psn_no, scenario: &filing.scenario, on: filing.business_date, mdtrt_id: named };
    // What a change makes of the record's items is the form's to say.
    let own = if filing.part == Kind::Change { Some(&filing.fields) } else { None };
    let facts = record.as_ref().map_or_else(|| filing.facts.clone(), |record| record.over(&filing.facts, own));
    let changes = match decide_form(db, packs, &shelf, &facts, &filing.lines)? {
        Ok(changes) => changes,
        Err(refusal) => return Ok(Err(refusal)),
    };
    shelf.post(db, &changes)?;
    let posted = Posted { on: filing.business_date, mdtrt_id: shelf.mdtrt_id.map(str::to_owned), changes };
    match (filing.part, record) {
        (Kind::Collect, Some(mut record)) => record.put(db, PAY_STAS, "collected")?,
        (Kind::Change, Some(mut record)) => record.replace(db, &filing.fields)?,
        _ => {}
    }
    let filed_on = shanghai().to_datetime(now).date();
    // One that is over stands as what was filed then, and gives its key up.
    db.execute("UPDATE filings SET once = NULL WHERE number = ?1", [same])?;
    db.execute(
        "INSERT INTO filings (id, psn_no, scenario, part, once, state, filed_on, fields, documents, lines, posted)
         VALUES (?1, ?2, ?3, ?4, ?5, 'accepted', ?6, ?7, ?8, ?9, ?10)",
        params![
            header.id.as_bytes(),
            psn_no,
            filing.scenario,
            filing.part.name(),
            filing.once,
            filed_on.to_string(),
            db::json(&filing.fields),
            db::json(&filing.documents),
            db::json(&filing.lines),
            db::json(&posted),
        ],
    )?;
    let number = db.last_insert_rowid();
    postings::enter(db, Source::Filing(number), &shelf, &posted.changes)?;
    became::make_so(db, psn_no, number, filing)?;
    let registers = Care::registered_by(&filing.message);
    let mdtrt_id =
        registers.map(|care| visits::register(db, psn_no, number, (care, insurance.as_deref()))).transpose()?;
    let filed = Filed { number: filed_number(number), state: Standing::Accepted, filed_on, mdtrt_id };
    Ok(Ok(serde_json::to_value(filed).unwrap_or_default()))
}

/// The insurance that it is for: its form says it, whether the rules are told or not.
fn insurance(packs: &Packs, filing: &Filing) -> Option<String> {
    let mut facts = filing.facts.clone();
    facts.extend(filing.fields.get(INSUTYPE).map(|insutype| (INSUTYPE.to_owned(), insutype.clone())));
    visits::insurance(packs, (&filing.scenario, filing.business_date), &facts)
}

/// What a filing did to accumulators, kept to be taken back.
#[derive(Serialize, Deserialize)]
pub(super) struct Posted {
    pub(super) on: Date,
    pub(super) mdtrt_id: Option<String>,
    pub(super) changes: Vec<Change>,
}

/// Keeps that a query was answered.
pub(super) fn enquire(db: &Connection, header: &Header, enquiry: &Enquiry) -> Result<Taken, CenterError> {
    let Some(person) = people::find(db, &enquiry.person)? else { return Ok(Err(Refusal::of(&errors::NO_PERSON))) };
    let records = i64::try_from(enquiry.records);
    let (true, Ok(records)) = (is_of(header, (&enquiry.scenario, enquiry.part)), records) else {
        return Ok(Err(Refusal::of(&errors::FORM)));
    };
    db.execute(
        "INSERT INTO enquiries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            header.id.as_bytes(),
            person.psn_no,
            enquiry.scenario,
            enquiry.as_of.to_string(),
            records,
            enquiry.cached,
            enquiry.printed,
            enquiry.document_sha256.map(|digest| digest.to_string()),
        ],
    )?;
    Ok(Ok(Value::Null))
}

/// Those after a number, oldest first, for the ledger: nothing that names a person.
pub(super) fn after(db: &Connection, key: &str, most: usize) -> Result<Vec<Row>, CenterError> {
    let mut statement = db.prepare(
        "SELECT number, scenario, part, state, filed_on FROM filings WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let filings = statement.query_map(params![number(key)?, most], |row| {
        let (scenario, part): (String, Option<String>) = (row.get(1)?, row.get(2)?);
        let (state, filed_on): (String, String) = (row.get(3)?, row.get(4)?);
        let number: i64 = row.get(0)?;
        let shown = json!({
            "number": filed_number(number), "scenario": scenario, "part": part, "state": state, "filed_on": filed_on,
        });
        Ok((number.to_string(), shown))
    })?;
    Ok(filings.collect::<Result<_, _>>()?)
}

/// Whether a message is of the transaction that brings it.
pub(super) fn is_of(header: &Header, (scenario, part): (&str, Kind)) -> bool {
    header.scenario == scenario && header.kind == part
}

/// The number of what stands already and is the same.
fn standing(db: &Connection, psn_no: &str, filing: &Filing) -> Result<Option<i64>, CenterError> {
    let found = db
        .prepare_cached(
            "SELECT number FROM filings WHERE psn_no = ?1 AND scenario = ?2 AND ifnull(part, ?3) = ?3 AND once = ?4
             AND state = 'accepted'",
        )?
        .query_row(params![psn_no, filing.scenario, filing.part.name(), filing.once], |row| row.get(0))
        .optional()?;
    Ok(found)
}

/// 受理号.
pub(super) fn filed_number(number: i64) -> String {
    format!("F{number:011}")
}

/// Why a payment cannot be collected, if it cannot.
fn not_to_be_collected(record: Option<&Record>) -> Option<Refusal> {
    let Some(record) = record else { return Some(Refusal::of(&errors::PAY_UNKNOWN)) };
    match record.text(PAY_STAS) {
        Some("paid") => None,
        Some("collected") => Some(Refusal::saying(&errors::PAY_STATE, "这笔款项已经领取")),
        _ => Some(Refusal::saying(&errors::PAY_STATE, "这笔款项没有到账")),
    }
}
