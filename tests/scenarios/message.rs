//! What went upstream, beside what a fixture says of it.

use serde_json::{Map, Value, json};

use super::subject::Subject;

/// The message in the payload of a transaction, and its name.
fn sent<'a>(subject: &'a Subject, payload: &'a Value) -> (&'a str, &'a Value) {
    let request = &payload["request"];
    match (request["infno"].as_str(), request["message"].as_str()) {
        // Settled online: in the national envelope.
        (Some(name), _) => (name, &request["input"]),
        (None, Some(name)) => (name, request),
        (None, None) => (&subject.scenario, request),
    }
}

/// What a fixture says of the message of its kind, so that all of it is said.
fn said_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "settle" | "sign-in" => &["facts"],
        "query" => &["records"],
        _ => &["fields"],
    }
}

/// Where what went upstream is not what the fixture says, and not of the card's holder.
pub fn otherwise(subject: &Subject, number: &str, payload: &Value) -> Vec<String> {
    let (name, message) = sent(subject, payload);
    let said = &subject.said.message;
    let mut found = Vec::new();
    let mut same = |what: &str, sent: &Value, said: &Value| {
        if sent != said {
            found.push(format!("{subject}: {what} of the message is {sent}, and not {said}"));
        }
    };
    same("name", &name.into(), &said["name"]);
    same("certno", &message["certno"], &number.into());
    for (key, value) in said.iter().filter(|(key, _)| *key != "name") {
        same(key, part(message, key), value);
    }
    if subject.asks.kind != "query" {
        same("documents", &documents(message).into(), &given(&subject.said.form).into());
    }
    let lines = part(message, "lines").as_array().is_some_and(|lines| !lines.is_empty());
    for key in said_of(&subject.asks.kind).iter().chain(lines.then_some(&"lines")) {
        if !said.contains_key(*key) {
            found.push(format!("{subject}: the fixture does not say the {key} of the message"));
        }
    }
    found
}

/// A part of a message; the lines of a bill are called otherwise on the national platform.
fn part<'a>(message: &'a Value, key: &str) -> &'a Value {
    match key {
        "lines" if message.get("lines").is_none() => &message["feedetail"],
        key => &message[key],
    }
}

/// The documents of a message by their names: `true`, or the scan's hash.
fn documents(message: &Value) -> Map<String, Value> {
    let all = message["documents"].as_array().into_iter().flatten();
    let said = |document: &Value| document.get("sha256").or_else(|| document.get("shown")).cloned();
    all.map(|document| (document["id"].as_str().unwrap().to_owned(), said(document).unwrap())).collect()
}

/// The same of a form. A hash travels in capitals.
fn given(form: &Map<String, Value>) -> Map<String, Value> {
    let all = form.get("documents").and_then(Value::as_object).cloned().unwrap_or_default();
    let said = |value: Value| value.as_str().map_or(value.clone(), |hash| json!(hash.to_uppercase()));
    all.into_iter().filter(|(_, value)| *value != json!(false)).map(|(id, value)| (id, said(value))).collect()
}

/// What may tell a part's message from those of others: its keys and documents; of a query, what comes back.
pub fn details(subject: &Subject) -> Vec<String> {
    if subject.asks.kind == "query" {
        return subject.asks.columns.clone();
    }
    let documents = subject.asks.documents.iter().map(|document| document.name.clone());
    keys(&subject.said.message).into_iter().chain(documents).collect()
}

/// The keys of a message, and of each group in it: `AAC011`, `fields`.
pub fn keys(message: &Map<String, Value>) -> Vec<String> {
    let mut keys = Vec::new();
    for (key, value) in message {
        keys.push(key.clone());
        let groups = value.as_array().map_or_else(|| vec![value], |lines| lines.iter().collect());
        keys.extend(groups.into_iter().filter_map(Value::as_object).flat_map(Map::keys).cloned());
    }
    keys.sort();
    keys.dedup();
    keys
}
