//! A file of the catalogue as it is written, each part that can be wrong with its place.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::definition::{ExpiredCard, FieldType, Fill, Label, Paper, Proof, Runner, Tightening};
use super::tighter::Tighter;
use crate::value::{Check, Kind};
use crate::wire::Receiver;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) codes: BTreeMap<Spanned<String>, CodesTable>,
    #[serde(default)]
    pub(super) item: BTreeMap<Spanned<String>, ItemTable>,
    #[serde(default)]
    pub(super) document: BTreeMap<Spanned<String>, DocumentTable>,
    #[serde(default)]
    pub(super) scenario: Vec<ScenarioTable>,
}

/// `[codes.NAME]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodesTable {
    /// Where the list is from.
    #[serde(rename = "source")]
    pub(super) _source: String,
    pub(super) values: Spanned<Vec<CodeTable>>,
}

/// One of `values`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeTable {
    pub(super) value: Spanned<String>,
    pub(super) zh: String,
    pub(super) en: String,
}

/// `[item.NAME]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ItemTable {
    pub(super) label: Label,
    #[serde(rename = "type")]
    pub(super) kind: Spanned<FieldType>,
    pub(super) codes: Option<Spanned<String>>,
    pub(super) longest: Option<Spanned<usize>>,
    pub(super) check: Option<Spanned<Check>>,
    pub(super) check_by: Option<CheckByTable>,
    pub(super) fill: Option<Spanned<Fill>>,
    /// Whether it is starred on what anybody may read.
    pub(super) personal: Option<Spanned<bool>>,
    /// Why it has a name of our own.
    pub(super) own: Option<Spanned<String>>,
    /// Where the item is from.
    #[serde(rename = "source")]
    pub(super) _source: Option<String>,
}

/// `check_by`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckByTable {
    pub(super) item: Spanned<String>,
    pub(super) checks: BTreeMap<String, Spanned<Check>>,
}

/// `[document.NAME]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DocumentTable {
    pub(super) label: Label,
}

/// A table that has the keys of a part, after some of its own. Laid out by hand, for a table in a table would lose the places
/// in the file.
macro_rules! with_part {
    ($(#[$about:meta])* $name:ident { $($(#[$of_own:meta])* $own:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$of_own])* pub(super) $own: $type,)*
            pub(super) kind: Spanned<Kind>,
            pub(super) name: Label,
            pub(super) who: Spanned<Vec<Runner>>,
            #[serde(default)]
            pub(super) card: Proof,
            #[serde(default)]
            pub(super) expired_card: ExpiredCard,
            pub(super) once: Option<Spanned<OnceTable>>,
            pub(super) cache_hours: Option<u32>,
            pub(super) packs: Spanned<Vec<String>>,
            #[serde(default)]
            pub(super) form: Vec<Spanned<OrName<FormTable>>>,
            #[serde(default)]
            pub(super) documents: Vec<Spanned<OrName<PaperTable>>>,
            pub(super) lines: Option<LinesTable>,
            #[serde(default)]
            pub(super) facts: BTreeMap<Spanned<String>, Spanned<String>>,
            #[serde(default)]
            pub(super) limits: Tightening,
            #[serde(default)]
            pub(super) conditions: Tighter,
            #[serde(default)]
            pub(super) message: MessageTable,
            pub(super) lookup: Option<LookupTable>,
            #[serde(default)]
            pub(super) print: PrintTable,
            pub(super) confidential: Option<Spanned<String>>,
            pub(super) receiver: Option<Receiver>,
        }
    };
}

with_part! {
    /// `[[scenario]]`: the keys of its main part stand beside its own.
    ScenarioTable {
        row: Option<u32>,
        printed: Option<u32>,
        id: Spanned<String>,
        domain: Spanned<String>,
        usage: Spanned<String>,
        remark: Option<String>,
        note: Option<String>,
        #[serde(default)]
        also: Vec<PartTable>,
    }
}

