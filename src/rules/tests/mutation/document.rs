//! Every number and operator of a pack, and what each could have been mistaken for. Cases, enumerations, texts and
//! sources are left as they are.

use std::ops::Range;

use toml::de::DeTable;

use super::figures::{Step, days, digits, neighbours};
use super::formulas::{Role, changes};
use super::places::{Value, ends, list, table, tables, written};
use crate::failure::Diagnostic;
use crate::rules::pack::Pack;
use crate::rules::types::{Enumeration, Type};

/// A pack with one mistake.
pub(super) struct Mutant {
    /// What stands instead of what; several where one figure is written more than once.
    edits: Vec<(Range<usize>, String)>,
    /// The part of the pack that is changed, whatever stands around it: `step pool`, `param cap 2015-01-01`.
    pub item: String,
    /// What became what.
    pub change: String,
    pub kind: Kind,
}

/// What the loader says of a condition that decides nothing.
const REACH: [&str; 3] = ["can never hold", "always holds", "is not dormant"];

/// What was changed, which tells a mistake that the change makes from one that its form is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Date,
    Figure,
    Formula,
}

impl Mutant {
    /// The pack's text with the mistake.
    pub fn text(&self, text: &str) -> String {
        let mut edits: Vec<_> = self.edits.iter().collect();
        edits.sort_by_key(|(at, _)| at.start);
        let mut text = text.to_owned();
        for (at, with) in edits.into_iter().rev() {
            text.replace_range(at.clone(), with);
        }
        text
    }

    /// Where it begins.
    pub fn at(&self) -> usize {
        self.edits.iter().map(|(at, _)| at.start).min().unwrap_or_default()
    }

    /// Whether what the loader says of it is about its form: an empty range, a type that does not fit. Such a text is no
    /// mutant; a gap, an overlap or a row that nothing comes to is a mistake that the loader has found.
    pub fn ill_formed(&self, mistakes: &[Diagnostic]) -> bool {
        mistakes.iter().any(|mistake| match self.kind {
            Kind::Date => false,
            Kind::Figure => ["is no range", "is no condition"].iter().any(|what| mistake.message.contains(what)),
            Kind::Formula => !REACH.iter().any(|what| mistake.message.contains(what)),
        })
    }
}

/// A pack being taken apart.
pub(super) struct Document<'a> {
    pub text: &'a str,
    pub pack: &'a Pack,
    mutants: Vec<Mutant>,
}

/// Every mutant of a pack.
pub(super) fn mutants(text: &str, pack: &Pack) -> Vec<Mutant> {
    let root = DeTable::parse(text).expect("a pack that loads");
    let root = root.get_ref();
    let mut document = Document { text, pack, mutants: Vec::new() };
    document.head(root);
    document.params(root);
    document.tables(root);
    document.rules(root);
    document.posts(root);
    document.mutants
}

impl<'a> Document<'a> {
    fn head(&mut self, root: &DeTable<'a>) {
        let head = table(&root["pack"]);
        for key in ["valid_from", "valid_to"] {
            self.dates("pack", key, &[&head[key]]);
        }
        if let Some(selectors) = head.get("for") {
            for (name, values) in table(selectors) {
                self.dropped(&format!("for {}", name.get_ref()), &list(values).collect::<Vec<_>>());
            }
        }
        let pack = self.pack;
        self.facts("fact", root.get("facts"), pack.facts.iter().map(|fact| fact.typ));
        let accumulators = pack.accumulators.iter().map(|accumulator| accumulator.fact.typ);
        self.facts("accumulator", root.get("accumulators"), accumulators);
        if let (Some(lines), Some(spec)) = (root.get("lines"), &pack.lines) {
            let lines = table(lines);
            for key in ["least", "most"] {
                self.value("lines", key, &lines[key], Type::Int);
            }
            self.facts("line fact", lines.get("facts"), spec.facts.iter().map(|fact| fact.typ));
        }
    }

