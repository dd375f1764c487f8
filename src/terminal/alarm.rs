//! Alarms: what is not delivered grows too old, too many or too much, or the centre's chain is not the journal's.

use std::collections::BTreeMap;
use std::sync::{Mutex, Weak};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::event::What;
use super::inner::{Inner, lock};
use super::limits::is_too_old;
use crate::config::AlarmLimits;
use crate::queue::{QueueError, Row, Stats};
use crate::sync::{Chain, errors};
use crate::value::Fen;

/// How often the age is looked at while nothing changes.
const TICK: Duration = Duration::from_secs(5);
/// How long after a look the next one waits, however much changes meanwhile: each counts the whole backlog.
const APART: Duration = Duration::from_millis(250);

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmKind {
    /// The age of the oldest transaction that the centre has not answered, in seconds. Below 0 by a clock that was set
    /// back; by more than a day it tells no age, and is above every limit.
    OldestUnsent,
    /// How many the centre has not answered.
    UnsentCount,
    /// What those are worth together, in yuan.
    UnsentSum,
    /// What the centre has of this terminal's chain is not what the journal has: the journal is from an old backup, was
    /// cut or changed, or the centre does not take what follows. It has no limit that is configured.
    ChainBroken,
}

/// A limit that is passed now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Alarm {
    /// Which.
    pub alarm: AlarmKind,
    /// The configured limit, in the unit of the alarm; of the chain how it is to be.
    pub limit: String,
    /// What it is now; of the chain how it is.
    pub value: String,
    /// Since when it is above the limit, or not as it is to be.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// What is not delivered, as last counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Backlog {
    count: u64,
    oldest: Option<Timestamp>,
    sum: Fen,
    last_ack: Option<Timestamp>,
}

impl Backlog {
    fn of(stats: &Stats) -> Self {
        Self { count: stats.unsent, oldest: stats.oldest_unsent, sum: stats.sum, last_ack: stats.last_ack }
    }

    /// In seconds; below 0 where the clock was set back.
    fn age(&self, now: Timestamp) -> i64 {
        self.oldest.map_or(0, |oldest| now.duration_since(oldest).as_secs())
    }
}

/// The alarms, and what they are about.
#[derive(Default)]
pub(super) struct Alarms {
    /// Locked from before it is counted until the alarms are judged by it: of two counts the later one stands.
    backlog: Mutex<Backlog>,
    present: Mutex<BTreeMap<AlarmKind, Alarm>>,
    /// What the events last told, and when.
    told: Mutex<(Option<Instant>, Backlog)>,
}

impl Alarms {
    /// Counts the backlog, and does something with it before anybody else counts.
    fn counted<T>(
        &self,
        count: impl FnOnce() -> Result<Stats, QueueError>,
        then: impl FnOnce(Backlog) -> T,
    ) -> Result<(Stats, T), QueueError> {
        let mut backlog = lock(&self.backlog);
        let stats = count()?;
        *backlog = Backlog::of(&stats);
        Ok((stats, then(*backlog)))
    }

    /// What the events are to tell now, where it is another than they told last: not more often than once a tick.
    fn to_tell(&self, backlog: Backlog, at: Instant) -> Option<Backlog> {
        let mut told = lock(&self.told);
        let rested = told.0.is_none_or(|before| at.saturating_duration_since(before) >= TICK);
        (rested && told.1 != backlog).then(|| {
            *told = (Some(at), backlog);
            backlog
        })
    }
}

impl Inner {
    /// Counts the backlog; with the alarms after it, each of which that came or went is told. Blocks on the disk.
    pub(super) fn count_backlog(&self) -> Result<(Stats, Vec<Alarm>), QueueError> {
        self.alarms.counted(|| self.queue.stats(), |backlog| self.judge(backlog))
    }

    /// The alarms by what was counted last, and by the time that has passed since.
    pub(super) fn alarms_known(&self) -> Vec<Alarm> {
        let backlog = lock(&self.alarms.backlog);
        self.judge(*backlog)
    }

    fn judge(&self, backlog: Backlog) -> Vec<Alarm> {
        let mut present = lock(&self.alarms.present);
        let mut before = std::mem::take(&mut *present);
        let chain = self.upstream.as_ref().map_or(Chain::Unchecked, |upstream| upstream.status.borrow().chain);
        for (mut alarm, is_above) in measured(backlog, chain, self.parts.config.alarm, self.parts.clock.now()) {
            let known = before.remove(&alarm.alarm);
            if is_above != known.is_some() {
                self.tell_alarm(&alarm, is_above);
            }
            if is_above {
                alarm.since = known.map_or(alarm.since, |known| known.since);
                present.insert(alarm.alarm, alarm);
            }
        }
        present.values().cloned().collect()
    }

