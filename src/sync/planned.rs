//! What the terminal sent and planned of a settlement, and the centre's answer held against it.

use serde_json::{Map, Value};

use super::UplinkError;
use crate::queue::{Queue, QueueError, Row};
use crate::rules::differences;
use crate::wire::Reply;
use crate::wire::settle::SettlementAnswer;

/// What an answer has to fit.
pub(super) struct Planned {
    psn_no: Option<String>,
    outputs: Map<String, Value>,
}

impl Planned {
    /// Of a payload as the journal keeps it, online or provisional ([`crate::wire::Payload`]).
    pub(super) fn of(payload: &Value) -> Self {
        let request = payload.pointer("/request/input").or_else(|| payload.get("request"));
        Self {
            psn_no: request.and_then(|request| request.get("psn_no")).and_then(Value::as_str).map(str::to_owned),
            outputs: payload
                .pointer("/detail/decision/outputs")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
        }
    }

    /// Of a transaction in the journal.
    pub(super) async fn of_row(queue: &Queue, row: &Row) -> Result<Self, QueueError> {
        let id = row.id;
        let payload = super::off_the_runtime(queue, move |queue| queue.payload(id)).await?;
        Ok(Self::of(&payload.unwrap_or_default()))
    }

    /// The output of a reply that settled the message `msgid`, and the figures in which it is not what was planned. One
    /// that cannot be right says as little of what the centre did as none.
    pub(super) fn settled(&self, msgid: &str, reply: Reply) -> Result<(Value, Vec<String>), UplinkError> {
        if let Some((code, text)) = reply.refusal() {
            return Err(UplinkError::Refused { code, text });
        }
        let differs = self.compare(msgid, &reply.output)?;
        Ok((reply.output, differs))
    }

    /// Whether `output` can be what the centre settled of the message `msgid`; with the figures in which it is not what
    /// was planned.
    pub(super) fn compare(&self, msgid: &str, output: &Value) -> Result<Vec<String>, UplinkError> {
        let answer = settlement(output).ok_or_else(|| UplinkError::Answer("it is no settlement".into()))?;
        let checked = answer.check_settled(msgid, self.psn_no.as_deref());
        checked.map_err(|why| UplinkError::Answer(why.to_string()))?;
        Ok(differences(&self.outputs, &answer.setlinfo).into_iter().map(|difference| difference.field).collect())
    }
}

/// An output read as a settlement.
pub(super) fn settlement(output: &Value) -> Option<SettlementAnswer> {
    serde::Deserialize::deserialize(output).ok()
}
