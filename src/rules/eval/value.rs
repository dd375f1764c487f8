//! Expressions of any other type: dates, months, texts, codes, lists.

use jiff::civil::Date;

use super::super::expr::Node;
use super::super::run::Run;
use super::super::val::{Val, month, month_of};
use super::{Computed, Stop, Word};

impl Run<'_> {
    /// What `node` comes to, its numbers computed in this word.
    pub(super) fn value<W: Word>(&mut self, node: &Node) -> Computed {
        match node {
            Node::Const(value) => Ok(*value),
            Node::Get(place) => self.get(*place)?.ok_or(Stop::DEFECT),
            Node::Given(place, other) => match self.get(*place)? {
                Some(value) => Ok(value),
                None => self.value::<W>(other),
            },
            Node::Cell { table, column, on } => self.cell(*table, *column, on),
            Node::If(condition, yes, no) => {
                if self.truth::<W>(condition)? {
                    self.value::<W>(yes)
                } else {
                    self.value::<W>(no)
                }
            }
            Node::Min(items) => self.first::<W>(items, |one, other| one.order(other).map(|order| order.is_lt())),
            Node::Max(items) => self.first::<W>(items, |one, other| one.order(other).map(|order| order.is_gt())),
            Node::Clamp(three) => {
                let [value, least, most] = &**three;
                let (value, least, most) = (self.value::<W>(value)?, self.value::<W>(least)?, self.value::<W>(most)?);
                let value = if value.order(least).ok_or(Stop::DEFECT)?.is_lt() { least } else { value };
                Ok(if value.order(most).ok_or(Stop::DEFECT)?.is_gt() { most } else { value })
            }
            Node::Since(param) => self.since(*param),
            Node::MonthOf(date) => Ok(month_of(self.date::<W>(date)?)),
            Node::AddMonths(of, count) => {
                let sum = W::of(self.month::<W>(of)?).plus(self.number(count)?);
                let sum = sum.and_then(|sum| i64::try_from(sum.widened()).ok());
                sum.and_then(month).ok_or(Stop::RANGE)
            }
            // All others hold or do not.
            _ => self.truth::<W>(node).map(|truth| Val::Bool(truth.into())),
        }
    }

    pub(super) fn date<W: Word>(&mut self, node: &Node) -> Result<Date, Stop> {
        match self.value::<W>(node)? {
            Val::Date(day) => Ok(day.into()),
            _ => Err(Stop::DEFECT),
        }
    }

    pub(super) fn month<W: Word>(&mut self, node: &Node) -> Result<i64, Stop> {
        match self.value::<W>(node)? {
            Val::Month(month) => Ok(month),
            _ => Err(Stop::DEFECT),
        }
    }

    /// The values of a list.
    pub(super) fn list<W: Word>(&mut self, node: &Node) -> Result<&[Val], Stop> {
        match self.value::<W>(node)? {
            Val::List(list) => self.lists.get(list.range()).ok_or(Stop::DEFECT),
            _ => Err(Stop::DEFECT),
        }
    }

    /// The one before which no other comes.
    fn first<W: Word>(&mut self, items: &[Node], before: fn(Val, Val) -> Option<bool>) -> Computed {
        let (first, rest) = items.split_first().ok_or(Stop::DEFECT)?;
        let mut found = self.value::<W>(first)?;
        for item in rest {
            let value = self.value::<W>(item)?;
            if before(value, found).ok_or(Stop::DEFECT)? {
                found = value;
            }
        }
        Ok(found)
    }
}
