//! What the terminal sent online, or planned of a settlement, and the centre's answer held against it.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::UplinkError;
use crate::queue::{Queue, QueueError, Row};
use crate::rules::differences;
use crate::value::{Fen, Kind};
use crate::wire::payment::{Paid, PaymentQuery};
use crate::wire::settle::{Reversal, SettlementAnswer, SettlementQuery};
use crate::wire::{Reply, infno};

/// What was sent, and what an answer to it has to fit.
pub(super) struct Planned {
    /// What it was sent under.
    infno: String,
    fits: Fits,
}

/// What fits.
enum Fits {
    /// A settlement of this person, or what takes one back; the figures that are not these differ.
    Settlement { refunds: bool, psn_no: Option<String>, outputs: Map<String, Value> },
    /// The payment of this order, and of this amount; `None` where what was sent tells none.
    Payment(Option<(String, Fen)>),
}

impl Planned {
    /// Of a payload as the journal keeps it, online or provisional ([`crate::wire::Payload`]).
    pub(super) fn of(kind: Kind, payload: &Value) -> Self {
        let request = payload.pointer("/request/input").or_else(|| payload.get("request"));
        let text = |name| request.and_then(|request| request.get(name)).and_then(Value::as_str).map(str::to_owned);
        let fits = match kind {
            Kind::Pay => {
                let amount = request.and_then(|request| request.get("order_amt")).and_then(Fen::of_json);
                Fits::Payment(text("order_no").zip(amount))
            }
            _ => Fits::Settlement {
                refunds: payload.pointer("/detail/cancels").is_some(),
                psn_no: text("psn_no"),
                outputs: payload
                    .pointer("/detail/decision/outputs")
                    .and_then(Value::as_object)
                    .cloned()
                    .unwrap_or_default(),
            },
        };
        Self { infno: sent_under(payload).to_owned(), fits }
    }

    /// Of a transaction in the journal.
    pub(super) async fn of_row(queue: &Queue, row: &Row) -> Result<Self, QueueError> {
        let id = row.id;
        let payload = super::off_the_runtime(queue, move |queue| queue.payload(id)).await?;
        Ok(Self::of(row.kind, &payload.unwrap_or_default()))
    }

    /// How the centre is asked what became of the message `msgid`: number and input.
    pub(super) fn question(&self, msgid: &str) -> (&'static str, Value) {
        let msgid = msgid.to_owned();
        match &self.fits {
            Fits::Settlement { .. } => (infno::SETTLEMENT, json!(SettlementQuery { medins_setl_id: msgid })),
            Fits::Payment(_) => (infno::PAYMENT, json!(PaymentQuery { msgid })),
        }
    }

    /// What takes the message `msgid` back.
    pub(super) fn reversal(&self, msgid: &str) -> Reversal {
        Reversal { omsgid: msgid.to_owned(), oinfno: self.infno.clone() }
    }

    /// The output of a reply that settled or paid the message `msgid`, and the figures in which it is not what was planned.
    /// One that cannot be right says as little of what the centre did as none.
    pub(super) fn carried_out(&self, msgid: &str, reply: Reply) -> Result<(Value, Vec<String>), UplinkError> {
        if let Some((code, text)) = reply.refusal() {
            return Err(UplinkError::Refused { code, text });
        }
        let differs = self.compare(msgid, &reply.output)?;
        Ok((reply.output, differs))
    }

    /// Whether `output` can be what the centre did of the message `msgid`; with the figures in which it is not what was
    /// planned.
    pub(super) fn compare(&self, msgid: &str, output: &Value) -> Result<Vec<String>, UplinkError> {
        let unreadable = |what: &str| UplinkError::Answer(what.to_owned());
        match &self.fits {
            Fits::Settlement { refunds, psn_no, outputs } => {
                let answer: SettlementAnswer = read(output).ok_or_else(|| unreadable("it is no settlement"))?;
                let checked = match refunds {
                    true => answer.check_refunded(msgid, psn_no.as_deref()),
                    false => answer.check_settled(msgid, psn_no.as_deref()),
                };
                checked.map_err(|why| unreadable(&why.to_string()))?;
                Ok(differences(outputs, &answer.setlinfo).into_iter().map(|difference| difference.field).collect())
            }
            Fits::Payment(order) => {
                let answer: Paid = read(output).ok_or_else(|| unreadable("it is no payment"))?;
                let (order_no, amount) = order.as_ref().ok_or_else(|| unreadable("no order was sent"))?;
                let checked = answer.check_paid(msgid, order_no, *amount);
                checked.map_err(|why| unreadable(&why.to_string())).map(|()| Vec::new())
            }
        }
    }
}

/// What a transaction that goes online was sent under, or a provisional one stands under, of its payload. Where that does
/// not tell it, what most were: the centre takes nothing back that was not.
pub fn sent_under(payload: &Value) -> &str {
    let said = payload.pointer("/request/infno").or_else(|| payload.pointer("/detail/infno"));
    said.and_then(Value::as_str).unwrap_or(infno::SETTLE)
}

/// An output, read.
pub(super) fn read<A: for<'de> Deserialize<'de>>(output: &Value) -> Option<A> {
    A::deserialize(output).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_transaction_stands_under_its_envelope_says_or_what_is_kept_beside_it() {
        for (payload, infno) in [
            (json!({"request": {"infno": "2102", "input": {}}, "detail": {"infno": null}}), "2102"),
            (json!({"request": {"medfee_sumamt": "1.00"}, "detail": {"infno": "2304"}}), "2304"),
            (json!({"request": {"medfee_sumamt": "1.00"}, "detail": {}}), infno::SETTLE),
            (Value::Null, infno::SETTLE),
        ] {
            assert_eq!(sent_under(&payload), infno);
            assert_eq!(Planned::of(Kind::Settle, &payload).reversal("M").oinfno, infno);
        }
    }
}
