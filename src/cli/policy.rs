//! `sbkd policy`: policy packs.

use std::path::PathBuf;

use super::{Outcome, Problem, Shell, errors};

/// Arguments of `sbkd policy`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check packs: files or directories, the built-in ones when none is named
    Check {
        /// Pack files or directories
        paths: Vec<PathBuf>,
    },
    /// Run the cases of packs
    Test {
        /// Pack files or directories
        paths: Vec<PathBuf>,
    },
    /// Decide an input and say why, step by step
    Explain {
        /// The scenario's id
        scenario: String,
        /// Facts, lines and accumulators: a JSON object, - for standard input
        #[arg(long, value_name = "FILE")]
        input: PathBuf,
        /// Pack files or directories
        #[arg(long, value_name = "PATH")]
        packs: Vec<PathBuf>,
    },
}

pub(super) fn run(_args: Args, _shell: &Shell) -> Outcome {
    Err(Problem::from(&errors::NOT_YET))
}
