//! Computes checked expressions, and keeps the record of what they used.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use jiff::civil::Date;

use super::expr::{Node, Place};
use super::facts::Given;
use super::pack::Pack;
use super::trace::TraceRecord;
use super::types::{Val, month, month_of};

/// Why a value cannot be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    /// A number is out of range.
    Range,
    /// A parameter has no figure.
    NoFigure(usize),
    /// What the loader proves does not hold: a value of another type, none where one always is, a table without a row.
    Defect,
}

/// What a step came to.
pub(super) type Computed = Result<Val, Stop>;

/// One case being computed.
pub(super) struct Run<'a> {
    pub pack: &'a Pack,
    pub date: Date,
    pub given: Given,
    /// Figures for a test, by parameter.
    pub figures: &'a HashMap<usize, Val>,
    pub line_steps: Vec<Vec<Computed>>,
    pub steps: Vec<Computed>,
    pub trace: Vec<TraceRecord>,
    /// A figure that is for demonstration was used.
    pub demo: bool,
    pub seen: HashSet<Seen>,
}

/// What the trace has already.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum Seen {
    Param(usize),
    Accumulator(usize),
    Row(Option<usize>, usize, usize),
}

impl<'a> Run<'a> {
    /// A case before anything is computed.
    pub fn new(pack: &'a Pack, date: Date, given: Given, figures: &'a HashMap<usize, Val>) -> Self {
        Self {
            pack,
            date,
            given,
            figures,
            line_steps: Vec::new(),
            steps: Vec::new(),
            trace: Vec::new(),
            demo: pack.demo,
            seen: HashSet::new(),
        }
    }

    /// The value of `node`, for a line (from 0) or for the whole. Its depth was bounded when it was parsed.
    pub fn eval(&mut self, node: &Node, line: Option<usize>) -> Computed {
        match node {
            Node::Const(value) => Ok(value.clone()),
            // The checker lets an optional value be read only by `has` and `given`.
            Node::Get(place) => self.get(*place, line).and_then(|value| value.ok_or(Stop::Defect)),
            Node::Cell { table, column, on } => self.cell(*table, *column, on, line),
            Node::Bands { of, table, column } => self.bands(of, *table, *column, line),
            Node::Has(place) => Ok(Val::Bool(self.get(*place, line)?.is_some())),
            Node::Given(place, other) => match self.get(*place, line)? {
                Some(value) => Ok(value),
                None => self.eval(other, line),
            },
            Node::Not(inner) => Ok(Val::Bool(!self.truth(inner, line)?)),
            Node::Negative(inner) => number(0_i128.checked_sub(self.number(inner, line)?)),
            Node::And(left, right) => Ok(Val::Bool(self.truth(left, line)? && self.truth(right, line)?)),
            Node::Or(left, right) => Ok(Val::Bool(self.truth(left, line)? || self.truth(right, line)?)),
            Node::Compare(comparison, left, right) => {
                let (left, right) = (self.eval(left, line)?, self.eval(right, line)?);
                Ok(Val::Bool(comparison.holds(order(&left, &right)?)))
            }
            Node::Plus(left, right) => number(self.number(left, line)?.checked_add(self.number(right, line)?)),
            Node::Minus(left, right) => number(self.number(left, line)?.checked_sub(self.number(right, line)?)),
            Node::Times(left, right, factor) => {
                let product = self.number(left, line)?.checked_mul(self.number(right, line)?);
                number(product.and_then(|product| product.checked_mul(*factor)))
            }
            Node::In(item, list) => Ok(Val::Bool(list.contains(&self.eval(item, line)?))),
            Node::If(condition, yes, no) => {
                let branch = if self.truth(condition, line)? { yes } else { no };
                self.eval(branch, line)
            }
            Node::Min(items) => self.extreme(items, line, true),
            Node::Max(items) => self.extreme(items, line, false),
            Node::Clamp(three) => {
                let [value, least, most] = &**three;
                let (value, least, most) = (self.eval(value, line)?, self.eval(least, line)?, self.eval(most, line)?);
                let value = if order(&value, &least)?.is_lt() { least } else { value };
                Ok(if order(&value, &most)?.is_gt() { most } else { value })
            }
            Node::Round { how, of, scale, unit } => {
                let exact = self.number(of, line)?;
                number(how.divide(exact, scale * unit).checked_mul(*unit))
            }
            Node::Sum(place) => self.sum(*place),
            Node::Distinct(place) => self.distinct(*place),
            Node::Since(param) => self.since(*param),
            Node::MonthOf(date) => Ok(month_of(self.date(date, line)?)),
            Node::DayOf(date) => Ok(Val::Num(self.date(date, line)?.day().into())),
            Node::DaysBetween(from, to) => {
                let (from, to) = (self.date(from, line)?, self.date(to, line)?);
                let days = from.until(to).map_err(|_| Stop::Range)?.get_days();
                Ok(Val::Num(days.into()))
            }
            Node::MonthsBetween(from, to) => {
                let (from, to) = (self.month(from, line)?, self.month(to, line)?);
                Ok(Val::Num(to - from))
            }
            Node::AddMonths(of, count) => {
                let sum = self.month(of, line)?.checked_add(self.number(count, line)?);
                sum.and_then(month).ok_or(Stop::Range)
            }
        }
    }

