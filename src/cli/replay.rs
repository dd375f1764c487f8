//! `sbkd replay`: a recorded session once more, with every check on.

use std::path::PathBuf;

use super::{Outcome, Problem, Shell, errors};

/// Arguments of `sbkd replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recording
    file: PathBuf,
    /// Show the (made-up) personal data of the recording
    #[arg(long)]
    unmask: bool,
}

pub(super) fn run(_args: &Args, _shell: &Shell) -> Outcome {
    Err(Problem::from(&errors::NOT_YET))
}
