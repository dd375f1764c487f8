//! What the service manager is told, where one asked to be told (`NOTIFY_SOCKET`).

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::terminal::Terminal;

/// The daemon can be used.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The daemon ends what is under way, which may take so long.
pub(super) fn stopping(longest: Duration) {
    let extend = u32::try_from(longest.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(extend)]);
}

/// Feeds the watchdog, where the unit has one, as long as the terminal answers. Never completes.
pub(super) async fn feed_watchdog(terminal: Arc<Terminal>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    let period = limit / 3;
    let mut ticks = interval(period.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let terminal = terminal.clone();
        // Its locks, its journal and its readers are all asked. One that hangs keeps this thread, and no ping goes out.
        match timeout(period, tokio::task::spawn_blocking(move || terminal.health())).await {
            Ok(Ok(_)) => tell(&[NotifyState::Watchdog]),
            Ok(Err(_)) => tracing::error!("the terminal could not say how it is"),
            Err(_) => tracing::error!("the terminal does not say how it is"),
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager does not listen");
    }
}
