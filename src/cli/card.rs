//! `sbkd card`: the card in a reader.

use std::path::PathBuf;

use super::{Outcome, Problem, Shell, errors};

/// Arguments of `sbkd card`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Prove the card and read it and its holder
    Read(Read),
}

/// Arguments of `sbkd card read`.
#[derive(Debug, clap::Args)]
struct Read {
    #[command(flatten)]
    way: Way,
    /// Show personal data instead of masking it; audited
    #[arg(long)]
    unmask: bool,
}

/// How a command reaches the card.
#[derive(Debug, clap::Args)]
pub(super) struct Way {
    /// Open the readers itself instead of asking the daemon
    #[arg(long)]
    direct: bool,
    /// The holder's reader: its name or an unambiguous beginning of it
    #[arg(long, value_name = "READER")]
    reader: Option<String>,
    /// The PSAM's reader: its name or an unambiguous beginning of it
    #[arg(long, value_name = "READER", requires = "direct")]
    psam_reader: Option<String>,
    /// Demonstration keys instead of a PSAM; only with --mode demo
    #[arg(long, value_name = "FILE", requires = "direct", conflicts_with = "psam_reader")]
    keys: Option<PathBuf>,
    /// The terminal's mode
    #[arg(long, value_name = "MODE", value_parser = ["demo", "production"], default_value = "production")]
    mode: String,
}

pub(super) fn run(args: Args, _shell: &Shell) -> Outcome {
    let Command::Read(_) = args.command;
    Err(Problem::from(&errors::NOT_YET))
}
