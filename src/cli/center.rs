//! `sbkd center`: the reference centre, for demonstration and tests.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Outcome, Problem, Shell, errors};

/// Arguments of `sbkd center`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where it listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:18090")]
    listen: SocketAddr,
    /// Its database; kept in memory when none is named
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
    /// Persons and accumulators it knows
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// A file with the token its clients must bring
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Faults it plays, as a TOML file
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
}

pub(super) fn run(_args: &Args, _shell: &Shell) -> Outcome {
    Err(Problem::from(&errors::NOT_YET))
}
