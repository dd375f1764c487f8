//! What is done for the journal once after the start and once a day: it is proved whole, and what is personal, at its
//! end and old is erased.

use std::sync::Weak;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::conditions::Condition;
use super::event::What;
use super::inner::{Inner, lock};
use crate::queue::QueueError;

/// How often.
const DAY: Duration = Duration::from_hours(24);
/// When a journal that does not prove is proved again (somebody may have mended what made it so), and when it is looked
/// again where no time of the centre is known by which something is old.
const HOUR: Duration = Duration::from_hours(1);
/// When it is tried again where the disk did not let it, or a reader kept the journal's log from being cleared.
const AGAIN: Duration = Duration::from_secs(60);

/// How far the clock of the host may be ahead of the newest time that the centre gave: further than that, one of the two
/// is not known, and nothing is erased.
const AHEAD: SignedDuration = SignedDuration::from_hours(48);

/// Goes on until the terminal ends.
pub(super) async fn keep(inner: Weak<Inner>) {
    let mut done = Done::default();
    while let Some(now) = inner.upgrade() {
        let before = done;
        let looked = tokio::task::spawn_blocking(move || now.look_after_journal(before, Instant::now())).await;
        let last;
        (last, done) = looked.unwrap_or((Kept::Again, before));
        tokio::time::sleep(match last {
            Kept::Whole => DAY,
            Kept::Damaged | Kept::Waiting => HOUR,
            // A defect is no reason to do it all the time.
            Kept::Again => AGAIN,
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
    /// What is old is not known until the centre tells the time.
    Waiting,
    /// Something is left to do.
    Again,
    /// The journal was closed.
    Ended,
}

/// What is known of the times before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Done {
    /// When the journal was last proved whole.
    proved: Option<Instant>,
    /// It was told that what is old is kept.
    told: bool,
}

impl Inner {
    /// How it went, and what is known from now on. A proof is due each day, whatever is left to do besides.
    pub(super) fn look_after_journal(&self, mut done: Done, now: Instant) -> (Kept, Done) {
        if done.proved.is_none_or(|proved| now.saturating_duration_since(proved) >= DAY) {
            match self.prove_journal() {
                Ok(true) => done.proved = Some(now),
                // What is damaged is evidence: nothing in it is changed that need not be, and its log is not cleared.
                Ok(false) => return (Kept::Damaged, done),
                Err(QueueError::Closed) => return (Kept::Ended, done),
                Err(error) => {
                    tracing::warn!(%error, "the journal was not proved");
                    return (Kept::Again, done);
                }
            }
        }
        let kept = self.erase_what_is_old(&mut done).unwrap_or_else(|error| match error {
            QueueError::Closed => Kept::Ended,
            error => {
                tracing::warn!(%error, "what is old was not erased");
                Kept::Again
            }
        });
        (kept, done)
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

    fn erase_what_is_old(&self, done: &mut Done) -> Result<Kept, QueueError> {
        let now = match self.time_to_erase_by()? {
            Ok(now) => now,
            Err(why) => return self.keep_what_is_old(done, why),
        };
        done.told = false;
        let days = self.parts.config.queue.erase_after_days;
        // What is reckoned with alone was told by the centre, and is added up with the transactions since: it goes first.
        let told_before = days_before(now, days);
        if let Err(error) = self.store.forget_accumulators(told_before) {
            tracing::warn!(%error, "what the centre told long ago was not erased");
            return Ok(Kept::Again);
        }
        if let Err(error) = self.forget_accounts(told_before) {
            tracing::warn!(%error, "what was begun on cards' accounts long ago was not erased");
            return Ok(Kept::Again);
        }
        let erased = self.queue.erase(days_before(now, days.saturating_add(1)))?;
        if erased.transactions > 0 {
            let records = Some(erased.transactions);
            self.log.tell(What::Journal { change: "erased", records, record: None, why: None });
        }
        Ok(if erased.cleared { Kept::Whole } else { Kept::Again })
    }

    /// It is not known what is old; of what was erased before, nothing stays in the log all the same.
    fn keep_what_is_old(&self, done: &mut Done, why: String) -> Result<Kept, QueueError> {
        let days = self.parts.config.queue.erase_after_days.saturating_add(1);
        if !done.told && self.queue.has_old(days_before(self.parts.clock.now(), days))? {
            tracing::warn!(why, "nothing is erased");
            self.log.tell(What::Journal { change: "kept", records: None, record: None, why: Some(why) });
            done.told = true;
        }
        Ok(if self.queue.clear()? { Kept::Waiting } else { Kept::Again })
    }

    /// The moment against which something is old, or why there is none: the clock of the host alone could jump, and what
    /// was erased does not come back.
    fn time_to_erase_by(&self) -> Result<Result<Timestamp, String>, QueueError> {
        let now = self.parts.clock.now();
        Ok(match self.queue.centre_time()? {
            None => Err("the centre has not told the time yet".to_owned()),
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
    use std::sync::Arc;

    use super::*;
    use crate::config::Config;
    use crate::queue::Faults;
    use crate::terminal::{Parts, start};
    use crate::virtual_card::VirtualReaders;
    use crate::world::{Clock as _, SystemClock, SystemRandom};

    /// A terminal whose runtime has no time to look after the journal itself.
    fn terminal(dir: &std::path::Path) -> (Arc<Inner>, tokio::runtime::Runtime) {
        let file = dir.join("sbkd.toml");
        let text = "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n";
        std::fs::write(&file, text).unwrap();
        // Nothing runs on it until somebody waits.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let parts = Parts {
            config: Arc::new(Config::load(&file).unwrap()),
            readers: VirtualReaders::new(&[]),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::default()),
            runtime: runtime.handle().clone(),
        };
        (start::start(parts, Faults::default()).unwrap(), runtime)
    }

    fn told(inner: &Inner, change: &str) -> usize {
        let of = |what: &What| matches!(what, What::Journal { change: told, .. } if **told == *change);
        inner.log.after(Some(0)).backlog.iter().filter(|event| of(&event.what)).count()
    }

    #[test]
    fn a_proof_is_due_each_day_whatever_is_left_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let (inner, _runtime) = terminal(dir.path());
        inner.queue.centre_said(SystemClock.now());
        let start = Instant::now();
        let (kept, mut done) = inner.look_after_journal(Done::default(), start);
        assert_eq!((kept, told(&inner, "verified")), (Kept::Whole, 1));
        // Somebody reads the journal all the time: its log is never cleared.
        let reader = rusqlite::Connection::open(inner.parts.config.journal().path).unwrap();
        inner.queue.probe().unwrap();
        reader.execute_batch("BEGIN").unwrap();
        reader.query_row("SELECT count(*) FROM entries", [], |row| row.get::<_, u64>(0)).unwrap();
        // What is written after is in the log until the reader ends.
        inner.queue.centre_said(SystemClock.now() + SignedDuration::from_hours(2));
        for (hours, proofs) in [(1, 1), (23, 1), (24, 2), (25, 2), (48, 3)] {
            let kept;
            (kept, done) = inner.look_after_journal(done, start + Duration::from_hours(hours));
            assert_eq!((kept, told(&inner, "verified")), (Kept::Again, proofs), "after {hours} hours");
        }
        reader.execute_batch("COMMIT").unwrap();
        assert_eq!(inner.look_after_journal(done, start).0, Kept::Whole);
        inner.queue.close();
        assert_eq!(inner.look_after_journal(done, start).0, Kept::Ended);
    }

    #[test]
    fn without_the_centres_time_it_is_looked_again_within_the_hour_and_its_next_answer_is_enough() {
        let dir = tempfile::tempdir().unwrap();
        let (inner, _runtime) = terminal(dir.path());
        let start = Instant::now();
        inner.queue.probe().unwrap();
        let (kept, done) = inner.look_after_journal(Done::default(), start);
        assert_eq!(kept, Kept::Waiting);
        assert_eq!(told(&inner, "kept"), 0, "there is nothing that is kept");
        let log = std::fs::metadata(dir.path().join("state/queue.db-wal")).unwrap();
        assert_eq!(log.len(), 0, "it is cleared all the same");
        inner.queue.centre_said(SystemClock.now() - SignedDuration::from_hours(49));
        assert_eq!(inner.look_after_journal(done, start).0, Kept::Waiting);
        inner.queue.centre_said(SystemClock.now() - SignedDuration::from_hours(1));
        assert_eq!(inner.look_after_journal(done, start).0, Kept::Whole);
    }

    #[test]
    fn a_day_is_24_hours_and_time_has_a_beginning() {
        let now: Timestamp = "2015-08-03T02:00:00Z".parse().unwrap();
        assert_eq!(days_before(now, 2).to_string(), "2015-08-01T02:00:00Z");
        assert_eq!(days_before(Timestamp::MIN, 36_500), Timestamp::MIN);
    }
}
