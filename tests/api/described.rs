//! The document that the interface serves, and answers held against it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::house::{ALL, House};
use super::rig::http::{Answer, Client};
use super::rig::until;

/// The document as it is served, and what was held against it.
pub struct Document {
    pub client: Client,
    pub served: Value,
    pub seen: RefCell<BTreeSet<(String, String, u16)>>,
}

impl Document {
    pub fn of(house: &House) -> Self {
        let client = house.http().token(ALL);
        let served = client.get("/openapi.json").success();
        Self { client, served, seen: RefCell::default() }
    }

    /// Asks for a route, `{id}` filled in, and holds the answer against its description.
    #[track_caller]
    pub fn ask(&self, method: &str, route: &str, id: &str, body: Option<Value>) -> Value {
        self.ask_by(&self.client, method, route, id, body)
    }

    /// The same, by another door.
    #[track_caller]
    pub fn ask_by(&self, client: &Client, method: &str, route: &str, id: &str, body: Option<Value>) -> Value {
        let path = route.replace("{id}", id).replace("{function}", id);
        let answer = client.request(method, &path, body.map(|body| body.to_string()).as_deref());
        let route = route.split('?').next().unwrap();
        self.seen.borrow_mut().insert((method.to_lowercase(), route.to_owned(), answer.status));
        self.holds(method, route, &answer)
    }

    /// Asks for a route whose answer is not JSON: it is of a media type that its description has.
    #[track_caller]
    pub fn fetch(&self, route: &str, id: &str) -> Answer {
        let answer = self.client.get(&route.replace("{id}", id));
        let route = route.split('?').next().unwrap();
        self.seen.borrow_mut().insert(("get".to_owned(), route.to_owned(), answer.status));
        let described = &self.served["paths"][route]["get"]["responses"][answer.status.to_string()]["content"];
        let head = answer.head.to_lowercase();
        let media = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default();
        assert!(described.get(media).is_some(), "{route} does not answer {media}: {described}");
        answer
    }

    /// The case, once it is in this state; each answer on the way is held against its description.
    #[track_caller]
    pub fn until(&self, id: &str, state: &str) -> Value {
        until(state, || Some(self.ask("GET", "/v1/cases/{id}", id, None)).filter(|case| case["state"] == state))
    }

    /// The schema of what a route answers with this status.
    #[track_caller]
    pub fn schema(&self, method: &str, route: &str, status: u16) -> &Value {
        let responses = &self.served["paths"][route][method.to_lowercase()]["responses"];
        let known = responses.get(status.to_string()).or_else(|| responses.get("default").filter(|_| status >= 400));
        let content = &known.unwrap_or_else(|| panic!("{method} {route} does not answer {status}"))["content"];
        let content = content.as_object().and_then(|kinds| kinds.values().next());
        &content.unwrap_or_else(|| panic!("{method} {route} {status} has no content"))["schema"]
    }

    /// The answer is what the route's description says of it.
    #[track_caller]
    pub fn holds(&self, method: &str, route: &str, answer: &Answer) -> Value {
        let value = answer.json();
        let mut wrong = Vec::new();
        self.check(self.schema(method, route, answer.status), &value, "", &mut wrong);
        assert!(wrong.is_empty(), "{method} {route} {}: {wrong:#?}\n{value:#}", answer.status);
        value
    }

    /// As much of JSON Schema as the document uses. A value has one of its schema's forms.
    pub fn check(&self, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
        let mistakes = |form: &Value| {
            let mut wrong = Vec::new();
            self.form(form, value, at, &mut wrong);
            wrong
        };
        let forms = self.forms(schema);
        let mut tried: Vec<Vec<String>> = forms.iter().map(mistakes).collect();
        match tried.iter().filter(|wrong| wrong.is_empty()).count() {
            1 => {}
            0 if tried.len() == 1 => wrong.append(&mut tried[0]),
            n => wrong.push(format!("{at}: {n} of {} forms fit {value}: {tried:?}", tried.len())),
        }
    }

    /// One form. A keyword that is not known here is a mistake.
    pub fn form(&self, form: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
        for (keyword, said) in form.as_object().expect("a schema is an object") {
            let fine = match keyword.as_str() {
                "type" => kind(said, value),
                "enum" => said.as_array().unwrap().contains(value),
                "pattern" => fits(said.as_str().unwrap(), value.as_str().unwrap_or_default()),
                "minimum" => value.as_i64().is_none_or(|n| n >= said.as_i64().unwrap()),
                "properties" | "required" | "additionalProperties" | "items" => true,
                other => matches!(other, "format" | "propertyNames" | "description" | "examples" | "default"),
            };
            if !fine {
                wrong.push(format!("{at}: {value} is not of {keyword} {said}"));
            }
        }
        self.members(form, value, at, wrong);
        for (n, item) in value.as_array().into_iter().flatten().enumerate() {
            if let Some(of) = form.get("items") {
                self.check(of, item, &format!("{at}[{n}]"), wrong);
            }
        }
    }

    /// Stricter than JSON Schema: what is not described may not be there, unless the form names no member at all.
    pub fn members(&self, form: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
        let Some(members) = value.as_object() else { return };
        let required = form["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        wrong
            .extend(required.filter(|name| !members.contains_key(*name)).map(|name| format!("{at}.{name} is missing")));
        let (known, others) = (&form["properties"], &form["additionalProperties"]);
        for (name, value) in members {
            match (known.get(name), others) {
                (Some(of), _) => self.check(of, value, &format!("{at}.{name}"), wrong),
                (None, Value::Object(_)) => self.check(others, value, &format!("{at}.{name}"), wrong),
                (None, _) if known.is_null() => {}
                (None, _) => wrong.push(format!("{at}.{name} is not described")),
            }
        }
    }

    /// The forms that a schema allows, with what it refers to and what it is composed of put together.
    pub fn forms(&self, schema: &Value) -> Vec<Value> {
        if let Some(name) = schema["$ref"].as_str() {
            let pointer = name.trim_start_matches('#');
            return self.forms(self.served.pointer(pointer).unwrap_or_else(|| panic!("{name} is not in the document")));
        }
        if let Some(forms) = schema["oneOf"].as_array() {
            return forms.iter().flat_map(|form| self.forms(form)).collect();
        }
        let Some(parts) = schema["allOf"].as_array() else { return vec![schema.clone()] };
        parts.iter().fold(vec![json!({})], |all, part| {
            let forms = self.forms(part);
            all.iter().flat_map(|one| forms.iter().map(|form| both(one.clone(), form))).collect()
        })
    }
}

fn kind(said: &Value, value: &Value) -> bool {
    let is = |kind: &Value| match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type {other}"),
    };
    said.as_array().map_or_else(|| is(said), |kinds| kinds.iter().any(is))
}

/// The patterns of the document.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern {
        r"^-?\d+\.\d\d$" => text.parse::<sbkd::value::Fen>().is_ok_and(|fen| fen.to_string() == text),
        "^[0-9A-F]{64}$" => text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')),
        other => panic!("the pattern {other}"),
    }
}

/// Two parts of one form.
fn both(one: Value, other: &Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            for (name, value) in other.iter().filter(|(name, _)| *name != "description") {
                let there = one.remove(name);
                one.insert(name.clone(), there.map_or_else(|| value.clone(), |there| both(there, value)));
            }
            Value::Object(one)
        }
        (Value::Array(one), Value::Array(other)) => Value::Array([one, other.clone()].concat()),
        (one, other) => {
            assert_eq!(one, *other, "two parts of a form do not agree");
            one
        }
    }
}
