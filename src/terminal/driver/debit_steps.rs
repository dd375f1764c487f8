//! `iDoDebit_HSM`: a purchase from the card's medical account by the purchase key of the caller's own security module. What
//! its strings look like is not publicly known (card-facts §4.5): the templates of `[driver.dialect.debit]` say it.

use std::sync::{Arc, OnceLock};

use super::account::{self, debit, told};
use super::beside::Beside;
use super::call::{Asked, Carried, Parameters, Stop};
use super::hsm::{Caller, addressed, refused};
use super::pin::at_hand;
use super::proven;
use super::steps::Steps;
use crate::card::account::{AccountError, DIRECTORY};
use crate::card::{CardError, PinTries};
use crate::keys::KeyError;
use crate::national::{Code, Refused};
use crate::profile::KeyRole;
use crate::reader::Lease;
use crate::terminal::inner::Inner;
use crate::terminal::reading::Unread;

/// `iDoDebit_HSM_Step1` and `_Step2`, of a card that proved itself since it was put in, as its strings cannot. Nobody can be
/// asked for the PIN between the steps, so a card that has one is given it before the first.
pub(super) fn do_debit(inner: &Arc<Inner>, lease: &mut Lease, parameters: &Parameters, steps: &Arc<Steps>) -> Carried {
    let driver = &inner.parts.config.driver;
    let form = driver.dialect.debit.as_ref().ok_or(Code::NOT_SUPPORTED)?;
    if form.step1.names_key() {
        addressed(inner, &KeyRole::DPK)?;
    }
    let output = driver.unpublished.debit()?;
    let payment = account::payment(inner, parameters)?;
    let terminal = terminal_number(inner)?;
    let reader = lease.reader().to_owned();
    let pad = lease.pad().map_err(|error| Refused::from(&error))?;
    let mut pin = at_hand(inner, pad, parameters)?;
    let none = OnceLock::new();
    let mut keys = Beside::at_terminal(inner, &Caller::new(steps, "iDoDebit_HSM"), &none, terminal);
    let mut card = proven::open(inner, lease, &mut keys, parameters)?;
    card.must_be_valid().map_err(|error| refused(&error))?;
    if card.pin_tries_of(DIRECTORY).map_err(|error| refused(&error))? == PinTries::Unset {
        pin = None;
    } else if pin.is_none() {
        return Err(Stop::Asked(Asked::Pin, inner.card_name(&reader, &card)));
    }
    match debit(&mut card, pin, payment, &inner.card_journal()) {
        Err(AccountError::Card(error)) => Err(refused(&error).into()),
        done => told(output, done),
    }
}

/// 终端机编号: that of the terminal's own keys, or the setting where these have none. A purchase is not made without.
fn terminal_number(inner: &Inner) -> Result<[u8; 6], Refused> {
    let own = match inner.at_keys(|keys| Ok(keys.terminal_number()?)) {
        Err(Unread::Card(CardError::Key(KeyError::NoPsam))) => None,
        number => number?,
    };
    Ok(own.or(inner.parts.config.driver.terminal).ok_or(Code::NOT_SUPPORTED)?)
}
