//! Computes checked expressions: numbers, truths and what is neither, each in its own place, so that nothing is boxed.

mod number;
mod truth;
mod value;
mod word;

pub(super) use word::Word;

use super::expr::{Node, Place};
use super::run::Run;
use super::types::Type;
use super::val::Val;

/// Why a value cannot be computed: a parameter without a figure, by its position, or one of those named here. It is held
/// in 64 bits as a value is, see [`Val`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stop(i64);

impl Stop {
    /// A number is out of range.
    pub const RANGE: Self = Self(-1);
    /// What the loader proves does not hold: a value of another type, none where one always is, a table without a row.
    pub const DEFECT: Self = Self(i64::MAX);

    /// The parameter at this position has no figure.
    pub fn no_figure(param: usize) -> Self {
        i64::try_from(param).map_or(Self::DEFECT, Self)
    }

    /// The position of the parameter that has no figure, where that is why.
    pub fn param(self) -> Option<usize> {
        (self != Self::DEFECT).then(|| usize::try_from(self.0).ok()).flatten()
    }
}

/// What a step came to.
pub(super) type Computed = Result<Val, Stop>;

impl Run<'_> {
    /// The value of `node`, for the line at hand or for the whole. Its depth was bounded when it was parsed.
    pub fn compute(&mut self, node: &Node, typ: Type) -> Computed {
        if typ.number() {
            return match self.number::<i64>(node) {
                Err(Stop::RANGE) => {
                    let wide = self.number::<i128>(node)?;
                    i64::try_from(wide).map(Val::Num).map_err(|_| Stop::RANGE)
                }
                narrow => narrow.map(Val::Num),
            };
        }
        match self.value::<i64>(node) {
            Err(Stop::RANGE) => self.value::<i128>(node),
            narrow => narrow,
        }
    }

    /// Whether a condition holds.
    pub fn holds(&mut self, node: &Node) -> Result<bool, Stop> {
        match self.truth::<i64>(node) {
            Err(Stop::RANGE) => self.truth::<i128>(node),
            narrow => narrow,
        }
    }

    /// A number that is only shown, and may be as large as it likes.
    pub fn shown_number(&mut self, node: &Node) -> Result<i128, Stop> {
        self.number::<i128>(node)
    }

    /// What is kept at `place`; `None` when it is optional and was not given.
    #[inline]
    pub fn get(&mut self, place: Place) -> Result<Option<Val>, Stop> {
        match place {
            Place::Fact(at) => Ok(self.given.facts[at]),
            Place::LineFact(at) => Ok(self.given.lines[self.line_facts + at]),
            Place::LineStep(at) => self.line_steps[self.line_first + at].map(Some),
            Place::Step(at) => self.steps[at].map(Some),
            Place::Param(at) => self.param(at).map(Some),
            Place::Accumulator(at) => {
                self.notes.accumulator(at);
                Ok(self.given.accumulators[at])
            }
        }
    }

    /// What is kept for each line at `place`, which is a line's; `None` for one that is optional and was not given.
    fn of_lines(&self, place: Place) -> impl Iterator<Item = Result<Option<Val>, Stop>> {
        let (facts, steps) = (self.pack.line_facts().len(), self.pack.line.steps.len());
        (0..self.given.count).map(move |line| match place {
            Place::LineFact(at) => Ok(self.given.lines[line * facts + at]),
            Place::LineStep(at) => self.line_steps[line * steps + at].map(Some),
            _ => Err(Stop::DEFECT),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_step_came_to_is_two_words() {
        assert_eq!(size_of::<Computed>(), 16);
        assert_eq!(size_of::<Result<Option<Val>, Stop>>(), 16);
        assert_eq!(size_of::<Result<i64, Stop>>(), 16);
    }
}
