//! `sbkd scenario`: the catalogue.

use serde::Serialize;

use super::{Outcome, Problem, Shell};
use crate::scenario::ScenarioError::Definition;
use crate::scenario::{Catalogue, Definitions, Entry};
use crate::value::Kind;

/// Arguments of `sbkd scenario`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the scenarios of the catalogue
    List,
}

/// One line of `sbkd scenario list --json`.
#[derive(Serialize)]
struct Line<'a> {
    row: u32,
    id: &'a str,
    kind: Kind,
    domain: &'a str,
    name: &'a str,
    /// Shown by a mark to a person; the JSON form has these five members and no other.
    #[serde(skip)]
    available: bool,
}

impl<'a> From<&'a Entry> for Line<'a> {
    fn from(entry: &'a Entry) -> Self {
        let Entry { row, id, kind, domain, name, available, .. } = entry;
        Self { row: *row, id, kind: *kind, domain, name, available: *available }
    }
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    let Command::List = args.command;
    // The definitions that ship; a terminal that replaces them says so through its daemon.
    let definitions = Definitions::builtin().map_err(|mistakes| Problem::from_error(&Definition(mistakes)))?;
    let catalogue = Catalogue::builtin(|id| definitions.get(id).is_some())
        .map_err(|error| Problem::with(&super::errors::FILE, error.to_string()))?;
    let lines: Vec<Line<'_>> = catalogue.entries().iter().map(Line::from).collect();
    shell.show(&lines, || lines.iter().map(text).collect());
    Ok(())
}

fn text(line: &Line<'_>) -> String {
    let mark = if line.available { "●" } else { " " };
    format!("{:>2} {mark} {:<40} {} / {}\n", line.row, line.id, line.domain, line.name)
}
