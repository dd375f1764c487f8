//! Payments by holders, of the orders that are due: once a message id of a terminal, and an order once; asked about,
//! taken back.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::db::{content, json, parse};
use super::decide::decide_form;
use super::errors::CenterError;
use super::ledger::{Row, number};
use super::messages::{Message, PAYMENTS, Reversal};
use super::people::{self, Shelf};
use super::postings::{self, Source};
use super::records::{self, ORDER_AMT, ORDER_NO, ORDER_STAS, Record};
use super::refusal::{Refusal, Stop};
use crate::failure::Entry;
use crate::rules::{Change, Packs};
use crate::value::Fen;
use crate::wire::errors;
use crate::wire::payment::{Paid, PayInfo, Payment};

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

/// Pays once a message id of a terminal; the same message gets the same answer. `on_purpose`: refused for a demonstration.
pub(super) fn pay(
    db: &Connection,
    packs: &Packs,
    message: Message<'_>,
    payment: &Payment,
    on_purpose: bool,
    now: Timestamp,
) -> Result<Paid, Stop> {
    let digest = content(payment);
    PAYMENTS.once(db, message, &digest, on_purpose, || {
        let Due { mut order, posted } = due(db, packs, payment)?;
        posted.shelf().post(db, &posted.changes)?;
        order.put(db, ORDER_STAS, "paid")?;
        db.execute(
            "INSERT INTO payments (terminal, msgid, state, content, record, posted, times)
             VALUES (?1, ?2, 'paid', ?3, ?4, ?5, 1)",
            params![message.terminal, message.msgid, digest, order.number, json(&posted)],
        )?;
        let row = db.last_insert_rowid();
        postings::enter(db, Source::Payment(row), &posted.shelf(), &posted.changes)?;
        let paid = Paid {
            payinfo: PayInfo {
                order_no: payment.order_no.clone(),
                order_amt: payment.order_amt,
                trace_no: format!("B{row:011}"),
                paid_at: now,
                msgid: message.msgid.to_owned(),
            },
        };
        db.execute("UPDATE payments SET reply = ?2 WHERE number = ?1", params![row, json(&paid)])?;
        Ok(paid)
    })
}

/// `2601`: takes back what a message id paid, so that its order is due again, and lets it pay nothing later. Tells whether
/// anything was paid; a reversal that comes again gets the same answer.
pub(super) fn reverse(db: &Connection, message: Message<'_>) -> Result<bool, CenterError> {
    let (number, posted) = match PAYMENTS.reversal(db, message)? {
        Reversal::Of(number, posted) => (number, parse::<Posted>(&posted)?),
        Reversal::Over(was_reversed) => return Ok(was_reversed),
    };
    posted.shelf().take_back(db, &posted.changes)?;
    postings::set_standing(db, Source::Payment(number), false)?;
    let order = db.query_row("SELECT record FROM payments WHERE number = ?1", [number], |row| row.get(0))?;
    records::by_number(db, order)?.put(db, ORDER_STAS, "due")?;
    PAYMENTS.set_reversed(db, number)?;
    Ok(true)
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
fn due(db: &Connection, packs: &Packs, payment: &Payment) -> Result<Due, Stop> {
    let person = people::find(db, &payment.person)?.ok_or_else(|| Refusal::of(&errors::NO_PERSON))?;
    let named = Map::from_iter([(ORDER_NO.to_owned(), Value::from(payment.order_no.as_str()))]);
    let order = records::named(db, &person.psn_no, (&payment.scenario, payment.part), &named)?;
    let order =
        order.ok_or(&errors::ORDER_UNKNOWN).and_then(|order| to_be_paid(order, payment)).map_err(Refusal::of)?;
    let mut posted = Posted {
        psn_no: person.psn_no,
        scenario: payment.scenario.clone(),
        on: payment.business_date,
        mdtrt_id: payment.fields.get("mdtrt_id").and_then(Value::as_str).map(str::to_owned),
        changes: Vec::new(),
    };
    posted.changes = decide_form(db, packs, &posted.shelf(), &order.over(&payment.facts, None), &[])??;
    Ok(Due { order, posted })
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
