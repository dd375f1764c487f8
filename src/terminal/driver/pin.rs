//! The holder's PIN: verified, changed, set anew, given its tries back. It is typed at the reader's pad where there is one.
//! Else nobody is asked for one while the card is held: the caller's side asks, and calls again.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::call::{Asked, Carried, Parameters, Stop};
use super::reader::Taken;
use super::{card, reader};
use crate::card::HolderPin;
use crate::national::{CardInfo, Parameter};
use crate::reader::{PinEntry, PinLength};
use crate::terminal::inner::Inner;

/// The holder's PIN: to be typed at the reader's pad, or as the caller's side had it entered. What a caller sends where
/// there is a pad is not used.
pub(super) fn holder_pin(inner: &Inner, reader: &Taken, parameters: &Parameters) -> Result<HolderPin, Stop> {
    if reader.pad.verify {
        return Ok(HolderPin::AtPad(PinEntry::of(PinLength::SIX, inner.parts.config.readers.pin)));
    }
    Ok(parameters.pin(Asked::Pin)?.into())
}

pub(super) fn verify_pin(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let reader = reader::take(inner, parameters.kind()?)?;
    let pin = holder_pin(inner, &reader, parameters)?;
    card::at(inner, &reader, None, |card| card.verify(pin))?;
    Ok(Zeroizing::default())
}

pub(super) fn change_pin(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let reader = reader::take(inner, parameters.kind()?)?;
    if reader.pad.change {
        let patience = inner.parts.config.readers.pin;
        card::at(inner, &reader, None, |card| card.change_at_pad(PinLength::SIX, patience))?;
        return Ok(Zeroizing::default());
    }
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
