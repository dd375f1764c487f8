//! The holder's PIN: verified, changed, set anew, given its tries back. It is typed at the reader's pad where there is one.
//! Else nobody is asked for one while the card is held: the caller's side asks, and calls again.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::call::{Asked, Carried, Parameters, Stop};
use super::reader::Taken;
use super::{card, reader};
use crate::card::{HolderPin, Pin};
use crate::national::{CardInfo, Code, Parameter};
use crate::reader::{PadAbilities, PinEntry, PinLength};
use crate::terminal::inner::Inner;

/// The holder's PIN where it is at hand: to be typed at the reader's pad, or as the caller's side had it entered. What a
/// caller sends where there is a pad is not used.
pub(super) fn at_hand(inner: &Inner, pad: PadAbilities, parameters: &Parameters) -> Result<Option<HolderPin>, Code> {
    if pad.verify {
        return Ok(Some(HolderPin::AtPad(PinEntry::of(PinLength::SIX, inner.parts.config.readers.pin))));
    }
    Ok(parameters.pin()?.map(HolderPin::from))
}

/// The holder's PIN; where it is not at hand the caller is to have it entered.
pub(super) fn holder_pin(
    inner: &Arc<Inner>,
    reader: &Taken,
    parameters: &Parameters,
    meant: Option<&CardInfo>,
) -> Result<HolderPin, Stop> {
    at_hand(inner, reader.pad, parameters)?.ok_or_else(|| card::ask(inner, reader, parameters, meant, Asked::Pin))
}

/// A new PIN for a card whose old one is not needed. No pad takes it: it goes to the card enciphered.
pub(super) fn new_pin(
    inner: &Arc<Inner>,
    reader: &Taken,
    parameters: &Parameters,
    meant: &CardInfo,
) -> Result<Pin, Stop> {
    parameters.new_pin()?.ok_or_else(|| card::ask(inner, reader, parameters, Some(meant), Asked::New))
}

pub(super) fn verify_pin(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let reader = reader::take(inner, parameters.kind()?)?;
    let pin = holder_pin(inner, &reader, parameters, None)?;
    card::at(inner, &reader, parameters, None, |card| card.verify(pin))?;
    Ok(Zeroizing::default())
}

pub(super) fn change_pin(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let reader = reader::take(inner, parameters.kind()?)?;
    if reader.pad.change {
        let patience = inner.parts.config.readers.pin;
        card::at(inner, &reader, parameters, None, |card| card.change_at_pad(PinLength::SIX, patience))?;
        return Ok(Zeroizing::default());
    }
    let (Some(old), Some(new)) = (parameters.pin()?, parameters.new_pin()?) else {
        return Err(card::ask(inner, &reader, parameters, None, Asked::Change));
    };
    card::at(inner, &reader, parameters, None, |card| card.change_pin(old, new))?;
    Ok(Zeroizing::default())
}

pub(super) fn reload_pin(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let kind = parameters.kind()?;
    let meant = CardInfo::parse(parameters.text(Parameter::CardInfo)?)?;
    let reader = reader::take(inner, kind)?;
    let new = new_pin(inner, &reader, parameters, &meant)?;
    card::at(inner, &reader, parameters, Some(&meant), |card| card.reload_pin(new))?;
    Ok(Zeroizing::default())
}

pub(super) fn unblock_pin(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let kind = parameters.kind()?;
    let meant = CardInfo::parse(parameters.text(Parameter::CardInfo)?)?;
    let reader = reader::take(inner, kind)?;
    card::at(inner, &reader, parameters, Some(&meant), |card| card.unblock_pin())?;
    Ok(Zeroizing::default())
}
