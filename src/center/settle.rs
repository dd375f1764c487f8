//! Settlements: computed, settled once a message id, asked about, reversed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::db::{content, json, parse};
use super::decide::decide;
use super::errors::CenterError;
use super::lines;
use super::messages::{Message, Reversal, SETTLEMENTS};
use super::people::{self, Shelf};
use super::postings::{self, Source};
use super::refusal::{Refusal, Stop};
use super::visits;
use crate::rules::{Change, Decision, Packs};
use crate::value::{Fen, SettlementNumber};
use crate::wire;
use crate::wire::errors;
use crate::wire::filing::Document;
use crate::wire::settle::{Settlement, SettlementAnswer};

/// How a message that settles is taken.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// It is refused, for a demonstration.
    pub(super) on_purpose: bool,
    /// It was committed before visits had to be registered: one that nobody registered becomes the person's by it.
    pub(super) any_visit: bool,
}

impl Manner {
    /// Of what comes online: the visit that it names is registered.
    pub(super) fn online(on_purpose: bool) -> Self {
        Self { on_purpose, any_visit: false }
    }
}

/// What a settlement did, kept to be taken back.
#[derive(Serialize, Deserialize)]
pub(super) struct Posted {
    pub(super) settlement: Settlement,
    pub(super) psn_no: String,
    pub(super) changes: Vec<Change>,
    pub(super) acct_pay: Fen,
}

/// What is kept of a settlement beside its answer.
pub(super) struct Entered<'a> {
    pub(super) posted: &'a Posted,
    /// By which it can be taken back.
    pub(super) decision: Option<&'a Decision>,
    /// The number of the one that it takes back.
    pub(super) cancels: Option<i64>,
    /// Why it does.
    pub(super) reason: Option<&'a str>,
}

/// `2206`, and what a pharmacy and a hospital send in its place: computes and changes nothing.
pub(super) fn pre_settle(db: &Connection, packs: &Packs, settlement: &Settlement) -> Result<SettlementAnswer, Stop> {
    let (psn_no, decision) = compute(db, packs, settlement, false)?;
    Ok(told(&psn_no, &decision))
}

/// `2207`, and what a pharmacy and a hospital send in its place: settles once a message id of a terminal; the same message gets the same answer.
pub(super) fn settle(
    db: &Connection,
    packs: &Packs,
    message: Message<'_>,
    settlement: &Settlement,
    Manner { on_purpose, any_visit }: Manner,
    now: Timestamp,
) -> Result<SettlementAnswer, Stop> {
    let digest = content(settlement);
    SETTLEMENTS.once(db, message, &digest, on_purpose, || {
        let (psn_no, mut decision) = compute(db, packs, settlement, any_visit)?;
        if let (true, Some(mdtrt_id)) = (any_visit, &settlement.mdtrt_id) {
            db.execute("INSERT OR IGNORE INTO visits (psn_no, mdtrt_id) VALUES (?1, ?2)", [&psn_no, mdtrt_id])?;
        }
        let acct_pay = decision.outputs.get("acct_pay").and_then(people::amount).unwrap_or_default();
        shelf(settlement, &psn_no).post(db, &decision.accumulators)?;
        people::draw(db, &psn_no, acct_pay)?;
        let answer = told(&psn_no, &decision);
        decision.trace.clear();
        let posted =
            Posted { settlement: settlement.clone(), psn_no, changes: decision.accumulators.clone(), acct_pay };
        let entered = Entered { posted: &posted, decision: Some(&*decision), cancels: None, reason: None };
        Ok(enter(db, message, &digest, &entered, answer, now)?)
    })
}

/// Keeps what a message settled, and numbers its answer.
pub(super) fn enter(
    db: &Connection,
    Message { terminal, msgid }: Message<'_>,
    digest: &[u8],
    entered: &Entered<'_>,
    mut answer: SettlementAnswer,
    now: Timestamp,
) -> Result<SettlementAnswer, CenterError> {
    let Entered { posted, decision, cancels, reason } = entered;
    db.execute(
        "INSERT INTO settlements (terminal, msgid, state, psn_no, content, posted, times, decision, cancels, reason)
         VALUES (?1, ?2, 'settled', ?3, ?4, ?5, 1, ?6, ?7, ?8)",
        params![terminal, msgid, posted.psn_no, digest, json(posted), decision.map(json), cancels, reason],
    )?;
    let row = db.last_insert_rowid();
    match *cancels {
        // Taken together they did nothing.
        Some(cancelled) => postings::set_standing(db, Source::Settlement(cancelled), false)?,
        None => {
            let shelf = shelf(&posted.settlement, &posted.psn_no);
            postings::enter(db, Source::Settlement(row), &shelf, &posted.changes)?;
            lines::keep(db, &posted.psn_no, &posted.settlement, row)?;
        }
    }
    let number = settled_number(row);
    for (name, value) in
        [("setl_id", &number), ("medins_setl_id", &msgid.to_owned()), ("setl_time", &wire::inf_time(now))]
    {
        answer.setlinfo.insert(name.into(), Value::from(value.as_str()));
    }
    db.execute("UPDATE settlements SET reply = ?2 WHERE number = ?1", params![row, json(&answer)])?;
    Ok(answer)
}

/// 结算ID.
pub(super) fn settled_number(number: i64) -> String {
    SettlementNumber(number).to_string()
}

