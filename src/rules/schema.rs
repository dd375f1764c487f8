//! What a scenario's pack needs to be told, so that a form can be checked against it.

use serde::Serialize;

/// The items of one pack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Schema {
    /// The pack's id.
    pub pack: String,
    /// The fact that is the business date.
    pub date_of: String,
    /// The facts of the case.
    pub facts: Vec<FactSpec>,
    /// The facts of each bill line; empty when the scenario has no bill.
    pub lines: Vec<FactSpec>,
    /// The accumulators.
    pub accumulators: Vec<AccumulatorSpec>,
    /// The output fields, with their Chinese names.
    pub outputs: Vec<Choice>,
    /// The output fields of each bill line.
    pub line_outputs: Vec<Choice>,
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FactSpec {
    /// Its name.
    pub name: String,
    /// Its Chinese name.
    pub label: String,
    /// Its type: `money`, `price`, `quantity`, `rate`, `int`, `days`, `date`, `month`, `bool`, `text`, `choice`.
    #[serde(rename = "type")]
    pub kind: String,
    /// It may be left out.
    pub optional: bool,
    /// The values of a `choice`.
    pub choices: Vec<Choice>,
}

/// A value or field and its Chinese name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// What stands in the data.
    pub value: String,
    /// What a person reads.
    pub label: String,
}

/// One accumulator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccumulatorSpec {
    /// Name, type, and whether it may be left out.
    #[serde(flatten)]
    pub fact: FactSpec,
    /// Over what it runs.
    pub scope: String,
}
