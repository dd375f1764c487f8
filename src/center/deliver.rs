//! Store-and-forward transactions: taken once an id, answered alike however often they come.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::db::{content, json, parse};
use super::decide::decide;
use super::errors::CenterError;
use super::messages::Message;
use super::people::{self, Shelf};
use super::postings::{self, Source};
use super::refusal::{Refusal, Stop};
use super::settle::{self, Manner};
use super::{alarms, chain, filings, withdraw};
use crate::queue;
use crate::rules::Packs;
use crate::value::{Kind, Protocol};
use crate::wire::batch::{ItemAnswer, Reason};
use crate::wire::errors;
use crate::wire::settle::Settlement;
use crate::wire::sign_in::{SignIn, Signed};
use crate::wire::{Envelope, Outcome, Payload, Receipt};

/// What the centre recorded, or why a transaction is not taken.
pub(super) type Taken = Result<Value, Refusal>;

/// Takes transactions that came together, each by itself: one that is refused or fails changes nothing for the others.
pub(super) fn batch(
    db: &Connection,
    packs: &Packs,
    batch: &[Envelope],
    (demo, refuse): (bool, usize),
    now: Timestamp,
) -> Vec<ItemAnswer> {
    let each = batch.iter().enumerate().map(|(at, envelope)| {
        let refusal = |code: &str, text: String| Reason { code: code.into(), text };
        let taken = match envelope.header.demo && !demo {
            true => Err(CenterError::Demo),
            false => within(db, || deliver(db, packs, envelope, at < refuse, now)),
        };
        match taken {
            Ok(receipt) => {
                tracing::info!(id = %receipt.id, centre_no = receipt.centre_no, "a transaction was answered");
                ItemAnswer::Receipt(receipt)
            }
            Err(error) => {
                let (code, text) = (error.code(), error.to_string());
                tracing::warn!(id = %envelope.header.id, code, text, "a transaction was not carried out");
                if error.is_alarm() {
                    raised(db, &envelope.header.terminal, code, &text, now);
                }
                match error.status() {
                    500.. => ItemAnswer::Failed(refusal(code, text)),
                    _ => ItemAnswer::Refused(refusal(code, text)),
                }
            }
        }
    });
    each.collect()
}

/// An alarm that cannot be kept is told of all the same.
pub(super) fn raised(db: &Connection, terminal: &str, code: &str, text: &str, now: Timestamp) {
    if let Err(error) = alarms::raise(db, terminal, code, text, now) {
        tracing::error!(%error, "an alarm could not be kept");
    }
}

/// Carries out a part of a transaction; an error undoes that part alone, and so does what breaks it off: others came with
/// it.
fn within<T>(db: &Connection, work: impl FnOnce() -> Result<T, CenterError>) -> Result<T, CenterError> {
    db.execute_batch("SAVEPOINT one")?;
    // What it may have left half done is in the database alone, and is undone there.
    let done = catch_unwind(AssertUnwindSafe(work));
    let done = done.unwrap_or_else(|_| Err(CenterError::Database("it was broken off".into())));
    db.execute_batch(if done.is_ok() { "RELEASE one" } else { "ROLLBACK TO one; RELEASE one" })?;
    done
}

/// Takes a transaction.
fn deliver(
    db: &Connection,
    packs: &Packs,
    envelope: &Envelope,
    refuse: bool,
    now: Timestamp,
) -> Result<Receipt, CenterError> {
    let header = &envelope.header;
    if i64::try_from(header.sequence).is_err() {
        return Err(CenterError::Form("no journal has so many records"));
    }
    let journal = chain::check(db, header)?;
    let digest = content(envelope);
    if let Some((kept, receipt)) = find(db, envelope)? {
        db.execute("UPDATE transactions SET times = times + 1 WHERE id = ?1", [header.id.as_bytes()])?;
        // The one that is kept stands; the other was never its like.
        let refusal = || refused(envelope, &Refusal::saying(&errors::CONFLICT, "同一流水号内容不同"), "", now);
        return if kept == digest { parse(&receipt) } else { Ok(refusal()) };
    }
    if queue::protocol(header.kind, header.provisional) != Protocol::StoreAndForward {
        return Err(CenterError::Form("what goes online does not come with these"));
    }
    let payload = serde_json::from_value::<Payload<Value>>(envelope.payload.clone());
    let Payload { request, detail } = payload.map_err(|_| CenterError::Form("the payload is not one"))?;
    let number: i64 = db.query_row("SELECT coalesce(max(number), 0) + 1 FROM transactions", [], |row| row.get(0))?;
    let centre_no = format!("C{number:011}");
    let taken = match refuse {
        true => Err(Refusal::of(&errors::ON_PURPOSE)),
        false => Stop::answered(record(db, packs, envelope, request, now))?,
    };
    let receipt = match taken {
        Ok(output) => Receipt { id: header.id, outcome: Outcome::Accepted, centre_no, received_at: now, output },
        Err(refusal) => refused(envelope, &refusal, &centre_no, now),
    };
    db.execute(
        "INSERT INTO transactions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1)",
        params![
            number,
            header.id.as_bytes(),
            journal,
            header.sequence,
            queue::chain::hash(header).0,
            digest,
            header.scenario,
            receipt.outcome == Outcome::Accepted,
            json(&receipt),
            json(&detail),
        ],
    )?;
    Ok(receipt)
}

