//! A desk: one pack at work on case after case, for who decides again and again.

use super::datum::Datum;
use super::decision::{Decision, Outcome, PackRef};
use super::eval::Computed;
use super::expr::Place;
use super::given::Item;
use super::input::{Input, InputError};
use super::pack::{Fact, Pack, Step};
use super::run::Run;
use super::types::Type;
use super::val::Val;
use crate::value::Fen;

/// A pack at work. [`Packs::decide`](super::Packs::decide) sets one up for a single case; a replay, a property test or a
/// measurement keeps one, and after the largest case [`Desk::decide`] allocates nothing any more.
///
/// A case is read from an [`Input`], or given item by item: names become [`Slot`]s once, and values go to slots. What is
/// given stays until it is given anew.
///
/// ```
/// # use sbkd::rules::{Input, Packs};
/// # use sbkd::value::Fen;
/// # let packs = Packs::builtin();
/// # let bill = include_str!("../../fixtures/settlement/l3-active-with-account.json");
/// # let input: Input = serde_json::from_str(bill).unwrap();
/// let mut desk = packs.desk("medical-settlement", &input)?;
/// let (balance, cash) = (desk.fact("balc").unwrap(), desk.output("psn_cash_pay").unwrap());
/// desk.set(balance, Fen(50_000))?;
/// desk.decide()?;
/// assert_eq!(desk.fen(cash), Some(Fen(725_716)));
/// # Ok::<(), sbkd::rules::InputError>(())
/// ```
#[derive(Debug)]
pub struct Desk<'p> {
    scenario: String,
    run: Run<'p>,
    /// What is given was decided.
    decided: bool,
}

/// Where a desk's pack keeps a fact, an accumulator or a result. It means nothing to a desk of another pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(Place);

impl<'p> Desk<'p> {
    pub(super) fn new(pack: &'p Pack, scenario: &str) -> Self {
        Self { scenario: scenario.to_owned(), run: Run::new(pack), decided: false }
    }

