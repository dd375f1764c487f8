//! What is given of a case: facts, bill lines, accumulators; against what a pack asks for.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::datum::Datum;
use super::input::{Input, InputError};
use super::pack::{Fact, Pack};
use super::texts::CaseTexts;
use super::types::Enumeration;
use super::val::{Val, parse_date};

/// A case's items, every one of the right type and in range. What is optional and left out is `None`.
#[derive(Debug)]
pub(super) struct Given<'p> {
    pack: &'p Pack,
    pub facts: Vec<Option<Val>>,
    pub accumulators: Vec<Option<Val>>,
    /// The facts of the first line, then those of the next.
    pub lines: Vec<Option<Val>>,
    /// How many lines there are.
    pub count: usize,
    pub texts: CaseTexts<'p>,
    /// How many items are wanting that must be there.
    wanting: usize,
}

/// An item that may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Fact(usize),
    Accumulator(usize),
    /// The line, from 0, and which of its facts.
    LineFact(usize, usize),
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

    /// What it asks for of each line.
    pub fn line_facts(&self) -> &[Fact] {
        self.lines.as_ref().map(|lines| &lines.facts[..]).unwrap_or_default()
    }
}

impl<'p> Given<'p> {
    /// Nothing but what the pack takes where nothing is said.
    pub fn new(pack: &'p Pack) -> Self {
        let mut given = Self {
            pack,
            facts: Vec::new(),
            accumulators: Vec::new(),
            lines: Vec::new(),
            count: 0,
            texts: CaseTexts::new(&pack.texts),
            wanting: 0,
        };
        given.clear();
        given
    }

    /// Forgets the case.
    pub fn clear(&mut self) {
        let pack = self.pack;
        self.texts.clear();
        self.facts.clear();
        self.facts.extend(pack.facts.iter().map(|fact| fact.default));
        self.accumulators.clear();
        self.accumulators.extend(pack.accumulators.iter().map(|accumulator| accumulator.fact.default));
        let accumulators = pack.accumulators.iter().map(|accumulator| &accumulator.fact);
        self.wanting = wanting(&pack.facts) + accumulators.filter(|fact| fact.must()).count();
        self.lines.clear();
        self.count = 0;
    }

    /// Makes it a bill of `count` lines, of which nothing is said yet.
    ///
    /// # Errors
    /// When the pack has no such bill.
    pub fn set_count(&mut self, count: usize) -> Result<(), InputError> {
        let most = self.pack.lines.as_ref().map_or(0, |lines| lines.most);
        if count > most {
            return Err(InputError::TooManyLines { most });
        }
        self.enough(count)?;
        let facts = self.pack.line_facts();
        self.wanting -= self.wanting_in_lines();
        self.lines.clear();
        for _ in 0..count {
            self.lines.extend(facts.iter().map(|fact| fact.default));
        }
        self.count = count;
        self.wanting += count * wanting(facts);
        Ok(())
    }

    /// Takes one item's value.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn set(&mut self, item: Item, datum: Datum<'_>) -> Result<(), InputError> {
        let pack = self.pack;
        let (spec, cell) = match item {
            Item::Fact(at) => (pack.facts.get(at), self.facts.get_mut(at)),
            Item::Accumulator(at) => {
                (pack.accumulators.get(at).map(|accumulator| &accumulator.fact), self.accumulators.get_mut(at))
            }
            Item::LineFact(line, at) => {
                let facts = pack.line_facts();
                (facts.get(at), self.lines.get_mut(line * facts.len() + at))
            }
        };
        let (Some(spec), Some(cell)) = (spec, cell) else { return Err(InputError::Unknown { item: item.name("?") }) };
        let value = match datum {
            Datum::Nothing => spec.default,
            datum => Some(taken(spec, Some(datum), &pack.enums, &mut self.texts, || item.name(&spec.name))?),
        };
        if spec.must() {
            self.wanting = self.wanting + usize::from(value.is_none()) - usize::from(cell.is_none());
        }
        *cell = value;
        Ok(())
    }

    /// Reads an input in place of the case.
    ///
    /// # Errors
    /// The first item that is wrong.
    pub fn read(&mut self, input: &Input) -> Result<(), InputError> {
        let read = self.read_all(input);
        if read.is_err() {
            // What is half read is nothing.
            self.clear();
        }
        read
    }

    fn read_all(&mut self, input: &Input) -> Result<(), InputError> {
        let pack = self.pack;
        self.clear();
        self.set_count(input.lines.len())?;
        let enums = &pack.enums;
        let (texts, facts) = (&mut self.texts, &mut self.facts);
        read(pack.facts.iter(), &input.facts, facts, enums, texts, Item::Fact)?;
        let specs = pack.line_facts();
        for (line, (values, cells)) in input.lines.iter().zip(self.lines.chunks_mut(specs.len().max(1))).enumerate() {
            read(specs.iter(), values, cells, enums, texts, |at| Item::LineFact(line, at))?;
        }
        let specs = pack.accumulators.iter().map(|accumulator| &accumulator.fact);
        read(specs, &input.accumulators, &mut self.accumulators, enums, texts, Item::Accumulator)?;
        self.wanting = 0;
        Ok(())
    }

    /// Whether all is there that must be.
    ///
    /// # Errors
    /// The first item that is missing.
    pub fn complete(&self) -> Result<(), InputError> {
        self.enough(self.count)?;
        if self.wanting == 0 {
            return Ok(());
        }
        let pack = self.pack;
        let none = |spec: &Fact, cell: &Option<Val>| spec.must() && cell.is_none();
        let fact = pack.facts.iter().zip(&self.facts).position(|(spec, cell)| none(spec, cell));
        let accumulators = pack.accumulators.iter().map(|accumulator| &accumulator.fact);
        let accumulator = accumulators.zip(&self.accumulators).position(|(spec, cell)| none(spec, cell));
        let specs = pack.line_facts();
        let line = specs.iter().cycle().zip(&self.lines).position(|(spec, cell)| none(spec, cell));
        let (item, spec) = match (fact, line, accumulator) {
            (Some(at), ..) => (Item::Fact(at), &pack.facts[at]),
            (None, Some(at), _) => (Item::LineFact(at / specs.len(), at % specs.len()), &specs[at % specs.len()]),
            (None, None, Some(at)) => (Item::Accumulator(at), &pack.accumulators[at].fact),
            (None, None, None) => return Ok(()),
        };
        Err(InputError::Missing { item: item.name(&spec.name) })
    }

    /// Whether so many lines are as many as the pack asks for.
    fn enough(&self, count: usize) -> Result<(), InputError> {
        match &self.pack.lines {
            Some(lines) if count < lines.least => {
                let range = format!("at least {}", lines.least);
                Err(InputError::OutOfRange { item: "lines".to_owned(), range })
            }
            _ => Ok(()),
        }
    }

    fn wanting_in_lines(&self) -> usize {
        let specs = self.pack.line_facts().iter().cycle();
        specs.zip(&self.lines).filter(|(spec, cell)| spec.must() && cell.is_none()).count()
    }
}

