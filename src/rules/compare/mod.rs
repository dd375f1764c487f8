//! What changed between two packs: by what they say, not by their text, and what it does to the cases of both.

mod effect;
mod normal;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use toml::Value;

pub use effect::{CaseEffect, Effects};

use super::Diagnostic;
use super::pack::{Pack, Table, load_without_cases};
use super::packs::{PackInfo, info};
use super::sign::Source;
use tree::{Columns, Name, Thing, Tree};

/// Two sets of packs, compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Those that are in both.
    pub packs: Vec<PackComparison>,
    /// Those that are in the old set alone.
    pub gone: Vec<PackInfo>,
    /// Those that are in the new set alone.
    pub added: Vec<PackInfo>,
}

/// Two versions of a pack, compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PackComparison {
    /// The old one.
    pub old: PackInfo,
    /// The new one.
    pub new: PackInfo,
    /// What they say otherwise.
    pub changes: Vec<Change>,
    /// What becomes of the cases of both.
    pub effects: Effects,
    /// The new one's own cases that it does not pass: no terminal takes it up like that.
    pub failing: Vec<String>,
}

/// One thing that is said otherwise. Without `old` it is new, without `new` it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The part of the pack, as it is called in the file: `param`, `lines.facts`, …
    pub part: String,
    /// What it is about; empty where the part is one thing.
    pub name: String,
    /// The version, by the date from which it holds, and the row, by its conditions; empty for the thing itself.
    pub section: String,
    /// The member; empty where all of it is new or gone.
    pub member: String,
    /// What it was.
    pub old: Option<String>,
    /// What it is.
    pub new: Option<String>,
}

impl Comparison {
    /// Compares packs, each as it was read: the versions of one that goes by the same id, and two that are alone. A case
    /// that fails is no mistake here: which they are is what an author wants to know.
    ///
    /// # Errors
    /// The mistakes of packs that cannot be loaded.
    pub fn of(old: &[Source], new: &[Source]) -> Result<Self, Vec<Diagnostic>> {
        let (old, mut new) = (read(old)?, read(new)?);
        let alone = old.len() == 1 && new.len() == 1;
        let (mut packs, mut gone) = (Vec::new(), Vec::new());
        for read in &old {
            match new.iter().position(|other| alone || read.is_version_of(other, &old, &new)) {
                Some(at) => packs.push(compare(read, &new.remove(at))),
                None => gone.push(info(&read.pack)),
            }
        }
        Ok(Self { packs, gone, added: new.iter().map(|read| info(&read.pack)).collect() })
    }

    /// Whether both say the same.
    pub fn is_nothing(&self) -> bool {
        self.gone.is_empty() && self.added.is_empty() && self.packs.iter().all(|pack| pack.changes.is_empty())
    }
}

/// A pack and its text.
struct Read<'a> {
    pack: Pack,
    text: &'a str,
}

impl Read<'_> {
    /// Whether they are compared: of one id, and where a set has several of it, from one day on.
    fn is_version_of(&self, other: &Self, old: &[Self], new: &[Self]) -> bool {
        let id = &self.pack.reference.id;
        let several = |set: &[Self]| set.iter().filter(|read| read.pack.reference.id == *id).count() > 1;
        let same_day = self.pack.valid.0 == other.pack.valid.0;
        other.pack.reference.id == *id && (same_day || !several(old) && !several(new))
    }

    fn tree(&self) -> Tree {
        tree::read(self.text, &|name| self.pack.tables.iter().find(|table| table.name == name).map(columns))
    }
}

fn read(sources: &[Source]) -> Result<Vec<Read<'_>>, Vec<Diagnostic>> {
    let (mut packs, mut mistakes) = (Vec::new(), Vec::new());
    for source in sources {
        match load_without_cases(&source.file, &source.text) {
            Ok(pack) => packs.push(Read { pack, text: &source.text }),
            Err(found) => mistakes.extend(found),
        }
    }
    if mistakes.is_empty() { Ok(packs) } else { Err(mistakes) }
}

fn columns(table: &Table) -> Columns {
    Columns {
        on: table.on.iter().map(|(_, typ)| typ.kind().to_owned()).collect(),
        out: table.columns.iter().map(|(name, typ)| (name.clone(), typ.kind().to_owned())).collect(),
    }
}

