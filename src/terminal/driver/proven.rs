//! Cards that proved themselves, by reader, for as long as they stay there: for steps whose strings have no internal
//! authentication (card-facts §4.5), so that a foreign card cannot burn the tries of a key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::card::{Card, CardError, Genuine};
use crate::failure::Failure;
use crate::keys::KeyService;
use crate::national::{CardInfo, Code, Parameter, Refused};
use crate::reader::Lease;
use crate::terminal::errors;
use crate::terminal::inner::{Inner, lock};
use crate::terminal::reading::Unread;

use super::call::Parameters;

/// Which card of which reader it was that proved itself last.
#[derive(Default)]
pub(in crate::terminal) struct Proven(Mutex<HashMap<String, (u64, Genuine)>>);

impl Proven {
    /// The card with this number in a reader proved itself.
    pub(in crate::terminal) fn keep(&self, reader: &str, visit: u64, card: Genuine) {
        lock(&self.0).insert(reader.to_owned(), (visit, card));
    }

    /// What was kept of a reader, where its card is still the one with this number.
    fn of(&self, reader: &str, visit: Option<u64>) -> Option<Genuine> {
        lock(&self.0).get(reader).filter(|(proven, _)| Some(*proven) == visit).map(|(_, card)| card.clone())
    }

    /// A card left: nothing of it is kept.
    pub(in crate::terminal) fn forget(&self, reader: &str) {
        lock(&self.0).remove(reader);
    }
}

/// Opens the card that `pCardInfo` means for keys that cannot prove a card: it did since it was put in, or does now to the
/// terminal's own keys.
pub(super) fn open<'a>(
    inner: &'a Arc<Inner>,
    lease: &'a mut Lease,
    keys: &'a mut dyn KeyService,
    parameters: &Parameters,
) -> Result<Card<'a>, Refused> {
    let meant = CardInfo::parse(parameters.text(Parameter::CardInfo)?)?;
    let genuine = genuine(inner, lease)?;
    let card = Card::open_again(inner.card_parts(lease, keys), &genuine).map_err(|error| match error {
        CardError::Swapped => unproven(None),
        other => Refused::from(&other),
    })?;
    meant.check(&card.card_file().map_err(|error| Refused::from(&error))?)?;
    Ok(card)
}

fn genuine(inner: &Arc<Inner>, lease: &mut Lease) -> Result<Genuine, Refused> {
    let reader = lease.reader().to_owned();
    if let Some(card) = inner.proven.of(&reader, inner.parts.readers.visit(&reader)) {
        return Ok(card);
    }
    match inner.at_keys(|keys| inner.open_card(lease, keys, &mut |_| {})?.genuine()) {
        Err(Unread::Card(CardError::Key(error))) => Err(unproven(Some(error.to_string()))),
        done => Ok(done?),
    }
}

/// As the list has it: the card is not known to be genuine.
fn unproven(why: Option<String>) -> Refused {
    let entry = &errors::DRIVER_UNPROVEN;
    let failure = why.map_or_else(|| Failure::of(entry), |why| Failure::with(entry, why));
    Refused::by(Code::NOT_GENUINE, &failure)
}
