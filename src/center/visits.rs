//! Visits and admissions: the centre gives each a number (就诊ID) when it is registered, and what comes later names it.

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Map, Value};

use super::errors::CenterError;
use super::people::Known;
use super::refusal::Refusal;
use crate::rules::Packs;
use crate::wire::errors;
use crate::wire::person::{INSUTYPE, ONE_OF_A_PERSON};

/// What registers one (settlement-facts §4.2): 门诊挂号, 入院办理.
const REGISTER: [&str; 2] = ["2201", "2401"];

/// Whether a message registers a visit or an admission.
pub(super) fn is_registered_by(message: &str) -> bool {
    REGISTER.contains(&message)
}

/// The insurance that a case is for: what it says, or what its pack counts on. Work injury has no code of its own among
/// the national ones, and its packs' scheme is its name. `None` where there is no pack, or it names none.
pub(super) fn insurance(packs: &Packs, (scenario, on): (&str, Date), facts: &Map<String, Value>) -> Option<String> {
    let said = facts.get(INSUTYPE).and_then(Value::as_str);
    said.or_else(|| packs.scheme(scenario, on, facts).ok().flatten()).map(str::to_owned)
}

/// Why a form is not taken that is for another insurance than the person's.
pub(super) fn not_insured(person: &Known, fields: &Map<String, Value>) -> Option<Refusal> {
    let said = fields.get(INSUTYPE).and_then(Value::as_str).filter(|said| ONE_OF_A_PERSON.contains(said))?;
    let own = &person.insutype;
    let words = || format!("此人参保的险种是 {own}，与所填的 {said} 不同");
    (said != own.as_str()).then(|| Refusal::saying(&errors::VISIT_INSURANCE, &words()))
}

/// Registers one for a person, by what was filed: its number.
pub(super) fn register(
    db: &Connection,
    psn_no: &str,
    filing: i64,
    insurance: Option<&str>,
) -> Result<String, CenterError> {
    let mdtrt_id = format!("M{filing:011}");
    db.execute(
        "INSERT INTO visits (mdtrt_id, psn_no, insurance, filing) VALUES (?1, ?2, ?3, ?4)",
        params![mdtrt_id, psn_no, insurance, filing],
    )?;
    Ok(mdtrt_id)
}

/// The number of the one that a filing registered.
pub(super) fn registered_by(db: &Connection, filing: i64) -> Result<Option<String>, CenterError> {
    let mut found = db.prepare_cached("SELECT mdtrt_id FROM visits WHERE filing = ?1")?;
    Ok(found.query_row([filing], |row| row.get(0)).optional()?)
}

/// Why a message that names a visit is not taken: the person has no such visit, it is over, or of another insurance. One of
/// another person is told as one that there is not.
pub(super) fn refusal(
    db: &Connection,
    psn_no: &str,
    mdtrt_id: &str,
    insurance: Option<&str>,
) -> Result<Option<Refusal>, CenterError> {
    let found: Option<(Option<String>, bool)> = db
        .prepare_cached(
            "SELECT insurance, ended OR ifnull(state, 'accepted') <> 'accepted'
             FROM visits LEFT JOIN filings ON filings.number = visits.filing WHERE mdtrt_id = ?1 AND visits.psn_no = ?2",
        )?
        .query_row([mdtrt_id, psn_no], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match found {
        None => Some(Refusal::of(&errors::VISIT_UNKNOWN)),
        Some((_, true)) => Some(Refusal::of(&errors::VISIT_ENDED)),
        Some((Some(registered), _)) if insurance.is_some_and(|insurance| insurance != registered) => {
            let words = format!("该就诊（住院）登记的险种是 {registered}，与本业务不同");
            Some(Refusal::saying(&errors::VISIT_INSURANCE, &words))
        }
        Some(_) => None,
    })
}

/// Whether something names it that stands: a settlement, or another filing.
pub(super) fn is_used(db: &Connection, psn_no: &str, mdtrt_id: &str) -> Result<bool, CenterError> {
    let mut filed = db.prepare_cached(
        "SELECT 1 FROM filings WHERE psn_no = ?1 AND state = 'accepted' AND json_extract(fields, '$.mdtrt_id') = ?2",
    )?;
    Ok(is_settled(db, psn_no, mdtrt_id)? || filed.exists([psn_no, mdtrt_id])?)
}

/// Whether a settlement that stands names it.
pub(super) fn is_settled(db: &Connection, psn_no: &str, mdtrt_id: &str) -> Result<bool, CenterError> {
    let mut naming = db.prepare_cached(
        "SELECT 1 FROM standing WHERE psn_no = ?1 AND json_extract(posted, '$.settlement.mdtrt_id') = ?2",
    )?;
    Ok(naming.exists([psn_no, mdtrt_id])?)
}
