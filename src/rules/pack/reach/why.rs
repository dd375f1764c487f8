//! Why a condition cannot come out in one of its two ways, in words.

use super::judge::{Judge, Known};
use crate::rules::expr::{Node, Place};

impl Judge<'_, '_> {
    /// What keeps `node` from being `wanted`: the names that it depends on, with what they can be. `None` where there is
    /// nothing to be named.
    pub fn why(&self, node: &Node, known: &Known, wanted: bool) -> Option<String> {
        match node {
            Node::Not(inner) => self.why(inner, known, !wanted),
            Node::And(left, right) | Node::Or(left, right) => {
                // The right side is looked at only where the left one does not decide.
                let undecided = matches!(node, Node::And(..));
                let split = self.split(left, known);
                let (on, off) = if undecided { (split.yes, split.no) } else { (split.no, split.yes) };
                match (wanted == undecided, on, off) {
                    // Both sides have to be as wanted: the first that cannot is the reason.
                    (true, None, _) => self.why(left, known, wanted),
                    (true, Some(known), _) => self.why(right, &known, wanted),
                    // One side would do, and neither can.
                    (false, None, _) => self.why(left, known, wanted),
                    (false, Some(after), _) => {
                        let (left, right) = (self.why(left, known, wanted), self.why(right, &after, wanted));
                        match (left, right) {
                            (Some(left), Some(right)) if left != right => Some(format!("{left}; {right}")),
                            (left, right) => left.or(right),
                        }
                    }
                }
            }
            Node::Compare(_, left, right) | Node::Order(_, left, right) => {
                let sides = [left, right].into_iter().filter_map(|side| self.named(side, known));
                let sides: Vec<_> = sides.collect();
                (!sides.is_empty()).then(|| sides.join(", "))
            }
            Node::Among(item, _) | Node::In(item, _) => self.named(item, known),
            _ => self.named(node, known),
        }
    }

    /// A name, and what it can be.
    fn named(&self, node: &Node, known: &Known) -> Option<String> {
        let builder = self.builder;
        let (name, typ) = match node {
            Node::Get(place) | Node::Given(place, _) => match *place {
                Place::Fact(at) => builder.facts.get(at).map(|fact| (fact.name.clone(), fact.typ)),
                Place::LineFact(at) => {
                    let lines = builder.lines.as_ref()?;
                    lines.facts.get(at).map(|fact| (fact.name.clone(), fact.typ))
                }
                Place::Accumulator(at) => {
                    let fact = &builder.accumulators.get(at)?.fact;
                    Some((format!("acc.{}", fact.name), fact.typ))
                }
                Place::Param(at) => builder.params.get(at).map(|param| (param.name.clone(), param.typ)),
                Place::Step(_) | Place::LineStep(_) => {
                    let mut names = builder.scope.names.iter();
                    let (name, symbol) = names.find(|(_, symbol)| symbol.place == *place)?;
                    Some((name.clone(), symbol.typ?))
                }
            },
            Node::Cell { table, column, .. } => {
                let table = builder.tables.get(*table)?;
                let (column, typ) = table.columns.get(*column)?;
                Some((format!("{}.{column}", table.name), *typ))
            }
            Node::Negative(inner) => return self.named(inner, known),
            _ => None,
        }?;
        let domain = self.domain(node, known).shown(typ, &builder.scope.enums)?;
        Some(format!("{name} is {domain}"))
    }
}
