//! Taking back what was filed, as long as nothing came of it and nothing later was computed on it.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Map, Value};

use super::db::parse;
use super::enrol::aside::aside;
use super::errors::CenterError;
use super::filings::{Posted, filed_number, is_of};
use super::people::{self, Shelf};
use super::postings::{self, Source};
use super::refusal::{Refusal, Stop};
use super::{became, visits};
use crate::value::Kind;
use crate::wire::filing::{Filed, Standing, WITHDRAWAL, Withdrawal};
use crate::wire::{Header, LONGEST_REASON, errors};

/// Sets a filing withdrawn, and takes back what it did to accumulators: its key is free from then on. The terminal that
/// filed it does that, for in another's journal it would stand for ever.
pub(super) fn withdraw(db: &Connection, header: &Header, withdrawal: &Withdrawal) -> Result<Value, Stop> {
    let person = people::find(db, &withdrawal.person)?.ok_or_else(|| Refusal::of(&errors::NO_PERSON))?;
    let names_it = header.cancels == Some(withdrawal.id) && withdrawal.message == WITHDRAWAL;
    let is_of = is_of(header, (&withdrawal.scenario, withdrawal.part));
    if !is_of || !names_it || !fits(withdrawal.reason.as_deref()) {
        return Err(Refusal::of(&errors::FORM).into());
    }
    let found: Option<(i64, String, String, String, Option<String>)> = db
        .prepare_cached(
            "SELECT number, state, filed_on, fields, posted FROM filings
             WHERE id = ?1 AND psn_no = ?2 AND scenario = ?3 AND part = ?4
             AND EXISTS (SELECT 1 FROM transactions AS brought WHERE brought.id = filings.id
                 AND (brought.terminal = ?5 OR substr(brought.terminal, 1, length(?6)) = ?6))",
        )?
        .query_row(
            params![
                withdrawal.id.as_bytes(),
                person.psn_no,
                withdrawal.scenario,
                withdrawal.part.name(),
                header.terminal,
                aside(&header.terminal),
            ],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        )
        .optional()?;
    let unknown = || Refusal::saying(&errors::NOT_FOUND, "中心没有本机此人的这笔受理");
    let (number, state, filed_on, fields, posted) = found.ok_or_else(unknown)?;
    if withdrawal.number.as_ref().is_some_and(|named| *named != filed_number(number)) {
        return Err(Refusal::of(&errors::FORM).into());
    }
    if state != "accepted" {
        return Err(Refusal::of(&errors::WITHDRAWN).into());
    }
    if was_acted_on(db, &person.psn_no, withdrawal.part, number, &parse(&fields)?)? {
        return Err(Refusal::of(&errors::ACTED).into());
    }
    if let Some(later) = became::later(db, &person.psn_no, number)? {
        return Err(Refusal::saying(&errors::LATER, &later).into());
    }
    if let Some(Posted { on, mdtrt_id, changes }) = posted.as_deref().map(parse).transpose()? {
        let (psn_no, scenario) = (person.psn_no.as_str(), withdrawal.scenario.as_str());
        let shelf = Shelf { psn_no, scenario, on, mdtrt_id: mdtrt_id.as_deref() };
        if let Some(later) = postings::later(db, Source::Filing(number), &shelf, &changes)? {
            return Err(Refusal::saying(&errors::LATER, &later).into());
        }
        shelf.take_back(db, &changes)?;
        postings::set_standing(db, Source::Filing(number), false)?;
    }
    became::take_back(db, &person.psn_no, number)?;
    db.execute(
        "UPDATE filings SET state = 'withdrawn', withdrawn_for = ?2 WHERE number = ?1",
        params![number, withdrawal.reason],
    )?;
    let filed_on = filed_on.parse().map_err(|_| CenterError::Database("a day that is none".into()))?;
    let mdtrt_id = visits::registered_by(db, number)?;
    let filed = Filed { number: filed_number(number), state: Standing::Withdrawn, filed_on, mdtrt_id };
    Ok(serde_json::to_value(filed).unwrap_or_default())
}

/// Whether a reason for taking something back is one, or none is given.
pub(super) fn fits(reason: Option<&str>) -> bool {
    reason
        .is_none_or(|text| (1..=LONGEST_REASON).contains(&text.chars().count()) && !text.chars().any(char::is_control))
}

/// Whether something came of it: the money was collected, the record is another one, the visit was settled, or something
/// names the visit that it registered.
fn was_acted_on(
    db: &Connection,
    psn_no: &str,
    part: Kind,
    number: i64,
    fields: &Map<String, Value>,
) -> Result<bool, CenterError> {
    match part {
        Kind::Collect | Kind::Change => Ok(true),
        Kind::Visit => {
            let named = fields.get("mdtrt_id").and_then(Value::as_str);
            named.map_or(Ok(false), |mdtrt_id| visits::is_settled(db, psn_no, mdtrt_id))
        }
        _ => {
            let registered = visits::registered_by(db, number)?;
            registered.map_or(Ok(false), |mdtrt_id| visits::is_used(db, psn_no, &mdtrt_id))
        }
    }
}
