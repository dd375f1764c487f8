//! The key of an accumulator: on which scheme it counts, over what, and apart by what.

use jiff::civil::Date;

use super::Pack;
use super::load::Builder;
use super::page::{Item, Keys};
use crate::rules::shown::Lexicon;
use crate::rules::span::{Period, Span, month, window, year};
use crate::rules::types::Type;
use crate::rules::val::Val;

/// An accumulator's key but for the person and the name (settlement-facts §3.3).
#[derive(Debug)]
pub(in super::super) struct Scope {
    /// 险种: what counts on the same scheme counts together, whatever the scenario.
    pub scheme: String,
    pub span: Span,
    /// The fact it is counted apart by.
    by: Option<usize>,
    length: i32,
    since: Option<usize>,
    /// The parameter that says in which month the year begins.
    pub begins: Option<usize>,
}

/// The longest window of days.
const LONGEST: usize = 3_660;

impl Scope {
    /// The stretch that a case on `date` falls in, by what its facts and parameters are; `None` when something that it
    /// needs is not known.
    pub fn period(
        &self,
        pack: &Pack,
        date: Date,
        fact: impl Fn(usize) -> Option<Val>,
        figure: impl FnOnce(usize) -> Option<Val>,
        lexicon: Lexicon<'_>,
    ) -> Option<Period> {
        let of = match (self.span, self.since, self.begins) {
            (Span::Month, ..) => month(date),
            (Span::Days, Some(since), _) => match fact(since)? {
                Val::Date(since) => window(date, since.into(), self.length),
                // The loader takes only a date for it.
                _ => return None,
            },
            (Span::Year, _, Some(param)) => match figure(param)? {
                // The loader takes only months for it.
                Val::Num(begins) => year(date, i8::try_from(begins).ok()?),
                _ => return None,
            },
            (Span::Year, ..) => year(date, 1),
            (Span::Admission, ..) => String::new(),
            (Span::Days | Span::Disease | Span::Benefit, ..) => "-".to_owned(),
        };
        let by = match self.by {
            None => None,
            Some(at) => {
                let value = fact(at)?;
                let typ = pack.facts[at].typ;
                let json = lexicon.json(typ, value);
                Some(json.as_str().map_or_else(|| json.to_string(), str::to_owned))
            }
        };
        Some(Period { scope: self.span, of, by })
    }

    /// The facts that it needs.
    pub fn facts(&self) -> impl Iterator<Item = usize> {
        self.by.into_iter().chain(self.since)
    }
}

/// The parameter that a year begins with: where it is named, and its name.
pub(super) type Begins<'a> = (Item<'a>, &'a str);

impl<'a> Builder<'a> {
    /// Reads `scope` and what belongs to it; `scheme` is the pack's. `None` when it has a mistake, which is told.
    pub(super) fn scope(&self, keys: &Keys<'a>, scheme: &str) -> (Option<Scope>, Option<Begins<'a>>) {
        let span = keys.need("scope").and_then(|item| {
            let written = item.text()?;
            let span = Span::ALL.into_iter().find(|span| span.name() == written);
            if span.is_none() {
                item.mistake(format!("scope is one of {}", Span::ALL.map(Span::name).join(", ")));
            }
            span
        });
        let own = keys.get("scheme").map(|item| item.text());
        let by = keys.get("by").map(|item| self.fact_for(item, None));
        let days = keys.get("days").map(|item| {
            let length = item.count().and_then(|length| i32::try_from(length).ok())?;
            let fits = (1..=LONGEST).contains(&usize::try_from(length).unwrap_or(0));
            if !fits {
                item.mistake(format!("a window has 1 to {LONGEST} days"));
            }
            fits.then_some(length)
        });
        let since = keys.get("since").map(|item| self.fact_for(item, Some(Type::Date)));
        let begins = keys.get("begins");
        let Some(span) = span else { return (None, None) };
        if [days.is_some(), since.is_some()].into_iter().any(|there| there != (span == Span::Days)) {
            keys.mistake("'days' and 'since' go with the scope \"days\", and both are needed there");
            return (None, None);
        }
        if span == Span::Disease && by.is_none() {
            keys.mistake("the scope \"disease\" needs 'by', the fact that names the disease");
            return (None, None);
        }
        if let (Some(item), false) = (begins, span == Span::Year) {
            item.mistake("'begins' goes with the scope \"year\"");
            return (None, None);
        }
        let begins = begins.and_then(|item| Some((item, item.text()?)));
        let wrong = [&by, &since].into_iter().any(|given| matches!(given, Some(None)))
            || matches!(days, Some(None))
            || matches!(own, Some(None));
        let scope = (!wrong).then(|| Scope {
            scheme: own.flatten().unwrap_or(scheme).to_owned(),
            span,
            by: by.flatten(),
            length: days.flatten().unwrap_or(1),
            since: since.flatten(),
            begins: None,
        });
        (scope, begins)
    }

    /// The fact that `item` names: always given, and of a type where one is asked for.
    fn fact_for(&self, item: Item<'a>, typ: Option<Type>) -> Option<usize> {
        let name = item.text()?;
        let Some(at) = self.facts.iter().position(|fact| fact.name == name) else {
            // A fact whose declaration is wrong was told there.
            let _ = self.known(item, name);
            return None;
        };
        let fact = &self.facts[at];
        if fact.optional {
            item.mistake(format!("'{name}' may be missing, and nothing is counted by what may be missing"));
            return None;
        }
        if typ.is_some_and(|typ| typ != fact.typ) {
            item.mistake(format!("'{name}' is not a date"));
            return None;
        }
        Some(at)
    }

    /// Finds the parameter in which month a year begins, for each accumulator that names one.
    pub(super) fn years(&mut self, begins: Vec<(usize, Item<'a>, &'a str)>) {
        for (accumulator, item, name) in begins {
            let Some(at) = self.params.iter().position(|param| param.name == name) else {
                if self.known(item, name).is_some() && self.kinds.get(name).is_some_and(|kind| *kind != "a parameter") {
                    item.mistake(format!("'{name}' is not a parameter"));
                }
                continue;
            };
            let param = &self.params[at];
            let month = |value: &Option<Val>| matches!(value, None | Some(Val::Num(1..=12)));
            if param.typ != Type::Int || !param.figures.all().all(|(_, figure)| month(&figure.value)) {
                item.mistake(format!("'{name}' is not a month from 1 to 12, of type int"));
                continue;
            }
            self.accumulators[accumulator].scope.begins = Some(at);
        }
    }
}
