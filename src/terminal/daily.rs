//! Each day that is over is held against the centre by itself, until that is complete.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::{Timestamp, ToSpan as _};

use tokio::sync::watch;

use super::conditions::Condition;
use super::inner::Inner;
use crate::failure::{Explain as _, Failure};
use crate::store::Reconciliation;
use crate::sync::UplinkStatus;
use crate::wire;
use crate::world::shanghai;

/// How often it is looked whether a day is to be reconciled.
const LOOK: Duration = Duration::from_secs(60);
/// After how long a run that failed, or is not complete, is tried again.
const AGAIN: Duration = Duration::from_secs(3600);

/// Reconciles what is owing, as soon as it may.
pub(super) async fn daily(inner: Weak<Inner>) {
    let Some(mut status) = inner.upgrade().and_then(|inner| Some(inner.upstream.as_ref()?.status.clone())) else {
        return;
    };
    loop {
        // As it is before it is tried: what changes meanwhile is not missed.
        let before = *status.borrow_and_update();
        let Some(now) = inner.upgrade() else { return };
        let tried = tokio::task::spawn_blocking(move || attempt(&now)).await;
        let pause = if matches!(tried, Ok(true)) { LOOK } else { AGAIN };
        tokio::select! {
            back = is_back(&mut status, before) => if back.is_none() { return },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The centre is there after it was away: now it may be possible. It may have been away since `before` and be back already.
/// `None` when nobody tells any more.
async fn is_back(status: &mut watch::Receiver<UplinkStatus>, before: UplinkStatus) -> Option<()> {
    let is_other = |now: &UplinkStatus| (now.reachable, now.since) != (before.reachable, before.since);
    status.wait_for(is_other).await.ok()?;
    status.wait_for(|status| status.reachable).await.ok().map(drop)
}

/// Reconciles what is owing, oldest first; `false` when something of it has to be tried again. A day that cannot be
/// reconciled keeps no other from it.
fn attempt(inner: &Arc<Inner>) -> bool {
    let owing = match inner.owing_days() {
        Ok(owing) => owing,
        Err(failure) => {
            tracing::warn!(code = failure.entry.code, detail = failure.detail, "which days are to be reconciled");
            return false;
        }
    };
    let may = || {
        let reachable = inner.upstream.as_ref().is_some_and(|upstream| upstream.status.borrow().reachable);
        reachable && !inner.conditions().contains(&Condition::Draining)
    };
    let mut complete = true;
    for day in owing.into_iter().take_while(|_| may()) {
        match inner.reconcile(day, None) {
            Ok(run) => {
                complete &= run.is_complete();
                told(&run);
            }
            Err(failure) => {
                complete = false;
                // The centre's own words may name a person.
                let detail = failure.detail.filter(|_| !wire::errors::ENTRIES.contains(&failure.entry));
                tracing::warn!(%day, code = failure.entry.code, detail, "the day was not reconciled");
            }
        }
    }
    complete
}

fn told(run: &Reconciliation) {
    let (day, open, under_way) = (run.date, run.open, run.under_way);
    match (open, under_way) {
        _ if run.is_clean() => tracing::info!(%day, "the accounts of the day are the centre's"),
        (0, 0) => tracing::info!(%day, "the accounts of the day differ by what was referred"),
        (0, _) => tracing::info!(%day, under_way, "the outcome of some of the day's settlements is not known yet"),
        _ => tracing::error!(%day, open, "the accounts of the day differ from the centre's"),
    }
}

impl Inner {
    /// The days that are over and without a complete run, the oldest first: as far back as the journal reaches and keeps
    /// what is needed for it. Blocks on the disk.
    pub(super) fn owing_days(&self) -> Result<Vec<Date>, Failure> {
        let now = self.parts.clock.now();
        let Some(last) = last_due(now, self.parts.config.reconcile.at) else { return Ok(Vec::new()) };
        let begun = self.queue.begun().map_err(|error| error.failure())?;
        // One that is empty still owes the day before: nothing is to stand at the centre either.
        let yesterday = self.parts.clock.today().yesterday().unwrap_or(last);
        let begun = begun.map_or(yesterday, |begun| shanghai().to_datetime(begun).date());
        let first = first_due(now, begun.min(yesterday), self.parts.config.queue.erase_after_days);
        let runs = self.store.reconciliations_since(first).map_err(|error| error.failure())?;
        // A run of a time that is still to come was made by a clock that was ahead.
        let done = |day: &Date| runs.iter().any(|run| run.date == *day && run.run_at <= now && run.is_complete());
        Ok(first.series(1.day()).take_while(|day| *day <= last).filter(|day| !done(day)).collect())
    }

    /// How many days before yesterday are owing; none where no centre is configured.
    pub(super) fn overdue_days(&self) -> Result<u64, Failure> {
        if self.upstream.is_none() {
            return Ok(0);
        }
        let yesterday = self.parts.clock.today().yesterday().ok();
        let owing = self.owing_days()?;
        Ok(owing.into_iter().filter(|day| yesterday.is_some_and(|yesterday| *day < yesterday)).count() as u64)
    }
}

/// The last day that may be reconciled: the day before once it is over and its time of the day has come; else the one
/// before that.
fn last_due(now: Timestamp, at: Option<Time>) -> Option<Date> {
    let local = shanghai().to_datetime(now);
    let yesterday = local.date().yesterday().ok()?;
    let may = at.is_none_or(|at| local.time() >= at) && Reconciliation::over(yesterday).is_some_and(|over| now >= over);
    if may { Some(yesterday) } else { yesterday.yesterday().ok() }
}

/// The first day that is reconciled: none before the journal began, and none of which something may be erased.
fn first_due(now: Timestamp, begun: Date, kept_days: u32) -> Date {
    let today = shanghai().to_datetime(now).date();
    begun.max(today.checked_sub(i64::from(kept_days).days()).unwrap_or(begun))
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use std::future::ready;

    use super::*;
    use crate::sync::Chain;

    fn at(day: Date, hour: i8, minute: i8) -> Timestamp {
        shanghai().to_timestamp(day.at(hour, minute, 0, 0)).unwrap()
    }

    #[test]
    fn the_day_before_is_due_once_it_is_over_from_its_time_on() {
        let (day, before) = (date(2015, 8, 2), date(2015, 8, 1));
        let now = |hour, minute| at(date(2015, 8, 3), hour, minute);
        assert_eq!(last_due(now(0, 9), None), Some(before));
        assert_eq!(last_due(now(0, 10), None), Some(day));
        assert_eq!(last_due(now(0, 9), Some(time(0, 1, 0, 0))), Some(before));
        let at = Some(time(3, 0, 0, 0));
        assert_eq!(last_due(now(2, 59), at), Some(before));
        assert_eq!(last_due(now(3, 0), at), Some(day));
        assert_eq!(last_due(now(23, 59), at), Some(day));
    }

    #[test]
    fn no_day_is_due_of_which_something_may_be_erased() {
        let now = at(date(2015, 8, 31), 12, 0);
        assert_eq!(first_due(now, date(2015, 8, 20), 90), date(2015, 8, 20));
        assert_eq!(first_due(now, date(2015, 8, 20), 5), date(2015, 8, 26));
        assert_eq!(first_due(now, date(1970, 1, 1), 36_500), date(1970, 1, 1));
    }

    #[tokio::test]
    async fn a_centre_that_went_and_came_back_during_an_attempt_is_back() {
        let at = |reachable, minute| UplinkStatus {
            reachable,
            unauthorized: false,
            since: at(date(2015, 8, 3), 0, minute),
            chain: Chain::Agrees,
        };
        for before in [at(true, 1), at(false, 1)] {
            let (tell, mut status) = watch::channel(before);
            // Something else is told, and nobody went.
            tell.send_replace(UplinkStatus { chain: Chain::Broken, ..before });
            let back = tokio::select! { biased; back = is_back(&mut status, before) => back, () = ready(()) => None };
            assert_eq!(back, None, "{before:?}");
            tell.send_replace(at(false, 2));
            tell.send_replace(at(true, 3));
            let back = tokio::select! { biased; back = is_back(&mut status, before) => back, () = ready(()) => None };
            assert_eq!(back, Some(()), "{before:?}");
        }
    }

    #[test]
    fn a_run_is_complete_once_the_day_was_over_and_nothing_is_under_way() {
        let run = |run_at, under_way| Reconciliation {
            date: date(2015, 8, 2),
            run_at,
            centre_at: None,
            operator: None,
            totals: Vec::new(),
            open: 0,
            under_way,
        };
        assert!(!run(at(date(2015, 8, 2), 18, 0), 0).is_complete(), "the day went on");
        assert!(!run(at(date(2015, 8, 3), 0, 9), 0).is_complete());
        assert!(!run(at(date(2015, 8, 3), 9, 0), 1).is_complete());
        let whole = run(at(date(2015, 8, 3), 0, 10), 0);
        assert!(whole.is_complete() && whole.is_clean());
        let by = |centre_at| Reconciliation { centre_at: Some(centre_at), ..whole.clone() };
        assert!(!by(at(date(2015, 8, 2), 18, 0)).is_complete(), "the host is ahead, or the centre behind");
        assert!(by(at(date(2015, 8, 3), 0, 10)).is_complete());
        assert!(!run(at(date(2015, 8, 3), 9, 0), 1).is_clean() && !Reconciliation { open: 1, ..whole }.is_clean());
    }
}
