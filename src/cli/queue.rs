//! `sbkd queue`: the transactions of this terminal.

use super::{Outcome, Problem, Shell, errors};

/// Arguments of `sbkd queue`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List transactions, the latest first
    List {
        /// Only these states
        #[arg(long, value_name = "STATE")]
        state: Vec<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// Show one transaction
    Show {
        /// Its id
        id: String,
    },
}

pub(super) fn run(_args: Args, _shell: &Shell) -> Outcome {
    Err(Problem::from(&errors::NOT_YET))
}
