//! The transaction journal: one SQLite file, written by one thread that commits in groups, sealed, chained, signed
//! and anchored (see `ARCHITECTURE.md`, "the queue").
//!
//! A transaction is durable before [`Queue::commit`] returns. What is personal in it is kept sealed.

mod adopt;
mod anchor;
mod anchoring;
mod aside;
mod backup;
mod cancel;
pub mod chain;
mod check;
mod checkpoint;
mod damage;
mod damaged;
mod entry;
mod erase;
pub mod errors;
mod export;
mod faults;
mod files;
mod held;
mod holder;
mod journal;
mod keys;
mod look;
mod lost;
mod open;
mod otherwise;
mod owner;
mod past;
mod place;
mod proof;
mod read;
mod readable;
mod rekey;
mod row;
mod schema;
mod seal;
mod shown;
mod span;
mod state;
#[cfg(test)]
pub(crate) mod tests;
mod told;
mod upward;
mod verify;
mod witness;
mod writer;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use rusqlite::Connection;
use tokio::sync::{broadcast, oneshot};
use uuid::Uuid;

pub use aside::{SetAside, Unread, set_aside};
pub use damage::{Damage, damage_noted};
pub use erase::Erased;
pub use errors::QueueError;
pub use export::{CSV_COLUMNS, ExportError, Exported, Sum};
pub use faults::{Faults, Point};
pub(crate) use held::Held;
pub use keys::{FILES as KEY_FILES, QueueKeys};
pub use otherwise::Otherwise;
pub use past::Past;
pub use place::kept_aside;
pub use proof::Proof;
pub use rekey::{NewKeys, Rekeyed, rekey};
pub(crate) use row::Due;
pub use row::{Caller, Committed, Draft, Filter, Note, Row, Stats, Verified};
pub use seal::{ALGORITHMS, head_is_signed};
pub use state::{By, MOVES, State, protocol};
pub(crate) use upward::Known;
pub use witness::{Witness, prove};

use crate::wire::is_terminal;
use crate::world::{Clock, Random};
use journal::Context;
use writer::{Job, Reply, Writer};

/// How many changes a slow watcher may be behind before it misses some.
const CHANGES: usize = 1024;

/// Where the journal lives and whose it is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The SQLite file.
    pub path: PathBuf,
    /// The anchor: a file of its own, best on another disk.
    pub anchor: PathBuf,
    /// The terminal's code, as enrolled at the centre: 12 ASCII letters and digits.
    pub terminal: String,
    /// Everything that is committed carries the demo mark.
    pub demo: bool,
}

/// The journal. A handle: clones share one writer.
#[derive(Clone)]
pub struct Queue {
    inner: Arc<Inner>,
}

struct Inner {
    context: Arc<Context>,
    settings: Settings,
    files: Arc<files::Files>,
    jobs: mpsc::Sender<Job>,
    reader: Mutex<Connection>,
    changes: broadcast::Sender<Row>,
    held: held::Holding,
    told: Arc<told::Told>,
    /// The records that were found damaged.
    damaged: Mutex<BTreeSet<u64>>,
    /// What the last whole proof found wrong.
    damage: Mutex<Option<Damage>>,
    /// It was closed, or is about to be.
    closed: AtomicBool,
    /// Held until the journal is closed.
    lock: Mutex<Option<std::fs::File>>,
}

