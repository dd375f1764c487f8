//! `sbkd doctor`: what is wrong with this terminal, and what to do about it.

use super::{Outcome, Problem, Shell, errors};

/// Arguments of `sbkd doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args, _shell: &Shell) -> Outcome {
    Err(Problem::from(&errors::NOT_YET))
}
