//! What an expression can come to, by what its names can be.

use std::cell::RefCell;
use std::collections::HashMap;

use super::Choice;
use super::domain::{Domain, NUMBERS, day, month};
use super::ends::{Extreme, product, rounded, sum};
use crate::rules::expr::{Comparison, Node, Place};
use crate::rules::pack::load::Builder;
use crate::rules::val::Val;

/// What is known of some names in a branch, besides what holds everywhere. Of more names than a few nothing is noted,
/// which bounds the work.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(pub Vec<(Place, Domain)>);

const MOST_KNOWN: usize = 8;

/// What is known where a condition holds, and where it does not; `None` where it never comes to that.
pub(super) struct Split {
    pub yes: Option<Known>,
    pub no: Option<Known>,
}

/// How much of a pack can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    /// It has mistakes, and some places may be another's. The facts alone are sure.
    Facts,
    /// All but its figures: a parameter or a column is any value of its type.
    Ranges,
    /// The figures as well.
    Figures,
}

/// What the names of a pack can be.
pub(super) struct Judge<'b, 'a> {
    pub builder: &'b Builder<'a>,
    /// What chooses the pack.
    pub choice: &'b Choice,
    pub trust: Trust,
    pub line_steps: Vec<Domain>,
    pub steps: Vec<Domain>,
    /// Of each table's column that was asked for.
    pub columns: RefCell<HashMap<(usize, usize), Domain>>,
}

impl Known {
    /// The same, with less for one name; `None` when there is nothing left for it.
    fn with(mut self, place: Place, domain: Option<Domain>) -> Option<Self> {
        let domain = domain?;
        if let Some((_, known)) = self.0.iter_mut().find(|(known, _)| *known == place) {
            *known = domain;
        } else if self.0.len() < MOST_KNOWN {
            self.0.push((place, domain));
        }
        Some(self)
    }

    /// What holds in both.
    fn or(self, other: &Self) -> Self {
        let both = self.0.into_iter().filter_map(|(place, domain)| {
            let (_, beside) = other.0.iter().find(|(known, _)| *known == place)?;
            Some((place, domain.or(beside.clone())))
        });
        Self(both.collect())
    }
}

impl<'b, 'a> Judge<'b, 'a> {
    pub fn new(builder: &'b Builder<'a>, choice: &'b Choice, trust: Trust) -> Self {
        let (line_steps, steps, columns) = (Vec::new(), Vec::new(), RefCell::default());
        Self { builder, choice, trust, line_steps, steps, columns }
    }

    /// Where a condition holds and where not.
    pub fn split(&self, node: &Node, known: &Known) -> Split {
        match node {
            Node::And(left, right) => {
                let left = self.split(left, known);
                let right = left.yes.as_ref().map(|known| self.split(right, known));
                let (yes, no) = right.map_or((None, None), |right| (right.yes, right.no));
                Split { yes, no: either(left.no, no) }
            }
            Node::Or(left, right) => {
                let left = self.split(left, known);
                let right = left.no.as_ref().map(|known| self.split(right, known));
                let (yes, no) = right.map_or((None, None), |right| (right.yes, right.no));
                Split { yes: either(left.yes, yes), no }
            }
            Node::Not(inner) => {
                let Split { yes, no } = self.split(inner, known);
                Split { yes: no, no: yes }
            }
            Node::Compare(comparison, left, right) | Node::Order(comparison, left, right) => Split {
                yes: self.compared(*comparison, left, right, known),
                no: self.compared(comparison.opposite(), left, right, known),
            },
            Node::If(condition, yes, no) => {
                let condition = self.split(condition, known);
                let of = |known: Option<Known>, node| {
                    let known = known?;
                    Some(self.split(node, &known))
                };
                match (of(condition.yes, yes), of(condition.no, no)) {
                    (Some(one), Some(other)) => Split { yes: either(one.yes, other.yes), no: either(one.no, other.no) },
                    (one, other) => {
                        one.or(other).unwrap_or(Split { yes: Some(known.clone()), no: Some(known.clone()) })
                    }
                }
            }
            Node::Among(item, list) => {
                let list = list.iter().map(|n| Domain::one(Val::Num(*n)));
                self.listed(item, list, known)
            }
            Node::In(item, list) => self.listed(item, list.iter().map(|value| Domain::one(*value)), known),
            Node::Get(place) => {
                let of = |truth| known.clone().with(*place, self.get(*place, known).and(&Domain::truth(truth)));
                Split { yes: of(true), no: of(false) }
            }
            _ => {
                let domain = self.domain(node, known);
                let of = |truth| domain.can_be(truth).then(|| known.clone());
                Split { yes: of(true), no: of(false) }
            }
        }
    }

    /// What is known where a comparison holds; `None` when it cannot.
    fn compared(&self, comparison: Comparison, left: &Node, right: &Node, known: &Known) -> Option<Known> {
        let (one, other) = (self.domain(left, known), self.domain(right, known));
        let narrower = one.clone().such_that(comparison, &other);
        let also = other.such_that(comparison.turned(), &one);
        let (narrower, also) = (narrower?, also?);
        let mut known = known.clone();
        for (node, domain) in [(left, narrower), (right, also)] {
            if let Node::Get(place) = node {
                known = known.with(*place, Some(domain))?;
            }
        }
        Some(known)
    }

