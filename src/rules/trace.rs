//! The records of a decision: what was looked up, what was computed, what was tested.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::decision::Outcome;

/// One record. Values are in the form of their type; bill lines are named by position only, so no personal data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TraceRecord {
    /// A dated parameter was used.
    Param {
        /// Its name.
        name: String,
        /// Its Chinese name.
        label: String,
        /// Its value; `null` when the pack leaves it empty.
        value: Value,
        /// The value as people read it.
        shown: String,
        /// From which date it holds.
        from: String,
        /// Where the figure is from.
        source: String,
        /// How sure that is: `H`, `M`, `L`, `U`.
        confidence: String,
    },
    /// A row of a table was chosen.
    Table {
        /// The table.
        name: String,
        /// Its Chinese name.
        label: String,
        /// From which date this version of the table holds.
        from: String,
        /// The row, from 1.
        row: usize,
        /// What it was looked up by.
        on: Map<String, Value>,
        /// What it gave.
        out: Map<String, Value>,
        /// What it gave, as people read it.
        shown: String,
        /// Of a row of a scale, how much of the amount it was looked up by lies in the row's range.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        part: Option<String>,
        /// Of a row of a scale with one rate, what that part comes to at it, before it is rounded.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        gives: Option<String>,
        /// Where the figures are from.
        source: String,
        /// How sure that is.
        confidence: String,
    },
    /// An accumulator was read.
    Accumulator {
        /// Its name.
        name: String,
        /// Its Chinese name.
        label: String,
        /// Its value before this transaction; `null` when there was none.
        value: Value,
        /// The value as people read it.
        shown: String,
    },
    /// A step was computed.
    Step {
        /// The bill line, from 1; absent for a step of the whole.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        line: Option<usize>,
        /// Its name.
        name: String,
        /// Its Chinese name.
        label: String,
        /// Its value; `null` when it could not be computed.
        value: Value,
        /// The value as people read it.
        shown: String,
        /// Of a step that is the least or the greatest of several, the one that was taken, as the pack writes it: which
        /// cap it was that held.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        taken: Option<String>,
        /// Of an explanation, its formula with the values in the place of their names, where it is more than one value.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        worked: Option<String>,
        /// The sentence for a slip, where the pack has one that applies.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        say: Option<String>,
    },
    /// A guard was tested.
    Guard {
        /// The bill line, from 1.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        line: Option<usize>,
        /// Its code.
        code: String,
        /// Whether it holds.
        hit: bool,
        /// What it asks for when it holds.
        outcome: Outcome,
    },
    /// An identity was tested.
    Check {
        /// The bill line, from 1.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        line: Option<usize>,
        /// Its code.
        code: String,
        /// Whether it holds.
        ok: bool,
    },
}

impl TraceRecord {
    /// What it says on the slip, if anything.
    pub(super) fn sentence(&self) -> Option<String> {
        let Self::Step { say: Some(say), line, .. } = self else { return None };
        let place = line.map(|line| format!("第 {line} 行：")).unwrap_or_default();
        Some(format!("{place}{say}"))
    }

    /// The record in one line, as a pack's cases name it: `param pool_cap = ¥445476.00 (from 2015-01-01)`,
    /// `table pay row 3 -> ded ¥1600.00, rate 80%`, `step pool = ¥22720.00`, `check TOTAL ok`; a row of a scale ends with
    /// its part of the amount (` on ¥27000.00 = ¥13500.00`), the least or greatest of several with the one that was taken
    /// (` = pool_room`), and a line's records begin with `line 2: `.
    pub fn line(&self) -> String {
        let of = |line: &Option<usize>| line.map(|line| format!("line {line}: ")).unwrap_or_default();
        match self {
            Self::Param { name, shown, from, .. } => format!("param {name} = {shown} (from {from})"),
            Self::Table { name, row, shown, part: None, .. } => format!("table {name} row {row} -> {shown}"),
            Self::Table { name, row, shown, part: Some(part), gives, .. } => {
                let gives = gives.as_ref().map(|gives| format!(" = {gives}")).unwrap_or_default();
                format!("table {name} row {row} -> {shown} on {part}{gives}")
            }
            Self::Accumulator { name, shown, .. } => format!("acc {name} = {shown}"),
            Self::Step { line, name, shown, taken: None, .. } => format!("{}step {name} = {shown}", of(line)),
            Self::Step { line, name, shown, taken: Some(taken), .. } => {
                format!("{}step {name} = {shown} = {taken}", of(line))
            }
            Self::Guard { line, code, hit, outcome } => {
                format!("{}guard {code} {}", of(line), if *hit { outcome.name() } else { "no" })
            }
            Self::Check { line, code, ok } => format!("{}check {code} {}", of(line), if *ok { "ok" } else { "broken" }),
        }
    }
}
