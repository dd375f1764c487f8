//! Who in this program has a reader: one lease or one question at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a reader is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// A lease: as long as its owner wants.
    Lease,
    /// A question to its card: over in a moment.
    Question,
}

/// A reader is reported as taken for so long after this program began to give it back.
const ECHO: Duration = Duration::from_millis(200);

/// The readers that are taken.
#[derive(Default)]
pub(super) struct Guards {
    taken: Mutex<Taken>,
    freed: Condvar,
}

#[derive(Default)]
struct Taken {
    now: BTreeMap<String, Use>,
    /// When each reader was last given back.
    until: BTreeMap<String, Instant>,
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
        while let Some(by) = taken.now.get(reader) {
            let left = end.saturating_duration_since(Instant::now());
            if *by == Use::Lease || left.is_zero() {
                return None;
            }
            taken = self.freed.wait_timeout(taken, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        taken.now.insert(reader.to_owned(), what);
        Some(Guard { guards: Arc::clone(self), reader: reader.to_owned() })
    }

    /// Whether this program has the reader, or may still have had it when it was seen at `seen`.
    pub(super) fn ours(&self, reader: &str, seen: Instant) -> bool {
        let taken = self.lock();
        taken.now.contains_key(reader) || taken.until.get(reader).is_some_and(|end| seen < *end + ECHO)
    }

    /// The maps are whole at every moment, also after a panic elsewhere.
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut taken = self.guards.lock();
        taken.now.remove(&self.reader);
        taken.until.insert(std::mem::take(&mut self.reader), Instant::now());
        drop(taken);
        self.guards.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
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
        let now = Instant::now();
        assert!(guards.ours("R", now), "what was just given back may still be reported as taken");
        assert!(!guards.ours("R", now + ECHO), "but not for long");
        assert!(!guards.ours("T", now));
    }

    #[test]
    fn a_question_that_does_not_end_is_given_up() {
        let guards = Arc::new(Guards::default());
        let _question = guards.take("R", Use::Question, Instant::now()).unwrap();
        assert!(guards.take("R", Use::Lease, Instant::now() + Duration::from_millis(1)).is_none());
    }
}
