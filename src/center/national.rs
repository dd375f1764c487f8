//! The national envelope: each 交易编号 to what carries it out.

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::errors::CenterError;
use super::people::{self, Shelf};
use super::reconcile;
use super::settle::{self, Message, NO_PERSON, Settled};
use super::shift;
use crate::rules::Packs;
use crate::wire::person::{Accumulations, Person, Question};
use crate::wire::settle::{Reversal, SettlementQuery};
use crate::wire::{self, Reply, Request, Series, infno};

/// Answers an online request, and says when.
pub(super) fn answer(
    db: &Connection,
    packs: &Packs,
    request: &Request,
    refuse: bool,
    now: Timestamp,
) -> Result<Reply, CenterError> {
    let reply = carry_out(db, packs, request, refuse, now)?;
    Ok(Reply { told_at: Some(now), ..reply })
}

fn carry_out(
    db: &Connection,
    packs: &Packs,
    request: &Request,
    refuse: bool,
    now: Timestamp,
) -> Result<Reply, CenterError> {
    let number = wire::message_id("CENTRE000000", now, Series::Transaction, db.total_changes());
    let terminal = request.fixmedins_code.as_str();
    let settled = match request.infno.as_str() {
        infno::PERSON => return with(request, &number, |question| person(db, question)),
        infno::ACCUMULATIONS => return with(request, &number, |question| accumulations(db, packs, question, now)),
        infno::SETTLEMENT => return with(request, &number, |query| standing(db, terminal, query)),
        infno::SIGN_ON => {
            return with(request, &number, |input| Ok(Ok(shift::sign_on(db, request, &input, now)?)));
        }
        infno::SIGN_OFF => {
            return with(request, &number, |input| {
                Ok(match shift::sign_off(db, terminal, &input, now)? {
                    true => Ok(()),
                    false => Err((Reply::NOT_FOUND, "C-NOT-FOUND 没有该签到流水号")),
                })
            });
        }
        infno::TOTALS => {
            return with(request, &number, |told| Ok(Ok(reconcile::totals(db, terminal, told)?)));
        }
        infno::DETAILS => {
            return with(request, &number, |told| Ok(Ok(reconcile::details(db, terminal, &told)?)));
        }
        infno::REVERSE => return with(request, &number, |reversal| reverse(db, terminal, reversal)),
        infno::PRE_SETTLE => match read(request) {
            Some(settlement) => settle::pre_settle(db, packs, &settlement)?,
            None => form(),
        },
        infno::SETTLE => match read(request) {
            Some(settlement) => {
                settle::settle(db, packs, Message { terminal, msgid: &request.msgid }, &settlement, refuse, now)?
            }
            None => form(),
        },
        _ => Settled::Refused("C-INFNO 中心不支持该交易编号".into()),
    };
    Ok(settle::reply(&number, settled))
}

/// An answer, or the `infcode` and words of a refusal.
type Answer<T> = Result<T, (i32, &'static str)>;

fn with<I: DeserializeOwned, T: Serialize>(
    request: &Request,
    number: &str,
    work: impl FnOnce(I) -> Result<Answer<T>, CenterError>,
) -> Result<Reply, CenterError> {
    let Some(input) = read(request) else { return Ok(settle::reply(number, form())) };
    let (infcode, err_msg, output) = match work(input)? {
        Ok(answer) => (Reply::OK, "", serde_json::to_value(answer).unwrap_or_default()),
        Err((infcode, words)) => (infcode, words, Value::Null),
    };
    Ok(Reply { infcode, inf_refmsgid: number.to_owned(), err_msg: err_msg.to_owned(), told_at: None, output })
}

fn read<I: DeserializeOwned>(request: &Request) -> Option<I> {
    serde_json::from_value(request.input.clone()).ok()
}

fn form() -> Settled {
    Settled::Refused("C-FORM 报文格式不符".into())
}

fn person(db: &Connection, question: Question) -> Result<Answer<Person>, CenterError> {
    let Some(known) = people::find(db, &question.person)? else { return Ok(Err((Reply::REFUSED, NO_PERSON))) };
    let facts = people::facts(db, &known.psn_no, &question.scenario)?;
    Ok(Ok(Person { psn_no: known.psn_no, insutype: known.insutype, facts }))
}

fn accumulations(
    db: &Connection,
    packs: &Packs,
    question: Question,
    now: Timestamp,
) -> Result<Answer<Accumulations>, CenterError> {
    let Some(known) = people::find(db, &question.person)? else { return Ok(Err((Reply::REFUSED, NO_PERSON))) };
    let shelf = Shelf {
        psn_no: &known.psn_no,
        scenario: &question.scenario,
        on: question.business_date,
        mdtrt_id: question.mdtrt_id.as_deref(),
    };
    let own = people::facts(db, &known.psn_no, &question.scenario)?;
    // For a case that no pack is for nothing is counted, and nothing will be settled.
    let accumulators = match super::decide::schema(packs, &shelf, &question.facts, &own) {
        Ok(schema) => shelf.read(db, &schema, true)?,
        Err(_) => Map::new(),
    };
    Ok(Ok(Accumulations { accumulators, as_of: now }))
}

fn standing(db: &Connection, terminal: &str, query: SettlementQuery) -> Result<Answer<Value>, CenterError> {
    Ok(match settle::query(db, Message { terminal, msgid: &query.medins_setl_id })? {
        Some(answer) => Ok(serde_json::to_value(answer).unwrap_or_default()),
        None => Err((Reply::NOT_FOUND, "C-NOT-FOUND 没有该报文的有效结算")),
    })
}

fn reverse(db: &Connection, terminal: &str, reversal: Reversal) -> Result<Answer<()>, CenterError> {
    if reversal.oinfno != infno::SETTLE {
        return Ok(Err((Reply::REFUSED, "C-INFNO 该交易编号不能冲正")));
    }
    Ok(match settle::reverse(db, Message { terminal, msgid: &reversal.omsgid })? {
        true => Ok(()),
        false => Err((Reply::NOT_FOUND, "C-NOT-FOUND 没有该报文的有效结算")),
    })
}
