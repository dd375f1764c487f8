//! The tries a card has for the terminal's keys: how a reading makes sure that it burns no second one, by whomever.

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

/// The tries of one of a card's keys. The card has one counter for it, whoever shows it a proof: PSAM, security module and
/// a caller of the driver interface share its tries, and once one of them was refused, none of them has another.
pub(super) struct Tries<'a> {
    pub(super) pairs: Pairs<'a>,
    role: &'a KeyRole,
    /// What names the card's key.
    key: Vec<u8>,
    /// 卡识别码.
    card: [u8; 16],
}

impl<'a> Tries<'a> {
    /// The tries of the key with this role on a card. Each role has its own counter there, so that one that is refused does
    /// not keep the others from being used.
    pub(super) fn of(pairs: Pairs<'a>, role: &'a KeyRole, card: &CardIdentifier) -> Self {
        Self { pairs, role, key: key_of(role), card: *card.as_bytes() }
    }

    /// Whether `keys`, by their name, may be tried on this card at all. What cannot be known is no. A card that refused
    /// anybody the reading of its holder is shown no key: something is wrong with it, or with this terminal's keys.
    pub(super) fn may_be(&self, keys: &[u8]) -> Result<(), CardError> {
        match self.pairs {
            Pairs::Needless => Ok(()),
            Pairs::Nowhere(why) => Err(CardError::PairsUnknown(why.to_owned())),
            Pairs::Terminal(store) | Pairs::Command(store) => {
                let names = [&self.key[..], &key_of(&KeyRole::RKSSSE), &self.formerly(keys), keys];
                for name in names {
                    if store.pair_held(name, &self.card).map_err(unknown)? {
                        return Err(CardError::PairHeld);
                    }
                }
                Ok(())
            }
        }
    }

    /// Notes the try of `keys` before it is sent, so that it is known after a program was killed that waited for the answer.
    pub(super) fn begin(&self, keys: &[u8]) -> Result<(), CardError> {
        let Some(store) = self.store() else { return Ok(()) };
        store.rename_try(&self.formerly(keys), &self.key, &self.card);
        match (store.begin_try(&self.key, &self.card), self.pairs) {
            (Err(error), Pairs::Command(_)) => Err(unknown(error)),
            (Err(error), _) => {
                tracing::warn!(%error, "a try is remembered until this program ends");
                Ok(())
            }
            (Ok(()), _) => Ok(()),
        }
    }

    /// The name under which releases before kept the tries: whose keys they are, and which of them; RKSSSE's were kept before
    /// there were others. What is held by it stays so.
    fn formerly(&self, keys: &[u8]) -> Vec<u8> {
        match *self.role == KeyRole::RKSSSE {
            true => keys.to_vec(),
            false => [keys, b"/", self.role.name().as_bytes()].concat(),
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

/// What names a card's key in the store, whoever has it.
fn key_of(role: &KeyRole) -> Vec<u8> {
    [b"role/", role.name().as_bytes()].concat()
}

fn unknown(error: StoreError) -> CardError {
    CardError::PairsUnknown(error.into_what())
}
