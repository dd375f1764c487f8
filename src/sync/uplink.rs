//! The seam to the centre.

use std::pin::Pin;

use super::UplinkError;
use crate::wire::headers::SignedHeaders;
use crate::wire::hsm::{Answer, Question};
use crate::wire::{ChainHead, Envelope, Receipt, Reply, Request};

/// A boxed future, so that the seam can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What became of a store-and-forward transaction that was sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivered {
    /// The centre answered.
    Answered(Box<Receipt>),
    /// It is stored on the way; the centre's answer comes by [`Uplink::answers`].
    Stored,
}

/// What became of one transaction of a batch: or why nobody knows.
pub type Delivery = Result<Delivered, UplinkError>;

/// Receipts that came by themselves, together.
pub struct Late {
    /// The centre's answers, each to another transaction.
    pub receipts: Vec<Receipt>,
    /// Tells the way that the journal has all of them: until then they are brought again.
    pub kept: BoxFuture<'static, ()>,
}

/// The way to the centre.
pub trait Uplink: Send + Sync {
    /// Sends store-and-forward transactions; sent again, each gets the same answer. One result a transaction, in their
    /// order; what keeps all of them from being sent is each one's.
    fn deliver<'a>(&'a self, batch: &'a [Envelope]) -> BoxFuture<'a, Vec<Delivery>>;

    /// Whether a transaction can be stored on the way while the centre is away.
    fn stores(&self) -> bool;

    /// Waits for receipts of what was stored on the way. Never ready where every answer comes at once. Dropped before it is
    /// ready, it loses none.
    fn answers(&self) -> BoxFuture<'_, Vec<Late>>;

    /// Sends an online request and waits for the answer.
    ///
    /// # Errors
    /// When no answer is there; [`UplinkError::never_sent`] tells whether it can have arrived.
    fn request<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, UplinkError>>;

    /// Sends headers in sequence, in whole groups; answers with the centre's head of this terminal's chain afterwards.
    ///
    /// # Errors
    /// When no answer is there.
    fn headers<'a>(&'a self, headers: &'a SignedHeaders) -> BoxFuture<'a, Result<ChainHead, UplinkError>>;

    /// Asks whether the centre is there, and for its head of this terminal's chain.
    ///
    /// # Errors
    /// When no answer is there.
    fn probe(&self) -> BoxFuture<'_, Result<ChainHead, UplinkError>>;

    /// Asks the security module behind the centre by a string of the HSM flow. Asked again it does no harm: nothing
    /// there remembers it.
    ///
    /// # Errors
    /// When no answer is there; on a way that leads to no security module, always.
    fn keys<'a>(&'a self, _question: &'a Question) -> BoxFuture<'a, Result<Answer, UplinkError>> {
        Box::pin(async { Err(UplinkError::Unreachable("this way leads to no security module".into())) })
    }
}
