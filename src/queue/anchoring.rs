//! The anchor's thread: a head is anchored while the next group is being committed.
//!
//! One head may be written and one may wait, and no group is committed before the one that waits is taken up: the anchor
//! is at most two commit groups behind the journal, and never ahead of it.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::QueueError;
use super::anchor::Anchor;
use super::faults::{Faults, Point};
use super::journal::Context;
use crate::wire::ChainHead;

/// How long the disk of the anchor is waited for; whoever waits for a commit meanwhile waits as long.
const LONGEST: Duration = Duration::from_secs(5);

/// The thread. Dropped, it writes what waits, and closes the file.
pub(super) struct Anchoring {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    work: Mutex<Work>,
    changed: Condvar,
}

#[derive(Default)]
struct Work {
    waits: Option<ChainHead>,
    is_writing: bool,
    /// Why the anchor is behind, until it is written again.
    failed: Option<QueueError>,
    is_over: bool,
}

impl Anchoring {
    pub(super) fn start(anchor: Anchor, context: Arc<Context>, faults: Faults) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let writes = shared.clone();
        let thread =
            thread::Builder::new().name("anchor".into()).spawn(move || writes.run(anchor, &context, &faults))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Waits until no head waits any more.
    ///
    /// # Errors
    /// When the disk of the anchor hangs.
    pub(super) fn until_taken(&self) -> Result<(), QueueError> {
        self.shared.soon(|work| work.waits.is_none()).map(drop)
    }

    /// Hands over a head.
    pub(super) fn write(&self, head: ChainHead) {
        self.shared.work().waits = Some(head);
        self.shared.changed.notify_all();
    }

    /// Whether the last head was not written: what is handed over next is a try more.
    pub(super) fn has_failed(&self) -> bool {
        self.shared.work().failed.is_some()
    }

    /// Waits until everything that was handed over was tried.
    ///
    /// # Errors
    /// Why the last head was not written, or that the disk of the anchor hangs.
    pub(super) fn settled(&self) -> Result<(), QueueError> {
        let work = self.shared.soon(|work| work.waits.is_none() && !work.is_writing)?;
        work.failed.clone().map_or(Ok(()), Err)
    }
}

impl Drop for Anchoring {
    fn drop(&mut self) {
        self.shared.work().is_over = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // One that panicked has closed its file as well.
            drop(thread.join());
        }
    }
}

impl Shared {
    /// A failure here loses nothing that was committed, but a tail that is cut off now would not show: whoever asks
    /// whether writing works is told, and each group tries again.
    fn run(&self, mut anchor: Anchor, context: &Context, faults: &Faults) {
        loop {
            let mut work = self.until(|work| work.waits.is_some() || work.is_over);
            let Some(head) = work.waits.take() else { return };
            work.is_writing = true;
            drop(work);
            self.changed.notify_all();
            let written = faults
                .at(Point::Anchor)
                .and_then(|()| anchor.write(&context.crypto, &context.terminal, &head).map_err(super::open::io));
            let mut work = self.work();
            if let (Err(error), None) = (&written, &work.failed) {
                tracing::error!(%error, "the anchor of the journal was not written");
            }
            work.is_writing = false;
            work.failed = written.err();
            drop(work);
            self.changed.notify_all();
        }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        // Whoever panicked with it left no half-done change behind.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits no longer than for [`LONGEST`].
    fn soon(&self, is_so: impl Fn(&Work) -> bool) -> Result<MutexGuard<'_, Work>, QueueError> {
        let waited = self.changed.wait_timeout_while(self.work(), LONGEST, |work| !is_so(work));
        let (work, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() { Err(QueueError::Storage("the anchor hangs".into())) } else { Ok(work) }
    }

    fn until(&self, is_so: impl Fn(&Work) -> bool) -> MutexGuard<'_, Work> {
        self.changed.wait_while(self.work(), |work| !is_so(work)).unwrap_or_else(PoisonError::into_inner)
    }
}
