//! What is done for the journal once after the start and once a day: it is proved whole, and what is personal, at its
//! end and old is erased.

use std::sync::Weak;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::event::What;
use super::inner::{Inner, lock};
use crate::queue::QueueError;

/// How often.
const DAY: Duration = Duration::from_hours(24);
/// When it is tried again where the disk did not let it, or a reader kept the journal's log from being cleared.
const AGAIN: Duration = Duration::from_secs(60);

/// Goes on until the terminal ends.
pub(super) async fn keep(inner: Weak<Inner>) {
    while let Some(now) = inner.upgrade() {
        let done = tokio::task::spawn_blocking(move || now.look_after_journal()).await;
        tokio::time::sleep(match done {
            Ok(Kept::Whole) => DAY,
            // A defect is no reason to do it all the time.
            Ok(Kept::Again) | Err(_) => AGAIN,
            Ok(Kept::Ended) => return,
        })
        .await;
    }
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// There is nothing to do until tomorrow.
    Whole,
    /// Something is left to do.
    Again,
    /// The journal was closed.
    Ended,
}

impl Inner {
    fn look_after_journal(&self) -> Kept {
        match self.prove_journal() {
            Ok(true) => self.erase_what_is_old(),
            // What is damaged is evidence: nothing in it is changed that need not be.
            Ok(false) => Kept::Whole,
            Err(QueueError::Closed) => Kept::Ended,
            Err(error) => {
                tracing::warn!(%error, "the journal was not proved");
                Kept::Again
            }
        }
    }

    /// Whether the journal is whole.
    fn prove_journal(&self) -> Result<bool, QueueError> {
        let (whole, told) = match self.queue.verify() {
            Ok(proved) => {
                (true, What::Journal { change: "verified", records: Some(proved.rows), record: None, why: None })
            }
            Err(QueueError::Damaged { record, what }) => {
                (false, What::Journal { change: "damaged", records: None, record: Some(record), why: Some(what) })
            }
            Err(error) => return Err(error),
        };
        *lock(&self.verified_at) = Some(self.parts.clock.now());
        self.log.tell(told);
        Ok(whole)
    }

    fn erase_what_is_old(&self) -> Kept {
        let now = self.parts.clock.now();
        let days = self.parts.config.queue.erase_after_days;
        // What is reckoned with alone was told by the centre, and is added up with the transactions since: it goes first.
        let told_before = days_before(now, days);
        let forgotten = self.store.forget_accumulators(told_before);
        if let Err(error) = &forgotten {
            tracing::warn!(%error, "what the centre told long ago was not erased");
            return Kept::Again;
        }
        match self.queue.erase(days_before(now, days.saturating_add(1))) {
            Ok(erased) => {
                if erased.transactions > 0 {
                    let records = Some(erased.transactions);
                    self.log.tell(What::Journal { change: "erased", records, record: None, why: None });
                }
                if erased.cleared { Kept::Whole } else { Kept::Again }
            }
            Err(QueueError::Closed) => Kept::Ended,
            Err(error) => {
                tracing::warn!(%error, "what is old was not erased");
                Kept::Again
            }
        }
    }
}

fn days_before(now: Timestamp, days: u32) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_24_hours_and_time_has_a_beginning() {
        let now: Timestamp = "2015-08-03T02:00:00Z".parse().unwrap();
        assert_eq!(days_before(now, 2).to_string(), "2015-08-01T02:00:00Z");
        assert_eq!(days_before(Timestamp::MIN, 36_500), Timestamp::MIN);
    }
}
