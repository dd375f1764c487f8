//! `sbkd record`: a card session kept as a fixture.

use std::path::PathBuf;

use super::direct::Way;
use super::{Outcome, Problem, Shell, errors};

/// Arguments of `sbkd record`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    way: Way,
    /// Where the recording goes; never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(_args: &Args, _shell: &Shell) -> Outcome {
    Err(Problem::from(&errors::NOT_YET))
}
