//! Payments by holders, of the orders that are due: once a message id of a terminal, and an order once; asked about,
//! taken back.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::db::{content, json, parse};
use super::decide::decide_form;
use super::errors::CenterError;
use super::ledger::{Row, number};
use super::people::{self, Shelf};
use super::postings::{self, Source};
use super::records::{self, ORDER_AMT, ORDER_NO, ORDER_STAS, Record};
use super::refusal::Refusal;
use super::settle::Message;
use crate::failure::Entry;
use crate::rules::{Change, Packs};
use crate::value::Fen;
use crate::wire::errors;
use crate::wire::payment::{Paid, PayInfo, Payment};

/// What was paid, or why nothing was.
pub(super) type Answer = Result<Paid, Refusal>;

/// What a payment did, kept to be taken back.
#[derive(Serialize, Deserialize)]
struct Posted {
    psn_no: String,
    scenario: String,
    on: Date,
    mdtrt_id: Option<String>,
    changes: Vec<Change>,
}

/// An order that may be paid, and what its payment does.
struct Due {
    order: Record,
    posted: Posted,
}

/// Pays once a message id of a terminal; the same message gets the same answer.
pub(super) fn pay(
    db: &Connection,
    packs: &Packs,
    message: Message<'_>,
    payment: &Payment,
    refuse: bool,
    now: Timestamp,
) -> Result<Answer, CenterError> {
    let digest = content(payment);
    let Message { terminal, msgid } = message;
    if let Some(known) = find(db, message)? {
        db.execute("UPDATE payments SET times = times + 1 WHERE number = ?1", [known.number])?;
        return known.again(&digest);
    }
    let due = if refuse { Err(Refusal::of(&errors::ON_PURPOSE)) } else { due(db, packs, payment)? };
    let Due { mut order, posted } = match due {
        Ok(due) => due,
        Err(refusal) => {
            db.execute(
                "INSERT INTO payments (terminal, msgid, state, content, reply, times)
                 VALUES (?1, ?2, 'refused', ?3, ?4, 1)",
                params![terminal, msgid, digest, json(&refusal)],
            )?;
            return Ok(Err(refusal));
        }
    };
    posted.shelf().post(db, &posted.changes)?;
    order.put(db, ORDER_STAS, "paid")?;
    db.execute(
        "INSERT INTO payments (terminal, msgid, state, content, record, posted, times)
         VALUES (?1, ?2, 'paid', ?3, ?4, ?5, 1)",
        params![terminal, msgid, digest, order.number, json(&posted)],
    )?;
    let row = db.last_insert_rowid();
    postings::enter(db, Source::Payment(row), &posted.shelf(), &posted.changes)?;
    let paid = Paid {
        payinfo: PayInfo {
            order_no: payment.order_no.clone(),
            order_amt: payment.order_amt,
            trace_no: format!("B{row:011}"),
            paid_at: now,
            msgid: msgid.to_owned(),
        },
    };
    db.execute("UPDATE payments SET reply = ?2 WHERE number = ?1", params![row, json(&paid)])?;
    Ok(Ok(paid))
}

/// What a message id paid, if it stands.
pub(super) fn query(db: &Connection, message: Message<'_>) -> Result<Option<Paid>, CenterError> {
    match find(db, message)? {
        Some(Kept { state, reply: Some(reply), .. }) if state == "paid" => parse(&reply).map(Some),
        _ => Ok(None),
    }
}

/// `2601`: takes back what a message id paid, so that its order is due again, and lets it pay nothing later. Tells whether
/// anything was paid; a reversal that comes again gets the same answer.
pub(super) fn reverse(db: &Connection, message: Message<'_>) -> Result<bool, CenterError> {
    let Some(known) = find(db, message)? else {
        db.execute(
            "INSERT INTO payments (terminal, msgid, state, times) VALUES (?1, ?2, 'void', 0)",
            [message.terminal, message.msgid],
        )?;
        return Ok(false);
    };
    match (known.state.as_str(), &known.posted, known.record) {
        ("paid", Some(posted), Some(order)) => {
            let posted: Posted = parse(posted)?;
            posted.shelf().take_back(db, &posted.changes)?;
            postings::set_standing(db, Source::Payment(known.number), false)?;
            records::by_number(db, order)?.put(db, ORDER_STAS, "due")?;
            db.execute("UPDATE payments SET state = 'reversed' WHERE number = ?1", [known.number])?;
            Ok(true)
        }
        (state, ..) => Ok(state == "reversed"),
    }
}

/// Whether a message id of a terminal is one of these.
pub(super) fn is_known(db: &Connection, message: Message<'_>) -> Result<bool, CenterError> {
    Ok(find(db, message)?.is_some())
}

