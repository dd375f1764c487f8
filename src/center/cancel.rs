//! Cancelling a settlement that is known: a settlement of its own, which takes back what the other did and stands beside
//! it in the accounts (settlement-facts §3.4).

use std::borrow::Cow;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Map, Value};

use super::db::{content, parse};
use super::errors::CenterError;
use super::filings::filed_number;
use super::messages::{Message, SETTLEMENTS};
use super::people;
use super::postings::{self, Source};
use super::refusal::{Refusal, Stop};
use super::settle::{Entered, Posted, enter, settled_number, shelf, told};
use super::withdraw::fits;
use crate::rules::{Decision, Packs};
use crate::value::{Fen, SettlementNumber};
use crate::wire::errors;
use crate::wire::filing::Filing;
use crate::wire::settle::{Cancellation, SettlementAnswer};

/// A settlement that may be taken back.
struct Standing {
    number: i64,
    posted: Posted,
    /// What takes it back.
    cancelled: Decision,
}

/// `2208`, and what a pharmacy and a hospital send in its place: takes a settlement back once a message id of a terminal;
/// the same message gets the same answer.
pub(super) fn cancel(
    db: &Connection,
    packs: &Packs,
    message: Message<'_>,
    cancellation: &Cancellation,
    on_purpose: bool,
    now: Timestamp,
) -> Result<SettlementAnswer, Stop> {
    let digest = content(cancellation);
    SETTLEMENTS.once(db, message, &digest, on_purpose, || {
        if !fits(cancellation.reason.as_deref()) {
            return Err(Refusal::of(&errors::FORM).into());
        }
        let Standing { number, posted, cancelled } = standing(db, packs, message.terminal, cancellation)?;
        let shelf = shelf(&posted.settlement, &posted.psn_no);
        shelf.take_back(db, &posted.changes)?;
        let back = Fen::ZERO.checked_sub(posted.acct_pay).ok_or(CenterError::Form("an amount is too large"))?;
        people::draw(db, &posted.psn_no, back)?;
        let mut answer = told(&posted.psn_no, &cancelled);
        // How the account stood after the settlement says nothing of how it stands now.
        if let Some(balance) = answer.setlinfo.get_mut(people::BALANCE) {
            let facts = people::facts(db, &posted.psn_no, &posted.settlement.scenario)?;
            *balance = facts.get(people::BALANCE).cloned().unwrap_or_default();
        }
        let posted = Posted { changes: cancelled.accumulators, acct_pay: back, ..posted };
        let entered =
            Entered { posted: &posted, decision: None, cancels: Some(number), reason: cancellation.reason.as_deref() };
        Ok(enter(db, message, &digest, &entered, answer, now)?)
    })
}

/// The settlement that is meant, if it may be taken back.
fn standing(db: &Connection, packs: &Packs, terminal: &str, cancellation: &Cancellation) -> Result<Standing, Stop> {
    let unknown = || Refusal::saying(&errors::NOT_FOUND, "中心没有本机此人的这笔有效结算");
    let SettlementNumber(number) = SettlementNumber::read(&cancellation.setl_id).ok_or_else(unknown)?;
    let found: Option<(String, Option<String>, bool)> = db
        .prepare_cached(
            "SELECT posted, decision, EXISTS (SELECT 1 FROM settlements AS other
                 WHERE other.cancels = settlements.number AND other.state = 'settled')
             FROM settlements WHERE number = ?1 AND terminal = ?2 AND psn_no = ?3 AND state = 'settled'
             AND cancels IS NULL",
        )?
        .query_row(params![number, terminal, cancellation.psn_no], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let (posted, decision, is_cancelled) = found.ok_or_else(unknown)?;
    let posted: Posted = parse(&posted)?;
    if posted.settlement.mdtrt_id != cancellation.mdtrt_id {
        return Err(unknown().into());
    }
    if is_cancelled {
        return Err(Refusal::of(&errors::CANCELLED).into());
    }
    let shelf = shelf(&posted.settlement, &posted.psn_no);
    if let Some(later) = postings::later(db, Source::Settlement(number), &shelf, &posted.changes)? {
        return Err(Refusal::saying(&errors::LATER, &later).into());
    }
    if let Some(filed) = filed_on(db, &posted.psn_no, number)? {
        let words = format!("已有业务以该结算为据受理（受理号 {filed}）：先撤回该业务，或者转人工");
        return Err(Refusal::saying(&errors::LATER, &words).into());
    }
    let decision: Option<Decision> = decision.as_deref().map(parse).transpose()?;
    let cancelled = decision.and_then(|decision| decision.cancelled(packs).ok());
    let cancelled = cancelled.filter(|cancelled| cancelled.reasons.is_empty());
    let cancelled = cancelled.ok_or_else(|| Refusal::of(&errors::NO_CANCELLATION))?;
    Ok(Standing { number, posted, cancelled })
}

/// The number of what this person filed on a settlement, and stands: it was asked for what that left to be paid, and would
/// be paid beside what is refunded.
fn filed_on(db: &Connection, psn_no: &str, number: i64) -> Result<Option<String>, CenterError> {
    let found = db
        .prepare_cached(
            "SELECT number FROM filings WHERE psn_no = ?1 AND state = 'accepted'
             AND json_extract(fields, '$.setl_id') = ?2",
        )?
        .query_row([psn_no, &settled_number(number)], |row| row.get(0))
        .optional()?;
    Ok(found.map(filed_number))
}

/// What a filing and its facts name a settlement by.
const SETL_ID: &str = "setl_id";

/// A filing with the settlement that it names in the one form of its number, in what is kept as in what is decided on: by
/// that it is found again, and counted. What is no number of this centre's form stays as it is.
pub(super) fn in_one_form(filing: &Filing) -> Cow<'_, Filing> {
    let is_other = |values| named(values).is_some_and(|said| SettlementNumber::canonical(said) != said);
    if !is_other(&filing.fields) && !is_other(&filing.facts) {
        return Cow::Borrowed(filing);
    }
    let mut filing = filing.clone();
    number_in_one_form(&mut filing.fields);
    number_in_one_form(&mut filing.facts);
    Cow::Owned(filing)
}

/// The same of facts alone.
pub(super) fn number_in_one_form(facts: &mut Map<String, Value>) {
    if let Some(Value::String(said)) = facts.get_mut(SETL_ID) {
        *said = SettlementNumber::canonical(said);
    }
}

/// Why nothing is to be claimed of the settlement that a filing names, if it is one that this centre numbered: nothing of
/// this person stands under the number. Whether anything of another person does is not told. What this centre has not
/// numbered is not judged here.
pub(super) fn none_to_claim(db: &Connection, psn_no: &str, filing: &Filing) -> Result<Option<Refusal>, CenterError> {
    // A number that was given is in the table for ever, whatever became of its message.
    let mut none = db.prepare_cached(
        "SELECT 1 FROM settlements WHERE number = ?1
         AND NOT EXISTS (SELECT 1 FROM standing WHERE number = ?1 AND psn_no = ?2)",
    )?;
    for SettlementNumber(number) in [&filing.fields, &filing.facts].into_iter().filter_map(own) {
        if none.exists(params![number, psn_no])? {
            return Ok(Some(Refusal::saying(&errors::NOT_FOUND, "中心没有此人的这笔有效结算，或者已经撤销")));
        }
    }
    Ok(None)
}

fn named(values: &Map<String, Value>) -> Option<&str> {
    values.get(SETL_ID).and_then(Value::as_str)
}

fn own(values: &Map<String, Value>) -> Option<SettlementNumber> {
    named(values).and_then(SettlementNumber::read)
}
