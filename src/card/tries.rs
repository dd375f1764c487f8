//! The tries a card has for the terminal's keys: how a reading makes sure that it burns no second one.

use super::CardError;
use crate::profile::KeyRole;
use crate::store::{Store, StoreError};
use crate::value::CardIdentifier;

/// Where it is kept which cards refused these keys.
#[derive(Clone, Copy)]
pub enum Pairs<'a> {
    /// In a store, by a terminal that runs on: what cannot be written, as on a full disk, it remembers itself.
    Terminal(&'a Store),
    /// In a store, by a command that ends and forgets: what cannot be written is not tried.
    Command(&'a Store),
    /// Nowhere, for this reason: a card that asks for the terminal's proof is not given one, since nobody would know the
    /// next time that it was refused.
    Nowhere(&'a str),
    /// It need not be kept: a recording or a virtual card answers, which has no tries to lose.
    Needless,
}

/// One pair of keys and card.
pub(super) struct Tries<'a> {
    pub(super) pairs: Pairs<'a>,
    /// What names the key: what names the keys, and which of them.
    key: Vec<u8>,
    /// What names the keys as a whole: a card that refused them the reading of its holder has others.
    keys: Vec<u8>,
    /// 卡识别码.
    card: [u8; 16],
}

impl<'a> Tries<'a> {
    /// The tries of one key of `keys` on a card. Each has its own counter there, so that one that is refused does not
    /// keep the others from being used.
    pub(super) fn of(pairs: Pairs<'a>, keys: Vec<u8>, role: &KeyRole, card: &CardIdentifier) -> Self {
        // RKSSSE's pairs were kept before there were others.
        let key = match *role == KeyRole::RKSSSE {
            true => keys.clone(),
            false => [keys.as_slice(), b"/", role.name().as_bytes()].concat(),
        };
        Self { pairs, key, keys, card: *card.as_bytes() }
    }

    /// Whether they are the tries of these keys.
    pub(super) fn are_of(&self, keys: &[u8]) -> bool {
        self.keys == keys
    }

    /// Whether these keys may be tried on this card at all. What cannot be known is no.
    pub(super) fn may_be(&self) -> Result<(), CardError> {
        match self.pairs {
            Pairs::Needless => Ok(()),
            Pairs::Nowhere(why) => Err(CardError::PairsUnknown(why.to_owned())),
            Pairs::Terminal(store) | Pairs::Command(store) => {
                for name in [&self.key, &self.keys] {
                    if store.pair_held(name, &self.card).map_err(unknown)? {
                        return Err(CardError::PairHeld);
                    }
                }
                Ok(())
            }
        }
    }

    /// Notes the try before it is sent, so that it is known after a program was killed that waited for the answer.
    pub(super) fn begin(&self) -> Result<(), CardError> {
        let Some(store) = self.store() else { return Ok(()) };
        match (store.begin_try(&self.key, &self.card), self.pairs) {
            (Err(error), Pairs::Command(_)) => Err(unknown(error)),
            (Err(error), _) => {
                tracing::warn!(%error, "a try is remembered until this program ends");
                Ok(())
            }
            (Ok(()), _) => Ok(()),
        }
    }

    /// The card said yes, or its key is locked: there is nothing to lose by another try.
    pub(super) fn end(&self) {
        if let Some(store) = self.store() {
            store.end_try(&self.key, &self.card);
        }
    }

    /// The card said no.
    pub(super) fn hold(&self) {
        if let Some(store) = self.store() {
            store.hold_pair(&self.key, &self.card);
        }
    }

    fn store(&self) -> Option<&Store> {
        match self.pairs {
            Pairs::Terminal(store) | Pairs::Command(store) => Some(store),
            Pairs::Nowhere(_) | Pairs::Needless => None,
        }
    }
}

fn unknown(error: StoreError) -> CardError {
    CardError::PairsUnknown(error.into_what())
}
