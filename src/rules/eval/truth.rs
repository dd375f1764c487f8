//! Expressions that hold or do not.

use super::super::expr::{Node, Place};
use super::super::run::Run;
use super::super::val::Val;
use super::{Stop, Word};

impl Run<'_> {
    /// Whether `node` holds, its numbers computed in this word.
    pub(super) fn truth<W: Word>(&mut self, node: &Node) -> Result<bool, Stop> {
        match node {
            Node::Compare(comparison, left, right) => {
                let (left, right): (W, W) = (self.number(left)?, self.number(right)?);
                Ok(comparison.holds(left.cmp(&right)))
            }
            Node::Order(comparison, left, right) => {
                let (left, right) = (self.value::<W>(left)?, self.value::<W>(right)?);
                left.order(right).map(|order| comparison.holds(order)).ok_or(Stop::DEFECT)
            }
            Node::And(left, right) => Ok(self.truth::<W>(left)? && self.truth::<W>(right)?),
            Node::Or(left, right) => Ok(self.truth::<W>(left)? || self.truth::<W>(right)?),
            Node::Not(inner) => Ok(!self.truth::<W>(inner)?),
            Node::Has(place) => Ok(self.get(*place)?.is_some()),
            Node::Among(item, list) => {
                let item: W = self.number(item)?;
                Ok(list.iter().any(|n| W::of(*n) == item))
            }
            Node::AmongList(item, list) => {
                let item: W = self.number(item)?;
                let list = self.list::<W>(list)?;
                Ok(list.iter().any(|value| matches!(value, Val::Num(n) if W::of(*n) == item)))
            }
            Node::InList(item, list) => {
                let item = self.value::<W>(item)?;
                Ok(self.list::<W>(list)?.contains(&item))
            }
            Node::In(item, list) => Ok(list.contains(&self.value::<W>(item)?)),
            Node::If(condition, yes, no) => {
                if self.truth::<W>(condition)? {
                    self.truth::<W>(yes)
                } else {
                    self.truth::<W>(no)
                }
            }
            Node::Given(place, other) => match self.get(*place)? {
                None => self.truth::<W>(other),
                value => truth(value),
            },
            Node::Const(value) => truth(Some(*value)),
            Node::Get(place) => truth(self.get(*place)?),
            Node::Cell { table, column, on } => truth(Some(self.cell(*table, *column, on)?)),
            Node::Distinct(place) => self.distinct(*place),
            _ => Err(Stop::DEFECT),
        }
    }

    fn distinct(&mut self, place: Place) -> Result<bool, Stop> {
        let mut keys = std::mem::take(&mut self.scratch.keys);
        keys.clear();
        let mut stop = None;
        for value in self.of_lines(place) {
            match value {
                Ok(Some(value)) => keys.push(value.key()),
                Ok(None) => stop = Some(Stop::DEFECT),
                Err(other) => stop = Some(other),
            }
            if stop.is_some() {
                break;
            }
        }
        keys.sort_unstable();
        let alike = keys.windows(2).any(|pair| pair[0] == pair[1]);
        self.scratch.keys = keys;
        // Two that are alike are so, whatever cannot be computed of the lines below.
        match stop {
            Some(stop) if !alike => Err(stop),
            _ => Ok(!alike),
        }
    }
}

fn truth(value: Option<Val>) -> Result<bool, Stop> {
    match value {
        Some(Val::Bool(truth)) => Ok(truth.into()),
        _ => Err(Stop::DEFECT),
    }
}