    /// Whether an item is one of a list.
    fn listed(&self, item: &Node, mut list: impl Iterator<Item = Domain> + Clone, known: &Known) -> Split {
        let domain = self.domain(item, known);
        let inside = list.clone().filter_map(|value| domain.clone().and(&value)).reduce(Domain::or);
        let outside = list.try_fold(domain.clone(), |left, value| left.such_that(Comparison::Unequal, &value));
        let of = |domain: Option<Domain>| match item {
            Node::Get(place) => known.clone().with(*place, domain),
            _ => domain.map(|_| known.clone()),
        };
        Split { yes: of(inside), no: of(outside) }
    }

    /// What `node` can come to.
    pub fn domain(&self, node: &Node, known: &Known) -> Domain {
        let ends = |node: &Node| self.domain(node, known).ends();
        match node {
            Node::Const(value) => Domain::one(*value),
            Node::Get(place) => self.get(*place, known),
            Node::Given(place, other) => self.get(*place, known).or(self.domain(other, known)),
            Node::Cell { table, column, .. } => self.column(*table, *column),
            Node::If(condition, yes, no) => {
                let condition = self.split(condition, known);
                let of = |known: Option<Known>, node| Some(self.domain(node, &known?));
                match (of(condition.yes, yes), of(condition.no, no)) {
                    (Some(one), Some(other)) => one.or(other),
                    (one, other) => one.or(other).unwrap_or(Domain::Any),
                }
            }
            Node::Negative(inner) => {
                let (low, high) = ends(inner);
                Domain::Between(high.map(|n| -n), low.map(|n| -n))
            }
            Node::Plus(left, right) => sum(ends(left), ends(right)),
            Node::Minus(left, right) => {
                let (low, high) = ends(right);
                sum(ends(left), (high.map(|n| -n), low.map(|n| -n)))
            }
            Node::Times(left, right, factor) => product(ends(left), ends(right), (*factor).into()),
            Node::Round(round, of) => rounded(ends(of), round.by.into(), round.unit.into()),
            Node::Min(items) => self.extreme(items, known, Extreme::Least),
            Node::Max(items) => self.extreme(items, known, Extreme::Greatest),
            Node::Clamp(three) => {
                let [value, least, most] = &**three;
                let (value, least, most) = (ends(value), ends(least), ends(most));
                let raised = (Extreme::Greatest.low(value.0, least.0), Extreme::Greatest.high(value.1, least.1));
                Domain::Between(Extreme::Least.low(raised.0, most.0), Extreme::Least.high(raised.1, most.1))
            }
            Node::Sum(place) => self.sum(*place),
            Node::Since(_) | Node::MonthOf(_) | Node::AddMonths(..) | Node::MonthsBetween(..) => {
                self.calendar(node, known)
            }
            Node::DayOf(_) => Domain::Between(Some(1), Some(31)),
            Node::DaysBetween(from, to) => {
                let (low, high) = ends(from);
                sum(ends(to), (high.map(|n| -n), low.map(|n| -n)))
            }
            Node::Has(_) | Node::Distinct(_) | Node::AmongList(..) | Node::InList(..) => Domain::truths(true, true),
            Node::Count(_) => Domain::Between(Some(0), None),
            Node::Bands { .. } => NUMBERS,
            Node::And(..)
            | Node::Or(..)
            | Node::Not(_)
            | Node::Compare(..)
            | Node::Order(..)
            | Node::Among(..)
            | Node::In(..) => {
                let Split { yes, no } = self.split(node, known);
                Domain::truths(yes.is_some(), no.is_some())
            }
        }
    }

    fn calendar(&self, node: &Node, known: &Known) -> Domain {
        let ends = |node: &Node| self.domain(node, known).ends();
        match node {
            Node::MonthsBetween(from, to) => {
                let (low, high) = ends(from);
                sum(ends(to), (high.map(|n| -n), low.map(|n| -n)))
            }
            Node::AddMonths(of, count) => sum(ends(of), ends(count)),
            Node::MonthOf(date) => {
                let (low, high) = ends(date);
                Domain::Between(low.and_then(month), high.and_then(month))
            }
            Node::Since(param) => {
                let from = self.builder.params.get(*param).map(|param| param.figures.all().map(|(from, _)| day(from)));
                let days: Vec<_> = from.into_iter().flatten().collect();
                Domain::Between(days.iter().min().copied(), days.iter().max().copied())
            }
            _ => NUMBERS,
        }
    }

    fn extreme(&self, items: &[Node], known: &Known, extreme: Extreme) -> Domain {
        let ends = items.iter().map(|item| self.domain(item, known).ends());
        let found = ends.reduce(|one, other| (extreme.low(one.0, other.0), extreme.high(one.1, other.1)));
        found.map_or(NUMBERS, |(low, high)| Domain::Between(low, high))
    }

    /// Over all lines, of which there are at least so many and at most so many.
    fn sum(&self, place: Place) -> Domain {
        let Some(lines) = &self.builder.lines else { return NUMBERS };
        let (low, high) = self.get(place, &Known::default()).ends();
        let (least, most) = (lines.least as i128, lines.most as i128);
        let low = low.and_then(|n| n.checked_mul(if n >= 0 { least } else { most }));
        let high = high.and_then(|n| n.checked_mul(if n >= 0 { most } else { least }));
        Domain::Between(low, high)
    }
}

/// What is known where one or the other holds.
fn either(one: Option<Known>, other: Option<Known>) -> Option<Known> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.or(&other)),
        (one, other) => one.or(other),
    }
}
