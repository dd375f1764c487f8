//! The keys in their turn. While a person is asked the turn is given up, and a PSAM with it: whoever types may take as long
//! as they like, and no other reader waits for them. What comes after waits for a turn of its own.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::turn::{Turn, Turns};
use crate::keys::{
    CardKeyId, Checked, KeyError, KeyProvider, KeyService, KeySource, Load, ProcessKey, Purchase, Purchased,
    RandomSource,
};
use crate::reader::{Recall, TransportError};
use crate::wire::hsm::Randoms;

/// Keys that are held for a turn at a time.
pub(super) struct KeysInTurn<'a> {
    provider: &'a KeyProvider,
    turns: &'a Arc<Turns>,
    within: Duration,
    resting: &'a (dyn Fn() + Sync),
    held: Option<Held>,
    /// What is known of those that were held before, for as long as none are.
    before: Known,
}

/// Given back in this order.
struct Held {
    keys: Box<dyn KeyService>,
    _turn: Turn,
}

#[derive(Clone, Copy)]
struct Known {
    source: KeySource,
    randoms: RandomSource,
    far: bool,
    commands: u32,
}

impl Held {
    fn open(provider: &KeyProvider, turn: Turn, within: Duration) -> Result<Self, KeyError> {
        let keys = provider.open(within)?;
        if turn.uses(keys.recall()) { Ok(Self { keys, _turn: turn }) } else { Err(TransportError::Deadline.into()) }
    }

    fn known(&self) -> Known {
        let keys = &self.keys;
        Known { source: keys.source(), randoms: keys.randoms(), far: keys.far(), commands: keys.commands() }
    }
}

impl<'a> KeysInTurn<'a> {
    /// Opens the keys of `provider` in a turn, and in each that follows for at most `within`. `resting` is called when a
    /// person is about to be asked.
    pub(super) fn open(
        provider: &'a KeyProvider,
        turns: &'a Arc<Turns>,
        turn: Turn,
        within: Duration,
        resting: &'a (dyn Fn() + Sync),
    ) -> Result<Self, KeyError> {
        let held = Held::open(provider, turn, within)?;
        let before = Known { commands: 0, ..held.known() };
        Ok(Self { provider, turns, within, resting, held: Some(held), before })
    }

    /// The keys, for which another turn is waited where they were given up.
    fn keys(&mut self) -> Result<&mut dyn KeyService, KeyError> {
        let held = match self.held.take() {
            Some(held) => held,
            None => {
                let turn = self.turns.take(self.within).ok_or(TransportError::Deadline)?;
                Held::open(self.provider, turn, self.within)?
            }
        };
        Ok(&mut *self.held.insert(held).keys)
    }

    fn known(&self) -> Known {
        let now = self.held.as_ref().map(Held::known);
        now.map_or(self.before, |now| Known { commands: self.before.commands + now.commands, ..now })
    }
}

impl KeyService for KeysInTurn<'_> {
    fn source(&self) -> KeySource {
        self.known().source
    }

    fn prove(&mut self, key: ProcessKey<'_>, original: [u8; 8]) -> Result<[u8; 8], KeyError> {
        self.keys()?.prove(key, original)
    }

    fn mac(&mut self, key: ProcessKey<'_>, message: &[u8]) -> Result<[u8; 4], KeyError> {
        self.keys()?.mac(key, message)
    }

    fn encipher(&mut self, key: ProcessKey<'_>, blocks: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.keys()?.encipher(key, blocks)
    }

    fn purchase(&mut self, card: &CardKeyId, purchase: &Purchase<'_>) -> Result<Purchased, KeyError> {
        self.keys()?.purchase(card, purchase)
    }

    fn confirm_purchase(&mut self, mac2: [u8; 4]) -> Result<Checked, KeyError> {
        self.keys()?.confirm_purchase(mac2)
    }

    fn load(&mut self, card: &CardKeyId, load: &Load<'_>) -> Result<[u8; 4], KeyError> {
        self.keys()?.load(card, load)
    }

    fn identity(&mut self, card: &CardKeyId) -> Result<Vec<u8>, KeyError> {
        self.keys()?.identity(card)
    }

    fn terminal_number(&mut self) -> Result<Option<[u8; 6]>, KeyError> {
        self.keys()?.terminal_number()
    }

    fn commands(&self) -> u32 {
        self.known().commands
    }

    fn recall(&self) -> Option<Recall> {
        self.held.as_ref().and_then(|held| held.keys.recall())
    }

    fn rest(&mut self) {
        self.before = self.known();
        self.held = None;
        (self.resting)();
    }

    fn randoms(&self) -> RandomSource {
        self.known().randoms
    }

    fn far(&self) -> bool {
        self.known().far
    }

    /// Where the keys are not to be had, what is asked of them next says so.
    fn announce(&mut self, card: &CardKeyId, internal: &Randoms, external: &Randoms) {
        if let Ok(keys) = self.keys() {
            keys.announce(card, internal, external);
        }
    }
}