with_part! {
    /// `[[scenario.also]]`.
    PartTable {}
}

/// A scenario's own keys.
pub(super) struct Head {
    pub(super) row: Option<u32>,
    pub(super) printed: Option<u32>,
    pub(super) id: Spanned<String>,
    pub(super) domain: Spanned<String>,
    pub(super) usage: Spanned<String>,
    pub(super) remark: Option<String>,
    pub(super) note: Option<String>,
}

impl ScenarioTable {
    /// The scenario's own keys, and its parts, the first one first.
    pub(super) fn split(self) -> (Head, Vec<PartTable>) {
        let Self { row, printed, id, domain, usage, remark, note, also, .. } = self;
        let head = Head { row, printed, id, domain, usage, remark, note };
        let first = PartTable {
            kind: self.kind,
            name: self.name,
            who: self.who,
            card: self.card,
            expired_card: self.expired_card,
            once: self.once,
            cache_hours: self.cache_hours,
            packs: self.packs,
            form: self.form,
            documents: self.documents,
            lines: self.lines,
            facts: self.facts,
            limits: self.limits,
            conditions: self.conditions,
            message: self.message,
            lookup: self.lookup,
            print: self.print,
            confidential: self.confidential,
            receiver: self.receiver,
        };
        (head, std::iter::once(first).chain(also).collect())
    }
}

/// `once`.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OnceTable {
    Day,
    Month,
    Year,
    Form(IdentityTable),
}

/// `once.form`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityTable {
    #[serde(default)]
    pub(super) fields: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) lines: Vec<Spanned<String>>,
}

/// One of `form`, where it is more than a name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FormTable {
    pub(super) item: String,
    #[serde(default)]
    pub(super) optional: bool,
    pub(super) default: Option<serde_json::Value>,
    /// Of a choice: these codes and no others.
    pub(super) only: Option<Vec<String>>,
    pub(super) label: Option<Label>,
}

/// One of `documents`, where it is more than a name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PaperTable {
    pub(super) document: String,
    #[serde(default)]
    pub(super) optional: bool,
    #[serde(default)]
    pub(super) scan: bool,
}

/// `[scenario.lines]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinesTable {
    pub(super) name: Spanned<String>,
    pub(super) label: Label,
    #[serde(default = "one")]
    pub(super) least: usize,
    pub(super) most: Spanned<usize>,
    pub(super) form: Vec<Spanned<OrName<FormTable>>>,
    #[serde(default)]
    pub(super) known_by: Vec<Spanned<IdentityTable>>,
}

fn one() -> usize {
    1
}

/// `[scenario.message]`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageTable {
    pub(super) name: Option<Spanned<String>>,
    pub(super) ask: Option<Spanned<String>>,
    pub(super) cancel: Option<Spanned<String>>,
    #[serde(default, rename = "for")]
    pub(super) by_choice: Vec<MessageForTable>,
}

/// `[[scenario.message.for]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageForTable {
    pub(super) item: Spanned<String>,
    pub(super) values: Spanned<Vec<String>>,
    pub(super) name: Spanned<String>,
    pub(super) ask: Spanned<String>,
    pub(super) cancel: Spanned<String>,
}

/// `[scenario.lookup]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookupTable {
    pub(super) key: Option<Spanned<String>>,
    pub(super) columns: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) choose_by: Vec<Spanned<String>>,
    pub(super) hours: Option<Spanned<u32>>,
}

/// `[scenario.print]`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct PrintTable {
    #[serde(rename = "as")]
    pub(super) paper: Option<Spanned<Paper>>,
    pub(super) a_day: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) total: Vec<Spanned<String>>,
}

/// A name, or a table that begins with one.
pub(super) enum OrName<T> {
    Name(String),
    Table(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OrName<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = OrName<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name or a table")
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(OrName::Name(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(OrName::Table)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}
