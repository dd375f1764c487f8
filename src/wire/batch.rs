//! What the centre answers to transactions that came together.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Receipt;

/// The centre's answer to one of them.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemAnswer {
    /// It was understood: taken, or refused for good.
    Receipt(Receipt),
    /// It will never be taken as it is; nothing was kept of it.
    Refused(Reason),
    /// The centre failed with this one: to be sent again.
    Failed(Reason),
}

/// The centre's answer to one that was stored on the way. Those to what came in one message come on the terminal's
/// results together, under one signature.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LateAnswer {
    /// Which transaction.
    pub id: Uuid,
    /// The answer.
    pub answer: ItemAnswer,
}

/// Why not.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The centre's code.
    pub code: String,
    /// Its words.
    pub text: String,
}
