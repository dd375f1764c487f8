//! Alarms: what is not delivered grows too old, too many or too much.

use std::collections::BTreeMap;
use std::sync::{Mutex, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::event::What;
use super::inner::{Inner, lock};
use crate::config::AlarmLimits;
use crate::queue::{Row, Stats};
use crate::value::Fen;

/// How often the age is looked at while nothing changes.
const TICK: Duration = Duration::from_secs(5);
/// How long after a look the next one waits, however much changes meanwhile: each counts the whole backlog.
const APART: Duration = Duration::from_millis(250);

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmKind {
    /// The age of the oldest transaction that the centre has not answered, in seconds.
    OldestUnsent,
    /// How many the centre has not answered.
    UnsentCount,
    /// What those are worth together, in yuan.
    UnsentSum,
}

/// A limit that is passed now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Alarm {
    /// Which.
    pub alarm: AlarmKind,
    /// The configured limit, in the unit of the alarm.
    pub limit: String,
    /// What it is now.
    pub value: String,
    /// Since when it is above the limit.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// What is not delivered, as last counted.
#[derive(Debug, Clone, Copy, Default)]
struct Backlog {
    count: u64,
    oldest: Option<Timestamp>,
    sum: Fen,
}

/// The alarms, and what they are about.
#[derive(Default)]
pub(super) struct Alarms {
    backlog: Mutex<Backlog>,
    present: Mutex<BTreeMap<AlarmKind, Alarm>>,
}

impl Inner {
    /// The alarms after the backlog was counted; each that came or went is told.
    pub(super) fn alarms_of(&self, stats: &Stats) -> Vec<Alarm> {
        let now = self.parts.clock.now();
        let ago = |secs| now.checked_sub(SignedDuration::from_secs(secs)).unwrap_or(Timestamp::UNIX_EPOCH);
        let backlog = Backlog { count: stats.unsent, oldest: stats.oldest_unsent_secs.map(ago), sum: stats.sum };
        *lock(&self.alarms.backlog) = backlog;
        self.judge(backlog, now)
    }

    fn judge(&self, backlog: Backlog, now: Timestamp) -> Vec<Alarm> {
        let found = above(backlog, self.parts.config.alarm, now);
        let mut present = lock(&self.alarms.present);
        let before = std::mem::take(&mut *present);
        for (kind, mut alarm) in found {
            match before.get(&kind) {
                Some(known) => alarm.since = known.since,
                None => {
                    tracing::error!(alarm = ?kind, value = alarm.value, limit = alarm.limit, "too much is not delivered");
                    self.log.tell(What::Alarm { alarm: kind, present: true });
                }
            }
            present.insert(kind, alarm);
        }
        for kind in before.into_keys().filter(|kind| !present.contains_key(kind)) {
            tracing::info!(alarm = ?kind, "the alarm is over");
            self.log.tell(What::Alarm { alarm: kind, present: false });
        }
        present.values().cloned().collect()
    }

    /// Looks at the backlog, counted anew where it may have changed. Blocks on the disk then.
    fn look_at_backlog(&self, changed: bool) {
        if !changed {
            let backlog = *lock(&self.alarms.backlog);
            self.judge(backlog, self.parts.clock.now());
            return;
        }
        match self.queue.stats() {
            Ok(stats) => drop(self.alarms_of(&stats)),
            Err(error) => tracing::warn!(%error, "the journal does not tell what is not delivered"),
        }
    }
}

/// The limits that are passed.
fn above(backlog: Backlog, limits: AlarmLimits, now: Timestamp) -> Vec<(AlarmKind, Alarm)> {
    let age = backlog.oldest.map_or(0, |oldest| now.duration_since(oldest).as_secs().max(0).unsigned_abs());
    let alarm = |kind, limit: String, value: String| (kind, Alarm { alarm: kind, limit, value, since: now });
    let checks = [
        (age > limits.oldest_unsent_secs)
            .then(|| alarm(AlarmKind::OldestUnsent, limits.oldest_unsent_secs.to_string(), age.to_string())),
        (backlog.count > limits.unsent_count)
            .then(|| alarm(AlarmKind::UnsentCount, limits.unsent_count.to_string(), backlog.count.to_string())),
        (backlog.sum > limits.unsent_sum)
            .then(|| alarm(AlarmKind::UnsentSum, limits.unsent_sum.to_string(), backlog.sum.to_string())),
    ];
    checks.into_iter().flatten().collect()
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
        let told = |age: i64, count, sum| {
            let backlog =
                Backlog { count, oldest: now.checked_sub(SignedDuration::from_secs(age)).ok(), sum: Fen(sum) };
            above(backlog, limits, now).into_iter().map(|(kind, alarm)| (kind, alarm.value)).collect::<Vec<_>>()
        };
        assert_eq!(told(60, 2, 500), []);
        assert_eq!(told(61, 2, 500), [(AlarmKind::OldestUnsent, "61".to_owned())]);
        assert_eq!(told(-90, 3, 501), [(AlarmKind::UnsentCount, "3".into()), (AlarmKind::UnsentSum, "5.01".into())]);
        assert_eq!(above(Backlog::default(), limits, now), []);
    }
}
