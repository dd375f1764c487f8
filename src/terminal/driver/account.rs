//! `iDoDebit` and `iReadDebitRecord`: the medical account on the card, and the card's log of it.

use std::sync::Arc;

use super::call::{Carried, Parameters, Stop};
use super::pin::holder_pin;
use super::{card, reader};
use crate::apdu::StatusWord;
use crate::card::account::log::log_file;
use crate::card::account::{self, AccountError, Amount, Kind, Outcome as Became, Paid, Payment, Settled};
use crate::card::{Card, CardError, Contents, HolderPin, Journal};
use crate::failure::Failure;
use crate::national::{CardInfo, Code, DebitOutput, Parameter, Refused};
use crate::terminal::errors;
use crate::terminal::inner::Inner;
use crate::terminal::reading::apart;

/// What came of a call.
pub(super) enum Debit {
    Paid(Paid),
    /// Nothing was paid: a purchase before, whose end was not seen, turned out to have been.
    Before(Settled),
}

pub(super) fn do_debit(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let kind = parameters.kind()?;
    // What is written of it is known before anything is paid.
    let output = inner.parts.config.driver.unpublished.debit()?;
    let payment = payment(inner, parameters)?;
    let meant = CardInfo::parse(parameters.text(Parameter::CardInfo)?)?;
    let reader = reader::take(inner, kind)?;
    let journal = inner.card_journal();
    let pay =
        |pin| card::at(inner, &reader, parameters, Some(&meant), |card| apart(debit(card, pin, payment, &journal)));
    let done = match pay(None)? {
        Err(AccountError::PinNeeded) => pay(Some(holder_pin(inner, &reader, parameters, Some(&meant))?))?,
        done => done,
    };
    told(output, done)
}

/// What `pPayInfo` wants paid.
pub(super) fn payment(inner: &Inner, parameters: &Parameters) -> Result<Payment, Refused> {
    let payment = inner.parts.config.driver.unpublished.payment(parameters.text(Parameter::PayInfo)?)?;
    let amount = |fen| Amount::try_from(fen).map_err(|error| Refused::from(&error));
    Ok(Payment { account: amount(payment.account)?, self_pay: amount(payment.self_pay)?, pool: amount(payment.pool)? })
}

/// What the caller is told of it; once that was given out it is let go of.
pub(super) fn told(output: DebitOutput<'_>, done: Result<Debit, AccountError>) -> Carried {
    Err(match done {
        Ok(Debit::Paid(paid)) => Stop::Tells { code: Code::SUCCESS, output: output.text(&paid), receipt: paid.receipt },
        Ok(Debit::Before(settled)) => {
            let Refused { code, text } = before(&settled);
            Stop::Tells { code, output: text.into(), receipt: settled.receipt }
        }
        Err(error) => Stop::Refused(Refused::from(&error)),
    })
}

/// Pays, once it is known how the last transaction ended. Who called for one that the card carried out was not told so, and
/// may be calling for it again: it is told now, and nothing is paid. One that was not carried out is let go of: it is
/// called for again.
pub(super) fn debit(
    card: &mut Card<'_>,
    pin: Option<HolderPin>,
    payment: Payment,
    journal: &Journal<'_>,
) -> Result<Debit, AccountError> {
    if let Some(pin) = pin {
        card.verify_of(account::DIRECTORY, pin)?;
    }
    let mut purchases = card.settle_account(journal)?;
    purchases.retain(|settled| settled.intent.kind == Kind::Purchase);
    let done = |settled: &Settled| matches!(settled.outcome, Became::Done(_));
    if let Some(at) = purchases.iter().position(done) {
        return Ok(Debit::Before(purchases.swap_remove(at)));
    }
    purchases.iter().try_for_each(|settled| journal.told(settled.receipt))?;
    card.pay(payment, journal).map(Debit::Paid)
}

fn before(settled: &Settled) -> Refused {
    let tac = settled.outcome.tac().map(|tac| format!("，TAC {}", hex::encode_upper(tac))).unwrap_or_default();
    let intent = &settled.intent;
    let detail = format!("交易序号 {}，终端交易序号 {}{tac}", intent.sequence, intent.terminal_sequence);
    Refused::by(Code::UNKNOWN, &Failure::with(&errors::DRIVER_PAID, detail))
}

pub(super) fn read_debit_record(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let output = inner.parts.config.driver.unpublished.records()?;
    let reader = reader::take(inner, parameters.kind()?)?;
    let log = [log_file()];
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
