//! What a counter was shown of what was settled. It is noted in the journal once a door has given the case out, and never
//! before: who dies in between tells it once more, and the other way round nobody would ever hear of it. Where it is
//! to be told by a notice instead, the case says so from then on, and nobody collects by it.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use super::case::{Case, Cases, Untold};
use super::conditions::Condition;
use super::errors;
use super::inner::{Inner, lock};
use super::view::{CaseState, CaseView};
use crate::failure::{Explain as _, Failure};
use crate::queue::{QueueError, Row};

/// How long after its end a case is about to be asked how it ended. A clock that was set back since is as far from the end
/// as one that was set ahead: it keeps no shift open.
const ASKED: SignedDuration = SignedDuration::from_mins(1);

/// What was given out and is to be noted.
#[derive(Default)]
pub(super) struct Showing {
    given_out: Mutex<BTreeSet<Uuid>>,
    /// One more was; waited for with the cases held.
    asked: Condvar,
    /// Held over the writes: who wants all of it noted finds it so.
    noting: Mutex<()>,
}

impl Showing {
    /// What was given out and is not noted yet.
    pub(super) fn given_out(&self) -> BTreeSet<Uuid> {
        lock(&self.given_out).clone()
    }
}

impl Case {
    /// What it is about to tell, where somebody is about to ask.
    pub(super) fn is_about_to_tell(&self, now: Timestamp) -> Option<Uuid> {
        let untold = self.untold.filter(|one| now.duration_since(one.ended_at).abs() < ASKED);
        untold.map(|one| one.transaction)
    }

    /// It tells nobody any more that its transaction was settled: a notice does.
    pub(super) fn leave_to_notice(&mut self, now: Timestamp) {
        if self.untold.take().is_none() {
            return;
        }
        self.view.failure = Some(Failure::of(&errors::LEFT_TO_NOTICE));
        (self.view.slip, self.paper) = (None, None);
        let shown = self.view.transaction.as_mut().and_then(|row| row.get_mut("differs")).and_then(Value::as_array_mut);
        if let Some(differs) = shown {
            differs.push(Row::OUTCOME.into());
        }
        self.view.updated_at = now;
        self.tell.send_replace(self.view.clone());
    }
}

impl Inner {
    /// The cases of a kind tell nobody any more what was settled: their holders' notices do. What was given out by now is
    /// noted when this returns. Blocks on the disk.
    ///
    /// # Errors
    /// As [`Inner::note_shown`].
    pub(super) fn leave_to_notices(&self, which: impl Fn(&Case) -> bool) -> Result<(), Failure> {
        let now = self.parts.clock.now();
        self.cases().all_mut().filter(|case| which(case)).for_each(|case| case.leave_to_notice(now));
        self.note_shown()
    }

    /// A case as it stands, for a door.
    pub(super) fn give_out(self: &Arc<Self>, case: &mut Case) -> CaseView {
        if let Some(Untold { transaction, .. }) = case.untold.take() {
            lock(&self.showing.given_out).insert(transaction);
            self.showing.asked.notify_all();
            let inner = Arc::clone(self);
            // Where it fails it stays to be noted: whoever needs it noted tries again.
            self.parts.runtime.spawn_blocking(move || inner.note_shown());
        }
        case.view.clone()
    }

    /// Blocks until nobody is about to ask any more how a case ended, or until the time is over.
    pub(super) fn wait_until_asked(&self, within: Duration) {
        let awaited = |cases: &mut Cases| {
            let now = self.parts.clock.now();
            cases.all().any(|case| case.is_about_to_tell(now).is_some())
        };
        drop(self.showing.asked.wait_timeout_while(self.cases(), within, awaited));
    }

    /// Notes all that was given out. Blocks on the disk.
    ///
    /// # Errors
    /// When the storage does not take it: what was shown seems untold then.
    pub(super) fn note_shown(&self) -> Result<(), Failure> {
        let _one = lock(&self.showing.noting);
        // Let go at once: doors give out while the disk writes.
        let first = || lock(&self.showing.given_out).first().copied();
        while let Some(transaction) = first() {
            match self.queue.shown(transaction) {
                // It was taken back meanwhile, or is not there any more.
                Ok(_) | Err(QueueError::Move { .. } | QueueError::NotFound) => {}
                // The journal has told of it. It keeps nobody else's from being noted.
                Err(error @ QueueError::Damaged { record: 1.., .. }) => {
                    tracing::error!(%transaction, %error, "that a settlement was shown cannot be noted");
                }
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

/// Whether a case that came to this says that its transaction was settled.
pub(super) fn tells_of_it(state: CaseState) -> bool {
    matches!(state, CaseState::Done | CaseState::ProvisionalDone)
}

/// A transaction as a case shows it: one that says that it was settled tells just that.
pub(super) fn as_shown(row: &Row, state: CaseState, failure: Option<&Failure>) -> Row {
    let mut row = row.clone();
    if tells_of_it(state) && failure.is_none() {
        row.differs.retain(|name| name != Row::OUTCOME);
    }
    row
}
