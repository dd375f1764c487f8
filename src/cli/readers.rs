//! `sbkd readers`: the card readers, their roles and what is in them.

use super::{Outcome, Problem, Shell, errors};

/// Arguments of `sbkd readers`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Ask PC/SC instead of the daemon
    #[arg(long)]
    direct: bool,
}

pub(super) fn run(args: &Args, _shell: &Shell) -> Outcome {
    let _ = args.direct;
    Err(Problem::from(&errors::NOT_YET))
}
