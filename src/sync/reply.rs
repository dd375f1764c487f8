//! What a status and a body of the centre's mean, by whichever way they came.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::UplinkError;
use crate::queue::Queue;
use crate::wire::Reply;
use crate::wire::batch::{ItemAnswer, Reason};
use crate::wire::settle::settled_at;

/// The answer, or why it is none. What settles nothing needs no signature: whoever stands between may say it as well.
pub(super) fn taken<T: DeserializeOwned>(
    status: u16,
    body: &[u8],
    retry_after: Option<Duration>,
    signed: bool,
) -> Result<T, UplinkError> {
    match refused(status, body, retry_after) {
        Some(error) if !matches!(error, UplinkError::Refused { .. }) => Err(error),
        _ if !signed => Err(UplinkError::Answer("it is not signed by the centre".to_owned())),
        Some(error) => Err(error),
        // The parser's own words would quote the answer.
        None => {
            serde_json::from_slice(body).map_err(|_| UplinkError::Answer(format!("status {status}, but another form")))
        }
    }
}

/// What an answer of this status is, other than a success.
fn refused(status: u16, body: &[u8], retry_after: Option<Duration>) -> Option<UplinkError> {
    #[derive(Deserialize)]
    struct Refusal {
        error: Reason,
    }
    Some(match status {
        200..=299 => return None,
        401 | 403 => UplinkError::Unauthorized(status),
        408 | 429 | 500..=599 => UplinkError::Failed { status, retry_after },
        // Only the centre's own form is a refusal: a 404 of some other server says nothing about the transaction.
        400..=499 => match serde_json::from_slice::<Refusal>(body) {
            Ok(Refusal { error }) => UplinkError::Refused { code: error.code, text: error.text },
            Err(_) => UplinkError::Answer(format!("status {status} without a reason")),
        },
        _ => UplinkError::Answer(format!("status {status}")),
    })
}

/// A random question, so that nobody can answer it with what was told another time.
pub(super) fn nonce(queue: &Queue) -> Result<String, UplinkError> {
    let mut nonce = [0; 16];
    queue.random(&mut nonce).map_err(|error| UplinkError::Setting(error.to_string()))?;
    Ok(hex::encode_upper(nonce))
}

/// The journal learns the centre's time from a reply that is proved to be the centre's.
pub(super) fn reply_tells(queue: &Queue, reply: &Reply) {
    if let Some(at) = reply.told_at.max(settled_at(&reply.output)) {
        queue.centre_said(at);
    }
}

/// The same from the answer to a transaction.
pub(super) fn answer_tells(queue: &Queue, answer: &ItemAnswer) {
    if let ItemAnswer::Receipt(receipt) = answer {
        queue.centre_said(receipt.received_at);
    }
}

/// Room for the longest string of a security module and what stands beside it: a message that fits leaves no copy of a
/// PIN behind by growing.
const ROOM: usize = 8192;

/// A message as it travels; wiped.
pub(super) fn json(message: &(impl Serialize + ?Sized)) -> Result<Zeroizing<Vec<u8>>, UplinkError> {
    let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
    serde_json::to_writer(&mut *text, message).map_err(|_| no_json())?;
    Ok(text)
}

pub(super) fn no_json() -> UplinkError {
    UplinkError::Answer("the question has no JSON".into())
}
