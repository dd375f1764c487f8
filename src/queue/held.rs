//! Online transactions that somebody in this process has in hand. What is open and in nobody's hand was left by an
//! earlier process, or by a caller that failed half-way: the delivery brings it to its end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::wire::Digest;

/// Who holds what, by the keyed hash of what it is known by.
#[derive(Clone, Default)]
pub(super) struct Holding(Arc<Shared>);

#[derive(Default)]
struct Shared {
    keys: Mutex<BTreeSet<[u8; 32]>>,
    look_again: Notify,
}

impl Holding {
    pub(super) fn hold(&self, key: Digest) -> Option<Held> {
        self.keys().insert(key.0).then(|| Held { holding: self.clone(), key })
    }

    pub(super) fn is_held(&self, key: Digest) -> bool {
        self.keys().contains(&key.0)
    }

    /// Waits until something that was passed over may be delivered after all.
    pub(super) async fn look_again(&self) {
        self.0.look_again.notified().await;
    }

    /// Something may be.
    pub(super) fn tell(&self) {
        self.0.look_again.notify_one();
    }

    fn keys(&self) -> MutexGuard<'_, BTreeSet<[u8; 32]>> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A transaction in hand; let go on drop.
pub(crate) struct Held {
    holding: Holding,
    key: Digest,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.holding.keys().remove(&self.key.0);
        self.holding.tell();
    }
}