/// Those after a number, oldest first, for the ledger: nothing that names a person.
pub(super) fn after(db: &Connection, key: &str, most: usize) -> Result<Vec<Row>, CenterError> {
    let mut statement = db.prepare(
        "SELECT msgid, state, reply, times, number FROM payments WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let mut rows = statement.query(params![number(key)?, most])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (msgid, state): (String, String) = (row.get(0)?, row.get(1)?);
        let (reply, times): (Option<String>, u64) = (row.get(2)?, row.get(3)?);
        let mut shown = Map::new();
        if let Some(reply) = reply.filter(|_| state == "paid" || state == "reversed") {
            let Paid { payinfo } = parse(&reply)?;
            shown.insert(ORDER_AMT.into(), payinfo.order_amt.to_string().into());
            shown.insert("trace_no".into(), payinfo.trace_no.into());
        }
        shown.extend([
            ("msgid".to_owned(), Value::from(msgid)),
            ("state".to_owned(), state.into()),
            ("times".to_owned(), times.into()),
        ]);
        all.push((row.get::<_, i64>(4)?.to_string(), shown.into()));
    }
    Ok(all)
}

/// The order that a payment is for, if it may be paid.
fn due(db: &Connection, packs: &Packs, payment: &Payment) -> Result<Result<Due, Refusal>, CenterError> {
    let Some(person) = people::find(db, &payment.person)? else { return Ok(Err(Refusal::of(&errors::NO_PERSON))) };
    let named = Map::from_iter([(ORDER_NO.to_owned(), Value::from(payment.order_no.as_str()))]);
    let order = records::named(db, &person.psn_no, (&payment.scenario, payment.part), &named)?;
    let order = match order.ok_or(&errors::ORDER_UNKNOWN).and_then(|order| to_be_paid(order, payment)) {
        Ok(order) => order,
        Err(entry) => return Ok(Err(Refusal::of(entry))),
    };
    let mut posted = Posted {
        psn_no: person.psn_no,
        scenario: payment.scenario.clone(),
        on: payment.business_date,
        mdtrt_id: payment.fields.get("mdtrt_id").and_then(Value::as_str).map(str::to_owned),
        changes: Vec::new(),
    };
    Ok(match decide_form(db, packs, &posted.shelf(), &order.over(&payment.facts, None), &[])? {
        Ok(changes) => {
            posted.changes = changes;
            Ok(Due { order, posted })
        }
        Err(refusal) => Err(refusal),
    })
}

/// An order that is due, if the payment is of its amount.
fn to_be_paid(order: Record, payment: &Payment) -> Result<Record, &'static Entry> {
    if order.text(ORDER_NO) != Some(payment.order_no.as_str()) {
        return Err(&errors::ORDER_UNKNOWN);
    }
    match order.text(ORDER_STAS) {
        Some("due") => {}
        Some("paid") => return Err(&errors::ORDER_PAID),
        _ => return Err(&errors::ORDER_CLOSED),
    }
    match order.values.get(ORDER_AMT).and_then(Fen::of_json) {
        Some(amount) if amount == payment.order_amt => Ok(order),
        _ => Err(&errors::ORDER_AMOUNT),
    }
}

impl Posted {
    fn shelf(&self) -> Shelf<'_> {
        Shelf { psn_no: &self.psn_no, scenario: &self.scenario, on: self.on, mdtrt_id: self.mdtrt_id.as_deref() }
    }
}

struct Kept {
    number: i64,
    state: String,
    content: Option<Vec<u8>>,
    reply: Option<String>,
    record: Option<i64>,
    posted: Option<String>,
}

impl Kept {
    fn again(&self, digest: &[u8]) -> Result<Answer, CenterError> {
        let reversed = matches!(self.state.as_str(), "reversed" | "void");
        Ok(match &self.reply {
            _ if reversed => Err(Refusal::of(&errors::REVERSED)),
            _ if self.content.as_deref() != Some(digest) => {
                Err(Refusal::saying(&errors::CONFLICT, "同一报文ID内容不同"))
            }
            Some(reply) if self.state == "paid" => Ok(parse(reply)?),
            Some(reply) => Err(parse(reply)?),
            None => return Err(CenterError::Database("a payment without its answer".into())),
        })
    }
}

fn find(db: &Connection, message: Message<'_>) -> Result<Option<Kept>, CenterError> {
    let kept = db
        .prepare_cached(
            "SELECT number, state, content, reply, record, posted FROM payments WHERE terminal = ?1 AND msgid = ?2",
        )?
        .query_row([message.terminal, message.msgid], |row| {
            Ok(Kept {
                number: row.get(0)?,
                state: row.get(1)?,
                content: row.get(2)?,
                reply: row.get(3)?,
                record: row.get(4)?,
                posted: row.get(5)?,
            })
        })
        .optional()?;
    Ok(kept)
}