/// `2601`: takes back what a message id settled, and lets it settle nothing later. Tells whether anything was settled;
/// a reversal that comes again gets the same answer.
pub(super) fn reverse(db: &Connection, message: Message<'_>) -> Result<bool, CenterError> {
    let (number, posted) = match SETTLEMENTS.reversal(db, message)? {
        Reversal::Of(number, posted) => (number, parse::<Posted>(&posted)?),
        Reversal::Over(was_reversed) => return Ok(was_reversed),
    };
    let (cancels, is_cancelled): (Option<i64>, bool) = db
        .prepare_cached(
            "SELECT cancels, EXISTS (SELECT 1 FROM settlements AS other
                 WHERE other.cancels = settlements.number AND other.state = 'settled')
             FROM settlements WHERE number = ?1",
        )?
        .query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if is_cancelled {
        // What it did is taken back already, by another message.
        return Ok(false);
    }
    shelf(&posted.settlement, &posted.psn_no).take_back(db, &posted.changes)?;
    let back = Fen::ZERO.checked_sub(posted.acct_pay).ok_or(CenterError::Form("an amount is too large"))?;
    people::draw(db, &posted.psn_no, back)?;
    mark_later(db, number, &posted)?;
    let (source, stands) = match cancels {
        Some(cancelled) => (cancelled, true),
        None => (number, false),
    };
    postings::set_standing(db, Source::Settlement(source), stands)?;
    SETTLEMENTS.set_reversed(db, number)?;
    Ok(true)
}

/// Marks what was settled later for the person on the same accumulators, from the same account, or of the same lines: it
/// was settled on what no longer holds.
fn mark_later(db: &Connection, number: i64, reversed: &Posted) -> Result<(), CenterError> {
    let touched = reversed.touched();
    let mut statement = db.prepare_cached(
        "SELECT number, posted FROM settlements WHERE psn_no = ?1 AND number > ?2 AND state = 'settled'",
    )?;
    let later = statement.query_map(params![reversed.psn_no, number], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let later: Vec<(i64, String)> = later.collect::<Result<_, _>>()?;
    for (number, posted) in later {
        let posted: Posted = parse(&posted)?;
        if !posted.touched().is_disjoint(&touched) {
            db.execute("UPDATE settlements SET review = 1 WHERE number = ?1", [number])?;
        }
    }
    Ok(())
}

impl Posted {
    /// What it changed of the person: each accumulator in its stretch, the account where something was paid from it, and
    /// the lines that it settled or set free.
    fn touched(&self) -> BTreeSet<(String, String, String)> {
        let admission = self.settlement.mdtrt_id.as_deref();
        let counted = self
            .changes
            .iter()
            .filter_map(|change| Some((change.scheme.clone(), change.name.clone(), change.period.key(admission)?)));
        let account = (self.acct_pay != Fen::ZERO).then(|| ("account".into(), String::new(), String::new()));
        let lines = lines::names(&self.settlement).map(|line| ("line".into(), line, String::new()));
        counted.chain(account).chain(lines).collect()
    }
}

/// Whose it is, and what their rules decide.
fn compute(
    db: &Connection,
    packs: &Packs,
    settlement: &Settlement,
    any_visit: bool,
) -> Result<(String, Box<Decision>), Stop> {
    let person = people::find(db, &settlement.person)?.ok_or_else(|| Refusal::of(&errors::NO_PERSON))?;
    if !settlement.documents.iter().all(Document::was_there) {
        return Err(Refusal::of(&errors::FORM).into());
    }
    // Before the visit, which the settlement that has the line may have closed: that one's number says more.
    Stop::at(lines::refusal(db, &person.psn_no, settlement)?)?;
    check_visit(db, packs, &person.psn_no, settlement, any_visit)?;
    let shelf = shelf(settlement, &person.psn_no);
    let decision = decide(db, packs, &shelf, &settlement.facts, &settlement.feedetail)?.taken()?;
    Ok((person.psn_no, decision))
}

/// Stops where the visit that a settlement names is none for it.
fn check_visit(
    db: &Connection,
    packs: &Packs,
    psn_no: &str,
    settlement: &Settlement,
    any_visit: bool,
) -> Result<(), Stop> {
    let Some(mdtrt_id) = &settlement.mdtrt_id else { return Ok(()) };
    if any_visit && !is_registered(db, psn_no, mdtrt_id)? {
        return Ok(());
    }
    let mut facts = settlement.facts.clone();
    facts.extend(people::facts(db, psn_no, &settlement.scenario)?);
    let insurance = visits::insurance(packs, (&settlement.scenario, settlement.business_date), &facts);
    Stop::at(visits::refusal(db, psn_no, mdtrt_id, insurance.as_deref())?)?;
    Stop::at(visits::other_care(db, psn_no, mdtrt_id, &settlement.med_type)?)
}

/// Whether a number is that of a visit of this person, or of one that anybody registered here: the centre made it then, and
/// no hospital did.
fn is_registered(db: &Connection, psn_no: &str, mdtrt_id: &str) -> Result<bool, CenterError> {
    let mut known =
        db.prepare_cached("SELECT 1 FROM visits WHERE mdtrt_id = ?1 AND (psn_no = ?2 OR filing IS NOT NULL)")?;
    Ok(known.exists([mdtrt_id, psn_no])?)
}

pub(super) fn shelf<'a>(settlement: &'a Settlement, psn_no: &'a str) -> Shelf<'a> {
    Shelf {
        psn_no,
        scenario: &settlement.scenario,
        on: settlement.business_date,
        mdtrt_id: settlement.mdtrt_id.as_deref(),
    }
}

pub(super) fn told(psn_no: &str, decision: &Decision) -> SettlementAnswer {
    let mut setlinfo = decision.outputs.clone();
    setlinfo.insert("psn_no".into(), psn_no.into());
    let pack = serde_json::to_value(&decision.pack).unwrap_or_default();
    SettlementAnswer { setlinfo, feedetail: decision.lines.clone(), pack }
}
