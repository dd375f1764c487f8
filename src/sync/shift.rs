//! 签到流水号 of the operators' shifts, in the envelope of what is sent in their names.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{BoxFuture, Delivery, Late, Uplink, UplinkError};
use crate::wire::headers::SignedHeaders;
use crate::wire::hsm::{Answer, Question};
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

    fn stores(&self) -> bool {
        self.inner.stores()
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

    fn keys<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Result<Answer, UplinkError>> {
        self.inner.keys(question)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::Value;

    use super::*;

    /// Keeps the numbers that requests carry.
    #[derive(Default)]
    struct Kept(Mutex<Vec<Option<String>>>);

    impl Uplink for Kept {
        fn deliver<'a>(&'a self, _: &'a [Envelope]) -> BoxFuture<'a, Vec<Delivery>> {
            Box::pin(async { vec![Err(UplinkError::NoAnswer("deliver".into()))] })
        }

        fn stores(&self) -> bool {
            true
        }

        fn answers(&self) -> BoxFuture<'_, Vec<Late>> {
            Box::pin(async { Vec::new() })
        }

        fn request<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, UplinkError>> {
            self.0.lock().unwrap().push(request.sign_no.clone());
            Box::pin(async { Err(UplinkError::NoAnswer("request".into())) })
        }

        fn headers<'a>(&'a self, _: &'a SignedHeaders) -> BoxFuture<'a, Result<ChainHead, UplinkError>> {
            Box::pin(async { Err(UplinkError::NoAnswer("headers".into())) })
        }

        fn probe(&self) -> BoxFuture<'_, Result<ChainHead, UplinkError>> {
            Box::pin(async { Err(UplinkError::NoAnswer("probe".into())) })
        }
    }

    #[tokio::test]
    async fn a_request_carries_the_number_of_its_operators_shift_as_long_as_that_is_open() {
        let (kept, numbers) = (Arc::new(Kept::default()), SignNumbers::default());
        let uplink = SignedOnUplink::new(kept.clone(), numbers.clone());
        let request = |opter: &str, sign_no: Option<&str>| Request {
            infno: "1101".into(),
            msgid: "M".into(),
            fixmedins_code: "T".into(),
            opter: opter.into(),
            inf_time: String::new(),
            recer_sys_code: None,
            sign_no: sign_no.map(str::to_owned),
            demo: true,
            input: Value::Null,
        };
        numbers.set("0001", Some("Q1".into()));
        for (opter, own) in [("0001", None), ("0002", None), ("0001", Some("Q7"))] {
            assert!(uplink.request(&request(opter, own)).await.is_err());
        }
        numbers.set("0001", None);
        assert!(uplink.request(&request("0001", None)).await.is_err());
        let carried = kept.0.lock().unwrap().clone();
        assert_eq!(carried, [Some("Q1".to_owned()), None, Some("Q7".to_owned()), None]);
        // Everything else goes through as it is.
        assert!(uplink.stores() && uplink.answers().await.is_empty());
        let delivered = uplink.deliver(&[]).await;
        assert!(matches!(&delivered[..], [Err(UplinkError::NoAnswer(what))] if what == "deliver"));
        assert!(matches!(uplink.probe().await, Err(UplinkError::NoAnswer(what)) if what == "probe"));
        assert!(
            matches!(uplink.headers(&SignedHeaders::default()).await, Err(UplinkError::NoAnswer(what)) if what == "headers")
        );
    }
}
