//! The national envelope: each 交易编号 to what carries it out.

use jiff::Timestamp;
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Serialize};
use serde_json::{Map, Value};

use super::errors::CenterError;
use super::people::{self, Shelf};
use super::refusal::Refusal;
use super::settle::{self, Message, Settled};
use super::{cancel, payments, reconcile, records, shift, visits};
use crate::rules::Packs;
use crate::wire::lookup::Lookup;
use crate::wire::payment::{Paid, Payment, PaymentQuery};
use crate::wire::person::{Accumulations, Person, Question};
use crate::wire::settle::{Reversal, Settlement, SettlementQuery};
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

fn carry_out(
    db: &Connection,
    packs: &Packs,
    request: &Request,
    refuse: bool,
    now: Timestamp,
) -> Result<Reply, CenterError> {
    let number = wire::message_id("CENTRE000000", now, Series::Transaction, db.total_changes());
    let terminal = request.fixmedins_code.as_str();
    let message = Message { terminal, msgid: &request.msgid };
    if let Some(named) = Named::read(request) {
        return Ok(reply(&number, named.carry_out(db, packs, message, refuse, now)?));
    }
    let settled = match request.infno.as_str() {
        infno::PERSON => return with(request, &number, |question| person(db, question)),
        infno::ACCUMULATIONS => return with(request, &number, |question| accumulations(db, packs, question, now)),
        infno::SETTLEMENT => return with(request, &number, |query| standing(db, terminal, query)),
        infno::PAYMENT => return with(request, &number, |query| paid(db, terminal, query)),
        infno::SIGN_ON => {
            return with(request, &number, |input| Ok(Ok(shift::sign_on(db, request, &input, now)?)));
        }
        infno::SIGN_OFF => {
            return with(request, &number, |input| {
                Ok(match shift::sign_off(db, terminal, &input, now)? {
                    true => Ok(()),
                    false => not_found("没有该签到流水号"),
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
        name if infno::PRE_SETTLES.contains(&name) => match read::<Settlement>(request) {
            Some(settlement) if is_misdirected(packs, request, &settlement) => misdirected(),
            Some(settlement) => settle::pre_settle(db, packs, &settlement)?,
            None => form(),
        },
        name if infno::SETTLES.contains(&name) => match read::<Settlement>(request) {
            Some(settlement) if is_misdirected(packs, request, &settlement) => misdirected(),
            Some(settlement) => settle::settle(db, packs, message, &settlement, settle::Manner::online(refuse), now)?,
            None => form(),
        },
        name if infno::CANCELS.contains(&name) => match read(request) {
            Some(cancellation) => cancel::cancel(db, packs, message, &cancellation, refuse, now)?,
            None => form(),
        },
        _ => Settled::Refused(Refusal::of(&errors::INFNO)),
    };
    Ok(reply(
        &number,
        match settled {
            Settled::Done(answer) => Ok(answer),
            Settled::Refused(refusal) => Err((Reply::REFUSED, refusal)),
        },
    ))
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
    ) -> Result<Answer<Value>, CenterError> {
        let refused = |refusal| (Reply::REFUSED, refusal);
        Ok(match self {
            Self::Payment(payment) => {
                let paid = payments::pay(db, packs, message, payment, refuse, now)?;
                paid.map(|paid| serde_json::to_value(paid).unwrap_or_default()).map_err(refused)
            }
            Self::Lookup(lookup) => look_up(db, lookup, now)?.map_err(refused),
        })
    }
}

fn look_up(db: &Connection, lookup: &Lookup, now: Timestamp) -> Result<Result<Value, Refusal>, CenterError> {
    if !records::are_kept(db, &lookup.scenario)? {
        return Ok(Err(Refusal::saying(&errors::INFNO, "中心没有该业务的记录")));
    }
    let Some(known) = people::find(db, &lookup.person)? else { return Ok(Err(Refusal::of(&errors::NO_PERSON))) };
    let found = records::look_up(db, &known.psn_no, lookup, now)?;
    Ok(Ok(serde_json::to_value(found).unwrap_or_default()))
}

/// An answer, or a refusal with its `infcode`.
type Answer<T> = Result<T, (i32, Refusal)>;

/// Nothing such stands here.
fn not_found<T>(words: &str) -> Answer<T> {
    Err((Reply::NOT_FOUND, Refusal::saying(&errors::NOT_FOUND, words)))
}

fn with<I: DeserializeOwned, T: Serialize>(
    request: &Request,
    number: &str,
    work: impl FnOnce(I) -> Result<Answer<T>, CenterError>,
) -> Result<Reply, CenterError> {
    let answer = match read(request) {
        Some(input) => work(input)?,
        None => Err((Reply::REFUSED, Refusal::of(&errors::FORM))),
    };
    Ok(reply(number, answer))
}

fn reply(number: &str, answer: Answer<impl Serialize>) -> Reply {
    let (infcode, err_msg, output) = match answer {
        Ok(answer) => (Reply::OK, String::new(), serde_json::to_value(answer).unwrap_or_default()),
        Err((infcode, refusal)) => (infcode, refusal.into_words(), Value::Null),
    };
    Reply { infcode, inf_refmsgid: number.to_owned(), err_msg, told_at: None, output }
}

fn read<I: DeserializeOwned>(request: &Request) -> Option<I> {
    I::deserialize(&request.input).ok()
}

fn form() -> Settled {
    Settled::Refused(Refusal::of(&errors::FORM))
}

fn misdirected() -> Settled {
    Settled::Refused(Refusal::of(&errors::RECEIVER))
}

/// Whether a settlement is sent to another system than that of its insurance. Who names none is of before that was asked.
fn is_misdirected(packs: &Packs, request: &Request, settlement: &Settlement) -> bool {
    let case = (settlement.scenario.as_str(), settlement.business_date);
    let is_injury = visits::insurance(packs, case, &settlement.facts).as_deref() == Some(WORK_INJURY);
    let own = if is_injury { Receiver::WorkInjury } else { Receiver::of(&settlement.insutype) };
    request.recer_sys_code.is_some_and(|named| named != own)
}

/// What the packs of work injury count on: it has no code of its own.
const WORK_INJURY: &str = "work-injury";

fn person(db: &Connection, question: Question) -> Result<Answer<Person>, CenterError> {
    let Some(known) = people::find(db, &question.person)? else {
        return Ok(Err((Reply::REFUSED, Refusal::of(&errors::NO_PERSON))));
    };
    let facts = super::decide::own_facts(db, &shelf(&known.psn_no, &question))?;
    Ok(Ok(Person { psn_no: known.psn_no, insutype: known.insutype, facts }))
}

fn shelf<'a>(psn_no: &'a str, question: &'a Question) -> Shelf<'a> {
    Shelf { psn_no, scenario: &question.scenario, on: question.business_date, mdtrt_id: question.mdtrt_id.as_deref() }
}

fn accumulations(
    db: &Connection,
    packs: &Packs,
    mut question: Question,
    now: Timestamp,
) -> Result<Answer<Accumulations>, CenterError> {
    // It is counted by the one form of the number, whatever an older terminal sends.
    cancel::number_in_one_form(&mut question.facts);
    let Some(known) = people::find(db, &question.person)? else {
        return Ok(Err((Reply::REFUSED, Refusal::of(&errors::NO_PERSON))));
    };
    let shelf = shelf(&known.psn_no, &question);
    let own = super::decide::own_facts(db, &shelf)?;
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
        None => not_found("没有该报文的有效结算"),
    })
}

fn paid(db: &Connection, terminal: &str, query: PaymentQuery) -> Result<Answer<Paid>, CenterError> {
    let paid = payments::query(db, Message { terminal, msgid: &query.msgid })?;
    Ok(paid.map_or_else(|| not_found("没有该报文的有效缴费"), Ok))
}

/// Takes back a settlement, what cancelled one, or a payment, by the number or the name that it was sent under. What is neither known nor
/// told by a settlement's number is nothing, and pays nothing later.
fn reverse(db: &Connection, terminal: &str, reversal: Reversal) -> Result<Answer<()>, CenterError> {
    let message = Message { terminal, msgid: &reversal.omsgid };
    let name = reversal.oinfno.as_str();
    let (is_another, known) = match infno::SETTLES.contains(&name) || infno::CANCELS.contains(&name) {
        true => (payments::is_known(db, message)?, settle::reverse as fn(_, _) -> _),
        false => (settle::is_known(db, message)?, payments::reverse as fn(_, _) -> _),
    };
    if is_another {
        // Nobody is to take it for void while it stands.
        return Ok(Err((Reply::REFUSED, Refusal::saying(&errors::INFNO, "原交易编号与该报文不符"))));
    }
    Ok(match known(db, message)? {
        true => Ok(()),
        false => not_found("没有该报文的有效业务"),
    })
}
