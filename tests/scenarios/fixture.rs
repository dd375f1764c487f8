//! What `fixtures/scenarios/ID.toml` says of a scenario (docs/scenarios.md).

use serde::Deserialize;
use serde_json::{Map, Value};

use super::catalogue::{toml, tree};
use super::subject::USUAL;

/// A fixture: the first part of its scenario, and what that is also.
pub struct Fixture {
    pub card: String,
    pub parts: Vec<Part>,
}

/// One part.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The kind of a further part.
    pub part: Option<String>,
    /// A full form: every item, every document.
    pub form: Map<String, Value>,
    /// What the full form becomes upstream.
    pub message: Map<String, Value>,
    pub refused: Refused,
    pub bad: Bad,
    pub own: Own,
    /// What comes of it with another card.
    #[serde(default, rename = "case")]
    pub cases: Vec<Case>,
}

/// The full form put otherwise, with another card, and what must come of it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub card: String,
    #[serde(default)]
    form: Map<String, Value>,
    #[serde(default)]
    without: Vec<String>,
    /// The figures, of the terminal and of the centre.
    #[serde(default)]
    pub want: Map<String, Value>,
    /// Or the codes of the reasons for which it is referred.
    #[serde(default)]
    pub reasons: Vec<String>,
}

/// What the rules refuse.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// What is put otherwise in the form.
    #[serde(default)]
    form: Map<String, Value>,
    /// Items and documents that are left out.
    #[serde(default)]
    without: Vec<String>,
    /// What the centre knows otherwise of the person.
    #[serde(default)]
    pub facts: Map<String, Value>,
    /// The codes of the reasons.
    pub reasons: Vec<String>,
}

/// A form with a mistake that is this scenario's own.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bad {
    #[serde(default)]
    form: Map<String, Value>,
    #[serde(default)]
    without: Vec<String>,
    /// The items that are told.
    pub mistakes: Vec<String>,
}

/// What no other part has, beside a reason to be refused.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// An item or a document of the form.
    pub field: String,
    /// A key of the message; of a query, a column of what is looked up.
    pub detail: String,
    #[serde(default)]
    pub same: Same,
}

/// Why something is another part's as well, where none of it can be its own.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Same {
    pub field: Option<String>,
    pub detail: Option<String>,
    pub refusal: Option<String>,
}

/// The fixture of a scenario, if there is one.
pub fn of(id: &str) -> Option<Fixture> {
    let file = tree("fixtures/scenarios").join(id).with_extension("toml");
    let mut said = file.exists().then(|| toml(&file))?;
    let card = said.remove("card").map_or(USUAL.to_owned(), |card| card.as_str().unwrap().to_owned());
    let mut parts = vec![];
    if let Some(Value::Array(also)) = said.remove("also") {
        parts.extend(also);
    }
    parts.insert(0, Value::Object(said));
    let part = |part| serde_json::from_value(part).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    Some(Fixture { card, parts: parts.into_iter().map(part).collect() })
}

impl Part {
    pub fn full_form(&self) -> Value {
        self.form.clone().into()
    }

    /// The full form as the rules refuse it.
    pub fn refused_form(&self) -> Value {
        self.changed(&self.refused.form, &self.refused.without)
    }

    /// The full form with the mistake of its own.
    pub fn bad_form(&self) -> Value {
        self.changed(&self.bad.form, &self.bad.without)
    }

    /// The full form as a further case has it.
    pub fn form_of(&self, case: &Case) -> Value {
        self.changed(&case.form, &case.without)
    }

    fn changed(&self, changes: &Map<String, Value>, without: &[String]) -> Value {
        let mut form = self.form.clone();
        for (name, value) in changes {
            match (form.get_mut(name), value) {
                // Of the documents only those that are named are others.
                (Some(Value::Object(there)), Value::Object(changes)) => there.extend(changes.clone()),
                _ => drop(form.insert(name.clone(), value.clone())),
            }
        }
        for name in without {
            let documents = form.get_mut("documents").and_then(Value::as_object_mut);
            let document = documents.and_then(|documents| documents.remove(name));
            assert!(document.or_else(|| form.remove(name)).is_some(), "the form has no {name} to leave out");
        }
        form.into()
    }
}
