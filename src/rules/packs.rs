//! The packs in force.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Diagnostic;
use super::builtin::builtin;
use super::decision::{Decision, PackRef};
use super::desk::Desk;
use super::each::all;
use super::input::{Input, InputError};
use super::pack::{self, Case, Chosen, Pack};
use super::schema::Schema;
use super::sign::{Source, Trust};

/// The packs in force, checked and compiled. A clone shares them.
#[derive(Debug, Clone)]
pub struct Packs {
    packs: Arc<[Pack]>,
}

/// A pack as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PackInfo {
    /// Id, version, hash.
    #[serde(flatten)]
    pub pack: PackRef,
    /// The file it came from.
    pub file: String,
    /// The scenarios it decides.
    pub scenarios: Vec<String>,
    /// First day it holds.
    pub valid_from: String,
    /// Last day it holds.
    pub valid_to: String,
    /// For demonstration only.
    pub demo: bool,
    /// Its title in Chinese.
    pub title: String,
}

impl PackInfo {
    /// Whether it is the pack of this id, and decides this scenario.
    pub fn decides(&self, id: &str, scenario: &str) -> bool {
        self.pack.id == id && self.scenarios.iter().any(|one| one == scenario)
    }
}

/// How one case of a pack went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseResult {
    /// The pack's id.
    pub pack: String,
    /// The case's name.
    pub name: String,
    /// What differs from what the case wants; empty when it passes.
    pub failures: Vec<String>,
}

/// All cases of all packs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CaseResults {
    /// One a case.
    pub cases: Vec<CaseResult>,
}

impl CaseResults {
    /// Whether every case passed.
    pub fn passed(&self) -> bool {
        self.cases.iter().all(|case| case.failures.is_empty())
    }
}

/// The JSON Schema of packs, draft 2020-12, by which editors complete and check them.
pub const PACK_SCHEMA: &str = include_str!("../../config/policy/pack.schema.json");

impl Packs {
    /// Loads the packs, each a name (for its mistakes) and its text, and runs their cases.
    ///
    /// # Errors
    /// Every mistake of every file, in the order of file and place.
    pub fn load(files: &[(String, String)]) -> Result<Self, Vec<Diagnostic>> {
        let source =
            |(file, text): &(String, String)| Source { file: file.clone(), text: text.clone(), signature: None };
        Self::load_signed(&files.iter().map(source).collect::<Vec<_>>(), &Trust::default())
    }

    /// [`load`](Self::load) of packs that may be signed. What has no signature to be trusted is not read.
    ///
    /// # Errors
    /// As [`load`](Self::load), and what is wrong with a signature.
    pub fn load_signed(sources: &[Source], trust: &Trust) -> Result<Self, Vec<Diagnostic>> {
        Self::gathered(all(sources, || (), |(), source| loaded(source, trust)))
    }