    /// Whether a condition holds.
    pub fn truth(&mut self, node: &Node, line: Option<usize>) -> Result<bool, Stop> {
        match self.eval(node, line)? {
            Val::Bool(truth) => Ok(truth),
            _ => Err(Stop::Defect),
        }
    }

    pub fn number(&mut self, node: &Node, line: Option<usize>) -> Result<i128, Stop> {
        match self.eval(node, line)? {
            Val::Num(n) => Ok(n),
            _ => Err(Stop::Defect),
        }
    }

    fn date(&mut self, node: &Node, line: Option<usize>) -> Result<Date, Stop> {
        match self.eval(node, line)? {
            Val::Date(date) => Ok(date),
            _ => Err(Stop::Defect),
        }
    }

    fn month(&mut self, node: &Node, line: Option<usize>) -> Result<i128, Stop> {
        match self.eval(node, line)? {
            Val::Month(month) => Ok(month.into()),
            _ => Err(Stop::Defect),
        }
    }

    fn extreme(&mut self, items: &[Node], line: Option<usize>, least: bool) -> Computed {
        let mut found: Option<Val> = None;
        for item in items {
            let value = self.eval(item, line)?;
            let better = match &found {
                None => true,
                Some(found) if least => order(&value, found)?.is_lt(),
                Some(found) => order(&value, found)?.is_gt(),
            };
            if better {
                found = Some(value);
            }
        }
        found.ok_or(Stop::Defect)
    }

    fn sum(&mut self, place: Place) -> Computed {
        let mut sum = 0_i128;
        for line in 0..self.given.lines.len() {
            match self.get(place, Some(line))? {
                Some(Val::Num(n)) => sum = sum.checked_add(n).ok_or(Stop::Range)?,
                _ => return Err(Stop::Defect),
            }
        }
        Ok(Val::Num(sum))
    }

    fn distinct(&mut self, place: Place) -> Computed {
        let mut seen = HashSet::new();
        for line in 0..self.given.lines.len() {
            let typ = self.pack.typ(place);
            let value = self.get(place, Some(line))?.ok_or(Stop::Defect)?;
            if !seen.insert(typ.json(&value, &self.pack.enums).to_string()) {
                return Ok(Val::Bool(false));
            }
        }
        Ok(Val::Bool(true))
    }

    /// What is kept at `place`; `None` when it is optional and was not given.
    fn get(&mut self, place: Place, line: Option<usize>) -> Result<Option<Val>, Stop> {
        let line = line.unwrap_or_default();
        match place {
            Place::Fact(at) => Ok(self.given.facts[at].clone()),
            Place::LineFact(at) => Ok(self.given.lines[line][at].clone()),
            Place::LineStep(at) => self.line_steps[line][at].clone().map(Some),
            Place::Step(at) => self.steps[at].clone().map(Some),
            Place::Param(at) => self.param(at).map(Some),
            Place::Accumulator(at) => {
                let value = self.given.accumulators[at].clone();
                if self.seen.insert(Seen::Accumulator(at)) {
                    let fact = &self.pack.accumulators[at].fact;
                    let enums = &self.pack.enums;
                    self.trace.push(TraceRecord::Accumulator {
                        name: fact.name.clone(),
                        label: fact.label.clone(),
                        value: value.as_ref().map_or(serde_json::Value::Null, |value| fact.typ.json(value, enums)),
                        shown: value.as_ref().map_or("无".to_owned(), |value| fact.typ.shown(value, enums)),
                    });
                }
                Ok(value)
            }
        }
    }
}

fn number(n: Option<i128>) -> Computed {
    n.map(Val::Num).ok_or(Stop::Range)
}

fn order(left: &Val, right: &Val) -> Result<Ordering, Stop> {
    left.order(right).ok_or(Stop::Defect)
}
