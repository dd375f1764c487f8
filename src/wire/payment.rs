//! The messages of a payment by a holder: of an order that is due, from the account of the card's bank application, once
//! a message id. It is asked about by its message id, and taken back by `2601` as a settlement is.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::person::PersonKey;
use super::plausible::Implausible;
use crate::value::{Fen, Kind};

/// What is to be paid. Ours; sent under the scenario's message name.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    /// Whose order.
    #[serde(flatten)]
    pub person: PersonKey,
    /// The scenario's id.
    pub scenario: String,
    /// Which part of the scenario: its kind.
    pub part: Kind,
    /// 交易编号 of the national platform, or the scenario's id where it has none for this; that of the envelope too.
    pub message: String,
    /// The date of the case.
    pub business_date: Date,
    /// The order's number, the centre's own.
    pub order_no: String,
    /// What is due on it.
    pub order_amt: Fen,
    /// What pays.
    #[serde(flatten)]
    pub account: Account,
    /// The form, each item under its code upstream.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
    /// The facts of the case as given to the rules (`rules::Input.facts`).
    pub facts: Map<String, Value>,
}

/// The account of a card's bank application. Prints nothing of itself, is wiped on drop.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Account {
    /// The bank card's number, masked: the number itself never leaves the terminal.
    pub account: String,
    /// The terminal's keyed token of the number: 64 hexadecimal digits. The same card has the same one at this terminal.
    pub token: String,
}

/// The answer to a payment, and to the question for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// What was paid.
    pub payinfo: PayInfo,
}

/// What was paid.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayInfo {
    /// The order's number.
    pub order_no: String,
    /// What was paid on it.
    pub order_amt: Fen,
    /// The bank's number for it.
    pub trace_no: String,
    /// When, by the centre's clock.
    pub paid_at: Timestamp,
    /// The terminal's message id of the payment.
    pub msgid: String,
}

/// When that was, by the centre's clock; of an output that is such an answer.
pub fn paid_at(output: &Value) -> Option<Timestamp> {
    output.pointer("/payinfo/paid_at").and_then(Value::as_str).and_then(|time| time.parse().ok())
}

/// The input of the question for a payment ([`super::infno::PAYMENT`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentQuery {
    /// The terminal's message id of the payment.
    pub msgid: String,
}

impl Paid {
    /// Whether this can be what the message `msgid` paid: of the order, and of the amount, that were sent.
    ///
    /// # Errors
    /// The first thing that cannot be right.
    pub fn check_paid(&self, msgid: &str, order_no: &str, order_amt: Fen) -> Result<(), Implausible> {
        let paid = &self.payinfo;
        if paid.msgid != msgid {
            return Err(Implausible::OtherMessage);
        }
        if paid.order_no != order_no {
            return Err(Implausible::OtherOrder);
        }
        if paid.order_amt != order_amt {
            return Err(Implausible::OtherAmount);
        }
        if paid.trace_no.trim().is_empty() {
            return Err(Implausible::Missing("trace_no"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_is_of_its_message_its_order_and_its_amount() {
        let paid = |change: fn(&mut PayInfo)| {
            let mut payinfo = PayInfo {
                order_no: "P0001".into(),
                order_amt: Fen(26_000),
                trace_no: "B00000000001".into(),
                paid_at: Timestamp::UNIX_EPOCH,
                msgid: "M1".into(),
            };
            change(&mut payinfo);
            Paid { payinfo }.check_paid("M1", "P0001", Fen(26_000))
        };
        assert_eq!(paid(|_| ()), Ok(()));
        assert_eq!(paid(|paid| paid.msgid = "M2".into()), Err(Implausible::OtherMessage));
        assert_eq!(paid(|paid| paid.order_no = "P0002".into()), Err(Implausible::OtherOrder));
        assert_eq!(paid(|paid| paid.order_amt = Fen(26_001)), Err(Implausible::OtherAmount));
        assert_eq!(paid(|paid| paid.trace_no = " ".into()), Err(Implausible::Missing("trace_no")));
    }
}
