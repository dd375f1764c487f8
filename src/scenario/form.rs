//! A form's values checked against its definition.

use std::str::FromStr;

use jiff::civil::Date;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::definition::{Definition, Field, FieldType, Identity, Lines};
use super::errors::{FieldError, FieldMistake, ScenarioError};
use crate::value::{Fen, Price, Quantity, Rate};

/// The most mistakes that are told at once.
const MOST_MISTAKES: usize = 20;
/// 100%.
const WHOLE: Rate = Rate(1_000_000);

/// A form whose values fit their fields, each in the one form that says it, as the rules take it.
#[derive(Clone, Default, PartialEq)]
pub struct Form {
    /// The values by field.
    pub values: Map<String, Value>,
    /// The bill's lines.
    pub lines: Vec<Map<String, Value>>,
}

impl Form {
    /// SHA-256 of what makes the form the same as another, upper-case hex; in whatever order its lines were given.
    /// It stands for what may be personal: for keyed hashes only, never kept as it is.
    pub fn fingerprint(&self, identity: &Identity) -> String {
        let said = |values: &Map<String, Value>, names: &[String]| -> Zeroizing<String> {
            let said: Vec<Option<&Value>> = names.iter().map(|name| values.get(name)).collect();
            Zeroizing::new(json!(said).to_string())
        };
        let mut lines: Vec<_> = self.lines.iter().map(|line| said(line, &identity.lines)).collect();
        lines.sort_by(|one, other| one.as_str().cmp(other));
        let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
        for part in std::iter::once(said(&self.values, &identity.fields)).chain(lines) {
            // JSON has no line break outside of its strings, and none unescaped within.
            hash.update(part.as_bytes());
            hash.update(b"\n");
        }
        hex::encode_upper(hash.finish())
    }
}

/// Prints the names of the items only: a note may hold anything.
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.values.keys().collect();
        f.debug_struct("Form").field("items", &names).field("lines", &self.lines.len()).finish()
    }
}

impl Definition {
    /// Checks a form. A field that may be left out may also be `null`, and a text blank.
    ///
    /// # Errors
    /// [`ScenarioError::Form`] with every mistake (the first twenty), by item.
    pub fn check(&self, values: &Value) -> Result<Form, ScenarioError> {
        let mut mistakes = Vec::new();
        let Value::Object(given) = values else {
            return Err(ScenarioError::Form(vec![FieldError { item: "input".into(), what: FieldMistake::Object }]));
        };
        let lines_name = self.lines.as_ref().map(|lines| lines.name.as_str());
        let head: Map<String, Value> = given
            .iter()
            .filter(|(name, _)| Some(name.as_str()) != lines_name)
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect();
        let values = object("", &self.fields, &head, &mut mistakes);
        let lines = match &self.lines {
            Some(lines) => bill(lines, given.get(&lines.name), &mut mistakes),
            None => Vec::new(),
        };
        if mistakes.is_empty() {
            return Ok(Form { values, lines });
        }
        mistakes.truncate(MOST_MISTAKES);
        Err(ScenarioError::Form(mistakes))
    }
}

fn bill(lines: &Lines, given: Option<&Value>, mistakes: &mut Vec<FieldError>) -> Vec<Map<String, Value>> {
    let wrong = |what| FieldError { item: lines.name.clone(), what };
    let given = match given {
        None => {
            mistakes.push(wrong(FieldMistake::Missing));
            return Vec::new();
        }
        Some(Value::Array(given)) if (1..=lines.most).contains(&given.len()) => given,
        Some(_) => {
            mistakes.push(wrong(FieldMistake::Lines));
            return Vec::new();
        }
    };
    let mut out = Vec::new();
    for (index, line) in given.iter().enumerate() {
        let item = format!("{}[{}]", lines.name, index + 1);
        match line {
            Value::Object(line) => out.push(object(&format!("{item}."), &lines.fields, line, mistakes)),
            _ => mistakes.push(FieldError { item, what: FieldMistake::Object }),
        }
    }
    out
}