fn compare(old: &Read<'_>, new: &Read<'_>) -> PackComparison {
    let (before, after) = (old.tree(), new.tree());
    let names: BTreeSet<&Name> = before.keys().chain(after.keys()).collect();
    let mut changes = Vec::new();
    for name in names {
        match (before.get(name), after.get(name)) {
            (Some(old), Some(new)) => things(name, old, new, &mut changes),
            (old, new) => changes.push(Change::of(name, "", "", old.map(whole), new.map(whole))),
        }
    }
    changes.extend(orders(old.text, new.text));
    changes.sort_by_key(|change| place(&change.part));
    let failing = new.pack.cases.iter().filter(|case| !case.run(&new.pack).is_empty());
    PackComparison {
        old: info(&old.pack),
        new: info(&new.pack),
        changes,
        effects: Effects::of(&old.pack, &new.pack),
        failing: failing.map(|case| case.name.clone()).collect(),
    }
}

/// The order of the parts in a file.
const PARTS: [&str; 17] = [
    "pack",
    "enums",
    "facts",
    "lines",
    "lines.facts",
    "accumulators",
    "param",
    "table",
    "line_step",
    "step",
    "line_guard",
    "guard",
    "line_check",
    "check",
    "post",
    "case_base",
    "case",
];

fn place(part: &str) -> usize {
    PARTS.iter().position(|known| *known == part).unwrap_or(PARTS.len())
}

fn things(name: &Name, old: &Thing, new: &Thing, changes: &mut Vec<Change>) {
    let sections: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for section in sections {
        match (old.get(section), new.get(section)) {
            (Some(old), Some(new)) => {
                let members: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
                let otherwise = members.into_iter().filter(|member| old.get(*member) != new.get(*member));
                changes.extend(otherwise.map(|member| {
                    Change::of(name, section, member, old.get(member).cloned(), new.get(member).cloned())
                }));
            }
            (old, new) => changes.push(Change::of(name, section, "", old.map(said), new.map(said))),
        }
    }
}

impl Change {
    fn of(name: &Name, section: &str, member: &str, old: Option<String>, new: Option<String>) -> Self {
        let Name { part, name } = name.clone();
        Self { part, name, section: section.to_owned(), member: member.to_owned(), old, new }
    }
}

/// All that is said of a thing.
fn whole(thing: &Thing) -> String {
    let sections = thing.iter().map(|(section, members)| match section.as_str() {
        "" => said(members),
        section => format!("{section}: {}", said(members)),
    });
    sections.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
}

fn said(members: &BTreeMap<String, String>) -> String {
    members.iter().map(|(member, text)| format!("{member} = {text}")).collect::<Vec<_>>().join(", ")
}

/// Where the order of a table's rows counts and is another one: the first two that changed places.
fn orders(old: &str, new: &str) -> Vec<Change> {
    let (old, new) = (ordered(old), ordered(new));
    let mut changes = Vec::new();
    for ((name, from), before) in old {
        let Some(after) = new.get(&(name.clone(), from.clone())) else { continue };
        let common = |rows: &[String], other: &[String]| -> Vec<String> {
            rows.iter().filter(|row| other.contains(row)).cloned().collect()
        };
        let (before, after) = (common(&before, after), common(after, &before));
        let Some((was, is)) = before.iter().zip(&after).find(|(was, is)| was != is) else { continue };
        changes.push(Change {
            part: "table".to_owned(),
            name,
            section: from,
            member: "rows".to_owned(),
            old: Some(format!("{was} < {is}")),
            new: Some(format!("{is} < {was}")),
        });
    }
    changes
}

/// The conditions of the rows, in their order, of each version of a table of which the order counts.
fn ordered(text: &str) -> BTreeMap<(String, String), Vec<String>> {
    let root: toml::Table = toml::from_str(text).unwrap_or_default();
    let tables = root.get("table").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table);
    let mut orders = BTreeMap::new();
    for table in tables {
        let said = |key: &str| table.get(key).map(tree::plain).unwrap_or_default();
        let counts =
            matches!((said("hit").as_str(), said("collect").as_str()), ("first" | "rule-order", _) | (_, "list"));
        let on = table.get("on").and_then(Value::as_array).map_or(0, Vec::len);
        let columns = Columns { on: vec![String::new(); on], out: Vec::new() };
        let versions = table.get("version").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table);
        for version in versions.filter(|_| counts) {
            let from = version.get("from").map(tree::plain).unwrap_or_default();
            let rows = version.get("rows").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let keys = tree::rows(rows, &columns).into_iter().map(|(key, _)| key).collect();
            orders.insert((said("name"), from), keys);
        }
    }
    orders
}
