//! The seam to a security module upstream.

use std::time::Duration;

use crate::wire::hsm::{Malformed, Question, Text};
use crate::wire::plain_code;

/// The way to a security module: it carries a national string there, and brings back what the next step takes.
pub trait HsmLink: Send + Sync {
    /// Asks and waits, for so long at most. Blocks; not to be called from a thread of an asynchronous runtime.
    ///
    /// # Errors
    /// Why there is no answer.
    fn ask(&self, question: &Question, within: Duration) -> Result<Text, LinkError>;

    /// What names the keys behind it, as a PSAM's serial number does.
    fn identity(&self) -> Vec<u8>;
}

/// Why a security module gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It cannot be reached, or did not answer in time.
    #[error("the security module cannot be reached: {0}")]
    Away(String),
    /// It will not answer this; with its code. Its words are not kept: they may name a person.
    #[error("the security module refuses: {}", plain_code(.0))]
    Refused(String),
    /// What it answered is none. Never quotes it.
    #[error("the security module's answer cannot be understood: {0}")]
    Malformed(String),
}

impl From<Malformed> for LinkError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed.to_string())
    }
}