fn object(
    prefix: &str,
    fields: &[Field],
    given: &Map<String, Value>,
    mistakes: &mut Vec<FieldError>,
) -> Map<String, Value> {
    for name in given.keys().filter(|name| !fields.iter().any(|field| field.name == **name)) {
        // A name that is none may be anything, personal data as well.
        let item = if is_name(name) { name } else { "?" };
        mistakes.push(FieldError { item: format!("{prefix}{item}"), what: FieldMistake::Unknown });
    }
    let mut out = Map::new();
    for field in fields {
        let given = given.get(&field.name).filter(|value| !field.blank(value));
        let checked = match (given, &field.default) {
            (Some(value), _) => field.value(value),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) if field.optional => continue,
            (None, None) => Err(FieldMistake::Missing),
        };
        match checked {
            Ok(value) => {
                out.insert(field.name.clone(), value);
            }
            Err(what) => mistakes.push(FieldError { item: format!("{prefix}{}", field.name), what }),
        }
    }
    out
}

impl Field {
    /// Whether the value says nothing. A blank text would else be a text of its own: a stay in hospital without a number,
    /// say, which all such stays of a person would share.
    fn blank(&self, value: &Value) -> bool {
        let empty = |text: &str| text.trim().is_empty();
        value.is_null() || self.kind == FieldType::Text && value.as_str().is_some_and(empty)
    }

    /// The value in the one form that says it (`"1.0"` as `"1"`, a text without the space around it), if the field
    /// takes it.
    pub(super) fn value(&self, value: &Value) -> Result<Value, FieldMistake> {
        let text = value.as_str();
        let as_it_is = |fits: bool| fits.then(|| value.clone());
        let decimal = text.filter(|text| is_decimal(text));
        let (taken, otherwise) = match self.kind {
            FieldType::Money => (text.and_then(amount), FieldMistake::Money),
            FieldType::Price => (decimal.and_then(canonical::<Price>), FieldMistake::Decimal),
            FieldType::Quantity => (decimal.and_then(canonical::<Quantity>), FieldMistake::Decimal),
            FieldType::Rate => (text.and_then(share), FieldMistake::Rate),
            FieldType::Int => (as_it_is(value.is_i64()), FieldMistake::Int),
            FieldType::Bool => (as_it_is(value.is_boolean()), FieldMistake::Bool),
            FieldType::Date => (as_it_is(text.is_some_and(|text| date(text).is_some())), FieldMistake::Date),
            FieldType::Month => (as_it_is(text.is_some_and(is_month)), FieldMistake::Month),
            FieldType::Choice => {
                let known = |text: &str| self.choices.iter().any(|choice| choice.value == text);
                (as_it_is(text.is_some_and(known)), FieldMistake::Choice)
            }
            FieldType::Text => {
                let lengths = 1..=self.longest.unwrap_or(usize::MAX);
                let text = text.filter(|text| !text.chars().any(char::is_control)).map(str::trim);
                let text = text.filter(|text| lengths.contains(&text.chars().count()));
                (text.map(Value::from), FieldMistake::Text)
            }
        };
        taken.ok_or(otherwise)
    }
}

/// A date written `yyyy-mm-dd`, to the letter.
pub(crate) fn date(text: &str) -> Option<Date> {
    let date: Date = text.parse().ok()?;
    (date.to_string() == text).then_some(date)
}

/// Small letters, digits, `_` and `-`: fit to be repeated to whoever sent it.
pub(super) fn is_name(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
        // A run of digits may be a number of somebody's.
        && text.bytes().filter(u8::is_ascii_digit).count() < 4
}

/// A number as its type prints it.
fn canonical<T: FromStr + ToString>(text: &str) -> Option<Value> {
    text.parse::<T>().ok().map(|number| number.to_string().into())
}

fn amount(text: &str) -> Option<Value> {
    if text.starts_with('-') { None } else { canonical::<Fen>(text) }
}

/// A rate up to the whole.
fn share(text: &str) -> Option<Value> {
    let rate = text.parse::<Rate>().ok().filter(|rate| *rate <= WHOLE)?;
    Some(rate.to_string().into())
}

fn is_month(text: &str) -> bool {
    text.len() == 7 && date(&format!("{text}-01")).is_some()
}

fn is_decimal(text: &str) -> bool {
    let (whole, places) = text.split_once('.').map_or((text, None), |(whole, places)| (whole, Some(places)));
    let digits = |part: &str, most| (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    digits(whole, 12) && places.is_none_or(|places| digits(places, 4))
}
