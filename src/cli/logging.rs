//! Logs to standard error. Only this program's own events: they carry no personal data, APDU data or key by rule,
//! and what a library would log is not ours to promise.

use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging at `level`, `info` for the daemon's own part when none is named.
pub(super) fn start(level: Option<LevelFilter>) {
    let level = level.unwrap_or(LevelFilter::WARN);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_filter(filter_fn(move |event| wanted(event, level)));
    // A second call, in tests, leaves the first in place.
    let _ = tracing_subscriber::registry().with(layer).try_init();
}

/// The audit trail is written at any level.
fn wanted(event: &Metadata<'_>, level: LevelFilter) -> bool {
    match event.target() {
        "audit" => true,
        target => (target == "sbkd" || target.starts_with("sbkd::")) && *event.level() <= level,
    }
}