impl Fact {
    /// Whether a case must have it.
    fn must(&self) -> bool {
        !self.optional && self.default.is_none()
    }
}

impl Item {
    /// The item as messages name it, lines counted from 1.
    fn name(self, name: &str) -> String {
        match self {
            Self::Fact(_) => format!("facts.{name}"),
            Self::Accumulator(_) => format!("accumulators.{name}"),
            Self::LineFact(line, _) => format!("lines[{}].{name}", line + 1),
        }
    }
}

fn wanting(facts: &[Fact]) -> usize {
    facts.iter().filter(|fact| fact.must()).count()
}

/// Reads the items of one place.
fn read<'s>(
    specs: impl Iterator<Item = &'s Fact> + Clone,
    values: &Map<String, Value>,
    cells: &mut [Option<Val>],
    enums: &[Enumeration],
    texts: &mut CaseTexts<'_>,
    item: impl Fn(usize) -> Item,
) -> Result<(), InputError> {
    let mut known = 0;
    let mut wrong = None;
    for (at, (spec, cell)) in specs.clone().zip(cells).enumerate() {
        let value = values.get(&spec.name);
        known += usize::from(value.is_some());
        match one(spec, value, enums, texts, || item(at).name(&spec.name)) {
            Ok(value) => *cell = value,
            Err(error) => wrong = wrong.or(Some(error)),
        }
    }
    if known < values.len()
        && let Some(unknown) = values.keys().find(|name| !specs.clone().any(|spec| spec.name == **name))
    {
        // The name is the caller's own text: as long as a name is, and no longer.
        return Err(InputError::Unknown { item: item(0).name(&unknown.chars().take(60).collect::<String>()) });
    }
    wrong.map_or(Ok(()), Err)
}

/// One item, typed and in range; `None` when it is optional and left out.
///
/// # Errors
/// What is wrong with it.
pub(super) fn one(
    spec: &Fact,
    value: Option<&Value>,
    enums: &[Enumeration],
    texts: &mut CaseTexts<'_>,
    place: impl Fn() -> String,
) -> Result<Option<Val>, InputError> {
    match value.map_or(Some(Datum::Nothing), Datum::of) {
        Some(Datum::Nothing) if spec.must() => Err(InputError::Missing { item: place() }),
        Some(Datum::Nothing) => Ok(spec.default),
        datum => taken(spec, datum, enums, texts, place).map(Some),
    }
}

/// What is given, typed and in range.
fn taken(
    spec: &Fact,
    datum: Option<Datum<'_>>,
    enums: &[Enumeration],
    texts: &mut CaseTexts<'_>,
    place: impl Fn() -> String,
) -> Result<Val, InputError> {
    let value = datum.and_then(|datum| datum.typed(spec.typ, enums, texts));
    let value = value.ok_or_else(|| InputError::WrongType { item: place(), expected: spec.typ.expected(enums) })?;
    match (&spec.range, value) {
        (Some(range), Val::Num(n)) if !range.has(n.into()) => {
            Err(InputError::OutOfRange { item: place(), range: spec.range_text.clone() })
        }
        _ => Ok(value),
    }
}
