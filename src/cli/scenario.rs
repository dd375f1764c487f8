//! `sbkd scenario`: the catalogue.

use super::{Outcome, Problem, Shell, errors};

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

pub(super) fn run(args: Args, _shell: &Shell) -> Outcome {
    let Command::List = args.command;
    Err(Problem::from(&errors::NOT_YET))
}
