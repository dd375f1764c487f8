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
    let visit = visits(db, psn_no)?.into_iter().find(|visit| visit.mdtrt_id == mdtrt_id);
    let Some(visit) = visit else { return Ok(Some(Refusal::of(&errors::VISIT_UNKNOWN))) };
    if visit.is_ended || !visit.stands || visit.discharged(&discharges(db, psn_no)?).is_some() {
        return Ok(Some(Refusal::of(&errors::VISIT_ENDED)));
    }
    Ok(match visit.insurance {
        Some(registered) if insurance.is_some_and(|insurance| insurance != registered) => {
            let words = format!("该就诊（住院）登记的险种是 {registered}，与本业务不同");
            Some(Refusal::saying(&errors::VISIT_INSURANCE, &words))
        }
        _ => None,
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

/// Lays over what the centre was told of a person what the visits say of them on a day.
///
/// Who is in hospital is so by the stay that they were admitted to last, as long as it is open on that day; by stays from
/// elsewhere nobody is, but where a settlement here closed the last that was open, they are not any more. How often somebody
/// registered here comes on top of how often elsewhere.
pub(super) fn lay_over(
    db: &Connection,
    psn_no: &str,
    on: Date,
    facts: &mut Map<String, Value>,
) -> Result<(), CenterError> {
    let day = on.to_string();
    let stays = visits(db, psn_no)?.into_iter().filter(|visit| visit.stands && visit.care == Some(Care::Inpatient));
    let (here, elsewhere): (Vec<_>, Vec<_>) = stays.partition(|stay| stay.filing.is_some());
    let begun = here.into_iter().filter(|stay| stay.begntime <= day);
    let last = begun.max_by(|a, b| (&a.begntime, a.filing).cmp(&(&b.begntime, b.filing)));
    let discharges = discharges(db, psn_no)?;
    let is_out = |stay: &Visit| stay.discharged(&discharges).is_some_and(|discharged| *discharged <= *day);
    let in_hospital = match last {
        Some(stay) => Some(!stay.is_ended && !is_out(&stay)),
        None if elsewhere.iter().any(is_out) && elsewhere.iter().all(|stay| stay.is_ended || is_out(stay)) => {
            Some(false)
        }
        None => None,
    };
    if let Some(in_hospital) = in_hospital {
        facts.insert(IN_HOSPITAL.to_owned(), in_hospital.into());
    }
    let mut registered = db.prepare_cached(
        "SELECT count(*) FROM visits JOIN filings ON filings.number = visits.filing
         WHERE visits.psn_no = ?1 AND care = 'outpatient' AND state = 'accepted'
         AND json_extract(filings.posted, '$.on') = ?2",
    )?;
    let times: i64 = registered.query_row([psn_no, &day], |row| row.get(0))?;
    if times > 0 {
        let elsewhere = facts.get(REGISTERED_TODAY).and_then(Value::as_i64).unwrap_or_default();
        facts.insert(REGISTERED_TODAY.to_owned(), elsewhere.saturating_add(times).into());
    }
    Ok(())
}

/// 在院, and 当日已挂号次数, among a person's facts.
const IN_HOSPITAL: &str = "in_hospital";
const REGISTERED_TODAY: &str = "registered_today";

/// A visit or a stay of a person.
struct Visit {
    mdtrt_id: String,
    insurance: Option<String>,
    /// Not known of what was registered before that was kept.
    care: Option<Care>,
    /// What registered it here; none of one from elsewhere.
    filing: Option<i64>,
    /// The day from which it is; empty where it is not known.
    begntime: String,
    is_ended: bool,
    /// Its registration was not withdrawn.
    stands: bool,
}

fn visits(db: &Connection, psn_no: &str) -> Result<Vec<Visit>, CenterError> {
    let mut statement = db.prepare_cached(
        "SELECT mdtrt_id, insurance, care, filing, ifnull(json_extract(fields, '$.begntime'), ''), ended,
             ifnull(state, 'accepted') = 'accepted'
         FROM visits LEFT JOIN filings ON filings.number = visits.filing WHERE visits.psn_no = ?1",
    )?;
    let all = statement.query_map([psn_no], |row| {
        let care: Option<String> = row.get(2)?;
        Ok(Visit {
            mdtrt_id: row.get(0)?,
            insurance: row.get(1)?,
            care: care.and_then(|care| [Care::Outpatient, Care::Inpatient].into_iter().find(|one| one.name() == care)),
            filing: row.get(3)?,
            begntime: row.get(4)?,
            is_ended: row.get(5)?,
            stands: row.get(6)?,
        })
    })?;
    Ok(all.collect::<Result<_, _>>()?)
}

impl Visit {
    /// The day on which the person was discharged, by the settlement that closed it: of what was registered as a stay the one
    /// of its number, or, where the bill names none, of its day of admission. What was registered before the kind was kept is
    /// closed by none.
    fn discharged<'a>(&self, discharges: &'a [Discharge]) -> Option<&'a str> {
        let is_its = |discharge: &&Discharge| match &discharge.mdtrt_id {
            Some(named) => *named == self.mdtrt_id,
            None => self.filing.is_some() && discharge.begntime == self.begntime,
        };
        let its = discharges.iter().filter(|_| self.care == Some(Care::Inpatient)).find(is_its);
        its.map(|discharge| discharge.endtime.as_str())
    }
}

/// What a settlement that stands says of the end of a stay: it was settled at the discharge.
struct Discharge {
    mdtrt_id: Option<String>,
    begntime: String,
    endtime: String,
}

/// No message of its own tells a discharge; a clinic's bill, which has an `endtime` as well, tells none.
fn discharges(db: &Connection, psn_no: &str) -> Result<Vec<Discharge>, CenterError> {
    let mut statement = db.prepare_cached(
        "SELECT bill ->> '$.med_type', bill ->> '$.mdtrt_id', ifnull(bill ->> '$.facts.begntime', ''),
             bill ->> '$.facts.endtime'
         FROM (SELECT number, posted -> '$.settlement' AS bill FROM standing WHERE psn_no = ?1)
         WHERE bill ->> '$.facts.endtime' IS NOT NULL ORDER BY number",
    )?;
    let mut rows = statement.query([psn_no])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let med_type: Option<String> = row.get(0)?;
        if med_type.as_deref().and_then(Care::of) == Some(Care::Inpatient) {
            all.push(Discharge { mdtrt_id: row.get(1)?, begntime: row.get(2)?, endtime: row.get(3)? });
        }
    }
    Ok(all)
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
