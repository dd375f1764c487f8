//! Visits and admissions: the centre gives each a number (就诊ID) when it is registered, and what comes later names it.

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::errors::CenterError;
use super::people::Known;
use super::refusal::Refusal;
use crate::rules::Packs;
use crate::wire::errors;
use crate::wire::person::{INSUTYPE, ONE_OF_A_PERSON};

/// Where somebody is treated.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Care {
    /// At a clinic: 门诊.
    Outpatient,
    /// In hospital: 住院.
    Inpatient,
}

/// What registers a visit, and an admission (settlement-facts §4.2): 门诊挂号, 入院办理.
const REGISTER: [(&str, Care); 2] = [("2201", Care::Outpatient), ("2401", Care::Inpatient)];

/// 医疗类别 (settlement-facts §4.4) of a visit, and of a stay. What is bought in a shop is of neither.
const OUTPATIENT: [&str; 6] = ["11", "12", "13", "14", "15", "51"];
const INPATIENT: [&str; 9] = ["21", "22", "23", "24", "25", "26", "27", "28", "52"];

impl Care {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Outpatient => "outpatient",
            Self::Inpatient => "inpatient",
        }
    }

    fn zh(self) -> &'static str {
        match self {
            Self::Outpatient => "门诊",
            Self::Inpatient => "住院",
        }
    }

    /// What a message registers, if it registers any.
    pub(super) fn registered_by(message: &str) -> Option<Self> {
        REGISTER.iter().find(|(name, _)| *name == message).map(|(_, care)| *care)
    }

    /// Of a 医疗类别; `None` of one that is of neither, or not known.
    fn of(med_type: &str) -> Option<Self> {
        if OUTPATIENT.contains(&med_type) {
            return Some(Self::Outpatient);
        }
        INPATIENT.contains(&med_type).then_some(Self::Inpatient)
    }
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
    (care, insurance): (Care, Option<&str>),
) -> Result<String, CenterError> {
    let mdtrt_id = format!("M{filing:011}");
    db.execute(
        "INSERT INTO visits (mdtrt_id, psn_no, insurance, care, filing) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![mdtrt_id, psn_no, insurance, care.name(), filing],
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

/// Why a settlement is not taken that names a visit of the other kind: a clinic's bill is none of a stay, nor a stay's one of
/// a visit. What was registered before the kind was kept takes either.
pub(super) fn other_care(
    db: &Connection,
    psn_no: &str,
    mdtrt_id: &str,
    med_type: &str,
) -> Result<Option<Refusal>, CenterError> {
    let mut registered = db.prepare_cached("SELECT care FROM visits WHERE mdtrt_id = ?1 AND psn_no = ?2")?;
    let registered: Option<Option<String>> = registered.query_row([mdtrt_id, psn_no], |row| row.get(0)).optional()?;
    let (Some(registered), Some(settled)) = (registered.flatten(), Care::of(med_type)) else { return Ok(None) };
    let words = || format!("该编号登记的不是{}，医疗类别 {med_type} 的费用不能在其下结算", settled.zh());
    Ok((registered != settled.name()).then(|| Refusal::saying(&errors::VISIT_CARE, &words())))
}

/// What the visits that were registered here say of a person on a day, among the facts that rules ask for: it is better than
/// what the centre was told from elsewhere. A stay goes on from its day of admission until it is ended, or a settlement that
/// stands says when the person was discharged (of the stay's number, or, where the bill names none, of its day of admission),
/// or another admission is taken: no message of its own tells a discharge.
pub(super) fn facts(db: &Connection, psn_no: &str, on: Date) -> Result<Map<String, Value>, CenterError> {
    let mut facts = Map::new();
    let mut stays = db.prepare_cached(
        "SELECT 1 FROM visits JOIN filings ON filings.number = visits.filing
         WHERE visits.psn_no = ?1 AND care = 'inpatient' AND NOT ended AND state = 'accepted'
         AND ifnull(json_extract(filings.fields, '$.begntime'), '') <= ?2
         AND NOT EXISTS (SELECT 1 FROM standing WHERE standing.psn_no = visits.psn_no
             AND ifnull(json_extract(standing.posted, '$.settlement.mdtrt_id') = mdtrt_id,
                 json_extract(standing.posted, '$.settlement.facts.begntime')
                     = json_extract(filings.fields, '$.begntime'))
             AND json_extract(standing.posted, '$.settlement.facts.endtime') <= ?2)
         AND NOT EXISTS (SELECT 1 FROM visits AS next JOIN filings AS again ON again.number = next.filing
             WHERE next.psn_no = visits.psn_no AND next.care = 'inpatient' AND again.state = 'accepted'
             AND (ifnull(json_extract(again.fields, '$.begntime'), ''), again.number)
                 > (ifnull(json_extract(filings.fields, '$.begntime'), ''), filings.number)
             AND ifnull(json_extract(again.fields, '$.begntime'), '') <= ?2)",
    )?;
    if stays.exists(params![psn_no, on.to_string()])? {
        facts.insert(IN_HOSPITAL.to_owned(), true.into());
    }
    let mut registered = db.prepare_cached(
        "SELECT count(*) FROM visits JOIN filings ON filings.number = visits.filing
         WHERE visits.psn_no = ?1 AND care = 'outpatient' AND state = 'accepted'
         AND json_extract(filings.posted, '$.on') = ?2",
    )?;
    let times: i64 = registered.query_row(params![psn_no, on.to_string()], |row| row.get(0))?;
    if times > 0 {
        facts.insert(REGISTERED_TODAY.to_owned(), times.into());
    }
    Ok(facts)
}

/// 在院, and 当日已挂号次数, among a person's facts.
const IN_HOSPITAL: &str = "in_hospital";
const REGISTERED_TODAY: &str = "registered_today";

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
