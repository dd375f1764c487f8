//! 签到流水号 of the operators' shifts, in the envelope of what is sent in their names.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{BoxFuture, Delivery, Late, Uplink, UplinkError};
use crate::wire::headers::SignedHeaders;
use crate::wire::{ChainHead, Envelope, Reply, Request};

/// The numbers that the centre gave the open shifts, by operator. A clone shares them.
#[derive(Debug, Clone, Default)]
pub struct SignNumbers(Arc<RwLock<BTreeMap<String, String>>>);

impl SignNumbers {
    /// The operator works under this number from now on; under none with `None`.
    pub fn set(&self, operator: &str, sign_no: Option<String>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match sign_no {
            Some(number) => drop(all.insert(operator.to_owned(), number)),
            None => drop(all.remove(operator)),
        }
    }

    /// The operator's number.
    pub fn of(&self, operator: &str) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(operator).cloned()
    }
}

/// An uplink whose requests carry the number of their operator's shift.
pub struct SignedOnUplink {
    inner: Arc<dyn Uplink>,
    numbers: SignNumbers,
}

impl SignedOnUplink {
    /// Puts `numbers` into what goes through `inner`.
    pub fn new(inner: Arc<dyn Uplink>, numbers: SignNumbers) -> Self {
        Self { inner, numbers }
    }
}

impl Uplink for SignedOnUplink {
    fn deliver<'a>(&'a self, batch: &'a [Envelope]) -> BoxFuture<'a, Vec<Delivery>> {
        self.inner.deliver(batch)
    }

    fn answers(&self) -> BoxFuture<'_, Vec<Late>> {
        self.inner.answers()
    }

    fn request<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, UplinkError>> {
        match (&request.sign_no, self.numbers.of(&request.opter)) {
            (None, Some(number)) => {
                let signed = Request { sign_no: Some(number), ..request.clone() };
                Box::pin(async move { self.inner.request(&signed).await })
            }
            _ => self.inner.request(request),
        }
    }

    fn headers<'a>(&'a self, headers: &'a SignedHeaders) -> BoxFuture<'a, Result<ChainHead, UplinkError>> {
        self.inner.headers(headers)
    }

    fn probe(&self) -> BoxFuture<'_, Result<ChainHead, UplinkError>> {
        self.inner.probe()
    }
}