impl Queue {
    /// Opens the journal, or makes a new one, and starts its writer.
    ///
    /// # Errors
    /// When the file cannot be opened, is another process's, is damaged, or the keys are not its keys;
    /// [`QueueError::Mode`] when its last record was made in the other mode.
    pub fn open(
        settings: Settings,
        keys: QueueKeys,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, QueueError> {
        Self::open_with_faults(settings, keys, clock, random, Faults::default())
    }

    /// [`Queue::open`] for a test that makes writes fail.
    ///
    /// # Errors
    /// As [`Queue::open`].
    pub fn open_with_faults(
        settings: Settings,
        keys: QueueKeys,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        faults: Faults,
    ) -> Result<Self, QueueError> {
        let places = [settings.path.clone(), settings.anchor.clone()];
        Self::open_there(settings, keys, clock, random, faults).map_err(|error| error.on(&places))
    }

    fn open_there(
        settings: Settings,
        keys: QueueKeys,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        faults: Faults,
    ) -> Result<Self, QueueError> {
        let terminal = settings.terminal.clone();
        // A shorter one would be filled up, and then be another terminal's.
        if !is_terminal(&terminal) {
            return Err(QueueError::Draft("the terminal's code is not 12 ASCII letters and digits"));
        }
        let crypto = seal::Crypto::new(&keys);
        let context = Arc::new(Context { terminal, demo: settings.demo, crypto, clock, random });
        let lock = open::lock(&settings.path)?;
        place::finish(&settings)?;
        check::before_writing(&settings, &context)?;
        check::mode(&settings)?;
        let before = files::Identity::at(&settings.path)?;
        let db = open::writer(&settings)?;
        open::claim(&db, &context)?;
        let checkpoints = open::checkpoints(&settings.path)?;
        let files = Arc::new(files::Files::of(&settings.path, before, &lock)?);
        let head = open::head(&db)?;
        let mut anchor = anchor::Anchor::open(&settings.anchor).map_err(open::io)?;
        place::give(&settings.anchor)?;
        let anchored = anchor.read(&context.crypto, &context.terminal).map_err(open::io)?;
        open::check_head(&db, &context, anchored, &head)?;
        // Between a commit and its anchor the process may have died.
        anchor.write(&context.crypto, &context.terminal, &head).map_err(open::io)?;

        let reader = Mutex::new(open::reader(&settings.path)?);
        let (jobs, waiting) = mpsc::channel();
        let (changes, _) = broadcast::channel(CHANGES);
        let anchoring = anchoring::Anchoring::start(anchor, head, context.clone(), faults.clone()).map_err(open::io)?;
        let checkpoints = checkpoint::Checkpoints::start(checkpoints).map_err(open::io)?;
        let (handed, changed, open) = (context.clone(), changes.clone(), files.clone());
        let writer =
            Writer { db, files: open, context: handed, anchoring, checkpoints, head, changes: changed, faults };
        thread::Builder::new().name("journal".into()).spawn(move || writer.run(&waiting)).map_err(open::io)?;
        let lock = Mutex::new(Some(lock));
        let (held, told) = (held::Holding::default(), Arc::default());
        let (damaged, damage, closed) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        let inner =
            Inner { context, settings, files, jobs, reader, changes, held, told, damaged, damage, closed, lock };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Commits a transaction; durable when this returns. Blocks: not for an async task.
    ///
    /// # Errors
    /// [`QueueError::Conflict`], [`QueueError::Damaged`] where the file was found to be, and what the storage may do.
    pub fn commit(&self, draft: Draft) -> Result<Committed, QueueError> {
        self.may_write()?;
        let draft = Box::new(self.inner.context.prepare(draft));
        self.wait(|reply| Job::Commit(draft, reply))
    }

    /// [`Queue::commit`] for an async task.
    ///
    /// # Errors
    /// As [`Queue::commit`].
    pub async fn commit_async(&self, draft: Draft) -> Result<Committed, QueueError> {
        self.may_write()?;
        let draft = Box::new(self.inner.context.prepare(draft));
        self.wait_async(|reply| Job::Commit(draft, reply)).await
    }

    /// Moves a transaction to another state. Blocks.
    ///
    /// # Errors
    /// [`QueueError::Move`] when the table does not allow it, [`QueueError::NotFound`], [`QueueError::Damaged`] where the
    /// file was found to be, and what the storage may do.
    pub fn advance(&self, id: Uuid, to: State, note: Note) -> Result<Row, QueueError> {
        self.may_write()?;
        self.wait(|reply| Job::Advance(id, to, note, reply))
    }

    /// [`Queue::advance`] for an async task.
    ///
    /// # Errors
    /// As [`Queue::advance`].
    pub async fn advance_async(&self, id: Uuid, to: State, note: Note) -> Result<Row, QueueError> {
        self.may_write()?;
        self.wait_async(|reply| Job::Advance(id, to, note, reply)).await
    }

    /// Every row that is committed or changes state from now on.
    pub fn changes(&self) -> broadcast::Receiver<Row> {
        self.inner.changes.subscribe()
    }

    /// Tries whether the journal and its anchor can be written: the storage condition of the terminal. Blocks.
    ///
    /// # Errors
    /// What the storage does; [`QueueError::Damaged`] where the file was found to be.
    pub fn probe(&self) -> Result<(), QueueError> {
        self.may_write()?;
        self.wait(Job::Barrier)
    }

    /// Commits what is under way and closes the files. Later calls answer [`QueueError::Closed`].
    pub fn close(&self) {
        self.stop_proving();
        // Closed already is closed.
        drop(self.wait(Job::Close));
        // Nothing is written any more: another process may.
        drop(self.inner.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// The terminal's code.
    pub fn terminal(&self) -> &str {
        &self.inner.context.terminal
    }

    /// The public key that proves the journal's signatures.
    pub fn public_key(&self) -> [u8; 32] {
        self.inner.context.crypto.public_key
    }

    /// Its clock, for those who act on its behalf.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.inner.context.clock
    }

    /// Takes an online transaction in hand by what it is known by, before it is committed: whoever holds it brings it to
    /// its end. `None` when somebody else has it in hand.
    pub(crate) fn hold(&self, key: &str) -> Option<Held> {
        self.inner.held.hold(self.inner.context.crypto.idempotency(key))
    }

    /// Waits until what the delivery passed over may be there for it: somebody let an online transaction go, or the journal
    /// was proved whole, so that what was damaged is not any more. What was so before counts once.
    pub(crate) async fn look_again(&self) {
        self.inner.held.look_again().await;
    }

    fn wait<T: Send + 'static>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, QueueError> {
        let (reply, answer) = mpsc::sync_channel(1);
        // Whoever no longer waits needs no answer.
        let job = job(Box::new(move |result| drop(reply.send(result))));
        self.inner.jobs.send(job).map_err(|_| QueueError::Closed)?;
        answer.recv().map_err(|_| QueueError::Closed)?
    }

    async fn wait_async<T: Send + 'static>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, QueueError> {
        let (reply, answer) = oneshot::channel();
        let job = job(Box::new(move |result| drop(reply.send(result))));
        self.inner.jobs.send(job).map_err(|_| QueueError::Closed)?;
        answer.await.map_err(|_| QueueError::Closed)?
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}
