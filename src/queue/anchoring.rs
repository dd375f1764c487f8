//! The anchor's thread: a head is anchored while the next group is being committed.
//!
//! One head may be written and one may wait, and none is committed beyond these before one of them is in the anchor: it is
//! at most two commit groups behind the journal, and never ahead of it. Where it cannot be written nothing new is
//! committed, until it can be.

use std::io;
use std::path::PathBuf;
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
/// How many commit groups the anchor may be behind once the next one is committed.
const BEHIND: u64 = 2;

/// The thread. Dropped, it writes what waits, and closes the file.
pub(super) struct Anchoring {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    path: PathBuf,
    work: Mutex<Work>,
    changed: Condvar,
}

struct Work {
    /// The newest head that was handed over, or was anchored before.
    newest: ChainHead,
    /// How many heads were handed over, one a commit group.
    given: u64,
    /// How many of these the anchor has, or a newer one.
    written: u64,
    /// The newest head waits to be written.
    waits: bool,
    is_writing: bool,
    /// Why the anchor is behind, until it is written again.
    failed: Option<QueueError>,
    is_over: bool,
}

impl Anchoring {
    /// `anchored` is the head that the anchor has.
    pub(super) fn start(
        anchor: Anchor,
        anchored: ChainHead,
        context: Arc<Context>,
        faults: Faults,
    ) -> io::Result<Self> {
        let work = Work {
            newest: anchored,
            given: 0,
            written: 0,
            waits: false,
            is_writing: false,
            failed: None,
            is_over: false,
        };
        let shared =
            Arc::new(Shared { path: anchor.path().to_owned(), work: Mutex::new(work), changed: Condvar::new() });
        let writes = shared.clone();
        let thread =
            thread::Builder::new().name("anchor".into()).spawn(move || writes.run(anchor, &context, &faults))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Whether the chain may grow now, for all that is known: what could not be written is tried once more, if it is that
    /// which is in the way.
    ///
    /// # Errors
    /// [`QueueError::Anchor`]: why it was not written.
    pub(super) fn may_grow(&self) -> Result<(), QueueError> {
        let work = self.shared.work();
        // One that is being written, and has not failed before, is waited for at the end.
        if work.is_near() || work.failed.is_none() && !work.is_idle() {
            return Ok(());
        }
        drop(work);
        let work = self.shared.soon(|work| work.is_near() || work.is_idle())?;
        if work.is_near() {
            return Ok(());
        }
        let newest = work.newest;
        drop(work);
        self.write(newest);
        self.settled()
    }

    /// Waits until one commit group more leaves the anchor no further behind than it may be.
    ///
    /// # Errors
    /// [`QueueError::Anchor`]: why it was not written, or that its disk hangs.
    pub(super) fn may_commit(&self) -> Result<(), QueueError> {
        let work = self.shared.soon(|work| work.is_near() || work.is_idle())?;
        if work.is_near() { Ok(()) } else { work.failed.clone().map_or(Ok(()), Err) }
    }

    /// Waits until no head waits any more.
    ///
    /// # Errors
    /// [`QueueError::Anchor`] when its disk hangs.
    pub(super) fn until_taken(&self) -> Result<(), QueueError> {
        self.shared.soon(|work| !work.waits).map(drop)
    }

    /// Hands over the head of a commit group, or once more the one of before.
    pub(super) fn write(&self, head: ChainHead) {
        let mut work = self.shared.work();
        work.given += u64::from(head != work.newest);
        work.newest = head;
        work.waits = true;
        drop(work);
        self.shared.changed.notify_all();
    }

    /// Whether the last head was not written: what is handed over next is a try more.
    pub(super) fn has_failed(&self) -> bool {
        self.shared.work().failed.is_some()
    }

    /// Waits until everything that was handed over was tried.
    ///
    /// # Errors
    /// [`QueueError::Anchor`]: why the last head was not written, or that its disk hangs.
    pub(super) fn settled(&self) -> Result<(), QueueError> {
        let work = self.shared.soon(Work::is_idle)?;
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

impl Work {
    fn is_idle(&self) -> bool {
        !self.waits && !self.is_writing
    }

    /// Whether the next commit group leaves the anchor no further behind than it may be.
    fn is_near(&self) -> bool {
        self.given - self.written < BEHIND
    }
}

impl Shared {
    /// A failure here loses nothing that was committed, but a tail that is cut off now would not show: whoever asks
    /// whether writing works is told, each group tries again, and there is an end to those that are committed meanwhile.
    fn run(&self, mut anchor: Anchor, context: &Context, faults: &Faults) {
        loop {
            let mut work = self.until(|work| work.waits || work.is_over);
            if !work.waits {
                return;
            }
            let (head, given) = (work.newest, work.given);
            (work.waits, work.is_writing) = (false, true);
            drop(work);
            self.changed.notify_all();
            let written = faults
                .at(Point::Anchor)
                .and_then(|()| anchor.write(&context.crypto, &context.terminal, &head).map_err(super::open::io))
                .map_err(|error| self.error(&error));
            let mut work = self.work();
            if let (Err(error), None) = (&written, &work.failed) {
                tracing::error!(%error, "the anchor of the journal was not written");
            }
            work.is_writing = false;
            if written.is_ok() {
                work.written = given;
            }
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
        if waited.timed_out() { Err(self.error(&"its disk hangs")) } else { Ok(work) }
    }

    fn error(&self, what: &dyn std::fmt::Display) -> QueueError {
        QueueError::Anchor(format!("{}: {what}", self.path.display()))
    }

    fn until(&self, is_so: impl Fn(&Work) -> bool) -> MutexGuard<'_, Work> {
        self.changed.wait_while(self.work(), |work| !is_so(work)).unwrap_or_else(PoisonError::into_inner)
    }
}
