//! What the centre does wrong on purpose.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// What a centre does wrong on purpose. Each number counts down by one request. A probe, which carries nothing, always
/// goes through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Only requests of this name: `transactions`, `headers`, or a 交易编号 such as `2207`.
    pub only: Option<String>,
    /// Answer each request so many milliseconds late.
    pub delay_ms: u64,
    /// Carry out so many requests and then close the connection without an answer.
    pub drop_answer: u32,
    /// Answer so many requests with 500 and do nothing.
    pub fail: u32,
    /// Refuse so many transactions.
    pub refuse: u32,
    /// Carry out so many requests twice, and answer the second time only: as if the first had come again.
    pub duplicate: u32,
    /// Hold so many requests back until another one was carried out, or a second went by.
    pub reorder: u32,
}

/// What one request meets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Strike {
    pub(super) delay: Duration,
    pub(super) fail: bool,
    pub(super) drop_answer: bool,
    /// How many of its transactions are refused.
    pub(super) refuse: usize,
    pub(super) duplicate: bool,
    pub(super) reorder: bool,
}

/// How long a request is held back at most.
const HELD_BACK: Duration = Duration::from_secs(1);

/// The faults in force.
#[derive(Default)]
pub(super) struct Playing {
    faults: Mutex<Faults>,
    /// Tells those that are held back.
    done: Notify,
}

impl Playing {
    pub(super) fn new(faults: Faults) -> Self {
        Self { faults: Mutex::new(faults), done: Notify::new() }
    }

    pub(super) fn get(&self) -> Faults {
        self.lock().clone()
    }

    pub(super) fn set(&self, faults: Faults) {
        *self.lock() = faults;
    }

    /// Counts a request of this name with so many transactions in it that can be refused.
    pub(super) fn strike(&self, name: &str, transactions: usize) -> Strike {
        let mut faults = self.lock();
        if faults.only.as_deref().is_some_and(|only| only != name) {
            return Strike::default();
        }
        let delay = Duration::from_millis(faults.delay_ms);
        let fail = take(&mut faults.fail);
        let refuse = if fail { 0 } else { transactions.min(faults.refuse as usize) };
        faults.refuse -= refuse as u32;
        Strike {
            delay,
            fail,
            drop_answer: !fail && take(&mut faults.drop_answer),
            refuse,
            duplicate: !fail && take(&mut faults.duplicate),
            reorder: !fail && take(&mut faults.reorder),
        }
    }

    /// Waits until another request is done.
    pub(super) async fn wait_for_another(&self) {
        // When none comes it goes on all the same.
        drop(tokio::time::timeout(HELD_BACK, self.done.notified()).await);
    }

    /// A request is done.
    pub(super) fn one_is_done(&self) {
        self.done.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take(count: &mut u32) -> bool {
    let some = *count > 0;
    *count = count.saturating_sub(1);
    some
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_counts_down_by_one_request() {
        let faults = Faults { fail: 1, drop_answer: 1, refuse: 2, ..Faults::default() };
        let playing = Playing::new(faults);
        assert_eq!(playing.strike("headers", 0), Strike { fail: true, ..Strike::default() });
        assert_eq!(playing.strike("headers", 0), Strike { drop_answer: true, ..Strike::default() });
        assert_eq!(playing.strike("2207", 1), Strike { refuse: 1, ..Strike::default() });
        assert_eq!(playing.get(), Faults { refuse: 1, ..Faults::default() });
        assert_eq!(playing.strike("transactions", 9), Strike { refuse: 1, ..Strike::default() });
        playing.set(Faults { only: Some("2207".into()), fail: 1, ..Faults::default() });
        assert_eq!(playing.strike("2206", 0), Strike::default());
        assert!(playing.strike("2207", 1).fail);
    }
}
