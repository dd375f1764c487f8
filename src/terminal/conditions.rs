//! The conditions of the terminal.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Something is not as it should be, or the terminal is about to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The centre cannot be reached.
    UplinkAway,
    /// The smart card service cannot be reached.
    CardServiceAway,
    /// The terminal's keys (PSAM, security module) cannot be used.
    KeysAway,
    /// The disk is full or read only; or all of the journal was proved, twice, and is damaged (`queue.damaged` of the
    /// health): what is refused then is refused with `E-QUEUE-DAMAGED`.
    Storage,
    /// The terminal is stopping: what was begun is finished, nothing new begins.
    Draining,
}

/// Any set of conditions at once.
pub type Conditions = BTreeSet<Condition>;

/// Nobody tells when it ends: the terminal has to ask.
pub(super) fn heals_by_asking(condition: Condition) -> bool {
    matches!(condition, Condition::Storage | Condition::KeysAway)
}
