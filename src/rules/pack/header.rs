//! The head of a pack: what it is, its enumerations, facts, lines and accumulators.

use jiff::civil::Date;

use super::load::Builder;
use super::page::{Item, Keys};
use super::range::Range;
use super::{Accumulator, Fact, Lines};
use crate::rules::expr::{Place, RESERVED, Symbol};
use crate::rules::types::{Enumeration, Type};
use crate::rules::val::Val;

/// What `[pack]` says.
pub(super) struct Head<'a> {
    pub id: String,
    pub version: String,
    pub title: String,
    pub scenarios: Vec<String>,
    /// 险种 that its accumulators count on.
    pub scheme: String,
    /// What chooses it beside the date.
    pub selectors: Option<Keys<'a>>,
    pub valid: (Date, Date),
    /// The name of the fact that is the business date.
    pub date_of: Item<'a>,
    pub demo: bool,
}

/// The most of anything that a pack lists: facts, steps, enumerated values.
pub(super) const MOST: usize = 500;
/// The most lines a pack may allow a bill.
const MOST_LINES: usize = 2_000;

impl<'a> Head<'a> {
    /// Reads `[pack]`.
    pub fn read(root: &Keys<'a>) -> Option<Self> {
        let keys = root.need("pack")?.keys()?;
        let text = |name| keys.need(name).and_then(|item| Some((item, item.text()?)));
        let named = |name| {
            let (item, said): (Item<'a>, &str) = text(name)?;
            if said.trim().is_empty() {
                item.mistake(format!("'{name}' is empty"));
            }
            Some(said)
        };
        let (id, version, title) = (named("id"), named("version"), named("title"));
        let scenarios = keys.need("scenarios").and_then(|item| item.texts());
        if let Some([]) = scenarios.as_deref() {
            keys.mistake("a pack is for one scenario at least");
        }
        let scheme = keys.get("scheme").map(|item| item.text());
        let selectors = keys.get("for").map(|item| item.keys());
        let date = |name| keys.need(name).and_then(|item| Some((item, item.date()?)));
        let (from, to) = (date("valid_from"), date("valid_to"));
        let date_of = text("date_of");
        let demo = text("status").and_then(|(item, status)| match status {
            "demo" => Some(true),
            "official" => Some(false),
            _ => {
                item.mistake("status is \"demo\" or \"official\"");
                None
            }
        });
        keys.end();
        let ((_, from), (place, to)) = (from?, to?);
        if to < from {
            place.mistake("the pack ends before it begins");
            return None;
        }
        let scenarios: Vec<_> = scenarios?.into_iter().map(|(_, name)| name.to_owned()).collect();
        let scheme = match scheme {
            None => scenarios.first()?.clone(),
            Some(scheme) => scheme?.to_owned(),
        };
        let selectors = match selectors {
            None => None,
            Some(selectors) => Some(selectors?),
        };
        Some(Self {
            id: id?.to_owned(),
            version: version?.to_owned(),
            title: title?.to_owned(),
            scenarios,
            scheme,
            selectors,
            valid: (from, to),
            date_of: date_of?.0,
            demo: demo?,
        })
    }
}

impl<'a> Builder<'a> {
    /// Reads `[enums]`.
    pub(super) fn enums(&mut self, root: &Keys<'a>) {
        let Some(keys) = root.get("enums").and_then(|item| item.keys()) else { return };
        for (name, at, item) in keys.all() {
            if Type::named(name, &[]).is_some() {
                self.page.mistake(at, format!("'{name}' is a type already"));
            }
            let values = item.keys().map(|values| values.all());
            if values.as_ref().is_some_and(|values| values.is_empty() || values.len() > MOST) {
                item.mistake(format!("an enumeration has 1 to {MOST} values"));
            }
            // A value whose label is wrong is one all the same.
            let values = values.into_iter().flatten();
            let values = values.map(|(value, _, label)| (value.to_owned(), label.text().unwrap_or(value).to_owned()));
            self.scope.enums.push(Enumeration { name: name.to_owned(), values: values.collect() });
        }
    }

    /// Reads `[facts]`.
    pub(super) fn facts(&mut self, root: &Keys<'a>) {
        let Some(keys) = root.need("facts").and_then(|item| item.keys()) else { return };
        self.facts = self.fact_list(&keys, "a fact", Place::Fact);
    }

    /// Reads `[lines]`.
    pub(super) fn lines(&mut self, root: &Keys<'a>) {
        let Some(keys) = root.get("lines").and_then(|item| item.keys()) else { return };
        let least = keys.need("least").and_then(|item| item.count());
        let most = keys.need("most").and_then(|item| {
            let most = item.count()?;
            if most > MOST_LINES {
                item.mistake(format!("a bill has at most {MOST_LINES} lines"));
            }
            Some(most)
        });
        let key = keys.need("key").and_then(|item| Some((item, item.text()?)));
        let facts = keys.need("facts").and_then(|item| item.keys());
        let facts = facts.map(|facts| self.fact_list(&facts, "a line's fact", Place::LineFact));
        keys.end();
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            keys.mistake(format!("a bill has at least {least} lines and at most {most}"));
        }
        let (Some(least), Some(most), Some((place, key)), Some(facts)) = (least, most, key, facts) else { return };
        match facts.iter().position(|fact| fact.name == key && !fact.optional) {
            Some(key) => self.lines = Some(Lines { least, most, key, facts }),
            // A fact whose declaration is wrong was told there.
            None if self.scope.names.get(key).is_some_and(|symbol| symbol.place.of_line() && symbol.typ.is_none()) => {}
            None => place.mistake(format!("'{key}' is no fact of a line that is always there")),
        }
    }

