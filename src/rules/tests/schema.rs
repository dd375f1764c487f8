//! The JSON Schema of packs: what ships is valid by it, it knows the keys that the loader knows and no others, and it
//! refuses what an editor can see.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::rules::PACK_SCHEMA;
use crate::rules::pack::asked;

/// A pack with every key that there is, whatever the loader says of the rest.
const EVERYTHING: &str = r#"
# Begins with a comment, so that no table begins where the file does.
[pack]
id = "i"
version = "1"
title = "t"
scenarios = ["test"]
for = { level = ["a"] }
scheme = "310"
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "date"
status = "demo"

[enums.level]
a = "甲"

[facts]
date = { type = "date", label = "日期" }
level = { type = "level", default = "a" }
amount = { type = "money", range = "..", optional = true }

[lines]
least = 1
most = 9
key = "number"

[lines.facts]
number = { type = "text" }

[accumulators]
used = { type = "money", label = "已用", scope = "year", scheme = "390", by = "level", begins = "begins" }
stay = { type = "money", default = "0.00", scope = "days", days = 90, since = "date" }
ill = { type = "money", optional = true, range = "0..", scope = "disease", by = "level" }

[[param]]
name = "begins"
label = "年度"
type = "int"
values = [
  { from = 2015-01-01, to = 2015-06-30, value = 7, source = "s", confidence = "M", verified_on = 2026-11-26 },
  { from = 2015-07-01, source = "s", confidence = "U", verified_on = 2026-11-26 },
]

[[table]]
name = "pay"
label = "比例"
on = ["level"]
out = { rate = "rate" }
hit = "unique"

[[table.version]]
from = 2015-01-01
to = 2015-12-31
source = "s"
confidence = "M"
verified_on = 2026-11-26
rows = [["a", "80%"]]

[[table]]
name = "more"
on = ["level"]
out = { rate = "rate" }
hit = "collect"
collect = "sum"
version = []

[[line_step]]
name = "one"
label = "一"
expr = "¥1"
out = "one"
keep = true
say = "{one}"
say_when = "one > ¥0"

[[line_guard]]
code = "E-L"
when = "one < ¥0"
outcome = "deny"
text = { zh = "中", en = "e" }
basis = "法"

[[line_check]]
code = "L"
expr = "one == ¥1"

[[step]]
name = "all"
label = "全部"
expr = "sum(one)"
out = "all"
keep = true
say = "{all}"
say_when = "all > ¥0"

[[guard]]
code = "E-G"
when = "all < ¥0"
outcome = "refer"
text = { zh = "中", en = "e" }
basis = "法"

[[check]]
code = "C"
expr = "all == all"

[[post]]
name = "used"
add = "all"
when = "all > ¥0"

[[post]]
name = "stay"
set = "all"

[case_base]
facts = { date = 2015-02-01 }
lines = [{ number = "1" }]
accumulators = { used = "0.00" }
figures = { begins = 7 }
without = ["level"]

[[case]]
name = "办"
facts = { amount = "1.00" }
lines = [{ number = "1" }]
accumulators = { used = "0.00" }
figures = { begins = 7 }
without = ["date"]
outcome = "allow"
reasons = []
want = { all = "1.00" }
want_lines = [{ one = "1.00" }]
want_accumulators = { used = "1.00" }
trace_has = ["step all"]
said = ["¥1.00"]

[[case]]
name = "不办"
refused = "facts.date"
"#;

fn schema() -> Value {
    serde_json::from_str(PACK_SCHEMA).unwrap()
}

/// The packs below `folder`, with their texts.
fn packs(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match path.extension().and_then(|ending| ending.to_str()) {
                Some("toml") => found.push((path.clone(), fs::read_to_string(&path).unwrap())),
                None if path.is_dir() => folders.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// TOML as editors hold it against a schema: a date is a text.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(n) => n.as_str().parse::<i64>().map_or(Value::Null, Value::from),
        DeValue::Float(n) => json!(n.as_str()),
        DeValue::Boolean(b) => json!(b),
        DeValue::Datetime(date) => json!(date.to_string()),
        DeValue::Array(list) => list.iter().map(|value| json(value.get_ref())).collect(),
        DeValue::Table(table) => object(table),
    }
}

fn object(table: &DeTable<'_>) -> Value {
    let entries = table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref())));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn parsed(text: &str) -> Value {
    object(DeTable::parse(text).unwrap().get_ref())
}

fn mistakes(validator: &jsonschema::Validator, pack: &Value) -> Vec<String> {
    validator.iter_errors(pack).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn every_pack_that_ships_names_the_schema_and_is_valid() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let packs = packs("config/policy");
    assert!(packs.len() >= 2);
    for (path, text) in &packs {
        let named = text.lines().next().and_then(|line| line.strip_prefix("#:schema ")).expect("a first line");
        let named = path.parent().unwrap().join(named);
        assert_eq!(fs::read_to_string(&named).ok().as_deref(), Some(PACK_SCHEMA), "{}", path.display());
        assert_eq!(mistakes(&validator, &parsed(text)), Vec::<String>::new(), "{}", path.display());
    }
    assert_eq!(mistakes(&validator, &parsed(EVERYTHING)), Vec::<String>::new());
}

