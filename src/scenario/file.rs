//! A definition as it is written, each part that can be wrong with its place.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::definition::{ExpiredCard, FieldType, Label, Tightening};
use crate::value::Kind;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) scenario: Head,
    #[serde(default)]
    pub(super) limits: Tightening,
    #[serde(default)]
    pub(super) field: Vec<FieldTable>,
    pub(super) lines: Option<LinesTable>,
    #[serde(default)]
    pub(super) facts: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// `[scenario]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) id: Spanned<String>,
    pub(super) kind: Spanned<Kind>,
    pub(super) title: Label,
    #[serde(default)]
    pub(super) expired_card: ExpiredCard,
    pub(super) once: Option<Spanned<OnceTable>>,
    pub(super) cache_hours: Option<u32>,
}

/// `once`.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OnceTable {
    Month,
    Form(IdentityTable),
}

/// `[scenario.once.form]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityTable {
    #[serde(default)]
    pub(super) fields: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) lines: Vec<Spanned<String>>,
}

/// `[[field]]` and `[[lines.field]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldTable {
    pub(super) name: Spanned<String>,
    pub(super) label: Label,
    #[serde(rename = "type")]
    pub(super) kind: Spanned<FieldType>,
    #[serde(default)]
    pub(super) optional: bool,
    pub(super) default: Option<Spanned<serde_json::Value>>,
    #[serde(default)]
    pub(super) choices: Vec<ChoiceTable>,
    pub(super) longest: Option<Spanned<usize>>,
}

/// One of `choices`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChoiceTable {
    pub(super) value: Spanned<String>,
    pub(super) zh: String,
    pub(super) en: String,
}

/// `[lines]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinesTable {
    pub(super) name: Spanned<String>,
    pub(super) label: Label,
    pub(super) most: Spanned<usize>,
    pub(super) field: Vec<FieldTable>,
}
