//! The national envelope around what this terminal asks.

use jiff::Timestamp;
use serde_json::Value;

use crate::wire::{self, Request, Series};

/// Who asks.
pub(super) struct Sender<'a> {
    pub(super) terminal: &'a str,
    pub(super) operator: &'a str,
    pub(super) demo: bool,
}

impl Sender<'_> {
    /// An envelope of this moment around `input`, with a message id of its own.
    pub(super) fn envelop(
        &self,
        now: Timestamp,
        infno: &str,
        (series, number): (Series, u64),
        input: Value,
    ) -> Request {
        Request {
            infno: infno.to_owned(),
            msgid: wire::message_id(self.terminal, now, series, number),
            fixmedins_code: self.terminal.to_owned(),
            opter: self.operator.to_owned(),
            inf_time: wire::inf_time(now),
            recer_sys_code: None,
            sign_no: None,
            demo: self.demo,
            input,
        }
    }
}
