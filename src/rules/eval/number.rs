//! Expressions whose value is a number.

use super::super::expr::{Node, Place};
use super::super::run::Run;
use super::super::val::Val;
use super::{Stop, Word};

impl Run<'_> {
    /// The number that `node` comes to.
    #[inline]
    pub(super) fn number<W: Word>(&mut self, node: &Node) -> Result<W, Stop> {
        match node {
            Node::Const(Val::Num(n)) => Ok(W::of(*n)),
            Node::Get(place) => match self.get(*place)? {
                Some(Val::Num(n)) => Ok(W::of(n)),
                // The checker lets an optional value be read only by `has` and `given`.
                _ => Err(Stop::DEFECT),
            },
            _ => self.computed(node),
        }
    }

    fn computed<W: Word>(&mut self, node: &Node) -> Result<W, Stop> {
        match node {
            Node::Plus(left, right) => self.both(left, right, W::plus),
            Node::Minus(left, right) => self.both(left, right, W::minus),
            Node::Times(left, right, 1) => self.both(left, right, W::times),
            Node::Times(left, right, factor) => {
                self.both(left, right, |left: W, right| left.times(right)?.times(W::of(*factor)))
            }
            Node::Negative(inner) => W::of(0).minus(self.number(inner)?).ok_or(Stop::RANGE),
            Node::Round(round, of) => self.number::<W>(of)?.rounded(*round).ok_or(Stop::RANGE),
            Node::If(condition, yes, no) => {
                if self.truth::<W>(condition)? {
                    self.number(yes)
                } else {
                    self.number(no)
                }
            }
            Node::Given(place, other) => match self.get(*place)? {
                Some(Val::Num(n)) => Ok(W::of(n)),
                Some(_) => Err(Stop::DEFECT),
                None => self.number(other),
            },
            Node::Min(items) => self.extreme(items, W::min),
            Node::Max(items) => self.extreme(items, W::max),
            Node::Clamp(three) => {
                let [value, least, most] = &**three;
                let (value, least, most): (W, W, W) = (self.number(value)?, self.number(least)?, self.number(most)?);
                // Where the bounds cross, the upper one holds.
                Ok(value.max(least).min(most))
            }
            Node::Cell { table, column, on } => self.cell_number(*table, *column, on),
            Node::Bands { of, table, column, each } => {
                let amount = self.number::<W>(of)?.widened();
                W::narrowed(self.bands(amount, *table, *column, *each)?).ok_or(Stop::RANGE)
            }
            Node::Count(list) => match self.value::<W>(list)? {
                Val::List(list) => Ok(W::of(list.len().into())),
                _ => Err(Stop::DEFECT),
            },
            Node::Sum(place) => self.sum(*place),
            Node::DayOf(date) => Ok(W::of(self.date::<W>(date)?.day().into())),
            Node::DaysBetween(from, to) => {
                let (from, to) = (self.date::<W>(from)?, self.date::<W>(to)?);
                let days = from.until(to).map_err(|_| Stop::RANGE)?.get_days();
                Ok(W::of(days.into()))
            }
            Node::MonthsBetween(from, to) => {
                let (from, to) = (self.month::<W>(from)?, self.month::<W>(to)?);
                Ok(W::of(to - from))
            }
            _ => Err(Stop::DEFECT),
        }
    }

    fn both<W: Word>(&mut self, left: &Node, right: &Node, join: impl Fn(W, W) -> Option<W>) -> Result<W, Stop> {
        let (left, right) = (self.number(left)?, self.number(right)?);
        join(left, right).ok_or(Stop::RANGE)
    }

    fn extreme<W: Word>(&mut self, items: &[Node], better: fn(W, W) -> W) -> Result<W, Stop> {
        let (first, rest) = items.split_first().ok_or(Stop::DEFECT)?;
        let mut found = self.number(first)?;
        for item in rest {
            found = better(found, self.number(item)?);
        }
        Ok(found)
    }

    fn sum<W: Word>(&self, place: Place) -> Result<W, Stop> {
        self.of_lines(place).try_fold(W::of(0), |sum, value| match value? {
            Some(Val::Num(n)) => sum.plus(W::of(n)).ok_or(Stop::RANGE),
            _ => Err(Stop::DEFECT),
        })
    }
}
