//! The table of 2015 and the catalogue beside it, as the tests need them: read from the files that people write, and not
//! from what the product makes of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

pub(super) use super::tree;

/// One row of the table.
pub struct Row {
    pub id: String,
    pub kind: String,
    /// The kinds of its further parts.
    pub also: Vec<String>,
}

/// The 77 rows in the printed order.
pub fn table() -> Vec<Row> {
    let text = read(&tree("fixtures/scenarios.tsv"));
    let rows = text.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let also = cells[4].split(',').filter(|kind| !kind.is_empty()).map(str::to_owned).collect();
        Row { id: cells[2].to_owned(), kind: cells[3].to_owned(), also }
    });
    rows.collect()
}

/// One part of a scenario: what it asks for.
#[derive(Clone)]
pub struct Definition {
    pub kind: String,
    /// Who runs it: `clerk`, `holder`.
    pub who: Vec<String>,
    /// The holder proves with their PIN that the card is theirs.
    pub pin: bool,
    pub form: Vec<Item>,
    pub lines: Option<Lines>,
    pub documents: Vec<Document>,
    /// It is carried out once in some sense: the same again is told.
    pub once: bool,
    pub lookup: Option<Lookup>,
    /// What is shown of the records that are looked up.
    pub columns: Vec<String>,
    /// How often it is printed a person and day.
    pub a_day: Option<u64>,
    /// How it tightens the table of conditions.
    pub conditions: Map<String, Value>,
}

impl Definition {
    /// What was found, and what the rules say of it, is told to nobody but who knows the PIN.
    pub fn is_told_after_the_pin(&self) -> bool {
        self.kind == "query" && self.pin
    }
}

/// What is asked of the centre before anything is decided.
#[derive(Clone)]
pub struct Lookup {
    /// The item by which the form names the record that is meant.
    pub key: Option<String>,
    /// An answer may be shown while the centre is away.
    pub cached: bool,
}

/// An item of a form.
#[derive(Clone)]
pub struct Item {
    pub name: String,
    /// Nothing stands in for it where it is left out.
    pub required: bool,
    /// `money`, `date`, `choice`, …
    pub kind: String,
    /// Its validator.
    pub check: Option<String>,
}

/// The repeated group of a form.
#[derive(Clone)]
pub struct Lines {
    pub name: String,
    pub least: usize,
    pub form: Vec<Item>,
}

/// A document that a form asks for.
#[derive(Clone)]
pub struct Document {
    pub name: String,
    pub optional: bool,
    pub scan: bool,
}

#[derive(Deserialize)]
struct Lined {
    name: String,
    #[serde(default = "one")]
    least: usize,
    form: Vec<Value>,
}

fn one() -> usize {
    1
}

/// The parts of every scenario, by its id: the first, and what it is also.
pub fn definitions() -> BTreeMap<String, Vec<Definition>> {
    let files: Vec<Map<String, Value>> = files(&tree("config/scenarios")).iter().map(|file| toml(file)).collect();
    let mut items = Map::new();
    for table in files.iter().filter_map(|file| file.get("item")?.as_object()) {
        items.extend(table.clone());
    }
    let scenarios = files.iter().filter_map(|file| file.get("scenario")?.as_array()).flatten();
    let parts = |scenario: &Value| {
        let further = scenario["also"].as_array().cloned().unwrap_or_default();
        std::iter::once(scenario).chain(&further).map(|part| definition(part, &items)).collect()
    };
    scenarios.map(|scenario| (text(&scenario["id"]), parts(scenario))).collect()
}

fn definition(part: &Value, items: &Map<String, Value>) -> Definition {
    let lines = part.get("lines").map(|lines| {
        let lines: Lined = serde_json::from_value(lines.clone()).unwrap();
        let form = lines.form.iter().map(|entry| item(entry, items)).collect();
        Lines { name: lines.name, least: lines.least, form }
    });
    let lookup = part
        .get("lookup")
        .map(|lookup| Lookup { key: lookup.get("key").map(text), cached: lookup.get("hours").is_some() });
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    Definition {
        kind: text(&part["kind"]),
        who: list(&part["who"]).iter().map(text).collect(),
        pin: part["card"] == "pin",
        form: list(&part["form"]).iter().map(|entry| item(entry, items)).collect(),
        lines,
        documents: list(&part["documents"]).iter().map(document).collect(),
        // An order and a payment are told by their record, whether the catalogue says so or not.
        once: part.get("once").is_some() || ["pay", "collect"].contains(&text(&part["kind"]).as_str()),
        lookup,
        columns: list(&part["lookup"]["columns"]).iter().map(|entry| item(entry, items).name).collect(),
        a_day: part.pointer("/print/a_day").and_then(Value::as_u64),
        conditions: part["conditions"].as_object().cloned().unwrap_or_default(),
    }
}

fn item(entry: &Value, items: &Map<String, Value>) -> Item {
    let name = entry.as_str().map_or_else(|| text(&entry["item"]), str::to_owned);
    let of_all = items.get(&name).unwrap_or_else(|| panic!("there is no item {name}"));
    let given = |key: &str| entry.get(key).or_else(|| of_all.get(key));
    Item {
        required: given("optional") != Some(&Value::Bool(true))
            && given("default").is_none()
            && given("fill").is_none(),
        kind: text(&of_all["type"]),
        check: given("check").map(text),
        name,
    }
}

fn document(entry: &Value) -> Document {
    let is = |key: &str| entry.get(key) == Some(&Value::Bool(true));
    let name = entry.as_str().map_or_else(|| text(&entry["document"]), str::to_owned);
    Document { name, optional: is("optional"), scan: is("scan") }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// The TOML files of a folder, in the order of their names.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    files
}

/// A TOML file as JSON.
pub fn toml(file: &Path) -> Map<String, Value> {
    ::toml::from_str(&read(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
