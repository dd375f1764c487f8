//! The national envelope: each 交易编号 to what carries it out.

use jiff::Timestamp;
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Serialize};
use serde_json::{Map, Value};

use super::errors::CenterError;
use super::messages::{Message, PAYMENTS, SETTLEMENTS};
use super::people::{self, Known, Shelf};
use super::refusal::{Refusal, Stop};
use super::{cancel, payments, reconcile, records, settle, shift, visits};
use crate::rules::Packs;
use crate::wire::lookup::{Found, Lookup};
use crate::wire::payment::{Paid, Payment, PaymentQuery};
use crate::wire::person::{Accumulations, Person, PersonKey, Question};
use crate::wire::settle::{Reversal, Settlement, SettlementAnswer, SettlementQuery};
use crate::wire::{self, Receiver, Reply, Request, Series, errors, infno};

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

/// Whether it settles or pays: what can be refused on purpose.
pub(super) fn is_final(request: &Request) -> bool {
    let name = request.infno.as_str();
    infno::SETTLES.contains(&name)
        || infno::CANCELS.contains(&name)
        || matches!(Named::read(request), Some(Named::Payment(_)))
}

/// What is said to what is not refused.
enum Answer {
    Told(Value),
    /// Nothing such stands here; in words.
    Nothing(&'static str),
}

fn carry_out(
    db: &Connection,
    packs: &Packs,
    request: &Request,
    refuse: bool,
    now: Timestamp,
) -> Result<Reply, CenterError> {
    let number = wire::message_id("CENTRE000000", now, Series::Transaction, db.total_changes());
    let answer = match Named::read(request) {
        Some(named) => named.carry_out(db, packs, message_of(request), refuse, now),
        None => numbered(db, packs, request, refuse, now),
    };
    let (infcode, err_msg, output) = match Stop::answered(answer)? {
        Ok(Answer::Told(output)) => (Reply::OK, String::new(), output),
        Ok(Answer::Nothing(words)) => {
            (Reply::NOT_FOUND, Refusal::saying(&errors::NOT_FOUND, words).into_words(), Value::Null)
        }
        Err(refusal) => (Reply::REFUSED, refusal.into_words(), Value::Null),
    };
    Ok(Reply { infcode, inf_refmsgid: number, err_msg, told_at: None, output })
}

/// What is sent under a national number.
fn numbered(db: &Connection, packs: &Packs, request: &Request, refuse: bool, now: Timestamp) -> Result<Answer, Stop> {
    let (terminal, message) = (request.fixmedins_code.as_str(), message_of(request));
    Ok(match request.infno.as_str() {
        infno::PERSON => told(person(db, &read(request)?)?),
        infno::ACCUMULATIONS => told(accumulations(db, packs, read(request)?, now)?),
        infno::SETTLEMENT => {
            let SettlementQuery { medins_setl_id } = read(request)?;
            let settled = SETTLEMENTS.answer::<SettlementAnswer>(db, Message { terminal, msgid: &medins_setl_id })?;
            settled.map_or(Answer::Nothing("没有该报文的有效结算"), told)
        }
        infno::PAYMENT => {
            let PaymentQuery { msgid } = read(request)?;
            let paid = PAYMENTS.answer::<Paid>(db, Message { terminal, msgid: &msgid })?;
            paid.map_or(Answer::Nothing("没有该报文的有效缴费"), told)
        }
        infno::SIGN_ON => told(shift::sign_on(db, request, &read(request)?, now)?),
        infno::SIGN_OFF => done(shift::sign_off(db, terminal, &read(request)?, now)?, "没有该签到流水号"),
        infno::TOTALS => told(reconcile::totals(db, terminal, read(request)?)?),
        infno::DETAILS => told(reconcile::details(db, terminal, &read(request)?)?),
        infno::REVERSE => done(reverse(db, terminal, &read(request)?)?, "没有该报文的有效业务"),
        name if infno::PRE_SETTLES.contains(&name) => told(settle::pre_settle(db, packs, &directed(packs, request)?)?),
        name if infno::SETTLES.contains(&name) => {
            let manner = settle::Manner::online(refuse);
            told(settle::settle(db, packs, message, &directed(packs, request)?, manner, now)?)
        }
        name if infno::CANCELS.contains(&name) => {
            told(cancel::cancel(db, packs, message, &read(request)?, refuse, now)?)
        }
        _ => return Err(Refusal::of(&errors::INFNO).into()),
    })
}

fn told(answer: impl Serialize) -> Answer {
    Answer::Told(serde_json::to_value(answer).unwrap_or_default())
}

/// It was done, or there was nothing to do it to.
fn done(is_done: bool, nothing: &'static str) -> Answer {
    if is_done { told(()) } else { Answer::Nothing(nothing) }
}

fn read<I: DeserializeOwned>(request: &Request) -> Result<I, Refusal> {
    I::deserialize(&request.input).map_err(|_| Refusal::of(&errors::FORM))
}

fn message_of(request: &Request) -> Message<'_> {
    Message { terminal: &request.fixmedins_code, msgid: &request.msgid }
}