    fn tell_alarm(&self, alarm: &Alarm, present: bool) {
        let Alarm { alarm: kind, limit, value, .. } = alarm;
        match (present, kind) {
            (true, AlarmKind::ChainBroken) => {
                let entry = &errors::CHAIN;
                tracing::error!(alarm = ?kind, code = entry.code, value, limit, "{}", entry.message.en);
            }
            (true, _) => tracing::error!(alarm = ?kind, value, limit, "too much is not delivered"),
            (false, _) => tracing::info!(alarm = ?kind, value, limit, "the alarm is over"),
        }
        self.log.tell(What::Alarm { alarm: *kind, present, value: value.clone(), limit: limit.clone() });
    }

    /// Looks at the backlog, counted anew where it may have changed. Blocks on the disk then.
    fn look_at_backlog(&self, changed: bool) {
        if changed {
            if let Err(error) = self.count_backlog() {
                tracing::warn!(%error, "the journal does not tell what is not delivered");
            }
        } else {
            self.alarms_known();
        }
        let backlog = *lock(&self.alarms.backlog);
        if let Some(Backlog { count, oldest, sum, last_ack }) = self.alarms.to_tell(backlog, Instant::now()) {
            let age = backlog.age(self.parts.clock.now());
            let oldest_unsent_secs = oldest.map(|_| u64::try_from(age).unwrap_or(0));
            self.log.tell(What::Queue { unsent: count, oldest_unsent_secs, sum, last_ack });
        }
    }
}

/// Each alarm as it would be told now, and whether its limit is passed.
fn measured(backlog: Backlog, chain: Chain, limits: AlarmLimits, now: Timestamp) -> [(Alarm, bool); 4] {
    let age = backlog.age(now);
    let alarm = |alarm, limit: String, value: String| Alarm { alarm, limit, value, since: now };
    [
        (
            alarm(AlarmKind::OldestUnsent, limits.oldest_unsent_secs.to_string(), age.to_string()),
            is_too_old(age, limits.oldest_unsent_secs),
        ),
        (
            alarm(AlarmKind::UnsentCount, limits.unsent_count.to_string(), backlog.count.to_string()),
            backlog.count > limits.unsent_count,
        ),
        (
            alarm(AlarmKind::UnsentSum, limits.unsent_sum.to_string(), backlog.sum.to_string()),
            backlog.sum > limits.unsent_sum,
        ),
        (
            alarm(AlarmKind::ChainBroken, Chain::Agrees.name().to_owned(), chain.name().to_owned()),
            chain == Chain::Broken,
        ),
    ]
}

/// Looks at once when the journal changes, and at the age in between.
pub(super) async fn watch(inner: Weak<Inner>, mut changes: Receiver<Row>) {
    let mut changed = true;
    loop {
        let Some(now) = inner.upgrade() else { return };
        if let Err(error) = tokio::task::spawn_blocking(move || now.look_at_backlog(changed)).await {
            tracing::error!(%error, "a defect while the backlog was looked at");
        }
        if changed {
            tokio::time::sleep(APART).await;
        }
        match next(&mut changes, tokio::time::sleep(TICK)).await {
            Some(something) => changed = something,
            None => return,
        }
    }
}