fn find(db: &Connection, envelope: &Envelope) -> Result<Option<(Vec<u8>, String)>, CenterError> {
    let found = db
        .prepare_cached("SELECT content, receipt FROM transactions WHERE id = ?1")?
        .query_row([envelope.header.id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found)
}

fn record(db: &Connection, packs: &Packs, envelope: &Envelope, request: Value, now: Timestamp) -> Result<Value, Stop> {
    let header = &envelope.header;
    if header.cancels.is_some() {
        return withdraw::withdraw(db, header, &read(request)?);
    }
    match header.kind {
        Kind::SignIn => sign(db, packs, envelope, &read(request)?),
        Kind::Settle => settle_again(db, packs, envelope, &read(request)?, now),
        Kind::Query => Ok(filings::enquire(db, header, &read(request)?)??),
        Kind::Register | Kind::Apply | Kind::Change | Kind::Visit | Kind::Collect | Kind::Certify | Kind::Report => {
            Ok(filings::file(db, packs, header, &read(request)?, now)??)
        }
        // It goes online, whatever the terminal says ([`deliver`]).
        Kind::Pay => Err(Refusal::of(&errors::FORM).into()),
    }
}

fn read<T: DeserializeOwned>(request: Value) -> Result<T, Refusal> {
    serde_json::from_value(request).map_err(|_| Refusal::of(&errors::FORM))
}

/// One sign-in a person, scenario and month is recorded; another for the same is answered as done already.
fn sign(db: &Connection, packs: &Packs, envelope: &Envelope, sign_in: &SignIn) -> Result<Value, Stop> {
    let header = &envelope.header;
    let person = people::find(db, &sign_in.person)?.ok_or_else(|| Refusal::of(&errors::NO_PERSON))?;
    if !people::has_record(db, &person.psn_no, &header.scenario)? {
        return Err(Refusal::of(&errors::NO_BENEFIT).into());
    }
    let month = &sign_in.month;
    if sign_in.facts.get("sign_date").and_then(Value::as_str).is_none_or(|date| !date.starts_with(month.as_str())) {
        return Err(Refusal::of(&errors::FORM).into());
    }
    let signed = |already| Ok(serde_json::to_value(Signed { month: month.clone(), already }).unwrap_or_default());
    let key = params![person.psn_no, header.scenario, month, header.id.as_bytes()];
    let mut known = db.prepare_cached("SELECT 1 FROM sign_ins WHERE psn_no = ?1 AND scenario = ?2 AND month = ?3")?;
    if known.exists(&key[..3])? {
        return signed(true);
    }
    let shelf = Shelf { psn_no: &person.psn_no, scenario: &header.scenario, on: header.business_date, mdtrt_id: None };
    let decision = decide(db, packs, &shelf, &sign_in.facts, &[])?.taken()?;
    shelf.post(db, &decision.accumulators)?;
    postings::enter(db, Source::SignIn(header.id), &shelf, &decision.accumulators)?;
    db.execute("INSERT INTO sign_ins (psn_no, scenario, month, id) VALUES (?1, ?2, ?3, ?4)", key)?;
    signed(false)
}

/// A provisional settlement is settled now, with the centre's own accumulators: 以中心结算为准.
fn settle_again(
    db: &Connection,
    packs: &Packs,
    envelope: &Envelope,
    settlement: &Settlement,
    now: Timestamp,
) -> Result<Value, Stop> {
    let message = Message { terminal: &envelope.header.terminal, msgid: &envelope.header.msgid };
    let manner = Manner { on_purpose: false, any_visit: is_of_before_visits(db, envelope.header.created_at)? };
    let answer = settle::settle(db, packs, message, settlement, manner, now)?;
    Ok(serde_json::to_value(answer).unwrap_or_default())
}

/// Whether a terminal committed something before visits had to be registered at this centre.
fn is_of_before_visits(db: &Connection, committed_at: Timestamp) -> Result<bool, CenterError> {
    let since: Option<String> =
        db.prepare_cached("SELECT at FROM visits_since")?.query_row([], |row| row.get(0)).optional()?;
    let Some(since) = since else { return Ok(false) };
    let since: Timestamp = since.parse().map_err(|_| CenterError::Database("a time that is none".into()))?;
    Ok(committed_at < since)
}

fn refused(envelope: &Envelope, refusal: &Refusal, centre_no: &str, now: Timestamp) -> Receipt {
    let (code, text) = refusal.parts();
    Receipt {
        id: envelope.header.id,
        outcome: Outcome::Refused { code: code.into(), text: text.into() },
        centre_no: centre_no.into(),
        received_at: now,
        output: Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_one_off_undoes_that_one_alone() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE t (n INTEGER); BEGIN").unwrap();
        let insert = |n: i64| db.prepare_cached("INSERT INTO t VALUES (?1)").unwrap().execute([n]).unwrap();
        within(&db, || Ok(insert(1))).unwrap();
        let broken: Result<(), _> = within(&db, || {
            insert(2);
            panic!("the test says so")
        });
        assert!(matches!(broken, Err(CenterError::Database(_))));
        within(&db, || Ok(insert(3))).unwrap();
        db.execute_batch("COMMIT").unwrap();
        let sum: i64 = db.query_row("SELECT sum(n) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(sum, 4);
    }
}
