//! `iReloadPIN_HSM` and `iUnblockPIN_HSM`: the caller's own security module proves PUK, then secures the command.

use std::sync::Arc;

use super::call::{Asked, Carried, Parameters, Stop};
use super::hsm::{Caller, addressed, refused};
use super::proven;
use super::steps::Steps;
use crate::card::Card;
use crate::profile::KeyRole;
use crate::reader::Lease;
use crate::terminal::inner::Inner;

/// `iReloadPIN_HSM_Step1` to `_Step3`. The new PIN is entered while no card is held, for the card that was in the reader;
/// the caller's module is given it in clear, as the interface has it.
pub(super) fn reload_pin(
    inner: &Arc<Inner>,
    lease: &mut Lease,
    parameters: &Parameters,
    steps: &Arc<Steps>,
) -> Carried {
    let new = parameters.new_pin()?;
    let caller = Caller::new(steps, "iReloadPIN_HSM");
    let reader = lease.reader().to_owned();
    with(inner, lease, parameters, &caller, |card| match new {
        None => Err(Stop::Asked(Asked::New, inner.card_name(&reader, card))),
        Some(new) => Ok(card.reload_pin(new).map_err(|error| refused(&error))?),
    })
}

/// `iUnblockPIN_HSM_Step1` to `_Step3`.
pub(super) fn unblock_pin(
    inner: &Arc<Inner>,
    lease: &mut Lease,
    parameters: &Parameters,
    steps: &Arc<Steps>,
) -> Carried {
    let caller = Caller::new(steps, "iUnblockPIN_HSM");
    with(inner, lease, parameters, &caller, |card| Ok(card.unblock_pin().map_err(|error| refused(&error))?))
}

fn with(
    inner: &Arc<Inner>,
    lease: &mut Lease,
    parameters: &Parameters,
    caller: &Arc<Caller>,
    work: impl FnOnce(&mut Card<'_>) -> Result<(), Stop>,
) -> Carried {
    for role in [KeyRole::PUK, KeyRole::STK] {
        addressed(inner, &role)?;
    }
    let mut keys = caller.keys(inner);
    let mut card = proven::open(inner, lease, &mut keys, parameters)?;
    card.must_be_valid().map_err(|error| refused(&error))?;
    work(&mut card).map(|()| Default::default())
}
