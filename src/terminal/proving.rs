//! The holder proves with their PIN that the card is in their hands, before what moves money or prints their records is
//! committed. A wrong PIN costs a try and leaves the case where it was; nothing is committed without a right one.

use std::sync::Arc;

use uuid::Uuid;

use super::driver::Asked;
use super::errors;
use super::holder_card::{Secret, is_typed_at};
use super::inner::Inner;
use super::reading::Unread;
use super::view::CaseState;
use crate::card::{CardError, HolderPin, Pin};
use crate::failure::Failure;
use crate::reader::{PinEntry, PinLength};

impl Inner {
    /// Starts the work of a case that has gone to `Proving`.
    pub(super) fn begin_proving(self: &Arc<Self>, id: Uuid, typed: Option<Secret>) {
        let Some(at) = self.cases().get(id).map(|case| case.step) else { return };
        self.work(id, at, "case prove", move |inner| inner.prove(id, at, typed));
    }

    fn prove(self: &Arc<Self>, id: Uuid, at: u64, typed: Option<Secret>) {
        let taken = self.cases().get(id).and_then(|case| Some((case.view.reader.clone()?, case.who.clone()?)));
        // A case that has read its card has both.
        let Some((reader, who)) = taken else { return self.defect(id, at) };
        let proven = self.take_claimed(&reader).map_err(Unproven::from).and_then(|_in_use| {
            let verified = self.at_card(&reader, |lease, keys| {
                let mut card = self.open_card(lease, keys, &mut |_| {})?;
                // The one that the case has read, and no other: another holder's would lose a try.
                if *card.identifier().reveal() != who.person.card_sn {
                    return Err(CardError::Swapped);
                }
                let pin = match is_typed_at(card.pad()?, Asked::Pin) {
                    true => HolderPin::AtPad(PinEntry::of(PinLength::SIX, self.parts.config.readers.pin)),
                    false => Pin::parse(&typed.ok_or(CardError::PinNeeded)?.0)?.into(),
                };
                card.verify(pin)
            });
            Ok(verified?)
        });
        self.proved(id, at, proven);
    }

    /// On to the commit, or to the end that was not told before; or back to whoever types, where that can be put right.
    fn proved(self: &Arc<Self>, id: Uuid, at: u64, proven: Result<(), Unproven>) {
        self.heed();
        let moved = {
            let mut cases = self.cases();
            let Some(case) = cases.get(id) else { return };
            let pulled = || Unproven::from(Failure::of(&errors::CARD_REMOVED));
            let proven = if cases.card_stayed(case) { proven } else { Err(pulled()) };
            let is_proven = proven.is_ok();
            let (to, failure) = match (proven, case.held_back.as_ref().and_then(|held| held.end.clone())) {
                (Ok(()), None) => (CaseState::Committing, None),
                (Ok(()), Some((to, failure))) => (to, Some(failure)),
                (Err(Unproven { again: true, failure }), _) => (CaseState::WaitingConfirmation, Some(failure)),
                (Err(Unproven { failure, .. }), _) => (CaseState::Failed, Some(failure)),
            };
            self.advance_in(&mut cases, id, Some(at), to, |case| {
                if let Some(held) = case.held_back.as_mut().filter(|_| is_proven) {
                    case.view.decision = held.decision.take();
                }
                case.view.failure = failure;
            })
        };
        match moved {
            Ok(view) if view.state == CaseState::Committing => self.begin_committing(id),
            // Its reader is free.
            Ok(view) if view.state.is_final() => self.match_readers(),
            _ => {}
        }
    }
}

/// Why the holder has not proved themselves, and whether they may try again.
struct Unproven {
    failure: Failure,
    again: bool,
}

impl From<Failure> for Unproven {
    fn from(failure: Failure) -> Self {
        Self { failure, again: false }
    }
}

impl From<Unread> for Unproven {
    /// A PIN that was wrong, had not the form of one, or was not typed, may be typed again.
    fn from(unread: Unread) -> Self {
        use CardError::{PinForm, PinNeeded, PinWrong};
        let again = matches!(unread, Unread::Card(PinWrong { .. } | PinNeeded | PinForm(_)));
        Self { failure: unread.failure(), again }
    }
}
