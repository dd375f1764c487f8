//! The cases of a pack: inputs and what must come of them. They run when the pack is loaded.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::page::{Item, Keys, Page};
use super::wanted::Wanted;
use super::{Chosen, Pack};
use crate::rules::decision::Decision;
use crate::rules::given::one;
use crate::rules::input::{Input, InputError};
use crate::rules::replay::asked;
use crate::rules::run::Run;
use crate::rules::texts::CaseTexts;

/// A case.
#[derive(Debug, Clone)]
pub(in super::super) struct Case {
    pub name: String,
    given: Given,
    wanted: Wanted,
}

/// What a case starts from.
#[derive(Debug, Clone, Default, PartialEq)]
struct Given {
    input: Input,
    /// Figures for the test alone, for parameters that no source gives.
    figures: HashMap<String, String>,
}

/// The most cases of a pack, and lines and values in all of them: they run at every load, and each has its own of what
/// the base gives.
const MOST: usize = 200;
const MOST_LINES: usize = 5_000;
const MOST_VALUES: usize = 200_000;

/// The cases as they stand in the file.
#[derive(Default)]
pub(super) struct Read<'a> {
    pub cases: Vec<Case>,
    /// Where the name of each stands.
    pub places: Vec<Item<'a>>,
    /// What a case takes away and the base has not. Where the base is wrong, it may follow from that.
    pub absent: Vec<(Item<'a>, &'a str)>,
}

/// Reads `[case_base]` and every `[[case]]`.
pub(super) fn read<'a>(page: &Page<'a>, root: &Keys<'a>) -> Read<'a> {
    let mut absent = Vec::new();
    let base = match root.get("case_base") {
        None => Some(Given::default()),
        Some(item) => item.keys().and_then(|keys| {
            let base = given(&keys, Some(&Given::default()), &mut absent);
            keys.end();
            base
        }),
    };
    let cases = root.tables("case");
    if let Some(first) = cases.get(MOST) {
        first.mistake(format!("more than {MOST} cases"));
    }
    let mut read = Read::default();
    let (mut lines, mut values) = (0, 0);
    for keys in cases.iter().take(MOST) {
        let case = case(keys, base.as_ref(), &mut absent);
        keys.end();
        let Some((place, case)) = case else { continue };
        lines += case.lines();
        values += case.given.values();
        for (count, most, what) in [(lines, MOST_LINES, "lines"), (values, MOST_VALUES, "values")] {
            if count > most {
                place.mistake(format!("the cases up to here have more than {most} {what}"));
                return Read::default();
            }
        }
        read.cases.push(case);
        read.places.push(place);
    }
    // What a mistake leaves half read is not run.
    if page.clean() { Read { absent, ..read } } else { Read::default() }
}

/// Whether a pack can read what its cases start from; tells what it cannot, once and not with each case.
pub(super) fn base_fits(page: &Page<'_>, pack: &Pack, root: &Keys<'_>) -> bool {
    let Some(base) = root.peek_table("case_base") else { return true };
    let accumulators: Vec<_> = pack.accumulators.iter().map(|accumulator| &accumulator.fact).collect();
    let (facts, of_lines): (Vec<_>, Vec<_>) = (pack.facts.iter().collect(), pack.line_facts().iter().collect());
    let mut parts = vec![("facts".to_owned(), base.peek_table("facts"), &facts)];
    parts.push(("accumulators".to_owned(), base.peek_table("accumulators"), &accumulators));
    for (at, line) in base.peek_tables("lines").into_iter().enumerate() {
        parts.push((format!("lines[{}]", at + 1), Some(line), &of_lines));
    }
    let mut fits = true;
    let mut tell = |place: usize, what: String| {
        page.mistake(place, what);
        fits = false;
    };
    let mut texts = CaseTexts::new(&pack.texts);
    for (part, keys, specs) in &parts {
        for (name, at, item) in keys.iter().flat_map(Keys::all) {
            let place = || format!("{part}.{name}");
            let Some(spec) = specs.iter().find(|spec| spec.name == name) else {
                tell(at, InputError::Unknown { item: place() }.to_string());
                continue;
            };
            if let Err(wrong) = one(spec, item.json().as_ref(), &pack.enums, &mut texts, place) {
                tell(item.at, wrong.to_string());
            }
        }
    }
    for (name, at, item) in base.peek_table("figures").iter().flat_map(Keys::all) {
        if let Some(Err(what)) = item.data().map(|text| figure(pack, name, &text)) {
            tell(at, what);
        }
    }
    fits
}

/// The parameter that a test gives a figure.
///
/// # Errors
/// Why it cannot.
fn figure(pack: &Pack, name: &str, text: &str) -> Result<usize, String> {
    let at = pack.params.iter().position(|param| param.name == name);
    let at = at.ok_or_else(|| format!("unknown param '{name}'"))?;
    let param = &pack.params[at];
    if param.figures.all().all(|(_, figure)| figure.origin.confirmed()) {
        return Err(format!("param {name} has its own figures: a case gives none"));
    }
    if !param.typ.reads(text, &pack.enums) {
        return Err(format!("param {name}: {} is wanted", param.typ.expected(&pack.enums)));
    }
    Ok(at)
}

fn case<'a>(keys: &Keys<'a>, base: Option<&Given>, absent: &mut Vec<(Item<'a>, &'a str)>) -> Option<(Item<'a>, Case)> {
    let name = keys.need("name").and_then(|item| Some((item, item.text()?)));
    let given = given(keys, base, absent);
    let wanted = Wanted::read(keys);
    let (place, name) = name?;
    Some((place, Case { name: name.to_owned(), given: given?, wanted: wanted? }))
}

