//! Whose turn it is at the keys: a PSAM serves one card at a time, and nobody keeps it for longer than a reading may
//! take. A card that does not answer holds up its own reader only.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::inner::lock;
use crate::reader::Recall;

/// The turns, one at a time.
#[derive(Default)]
pub(super) struct Turns {
    state: Mutex<State>,
    passed: Condvar,
}

#[derive(Default)]
struct State {
    /// Numbers the turns.
    last: u64,
    now: Option<Taken>,
}

struct Taken {
    number: u64,
    until: Instant,
    /// Takes the PSAM back.
    recall: Option<Recall>,
}

/// A turn; over when dropped, and at the latest when its time is.
pub(super) struct Turn {
    turns: Arc<Turns>,
    number: u64,
}

impl Turns {
    /// Waits for a turn, and has it then, each for at most `within`. Whoever is late loses theirs, and the PSAM with it.
    /// `None` when others had theirs all that time.
    pub(super) fn take(self: &Arc<Self>, within: Duration) -> Option<Turn> {
        let end = Instant::now() + within;
        let mut state = lock(&self.state);
        while let Some(taken) = &state.now {
            let now = Instant::now();
            let left = taken.until.min(end).saturating_duration_since(now);
            if taken.until <= now {
                break;
            }
            if left.is_zero() {
                return None;
            }
            state = self.passed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.last += 1;
        let number = state.last;
        let late = state.now.replace(Taken { number, until: Instant::now() + within, recall: None });
        drop(state);
        if let Some(recall) = late.and_then(|late| late.recall) {
            tracing::warn!("a reading took too long and lost its keys");
            recall.end();
        }
        Some(Turn { turns: Arc::clone(self), number })
    }
}

impl Turn {
    /// The PSAM can be taken back by `recall`, should this turn not end in time. `false` when it is over already: then
    /// the PSAM is somebody else's.
    #[must_use]
    pub(super) fn uses(&self, recall: Option<Recall>) -> bool {
        let mut state = lock(&self.turns.state);
        let ours = state.now.as_mut().filter(|taken| taken.number == self.number);
        ours.map(|taken| taken.recall = recall).is_some()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = lock(&self.turns.state);
        if state.now.as_ref().is_some_and(|taken| taken.number == self.number) {
            state.now = None;
        }
        drop(state);
        self.turns.passed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_the_turn_until_it_is_over_or_late() {
        let turns = Arc::new(Turns::default());
        let long = Duration::from_secs(60);
        let first = turns.take(long).unwrap();
        assert!(turns.take(Duration::ZERO).is_none(), "the first has it still");
        drop(first);
        let late = turns.take(Duration::ZERO).unwrap();
        let next = turns.take(long).unwrap();
        assert!(!late.uses(None) && next.uses(None), "who was late has no PSAM any more");
        drop(late);
        assert!(turns.take(Duration::ZERO).is_none(), "who was late ends nobody else's turn");
        drop(next);
        assert!(turns.take(Duration::ZERO).is_some());
    }

    #[test]
    fn who_waits_is_woken() {
        let turns = Arc::new(Turns::default());
        let first = turns.take(Duration::from_secs(60)).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| turns.take(Duration::from_secs(60)).is_some());
            drop(first);
            assert!(waiting.join().unwrap());
        });
    }
}
