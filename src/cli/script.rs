//! `sbkd script`: APDU scripts.

use std::path::PathBuf;

use super::{Outcome, Problem, Shell, errors};

/// Arguments of `sbkd script`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check scripts: files or directories, the built-in ones when none is named
    Check {
        /// Script files or directories
        paths: Vec<PathBuf>,
    },
    /// Run one flow of a script against the card in a reader
    Run {
        /// The script's file, or the name of a built-in one
        script: String,
        /// The flow's name
        flow: String,
        /// The reader: its name or an unambiguous beginning of it
        #[arg(long, value_name = "READER")]
        reader: Option<String>,
        /// A value the flow needs, as name=hex
        #[arg(long = "set", value_name = "NAME=HEX")]
        set: Vec<String>,
        /// Show captured bytes instead of their lengths; they may be personal
        #[arg(long)]
        unmask: bool,
    },
}

pub(super) fn run(_args: Args, _shell: &Shell) -> Outcome {
    Err(Problem::from(&errors::NOT_YET))
}
