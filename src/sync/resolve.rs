//! An online transaction whose outcome is not known: queried, then reversed until that is answered.

use std::time::Duration;

use serde_json::{Value, json};

use super::envelope::Sender;
use super::planned::Planned;
use super::uplink::Uplink;
use super::{UplinkError, within};
use crate::queue::{Note, Queue, QueueError, Row, State};
use crate::wire::{Outcome, Receipt, Reply, Series, infno};

/// Why it is not at its end yet.
#[derive(Debug)]
pub(super) enum Stuck {
    /// The journal did not take a step.
    Queue(QueueError),
    /// The centre does not answer. Where the transaction stands now.
    Centre(Box<Row>, UplinkError),
}

impl From<QueueError> for Stuck {
    fn from(error: QueueError) -> Self {
        Self::Queue(error)
    }
}

/// How a transaction is resolved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// How long each answer may take; as long as the uplink waits when `None`.
    pub(super) within: Option<Duration>,
    /// Somebody waits: when the query is not answered either, take it back, and say that nothing was settled.
    pub(super) in_haste: bool,
}

/// Brings an online transaction from where it stands to its end.
pub(super) async fn resolve(queue: &Queue, uplink: &dyn Uplink, mut row: Row, manner: Manner) -> Result<Row, Stuck> {
    loop {
        row = match row.state {
            // Written, and never sent.
            State::Pending => queue.advance_async(row.id, State::Sending, Note::Nothing).await?,
            State::Sending => queue.advance_async(row.id, State::Unknown, Note::Nothing).await?,
            State::Unknown => query(queue, uplink, row, manner).await?,
            State::Reversing => reverse(queue, uplink, row, manner).await?,
            _ => return Ok(row),
        };
    }
}

async fn query(queue: &Queue, uplink: &dyn Uplink, row: Row, manner: Manner) -> Result<Row, Stuck> {
    let planned = Planned::of_row(queue, &row).await?;
    let (infno, input) = planned.question(&row.msgid);
    let reply = match ask(queue, uplink, &row, (infno, Series::Standing), input, manner).await {
        Ok(reply) => reply,
        Err(_) if manner.in_haste => return Ok(queue.advance_async(row.id, State::Reversing, Note::Nothing).await?),
        Err(error) => return Err(Stuck::Centre(Box::new(row), error)),
    };
    let (to, note) = match planned.carried_out(&row.msgid, reply) {
        Ok((output, differs)) => (State::Acked, accepted(queue, &row, output, differs)),
        // It does not stand, or the centre says nothing that can be right: what is reversed cannot stand later either.
        Err(error) => {
            tracing::info!(id = %row.id, %error, "it is not found carried out");
            (State::Reversing, Note::Nothing)
        }
    };
    Ok(queue.advance_async(row.id, to, note).await?)
}

async fn reverse(queue: &Queue, uplink: &dyn Uplink, row: Row, manner: Manner) -> Result<Row, Stuck> {
    let input = json!(Planned::of_row(queue, &row).await?.reversal(&row.msgid));
    let reply = match ask(queue, uplink, &row, (infno::REVERSE, Series::Reversal), input, manner).await {
        Ok(reply) => reply,
        Err(error) => return Err(Stuck::Centre(Box::new(row), error)),
    };
    let to = match reply.infcode {
        Reply::OK => State::Reversed,
        Reply::NOT_FOUND => State::Void,
        _ => {
            let (code, text) = reply.refusal().unwrap_or_default();
            return Err(Stuck::Centre(Box::new(row), UplinkError::Refused { code, text }));
        }
    };
    Ok(queue.advance_async(row.id, to, Note::Nothing).await?)
}

async fn ask(
    queue: &Queue,
    uplink: &dyn Uplink,
    row: &Row,
    (infno, series): (&str, Series),
    input: Value,
    manner: Manner,
) -> Result<Reply, UplinkError> {
    let sender = Sender { terminal: queue.terminal(), operator: &row.operator, demo: row.demo };
    let request = sender.envelop(queue.clock().now(), infno, (series, row.sequence), input);
    within(manner.within, uplink.request(&request)).await
}

/// The centre's answer to what it carried out, as the journal keeps it: until somebody shows it to the holder, it is not told.
pub(super) fn accepted(queue: &Queue, row: &Row, output: Value, mut differs: Vec<String>) -> Note {
    differs.push(Row::OUTCOME.to_owned());
    let number = ["/setlinfo/setl_id", "/payinfo/trace_no"].into_iter().find_map(|place| output.pointer(place));
    let centre_no = number.and_then(Value::as_str).unwrap_or_default().to_owned();
    let received_at = queue.clock().now();
    Note::Receipt(Box::new(Receipt { id: row.id, outcome: Outcome::Accepted, centre_no, received_at, output }), differs)
}

/// A refusal, as the journal keeps it.
pub(super) fn refused(queue: &Queue, row: &Row, code: String, text: String) -> Note {
    let receipt = Receipt {
        id: row.id,
        outcome: Outcome::Refused { code, text },
        centre_no: String::new(),
        received_at: queue.clock().now(),
        output: Value::Null,
    };
    receipt.into()
}