    fn facts(&mut self, what: &str, facts: Option<&Value<'a>>, types: impl Iterator<Item = Type>) {
        let Some(facts) = facts.map(table) else { return };
        let mut facts: Vec<_> = facts.iter().collect();
        facts.sort_by_key(|(name, _)| name.span().start);
        for ((name, fact), typ) in facts.into_iter().zip(types) {
            let (item, fact) = (format!("{what} {}", name.get_ref()), table(fact));
            if let Some(default) = fact.get("default") {
                self.value(&item, "default", default, typ);
            }
            if let Some(days) = fact.get("days") {
                self.value(&item, "days", days, Type::Int);
            }
            if let Some(range) = fact.get("range") {
                for at in ends(written(self.text, range).1) {
                    self.moved(&item, "range", &[(range, at)], Step::LastDigit);
                }
            }
        }
    }

    fn params(&mut self, root: &DeTable<'a>) {
        for (param, spec) in tables(root, "param").into_iter().zip(&self.pack.params) {
            let item = format!("param {}", spec.name);
            let versions = tables(param, "values");
            self.versions(&item, &versions);
            for version in versions {
                if let Some(value) = version.get("value") {
                    let item = format!("{item} {}", written(self.text, &version["from"]).1);
                    self.value(&item, "", value, spec.typ);
                }
            }
        }
    }

    fn rules(&mut self, root: &DeTable<'a>) {
        for key in ["line_step", "step"] {
            for step in tables(root, key) {
                let item = format!("{key} {}", written(self.text, &step["name"]).1);
                self.formula(&item, step.get("expr"), Role::Rule);
                self.formula(&format!("{item} say_when"), step.get("say_when"), Role::Rule);
                if let Some(say) = step.get("say") {
                    let (at, sentence) = written(self.text, say);
                    for (open, _) in sentence.match_indices('{') {
                        let close = open + sentence[open..].find('}').expect("a brace that is closed");
                        let at = at.start + open + 1..at.start + close;
                        self.formula_at(&format!("{item} say"), at, Role::Rule);
                    }
                }
            }
        }
        for key in ["line_guard", "guard"] {
            for guard in tables(root, key) {
                let item = format!("guard {}", written(self.text, &guard["code"]).1);
                self.formula(&item, guard.get("when"), Role::Rule);
                // Under these figures it never comes to its outcome, as the loader has proved.
                if guard.contains_key("dormant") {
                    continue;
                }
                let (at, was) = written(self.text, &guard["outcome"]);
                for other in ["warn", "refer", "deny"].into_iter().filter(|other| *other != was) {
                    self.add(&item, "", was, other, vec![(at.clone(), other.to_owned())], Kind::Figure);
                }
            }
        }
        for key in ["line_check", "check"] {
            for check in tables(root, key) {
                let item = format!("check {}", written(self.text, &check["code"]).1);
                self.formula(&item, check.get("expr"), Role::Check);
            }
        }
    }

    fn posts(&mut self, root: &DeTable<'a>) {
        for post in tables(root, "post") {
            let item = format!("post {}", written(self.text, &post["name"]).1);
            self.formula(&format!("{item} when"), post.get("when"), Role::Rule);
            for (key, other) in [("add", "set"), ("set", "add")] {
                let Some((name, value)) = post.get_key_value(key) else { continue };
                self.formula(&item, Some(value), Role::Rule);
                self.add(&item, "", key, other, vec![(name.span(), other.to_owned())], Kind::Formula);
            }
        }
    }

    fn formula(&mut self, item: &str, value: Option<&Value<'a>>, role: Role) {
        if let Some(value) = value {
            self.formula_at(item, written(self.text, value).0, role);
        }
    }

    fn formula_at(&mut self, item: &str, at: Range<usize>, role: Role) {
        for change in changes(&self.text[at.clone()], role) {
            let edit = (at.start + change.at.start..at.start + change.at.end, change.with);
            self.push(item, change.words, vec![edit], Kind::Formula);
        }
    }

