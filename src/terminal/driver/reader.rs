//! Which reader is meant by `iType`.

use std::sync::{Arc, Mutex};

use crate::failure::{Explain as _, Failure};
use crate::national::{Code, Kind, Refused};
use crate::reader::{Interface, PadAbilities, Role, TransportError};
use crate::terminal::conditions::Condition;
use crate::terminal::errors;
use crate::terminal::inner::{Inner, lock};
use crate::terminal::reading::InUse;
use crate::terminal::turn::Turn;

/// A reader that is taken, with the card in it reached the way that was asked for.
pub(super) struct Taken {
    pub(super) name: String,
    interface: Interface,
    /// What its PIN pad can do, as far as the configuration lets it be used.
    pub(super) pad: PadAbilities,
    /// Others are kept away until this is dropped.
    _in_use: InUse,
    /// This call's turn, which other calls wait for.
    turn: Mutex<Option<Turn>>,
}

impl Taken {
    /// Takes the turn from this call: once it is dropped other calls go on, and find this reader in use.
    pub(super) fn take_turn(&self) -> Option<Turn> {
        lock(&self.turn).take()
    }
}

/// Takes the holder's reader that is meant: the one whose card is reached that way.
pub(super) fn take(inner: &Arc<Inner>, kind: Kind) -> Result<Taken, Refused> {
    // First, so that nobody is refused for a call of another program that is over in a moment.
    let turn = inner.driver_turns.take(inner.parts.config.cases.reading);
    let turn = turn.ok_or_else(|| Refused::by(Code::CONNECTION, &Failure::of(&errors::BUSY)))?;
    let taken = fitting(inner, kind)?;
    *lock(&taken.turn) = Some(turn);
    Ok(taken)
}

fn fitting(inner: &Arc<Inner>, kind: Kind) -> Result<Taken, Refused> {
    for (condition, code) in
        [(Condition::CardServiceAway, Code::NOT_CONNECTED), (Condition::Draining, Code::NOT_CONNECTED)]
    {
        if inner.conditions().contains(&condition) {
            return Err(Refused::by(code, &inner.why(condition)));
        }
    }
    let readers = inner.parts.readers.list();
    let mut holders = readers.iter().filter(|reader| reader.role == Some(Role::Holder)).peekable();
    if holders.peek().is_none() {
        let none = TransportError::NoReader(String::new());
        return Err(Refused::by(Code::CONNECTION, &Failure::of(none.entry())));
    }
    let (mut there, mut refused) = (Vec::new(), None);
    for reader in holders.filter(|reader| reader.card) {
        match reached(inner, &reader.name) {
            Ok(taken) => there.push(taken),
            Err(error) => refused = Some(error),
        }
    }
    for interface in kind.interfaces() {
        let (mut fits, others): (Vec<Taken>, Vec<Taken>) =
            there.into_iter().partition(|taken| taken.interface == *interface);
        match (fits.pop(), fits.is_empty()) {
            (Some(taken), true) => return Ok(taken),
            (Some(_), false) => return Err(Refused::by(Code::CONNECTION, &Failure::of(&errors::WHICH_READER))),
            (None, _) => there = others,
        }
    }
    // What could not be looked at may have been the one.
    Err(refused.unwrap_or_else(|| Refused::by(Code::NO_CARD, &Failure::of(&errors::NO_CARD))))
}

/// Takes one reader, and looks how the card in it is reached.
fn reached(inner: &Arc<Inner>, reader: &str) -> Result<Taken, Refused> {
    let in_use = inner.take_reader(reader).map_err(|failure| Refused::by(Code::CONNECTION, &failure))?;
    let lease = inner.parts.readers.lease(reader, inner.parts.config.cases.reading);
    let lease = lease.map_err(|error| Refused::from(&error))?;
    let pad = lease.pad().map_err(|error| Refused::from(&error))?;
    Ok(Taken { name: reader.to_owned(), interface: lease.interface(), pad, _in_use: in_use, turn: Mutex::default() })
}
