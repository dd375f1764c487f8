//! The delivery worker: what runs it, and when.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::round::{Carrier, Round};
use super::uplink::Uplink;
use super::{Chain, Pace, UplinkStatus};
use crate::queue::{Queue, Row, State};
use crate::world::{Clock, Random};

/// The running delivery. Stops when dropped.
pub struct Worker {
    wake: Arc<Notify>,
    stop: watch::Sender<bool>,
    status: watch::Receiver<UplinkStatus>,
    task: Option<JoinHandle<()>>,
}

/// Starts the delivery; needs a tokio runtime around it.
pub fn start(
    queue: Queue,
    uplink: Arc<dyn Uplink>,
    pace: Pace,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Worker {
    let since = clock.now();
    let (status, watched) =
        watch::channel(UplinkStatus { reachable: false, unauthorized: false, since, chain: Chain::Unchecked });
    let (stop, stopping) = watch::channel(false);
    let wake = Arc::new(Notify::new());
    let changes = queue.changes();
    let carrier = Carrier::new(queue, uplink, clock, status, stopping);
    let running = Running { carrier, changes, wake: wake.clone(), pace, random, backoff: Backoff::new() };
    let task = Some(tokio::spawn(running.run()));
    Worker { wake, stop, status: watched, task }
}

impl Worker {
    /// Try now, whatever the pause.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Whether the centre can be reached, now and as it changes.
    pub fn status(&self) -> watch::Receiver<UplinkStatus> {
        self.status.clone()
    }

    /// Ends after the item under way.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take() {
            // A task that panicked has stopped too.
            drop(task.await);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // What was sent without its answer is sent, or asked about, again.
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

struct Running {
    carrier: Carrier,
    changes: broadcast::Receiver<Row>,
    wake: Arc<Notify>,
    pace: Pace,
    random: Arc<dyn Random>,
    backoff: Backoff,
}

/// Why a rest is over.
enum Next {
    /// Something new is there; what waits goes on waiting.
    News,
    /// The pause is over, or somebody asks.
    All,
    /// It is to stop.
    Stop,
}

impl Running {
    async fn run(mut self) {
        let mut until = Instant::now();
        let mut all = true;
        loop {
            // Whatever changes from here on starts another round: nothing falls between.
            self.changes = self.carrier.queue.changes();
            if all {
                self.carrier.try_all();
            }
            let waited = self.carrier.has_waiting();
            let round = self.carrier.round().await;
            let listens = match round {
                Round::Done => {
                    self.backoff.reset();
                    until = Instant::now() + self.pace.heartbeat;
                    true
                }
                // What waited before was not tried again: its pause runs on.
                Round::Waiting { asked: None } if waited => true,
                Round::Waiting { asked } => {
                    until = Instant::now() + self.backoff.next(&self.pace, asked, &*self.random);
                    true
                }
                Round::Failed { asked } => {
                    until = Instant::now() + self.backoff.next(&self.pace, asked, &*self.random);
                    false
                }
                Round::Stopped => return,
            };
            all = match self.rest(until, listens).await {
                Next::News => false,
                Next::All => true,
                Next::Stop => return,
            };
        }
    }

    /// Waits until then, or to be woken; and for news, where `listens` says so: while nothing can be done they wait.
    async fn rest(&mut self, until: Instant, listens: bool) -> Next {
        let mut stopping = self.carrier.stopping.clone();
        loop {
            tokio::select! {
                // A sender that was dropped means the same as a stop.
                _ = stopping.wait_for(|stop| *stop) => return Next::Stop,
                () = self.wake.notified() => return Next::All,
                () = tokio::time::sleep_until(until) => {
                    self.carrier.ask_again();
                    return Next::All;
                }
                () = self.carrier.queue.let_go(), if listens => return Next::News,
                change = self.changes.recv(), if listens => match change {
                    Ok(row) if self.carrier.has_news(&row) => return Next::News,
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => return Next::News,
                    Err(broadcast::error::RecvError::Closed) => return Next::Stop,
                },
            }
        }
    }
}

impl Carrier {
    /// Whether a change of the journal is work: what was just committed; not what the worker itself moved.
    fn has_news(&self, row: &Row) -> bool {
        row.state == State::Pending || row.sequence > self.sequence_told()
    }
}
