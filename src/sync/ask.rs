//! Questions to the centre that change nothing there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::envelope::Sender;
use super::{Uplink, UplinkError};
use crate::wire::person::{Accumulations, Person, Question};
use crate::wire::settle::{Settlement, SettlementAnswer};
use crate::wire::{Receiver, Reply, Request, Series, infno};
use crate::world::Clock;

/// Asks on behalf of this terminal. A clone shares the numbering of messages.
#[derive(Clone)]
pub struct Asker {
    uplink: Arc<dyn Uplink>,
    clock: Arc<dyn Clock>,
    terminal: String,
    demo: bool,
    receiver: Option<Receiver>,
    asked: Arc<AtomicU64>,
}

impl Asker {
    /// Asks through `uplink` in the name of `terminal`.
    pub fn new(uplink: Arc<dyn Uplink>, clock: Arc<dyn Clock>, terminal: &str, demo: bool) -> Self {
        Self { uplink, clock, terminal: terminal.to_owned(), demo, receiver: None, asked: Arc::default() }
    }

    /// The same, about a person: its requests name the system that they are for.
    pub fn to(&self, receiver: Receiver) -> Self {
        Self { receiver: Some(receiver), ..self.clone() }
    }

    /// The person of a scenario (`1101`).
    ///
    /// # Errors
    /// As [`Asker::ask`].
    pub async fn person(&self, operator: &str, question: &Question, within: Duration) -> Result<Person, UplinkError> {
        self.ask(infno::PERSON, operator, question, within).await
    }

    /// The accumulators that the scenario's pack needs (`5206`).
    ///
    /// # Errors
    /// As [`Asker::ask`].
    pub async fn accumulations(
        &self,
        operator: &str,
        question: &Question,
        within: Duration,
    ) -> Result<Accumulations, UplinkError> {
        self.ask(infno::ACCUMULATIONS, operator, question, within).await
    }

    /// What the centre would settle (`2206`).
    ///
    /// # Errors
    /// As [`Asker::ask`].
    pub async fn pre_settle(
        &self,
        operator: &str,
        settlement: &Settlement,
        within: Duration,
    ) -> Result<SettlementAnswer, UplinkError> {
        self.ask(infno::PRE_SETTLE, operator, settlement, within).await
    }

    /// One question in the national envelope.
    ///
    /// # Errors
    /// [`UplinkError::Refused`] when the centre says no; else why its answer is not there.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        infno: &str,
        operator: &str,
        input: &impl Serialize,
        within: Duration,
    ) -> Result<T, UplinkError> {
        self.ask_dated(infno, operator, input, within).await.map(|(answer, _)| answer)
    }

    /// The same, with the centre's time when it answered; none where it told none, or nobody proves that it is the
    /// centre's.
    ///
    /// # Errors
    /// As [`Asker::ask`].
    pub async fn ask_dated<T: DeserializeOwned>(
        &self,
        infno: &str,
        operator: &str,
        input: &impl Serialize,
        within: Duration,
    ) -> Result<(T, Option<Timestamp>), UplinkError> {
        let input = serde_json::to_value(input).map_err(|_| UplinkError::Answer("the question has no JSON".into()))?;
        let request = self.request(infno, operator, input);
        let reply = super::within(Some(within), self.uplink.request(&request)).await?;
        let told_at = reply.told_at;
        Ok((output(reply)?, told_at))
    }

    /// An envelope of this moment around `input`, with a message id of its own.
    pub fn request(&self, infno: &str, operator: &str, input: Value) -> Request {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let sender = Sender { terminal: &self.terminal, operator, demo: self.demo };
        let request = sender.envelop(self.clock.now(), infno, (Series::Question, number), input);
        Request { recer_sys_code: self.receiver, ..request }
    }
}

/// The output of a success.
pub(super) fn output<T: DeserializeOwned>(reply: Reply) -> Result<T, UplinkError> {
    if let Some((code, text)) = reply.refusal() {
        return Err(UplinkError::Refused { code, text });
    }
    // The error would quote the answer.
    serde_json::from_value(reply.output).map_err(|_| UplinkError::Answer("its output is of another form".into()))
}
