//! Logs to standard error. Only this program's own events: they carry no personal data, APDU data or key by rule,
//! and what a library would log is not ours to promise.

use std::panic::PanicHookInfo;

use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging at `level` and above.
pub(super) fn start(level: LevelFilter) {
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_filter(filter_fn(move |event| wanted(event, level)));
    // A second call, in tests, leaves the first in place.
    let _ = tracing_subscriber::registry().with(layer).try_init();
    std::panic::set_hook(Box::new(|panic| tracing::error!("{}", told(panic))));
}

/// The audit trail is written at any level.
fn wanted(event: &Metadata<'_>, level: LevelFilter) -> bool {
    match event.target() {
        "audit" => true,
        target => (target == "sbkd" || target.starts_with("sbkd::")) && *event.level() <= level,
    }
}

/// Where a panic happened. Not what it says: that may quote what was being worked on, which may be personal.
fn told(panic: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current().name().unwrap_or("without a name").to_owned();
    match panic.location() {
        Some(place) => format!("a defect: thread {thread} panicked at {}:{}", place.file(), place.line()),
        None => format!("a defect: thread {thread} panicked"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_panic_is_told_by_its_place_alone() {
        let (sender, receiver) = mpsc::channel();
        let sender = std::sync::Mutex::new(sender);
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() == Some("careless") {
                sender.lock().unwrap().send(told(panic)).unwrap();
            }
        }));
        let careless = std::thread::Builder::new().name("careless".to_owned());
        let ended = careless.spawn(|| panic!("110105194912310021")).unwrap().join();
        std::panic::set_hook(before);
        assert!(ended.is_err());
        let text = receiver.recv().unwrap();
        assert!(text.contains("thread careless panicked at src/cli/logging.rs:"), "{text}");
        assert!(!text.contains("110105"), "{text}");
    }
}