#[test]
fn it_is_a_schema_and_says_in_both_languages_what_each_key_is() {
    let schema = schema();
    assert!(jsonschema::meta::is_valid(&schema));
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let has_both = |text: &str| {
        let (zh, en) = text.split_once('\n').unwrap_or_default();
        !zh.is_ascii() && !en.is_empty() && en.chars().all(|c| c.is_ascii() || c == '¥')
    };
    let said = |node: &Value| node["description"].as_str().is_some_and(has_both);
    for (at, node) in closed("#", &schema) {
        for (key, node) in node["properties"].as_object().unwrap() {
            assert!(said(node) || said(resolved(&schema, node).1), "{at} {key}");
        }
    }
}

/// What of the broken packs an editor sees. The others are wrong in what only the whole tells: names, types, dates, rows.
#[test]
fn the_broken_packs_are_refused_as_far_as_an_editor_sees() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let refused: Vec<String> = packs("fixtures/policy-bad")
        .into_iter()
        .filter(|(_, text)| DeTable::parse(text).is_ok())
        .filter(|(_, text)| !validator.is_valid(&parsed(text)))
        .map(|(path, _)| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    for name in ["bounds", "expressions", "lines", "missing", "taken", "posts", "tables", "unknown-keys"] {
        assert!(refused.iter().any(|refused| refused == name), "{name}: {refused:?}");
    }
}

#[test]
fn an_unknown_key_and_a_missing_one_are_refused_wherever_they_are() {
    let schema = schema();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let pack = parsed(EVERYTHING);
    let mut tables = Vec::new();
    visit(&schema, &schema, "#", &pack, "", &mut |at, _, pointer| tables.push((at.to_owned(), pointer.to_owned())));
    assert!(tables.len() >= 25, "{tables:?}");
    for (at, pointer) in &tables {
        let mut changed = pack.clone();
        let table = changed.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        table.insert("sttaus".to_owned(), json!("x"));
        assert!(!validator.is_valid(&changed), "{pointer}");
        for key in schema.pointer(&at[1..]).unwrap()["required"].as_array().into_iter().flatten() {
            let mut changed = pack.clone();
            changed.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key.as_str().unwrap()).unwrap();
            assert!(!validator.is_valid(&changed), "{pointer} {key}");
        }
    }
}

#[test]
fn what_is_written_is_held_to_its_type() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let valid = |was: &str, is: &str| {
        assert_eq!(EVERYTHING.matches(was).count(), 1, "{was}");
        validator.is_valid(&parsed(&EVERYTHING.replace(was, is)))
    };
    for (was, good, bad) in [
        ("default = \"0.00\"", "default = \"-12.5\"", "default = \"0.001\""),
        ("type = \"int\"", "type = \"days\"", "type = \"money\"\nunit = \"fen\""),
        ("value = 7", "value = \"07\"", "value = \"7.5\""),
        ("value = 7", "value = 12", "value = 7.5"),
        ("status = \"demo\"", "status = \"official\"", "status = \"draft\""),
        ("confidence = \"U\"", "value = 7, confidence = \"L\"", "confidence = \"L\""),
        ("valid_from = 2015-01-01", "valid_from = 2016-02-29", "valid_from = \"2015\""),
        ("outcome = \"refer\"", "outcome = \"warn\"", "outcome = \"allow\""),
        ("outcome = \"allow\"", "outcome = \"deny\"", "outcome = \"no\""),
        ("scope = \"days\", days = 90, since = \"date\"", "scope = \"month\"", "scope = \"days\", days = 90"),
        ("scope = \"year\"", "scope = \"year\"", "scope = \"month\""),
        ("scope = \"disease\", by = \"level\"", "scope = \"benefit\"", "scope = \"disease\""),
        ("add = \"all\"", "set = \"all\"", "add = \"all\"\nset = \"all\""),
        ("refused = \"facts.date\"", "outcome = \"allow\"", "refused = \"facts.date\"\nwant = {}"),
        ("hit = \"unique\"", "hit = \"rule-order\"", "hit = \"collect\""),
        ("collect = \"sum\"", "collect = \"list\"", "collect = \"mean\""),
        ("hit = \"collect\"", "hit = \"collect\"", "hit = \"first\""),
        ("range = \"..\", optional = true", "optional = true", "default = \"1.00\", optional = true"),
        ("[enums.level]", "[enums.level]\nb = \"乙\"", "[enums.money]\nb = \"乙\"\n[enums.level]"),
    ] {
        assert!(valid(was, good), "{good}");
        assert!(!valid(was, bad), "{bad}");
    }
}