/// Waits until the journal changed (`true`) or the time came to look at the age (`false`); `None` when the journal is no
/// more. What changed together is counted once, and nothing that changed is passed over for the time.
async fn next(changes: &mut Receiver<Row>, tick: impl Future<Output = ()>) -> Option<bool> {
    tokio::select! {
        biased;
        change = changes.recv() => match change {
            Err(RecvError::Closed) => return None,
            Ok(_) | Err(RecvError::Lagged(_)) => {}
        },
        () = tick => return Some(false),
    }
    while matches!(changes.try_recv(), Ok(_) | Err(TryRecvError::Lagged(_))) {}
    Some(true)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[tokio::test]
    async fn a_change_is_looked_at_though_the_time_has_come_too() {
        let row = || {
            let dir = tempfile::tempdir().unwrap();
            crate::queue::tests::open(dir.path()).commit(crate::queue::tests::draft("k")).unwrap().row
        };
        let (tell, mut changes) = tokio::sync::broadcast::channel(4);
        let row = row();
        for _ in 0..64 {
            for _ in 0..3 {
                tell.send(row.clone()).unwrap();
            }
            assert_eq!(next(&mut changes, std::future::ready(())).await, Some(true));
            assert_eq!(next(&mut changes, std::future::ready(())).await, Some(false), "what came together is one");
        }
        drop(tell);
        assert_eq!(next(&mut changes, std::future::pending()).await, None);
    }

    #[test]
    fn each_limit_is_an_alarm_above_it_and_not_at_it() {
        let now: Timestamp = "2015-08-03T02:00:00Z".parse().unwrap();
        let limits = AlarmLimits { oldest_unsent_secs: 60, unsent_count: 2, unsent_sum: Fen(500) };
        let above = |backlog: Backlog| {
            let passed = measured(backlog, Chain::Agrees, limits, now).into_iter().filter(|(_, is_above)| *is_above);
            passed.map(|(alarm, _)| (alarm.alarm, alarm.value)).collect::<Vec<_>>()
        };
        let told = |age: i64, count, sum| {
            let oldest = now.checked_sub(SignedDuration::from_secs(age)).ok();
            above(Backlog { count, oldest, sum: Fen(sum), last_ack: None })
        };
        assert_eq!(told(60, 2, 500), []);
        assert_eq!(told(61, 2, 500), [(AlarmKind::OldestUnsent, "61".to_owned())]);
        assert_eq!(told(-90, 3, 501), [(AlarmKind::UnsentCount, "3".into()), (AlarmKind::UnsentSum, "5.01".into())]);
        assert_eq!(above(Backlog::default()), []);
        assert_eq!(told(-86_400, 2, 500), []);
        assert_eq!(told(-86_401, 2, 500), [(AlarmKind::OldestUnsent, "-86401".to_owned())], "no clock tells its age");
    }

    #[test]
    fn a_chain_that_broke_is_an_alarm_and_one_that_was_not_looked_at_is_none() {
        let limits = AlarmLimits { oldest_unsent_secs: 60, unsent_count: 2, unsent_sum: Fen(500) };
        for (chain, present) in [(Chain::Unchecked, false), (Chain::Agrees, false), (Chain::Broken, true)] {
            let told = measured(Backlog::default(), chain, limits, Timestamp::UNIX_EPOCH);
            let passed: Vec<_> = told.iter().filter(|(_, is_above)| *is_above).map(|(alarm, _)| alarm.alarm).collect();
            assert_eq!(passed, vec![AlarmKind::ChainBroken; usize::from(present)]);
            let (alarm, _) = &told[3];
            assert_eq!((alarm.limit.as_str(), serde_json::json!(alarm.value)), ("agrees", serde_json::json!(chain)));
        }
    }

    fn stats(unsent: u64) -> Stats {
        Stats {
            total: unsent,
            unsent,
            oldest_unsent_secs: None,
            oldest_unsent: None,
            sum: Fen::ZERO,
            refused: 0,
            last_ack: None,
            damaged: Vec::new(),
        }
    }

    #[test]
    fn nobody_counts_while_another_does() {
        let alarms = Alarms::default();
        let alone = || alarms.backlog.try_lock().is_err();
        let counted = alarms.counted(
            || {
                assert!(alone(), "what is counted meanwhile would be newer, and be overwritten");
                Ok(stats(2))
            },
            |backlog| (backlog.count, alone()),
        );
        assert_eq!(counted.unwrap().1, (2, true));
        // A count that fails leaves what was known.
        assert!(alarms.counted(|| Err(QueueError::Closed), drop).is_err());
        assert_eq!(lock(&alarms.backlog).count, 2);
    }

    #[test]
    fn the_events_tell_the_backlog_where_it_changed_and_once_a_tick() {
        let alarms = Alarms::default();
        let (begin, backlog) = (Instant::now(), |count| Backlog { count, ..Backlog::default() });
        let told = |count, after| alarms.to_tell(backlog(count), begin + after).map(|told| told.count);
        assert_eq!(told(0, Duration::ZERO), None, "nothing is there to tell");
        assert_eq!(told(1, Duration::ZERO), Some(1));
        assert_eq!(told(2, TICK - Duration::from_millis(1)), None, "not yet");
        assert_eq!(told(3, TICK), Some(3));
        assert_eq!(told(3, 9 * TICK), None);
    }
}