    /// The pack.
    pub fn pack(&self) -> &'p PackRef {
        &self.run.pack.reference
    }

    /// Reads a case in place of what is given.
    ///
    /// # Errors
    /// The first item that is wrong; nothing is given then.
    pub fn read(&mut self, input: &Input) -> Result<(), InputError> {
        self.decided = false;
        self.run.given.read(input)
    }

    /// Makes it a bill of so many lines, of which nothing is said yet.
    ///
    /// # Errors
    /// When the pack takes no such bill.
    pub fn set_lines(&mut self, count: usize) -> Result<(), InputError> {
        self.run.given.set_count(count)?;
        self.decided = false;
        Ok(())
    }

    /// The fact of this name.
    pub fn fact(&self, name: &str) -> Option<Slot> {
        named(&self.run.pack.facts, name).map(Place::Fact).map(Slot)
    }

    /// The accumulator of this name.
    pub fn accumulator(&self, name: &str) -> Option<Slot> {
        let mut accumulators = self.run.pack.accumulators.iter();
        accumulators.position(|accumulator| accumulator.fact.name == name).map(Place::Accumulator).map(Slot)
    }

    /// The fact of this name of each bill line.
    pub fn line_fact(&self, name: &str) -> Option<Slot> {
        named(self.run.pack.line_facts(), name).map(Place::LineFact).map(Slot)
    }

    /// The result that fills this field.
    pub fn output(&self, field: &str) -> Option<Slot> {
        filling(&self.run.pack.whole.steps, field).map(Place::Step).map(Slot)
    }

    /// The result of each bill line that fills this field.
    pub fn line_output(&self, field: &str) -> Option<Slot> {
        filling(&self.run.pack.line.steps, field).map(Place::LineStep).map(Slot)
    }

    /// Gives a fact or an accumulator.
    ///
    /// # Errors
    /// When the value is none that the pack takes, or the slot is neither.
    pub fn set<'v>(&mut self, slot: Slot, value: impl Into<Datum<'v>>) -> Result<(), InputError> {
        let item = match slot.0 {
            Place::Fact(at) => Item::Fact(at),
            Place::Accumulator(at) => Item::Accumulator(at),
            _ => return Err(InputError::Unknown { item: "slot".to_owned() }),
        };
        self.give(item, value.into())
    }

    /// Gives a fact of a bill line, counted from 0.
    ///
    /// # Errors
    /// When the value is none that the pack takes, the bill has no such line, or the slot is no fact of a line.
    pub fn set_on<'v>(&mut self, line: usize, slot: Slot, value: impl Into<Datum<'v>>) -> Result<(), InputError> {
        let Place::LineFact(at) = slot.0 else { return Err(InputError::Unknown { item: "slot".to_owned() }) };
        self.give(Item::LineFact(line, at), value.into())
    }

    /// Decides what is given.
    ///
    /// # Errors
    /// When something is missing, or the pack does not hold on the business date.
    pub fn decide(&mut self) -> Result<Outcome, InputError> {
        self.run_it(false)
    }

    /// Decides what is given and takes notes, from which [`Desk::decision`] would write its record.
    ///
    /// # Errors
    /// As [`Desk::decide`].
    pub fn decide_noted(&mut self) -> Result<Outcome, InputError> {
        self.run_it(true)
    }

    /// Decides what is given, and writes out the whole decision.
    ///
    /// # Errors
    /// As [`Desk::decide`].
    pub fn decision(&mut self) -> Result<Decision, InputError> {
        self.run_it(true)?;
        Ok(self.run.decision(&self.scenario))
    }

    /// [`decision`](Self::decision), whose record says each formula with the values in it.
    ///
    /// # Errors
    /// As [`Desk::decide`].
    pub fn explanation(&mut self) -> Result<Decision, InputError> {
        self.run.worked = true;
        let decision = self.decision();
        self.run.worked = false;
        decision
    }

    /// Whether a figure for demonstration was used for what was decided last, or the pack is for demonstration.
    pub fn demo(&self) -> bool {
        self.run.demo
    }

    /// The codes of all reasons for what was decided last, in order.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.run.codes()
    }

    /// A result that is a number, in the unit of its type: fen, ten-thousandths, parts per million. `None` where it is
    /// no number, could not be computed, or the case was denied or is not decided.
    pub fn number(&self, slot: Slot) -> Option<i64> {
        let Place::Step(at) = slot.0 else { return None };
        self.run.steps.get(at).and_then(|value| self.told(*value))
    }

    /// [`number`](Self::number) of a result of a bill line, counted from 0.
    pub fn number_on(&self, line: usize, slot: Slot) -> Option<i64> {
        let Place::LineStep(at) = slot.0 else { return None };
        let at = line * self.run.pack.line.steps.len() + at;
        self.run.line_steps.get(at).and_then(|value| self.told(*value))
    }

    /// A result that is an amount; `None` as [`number`](Self::number).
    pub fn fen(&self, slot: Slot) -> Option<Fen> {
        self.number(slot).filter(|_| self.run.pack.typ(slot.0) == Type::Money).map(Fen)
    }

    /// [`fen`](Self::fen) of a result of a bill line, counted from 0.
    pub fn fen_on(&self, line: usize, slot: Slot) -> Option<Fen> {
        self.number_on(line, slot).filter(|_| self.run.pack.typ(slot.0) == Type::Money).map(Fen)
    }

    /// The case at hand, for tests of packs: figures that stand in, and what becomes of the accumulators.
    #[cfg(test)]
    pub(super) fn run(&mut self) -> &mut Run<'p> {
        &mut self.run
    }

    fn give(&mut self, item: Item, value: Datum<'_>) -> Result<(), InputError> {
        self.run.given.set(item, value)?;
        self.decided = false;
        Ok(())
    }

    fn run_it(&mut self, noted: bool) -> Result<Outcome, InputError> {
        let outcome = self.run.decide(&self.scenario, noted);
        self.decided = outcome.is_ok();
        outcome
    }

    fn told(&self, value: Computed) -> Option<i64> {
        match value {
            Ok(Val::Num(n)) if self.decided && self.run.outcome != Outcome::Deny => Some(n),
            _ => None,
        }
    }
}

fn named(facts: &[Fact], name: &str) -> Option<usize> {
    facts.iter().position(|fact| fact.name == name)
}

fn filling(steps: &[Step], field: &str) -> Option<usize> {
    steps.iter().position(|step| step.out.as_deref() == Some(field))
}
