//! `iReadCard_HSM` and `iWriteCard_HSM`: items of the card's files by a key of the caller's own security module. Its string
//! has room for one key (card-facts §4.5).

use std::sync::{Arc, OnceLock};

use super::beside::Beside;
use super::call::{Carried, Parameters};
use super::files::{self, Contents, Wanted, Written};
use super::hsm::{Caller, addressed, refused};
use super::proven;
use super::steps::Steps;
use crate::card::{Card, CardError, Journal};
use crate::failure::{Explain as _, Failure};
use crate::national::{Code, Refused};
use crate::profile::{FileName, KeyRole};
use crate::reader::Lease;
use crate::terminal::errors;
use crate::terminal::inner::Inner;

/// `iReadCard_HSM_Step1` and `_Step2`.
pub(super) fn read_card(inner: &Arc<Inner>, lease: &mut Lease, parameters: &Parameters, steps: &Arc<Steps>) -> Carried {
    let wanted = Wanted::of(inner, parameters)?;
    let mut keys = Caller::new(steps, "iReadCard_HSM").keys(inner);
    let mut card = proven::open(inner, lease, &mut keys, parameters)?;
    one(inner, card.keys_to_read(&wanted.items))?;
    let files = card.read(&wanted.items, None).map_err(|error| refused(&error))?;
    Ok(wanted.text(inner, &files)?)
}

/// `iWriteCard_HSM_Step1` and `_Step2`. The key that the files are written by is the caller's. What reads them back, and
/// the MAC, are the terminal's own keys': the string has no question for them.
pub(super) fn write_card(
    inner: &Arc<Inner>,
    lease: &mut Lease,
    parameters: &Parameters,
    steps: &Arc<Steps>,
) -> Carried {
    let addresses = files::addresses(inner, parameters)?;
    for address in &addresses {
        files::writable(address, &inner.profile)?;
    }
    let names: Vec<FileName> = addresses.iter().map(files::name).collect();
    let journal = inner.card_journal();
    let caller = Caller::new(steps, "iWriteCard_HSM");
    let theirs = OnceLock::new();
    let genuine = proven::by_own_keys(inner, lease)?.map(drop);
    let mut keys = Beside::new(inner, &caller, &theirs, genuine);
    let mut card = proven::open(inner, lease, &mut keys, parameters)?;
    let role = one(inner, card.keys_to_write(&names))?;
    theirs.get_or_init(|| role.clone());
    mend(&mut card, &journal, &names, &role)?;
    card.must_be_valid().map_err(|error| refused(&error))?;
    card.prove_to_write(&names, &mut None).map_err(|error| refused(&error))?;
    let step2 = caller.heard().ok_or(Code::NO_HSM_NEEDED)?;
    let contents = Contents::of_all(inner, &addresses, &step2)?;
    let mut written = Written::default();
    let done = written.write(&mut card, &journal, &contents);
    Ok(written.told(done.map_err(|error| refused(&error)))?)
}

/// What an earlier write left half done comes first. Where it takes the caller's key, that is asked for here already, and
/// lasts for what is to be written. There is no step to ask for it in another directory as well, nor for another key.
fn mend(card: &mut Card<'_>, journal: &Journal<'_>, names: &[FileName], theirs: &KeyRole) -> Result<(), Refused> {
    let torn = card.torn_files(journal).map_err(|error| refused(&error))?;
    let takes_theirs = card.keys_to_write(&torn).map_err(|error| refused(&error))?.contains(theirs);
    let is_elsewhere = |file: &&FileName| names.iter().all(|name| name.directory() != file.directory());
    if let Some(file) = torn.iter().find(is_elsewhere).filter(|_| takes_theirs) {
        return Err(half_written(file));
    }
    match (card.mend(journal, &mut None), torn.first()) {
        (Err(CardError::Key(_) | CardError::NoKey(_)), Some(file)) if !takes_theirs => Err(half_written(file)),
        (done, _) => done.map(drop).map_err(|error| refused(&error)),
    }
}

/// A file whose write has to be brought to its end first, with the keys that it takes.
fn half_written(file: &FileName) -> Refused {
    let failure = CardError::WriteOpen.failure();
    Refused::by(Code::UNKNOWN, &Failure { detail: Some(file.to_string()), ..failure })
}

/// The one key that the caller's module is asked for.
fn one(inner: &Inner, keys: Result<Vec<KeyRole>, CardError>) -> Result<KeyRole, Refused> {
    let mut keys = keys.map_err(|error| refused(&error))?.into_iter();
    match (keys.next(), keys.next()) {
        (Some(role), None) => addressed(inner, &role).map(|()| role),
        (None, _) => Err(Code::NO_HSM_NEEDED.into()),
        (Some(_), Some(_)) => Err(Refused::by(Code::PARAMETER, &Failure::of(&errors::DRIVER_ONE_KEY))),
    }
}
