//! The thread that watches every reader at once, and lives through whatever becomes of the service.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use super::guard::{Guards, Use};
use super::service::{Service, Waker, Watch};
use super::table::{Changes, Question, Table};
use crate::reader::{ReaderEvent, RoleRule, TransportError};

/// Events that a slow watcher may fall behind by.
const BACKLOG: usize = 256;
/// How long the service is left alone after it was found away: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How often in a row a reader may be gone again when it is looked at.
const VANISHED: u32 = 5;
/// How long a question waits for whoever has the reader.
const QUESTION_PATIENCE: Duration = Duration::from_secs(1);
/// How long the thread may take to end.
const END: Duration = Duration::from_secs(5);

/// What the thread and its owner share.
pub(super) struct Shared {
    pub(super) table: Mutex<Table>,
    pub(super) events: broadcast::Sender<ReaderEvent>,
    pub(super) guards: Arc<Guards>,
    service: Box<dyn Service>,
    stop: Stop,
}

/// The running thread; ended on drop.
pub(super) struct Monitor {
    pub(super) shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Monitor {
    /// Starts to watch. Where the system gives no thread, nothing is watched, and the service counts as away.
    pub(super) fn start(service: Box<dyn Service>, rules: Vec<RoleRule>) -> Self {
        let shared = Arc::new(Shared {
            table: Mutex::new(Table::new(rules)),
            events: broadcast::Sender::new(BACKLOG),
            guards: Arc::default(),
            service,
            stop: Stop::default(),
        });
        let run = {
            let shared = Arc::clone(&shared);
            move || {
                shared.run();
                shared.stop.ended();
            }
        };
        let thread = std::thread::Builder::new().name("sbkd-readers".to_owned()).spawn(run);
        let thread = thread.inspect_err(|error| {
            tracing::error!(%error, "the readers are not watched");
            shared.change(|table| Changes { events: table.service_away(), questions: Vec::new() });
        });
        Self { shared, thread: thread.ok() }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        // A service that hangs may hold the thread in a call: it ends with the program then.
        if self.shared.stop.stop() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// The table is whole at every moment, also after a panic elsewhere.
    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(self: &Arc<Self>) {
        let mut pause = PAUSE.0;
        while !self.stop.asked() {
            if let Ok(mut watch) = self.service.watch() {
                self.stop.wake_with(Some(watch.waker()));
                let ended = self.follow(&mut *watch, &mut pause);
                self.stop.wake_with(None);
                tracing::debug!(?ended, "the readers are no longer watched");
            }
            if self.stop.asked() {
                return;
            }
            self.change(|table| Changes { events: table.service_away(), questions: Vec::new() });
            self.stop.wait(pause);
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Watches until the service goes or the monitor is stopped.
    fn follow(self: &Arc<Self>, watch: &mut dyn Watch, pause: &mut Duration) -> Result<(), TransportError> {
        let mut vanished = 0;
        while !self.stop.asked() {
            let names = watch.readers()?;
            self.change(|table| Changes { events: table.service_there(), questions: Vec::new() });
            let known = self.table().known(names);
            self.change(|table| table.see(&known, Instant::now()));
            match watch.wait(&known)? {
                Some(seen) => {
                    self.change(|table| table.see(&seen, Instant::now()));
                    vanished = 0;
                    *pause = PAUSE.0;
                }
                None => vanished += 1,
            }
            if vanished > VANISHED {
                return Err(TransportError::ServiceAway);
            }
        }
        Ok(())
    }

    /// Changes the table and tells it under one lock, so that events come in the order of what happened.
    fn change(self: &Arc<Self>, change: impl FnOnce(&mut Table) -> Changes) {
        let mut table = self.table();
        let changes = change(&mut table);
        self.tell(changes.events);
        drop(table);
        for question in changes.questions {
            self.ask(question);
        }
    }

    fn tell(&self, events: Vec<ReaderEvent>) {
        for event in events {
            // No watcher is no error.
            let _ = self.events.send(event);
        }
    }

    /// Asks on a thread of its own: a slow card must not keep the other readers from being watched.
    fn ask(self: &Arc<Self>, question: Question) {
        let asker = {
            let (shared, question) = (Arc::clone(self), question.clone());
            move || shared.answer(&question)
        };
        if let Err(error) = std::thread::Builder::new().name("sbkd-ask".to_owned()).spawn(asker) {
            tracing::error!(%error, "a card cannot be asked what it is");
            self.change(|table| Changes {
                events: table.answered(&question, None, Instant::now()),
                questions: Vec::new(),
            });
        }
    }

    fn answer(self: &Arc<Self>, question: &Question) {
        let guard = self.guards.take(&question.reader, Use::Question, Instant::now() + QUESTION_PATIENCE);
        let role = guard.and_then(|_guard| match self.service.ask(&question.reader) {
            Ok(role) => Some(role),
            Err(error) => {
                tracing::debug!(reader = %question.reader, %error, "the card cannot be asked what it is");
                None
            }
        });
        self.change(|table| Changes { events: table.answered(question, role, Instant::now()), questions: Vec::new() });
    }
}

/// The way to end the thread, wherever it waits.
#[derive(Default)]
struct Stop {
    state: Mutex<StopState>,
    changed: Condvar,
}

#[derive(Default)]
struct StopState {
    asked: bool,
    ended: bool,
    waker: Option<Waker>,
}

impl Stop {
    fn lock(&self) -> MutexGuard<'_, StopState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) -> bool {
        self.lock().asked
    }

    fn wake_with(&self, waker: Option<Waker>) {
        self.lock().waker = waker;
    }

    fn ended(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Waits for at most `pause`, or until asked to stop.
    fn wait(&self, pause: Duration) {
        let state = self.lock();
        drop(self.changed.wait_timeout_while(state, pause, |state| !state.asked));
    }

    /// Asks, and wakes the thread until it has ended; false when it does not.
    fn stop(&self) -> bool {
        let end = Instant::now() + END;
        let mut state = self.lock();
        state.asked = true;
        self.changed.notify_all();
        // Again and again: a wake that comes just before the wait begins is lost.
        while !state.ended && Instant::now() < end {
            if let Some(wake) = &state.waker {
                wake();
            }
            let waited = self.changed.wait_timeout(state, Duration::from_millis(10));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.ended
    }
}
