//! Delivery upstream: the [`Uplink`] seam, the worker that empties the journal, and what is settled or paid online.

mod ask;
mod backoff;
mod came;
mod choose;
mod envelope;
pub mod errors;
mod http;
mod jetstream;
mod keys;
mod note;
mod planned;
mod reply;
mod resolve;
mod running;
mod send;
mod settle;
mod shift;
#[cfg(test)]
mod tests;
mod tls;
mod uplink;
mod worker;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

pub use ask::Asker;
pub use errors::{SettleError, UplinkError};
pub use http::{HttpUplink, Link};
pub use jetstream::JetStreamUplink;
pub use keys::CentreKeys;
pub use planned::sent_under;
pub use settle::{Patience, Settled, pay, settle};
pub use shift::{SignNumbers, SignedOnUplink};
pub use tls::TlsFiles;
pub use uplink::{BoxFuture, Delivered, Delivery, Late, Uplink};
pub use worker::{Worker, start};

use crate::queue::{Queue, QueueError};

/// Whether the centre can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UplinkStatus {
    /// The last attempt was answered. `false` until the first one is.
    pub reachable: bool,
    /// It is not reachable because the centre does not take this terminal's token: it is there, and waiting helps
    /// nothing.
    pub unauthorized: bool,
    /// Since when it is so.
    pub since: Timestamp,
    /// Whether the centre's chain of this terminal is the journal's.
    pub chain: Chain,
}

/// The journal held against what the centre has of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Chain {
    /// The centre was not asked yet.
    Unchecked,
    /// What the centre has is what the journal has, or what it has lost and signed as lost.
    Agrees,
    /// The centre has headers that the journal neither has nor knows to be lost: the journal was cut, or changed; or it
    /// does not take those that follow, which are tried again each hour. Transactions go up.
    Broken,
}

impl Chain {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Agrees => "agrees",
            Self::Broken => "broken",
        }
    }
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

/// An answer within a time; as long as the uplink waits when there is none.
async fn within<T>(
    time: Option<Duration>,
    answer: impl Future<Output = Result<T, UplinkError>>,
) -> Result<T, UplinkError> {
    match time {
        Some(time) => tokio::time::timeout(time, answer)
            .await
            .unwrap_or_else(|_| Err(UplinkError::NoAnswer("it took too long".into()))),
        None => answer.await,
    }
}

/// Works on the journal's files off the runtime's threads.
async fn off_the_runtime<T: Send + 'static>(
    queue: &Queue,
    work: impl FnOnce(&Queue) -> Result<T, QueueError> + Send + 'static,
) -> Result<T, QueueError> {
    let queue = queue.clone();
    // A task that was broken off means that the runtime ends.
    tokio::task::spawn_blocking(move || work(&queue)).await.unwrap_or(Err(QueueError::Closed))
}
