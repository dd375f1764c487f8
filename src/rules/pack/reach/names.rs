//! What each name of a pack can be.

use super::domain::{Domain, day};
use super::ends::sum;
use super::judge::{Judge, Known, Trust};
use crate::rules::expr::Place;
use crate::rules::pack::load::Builder;
use crate::rules::pack::{Fact, Hit, Out, Param, Row, Rows};
use crate::rules::val::Val;

impl Judge<'_, '_> {
    /// What a name can be.
    pub(super) fn get(&self, place: Place, known: &Known) -> Domain {
        if let Some((_, domain)) = known.0.iter().find(|(known, _)| *known == place) {
            return domain.clone();
        }
        let found = match place {
            Place::Fact(at) => self.fact(at),
            Place::LineFact(at) => {
                let fact = self.builder.lines.as_ref().and_then(|lines| lines.facts.get(at));
                fact.map(|fact| of_fact(fact, self.builder))
            }
            Place::Accumulator(at) if self.trust > Trust::Facts => {
                self.builder.accumulators.get(at).map(|accumulator| of_fact(&accumulator.fact, self.builder))
            }
            Place::Accumulator(_) => None,
            Place::LineStep(at) => self.line_steps.get(at).cloned(),
            Place::Step(at) => self.steps.get(at).cloned(),
            Place::Param(at) => self.builder.params.get(at).map(|param| self.param(param)),
        };
        found.unwrap_or(Domain::Any)
    }

    /// A fact is what its range or its type says; the business date is in the pack's span, and what chooses the pack is
    /// what it is chosen by.
    fn fact(&self, at: usize) -> Option<Domain> {
        let domain = of_fact(self.builder.facts.get(at)?, self.builder);
        if self.trust == Trust::Facts {
            return Some(domain);
        }
        let (from, to) = self.builder.span;
        let narrower = match self.choice.selectors.iter().find(|selector| selector.fact == at) {
            _ if self.choice.date_of == Some(at) => Some(Domain::Between(Some(day(from)), Some(day(to)))),
            Some(selector) => selector.values.iter().map(|value| Domain::one(*value)).reduce(Domain::or),
            None => None,
        };
        Some(narrower.and_then(|narrower| domain.clone().and(&narrower)).unwrap_or(domain))
    }

    fn param(&self, param: &Param) -> Domain {
        let any = Domain::of(param.typ, &self.builder.scope.enums);
        if self.trust < Trust::Figures {
            return any;
        }
        let (from, to) = self.builder.span;
        let figures: Vec<_> = param.figures.all().collect();
        let in_force = figures.iter().enumerate().filter(|(at, (begin, _))| {
            let next = figures.get(at + 1).map(|(next, _)| *next);
            *begin <= to && next.is_none_or(|next| next > from)
        });
        let domains = in_force.map(|(_, (_, figure))| match figure.value {
            Some(value) if figure.origin.confirmed() => Domain::one(value),
            // A case may give it any.
            _ => any.clone(),
        });
        domains.reduce(Domain::or).unwrap_or(any.clone())
    }

    /// What a column of a table can give.
    pub(super) fn column(&self, table: usize, column: usize) -> Domain {
        let Some(spec) = self.builder.tables.get(table).filter(|_| self.trust > Trust::Facts) else {
            return Domain::Any;
        };
        let Some((_, typ)) = spec.columns.get(column) else { return Domain::Any };
        match spec.hit {
            Hit::List => return Domain::Any,
            _ if self.trust < Trust::Figures => return Domain::of(*typ, &self.builder.scope.enums),
            _ => {}
        }
        let figure = |row: &Row| match row.out[column] {
            Out::Value(value) => Domain::one(value),
            Out::Param(param) => self.builder.params.get(param).map_or(Domain::Any, |param| self.param(param)),
        };
        let of = |version: &Rows| {
            let figures = version.rows.iter().map(figure);
            match spec.hit {
                // Of the rows any may apply, or none.
                Hit::Sum => Some(figures.fold(Domain::one(Val::Num(0)), |all, one| {
                    let (low, high) = one.ends();
                    sum(all.ends(), (low.map(|n| n.min(0)), high.map(|n| n.max(0))))
                })),
                _ => figures.reduce(Domain::or),
            }
        };
        let figures = || {
            let versions = spec.versions.all().filter_map(|(_, version)| of(version));
            versions.reduce(Domain::or).unwrap_or(Domain::Any)
        };
        self.columns.borrow_mut().entry((table, column)).or_insert_with(figures).clone()
    }
}

fn of_fact(fact: &Fact, builder: &Builder<'_>) -> Domain {
    if fact.typ.number() { Domain::range(fact.range.as_ref()) } else { Domain::of(fact.typ, &builder.scope.enums) }
}
