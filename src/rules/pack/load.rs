//! Loading: the order in which the parts of a pack are read, so that each knows the names it may use.

use std::cell::{Cell, RefCell};
#[cfg(test)]
use std::collections::{BTreeMap, BTreeSet};
use std::collections::{HashMap, HashSet};

use jiff::civil::Date;
use toml::de::DeTable;

use super::cases::{Read, base_fits};
use super::header::Head;
use super::lost::lost;
use super::page::{Item, Keys, MOST_MISTAKES, Page};
use super::proof::MOST_STEPS;
use super::reach::{Choice, Site};
use super::work::MOST_WORK;
use super::{Accumulator, Fact, Lines, Pack, Param, Table};
use crate::failure::Diagnostic;
use crate::rules::decision::PackRef;
use crate::rules::expr::Scope;
use crate::rules::types::Type;

/// The largest pack, in bytes: it bounds the time that any pack can take.
pub const LARGEST: usize = 1024 * 1024;

/// How much of a file is looked at for mistakes of syntax after the first, in bytes.
const MOST_OF_SYNTAX: usize = 64 * 1024;

/// A pack half way.
pub(super) struct Builder<'a> {
    pub page: &'a Page<'a>,
    pub scope: Scope,
    /// What each name of the pack is.
    pub kinds: HashMap<String, &'static str>,
    /// The output fields that are filled, and whether they are a line's.
    pub outputs: HashSet<(bool, String)>,
    /// The codes of guards and checks.
    pub codes: RefCell<HashSet<String>>,
    /// The rows read so far.
    pub rows: Cell<usize>,
    /// What is left for proofs.
    pub proof_steps: RefCell<usize>,
    /// The pack's first and last day.
    pub span: (Date, Date),
    pub facts: Vec<Fact>,
    pub lines: Option<Lines>,
    pub accumulators: Vec<Accumulator>,
    pub params: Vec<Param>,
    pub tables: Vec<Table>,
    /// The expressions that were read.
    pub sites: RefCell<Vec<Site<'a>>>,
}

/// Loads one pack and runs its cases.
///
/// # Errors
/// Every mistake, by place.
pub(in super::super) fn load(file: &str, text: &str) -> Result<Pack, Vec<Diagnostic>> {
    read(file, text, Proofs { reach: true, cases: true })
}

/// The same without running the cases, for who wants to know which of them fail.
pub(in super::super) fn load_without_cases(file: &str, text: &str) -> Result<Pack, Vec<Diagnostic>> {
    read(file, text, Proofs { reach: true, cases: false })
}

/// The same without asking what its conditions decide either: the tests of that need what they come to.
#[cfg(test)]
pub(in super::super) fn load_unproved(file: &str, text: &str) -> Result<Pack, Vec<Diagnostic>> {
    read(file, text, Proofs { reach: false, cases: false })
}

/// The keys that the loader asks for in a pack, by the byte at which their table stands.
#[cfg(test)]
pub(in super::super) fn asked(text: &str) -> BTreeMap<usize, BTreeSet<String>> {
    let page = Page::new("pack.toml", text);
    if let Ok(table) = DeTable::parse(text) {
        build(&page, &page.root(&table), text, Proofs { reach: true, cases: false });
    }
    page.asked.take()
}

/// What is proved of a pack besides that all in it is right by itself.
#[derive(Clone, Copy)]
struct Proofs {
    /// Each condition decides something.
    reach: bool,
    /// Each case comes out as it says.
    cases: bool,
}

fn read(file: &str, text: &str, proofs: Proofs) -> Result<Pack, Vec<Diagnostic>> {
    let page = Page::new(file, text);
    if text.len() > LARGEST {
        page.mistake(0, format!("the pack is larger than {LARGEST} bytes"));
        return Err(page.mistakes());
    }
    let table = DeTable::parse(text);
    let pack = match &table {
        Ok(table) => build(&page, &page.root(table), text, proofs),
        Err(first) => {
            tell_syntax(&page, text, first);
            None
        }
    };
    match pack {
        Some(pack) if page.clean() => Ok(pack),
        _ => Err(page.mistakes()),
    }
}

/// Tells what is no TOML, from the first mistake on. A file in which every line is one is not looked at to its end: each
/// mistake takes memory, and 200 are told.
fn tell_syntax(page: &Page<'_>, text: &str, first: &toml::de::Error) {
    let begin = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
    let enough = begin(first).saturating_add(MOST_OF_SYNTAX).min(text.len());
    // At the end of a line; the bytes of a character have no line end among them.
    let end = text.as_bytes()[enough..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |more| enough + more);
    let (_, errors) = DeTable::parse_recoverable(&text[..end]);
    // What is only cut off is no mistake.
    let inside = |error: &&toml::de::Error| end == text.len() || begin(error) < end;
    let mut lines = HashSet::new();
    for error in errors.iter().filter(inside).chain([first]).take(MOST_MISTAKES) {
        let at = begin(error);
        // What follows on the same line is most often the same mistake.
        if lines.insert(text.get(..at).map_or(0, |before| before.matches('\n').count())) {
            page.mistake(at, error.message());
        }
    }
}

