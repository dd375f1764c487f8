//! What a terminal does under a condition, and how a scenario tightens it.

use serde::{Deserialize, Serialize};

/// What may be done; the order is the order of strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ScenarioConduct)]
#[serde(rename_all = "kebab-case")]
pub enum Conduct {
    /// As always.
    CarryOut,
    /// By the terminal alone, within the limits.
    Provisional,
    /// Not at all.
    Refuse,
}

/// A scenario's own cells of the table of conditions: one that is there counts where it is stricter than the terminal's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ScenarioTighter)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Tighter {
    /// The centre cannot be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uplink_away: Option<Conduct>,
    /// The smart card service cannot be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_service_away: Option<Conduct>,
    /// The terminal's keys cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys_away: Option<Conduct>,
    /// The disk is full or read only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Conduct>,
    /// The centre cannot be reached and has never told this terminal of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_record: Option<Conduct>,
}
