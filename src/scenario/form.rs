//! A form's values checked against its definition.

use std::str::FromStr;

use jiff::civil::Date;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::definition::{Definition, DocumentAsked, Field, FieldType, Identity, Lines};
use super::errors::{FieldError, FieldMistake, ScenarioError};
use super::on_card::OnCard;
use crate::value::{Fen, Price, Quantity, Rate};
use crate::wire::Digest;
use crate::wire::filing::Document;

/// The most mistakes that are told at once.
const MOST_MISTAKES: usize = 20;
/// What a form has its documents under.
pub(super) const DOCUMENTS: &str = "documents";
/// 100%.
const WHOLE: Rate = Rate(1_000_000);

/// A form whose values fit their fields, each in the one form that says it, as the rules take it.
#[derive(Clone, Default, PartialEq)]
pub struct Form {
    /// The values by field.
    pub values: Map<String, Value>,
    /// The bill's lines.
    pub lines: Vec<Map<String, Value>>,
    /// The documents that were there.
    pub documents: Vec<Document>,
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

    /// What each line is known by again, in their order.
    pub fn line_names(&self, known_by: &[Identity]) -> Vec<LineNames> {
        let named = |line: &Map<String, Value>, Identity { fields, lines }: &Identity| {
            let of_form = fields.iter().map(|name| self.values.get(name));
            let said: Vec<&Value> = of_form.chain(lines.iter().map(|name| line.get(name))).collect::<Option<_>>()?;
            Some(Zeroizing::new(json!(said).to_string()))
        };
        self.lines.iter().map(|line| LineNames(known_by.iter().map(|by| named(line, by)).collect())).collect()
    }
}

/// What a line is called by each entry of `known_by`; `None` where form or line lack an item of it. As personal as the form
/// itself: never kept.
pub struct LineNames(Vec<Option<Zeroizing<String>>>);

impl LineNames {
    /// Whether this is the same line as another, named by the same entries: the first by which both are named tells. One of
    /// a visit is so compared with one that names none by what was sold, and with one of another visit by the visit.
    pub fn is_same(&self, other: &Self) -> bool {
        let both = self.0.iter().zip(&other.0).find_map(|(one, other)| Some((one.as_ref()?, other.as_ref()?)));
        both.is_some_and(|(one, other)| one == other)
    }
}

/// Prints the names of the items only: a note may hold anything.
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.values.keys().collect();
        let mut form = f.debug_struct("Form");
        form.field("items", &names).field("lines", &self.lines.len()).field("documents", &self.documents.len()).finish()
    }
}