/// `facts`, `lines`, `accumulators` and `figures` on top of those of `base`; lines replace all of them. `None` when
/// something cannot be read, in the base or here.
fn given<'a>(keys: &Keys<'a>, base: Option<&Given>, absent: &mut Vec<(Item<'a>, &'a str)>) -> Option<Given> {
    // Each key is taken, whatever is wrong with the others.
    let map = |key| keys.get(key).map_or(Some(Map::new()), |item| item.json_map());
    let (facts, accumulators, lines) = (map("facts"), map("accumulators"), lines(keys, "lines"));
    let own = keys.get("figures").and_then(|item| item.keys()).map(|figures| figures.all()).unwrap_or_default();
    let own: Vec<_> = own.into_iter().filter_map(|(name, _, item)| Some((name.to_owned(), item.written()?))).collect();
    let without = keys.get("without").and_then(|item| item.texts()).unwrap_or_default();
    let Given { input: base, figures } = base?;
    let mut figures = figures.clone();
    let mut input = Input {
        facts: base.facts.clone(),
        // Those of a base may be many, and are taken only where they are not replaced.
        lines: lines?.unwrap_or_else(|| base.lines.clone()),
        accumulators: base.accumulators.clone(),
    };
    input.facts.extend(facts?);
    input.accumulators.extend(accumulators?);
    figures.extend(own);
    for (item, name) in without {
        let given = input.facts.remove(name).or_else(|| input.accumulators.remove(name));
        if given.is_none() && figures.remove(name).is_none() {
            absent.push((item, name));
        }
    }
    Some(Given { input, figures })
}

/// The list of tables at `key`: `Some(None)` when it is left out, `None` when it is wrong.
#[allow(clippy::option_option, reason = "left out and wrong are two things")]
pub(super) fn lines(keys: &Keys<'_>, key: &str) -> Option<Option<Vec<Map<String, Value>>>> {
    let Some(item) = keys.get(key) else { return Some(None) };
    item.list()?.into_iter().map(|line| line.json_map()).collect::<Option<Vec<_>>>().map(Some)
}

impl Given {
    /// How many values it has, each line counted as one more.
    fn values(&self) -> usize {
        let Self { input: Input { facts, lines, accumulators }, figures } = self;
        let of_lines: usize = lines.iter().map(|line| 1 + line.len()).sum();
        facts.len() + accumulators.len() + figures.len() + of_lines
    }
}

impl Pack {
    /// Runs its cases in turn, each with what differs from what it wants.
    pub fn run_cases(&self) -> impl Iterator<Item = Vec<String>> {
        let mut run = Run::new(self);
        self.cases.iter().map(move |case| case.run_at(&mut run))
    }
}

impl Case {
    /// How many lines it has.
    pub fn lines(&self) -> usize {
        self.given.input.lines.len()
    }

    /// What differs from what the case wants; nothing when it passes.
    pub fn run(&self, pack: &Pack) -> Vec<String> {
        self.run_at(&mut Run::new(pack))
    }

    /// [`run`](Self::run), by who has a pack's cases at hand one after the other.
    pub fn run_at(&self, run: &mut Run<'_>) -> Vec<String> {
        let pack = run.pack;
        let mut figures = Vec::new();
        for (name, text) in &self.given.figures {
            match figure(pack, name, text) {
                Ok(at) => figures.push((at, text.as_str())),
                Err(what) => return vec![what],
            }
        }
        let scenario = &pack.scenarios[0];
        let decided = decide(run, scenario, &self.given.input, &figures, self.wanted.asks_for_record());
        self.wanted.differences(run, decided)
    }

    /// What comes of it by a pack that may be another than its own: that is told what it asks for, and given the case's
    /// figures for those of its parameters that no source gives.
    ///
    /// # Errors
    /// When that pack does not decide it.
    pub fn by(&self, pack: &Pack) -> Result<Decision, InputError> {
        let open = |name: &str| {
            let at = pack.params.iter().position(|param| param.name == name)?;
            pack.params[at].figures.all().any(|(_, figure)| !figure.origin.confirmed()).then_some(at)
        };
        let figures = self.given.figures.iter();
        let figures: Vec<_> = figures.filter_map(|(name, text)| Some((open(name)?, text.as_str()))).collect();
        let (mut run, scenario) = (Run::new(pack), &pack.scenarios[0]);
        decide(&mut run, scenario, &asked(pack, &self.given.input), &figures, true)?;
        Ok(run.decision(scenario))
    }

    /// What comes of it, with its record; `None` when it is not decided.
    #[cfg(test)]
    pub fn decision(&self, run: &mut Run<'_>) -> Option<Decision> {
        let figures =
            self.given.figures.iter().map(|(name, text)| Some((figure(run.pack, name, text).ok()?, text.as_str())));
        let figures: Vec<_> = figures.collect::<Option<_>>()?;
        let scenario = &run.pack.scenarios[0];
        decide(run, scenario, &self.given.input, &figures, true).ok().map(|()| run.decision(scenario))
    }

    /// Whether another one starts from the same.
    pub fn starts_as(&self, other: &Self) -> bool {
        self.given == other.given
    }
}

/// As the packs in force would: one that is for other cases does not decide this one. With its record where it is noted.
fn decide(
    run: &mut Run<'_>,
    scenario: &str,
    input: &Input,
    figures: &[(usize, &str)],
    noted: bool,
) -> Result<(), InputError> {
    let pack = run.pack;
    match (pack.is_for(&input.facts), pack.business_date(input)) {
        (Chosen::No, Some(date)) => Err(pack.not_for(scenario, date)),
        _ => run.case(scenario, input, figures, noted),
    }
}
