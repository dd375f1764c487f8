//! What the service manager is told, where one asked to be told (`NOTIFY_SOCKET`).

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::failure::Failure;
use crate::terminal::Terminal;

/// The daemon can be used.
pub(super) fn ready() {
    // And no longer why it was not.
    tell(&[NotifyState::Ready, NotifyState::Status("")]);
}

/// The daemon ends what is under way, which may take so long.
pub(super) fn stopping(longest: Duration) {
    tell(&[NotifyState::Stopping, extend(longest)]);
}

/// The daemon waits for what only a person can mend before it can be used.
pub(super) fn waits(failure: &Failure) {
    let entry = failure.entry;
    let detail = failure.detail.as_deref().unwrap_or_default();
    // One line: each is a state of its own.
    let status = format!("{} / {} ({detail}): {}", entry.message.zh, entry.message.en, entry.code).replace('\n', " ");
    tell(&[NotifyState::Status(&status)]);
}

/// The start goes on for so long at least.
pub(super) fn extend_start(longest: Duration) {
    tell(&[extend(longest)]);
}

fn extend(longest: Duration) -> NotifyState<'static> {
    NotifyState::ExtendTimeoutUsec(u32::try_from(longest.as_micros()).unwrap_or(u32::MAX))
}

/// Feeds the watchdog, where the unit has one, as long as the terminal answers. Never completes.
pub(super) async fn feed_watchdog(terminal: Arc<Terminal>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    // Its locks, its journal and its readers are all asked.
    let ask = move || drop(terminal.health());
    ask_every(limit / 3, ask, |answers| {
        if answers {
            tell(&[NotifyState::Watchdog]);
        }
    })
    .await;
}

/// Asks again and again, and tells whether an answer came within the period. One that hangs keeps its thread. Never
/// completes.
async fn ask_every(period: Duration, ask: impl Fn() + Send + Sync + 'static, mut told: impl FnMut(bool)) {
    let ask = Arc::new(ask);
    let mut ticks = interval(period.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let ask = Arc::clone(&ask);
        let answer = timeout(period, tokio::task::spawn_blocking(move || ask())).await;
        match &answer {
            Ok(Ok(())) => {}
            Ok(Err(_)) => tracing::error!("the terminal could not say how it is"),
            Err(_) => tracing::error!("the terminal does not say how it is"),
        }
        told(matches!(answer, Ok(Ok(()))));
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager does not listen");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex, mpsc};

    use super::*;

    #[test]
    fn a_terminal_that_hangs_is_not_vouched_for_until_it_answers_again() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let closed = |closed: bool| {
            *gate.0.lock().unwrap() = closed;
            gate.1.notify_all();
        };
        let asked = Arc::clone(&gate);
        let ask = move || drop(asked.1.wait_while(asked.0.lock().unwrap(), |closed| *closed).unwrap());
        let (heard, hears) = mpsc::channel();
        runtime
            .spawn(ask_every(Duration::from_millis(20), ask, move |answers| heard.send(answers).unwrap_or_default()));
        let next = || hears.recv_timeout(Duration::from_secs(30)).expect("it is asked again");
        while !next() {}
        closed(true);
        // Those that were told before, and one that may have passed before.
        while hears.try_recv().is_ok() {}
        next();
        assert!(!(next() || next() || next()), "a ping for a terminal that hangs");
        closed(false);
        while !next() {}
        runtime.shutdown_background();
    }

    #[test]
    fn a_terminal_that_panics_is_not_vouched_for() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (heard, hears) = mpsc::channel();
        let ask = || panic!("a defect, for the test");
        runtime.spawn(ask_every(Duration::from_secs(30), ask, move |answers| heard.send(answers).unwrap_or_default()));
        assert_eq!(hears.recv_timeout(Duration::from_secs(30)), Ok(false));
        runtime.shutdown_background();
    }
}
