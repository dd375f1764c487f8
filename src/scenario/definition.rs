//! What a scenario needs and does, as data: one TOML file a scenario in `config/scenarios/`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::value::{Fen, Kind};

/// One scenario that can be carried out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Definition {
    /// Its id in the catalogue, and the file's name.
    pub id: String,
    /// What it does; the same as in the catalogue.
    pub kind: Kind,
    /// Its name.
    pub title: Label,
    /// What a card that is past its validity may do.
    pub expired_card: ExpiredCard,
    /// What of it the same person carries out once; every case is one of its own where this is absent.
    pub once: Option<Once>,
    /// How old what the centre told last of a person may be where it cannot be asked, in hours; of any age where this is
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_hours: Option<u32>,
    /// The form's fields, in the order they are asked.
    pub fields: Vec<Field>,
    /// The bill, where there is one.
    pub lines: Option<Lines>,
    /// What the rules are told beside the form: fact by fact, where it comes from when the form does not have it.
    pub facts: BTreeMap<String, Source>,
    /// How far it may go while the centre is away, where that is less than the terminal's own limits allow.
    pub limits: Tightening,
}

/// One text in both languages of the product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// What a card that is past its validity may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExpiredCard {
    /// Nothing: the case ends.
    #[default]
    Refuse,
    /// What any card may do; the slip says that it is past its validity.
    Warn,
}

/// What a person carries out once: the same again is told, and not committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Once {
    /// In the business date's month, whatever the form says.
    Month,
    /// With a form that says the same under these names: the same bill, whatever else is stated of it. A caller's own
    /// key tells two such cases apart.
    Form(Identity),
}

/// The fields that make two forms the same. The form always has them: one that may be left out would make another of
/// the same form once it is stated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Those of the form itself.
    pub fields: Vec<String>,
    /// Those of each line; the lines may come in any order.
    pub lines: Vec<String>,
}

/// One field of a form, or of each line of a bill. The rules are told it under the same name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What a person reads.
    pub label: Label,
    /// What it takes.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// It may be left out.
    pub optional: bool,
    /// What stands for it when it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    /// The values of a `choice`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// Most characters of a `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest: Option<usize>,
}

/// What a field takes. Numbers with a point are strings, since a JSON number may have been through floating point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// Yuan with at most two places, `"30000.00"`; never negative.
    Money,
    /// Yuan with at most four places, `"0.4050"`; never negative.
    Price,
    /// At most four places, `"2"`; never negative.
    Quantity,
    /// Per cent with at most four places, `"89.5%"`; 0 to 100.
    Rate,
    /// A JSON integer.
    Int,
    /// `"2015-08-01"`.
    Date,
    /// `"2015-08"`.
    Month,
    /// A JSON boolean.
    Bool,
    /// Free text without control characters.
    Text,
    /// One of the choices.
    Choice,
}

/// One value of a `choice`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// What stands in the data.
    pub value: String,
    /// What a person reads.
    pub label: Label,
}

/// The lines of a bill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lines {
    /// The name of the array.
    pub name: String,
    /// What a person reads.
    pub label: Label,
    /// How many there may be; one at least.
    pub most: usize,
    /// The fields of each.
    pub fields: Vec<Field>,
}

/// Where a fact comes from that the form does not give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The business date.
    BusinessDate,
    /// The business date's month.
    BusinessMonth,
    /// The sum of this money field over the bill's lines.
    SumOfLines(String),
}

/// Limits that take the place of the terminal's own where they are lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tightening {
    /// Largest amount of one transaction.
    pub amount: Option<Fen>,
    /// Largest sum a person and day.
    pub person_day: Option<Fen>,
    /// Largest number of unsent provisional transactions.
    pub count: Option<u32>,
    /// Age of the oldest unsent provisional transaction with which provisional work still goes on, in hours.
    pub age_hours: Option<u32>,
}