    /// The same, signed or not, without running their cases: for who wants to know what comes of them all the same.
    /// [`test`](Self::test) tells which fail.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_without_cases(sources: &[Source]) -> Result<Self, Vec<Diagnostic>> {
        Self::gathered(all(sources, || (), |(), source| pack::load_without_cases(&source.file, &source.text)))
    }

    /// [`load_signed`](Self::load_signed) for who decides by them: cases that have been run are dropped, and what only
    /// [`explain`](Self::explain) says, since they are most of what a pack takes in memory. A pack without a case is a
    /// mistake.
    ///
    /// # Errors
    /// As [`load_signed`](Self::load_signed), and each pack without a case.
    pub fn load_for_use(sources: &[Source], trust: &Trust) -> Result<Self, Vec<Diagnostic>> {
        Self::gathered(all(
            sources,
            || (),
            |(), source| {
                let mut pack = loaded(source, trust)?;
                if let Some(mistake) = unproven(&pack) {
                    return Err(vec![mistake]);
                }
                pack.keep_what_decides();
                Ok(pack)
            },
        ))
    }

    fn gathered(all: impl IntoIterator<Item = Result<Pack, Vec<Diagnostic>>>) -> Result<Self, Vec<Diagnostic>> {
        let mut packs: Vec<Pack> = Vec::new();
        let mut mistakes = Vec::new();
        for loaded in all {
            match loaded {
                Ok(pack) => {
                    mistakes.extend(packs.iter().filter_map(|other| clash(&pack, other)));
                    packs.push(pack);
                }
                Err(found) => mistakes.extend(found),
            }
        }
        if mistakes.is_empty() { Ok(Self { packs: packs.into() }) } else { Err(mistakes) }
    }

    /// The packs that ship with the product.
    pub fn builtin() -> Self {
        shipped(Self::load_signed(&builtin(), &Trust::default()))
    }

    /// The same for who decides by them, see [`load_for_use`](Self::load_for_use).
    pub fn builtin_for_use() -> Self {
        shipped(Self::load_for_use(&builtin(), &Trust::default()))
    }

    /// Decides one case by the pack that holds on its business date.
    ///
    /// # Errors
    /// When the input is not what the pack needs; a case that fails its rules is a decision, not an error.
    pub fn decide(&self, scenario: &str, input: &Input) -> Result<Decision, InputError> {
        self.desk(scenario, input)?.decision()
    }

    /// [`decide`](Self::decide), with a record that says each formula with the values in it: for who wants to know why.
    ///
    /// # Errors
    /// As [`decide`](Self::decide).
    pub fn explain(&self, scenario: &str, input: &Input) -> Result<Decision, InputError> {
        self.desk(scenario, input)?.explanation()
    }

    /// The pack that holds on the input's business date, ready to decide it and other cases after it.
    ///
    /// # Errors
    /// When the input is not what the pack needs.
    pub fn desk(&self, scenario: &str, input: &Input) -> Result<Desk<'_>, InputError> {
        let mut desk = Desk::new(self.chosen(scenario, input)?, scenario);
        desk.read(input)?;
        Ok(desk)
    }

    /// The fact that is a scenario's business date, the same in all its packs.
    pub fn date_of(&self, scenario: &str) -> Option<&str> {
        self.any(scenario).ok().map(Pack::date_of)
    }

    /// Whether any pack of the scenario holds on a business date.
    ///
    /// # Errors
    /// When none does.
    pub fn hold(&self, scenario: &str, date: Date) -> Result<(), InputError> {
        self.any(scenario)?;
        match self.of(scenario).any(|pack| pack.covers(date)) {
            true => Ok(()),
            false => Err(InputError::NoVersion { scenario: scenario.to_owned(), date }),
        }
    }

    /// What the pack that holds on a business date, for a case with these facts, needs to be told. Another pack of the
    /// scenario may need other things, and each refuses what it does not know.
    ///
    /// # Errors
    /// When no pack holds then, or none is for such a case.
    pub fn schema(&self, scenario: &str, date: Date, facts: &Map<String, Value>) -> Result<Schema, InputError> {
        self.on(scenario, date, facts).map(|pack| pack.schema(date, facts))
    }

    /// 险种 that the pack which holds on a business date, for a case with these facts, counts on. `None` where it
    /// names none: what it counts is then its scenario's own.
    ///
    /// # Errors
    /// As [`schema`](Self::schema).
    pub fn scheme(&self, scenario: &str, date: Date, facts: &Map<String, Value>) -> Result<Option<&str>, InputError> {
        let pack = self.on(scenario, date, facts)?;
        Ok((!pack.scenarios.contains(&pack.scheme)).then_some(pack.scheme.as_str()))
    }

    /// The facts that choose a pack of the scenario, and those by which its accumulators are kept apart: what has to be
    /// told to whoever is asked for the accumulators.
    pub fn keys(&self, scenario: &str) -> BTreeSet<&str> {
        let of = |pack: &'_ Pack| {
            let selecting = pack.selectors.iter().map(|selector| selector.fact);
            let keeping = pack.accumulators.iter().flat_map(|accumulator| accumulator.scope.facts());
            selecting.chain(keeping).collect::<Vec<_>>()
        };
        self.of(scenario).flat_map(|pack| of(pack).into_iter().map(|fact| pack.facts[fact].name.as_str())).collect()
    }

    /// The very pack that made a decision, if it is among these.
    pub(super) fn made_by(&self, reference: &PackRef) -> Option<&Pack> {
        let same = |pack: &&Pack| {
            let own = &pack.reference;
            (&own.id, &own.version, &own.sha256) == (&reference.id, &reference.version, &reference.sha256)
        };
        self.packs.iter().find(same)
    }

    /// A mistake for each pack without a case: nothing proves what it decides, so no terminal takes it up.
    pub fn without_cases(&self) -> Vec<Diagnostic> {
        self.packs.iter().filter_map(unproven).collect()
    }

    /// The packs.
    pub fn list(&self) -> Vec<PackInfo> {
        self.packs.iter().map(info).collect()
    }

    /// Runs the cases of every pack again.
    pub fn test(&self) -> CaseResults {
        let result = |pack: &Pack, case: &Case, failures| CaseResult {
            pack: pack.reference.id.clone(),
            name: case.name.clone(),
            failures,
        };
        let of = |pack: &'_ Pack| {
            let cases = pack.cases.iter().zip(pack.run_cases());
            cases.map(|(case, failures)| result(pack, case, failures)).collect::<Vec<_>>()
        };
        let cases = self.packs.iter().flat_map(of);
        CaseResults { cases: cases.collect() }
    }

    /// The pack that decides a case.
    pub(super) fn chosen(&self, scenario: &str, input: &Input) -> Result<&Pack, InputError> {
        let any = self.any(scenario)?;
        match any.business_date(input) {
            Some(date) => self.on(scenario, date, &input.facts),
            // Without a date that can be read, any pack tells what is wrong with it.
            None => Ok(any),
        }
    }

    /// The pack that holds on a date for a case with these facts.
    fn on(&self, scenario: &str, date: Date, facts: &Map<String, Value>) -> Result<&Pack, InputError> {
        self.hold(scenario, date)?;
        let mut unknown = None;
        let mut items = BTreeSet::new();
        for pack in self.of(scenario).filter(|pack| pack.covers(date)) {
            match pack.is_for(facts) {
                Chosen::Yes => return Ok(pack),
                Chosen::No => items.extend(pack.selectors.iter().map(|selector| selector.name.as_str())),
                Chosen::Unknown(error) => unknown = unknown.or(Some(error)),
            }
        }
        let items = items.into_iter().collect::<Vec<_>>().join(", ");
        Err(unknown.unwrap_or_else(|| InputError::NotCovered { scenario: scenario.to_owned(), date, items }))
    }

    fn any(&self, scenario: &str) -> Result<&Pack, InputError> {
        self.of(scenario).next().ok_or_else(|| InputError::UnknownScenario { scenario: scenario.to_owned() })
    }

    pub(super) fn of(&self, scenario: &str) -> impl Iterator<Item = &Pack> {
        self.packs.iter().filter(move |pack| pack.scenarios.iter().any(|name| name == scenario))
    }
}