    /// Reads `[accumulators]`, which count on `scheme` where they do not say otherwise. Gives for each that names a
    /// parameter as the beginning of its year that name: parameters are not known yet.
    pub(super) fn accumulators(&mut self, root: &Keys<'a>, scheme: &str) -> Vec<(usize, Item<'a>, &'a str)> {
        let mut years = Vec::new();
        let Some(keys) = root.get("accumulators").and_then(|item| item.keys()) else { return years };
        for (name, at, item) in keys.all() {
            let Some(keys) = item.keys() else { continue };
            let (scope, begins) = self.scope(&keys, scheme);
            let fact = self.fact(name, &keys);
            keys.end();
            self.identifier(name, at);
            let place = Place::Accumulator(self.accumulators.len());
            let optional = fact.as_ref().is_some_and(|fact| fact.optional);
            let typ = fact.as_ref().map(|fact| fact.typ);
            self.scope.accumulators.insert(name.to_owned(), Symbol { typ, place, optional });
            if let (Some(fact), Some(scope)) = (fact, scope) {
                years.extend(begins.map(|(item, name)| (self.accumulators.len(), item, name)));
                self.accumulators.push(Accumulator { fact, scope });
            }
        }
        years
    }

    fn fact_list(&mut self, keys: &Keys<'a>, what: &'static str, place: fn(usize) -> Place) -> Vec<Fact> {
        let mut facts = Vec::new();
        let all = keys.all();
        if all.len() > MOST {
            keys.mistake(format!("more than {MOST} facts"));
        }
        for (name, at, item) in all {
            let fact = item.keys().and_then(|keys| {
                let fact = self.fact(name, &keys);
                keys.end();
                fact
            });
            let optional = fact.as_ref().is_some_and(|fact| fact.optional);
            let symbol = Symbol { typ: fact.as_ref().map(|fact| fact.typ), place: place(facts.len()), optional };
            self.declare(name, at, what, symbol);
            facts.extend(fact);
        }
        facts
    }

    /// The part that facts and accumulators share.
    fn fact(&self, name: &str, keys: &Keys<'a>) -> Option<Fact> {
        let typ = keys.need("type").and_then(|item| self.typ(item));
        let label = keys.get("label").map_or(Some(name), |item| item.text());
        let optional = keys.get("optional").map_or(Some(false), |item| item.bool());
        let default_item = keys.get("default");
        let range_item = keys.get("range");
        let typ = typ?;
        let default = match default_item {
            None => None,
            Some(item) => Some(self.value(item, typ)?),
        };
        if default.is_some() && optional == Some(true) {
            keys.mistake(format!("'{name}' has a default, so it is never missing: leave 'optional' out"));
        }
        let (range, range_text) = match range_item {
            None => unsaid_range(typ),
            Some(item) => {
                let text = item.text()?;
                let range = if typ.number() { Range::parse(text, typ) } else { None };
                if range.is_none() {
                    item.mistake(format!("'{text}' is no range of {}", typ.name(&self.scope.enums)));
                }
                (range, text.to_owned())
            }
        };
        if let (Some(range), Some(Val::Num(n)), Some(item)) = (&range, &default, default_item)
            && !range.has((*n).into())
        {
            item.mistake(format!("the default of '{name}' is not in its range, {range_text}"));
        }
        Some(Fact {
            name: name.to_owned(),
            label: label?.to_owned(),
            typ,
            optional: optional?,
            default,
            range,
            range_text,
        })
    }

    /// The type that `item` names.
    pub(super) fn typ(&self, item: Item<'a>) -> Option<Type> {
        let name = item.text()?;
        match Type::named(name, &self.scope.enums) {
            // An enumeration without values was told where it stands.
            Some(Type::Enum(at)) if self.scope.enums[at].values.is_empty() => None,
            None if !self.scope.lost.types => {
                item.mistake(format!("unknown type '{name}'"));
                None
            }
            typ => typ,
        }
    }

    /// A value of type `typ`.
    pub(super) fn value(&self, item: Item<'a>, typ: Type) -> Option<Val> {
        let value = item.data().and_then(|text| self.scope.value(typ, &text));
        if value.is_none() {
            item.mistake(format!("{} is wanted here", typ.expected(&self.scope.enums)));
        }
        value
    }

    /// Makes a name known to expressions; tells when it is taken.
    pub(super) fn declare(&mut self, name: &str, at: usize, what: &'static str, symbol: Symbol) {
        if !self.identifier(name, at) {
            return;
        }
        if let Some(other) = self.kinds.get(name) {
            self.page.mistake(at, format!("'{name}' is {other} already"));
            return;
        }
        self.kinds.insert(name.to_owned(), what);
        self.scope.names.insert(name.to_owned(), symbol);
    }

    /// Whether `name` can be a name; tells when not.
    pub(super) fn identifier(&self, name: &str, at: usize) -> bool {
        let good = is_name(name);
        if !good {
            self.page.mistake(at, format!("'{name}' cannot be a name"));
        }
        good
    }
}

/// Whether an expression can name something so.
pub(super) fn is_name(name: &str) -> bool {
    let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    letters && name.starts_with(|c: char| !c.is_ascii_digit()) && !RESERVED.contains(&name)
}

/// Where a pack says nothing, numbers are not negative, and amounts fit the national field 16,2.
fn unsaid_range(typ: Type) -> (Option<Range>, String) {
    let most: i128 = match typ {
        Type::Money | Type::Price | Type::Quantity => 10_i128.pow(16),
        Type::Rate => 1_000_001,
        Type::Int | Type::Days => 1_000_000_001,
        _ => return (None, String::new()),
    };
    (Some(Range { low: Some(0), high: Some(most) }), format!("from 0 to {}", typ.shown_number(most - 1)))
}
