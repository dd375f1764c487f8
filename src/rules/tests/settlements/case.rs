//! A case of a pack, by position of what the pack asks for.

use std::sync::Arc;

use jiff::civil::Date;

use super::reference::Line;
use crate::rules::Datum;
use crate::rules::pack::{Fact, Pack};
use crate::value::{Fen, Rate};

/// What is given of a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    Nothing,
    Bool(bool),
    Whole(i64),
    Fen(i64),
    /// In millionths.
    Rate(i64),
    Date(Date),
    Text(Arc<str>),
}

impl Term {
    pub fn datum(&self) -> Datum<'_> {
        match self {
            Self::Nothing => Datum::Nothing,
            Self::Bool(truth) => Datum::Bool(*truth),
            Self::Whole(n) => Datum::Whole(*n),
            Self::Fen(n) => Datum::Money(Fen(*n)),
            Self::Rate(n) => Datum::Rate(Rate(*n)),
            Self::Date(date) => Datum::Date(*date),
            Self::Text(text) => Datum::Text(text),
        }
    }

    /// Its number, in the unit of its type; nothing counts as zero.
    pub fn number(&self) -> i64 {
        match self {
            Self::Whole(n) | Self::Fen(n) | Self::Rate(n) => *n,
            _ => 0,
        }
    }
}

/// A case. Facts and accumulators stand in the pack's order, figures by the position of their parameters.
#[derive(Debug, Clone)]
pub struct Case {
    pub facts: Vec<Term>,
    pub lines: Vec<Line>,
    pub accumulators: Vec<Term>,
    pub figures: Vec<(usize, Term)>,
}

/// What the cases of a pack start from, with a bill of one line where it has bills.
pub fn base(pack: &Pack, text: &str) -> Case {
    let root: toml::Table = text.parse().expect("a pack that loads");
    let given = |key: &str, facts: &mut dyn Iterator<Item = &Fact>| -> Vec<Term> {
        let written = root["case_base"].get(key).and_then(toml::Value::as_table);
        facts
            .map(|fact| {
                written.and_then(|written| written.get(&fact.name)).map_or(Term::Nothing, |value| term(fact, value))
            })
            .collect()
    };
    Case {
        facts: given("facts", &mut pack.facts.iter()),
        lines: pack.lines.iter().map(|_| Line::whole(10_000)).collect(),
        accumulators: given("accumulators", &mut pack.accumulators.iter().map(|accumulator| &accumulator.fact)),
        figures: Vec::new(),
    }
}

fn term(fact: &Fact, value: &toml::Value) -> Term {
    match (fact.typ.kind(), value) {
        (_, toml::Value::Boolean(truth)) => Term::Bool(*truth),
        (_, toml::Value::Integer(n)) => Term::Whole(*n),
        (_, toml::Value::Datetime(date)) => Term::Date(date.to_string().parse().expect("a date")),
        ("money", value) => Term::Fen(value.as_str().and_then(|text| text.parse::<Fen>().ok()).expect("an amount").0),
        (_, value) => Term::Text(value.as_str().expect("a text").into()),
    }
}
