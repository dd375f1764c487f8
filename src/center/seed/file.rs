//! What a seed file says.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Spanned;

use crate::center::became::Becomes;
use crate::center::own::Own;
use crate::center::visits::Care;
use crate::value::Kind;

/// A seed file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seed {
    #[serde(default)]
    pub(super) person: Vec<Person>,
    #[serde(default)]
    pub(super) fact: Vec<Facts>,
    #[serde(default)]
    pub(super) record: Vec<Kept>,
    #[serde(default)]
    pub(super) filing: Vec<Filed>,
    #[serde(default)]
    pub(super) visit: Vec<Visit>,
    #[serde(default)]
    pub(super) becomes: Vec<Spanned<Becomes>>,
    #[serde(default)]
    pub(super) own: Vec<Spanned<Own>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    pub(super) psn_no: String,
    pub(super) certno: String,
    pub(super) insutype: String,
    #[serde(default)]
    pub(super) scenario: BTreeMap<String, Record>,
    #[serde(default)]
    pub(super) scheme: BTreeMap<String, Counts>,
}

/// What is known of a person for a scenario.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    #[serde(default)]
    pub(super) facts: Map<String, Value>,
}

/// What is counted for a person on a scheme.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counts {
    pub(super) accumulators: Vec<Accumulator>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accumulator {
    pub(super) name: String,
    pub(super) period: String,
    pub(super) value: Value,
    pub(super) told: Option<Value>,
}

/// What is known of a person for some scenarios.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    pub(super) psn_no: Spanned<String>,
    pub(super) scenarios: Vec<String>,
    pub(super) facts: Map<String, Value>,
}

/// What a lookup finds of a person. What is named alike of one person tells of the same payment, order or institution: what
/// changes the one changes the others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    pub(super) psn_no: Spanned<String>,
    pub(super) scenario: String,
    /// Of the scenario; any where it is left out.
    pub(super) part: Option<Kind>,
    /// The item that names it, or that item's value. An order and a payment have their number where it is left out.
    pub(super) key: Option<String>,
    pub(super) values: Map<String, Value>,
    /// The items that an accepted change sets by another item of the form, beside those of the same name.
    #[serde(default)]
    pub(super) takes: BTreeMap<String, String>,
    /// The items that have these values once a change is accepted.
    #[serde(default)]
    pub(super) becomes: Map<String, Value>,
}

/// What stands from before.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filed {
    pub(super) psn_no: Spanned<String>,
    pub(super) scenario: String,
    /// Of the scenario; any where it is left out.
    pub(super) part: Option<Kind>,
    pub(super) once: String,
}

/// A visit or an admission that was registered somewhere else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Visit {
    pub(super) psn_no: Spanned<String>,
    pub(super) mdtrt_id: String,
    /// 险种, or the scheme of the packs where that has no code.
    pub(super) insurance: String,
    /// Seen at a clinic, or in hospital; what settles the other kind is not taken. Any where it is left out.
    pub(super) care: Option<Care>,
    /// It is over.
    #[serde(default)]
    pub(super) ended: bool,
}
