//! What a pack decided, with everything needed to explain and to repeat it.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::span::Period;
use super::trace::TraceRecord;

/// What may happen now. The strictest of all reasons wins; the order of the variants is the order of strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It may be carried out.
    Allow,
    /// It may be carried out once the clerk has read the reasons.
    Warn,
    /// The terminal cannot decide it: the centre or a person must.
    Refer,
    /// It must not be carried out.
    Deny,
}

impl Outcome {
    /// Its name in a pack and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Refer => "refer",
            Self::Deny => "deny",
        }
    }
}

/// One text in both languages of the product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Words {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// One ground for an outcome. All grounds that hold are reported, not only the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reason {
    /// Stable code, `E-…`.
    pub code: String,
    /// What this ground alone asks for.
    pub outcome: Outcome,
    /// What it says.
    pub text: Words,
    /// The legal basis, where the pack names one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub basis: Option<String>,
    /// Where the ground was read, where the pack says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// How sure that is: `H`, `H-`, `M`, `M-`, `L` or `U`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confidence: Option<String>,
    /// The bill line it is about, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<usize>,
}

/// Who stands behind the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Computed by the terminal: provisional until the centre has settled it.
    LocalEstimate,
    /// Settled by the centre.
    Centre,
}

/// How a final result changes an accumulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// The amount is added.
    Add,
    /// The value takes the place of the old one.
    Set,
}

/// What a final result does to one accumulator. Applied only when the transaction is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Change {
    /// The accumulator's name in the pack.
    pub name: String,
    /// 险种 it counts on.
    pub scheme: String,
    /// The stretch it is counted in.
    pub period: Period,
    /// Added or set.
    pub effect: Effect,
    /// The amount added, or the new value; in the form of its type.
    pub value: Value,
    /// The value before, as it was given; `null` when there was none.
    pub before: Value,
    /// The value after.
    pub after: Value,
}

/// A field of a result that says what is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Amount {
    /// The field.
    pub field: String,
    /// Its Chinese name.
    pub label: String,
}

/// Which pack decided.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PackRef {
    /// Its id, e.g. `gz.employee.inpatient`.
    pub id: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the file's bytes, upper-case hex.
    pub sha256: String,
    /// The id of the key that signed it; left out where nobody's signature was looked at.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signed_by: Option<String>,
}

/// A decision. It is data only: it can be stored, sent and explained later without the pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Decision {
    /// The scenario it is about.
    pub scenario: String,
    /// The strictest outcome of all reasons; `allow` when there is none.
    pub outcome: Outcome,
    /// Every ground that holds, in the pack's order.
    pub reasons: Vec<Reason>,
    /// The results under the fields' own names; amounts as `"30000.00"`. Empty when denied.
    pub outputs: Map<String, Value>,
    /// The fields of `outputs` and `lines` that say what is paid: a cancellation negates them. `None` in what was stored
    /// before this was told.
    #[serde(default)]
    pub amounts: Option<Vec<Amount>>,
    /// The split of each bill line, in the order of the input, with the line's key. Empty when denied.
    pub lines: Vec<Map<String, Value>>,
    /// What carrying it out does to the accumulators. Empty unless `allow` or `warn`.
    pub accumulators: Vec<Change>,
    /// Always [`Basis::LocalEstimate`] from this room; the terminal sets it to the centre's once that has settled.
    pub basis: Basis,
    /// The pack.
    pub pack: PackRef,
    /// The date the parameters were looked up by.
    #[schema(value_type = String, format = Date)]
    pub business_date: Date,
    /// Why this version of the pack was chosen, in Chinese.
    pub version_reason: String,
    /// The pack, or a figure that was used, is for demonstration only: what is printed says 演示参数.
    pub demo: bool,
    /// Each thing that was looked up or computed, in order.
    pub trace: Vec<TraceRecord>,
}
