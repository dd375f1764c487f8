//! `sbkd case`: a scenario carried out at the daemon.

use std::path::PathBuf;

use super::{Outcome, Problem, Shell, errors};

/// Arguments of `sbkd case`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Open a case, follow it and print its result
    Run(Run),
}

/// Arguments of `sbkd case run`.
#[derive(Debug, clap::Args)]
struct Run {
    /// The scenario's id, as `sbkd scenario list` shows it
    scenario: String,
    /// The form's fields: a JSON object, - for standard input
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Confirm without asking
    #[arg(long, visible_alias = "confirm")]
    yes: bool,
    /// Who carries the case out
    #[arg(long, value_name = "NAME", default_value = "cli")]
    operator: String,
    /// The same key again gives the same case, never a second one
    #[arg(long, value_name = "KEY")]
    idempotency: Option<String>,
    /// Give up after so many seconds without progress
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
}

pub(super) fn run(args: Args, _shell: &Shell) -> Outcome {
    let Command::Run(_) = args.command;
    Err(Problem::from(&errors::NOT_YET))
}