fn shipped(loaded: Result<Packs, Vec<Diagnostic>>) -> Packs {
    // Invariant: they are part of this program, and a test loads them.
    loaded.unwrap_or_else(|mistakes| panic!("a pack that ships is wrong: {}", mistakes[0]))
}

/// What is wrong with a pack without a case.
fn unproven(pack: &Pack) -> Option<Diagnostic> {
    let message = "the pack has no [[case]]: nothing proves what it decides".to_owned();
    pack.cases.is_empty().then(|| Diagnostic { file: pack.file.clone(), line: 1, column: 1, message })
}

/// One pack, and who signed it.
fn loaded(source: &Source, trust: &Trust) -> Result<Pack, Vec<Diagnostic>> {
    let signed_by = trust.signer(source).map_err(|mistake| vec![mistake])?;
    let mut pack = pack::load(&source.file, &source.text)?;
    pack.reference.signed_by = signed_by;
    Ok(pack)
}

/// A pack as it is listed.
pub(super) fn info(pack: &Pack) -> PackInfo {
    PackInfo {
        pack: pack.reference.clone(),
        file: pack.file.clone(),
        scenarios: pack.scenarios.clone(),
        valid_from: pack.valid.0.to_string(),
        valid_to: pack.valid.1.to_string(),
        demo: pack.demo,
        title: pack.title.clone(),
    }
}

/// The mistake of two packs that are not to be told apart: by what they are called, or, of one scenario, by the business
/// date.
fn clash(pack: &Pack, other: &Pack) -> Option<Diagnostic> {
    let mistake = |message| Some(Diagnostic { file: pack.file.clone(), line: 1, column: 1, message });
    let own = &pack.reference;
    if (&own.id, &own.version) == (&other.reference.id, &other.reference.version) {
        return mistake(format!("{} {} is there already: {}", own.id, own.version, other.file));
    }
    let scenario = pack.scenarios.iter().find(|name| other.scenarios.contains(name))?;
    let message = if pack.valid.0 <= other.valid.1 && other.valid.0 <= pack.valid.1 && !pack.is_apart_from(other) {
        format!("{scenario} has a pack for some of these days already: {}", other.file)
    } else if pack.date_of() != other.date_of() {
        format!("{scenario} has a pack with another business date, '{}': {}", other.date_of(), other.file)
    } else {
        return None;
    };
    mistake(message)
}
