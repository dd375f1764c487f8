//! The delivery worker: what runs it, and when.

use std::sync::Arc;
use std::time::Duration;

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
    let (status, watched) = watch::channel(UplinkStatus { reachable: false, since, chain: Chain::Unchecked });
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

impl Running {
    async fn run(mut self) {
        loop {
            // Whatever changes from here on starts another round: nothing falls between.
            self.changes = self.carrier.queue.changes();
            let round = self.carrier.round().await;
            let (pause, failed) = match round {
                Round::Done => {
                    self.backoff.reset();
                    (self.pace.heartbeat, false)
                }
                Round::Failed { asked } => (self.backoff.next(&self.pace, asked, &*self.random), true),
                Round::Stopped => return,
            };
            if !self.rest(pause, failed).await {
                return;
            }
        }
    }

    /// Waits for something to do; after a failure for its pause, or to be woken. `false`: it is to stop.
    async fn rest(&mut self, pause: Duration, failed: bool) -> bool {
        let until = Instant::now() + pause;
        let mut stopping = self.carrier.stopping.clone();
        loop {
            tokio::select! {
                // A sender that was dropped means the same as a stop.
                _ = stopping.wait_for(|stop| *stop) => return false,
                () = self.wake.notified() => return true,
                () = tokio::time::sleep_until(until) => {
                    self.carrier.ask_again();
                    return true;
                }
                () = self.carrier.queue.let_go(), if !failed => return true,
                change = self.changes.recv(), if !failed => match change {
                    Ok(row) if self.carrier.has_news(&row) => return true,
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => return true,
                    Err(broadcast::error::RecvError::Closed) => return false,
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
