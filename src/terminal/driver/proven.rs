//! Cards that proved themselves, by reader, for as long as they stay there: for steps whose strings have no internal
//! authentication (card-facts §4.5), so that a foreign card cannot burn the tries of a key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::card::{Card, CardError, Genuine};
use crate::failure::Failure;
use crate::keys::{KeyError, KeyService};
use crate::national::{CardInfo, Code, Parameter, Refused};
use crate::reader::Lease;
use crate::terminal::errors;
use crate::terminal::inner::{Inner, lock};
use crate::terminal::reading::Unread;

use super::call::Parameters;
use super::card::is_asked;

/// To whom a card proved itself. A caller's own module may say of any card that it is genuine: that counts for this caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::terminal) enum By {
    /// The terminal's own keys.
    Own,
    /// The security module of this client.
    Caller(String),
}

/// Which card of which reader it was that proved itself last, and to whom.
#[derive(Default)]
pub(in crate::terminal) struct Proven(Mutex<HashMap<(String, By), (u64, Genuine)>>);

impl Proven {
    /// The card with this number in a reader proved itself.
    pub(in crate::terminal) fn keep(&self, reader: &str, by: By, visit: u64, card: Genuine) {
        lock(&self.0).insert((reader.to_owned(), by), (visit, card));
    }

    /// What was kept of a reader, where its card is still the one with this number.
    fn of(&self, reader: &str, by: By, visit: Option<u64>) -> Option<Genuine> {
        let proven = lock(&self.0);
        let kept = proven.get(&(reader.to_owned(), by)).filter(|(proven, _)| Some(*proven) == visit);
        kept.map(|(_, card)| card.clone())
    }

    /// A card left: nothing of it is kept.
    pub(in crate::terminal) fn forget(&self, reader: &str) {
        lock(&self.0).retain(|(of, _), _| of != reader);
    }
}

/// Opens the card that `pCardInfo` means, and that a PIN was asked for where one was, for keys that cannot prove a card: it
/// did since it was put in, to this caller's module or to the terminal's own keys, or does now to these.
pub(super) fn open<'a>(
    inner: &'a Arc<Inner>,
    lease: &'a mut Lease,
    keys: &'a mut dyn KeyService,
    parameters: &Parameters,
) -> Result<Card<'a>, Refused> {
    let meant = CardInfo::parse(parameters.text(Parameter::CardInfo)?)?;
    let reader = lease.reader().to_owned();
    let genuine = genuine(inner, lease, parameters.client())?;
    let card = Card::open_again(inner.card_parts(lease, keys), &genuine).map_err(|error| match error {
        CardError::Swapped => unproven(None),
        other => Refused::from(&other),
    })?;
    meant.check(&card.card_file().map_err(|error| Refused::from(&error))?)?;
    match is_asked(inner, parameters, &reader, &card) {
        true => Ok(card),
        false => Err(Code::OTHER_CARD.into()),
    }
}

fn genuine(inner: &Arc<Inner>, lease: &mut Lease, client: &str) -> Result<Genuine, Refused> {
    let visit = inner.parts.readers.visit(lease.reader());
    if let Some(card) = inner.proven.of(lease.reader(), By::Caller(client.to_owned()), visit) {
        return Ok(card);
    }
    by_own_keys(inner, lease)?.map_err(|error| unproven(Some(error.to_string())))
}

/// Which card it is, where it proved itself to the terminal's own keys since it was put in, or does now; else why these are
/// not to be had.
///
/// # Errors
/// A card that is not genuine, or that went.
pub(super) fn by_own_keys(inner: &Arc<Inner>, lease: &mut Lease) -> Result<Result<Genuine, KeyError>, Refused> {
    let visit = inner.parts.readers.visit(lease.reader());
    if let Some(card) = inner.proven.of(lease.reader(), By::Own, visit) {
        return Ok(Ok(card));
    }
    match inner.at_keys(|keys| inner.open_card(lease, keys, &mut |_| {})?.genuine()) {
        Err(Unread::Card(CardError::Key(error))) => Ok(Err(error)),
        done => Ok(Ok(done?)),
    }
}

/// As the list has it: the card is not known to be genuine.
fn unproven(why: Option<String>) -> Refused {
    let entry = &errors::DRIVER_UNPROVEN;
    let failure = why.map_or_else(|| Failure::of(entry), |why| Failure::with(entry, why));
    Refused::by(Code::NOT_GENUINE, &failure)
}
