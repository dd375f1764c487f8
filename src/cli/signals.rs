//! The signals that ask for an end.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Completes with SIGTERM or SIGINT, which are caught from this call on.
pub(super) fn stop() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
