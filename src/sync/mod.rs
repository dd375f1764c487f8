//! Delivery upstream: the [`Uplink`] seam, the worker that empties the journal, and the online settlement.

mod ask;
pub mod errors;
mod http;
mod uplink;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

pub use ask::Asker;
pub use errors::{SettleError, UplinkError};
pub use http::HttpUplink;
pub use uplink::{BoxFuture, Uplink};

use crate::queue::{Draft, Queue, Row};
use crate::wire::Request;
use crate::world::{Clock, Random};

/// Whether the centre can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UplinkStatus {
    /// The last attempt was answered. `false` until the first one is.
    pub reachable: bool,
    /// Since when it is so.
    pub since: Timestamp,
}

/// How patient the worker is.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The first pause after a failure; doubled each time, half of it random.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// How often an idle worker asks whether the centre is there.
    pub heartbeat: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(300), heartbeat: Duration::from_secs(30) }
    }
}

/// The running delivery. Stops when dropped.
pub struct Worker {}

/// Starts the delivery; needs a tokio runtime around it.
#[allow(clippy::todo, unused_variables, reason = "the first landing is the shape of the room only")]
pub fn start(
    queue: Queue,
    uplink: Arc<dyn Uplink>,
    pace: Pace,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Worker {
    todo!()
}

#[allow(clippy::todo, unused_variables, reason = "the first landing is the shape of the room only")]
impl Worker {
    /// Try now, whatever the pause.
    pub fn wake(&self) {
        todo!()
    }

    /// Whether the centre can be reached, now and as it changes.
    pub fn status(&self) -> watch::Receiver<UplinkStatus> {
        todo!()
    }

    /// Ends after the item under way.
    pub async fn stop(self) {
        todo!()
    }
}

/// How an online settlement ended.
#[derive(Debug, Clone)]
pub enum Settled {
    /// The centre settled it; with its output (`setlinfo`, …).
    Accepted(Row, Value),
    /// The centre refused it: its code and words.
    Refused(Row, String, String),
    /// Nothing was settled, or what was is being taken back: the holder is told so.
    NothingSettled(Row),
}

/// How long the counter waits.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the settlement's answer.
    pub answer: Duration,
    /// For each answer to the query and the reversal after it.
    pub resolve: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { answer: Duration::from_secs(15), resolve: Duration::from_secs(5) }
    }
}

/// Settles online: writes ahead, sends `request` (2207) under the message id made by the journal, and keeps the
/// answer. Without an answer it asks the centre for the message id and then reverses (2601) until that is answered,
/// which the worker goes on with after a restart too. `draft.payload` becomes `{"request", "detail"}`.
///
/// Runs to its end even when the caller's future is dropped.
///
/// # Errors
/// When the journal did not take a step, or the same transaction is under way already.
#[allow(clippy::todo, unused_variables, reason = "the first landing is the shape of the room only")]
pub async fn settle(
    queue: &Queue,
    uplink: &Arc<dyn Uplink>,
    draft: Draft,
    request: Request,
    patience: Patience,
) -> Result<Settled, SettleError> {
    todo!()
}
