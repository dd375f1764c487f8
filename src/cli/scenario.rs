//! `sbkd scenario`: the catalogue.

use std::path::PathBuf;

use jiff::civil::Date;
use serde::Serialize;

use super::{Outcome, Problem, Shell, config, policy};
use crate::rules::{PackRules, Packs};
use crate::scenario::{Catalogue, Entry, Scenario, ScenarioError};
use crate::terminal::{Setup, SetupError};
use crate::value::Kind;

/// Arguments of `sbkd scenario`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the scenarios of the catalogue, and which of them can be carried out
    List(Sources),
    /// Show a scenario: form, documents, rules with their reasons, message
    Show {
        /// Its id
        id: String,
        #[command(flatten)]
        sources: Sources,
    },
    /// Check the catalogue, and that the packs it names are there
    Check(Sources),
}

/// What the catalogue is made of; that of the configuration where neither is named.
#[derive(Debug, clap::Args)]
struct Sources {
    /// A deployment's folder of scenarios, over those built in
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// Packs in place of those built in
    #[arg(long, value_name = "FILE|DIR")]
    packs: Vec<PathBuf>,
}

/// A catalogue with the packs that decide it.
struct Loaded {
    catalogue: Catalogue,
    packs: Packs,
    /// The day on which packs must hold: at a terminal. Files by themselves are of no day.
    today: Option<Date>,
}

impl Sources {
    /// The files that are named; where none is, what the terminal works by, or what ships where there is no terminal.
    fn load(&self, shell: &Shell) -> Result<Loaded, Problem> {
        let terminal = match self.scenarios.is_none() && self.packs.is_empty() {
            true => config::in_force(shell)?,
            false => None,
        };
        if let Some(config) = terminal {
            let setup = config::setup(&config)?;
            let (catalogue, packs) = (setup.catalogue().clone(), setup.packs().clone());
            return Ok(Loaded { catalogue, packs, today: Some(config::business_day(&config)) });
        }
        let catalogue = Setup::catalogue_of(self.scenarios.as_deref()).map_err(|error| Problem::from_error(&error))?;
        let packs = match self.packs.is_empty() {
            true => Packs::builtin_for_use(),
            false => policy::packs_of(&self.packs)?,
        };
        Ok(Loaded { catalogue, packs, today: None })
    }
}

impl Loaded {
    /// How a scenario is listed: at a terminal as its daemon lists it, else by whether its packs are there.
    fn listed(&self, scenario: &Scenario) -> Entry {
        if let Some(today) = self.today {
            return scenario.listed(&self.packs, today);
        }
        let there = self.packs.list();
        let available = scenario.parts.iter().all(|part| part.missing(&there).next().is_none());
        Entry { available, ..scenario.entry.clone() }
    }
}

/// One line of `sbkd scenario list --json`.
#[derive(Serialize)]
struct Line<'a> {
    row: Option<u32>,
    id: &'a str,
    kind: Kind,
    also: &'a [Kind],
    domain: &'a str,
    name: &'a str,
    available: bool,
    no_pack_today: bool,
}

impl<'a> From<&'a Entry> for Line<'a> {
    fn from(entry: &'a Entry) -> Self {
        let Entry { row, id, kind, also, domain, name, available, no_pack_today, .. } = entry;
        let (row, kind, available, no_pack_today) = (*row, *kind, *available, *no_pack_today);
        Self { row, id, kind, also, domain, name, available, no_pack_today }
    }
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    match args.command {
        Command::List(sources) => list(&sources.load(shell)?, shell),
        Command::Show { id, sources } => {
            let loaded = sources.load(shell)?;
            let unknown = || Problem::from_error(&ScenarioError::Unknown(id.clone()));
            show(loaded.catalogue.scenario(&id).ok_or_else(unknown)?, &loaded, shell)
        }
        Command::Check(sources) => check(&sources.load(shell)?, shell)?,
    }
    Ok(())
}

fn list(loaded: &Loaded, shell: &Shell) {
    let entries: Vec<Entry> = loaded.catalogue.scenarios().iter().map(|scenario| loaded.listed(scenario)).collect();
    let lines: Vec<Line<'_>> = entries.iter().map(Line::from).collect();
    shell.show(&lines, || lines.iter().map(text).collect());
}

fn text(line: &Line<'_>) -> String {
    let mark = match (line.no_pack_today, line.available) {
        (true, _) => "○",
        (false, true) => "●",
        (false, false) => " ",
    };
    let row = line.row.map(|row| row.to_string()).unwrap_or_default();
    let kinds: Vec<&str> = std::iter::once(&line.kind).chain(line.also).map(|kind| kind.name()).collect();
    format!("{row:>2} {mark} {:<40} {:<20} {} / {}\n", line.id, kinds.join("+"), line.domain, line.name)
}

fn check(loaded: &Loaded, shell: &Shell) -> Outcome {
    let there = loaded.packs.list();
    let missing: Vec<_> = loaded.catalogue.offered().flat_map(|part| part.missing(&there)).collect();
    if !missing.is_empty() {
        return Err(Problem::from_error(&SetupError::File(missing)));
    }
    list(loaded, shell);
    Ok(())
}

/// What `sbkd scenario show --json` gives: how it is listed, its parts, and what decides it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    entry: Entry,
    parts: Vec<&'a crate::scenario::Definition>,
    rules: Vec<PackRules>,
}

fn show(scenario: &Scenario, loaded: &Loaded, shell: &Shell) {
    let shown = Shown {
        entry: loaded.listed(scenario),
        parts: scenario.parts.iter().map(AsRef::as_ref).collect(),
        rules: loaded.packs.rules(&scenario.entry.id),
    };
    shell.show(&shown, || described(&shown));
}

fn described(shown: &Shown<'_>) -> String {
    let Entry { row, id, domain, name, usage, remark, note, no_pack_today, .. } = &shown.entry;
    let row = row.map(|row| format!("{row} ")).unwrap_or_default();
    let mut text = format!("{row}{id}  {domain} / {name}\n{usage}\n");
    for more in [remark, note].into_iter().flatten() {
        text += &format!("{more}\n");
    }
    if *no_pack_today {
        text += "没有适用于今天的政策包 / no pack holds today\n";
    }
    for part in &shown.parts {
        text += &super::scenario_part::described(part);
    }
    for rules in &shown.rules {
        text += &super::scenario_rules::described(rules);
    }
    text
}
