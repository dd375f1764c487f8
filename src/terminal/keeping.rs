//! What is done for the journal once after the start and once a day: it is proved whole, and what is personal, at its
//! end and old is erased.

use std::sync::Weak;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::conditions::Condition;
use super::event::What;
use super::inner::{Inner, lock};
use crate::queue::QueueError;

/// How often.
const DAY: Duration = Duration::from_hours(24);
/// When a journal that does not prove is proved again: somebody may have mended what made it so.
const HOUR: Duration = Duration::from_hours(1);
/// When it is tried again where the disk did not let it, or a reader kept the journal's log from being cleared.
const AGAIN: Duration = Duration::from_secs(60);

/// How far the clock of the host may be ahead of the newest time that the centre gave: further than that, one of the two
/// is not known, and nothing is erased.
const AHEAD: SignedDuration = SignedDuration::from_hours(48);

/// Goes on until the terminal ends.
pub(super) async fn keep(inner: Weak<Inner>) {
    let mut last = Kept::Again;
    while let Some(now) = inner.upgrade() {
        let before = last;
        let done = tokio::task::spawn_blocking(move || now.look_after_journal(before)).await;
        last = done.unwrap_or(Kept::Again);
        tokio::time::sleep(match last {
            Kept::Whole => DAY,
            Kept::Damaged => HOUR,
            // A defect is no reason to do it all the time.
            Kept::Again | Kept::Uncleared => AGAIN,
            Kept::Ended => return,
        })
        .await;
    }
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// There is nothing to do until tomorrow.
    Whole,
    /// It was proved twice, and is not whole.
    Damaged,
    /// Something is left to do.
    Again,
    /// It was proved; what is left to do is to clear away or erase what is old.
    Uncleared,
    /// The journal was closed.
    Ended,
}

impl Inner {
    /// `before` is how it went the last time.
    pub(super) fn look_after_journal(&self, before: Kept) -> Kept {
        if before == Kept::Uncleared {
            return self.erase_what_is_old();
        }
        match self.prove_journal() {
            Ok(true) => self.erase_what_is_old(),
            // What is damaged is evidence: nothing in it is changed that need not be.
            Ok(false) => Kept::Damaged,
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
        if whole {
            // Where the condition held for the damage alone it ends.
            self.ailing.notify_one();
        } else {
            // Nothing new begins; what has begun is ended.
            self.set(Condition::Storage, true);
        }
        self.log.tell(told);
        Ok(whole)
    }

    fn erase_what_is_old(&self) -> Kept {
        let now = match self.time_to_erase_by() {
            Ok(Ok(now)) => now,
            Ok(Err(why)) => {
                tracing::warn!(why, "nothing is erased");
                self.log.tell(What::Journal { change: "kept", records: None, record: None, why: Some(why) });
                return Kept::Whole;
            }
            Err(QueueError::Closed) => return Kept::Ended,
            Err(error) => {
                tracing::warn!(%error, "what the centre answered last was not read");
                return Kept::Uncleared;
            }
        };
        let days = self.parts.config.queue.erase_after_days;
        // What is reckoned with alone was told by the centre, and is added up with the transactions since: it goes first.
        let told_before = days_before(now, days);
        let forgotten = self.store.forget_accumulators(told_before);
        if let Err(error) = &forgotten {
            tracing::warn!(%error, "what the centre told long ago was not erased");
            return Kept::Uncleared;
        }
        match self.queue.erase(days_before(now, days.saturating_add(1))) {
            Ok(erased) => {
                if erased.transactions > 0 {
                    let records = Some(erased.transactions);
                    self.log.tell(What::Journal { change: "erased", records, record: None, why: None });
                }
                if erased.cleared { Kept::Whole } else { Kept::Uncleared }
            }
            Err(QueueError::Closed) => Kept::Ended,
            Err(error) => {
                tracing::warn!(%error, "what is old was not erased");
                Kept::Uncleared
            }
        }
    }

    /// The moment against which something is old, or why there is none: the clock of the host alone could jump, and what
    /// was erased does not come back.
    fn time_to_erase_by(&self) -> Result<Result<Timestamp, String>, QueueError> {
        let now = self.parts.clock.now();
        Ok(match self.queue.centre_time()? {
            None => Err("the centre has accepted nothing yet that could tell the time".to_owned()),
            Some(told) if now.duration_since(told) > AHEAD => {
                Err(format!("this clock says {now:.0}, and the newest time of the centre is {told:.0}"))
            }
            Some(told) => Ok(now.min(told)),
        })
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
