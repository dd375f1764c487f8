//! One key of the caller's HSM, and the terminal's own keys for all that its strings have no question for.

use std::sync::{Arc, OnceLock};

use zeroize::Zeroizing;

use crate::card::CardError;
use crate::keys::{CardKeyId, Hsm, KeyError, KeyService, KeySource, ProcessKey};
use crate::profile::KeyRole;
use crate::reader::TransportError;
use crate::terminal::inner::Inner;
use crate::terminal::reading::Unread;

/// Both. The terminal's own are opened for each use: nobody waits for them while the caller asks its HSM.
pub(super) struct Beside<'a> {
    inner: &'a Arc<Inner>,
    callers: Hsm,
    /// Which key is the caller's, once it is known.
    theirs: &'a OnceLock<KeyRole>,
    /// What names the terminal's own, where they proved something last.
    proved: Option<Vec<u8>>,
}

impl<'a> Beside<'a> {
    pub(super) fn new(inner: &'a Arc<Inner>, callers: Hsm, theirs: &'a OnceLock<KeyRole>) -> Self {
        Self { inner, callers, theirs, proved: None }
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
        let (proof, identity) = self.own(|keys| Ok((keys.prove(key, original)?, keys.identity(key.card)?)))?;
        self.proved = Some(identity);
        Ok(proof)
    }

    fn mac(&mut self, key: ProcessKey<'_>, message: &[u8]) -> Result<[u8; 4], KeyError> {
        self.own(|keys| keys.mac(key, message))
    }

    fn encipher(&mut self, key: ProcessKey<'_>, blocks: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.own(|keys| keys.encipher(key, blocks))
    }

    /// After a proof whose it is; before one the caller's.
    fn identity(&mut self, card: &CardKeyId) -> Result<Vec<u8>, KeyError> {
        match self.proved.take() {
            Some(own) => Ok(own),
            None => self.callers.identity(card),
        }
    }

    fn terminal_number(&mut self) -> Result<Option<[u8; 6]>, KeyError> {
        Ok(None)
    }

    fn commands(&self) -> u32 {
        0
    }
}
