//! What chooses a pack beside the business date: facts of the case, such as the insurance and the kind of care.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::Pack;
use super::load::Builder;
use super::page::Keys;
use crate::rules::given::one;
use crate::rules::input::InputError;
use crate::rules::shown::Lexicon;
use crate::rules::texts::CaseTexts;
use crate::rules::types::Type;
use crate::rules::val::Val;

/// A fact, and the values with which a case is this pack's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Selector {
    /// The fact's name.
    pub name: String,
    /// The fact.
    pub fact: usize,
    /// The values.
    pub values: Vec<Val>,
}

/// Whether a case is a pack's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Chosen {
    Yes,
    No,
    /// It cannot be said, for this reason.
    Unknown(InputError),
}

impl Pack {
    /// Whether a case with these facts is this pack's.
    pub fn is_for(&self, facts: &Map<String, Value>) -> Chosen {
        let mut unknown = None;
        let mut texts = CaseTexts::new(&self.texts);
        for selector in &self.selectors {
            match self.fact(selector.fact, facts, &mut texts) {
                Ok(Some(value)) if selector.values.contains(&value) => {}
                Ok(_) => return Chosen::No,
                Err(error) => unknown = unknown.or(Some(error)),
            }
        }
        unknown.map_or(Chosen::Yes, Chosen::Unknown)
    }

    /// What is told of a case that it is not for.
    pub fn not_for(&self, scenario: &str, date: Date) -> InputError {
        let items: Vec<_> = self.selectors.iter().map(|selector| selector.name.as_str()).collect();
        InputError::NotCovered { scenario: scenario.to_owned(), date, items: items.join(", ") }
    }

    /// A fact's value out of a caller's, or by default; a text is kept among `texts`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn fact(
        &self,
        fact: usize,
        facts: &Map<String, Value>,
        texts: &mut CaseTexts<'_>,
    ) -> Result<Option<Val>, InputError> {
        let spec = &self.facts[fact];
        one(spec, facts.get(&spec.name), &self.enums, texts, || format!("facts.{}", spec.name))
    }

    /// Whether no case can be both packs', whatever its date.
    pub fn is_apart_from(&self, other: &Self) -> bool {
        self.selectors.iter().any(|mine| {
            let theirs = other.selectors.iter().find(|theirs| theirs.name == mine.name);
            let (mine, theirs) = (self.written(mine), theirs.map(|theirs| other.written(theirs)));
            theirs.is_some_and(|theirs| mine.iter().all(|value| !theirs.contains(value)))
        })
    }

    /// The facts that choose it, each with the values with which a case is this pack's, as they stand in the data.
    pub fn is_for_what(&self) -> impl Iterator<Item = (String, Vec<Value>)> {
        self.selectors.iter().map(|selector| (selector.name.clone(), self.written(selector)))
    }

    /// A selector's values as they stand in the data: each pack has its own enumerations.
    fn written(&self, selector: &Selector) -> Vec<Value> {
        let typ = self.facts[selector.fact].typ;
        let texts = CaseTexts::new(&self.texts);
        let lexicon = Lexicon { enums: &self.enums, texts: &texts, lists: &[] };
        selector.values.iter().map(|value| lexicon.json(typ, *value)).collect()
    }
}

impl<'a> Builder<'a> {
    /// Reads `[pack] for`.
    pub(super) fn selectors(&self, keys: Option<&Keys<'a>>) -> Vec<Selector> {
        let mut selectors = Vec::new();
        for (name, at, item) in keys.map(Keys::all).unwrap_or_default() {
            let values = item.texts();
            let Some(fact) = self.facts.iter().position(|fact| fact.name == name) else {
                // A fact whose declaration is wrong was told there.
                if !self.scope.names.contains_key(name) && !self.scope.lost.names {
                    self.page.mistake(at, format!("unknown name '{name}'"));
                }
                continue;
            };
            let spec = &self.facts[fact];
            if !matches!(spec.typ, Type::Enum(_)) || spec.optional {
                self.page.mistake(at, format!("'{name}' is not an enumeration that is always given or has a default"));
                continue;
            }
            let Some(values) = values else { continue };
            if values.is_empty() {
                item.mistake("a pack is for one value at least");
            }
            let values = values.into_iter().filter_map(|(item, _)| self.value(item, spec.typ)).collect();
            selectors.push(Selector { name: name.to_owned(), fact, values });
        }
        selectors
    }
}
