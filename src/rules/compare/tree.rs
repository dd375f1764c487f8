//! A pack's text as what it says: things by part and name, each with sections, each with members.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::normal;

/// What a pack says, part by part.
pub(super) type Tree = BTreeMap<Name, Thing>;
/// The members of a thing by section: `""` its own, a date one of its versions, a date and conditions a row.
pub(super) type Thing = BTreeMap<String, BTreeMap<String, String>>;

/// What names a thing: the part as it is called in the file, and its name there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) part: String,
    pub(super) name: String,
}

/// The parts that are lists, and the member that tells their things apart.
const LISTS: &[(&str, &str)] = &[
    ("param", "name"),
    ("table", "name"),
    ("line_step", "name"),
    ("step", "name"),
    ("line_guard", "code"),
    ("guard", "code"),
    ("line_check", "code"),
    ("check", "code"),
    ("post", "name"),
    ("case", "name"),
];

/// The parts that are tables of things by name.
const TABLES: &[&str] = &["enums", "facts", "accumulators"];

/// The members that are expressions, wherever they are.
const EXPRESSIONS: &[&str] = &["expr", "when", "say_when", "add", "set"];

/// A table and what its rows are looked up by, with the kinds of both.
pub(super) struct Columns {
    pub(super) on: Vec<String>,
    pub(super) out: Vec<(String, String)>,
}

/// Reads a pack's text, which has been loaded: it is TOML. `columns` knows the tables' columns.
pub(super) fn read(text: &str, columns: &dyn Fn(&str) -> Option<Columns>) -> Tree {
    let mut tree = Tree::new();
    // A pack that was loaded is TOML.
    let root: Table = toml::from_str(text).unwrap_or_default();
    for (part, value) in &root {
        match (value, LISTS.iter().find(|(name, _)| name == part)) {
            (Value::Array(list), Some((part, key))) => {
                for thing in list.iter().filter_map(Value::as_table) {
                    // A pack that was loaded names them all.
                    let name = thing.get(*key).map(plain).unwrap_or_default();
                    let rest: Table = thing.iter().filter(|(member, _)| member != key).map(owned).collect();
                    let columns = if *part == "table" { columns(&name) } else { None };
                    put(&mut tree, part, &name, of_list(part, &rest, columns.as_ref()));
                }
            }
            (Value::Table(things), None) if TABLES.contains(&part.as_str()) => facts(&mut tree, part, things),
            (Value::Table(lines), None) if part == "lines" => {
                let own: Table = lines.iter().filter(|(key, _)| key.as_str() != "facts").map(owned).collect();
                put(&mut tree, part, "", own_members(&own));
                if let Some(Value::Table(of_line)) = lines.get("facts") {
                    facts(&mut tree, "lines.facts", of_line);
                }
            }
            (Value::Table(thing), _) => put(&mut tree, part, "", own_members(thing)),
            (other, _) => put(&mut tree, part, "", Thing::from([(String::new(), members("", other))])),
        }
    }
    tree
}

fn owned((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

fn put(tree: &mut Tree, part: &str, name: &str, thing: Thing) {
    tree.insert(Name { part: part.to_owned(), name: name.to_owned() }, thing);
}

/// Facts, accumulators and enumerations: defaults and ranges in the form of their type.
fn facts(tree: &mut Tree, part: &str, things: &Table) {
    for (name, thing) in things {
        let Value::Table(thing) = thing else { continue };
        let kind = thing.get("type").map(plain).unwrap_or_default();
        let mut members = own(thing);
        for (key, text) in &mut members {
            match key.as_str() {
                "default" if part != "enums" => *text = normal::value(&kind, text),
                "range" if part != "enums" => *text = normal::condition(&kind, text),
                _ => {}
            }
        }
        put(tree, part, name, Thing::from([(String::new(), members)]));
    }
}

/// A thing of a list, with its versions and rows as sections.
fn of_list(part: &str, thing: &Table, columns: Option<&Columns>) -> Thing {
    let apart = match part {
        "param" => "values",
        "table" => "version",
        _ => return own_members(thing),
    };
    let rest: Table = thing.iter().filter(|(key, _)| key.as_str() != apart).map(owned).collect();
    let mut sections = own_members(&rest);
    let kind = thing.get("type").map(plain).unwrap_or_default();
    for version in thing.get(apart).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table) {
        let from = version.get("from").map(plain).unwrap_or_default();
        let of_version: Table =
            version.iter().filter(|(key, _)| !["from", "rows"].contains(&key.as_str())).map(owned).collect();
        let mut members = own(&of_version);
        if let Some(value) = members.get_mut("value") {
            *value = normal::value(&kind, value);
        }
        sections.insert(from.clone(), members);
        if let (Some(columns), Some(Value::Array(rows))) = (columns, version.get("rows")) {
            for (key, cells) in self::rows(rows, columns) {
                sections.insert(format!("{from} {key}"), cells);
            }
        }
    }
    sections
}

/// Rows by their conditions; a second one of the same conditions is told apart by its number.
pub(super) fn rows(rows: &[Value], columns: &Columns) -> Vec<(String, BTreeMap<String, String>)> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let one = |row: &Value| {
        let cells = row.as_array()?;
        let (on, out) = cells.split_at_checked(columns.on.len())?;
        let conditions: Vec<_> =
            on.iter().zip(&columns.on).map(|(cell, kind)| normal::condition(kind, &plain(cell))).collect();
        let mut key = format!("({})", conditions.join(", "));
        let times = seen.entry(key.clone()).or_default();
        *times += 1;
        if *times > 1 {
            key += &format!(" #{times}");
        }
        let cells =
            out.iter().zip(&columns.out).map(|(cell, (name, kind))| (name.clone(), normal::value(kind, &plain(cell))));
        Some((key, cells.collect()))
    };
    rows.iter().filter_map(one).collect()
}

fn own_members(thing: &Table) -> Thing {
    Thing::from([(String::new(), own(thing))])
}

fn own(thing: &Table) -> BTreeMap<String, String> {
    thing.iter().flat_map(|(key, value)| members(key, value)).collect()
}

/// A member, or those of a table or a list of tables, by their path.
fn members(path: &str, value: &Value) -> BTreeMap<String, String> {
    match value {
        Value::Table(table) => {
            let inner = |(key, value): (&String, &Value)| {
                members(&if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value)
            };
            table.iter().flat_map(inner).collect()
        }
        Value::Array(list) if list.iter().any(|item| item.is_table() || item.is_array()) => {
            list.iter().enumerate().flat_map(|(at, item)| members(&format!("{path}[{}]", at + 1), item)).collect()
        }
        _ => BTreeMap::from([(path.to_owned(), normalized(path, value))]),
    }
}

fn normalized(path: &str, value: &Value) -> String {
    let text = plain(value);
    match path {
        "say" => normal::sentence(&text),
        path if EXPRESSIONS.contains(&path) => normal::expression(&text),
        _ => text,
    }
}

/// A value as a person would write it, without its quotes.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Integer(n) => n.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Datetime(date) => date.to_string(),
        // No pack has a number with a point, and a table is told member by member.
        Value::Float(_) | Value::Table(_) => String::new(),
    }
}
