//! What is settled or paid online, as the counter waits for it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::planned::{Planned, read};
use super::resolve::{Manner, Stuck, accepted, refused, resolve};
use super::uplink::Uplink;
use super::{SettleError, UplinkError, within};
use crate::queue::{Draft, Note, Queue, QueueError, Row, State};
use crate::wire::payment::Paid;
use crate::wire::settle::SettlementAnswer;
use crate::wire::{self, Outcome, Payload, Request};

/// How an online settlement ended, or a payment, of which the centre answers `Paid`. Prints without the centre's output.
#[derive(Clone)]
pub enum Settled<A = SettlementAnswer> {
    /// The centre carried it out, and said so in a way that can be right. Whoever shows it to the holder says so to the
    /// journal ([`Queue::shown`]).
    Accepted(Row, A),
    /// The centre refused it: its code and words.
    Refused(Row, String, String),
    /// Nothing was settled or paid, or what was is being taken back: the holder is told so.
    NothingSettled(Row),
    /// It came to its end long ago, and what the centre said was erased since.
    Erased(Row),
}

impl<A> fmt::Debug for Settled<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted(row, _) => f.debug_tuple("Accepted").field(row).finish_non_exhaustive(),
            Self::Refused(row, code, _) => f.debug_tuple("Refused").field(row).field(code).finish_non_exhaustive(),
            Self::NothingSettled(row) => f.debug_tuple("NothingSettled").field(row).finish(),
            Self::Erased(row) => f.debug_tuple("Erased").field(row).finish(),
        }
    }
}

/// How long the counter waits.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the answer to what is settled or paid.
    pub answer: Duration,
    /// For each answer to the query and the reversal after it.
    pub resolve: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { answer: Duration::from_secs(15), resolve: Duration::from_secs(5) }
    }
}

/// Settles online: writes ahead, sends `request` (2207, or what a pharmacy and a hospital send) under the message id made
/// by the journal, and keeps the answer. Without an answer it asks the centre for the message id and then reverses (2601)
/// until that is answered, which the worker goes on with after a restart too. `draft.payload` becomes `{"request", "detail"}`.
///
/// The same idempotency key with the same content gives the same settlement, whenever it comes; the request's message
/// id, time and operator are filled in here and are not part of the content.
///
/// Runs to its end even when the caller's future is dropped.
///
/// # Errors
/// When the journal did not take it ([`SettleError::Queue`]) or not what came of it ([`SettleError::Unsure`]), or the
/// same transaction is under way already.
pub async fn settle(
    queue: &Queue,
    uplink: &Arc<dyn Uplink>,
    draft: Draft,
    request: Request,
    patience: Patience,
) -> Result<Settled, SettleError> {
    online(queue, uplink, draft, request, patience).await
}

/// Pays online, an order that is due: as [`settle`] settles, with a `request` under the scenario's own message name.
///
/// # Errors
/// As of [`settle`].
pub async fn pay(
    queue: &Queue,
    uplink: &Arc<dyn Uplink>,
    draft: Draft,
    request: Request,
    patience: Patience,
) -> Result<Settled<Paid>, SettleError> {
    online(queue, uplink, draft, request, patience).await
}

async fn online<A: for<'de> Deserialize<'de> + Send + 'static>(
    queue: &Queue,
    uplink: &Arc<dyn Uplink>,
    draft: Draft,
    request: Request,
    patience: Patience,
) -> Result<Settled<A>, SettleError> {
    let (queue, uplink) = (queue.clone(), uplink.clone());
    let task = tokio::spawn(async move { carry_out(&queue, &*uplink, draft, request, patience).await });
    // A task that was broken off let its transaction go: the worker, or the next process, brings it to its end.
    task.await.unwrap_or(Err(SettleError::Unsure(None, QueueError::Closed)))
}

async fn carry_out<A: for<'de> Deserialize<'de>>(
    queue: &Queue,
    uplink: &dyn Uplink,
    mut draft: Draft,
    mut request: Request,
    patience: Patience,
) -> Result<Settled<A>, SettleError> {
    let _held = queue.hold(&draft.idempotency).ok_or(SettleError::UnderWay)?;
    for varies in [&mut request.msgid, &mut request.inf_time, &mut request.opter] {
        varies.clear();
    }
    draft.state = State::Sending;
    draft.payload = json!(Payload { request: &request, detail: draft.payload });
    let planned = Planned::of(draft.kind, &draft.payload);
    let committed = queue.commit_async(draft).await?;
    let row = committed.row;
    let written = row.clone();
    let settled = match committed.duplicate {
        true => known(queue, row).await,
        false => send(queue, uplink, row, request, &planned, patience).await,
    };
    // From here on it is in the journal: what fails leaves its outcome open.
    settled.map_err(|error| match error {
        SettleError::Queue(error) => SettleError::Unsure(Some(Box::new(written)), error),
        error => error,
    })
}

/// Sends what was written ahead, and keeps the answer.
async fn send<A: for<'de> Deserialize<'de>>(
    queue: &Queue,
    uplink: &dyn Uplink,
    row: Row,
    mut request: Request,
    planned: &Planned,
    patience: Patience,
) -> Result<Settled<A>, SettleError> {
    request.msgid.clone_from(&row.msgid);
    request.opter.clone_from(&row.operator);
    request.inf_time = wire::inf_time(row.created_at);

    let reply = within(Some(patience.answer), uplink.request(&request)).await;
    let (to, note) = match reply.and_then(|reply| planned.carried_out(&row.msgid, reply)) {
        Ok((output, differs)) => (State::Acked, accepted(queue, &row, output, differs)),
        Err(UplinkError::Refused { code, text }) => (State::Refused, refused(queue, &row, code, text)),
        // Nothing else is proof: a 401 needs no signature, so whoever stands between can say it of what was settled.
        Err(error) if error.never_sent() => (State::Void, Note::Nothing),
        Err(error) => {
            tracing::warn!(id = %row.id, %error, "the outcome of an online transaction is not known");
            let manner = Manner { within: Some(patience.resolve), in_haste: true };
            return match resolve(queue, uplink, row, manner).await {
                Ok(row) => known(queue, row).await,
                Err(Stuck::Centre(row, _)) => Ok(Settled::NothingSettled(*row)),
                Err(Stuck::Queue(error)) => Err(error.into()),
            };
        }
    };
    let row = queue.advance_async(row.id, to, note).await?;
    known(queue, row).await
}

/// What one that is in the journal came to.
async fn known<A: for<'de> Deserialize<'de>>(queue: &Queue, row: Row) -> Result<Settled<A>, SettleError> {
    match row.state {
        State::Pending | State::Sending | State::Unknown => return Err(SettleError::UnderWay),
        State::Reversing | State::Reversed | State::Void => return Ok(Settled::NothingSettled(row)),
        _ => {}
    }
    let id = row.id;
    if row.erased {
        return Ok(Settled::Erased(row));
    }
    let receipt = super::off_the_runtime(queue, move |queue| queue.answer(id)).await?;
    let answer = match receipt.map(|receipt| (receipt.outcome, receipt.output)) {
        Some((Outcome::Refused { code, text }, _)) => return Ok(Settled::Refused(row, code, text)),
        Some((Outcome::Accepted, output)) => read(&output),
        None => None,
    };
    match answer {
        Some(answer) => Ok(Settled::Accepted(row, answer)),
        // Nothing is written as carried out without what the centre said.
        None => Err(QueueError::Damaged { record: row.sequence, what: "its answer is not of its kind".into() }.into()),
    }
}
