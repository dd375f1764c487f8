//! `sbkd queue`: the transactions of this terminal: as its daemon tells them, and the files that they are kept in.

mod aside;
mod backup;
mod export;
mod list;
mod rekey;
mod verify;

use super::{Outcome, Problem, Shell, config, errors, paper};
use crate::config::Config;
use crate::queue::{Past, QueueError, QueueKeys};

/// Arguments of `sbkd queue`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List transactions, the latest first
    List(list::List),
    /// Show one transaction
    Show(list::Show),
    /// Print a receipt of what was filed, once the centre has accepted it: a page, a printer's commands, or text
    Paper(paper::Receipt),
    /// Note that the holder was told how a transaction came out otherwise
    Acknowledge(list::Acknowledge),
    /// Prove a journal, a copy or an export whole, and name the first record that is not
    Verify(verify::Args),
    /// Print the public key that proves this terminal's journal
    Key,
    /// Write a business day out: JSON lines that can be proved, or a CSV
    Export(export::Args),
    /// Copy the journal beside a running daemon, and prove the copy
    Backup(backup::Args),
    /// Give the journal of a stopped daemon new keys for what is sealed and for the states
    Rekey(rekey::Args),
    /// Set the damaged journal of a stopped daemon aside, and go on with the records that are whole
    SetAside(aside::Args),
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    match args.command {
        Command::List(args) => args.run(shell),
        Command::Show(args) => args.run(shell),
        Command::Paper(args) => paper::receipt(&args, shell),
        Command::Acknowledge(args) => args.run(shell),
        Command::Verify(args) => args.run(shell),
        Command::Key => verify::key(shell),
        Command::Export(args) => args.run(shell),
        Command::Backup(args) => args.run(shell),
        Command::Rekey(args) => args.run(shell),
        Command::SetAside(args) => args.run(shell),
    }
}

/// The configuration, without which nobody knows which journal is meant.
fn configuration(shell: &Shell) -> Result<Config, Problem> {
    config::load(&config::place(shell))
}

/// The journal's keys; none are made here.
fn keys(config: &Config) -> Result<QueueKeys, Problem> {
    QueueKeys::of(&config.journal(), config.journal_keys().path()).map_err(|error| told(&error))
}

/// The terminal's journal, to be read; its daemon may be running.
pub(super) fn past(config: &Config) -> Result<Past, Problem> {
    let settings = config.journal();
    there(&settings.path)?;
    Past::open(&settings, &keys(config)?).map_err(|error| told(&error))
}

/// That a file is there; what one may not look at is not as if it were not.
fn there(path: &std::path::Path) -> Outcome {
    let why = match path.try_exists() {
        Ok(true) => return Ok(()),
        Ok(false) => "there is no such file".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Problem::with(&errors::FILE, format!("{}: {why}", path.display())))
}

/// A failure of the journal; where a record is damaged, its number and what is wrong are members of their own.
fn told(error: &QueueError) -> Problem {
    let problem = Problem::from_error(error);
    match error {
        QueueError::Damaged { record, what } => {
            problem.and("record", (*record).into()).and("what", what.clone().into())
        }
        _ => problem,
    }
}
