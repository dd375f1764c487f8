//! `iDoDebit` and `iReadDebitRecord`: the medical account on the card, and the card's log of it.

use std::sync::Arc;

use super::call::{Carried, Parameters};
use super::pin::holder_pin;
use super::{card, reader};
use crate::apdu::StatusWord;
use crate::card::account::{AccountError, Amount, Kind, Outcome, Paid, Payment, Settled};
use crate::card::{Card, CardError, Contents, HolderPin, Journal};
use crate::failure::Failure;
use crate::national::{CardInfo, Code, Parameter, Refused};
use crate::profile::{FileName, ItemName};
use crate::terminal::errors;
use crate::terminal::inner::Inner;

/// 医疗交易明细, the account's log (card-facts §1.6).
const LOG: (&str, u8) = ("DF04", 0x08);

/// What came of a call.
enum Debit {
    Paid(Paid),
    /// Nothing was paid: a purchase before, whose end was not seen, turned out to have been.
    Before(Settled),
}

pub(super) fn do_debit(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let unpublished = &inner.parts.config.driver.unpublished;
    let kind = parameters.kind()?;
    // What is written of it is known before anything is paid.
    let output = unpublished.debit()?;
    let payment = unpublished.payment(parameters.text(Parameter::PayInfo)?)?;
    let amount = |fen| Amount::try_from(fen).map_err(|error| Refused::from(&error));
    let payment =
        Payment { account: amount(payment.account)?, self_pay: amount(payment.self_pay)?, pool: amount(payment.pool)? };
    let meant = CardInfo::parse(parameters.text(Parameter::CardInfo)?)?;
    let reader = reader::take(inner, kind)?;
    let journal = Journal::new(&inner.store, &inner.card_writes, &*inner.parts.random);
    let pay =
        |pin| card::at(inner, &reader, parameters, Some(&meant), |card| apart(debit(card, pin, payment, &journal)));
    let done = match pay(None)? {
        Err(AccountError::PinNeeded) => pay(Some(holder_pin(inner, &reader, parameters, Some(&meant))?))?,
        done => done,
    };
    match done {
        Ok(Debit::Paid(paid)) => Ok(output.text(&paid)),
        Ok(Debit::Before(settled)) => Err(before(&settled).into()),
        Err(error) => Err(Refused::from(&error).into()),
    }
}

/// Pays, once it is known how the last transaction ended. Who called for one that the card carried out was not told so, and
/// may be calling for it again: it is told now, and nothing is paid.
fn debit(
    card: &mut Card<'_>,
    pin: Option<HolderPin>,
    payment: Payment,
    journal: &Journal<'_>,
) -> Result<Debit, AccountError> {
    if let Some(pin) = pin {
        card.verify(pin)?;
    }
    let paid =
        |settled: &Settled| settled.intent.kind == Kind::Purchase && matches!(settled.outcome, Outcome::Done { .. });
    match card.settle_account(journal)?.into_iter().find(paid) {
        Some(settled) => Ok(Debit::Before(settled)),
        None => card.pay(payment, journal).map(Debit::Paid),
    }
}

fn before(settled: &Settled) -> Refused {
    let tac = match settled.outcome {
        Outcome::Done { tac, .. } => format!("，TAC {}", hex::encode_upper(tac)),
        Outcome::NotDone => String::new(),
    };
    let intent = &settled.intent;
    let detail = format!("交易序号 {}，终端交易序号 {}{tac}", intent.sequence, intent.terminal_sequence);
    Refused::by(Code::UNKNOWN, &Failure::with(&errors::DRIVER_PAID, detail))
}

/// What went wrong with the card beside what its account refused: the former says something of reader and keys.
fn apart<T>(done: Result<T, AccountError>) -> Result<Result<T, AccountError>, CardError> {
    match done {
        Err(AccountError::Card(error)) => Err(error),
        other => Ok(other),
    }
}

pub(super) fn read_debit_record(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let output = inner.parts.config.driver.unpublished.records()?;
    let reader = reader::take(inner, parameters.kind()?)?;
    let (directory, ef) = LOG;
    let log = [ItemName { file: FileName::new(directory, ef), tag: None }];
    let read = |pin| {
        card::at(inner, &reader, parameters, None, |card| match card.read(&log, pin) {
            Err(CardError::PinNeeded) => Ok(None),
            read => read.map(Some),
        })
    };
    let files = match read(None)? {
        Some(files) => files,
        None => {
            let pin = holder_pin(inner, &reader, parameters, None)?;
            read(Some(pin))?.ok_or(Code::of_status(StatusWord::SECURITY_STATE))?
        }
    };
    match files.files.first().map(|holding| &holding.contents) {
        Some(Contents::Records(records)) => Ok(output.text(records)?),
        // The profile has no log there.
        _ => Err(Code::NOT_SUPPORTED.into()),
    }
}
