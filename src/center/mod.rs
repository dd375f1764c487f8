//! The reference upstream for demo, training and tests: receives, deduplicates, settles, answers.

use std::net::SocketAddr;
use std::path::PathBuf;

/// How a centre runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens; port 0 for any.
    pub listen: SocketAddr,
    /// Its SQLite file; `None` for one that is gone with the process.
    pub database: Option<PathBuf>,
    /// The seed file of made-up people; `None` for the built-in one.
    pub seed: Option<PathBuf>,
    /// The token terminals carry.
    pub token: String,
    /// A demo centre takes what carries the demo mark, and has an endpoint for faults.
    pub demo: bool,
    /// What it does wrong on purpose.
    pub faults: Faults,
}

/// What a centre does wrong on purpose. Each number counts down by one request.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Answer each request so many milliseconds late.
    pub delay_ms: u64,
    /// Carry out so many requests and then close the connection without an answer.
    pub drop_answer: u32,
    /// Answer so many requests with 500 and do nothing.
    pub fail: u32,
    /// Refuse so many transactions.
    pub refuse: u32,
}

/// A centre that runs. Stops when dropped.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
}

#[allow(clippy::todo, reason = "the first landing is the shape of the room only")]
impl Running {
    /// Stops it and waits until it has.
    pub async fn stop(self) {
        todo!()
    }
}

/// Starts a centre; needs a tokio runtime around it.
///
/// # Errors
/// When the address, the database or the seed cannot be used; a sentence.
#[allow(clippy::todo, unused_variables, reason = "the first landing is the shape of the room only")]
pub async fn run(settings: Settings) -> Result<Running, String> {
    todo!()
}
