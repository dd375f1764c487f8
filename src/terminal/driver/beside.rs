//! One key of the caller's HSM, or its keys of the account, and the terminal's own for all that its strings have no question
//! for.

use std::sync::{Arc, OnceLock};

use zeroize::Zeroizing;

use super::hsm::Caller;
use crate::card::CardError;
use crate::keys::{
    CardKeyId, Checked, Hsm, KeyError, KeyProvider, KeyService, KeySource, Load, ProcessKey, Purchase, Purchased,
    RandomSource,
};
use crate::profile::KeyRole;
use crate::reader::TransportError;
use crate::terminal::inner::Inner;
use crate::terminal::reading::Unread;

/// Both. The terminal's own are opened for each use: nobody waits for them while the caller asks its HSM.
pub(super) struct Beside<'a> {
    inner: &'a Arc<Inner>,
    caller: Arc<Caller>,
    callers: Hsm,
    /// Which key is the caller's, once it is known, beside those of the account.
    theirs: &'a OnceLock<KeyRole>,
    /// Whether the card proved itself to the terminal's own keys, or why it could not.
    genuine: Result<(), KeyError>,
    /// 终端机编号, where it is wanted.
    terminal: Option<[u8; 6]>,
    /// What names the terminal's own, where they proved something last.
    proved: Option<Vec<u8>>,
}

impl<'a> Beside<'a> {
    /// With no own key, where the card did not prove itself to these: `genuine` says why not.
    pub(super) fn new(
        inner: &'a Arc<Inner>,
        caller: &Arc<Caller>,
        theirs: &'a OnceLock<KeyRole>,
        genuine: Result<(), KeyError>,
    ) -> Self {
        let callers = caller.keys(inner);
        Self { inner, caller: Arc::clone(caller), callers, theirs, genuine, terminal: None, proved: None }
    }

    /// For a purchase at the terminal of this number: that is all that the terminal's own keys could be asked for.
    pub(super) fn at_terminal(
        inner: &'a Arc<Inner>,
        caller: &Arc<Caller>,
        none: &'a OnceLock<KeyRole>,
        number: [u8; 6],
    ) -> Self {
        let other = KeyError::NotOffered { by: KeySource::Hsm, what: "another key than the purchase's" };
        Self { terminal: Some(number), ..Self::new(inner, caller, none, Err(other)) }
    }

    /// An own key for the card: one that only the caller's module calls genuine is shown none.
    fn for_card<T>(&self, work: impl FnOnce(&mut dyn KeyService) -> Result<T, KeyError>) -> Result<T, KeyError> {
        self.genuine.clone()?;
        self.own(work)
    }

    fn own<T>(&self, work: impl FnOnce(&mut dyn KeyService) -> Result<T, KeyError>) -> Result<T, KeyError> {
        self.inner.at_keys(|keys| Ok(work(keys)?)).map_err(|unread| match unread {
            Unread::KeysBusy => KeyError::Transport(TransportError::Busy(None)),
            Unread::Card(CardError::Key(error)) => error,
            Unread::Card(CardError::Transport(error)) => KeyError::Transport(error),
            // Nothing is done with a card.
            Unread::Card(other) => KeyError::Script(other.to_string()),
        })
    }
}

impl KeyService for Beside<'_> {
    fn source(&self) -> KeySource {
        KeySource::Hsm
    }

    fn prove(&mut self, key: ProcessKey<'_>, original: [u8; 8]) -> Result<[u8; 8], KeyError> {
        if self.theirs.get() == Some(key.role) {
            return self.callers.prove(key, original);
        }
        let (proof, identity) = self.for_card(|keys| Ok((keys.prove(key, original)?, keys.identity(key.card)?)))?;
        self.proved = Some(identity);
        Ok(proof)
    }

    fn mac(&mut self, key: ProcessKey<'_>, message: &[u8]) -> Result<[u8; 4], KeyError> {
        self.for_card(|keys| keys.mac(key, message))
    }

    fn encipher(&mut self, key: ProcessKey<'_>, blocks: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.for_card(|keys| keys.encipher(key, blocks))
    }

    fn purchase(&mut self, card: &CardKeyId, purchase: &Purchase<'_>) -> Result<Purchased, KeyError> {
        self.callers.purchase(card, purchase)
    }

    fn confirm_purchase(&mut self, mac2: [u8; 4]) -> Result<Checked, KeyError> {
        self.callers.confirm_purchase(mac2)
    }

    fn load(&mut self, card: &CardKeyId, load: &Load<'_>) -> Result<[u8; 4], KeyError> {
        self.callers.load(card, load)
    }

    /// After a proof whose it is; before one the caller's.
    fn identity(&mut self, card: &CardKeyId) -> Result<Vec<u8>, KeyError> {
        match self.proved.take() {
            Some(own) => Ok(own),
            None => self.callers.identity(card),
        }
    }

    fn terminal_number(&mut self) -> Result<Option<[u8; 6]>, KeyError> {
        Ok(self.terminal)
    }

    fn commands(&self) -> u32 {
        0
    }

    fn rest(&mut self) {
        self.caller.rest();
    }

    fn randoms(&self) -> RandomSource {
        match &self.inner.keys {
            KeyProvider::Hsm(own) | KeyProvider::PsamThenHsm(_, own) => own.settings.randoms,
            KeyProvider::Psam(_) | KeyProvider::Soft { .. } => RandomSource::Terminal,
        }
    }
}