/// What is sent under a scenario's message name. It says so itself: the name may be a national number that is in the list
/// as well.
enum Named {
    Payment(Box<Payment>),
    Lookup(Box<Lookup>),
}

impl Named {
    fn read(request: &Request) -> Option<Self> {
        if let Ok(payment) = Payment::deserialize(&request.input) {
            return (payment.message == request.infno).then(|| Self::Payment(Box::new(payment)));
        }
        let lookup = Lookup::deserialize(&request.input).ok()?;
        (lookup.message == request.infno).then(|| Self::Lookup(Box::new(lookup)))
    }

    fn carry_out(
        &self,
        db: &Connection,
        packs: &Packs,
        message: Message<'_>,
        refuse: bool,
        now: Timestamp,
    ) -> Result<Answer, Stop> {
        Ok(match self {
            Self::Payment(payment) => told(payments::pay(db, packs, message, payment, refuse, now)?),
            Self::Lookup(lookup) => told(look_up(db, lookup, now)?),
        })
    }
}

fn look_up(db: &Connection, lookup: &Lookup, now: Timestamp) -> Result<Found, Stop> {
    if !records::are_kept(db, &lookup.scenario)? {
        return Err(Refusal::saying(&errors::INFNO, "中心没有该业务的记录").into());
    }
    let known = known(db, &lookup.person)?;
    Ok(records::look_up(db, &known.psn_no, lookup, now)?)
}

/// A settlement that is sent to the system of its insurance. Who names no system is of before that was asked.
fn directed(packs: &Packs, request: &Request) -> Result<Settlement, Refusal> {
    let settlement: Settlement = read(request)?;
    let case = (settlement.scenario.as_str(), settlement.business_date);
    let is_injury = visits::insurance(packs, case, &settlement.facts).as_deref() == Some(WORK_INJURY);
    let own = if is_injury { Receiver::WorkInjury } else { Receiver::of(&settlement.insutype) };
    match request.recer_sys_code {
        Some(named) if named != own => Err(Refusal::of(&errors::RECEIVER)),
        _ => Ok(settlement),
    }
}

/// What the packs of work injury count on: it has no code of its own.
const WORK_INJURY: &str = "work-injury";

fn known(db: &Connection, person: &PersonKey) -> Result<Known, Stop> {
    Ok(people::find(db, person)?.ok_or_else(|| Refusal::of(&errors::NO_PERSON))?)
}

fn person(db: &Connection, question: &Question) -> Result<Person, Stop> {
    let known = known(db, &question.person)?;
    let facts = super::decide::own_facts(db, &shelf(&known.psn_no, question))?;
    Ok(Person { psn_no: known.psn_no, insutype: known.insutype, facts })
}

fn shelf<'a>(psn_no: &'a str, question: &'a Question) -> Shelf<'a> {
    Shelf { psn_no, scenario: &question.scenario, on: question.business_date, mdtrt_id: question.mdtrt_id.as_deref() }
}

fn accumulations(
    db: &Connection,
    packs: &Packs,
    mut question: Question,
    now: Timestamp,
) -> Result<Accumulations, Stop> {
    // It is counted by the one form of the number, whatever an older terminal sends.
    cancel::number_in_one_form(&mut question.facts);
    let known = known(db, &question.person)?;
    let shelf = shelf(&known.psn_no, &question);
    let own = super::decide::own_facts(db, &shelf)?;
    // For a case that no pack is for nothing is counted, and nothing will be settled.
    let accumulators = match super::decide::schema(packs, &shelf, &question.facts, &own) {
        Ok(schema) => shelf.read(db, &schema, true)?,
        Err(_) => Map::new(),
    };
    Ok(Accumulations { accumulators, as_of: now })
}

/// Takes back a settlement, what cancelled one, or a payment, by the number or the name that it was sent under. What is neither known nor
/// told by a settlement's number is nothing, and pays nothing later.
fn reverse(db: &Connection, terminal: &str, reversal: &Reversal) -> Result<bool, Stop> {
    let message = Message { terminal, msgid: &reversal.omsgid };
    let name = reversal.oinfno.as_str();
    let (is_another, reverse) = match infno::SETTLES.contains(&name) || infno::CANCELS.contains(&name) {
        true => (PAYMENTS.is_known(db, message)?, settle::reverse as fn(_, _) -> _),
        false => (SETTLEMENTS.is_known(db, message)?, payments::reverse as fn(_, _) -> _),
    };
    if is_another {
        // Nobody is to take it for void while it stands.
        return Err(Refusal::saying(&errors::INFNO, "原交易编号与该报文不符").into());
    }
    Ok(reverse(db, message)?)
}
