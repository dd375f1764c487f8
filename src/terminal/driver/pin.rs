//! The holder's PIN: verified, changed, set anew, given its tries back. Nobody is asked for one while the card is held: the
//! caller's side asks, and calls again.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::call::{Asked, Carried, Parameters};
use super::{card, reader};
use crate::national::{CardInfo, Parameter};
use crate::terminal::inner::Inner;

pub(super) fn verify_pin(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let reader = reader::take(inner, parameters.kind()?)?;
    let pin = parameters.pin(Asked::Pin)?;
    card::at(inner, &reader, None, |card| card.verify_pin(pin))?;
    Ok(Zeroizing::default())
}

pub(super) fn change_pin(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let reader = reader::take(inner, parameters.kind()?)?;
    let (old, new) = (parameters.pin(Asked::Change)?, parameters.new_pin(Asked::Change)?);
    card::at(inner, &reader, None, |card| card.change_pin(old, new))?;
    Ok(Zeroizing::default())
}

pub(super) fn reload_pin(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let kind = parameters.kind()?;
    let meant = CardInfo::parse(parameters.text(Parameter::CardInfo)?)?;
    let reader = reader::take(inner, kind)?;
    let new = parameters.new_pin(Asked::New)?;
    card::at(inner, &reader, Some(&meant), |card| card.reload_pin(new))?;
    Ok(Zeroizing::default())
}

pub(super) fn unblock_pin(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let kind = parameters.kind()?;
    let meant = CardInfo::parse(parameters.text(Parameter::CardInfo)?)?;
    let reader = reader::take(inner, kind)?;
    card::at(inner, &reader, Some(&meant), |card| card.unblock_pin())?;
    Ok(Zeroizing::default())
}
