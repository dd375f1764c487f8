//! `sbkd scenario`: the catalogue.

use std::path::PathBuf;

use serde::Serialize;

use super::{Outcome, Problem, Shell, policy};
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

/// What the catalogue is made of.
#[derive(Debug, clap::Args)]
struct Sources {
    /// A deployment's folder of scenarios, over those built in
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// Packs in place of those built in
    #[arg(long, value_name = "FILE|DIR")]
    packs: Vec<PathBuf>,
}

impl Sources {
    /// The catalogue, with those marked whose packs are there, and the packs.
    fn load(&self) -> Result<(Catalogue, Packs), Problem> {
        let catalogue = Setup::catalogue_of(self.scenarios.as_deref()).map_err(|error| Problem::from_error(&error))?;
        let packs = match self.packs.is_empty() {
            true => Packs::builtin_for_use(),
            false => policy::packs_of(&self.packs)?,
        };
        let there = packs.list();
        let has_all = |scenario: &Scenario| scenario.parts.iter().all(|part| part.missing(&there).next().is_none());
        Ok((catalogue.offering(has_all), packs))
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
    /// Its packs are there.
    available: bool,
}

impl<'a> From<&'a Entry> for Line<'a> {
    fn from(entry: &'a Entry) -> Self {
        let Entry { row, id, kind, also, domain, name, available, .. } = entry;
        Self { row: *row, id, kind: *kind, also, domain, name, available: *available }
    }
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    match args.command {
        Command::List(sources) => list(&sources.load()?.0, shell),
        Command::Show { id, sources } => {
            let (catalogue, packs) = sources.load()?;
            let unknown = || Problem::from_error(&ScenarioError::Unknown(id.clone()));
            show(catalogue.scenario(&id).ok_or_else(unknown)?, &packs, shell)
        }
        Command::Check(sources) => {
            let (catalogue, packs) = sources.load()?;
            check(&catalogue, &packs, shell)?;
        }
    }
    Ok(())
}

fn list(catalogue: &Catalogue, shell: &Shell) {
    let lines: Vec<Line<'_>> = catalogue.entries().map(Line::from).collect();
    shell.show(&lines, || lines.iter().map(text).collect());
}

fn text(line: &Line<'_>) -> String {
    let mark = if line.available { "●" } else { " " };
    let row = line.row.map(|row| row.to_string()).unwrap_or_default();
    let kinds: Vec<&str> = std::iter::once(&line.kind).chain(line.also).map(|kind| kind.name()).collect();
    format!("{row:>2} {mark} {:<40} {:<20} {} / {}\n", line.id, kinds.join("+"), line.domain, line.name)
}

fn check(catalogue: &Catalogue, packs: &Packs, shell: &Shell) -> Outcome {
    let there = packs.list();
    let parts = catalogue.scenarios().iter().flat_map(|scenario| &scenario.parts);
    let missing: Vec<_> = parts.flat_map(|part| part.missing(&there)).collect();
    if !missing.is_empty() {
        return Err(Problem::from_error(&SetupError::File(missing)));
    }
    list(catalogue, shell);
    Ok(())
}

/// What `sbkd scenario show --json` gives: how it is listed, its parts, and what decides it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    parts: Vec<&'a crate::scenario::Definition>,
    rules: Vec<PackRules>,
}

fn show(scenario: &Scenario, packs: &Packs, shell: &Shell) {
    let shown = Shown {
        entry: &scenario.entry,
        parts: scenario.parts.iter().map(AsRef::as_ref).collect(),
        rules: packs.rules(&scenario.entry.id),
    };
    shell.show(&shown, || described(&shown));
}

fn described(shown: &Shown<'_>) -> String {
    let Entry { row, id, domain, name, usage, remark, note, .. } = shown.entry;
    let row = row.map(|row| format!("{row} ")).unwrap_or_default();
    let mut text = format!("{row}{id}  {domain} / {name}\n{usage}\n");
    for more in [remark, note].into_iter().flatten() {
        text += &format!("{more}\n");
    }
    for part in &shown.parts {
        text += &super::scenario_part::described(part);
    }
    for rules in &shown.rules {
        text += &super::scenario_rules::described(rules);
    }
    text
}
