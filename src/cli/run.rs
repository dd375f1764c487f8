//! `sbkd run`: the daemon.

use super::{Outcome, Problem, Shell, errors};

/// Arguments of `sbkd run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args, _shell: &Shell) -> Outcome {
    Err(Problem::from(&errors::NOT_YET))
}
