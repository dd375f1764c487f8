//! `sbkd config`: the terminal's configuration.

use std::path::PathBuf;

use super::{Outcome, Problem, Shell, errors};

/// Arguments of `sbkd config`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check a configuration file
    Check {
        /// The file; --config, or the default place, when none is named
        file: Option<PathBuf>,
    },
}

pub(super) fn run(_args: Args, _shell: &Shell) -> Outcome {
    Err(Problem::from(&errors::NOT_YET))
}
