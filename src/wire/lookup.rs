//! What the centre is asked to show of a person: the records of a query, and the order, the payment or the record that a
//! case is about. Asked under the scenario's own message name; changes nothing.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::person::PersonKey;
use crate::value::Kind;

/// What is asked. Ours.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Lookup {
    /// Whose records: nobody else's are told.
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
    /// What is looked for, under the items' codes upstream, in capitals or not. A record that has such an item has it as
    /// it stands here; `aae030` and `aae031` are the first and the last month or day that is asked for.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

/// What is found.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// When the centre read it.
    pub as_of: Timestamp,
    /// The records, each by the items of the catalogue (`order_no`, `aae003`).
    pub records: Vec<Map<String, Value>>,
}
