//! Who in this program has a reader: one lease or one question at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What a reader is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// A lease: as long as its owner wants.
    Lease,
    /// A question to its card: over in a moment.
    Question,
}

/// The readers that are taken.
#[derive(Default)]
pub(super) struct Guards {
    taken: Mutex<BTreeMap<String, Use>>,
    freed: Condvar,
}

/// A reader taken; freed on drop.
pub(super) struct Guard {
    guards: Arc<Guards>,
    reader: String,
}

impl Guards {
    /// Takes `reader`, and waits until `end` for a question that is under way. `None` when somebody has it.
    pub(super) fn take(self: &Arc<Self>, reader: &str, what: Use, end: Instant) -> Option<Guard> {
        let mut taken = self.lock();
        while let Some(by) = taken.get(reader) {
            let left = end.saturating_duration_since(Instant::now());
            if *by == Use::Lease || left.is_zero() {
                return None;
            }
            taken = self.freed.wait_timeout(taken, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        taken.insert(reader.to_owned(), what);
        Some(Guard { guards: Arc::clone(self), reader: reader.to_owned() })
    }

    /// Whether this program has the reader.
    pub(super) fn has(&self, reader: &str) -> bool {
        self.lock().contains_key(reader)
    }

    /// The map is whole at every moment, also after a panic elsewhere.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Use>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.guards.lock().remove(&self.reader);
        self.guards.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_lease_refuses_and_a_question_is_waited_for() {
        let guards = Arc::new(Guards::default());
        let far = || Instant::now() + Duration::from_secs(60);
        let lease = guards.take("R", Use::Lease, far()).unwrap();
        assert!(guards.take("R", Use::Lease, far()).is_none(), "at once, not after a minute");
        assert!(guards.take("S", Use::Lease, far()).is_some(), "another reader is free");
        drop(lease);
        let question = guards.take("R", Use::Question, far()).unwrap();
        let waiting = std::thread::spawn({
            let guards = Arc::clone(&guards);
            move || guards.take("R", Use::Lease, far()).is_some()
        });
        drop(question);
        assert!(waiting.join().unwrap());
        assert!(!guards.has("R"));
    }

    #[test]
    fn a_question_that_does_not_end_is_given_up() {
        let guards = Arc::new(Guards::default());
        let _question = guards.take("R", Use::Question, Instant::now()).unwrap();
        assert!(guards.take("R", Use::Lease, Instant::now() + Duration::from_millis(1)).is_none());
    }
}