impl Definition {
    /// Checks a form of this day. A field that may be left out may also be `null`, and a text blank.
    ///
    /// # Errors
    /// [`ScenarioError::Form`] with every mistake (the first twenty), by item.
    pub fn check(&self, values: &Value, today: Date) -> Result<Form, ScenarioError> {
        let mut mistakes = Vec::new();
        let Value::Object(given) = values else {
            return Err(ScenarioError::Form(vec![FieldError { item: "input".into(), what: FieldMistake::Object }]));
        };
        let lines_name = self.lines.as_ref().map(|lines| lines.name.as_str());
        let asks_documents = !self.documents.is_empty();
        let is_group = |name: &str| Some(name) == lines_name || asks_documents && name == DOCUMENTS;
        let head: Map<String, Value> =
            given.iter().filter(|(name, _)| !is_group(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
        let values = object("", &self.fields, &head, today, &mut mistakes);
        let lines = match &self.lines {
            Some(lines) => group(lines, given.get(&lines.name), today, &mut mistakes),
            None => Vec::new(),
        };
        let documents = match asks_documents {
            true => documents(&self.documents, given.get(DOCUMENTS), &mut mistakes),
            false => Vec::new(),
        };
        checked(Form { values, lines, documents }, mistakes)
    }

    /// The form with what the card says in place of what it leaves out.
    ///
    /// # Errors
    /// [`ScenarioError::Form`] where neither says it, or both say it differently.
    pub fn filled(&self, mut form: Form, card: &OnCard) -> Result<Form, ScenarioError> {
        let mut mistakes = Vec::new();
        for field in &self.fields {
            let Some(fill) = field.fill else { continue };
            // What a card has in a form that the field does not take says nothing.
            let on_card = card.get(fill).and_then(|text| field.value(&text.into()).ok());
            let what = match (form.values.get(&field.name), on_card) {
                (Some(said), Some(on_card)) if *said != on_card => FieldMistake::NotTheCards,
                (None, Some(on_card)) => {
                    form.values.insert(field.name.clone(), on_card);
                    continue;
                }
                (None, None) if !field.optional => FieldMistake::Missing,
                _ => continue,
            };
            mistakes.push(FieldError { item: field.name.clone(), what });
        }
        checked(form, mistakes)
    }
}

fn checked(form: Form, mut mistakes: Vec<FieldError>) -> Result<Form, ScenarioError> {
    if mistakes.is_empty() {
        return Ok(form);
    }
    mistakes.truncate(MOST_MISTAKES);
    Err(ScenarioError::Form(mistakes))
}

fn documents(asked: &[DocumentAsked], given: Option<&Value>, mistakes: &mut Vec<FieldError>) -> Vec<Document> {
    let nothing = Map::new();
    let given = match given {
        None | Some(Value::Null) => &nothing,
        Some(Value::Object(given)) => given,
        Some(_) => {
            mistakes.push(FieldError { item: DOCUMENTS.to_owned(), what: FieldMistake::Object });
            return Vec::new();
        }
    };
    let mut wrong = |name: &str, what| mistakes.push(FieldError { item: format!("{DOCUMENTS}.{name}"), what });
    for name in given.keys().filter(|name| !asked.iter().any(|document| document.id == **name)) {
        // A name that is none may be anything, personal data as well.
        wrong(if is_name(name) { name } else { "?" }, FieldMistake::Unknown);
    }
    let mut there = Vec::new();
    for document in asked {
        match given.get(&document.id).filter(|given| !matches!(given, Value::Null | Value::Bool(false))) {
            None if document.optional => {}
            None => wrong(&document.id, FieldMistake::NoDocument),
            Some(value) => match document.given(value) {
                Some(document) => there.push(document),
                None => wrong(&document.id, FieldMistake::Document),
            },
        }
    }
    there
}

impl DocumentAsked {
    /// The name of the fact that says whether it was there.
    pub(super) fn fact(&self) -> String {
        format!("doc_{}", self.id.replace('-', "_"))
    }

    fn given(&self, value: &Value) -> Option<Document> {
        match (self.scan, value) {
            (true, Value::String(_)) => {
                let sha256 = serde_json::from_value::<Digest>(value.clone()).ok()?;
                Some(Document::Scanned { id: self.id.clone(), sha256 })
            }
            (false, Value::Bool(true)) => Some(Document::Shown { id: self.id.clone(), shown: true }),
            _ => None,
        }
    }
}

fn group(lines: &Lines, given: Option<&Value>, today: Date, mistakes: &mut Vec<FieldError>) -> Vec<Map<String, Value>> {
    let wrong = |what| FieldError { item: lines.name.clone(), what };
    let given = match given {
        None if lines.least == 0 => return Vec::new(),
        None => {
            mistakes.push(wrong(FieldMistake::Missing));
            return Vec::new();
        }
        Some(Value::Array(given)) if (lines.least..=lines.most).contains(&given.len()) => given,
        Some(_) => {
            mistakes.push(wrong(FieldMistake::Lines));
            return Vec::new();
        }
    };
    let mut out = Vec::new();
    for (index, line) in given.iter().enumerate() {
        let item = format!("{}[{}]", lines.name, index + 1);
        match line {
            Value::Object(line) => out.push(object(&format!("{item}."), &lines.fields, line, today, mistakes)),
            _ => mistakes.push(FieldError { item, what: FieldMistake::Object }),
        }
    }
    out
}

fn object(
    prefix: &str,
    fields: &[Field],
    given: &Map<String, Value>,
    today: Date,
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
            (Some(value), _) => field.value(value).and_then(|value| field.held(value, today)),
            (None, Some(default)) => Ok(default.clone()),
            // What the card says, or the centre, is seen once they are asked.
            (None, None) if field.optional || field.fill.is_some() || field.is_key => continue,
            (None, None) => Err(FieldMistake::Missing),
        };
        match checked {
            Ok(value) => {
                out.insert(field.name.clone(), value);
            }
            Err(what) => mistakes.push(FieldError { item: format!("{prefix}{}", field.name), what }),
        }
    }
    // Only now is it known what the other items say.
    for field in fields {
        match field.held_by_another(&out, today) {
            None => {}
            Some(Ok(value)) => drop(out.insert(field.name.clone(), value)),
            Some(Err(what)) => mistakes.push(FieldError { item: format!("{prefix}{}", field.name), what }),
        }
    }
    out
}

impl Field {
    /// The value, if it passes the field's check.
    fn held(&self, value: Value, today: Date) -> Result<Value, FieldMistake> {
        let Some(check) = self.check else { return Ok(value) };
        let text = value.as_str().unwrap_or_default();
        check.canonical(text, today).map(Value::from).map_err(FieldMistake::Check)
    }

    /// What the form says of this field, if it passes the check that goes by another; `None` where none does.
    fn held_by_another(&self, values: &Map<String, Value>, today: Date) -> Option<Result<Value, FieldMistake>> {
        let by = self.check_by.as_ref()?;
        let check = by.checks.get(values.get(&by.item)?.as_str()?)?;
        let text = values.get(&self.name)?.as_str()?;
        Some(check.canonical(text, today).map(Value::from).map_err(FieldMistake::Check))
    }

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
                let longest = self.longest.unwrap_or(usize::MAX);
                (text.and_then(|text| text_of(text, longest)).map(Value::from), FieldMistake::Text)
            }
        };
        taken.ok_or(otherwise)
    }
}

/// A text without the space around it, if it says something in so many characters, none of which is a control.
pub(crate) fn text_of(given: &str, longest: usize) -> Option<&str> {
    let text = given.trim();
    let fits = (1..=longest).contains(&text.chars().count()) && !given.chars().any(char::is_control);
    fits.then_some(text)
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