/// Whether the cases can be run in bounded time; tells of the first with which they cannot.
fn affordable(pack: &Pack, places: &[Item<'_>]) -> bool {
    let mut left = MOST_WORK;
    let mut of_lines = HashMap::new();
    for (place, case) in places.iter().zip(&pack.cases) {
        let work = *of_lines.entry(case.lines()).or_insert_with_key(|lines| pack.work(*lines));
        match left.checked_sub(work) {
            Some(rest) => left = rest,
            None => {
                place.mistake(format!("the cases up to here compute more than {MOST_WORK} parts of expressions"));
                return false;
            }
        }
    }
    true
}

fn run(pack: &Pack, places: &[Item<'_>]) {
    let cases = places.iter().zip(&pack.cases);
    for ((place, case), failures) in cases.zip(pack.run_cases()) {
        for failure in failures {
            place.mistake(format!("case '{}': {failure}", case.name));
        }
    }
}

fn build<'a>(page: &'a Page<'a>, root: &Keys<'a>, text: &str, proofs: Proofs) -> Option<Pack> {
    let head = Head::read(root);
    let mut builder = Builder {
        page,
        scope: Scope::default(),
        kinds: HashMap::new(),
        outputs: HashSet::new(),
        codes: RefCell::default(),
        rows: Cell::default(),
        proof_steps: RefCell::new(MOST_STEPS),
        // Without a head the span is not known, and every version is taken to cover it.
        span: head.as_ref().map_or((Date::MAX, Date::MIN), |head| head.valid),
        facts: Vec::new(),
        lines: None,
        accumulators: Vec::new(),
        params: Vec::new(),
        tables: Vec::new(),
        sites: RefCell::default(),
    };
    builder.scope.lost = lost(root);
    builder.enums(root);
    builder.facts(root);
    builder.lines(root);
    let selectors = builder.selectors(head.as_ref().and_then(|head| head.selectors.as_ref()));
    let years = builder.accumulators(root, head.as_ref().map_or("", |head| &head.scheme));
    builder.params(root, head.as_ref().is_none_or(|head| head.demo));
    builder.years(years);
    let declared = builder.declare_tables(root);
    builder.note_steps(root);
    let line = builder.part(root, true);
    let whole = builder.part(root, false);
    let posts = builder.posts(root);
    builder.tables(declared);
    let Read { cases, places, absent } = super::cases::read(page, root);
    root.end();
    let date_of = head.as_ref().and_then(|head| builder.date_of(head));
    let choice = Choice { date_of, selectors };
    if proofs.reach {
        builder.reach(&choice);
    }
    let (head, Choice { selectors, .. }) = (head?, choice);
    let date_of = date_of?;
    if !page.clean() {
        return None;
    }
    let pack = Pack {
        file: page.file().to_owned(),
        reference: PackRef { id: head.id, version: head.version, sha256: sha256(text), signed_by: None },
        title: head.title,
        scenarios: head.scenarios,
        scheme: head.scheme,
        selectors,
        valid: head.valid,
        date_of,
        demo: head.demo,
        enums: builder.scope.enums,
        texts: builder.scope.texts.into_inner(),
        facts: builder.facts,
        lines: builder.lines,
        accumulators: builder.accumulators,
        params: builder.params,
        tables: builder.tables,
        line,
        whole,
        posts,
        cases,
    };
    let fits = !proofs.cases || base_fits(page, &pack, root);
    if fits {
        absent.iter().for_each(|(item, name)| item.mistake(format!("'{name}' is not in the base")));
    }
    if affordable(&pack, &places) && proofs.cases && page.clean() {
        run(&pack, &places);
    }
    Some(pack)
}

impl<'a> Builder<'a> {
    /// The fact that is the business date.
    fn date_of(&self, head: &Head<'a>) -> Option<usize> {
        let name = head.date_of.text()?;
        let found = self.facts.iter().position(|fact| fact.name == name);
        match found.map(|at| (at, &self.facts[at])) {
            Some((at, fact)) if fact.typ == Type::Date && !fact.optional && fact.default.is_none() => return Some(at),
            Some(_) => head.date_of.mistake(format!("'{name}' is not a date that is always given")),
            // A fact whose declaration is wrong was told there.
            None => _ = self.known(head.date_of, name),
        }
        None
    }
}

fn sha256(text: &str) -> String {
    hex::encode_upper(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()))
}
