//! The seam to the centre.

use std::pin::Pin;

use super::UplinkError;
use crate::wire::{ChainHead, Envelope, Header, Receipt, Reply, Request};

/// A boxed future, so that the seam can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The way to the centre.
pub trait Uplink: Send + Sync {
    /// Sends a store-and-forward transaction; sent again, it gets the same answer.
    ///
    /// # Errors
    /// When no answer is there; see [`UplinkError`].
    fn deliver<'a>(&'a self, envelope: &'a Envelope) -> BoxFuture<'a, Result<Receipt, UplinkError>>;

    /// Sends an online request and waits for the answer.
    ///
    /// # Errors
    /// When no answer is there; [`UplinkError::never_sent`] tells whether it can have arrived.
    fn request<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, UplinkError>>;

    /// Sends headers in sequence; answers with the centre's head of this terminal's chain afterwards.
    ///
    /// # Errors
    /// When no answer is there.
    fn headers<'a>(&'a self, headers: &'a [Header]) -> BoxFuture<'a, Result<ChainHead, UplinkError>>;

    /// Asks whether the centre is there, and for its head of this terminal's chain.
    ///
    /// # Errors
    /// When no answer is there.
    fn probe<'a>(&'a self, terminal: &'a str) -> BoxFuture<'a, Result<ChainHead, UplinkError>>;
}
