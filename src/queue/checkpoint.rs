//! The log is written back into the database on a thread of its own: a commit that did it would wait for two syncs more.
//!
//! It holds up nobody, and nobody holds it up: it writes back what it may. When the log has grown to [`PAGES`] all the same,
//! the commit that finds it so writes back the rest.

use std::io;
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

/// Jobs after which it is time.
const JOBS: usize = 64;

/// Pages of the log (4 KiB each) at which a commit writes back itself.
pub(super) const PAGES: u32 = 4000;

/// The thread. Dropped, it ends what it does, and closes its connection.
pub(super) struct Checkpoints {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    jobs: usize,
}

impl Checkpoints {
    pub(super) fn start(db: Connection) -> io::Result<Self> {
        let (wake, due) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("checkpoint".into()).spawn(move || {
            for () in due {
                // What fails is tried again the next time, and by a commit in the end; nothing waits for it.
                drop(db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())));
            }
        })?;
        Ok(Self { wake: Some(wake), thread: Some(thread), jobs: 0 })
    }

    /// So many jobs more were committed.
    pub(super) fn count(&mut self, jobs: usize) {
        self.jobs += jobs;
        if self.jobs >= JOBS {
            self.jobs = 0;
            // One that is due already is enough.
            let _ = self.wake.as_ref().map(|wake| wake.try_send(()));
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            // One that panicked has closed its connection as well.
            drop(thread.join());
        }
    }
}
