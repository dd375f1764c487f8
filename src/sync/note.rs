//! What an answer, or none, makes of a transaction.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::choose::Back;
use super::planned::Planned;
use super::send::Trouble;
use super::{UplinkError, off_the_runtime};
use crate::failure::Explain as _;
use crate::queue::{Note, Queue, QueueError, Row, State};
use crate::value::Kind;
use crate::wire::{Outcome, Receipt, plain_code};

/// What a centre answers that wants to be left alone: whatever comes next would fare no better.
const BUSY: [u16; 3] = [408, 429, 503];

/// What a receipt that can be this transaction's makes of it; of a settlement it has to tell what was settled. What is
/// refused for its place in the chain is not at its end.
pub(super) fn answered(row: &Row, payload: Option<&Value>, receipt: Receipt) -> Result<(State, Note), UplinkError> {
    if receipt.id != row.id {
        return Err(UplinkError::Answer("a receipt for another transaction".into()));
    }
    if let Outcome::Refused { code, text } = &receipt.outcome {
        return match is_of_the_chain(code) {
            true => Err(UplinkError::Refused { code: code.clone(), text: text.clone() }),
            false => Ok((State::Refused, receipt.into())),
        };
    }
    if row.kind != Kind::Settle {
        return Ok((State::Acked, receipt.into()));
    }
    let planned = Planned::of(row.kind, payload.unwrap_or(&Value::Null));
    let differs = planned.compare(&row.msgid, &receipt.output)?;
    if !differs.is_empty() {
        tracing::warn!(id = %row.id, fields = differs.len(), "the centre settled it otherwise than this terminal");
    }
    Ok((State::Acked, Note::Receipt(Box::new(receipt), differs)))
}

/// The centre did not do its part with one: why goes into its row, and tells when it is tried again.
pub(super) async fn explain(queue: &Queue, id: Uuid, state: State, error: UplinkError) -> Result<Back, Trouble> {
    tracing::warn!(%id, %error, "not delivered");
    match queue.advance_async(id, state, Note::Reason(reason(&error))).await {
        Ok(_) => {}
        Err(error @ QueueError::Move { .. }) => return failed(queue, id, error).await,
        Err(error) => return Err(error.into()),
    }
    match error {
        // Without an answer it is this one, or nobody is there: whoever gets this asks.
        UplinkError::NoAnswer(_) => Err(Trouble::Centre(error)),
        error if is_away(&error) || is_busy(&error) => Err(Trouble::Centre(error)),
        // Of what was sent as it is in the journal; nothing else has a place in the chain.
        error if state == State::Sending && is_unfit(&error) => Ok(Back::Unfit),
        error => Ok(Back::Again(asked(&error))),
    }
}

/// The journal did not take a step of one transaction.
pub(super) async fn failed(queue: &Queue, id: Uuid, error: QueueError) -> Result<Back, Trouble> {
    let error = match error {
        // Somebody else moved it meanwhile, and not always to its end: then it goes on from where it stands now.
        QueueError::Move { .. } => match off_the_runtime(queue, move |queue| queue.get(id)).await {
            Ok(Some(row)) if row.state.is_due() => return Ok(Back::Again(None)),
            Ok(_) => return Ok(Back::Done),
            Err(error) => error,
        },
        error => error,
    };
    match error {
        error if halts(&error) => Err(error.into()),
        // The journal has told of it. What cannot be read does not keep the others waiting.
        QueueError::Damaged { .. } => Ok(Back::Left),
        error => {
            tracing::error!(%id, %error, "a transaction cannot be delivered");
            Ok(Back::Again(None))
        }
    }
}

/// Whether nothing can be written any more, or for now.
pub(super) fn halts(error: &QueueError) -> bool {
    error.is_storage() || *error == QueueError::Closed
}

/// Whether it is the chain that the centre does not take: that its own is another one says nothing of the transaction, and
/// can be mended.
pub(super) fn is_of_the_chain(code: &str) -> bool {
    code.starts_with("C-CHAIN-")
}

/// Whether one was refused for its place in the chain.
pub(super) fn is_unfit(error: &UplinkError) -> bool {
    matches!(error, UplinkError::Refused { code, .. } if is_of_the_chain(code))
}

/// Whether nothing can be sent now.
pub(super) fn is_away(error: &UplinkError) -> bool {
    matches!(error, UplinkError::Unreachable(_) | UplinkError::Unauthorized(_) | UplinkError::Setting(_))
}

/// Whether the centre has too much to do as it is.
pub(super) fn is_busy(error: &UplinkError) -> bool {
    matches!(error, UplinkError::Failed { status, .. } if BUSY.contains(status))
}

/// Whether the centre wants to be left alone until a pause is over.
pub(super) fn wants_rest(error: &UplinkError) -> bool {
    is_busy(error) || asked(error).is_some()
}

/// How long the centre asked to be left alone.
pub(super) fn asked(error: &UplinkError) -> Option<Duration> {
    match error {
        UplinkError::Failed { retry_after, .. } => *retry_after,
        _ => None,
    }
}

/// As it stands in the row, in plain: the centre's own code of a refusal, whose words may name a person; else ours.
pub(super) fn reason(error: &UplinkError) -> String {
    match error {
        UplinkError::Refused { code, .. } => plain_code(code).to_owned(),
        error => match error.detail() {
            Some(detail) => format!("{} {detail}", error.entry().code),
            None => error.entry().code.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_the_centres_code_and_none_of_its_words() {
        let refused =
            |code: &str| reason(&UplinkError::Refused { code: code.into(), text: "张三 440103198806120021".into() });
        assert_eq!((refused("C-FORM"), refused("-1")), ("C-FORM".into(), "-1".into()));
        assert_eq!(refused("Zhang San"), "-1");
    }
}
