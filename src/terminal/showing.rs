//! What a counter was shown of what was settled online. It is noted in the journal once a door has given the case out, and
//! never before: who dies in between tells it once more, and the other way round nobody would ever hear of it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use uuid::Uuid;

use super::case::Case;
use super::conditions::Condition;
use super::inner::{Inner, lock};
use super::view::{CaseState, CaseView};
use crate::failure::{Explain as _, Failure};
use crate::queue::{QueueError, Row};

/// What was given out and is to be noted.
#[derive(Default)]
pub(super) struct Showing {
    given_out: Mutex<BTreeSet<Uuid>>,
    /// Held over the writes: who wants all of it noted finds it so.
    noting: Mutex<()>,
}

impl Showing {
    /// What was given out and is not noted yet.
    pub(super) fn given_out(&self) -> BTreeSet<Uuid> {
        lock(&self.given_out).clone()
    }
}

impl Inner {
    /// A case as it stands, for a door.
    pub(super) fn give_out(self: &Arc<Self>, case: &mut Case) -> CaseView {
        if let Some(transaction) = case.untold.take() {
            lock(&self.showing.given_out).insert(transaction);
            let inner = Arc::clone(self);
            // Where it fails it stays to be noted: whoever needs it noted tries again.
            self.parts.runtime.spawn_blocking(move || inner.note_shown());
        }
        case.view.clone()
    }

    /// Notes all that was given out. Blocks on the disk.
    ///
    /// # Errors
    /// When the journal does not take it: what was shown seems untold then.
    pub(super) fn note_shown(&self) -> Result<(), Failure> {
        let _one = lock(&self.showing.noting);
        // Let go at once: doors give out while the disk writes.
        let first = || lock(&self.showing.given_out).first().copied();
        while let Some(transaction) = first() {
            match self.queue.shown(transaction) {
                // It was taken back meanwhile, or is not there any more.
                Ok(_) | Err(QueueError::Move { .. } | QueueError::NotFound) => {}
                Err(error) => {
                    if error.is_storage() {
                        self.set(Condition::Storage, true);
                    }
                    tracing::error!(%transaction, %error, "that a settlement was shown is not noted");
                    return Err(error.failure());
                }
            }
            lock(&self.showing.given_out).remove(&transaction);
        }
        Ok(())
    }
}

/// A transaction as a case in this state shows it: one that says that it was settled tells just that.
pub(super) fn as_shown(row: &Row, state: CaseState) -> Row {
    let mut row = row.clone();
    if state == CaseState::Done {
        row.differs.retain(|name| name != Row::OUTCOME);
    }
    row
}
