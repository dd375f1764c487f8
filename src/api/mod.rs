//! The local interface: JSON under `/v1` over loopback HTTP and a Unix socket, events as server-sent events.
//!
//! Default deny. Over HTTP a request passes if its Host is a loopback name with this port, its origin (where it has
//! one) is on the list, and its bearer token is a client's; then the route's permission counts. At the socket the
//! peer's user and group count instead. A token is never taken from an address.

mod access;
mod answer;
mod body;
mod card;
mod connections;
mod driver;
mod errors;
mod events;
mod giving;
mod guard;
mod handlers;
mod once;
mod openapi;
mod paper;
mod reconciliations;
mod routes;
mod server;
mod shifts;

pub use answer::status_of;
pub use errors::ENTRIES;
pub use once::no_repeats;
pub use openapi::document;
pub use server::{Server, nobody_at};

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use crate::failure::Failure;
use crate::terminal::Terminal;
use access::Access;
use answer::{Refusal, broken};

/// What every handler can reach.
struct Doors {
    terminal: Arc<Terminal>,
    access: Access,
    stopping: watch::Receiver<bool>,
    /// Places for streams of events.
    streams: Arc<Semaphore>,
}

/// Asks the terminal what blocks.
async fn on_a_thread<T: Send + 'static>(
    doors: Arc<Doors>,
    ask: impl FnOnce(&Terminal) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Refusal> {
    let answer = tokio::task::spawn_blocking(move || ask(&doors.terminal)).await;
    Ok(answer.map_err(|error| broken(&error))??)
}
