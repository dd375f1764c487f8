//! The card of a lease, which can be taken back from outside.

use std::sync::{Arc, Mutex, PoisonError, TryLockError, Weak};

use super::{Transport, TransportError};

/// The way to the card; `None` once it was taken back. No change of it is left half done by a panic.
type Place = Mutex<Option<Box<dyn Transport>>>;

/// A card that is held.
pub(super) struct Held(Arc<Place>);

/// Takes a card back from a holder who keeps it too long, on any thread.
#[derive(Clone)]
pub struct Recall(Weak<Place>);

impl Held {
    pub(super) fn new(transport: Box<dyn Transport>) -> Self {
        Self(Arc::new(Mutex::new(Some(transport))))
    }

    pub(super) fn recall(&self) -> Recall {
        Recall(Arc::downgrade(&self.0))
    }

    /// Does something with the card, if it is still held.
    pub(super) fn with<T>(
        &self,
        action: impl FnOnce(&mut dyn Transport) -> Result<T, TransportError>,
    ) -> Result<T, TransportError> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        action(place.as_deref_mut().ok_or(TransportError::Deadline)?)
    }
}

impl Recall {
    /// Ends the lease and resets the card; the holder learns it as [`TransportError::Deadline`] at their next command.
    /// `false` while a command is under way at this very card, which nobody can take from it.
    pub fn end(&self) -> bool {
        // A lease that has ended holds nothing.
        let Some(place) = self.0.upgrade() else { return true };
        let taken = match place.try_lock() {
            Ok(mut place) => place.take(),
            Err(TryLockError::Poisoned(place)) => place.into_inner().take(),
            Err(TryLockError::WouldBlock) => return false,
        };
        // A card that cannot be reset is gone or unpowered, and its rights with it.
        if taken.is_some_and(|mut transport| transport.end().is_err()) {
            tracing::debug!("the card went before it could be taken back");
        }
        true
    }
}
