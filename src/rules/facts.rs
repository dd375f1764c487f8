//! A caller's input against what a pack asks for.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::input::{Input, InputError};
use super::pack::{Fact, Pack};
use super::types::{Enumeration, Val, parse_date};

/// An input, every item of the right type and in range. What is optional and left out is `None`.
#[derive(Debug)]
pub(super) struct Given {
    pub facts: Vec<Option<Val>>,
    pub lines: Vec<Vec<Option<Val>>>,
    pub accumulators: Vec<Option<Val>>,
}

impl Pack {
    /// The input's business date; `None` when it has none that can be read.
    pub fn business_date(&self, input: &Input) -> Option<Date> {
        parse_date(input.facts.get(self.date_of())?.as_str()?)
    }

    /// The fact that is the business date.
    pub fn date_of(&self) -> &str {
        &self.facts[self.date_of].name
    }

    /// Whether a date is in the pack's span.
    pub fn covers(&self, date: Date) -> bool {
        self.valid.0 <= date && date <= self.valid.1
    }

    /// Reads an input.
    ///
    /// # Errors
    /// The first item that is wrong.
    pub fn given(&self, input: &Input) -> Result<Given, InputError> {
        let enums = &self.enums;
        let facts: Vec<_> = self.facts.iter().collect();
        let accumulators: Vec<_> = self.accumulators.iter().map(|accumulator| &accumulator.fact).collect();
        let line_facts: Vec<_> = self.lines.iter().flat_map(|lines| &lines.facts).collect();
        let (least, most) = self.lines.as_ref().map_or((0, 0), |lines| (lines.least, lines.most));
        if input.lines.len() > most {
            return Err(InputError::TooManyLines { most });
        }
        if input.lines.len() < least {
            return Err(InputError::OutOfRange { item: "lines".to_owned(), range: format!("at least {least}") });
        }
        let line = |(at, line): (usize, &Map<String, Value>)| {
            read(&line_facts, line, enums, |name| format!("lines[{}].{name}", at + 1))
        };
        Ok(Given {
            facts: read(&facts, &input.facts, enums, |name| format!("facts.{name}"))?,
            lines: input.lines.iter().enumerate().map(line).collect::<Result<_, _>>()?,
            accumulators: read(&accumulators, &input.accumulators, enums, |name| format!("accumulators.{name}"))?,
        })
    }
}

fn read(
    specs: &[&Fact],
    values: &Map<String, Value>,
    enums: &[Enumeration],
    place: impl Fn(&str) -> String,
) -> Result<Vec<Option<Val>>, InputError> {
    if let Some(unknown) = values.keys().find(|name| !specs.iter().any(|spec| spec.name == **name)) {
        // The name is the caller's own text: as long as a name is, and no longer.
        return Err(InputError::Unknown { item: place(&unknown.chars().take(60).collect::<String>()) });
    }
    specs.iter().map(|spec| one(spec, values.get(&spec.name), enums, || place(&spec.name))).collect()
}

/// One item, typed and in range; `None` when it is optional and left out.
///
/// # Errors
/// What is wrong with it.
pub(super) fn one(
    spec: &Fact,
    value: Option<&Value>,
    enums: &[Enumeration],
    place: impl Fn() -> String,
) -> Result<Option<Val>, InputError> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return match &spec.default {
            Some(default) => Ok(Some(default.clone())),
            None if spec.optional => Ok(None),
            None => Err(InputError::Missing { item: place() }),
        };
    };
    let value = typed(spec, value, enums)
        .ok_or_else(|| InputError::WrongType { item: place(), expected: spec.typ.expected(enums) })?;
    match (&spec.range, &value) {
        (Some(range), Val::Num(n)) if !range.has(*n) => {
            Err(InputError::OutOfRange { item: place(), range: spec.range_text.clone() })
        }
        _ => Ok(Some(value)),
    }
}

/// A JSON value of the fact's type: integers and booleans are JSON's own, all else is a string.
fn typed(spec: &Fact, value: &Value, enums: &[Enumeration]) -> Option<Val> {
    use super::types::Type::{Bool, Days, Int};
    match (spec.typ, value) {
        (Bool, Value::Bool(b)) => Some(Val::Bool(*b)),
        (Int | Days, Value::Number(n)) => n.as_i64().map(|n| Val::Num(n.into())),
        (Bool | Int | Days, _) => None,
        (typ, Value::String(text)) => typ.parse(text, enums),
        _ => None,
    }
}