/// Over every pack at hand: in each table the loader asks for keys, and those are what the schema has there.
#[test]
fn it_has_the_keys_that_the_loader_asks_for_and_no_others() {
    let schema = schema();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let texts = packs("config/policy").into_iter().chain(packs("fixtures/policy-bad")).map(|(_, text)| text);
    for text in texts.chain([EVERYTHING.to_owned()]) {
        // A text that begins with a table would have two of them at its first byte.
        let text = format!("# \n{text}");
        let Ok(table) = DeTable::parse(&text) else { continue };
        let asked = asked(&text);
        let mut places: BTreeMap<usize, String> = BTreeMap::from([(0, "#".to_owned())]);
        walk(&schema, ("#", &schema), table.get_ref(), &mut places);
        for (at, keys) in asked {
            // A table under a key that the schema does not know is told there.
            if let Some(place) = places.get(&at) {
                found.entry(place.clone()).or_default().extend(keys);
            }
        }
    }
    let wanted: BTreeMap<String, BTreeSet<String>> = closed("#", &schema)
        .into_iter()
        .map(|(at, node)| (at, node["properties"].as_object().unwrap().keys().cloned().collect()))
        .collect();
    for (at, keys) in &wanted {
        assert_eq!(found.get(at), Some(keys), "config/policy/pack.schema.json at {at}: the loader's keys on the left");
    }
    for at in found.keys() {
        assert!(wanted.contains_key(at), "config/policy/pack.schema.json at {at}: the loader asks for keys by name");
    }
}

/// A node without its reference, and where it stands.
fn resolved<'s>(schema: &'s Value, node: &'s Value) -> (Option<String>, &'s Value) {
    match node["$ref"].as_str() {
        Some(to) => (Some(to.to_owned()), schema.pointer(&to[1..]).expect("a reference that leads somewhere")),
        None => (None, node),
    }
}

/// Every object of the schema that names its keys, by where it stands.
fn closed<'s>(at: &str, node: &'s Value) -> Vec<(String, &'s Value)> {
    let mut found = Vec::new();
    if node["additionalProperties"] == json!(false) {
        found.push((at.to_owned(), node));
    }
    for (key, node) in node.as_object().into_iter().flatten() {
        match (key.as_str(), node) {
            ("properties" | "$defs", Value::Object(nodes)) => {
                for (name, node) in nodes {
                    found.extend(closed(&format!("{at}/{key}/{name}"), node));
                }
            }
            ("items" | "additionalProperties", node) => found.extend(closed(&format!("{at}/{key}"), node)),
            _ => {}
        }
    }
    found
}

/// The node for `key` of an object, and where it stands.
fn child<'s>(schema: &'s Value, at: &str, node: &'s Value, key: &str) -> Option<(String, &'s Value)> {
    let (way, child) = match node["properties"].get(key) {
        Some(child) => (format!("{at}/properties/{key}"), child),
        None => (format!("{at}/additionalProperties"), node.get("additionalProperties").filter(|n| n.is_object())?),
    };
    let (to, child) = resolved(schema, child);
    Some((to.unwrap_or(way), child))
}

fn item<'s>(schema: &'s Value, at: &str, node: &'s Value) -> Option<(String, &'s Value)> {
    let (to, child) = resolved(schema, node.get("items")?);
    Some((to.unwrap_or_else(|| format!("{at}/items")), child))
}

/// Notes for each table of a pack where the schema has it.
fn walk(schema: &Value, (at, node): (&str, &Value), table: &DeTable<'_>, places: &mut BTreeMap<usize, String>) {
    for (key, value) in table {
        if let Some((at, node)) = child(schema, at, node, key.get_ref()) {
            walk_value(schema, (&at, node), value, places);
        }
    }
}

fn walk_value(
    schema: &Value,
    (at, node): (&str, &Value),
    value: &Spanned<DeValue<'_>>,
    places: &mut BTreeMap<usize, String>,
) {
    match value.get_ref() {
        DeValue::Table(table) => {
            places.insert(value.span().start, at.to_owned());
            walk(schema, (at, node), table, places);
        }
        DeValue::Array(list) => {
            if let Some((at, node)) = item(schema, at, node) {
                for value in list {
                    walk_value(schema, (&at, node), value, places);
                }
            }
        }
        _ => {}
    }
}

/// Shows each object of a pack that the schema names the keys of, with its place in both.
fn visit(
    schema: &Value,
    node: &Value,
    at: &str,
    value: &Value,
    pointer: &str,
    show: &mut dyn FnMut(&str, &Value, &str),
) {
    match value {
        Value::Object(entries) => {
            if node["additionalProperties"] == json!(false) {
                show(at, node, pointer);
            }
            for (key, value) in entries {
                if let Some((at, node)) = child(schema, at, node, key) {
                    visit(schema, node, &at, value, &format!("{pointer}/{key}"), show);
                }
            }
        }
        Value::Array(list) => {
            if let Some((at, node)) = item(schema, at, node) {
                for (number, value) in list.iter().enumerate() {
                    visit(schema, node, &at, value, &format!("{pointer}/{number}"), show);
                }
            }
        }
        _ => {}
    }
}