    /// The dates of the versions of a parameter or table. Where a version begins a day earlier, the one before ends so.
    pub(super) fn versions(&mut self, item: &str, versions: &[&DeTable<'a>]) {
        for (number, version) in versions.iter().enumerate() {
            let before = number.checked_sub(1).and_then(|before| versions[before].get("to"));
            let from = &version["from"];
            self.dates(item, "from", &before.into_iter().chain([from]).collect::<Vec<_>>());
            if let (Some(to), None) = (version.get("to"), versions.get(number + 1)) {
                self.dates(item, "to", &[to]);
            }
        }
    }

    /// Dates moved together. What lies outside the pack's span has no meaning in it.
    fn dates(&mut self, item: &str, key: &str, values: &[&Value<'a>]) {
        let moved: Vec<_> =
            values.iter().map(|value| written(self.text, value)).map(|(at, was)| (at, days(was))).collect();
        let (_, was) = written(self.text, values[values.len() - 1]);
        for direction in 0..2 {
            let edits: Vec<_> = moved.iter().map(|(at, days)| (at.clone(), days[direction].clone())).collect();
            let became = edits[edits.len() - 1].1.clone();
            let first = self.pack.valid.0.to_string();
            let last = self.pack.valid.1.to_string();
            let outside = item != "pack"
                && ((key == "from" && was <= &first[..] && became <= first)
                    || (key == "to" && was >= &last[..] && became > last));
            if !outside {
                self.add(item, key, was, &became, edits, Kind::Date);
            }
        }
    }

    /// Each of several values of a list left out.
    fn dropped(&mut self, item: &str, values: &[&Value<'a>]) {
        for (at, value) in values.iter().enumerate() {
            let next = values.get(at + 1).map(|next| value.span().start..next.span().start);
            let last = at.checked_sub(1).map(|before| values[before].span().end..value.span().end);
            let Some(with_comma) = next.or(last) else { continue };
            let (_, was) = written(self.text, value);
            self.add(item, "", was, "nothing", vec![(with_comma, String::new())], Kind::Figure);
        }
    }

    /// A figure taken for its neighbours.
    pub(super) fn value(&mut self, item: &str, key: &str, value: &Value<'a>, typ: Type) {
        let (at, was) = written(self.text, value);
        // A cell that names a parameter has no figure of its own.
        if was.starts_with('=') {
            return;
        }
        let enums: &[Enumeration] = &self.pack.enums;
        for other in neighbours(was, typ, enums) {
            self.add(item, key, was, &other, vec![(at.clone(), other.clone())], Kind::Figure);
        }
    }

    /// One number moved in all the places where it stands, each a value and which part of its text.
    pub(super) fn moved(&mut self, item: &str, key: &str, places: &[(&Value<'a>, Range<usize>)], step: Step) {
        let text = self.text;
        let at = |value: &Value<'a>, part: &Range<usize>| {
            let (at, _) = written(text, value);
            at.start + part.start..at.start + part.end
        };
        let (value, part) = &places[0];
        let was = &text[at(value, part)];
        for other in digits(was, step) {
            let edits = places.iter().map(|(value, part)| (at(value, part), other.clone())).collect();
            self.add(item, key, was, &other, edits, Kind::Figure);
        }
    }

    pub(super) fn add(
        &mut self,
        item: &str,
        key: &str,
        was: &str,
        became: &str,
        edits: Vec<(Range<usize>, String)>,
        kind: Kind,
    ) {
        let space = if key.is_empty() { "" } else { " " };
        self.push(item, format!("{key}{space}{was} -> {became}"), edits, kind);
    }

    /// Keeps a mutant; changes of one item that read alike are numbered.
    fn push(&mut self, item: &str, change: String, edits: Vec<(Range<usize>, String)>, kind: Kind) {
        let numbered = |n: usize| if n == 1 { change.clone() } else { format!("{change} ({n})") };
        let taken = |words: &String| self.mutants.iter().any(|mutant| mutant.item == item && mutant.change == *words);
        let change = (1..).map(numbered).find(|words| !taken(words)).expect("there are always more numbers");
        self.mutants.push(Mutant { edits, item: item.to_owned(), change, kind });
    }
}
