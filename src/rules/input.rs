//! What a caller gives to have a case decided, and how that can be wrong.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The facts of one case. [`super::Packs::schema`] tells which a scenario needs.
///
/// Amounts, prices, quantities and rates are strings (`"30000.00"`, `"0.4050"`, `"2"`, `"89.5%"`), since a JSON number
/// may have been through floating point; integers and booleans are JSON's own; dates are `"2015-08-01"`, months
/// `"2015-08"`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Input {
    /// The facts by name.
    pub facts: Map<String, Value>,
    /// The bill's lines, where the scenario has a bill.
    pub lines: Vec<Map<String, Value>>,
    /// The accumulators by name, as they stand before this transaction.
    pub accumulators: Map<String, Value>,
}

/// Why a case cannot be decided at all. Names items, never their values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// No pack for the scenario.
    #[error("no policy pack for scenario '{scenario}'")]
    UnknownScenario {
        /// Which.
        scenario: String,
    },
    /// Packs for the scenario, but none for the date.
    #[error("no version of the pack for this date: {scenario} on {date}")]
    NoVersion {
        /// Which.
        scenario: String,
        /// The business date.
        date: Date,
    },
    /// Packs for the scenario and the date, but none for a case with these facts.
    #[error("no pack of {scenario} on {date} is for what is said in {items}")]
    NotCovered {
        /// Which.
        scenario: String,
        /// The business date.
        date: Date,
        /// The facts that choose a pack, by name.
        items: String,
    },
    /// An item the pack needs is not there.
    #[error("{item} is missing")]
    Missing {
        /// Where and which, e.g. `lines[2].cnt`, lines counted from 1 as on the slip.
        item: String,
    },
    /// An item the pack does not know.
    #[error("{item} is not known to the pack")]
    Unknown {
        /// Where and which.
        item: String,
    },
    /// An item of another type.
    #[error("{item} is not {expected}")]
    WrongType {
        /// Where and which.
        item: String,
        /// What it should be, e.g. `an amount such as "30000.00"`.
        expected: String,
    },
    /// An item outside the range the pack allows.
    #[error("{item} must be {range}")]
    OutOfRange {
        /// Where and which.
        item: String,
        /// The range in words.
        range: String,
    },
    /// More lines than the pack allows.
    #[error("the bill has more than {most} lines")]
    TooManyLines {
        /// The most there may be.
        most: usize,
    },
}
