//! A policy pack: from TOML to what can decide.

mod body;
mod cases;
mod column;
mod cycles;
mod dated;
mod figures;
mod header;
mod hit;
mod index;
mod load;
mod lost;
mod nearly;
mod page;
mod proof;
mod range;
mod reach;
mod scope;
mod select;
mod table;
mod wanted;
mod work;
mod worked;

use jiff::civil::Date;

pub(super) use cases::Case;
pub(super) use dated::Dated;
pub(super) use hit::Hit;
pub use load::LARGEST;
#[cfg(test)]
pub(super) use load::{asked, load_unproved};
pub(super) use load::{load, load_without_cases};
pub(super) use range::Range;
pub(super) use scope::Scope;
pub(super) use select::{Chosen, Selector};
pub(super) use table::{Cell, Out, Row, Rows, Table};

use super::decision::{Outcome, PackRef, Words};
use super::expr::{Node, Place, Typed};
use super::texts::Texts;
use super::types::{Enumeration, Type};
use super::val::Val;

/// A pack, checked and compiled.
#[derive(Debug)]
pub(super) struct Pack {
    pub file: String,
    pub reference: PackRef,
    pub title: String,
    pub scenarios: Vec<String>,
    /// 险种 that it counts on where an accumulator does not say otherwise.
    pub scheme: String,
    /// What chooses it beside the date.
    pub selectors: Vec<Selector>,
    /// First and last day, both inclusive.
    pub valid: (Date, Date),
    /// The fact that is the business date.
    pub date_of: usize,
    pub demo: bool,
    pub enums: Vec<Enumeration>,
    /// The texts that stand in it.
    pub texts: Texts,
    pub facts: Vec<Fact>,
    pub lines: Option<Lines>,
    pub accumulators: Vec<Accumulator>,
    pub params: Vec<Param>,
    pub tables: Vec<Table>,
    /// What is computed and tested for each line, then for the whole.
    pub line: Part,
    pub whole: Part,
    pub posts: Vec<Post>,
    pub cases: Vec<Case>,
}

impl Pack {
    /// Drops the cases and the formulas as they are written.
    pub fn keep_what_decides(&mut self) {
        self.cases = Vec::new();
        for step in self.line.steps.iter_mut().chain(&mut self.whole.steps) {
            step.terms = Vec::new();
        }
    }
}

/// Steps, guards and checks of a line, or of the whole.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub steps: Vec<Step>,
    pub guards: Vec<Guard>,
    pub checks: Vec<Check>,
}

/// A fact, or a line's fact, or an accumulator.
#[derive(Debug, Clone)]
pub(super) struct Fact {
    pub name: String,
    pub label: String,
    pub typ: Type,
    pub optional: bool,
    pub default: Option<Val>,
    pub range: Option<Range>,
    /// The range as people read it.
    pub range_text: String,
}

/// The bill's lines.
#[derive(Debug)]
pub(super) struct Lines {
    pub least: usize,
    pub most: usize,
    /// The fact that tells lines apart, given back with each line's result.
    pub key: usize,
    pub facts: Vec<Fact>,
}

/// A figure kept for a person from case to case.
#[derive(Debug)]
pub(super) struct Accumulator {
    pub fact: Fact,
    pub scope: Scope,
}

/// A parameter with its dated figures.
#[derive(Debug)]
pub(super) struct Param {
    pub name: String,
    pub label: String,
    pub typ: Type,
    pub figures: Dated<Figure>,
}

/// A figure and where it is from.
#[derive(Debug)]
pub(super) struct Figure {
    /// `None` when it is not known.
    pub value: Option<Val>,
    pub origin: Origin,
}

/// Where a figure is from, and how sure that is.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub source: String,
    pub confidence: String,
}

impl Origin {
    /// Whether what is printed from it says 演示参数.
    pub fn demo(&self) -> bool {
        self.confidence != "H"
    }

    /// Whether some source gives it.
    pub fn confirmed(&self) -> bool {
        self.confidence != "U"
    }
}

/// A step.
#[derive(Debug)]
pub(super) struct Step {
    pub name: String,
    pub label: String,
    pub typ: Type,
    pub node: Node,
    /// How the arguments are written, where it is the least or the greatest of several.
    pub operands: Vec<String>,
    /// Its formula, where it is more than one value.
    pub terms: Vec<Term>,
    /// The output field it fills.
    pub out: Option<String>,
    /// The field tells how things stand, not what is paid: a cancellation keeps it.
    pub keep: bool,
    pub say: Option<Say>,
}

/// A sentence for the slip.
#[derive(Debug)]
pub(super) struct Say {
    pub pieces: Vec<Piece>,
    /// Said only when this holds.
    pub when: Option<Node>,
    /// It uses something whose first use is noted.
    pub looks_up: bool,
}

/// A term of a formula.
#[derive(Debug)]
pub(super) enum Term {
    /// Signs and figures.
    Words(String),
    /// What has a value, and how it is written.
    Value { node: Node, typ: Type, written: String },
}

/// A piece of a sentence.
#[derive(Debug)]
pub(super) enum Piece {
    Words(String),
    Value(Typed),
}

/// A guard: when it holds, the outcome is at least its own.
#[derive(Debug)]
pub(super) struct Guard {
    pub code: String,
    pub when: Node,
    pub outcome: Outcome,
    pub text: Words,
    pub basis: Option<String>,
    pub origin: Option<Origin>,
}

/// An identity that must hold.
#[derive(Debug)]
pub(super) struct Check {
    pub code: String,
    pub node: Node,
}

/// What carrying a case out does to an accumulator.
#[derive(Debug)]
pub(super) struct Post {
    pub accumulator: usize,
    pub add: bool,
    pub value: Node,
    pub when: Option<Node>,
}

impl Pack {
    /// The type of what is kept at `place`.
    pub fn typ(&self, place: Place) -> Type {
        match place {
            Place::Fact(at) => self.facts[at].typ,
            // A line's place exists only in a pack with lines.
            Place::LineFact(at) => self.lines.as_ref().map_or(Type::Text, |lines| lines.facts[at].typ),
            Place::LineStep(at) => self.line.steps[at].typ,
            Place::Step(at) => self.whole.steps[at].typ,
            Place::Accumulator(at) => self.accumulators[at].fact.typ,
            Place::Param(at) => self.params[at].typ,
        }
    }
}
