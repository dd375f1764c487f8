//! The delivery worker, as the house sees it.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::running::{Calls, Running};
use super::send::Way;
use super::uplink::Uplink;
use super::{Chain, Pace, UplinkStatus};
use crate::queue::Queue;
use crate::world::{Clock, Random};

/// The running delivery. Stops when dropped.
pub struct Worker {
    calls: Arc<Calls>,
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
    let calls = Arc::<Calls>::default();
    let way = Arc::new(Way { queue, uplink });
    let running = Running::new(way, pace, (clock, random), status, (calls.clone(), stopping));
    let task = Some(tokio::spawn(running.run()));
    Worker { calls, stop, status: watched, task }
}

impl Worker {
    /// Try now, whatever the pause.
    pub fn wake(&self) {
        self.calls.wake.notify_one();
    }

    /// Something was committed: a centre that is away is tried now. One that is there is told in any case; one that wants to
    /// be left alone, in its time.
    pub fn committed(&self) {
        self.calls.committed.notify_one();
    }

    /// Whether the centre can be reached, now and as it changes.
    pub fn status(&self) -> watch::Receiver<UplinkStatus> {
        self.status.clone()
    }

    /// Ends after what is under way.
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
