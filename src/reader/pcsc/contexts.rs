//! PC/SC contexts that outlive a lease.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pcsc::Context;

use super::connection::Connection;
use crate::reader::{Manner, TransportError};

/// A context for each reader, kept from lease to lease: making one and giving it back costs more than an exchange with
/// a card. A reader has one lease at a time, so no two threads use a context at once.
#[derive(Default)]
pub(super) struct Contexts(Mutex<BTreeMap<String, Context>>);

impl Contexts {
    /// Connects to the card in `reader`, see [`Connection::open`].
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub(super) fn open(&self, reader: &str, manner: Manner, patience: Duration) -> Result<Connection, TransportError> {
        let kept = self.all().get(reader).cloned();
        if let Some(context) = kept {
            match Connection::open_in(context, reader, manner, patience) {
                // The service that made it has gone; the one that may have come since does not know it.
                Err(TransportError::ServiceAway | TransportError::Other(_)) => self.all().remove(reader),
                outcome => return outcome,
            };
        }
        let connection = Connection::open(reader, manner, patience)?;
        self.all().insert(reader.to_owned(), connection.context());
        Ok(connection)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Context>> {
        // Whoever panicked with it left a map that is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
