//! An operator's shift at the centre: 签到 `9001` and 签退 `9002` (settlement-facts §3.4).
//!
//! Of the national fields of both only `sign_no` is known; what else is here is ours.

use serde::{Deserialize, Serialize};

/// The input of `9001`. The operator is the envelope's `opter`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOn {
    /// The terminal's own number of the shift: the same one gets the same answer. Ours.
    pub shift: String,
}

/// The output of `9001`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOn {
    /// 签到流水号, which the envelope of later requests carries.
    pub sign_no: String,
}

/// The input of `9002`; sent again, it gets the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOff {
    /// What `9001` gave.
    pub sign_no: String,
}
