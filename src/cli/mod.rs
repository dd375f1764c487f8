//! The command line: one file a sub-command.
//!
//! Each command ends in an [`Outcome`]: what it shows is printed by [`Shell`], a failure becomes the same
//! `{"error":{…}}` that the local interface answers with, and an exit code by its kind ([`exit`]). The shapes are
//! fixed in `docs/cli.md`.

mod blacklist;
mod card;
mod case;
mod catalogue;
mod center;
mod client;
mod config;
mod direct;
mod doctor;
mod errors;
mod exit;
mod failures;
mod file;
mod import;
mod lists;
mod logging;
mod paper;
mod policy;
mod problem;
mod queue;
mod readers;
mod reconcile;
mod record;
mod replay;
mod run;
mod scenario;
mod scenario_part;
mod scenario_rules;
mod script;
mod shell;
mod shift;
mod signals;
mod systemd;
mod vcard;

pub use errors::ENTRIES;
pub use exit::Exit;
pub use failures::failures;
pub use problem::Problem;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use shell::Shell;
use tracing::level_filters::LevelFilter;

/// What a command ends in.
type Outcome = Result<(), Problem>;

/// The terminal daemon for the Chinese social security card (社会保障卡).
#[derive(Debug, Parser)]
#[command(name = "sbkd", version, propagate_version = true, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Arguments every command takes.
#[derive(Debug, Clone, clap::Args)]
struct Global {
    /// Print one JSON value on standard output; its shape is in docs/cli.md
    #[arg(long, global = true)]
    json: bool,
    /// The terminal's configuration (default: SBKD_CONFIG of the environment, else /etc/sbkd/sbkd.toml)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The daemon's Unix socket (default: from the configuration)
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// What is logged to standard error: off, error, warn, info, debug, trace
    #[arg(long, global = true, value_name = "LEVEL")]
    log: Option<LevelFilter>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon
    Run(run::Args),
    /// List the card readers
    Readers(readers::Args),
    /// Work with the card in a reader
    Card(card::Args),
    /// The catalogue of scenarios
    Scenario(scenario::Args),
    /// Carry out a scenario at the daemon
    Case(case::Args),
    /// Look into the queue of transactions
    Queue(queue::Args),
    /// Operators' shifts: open, close, look
    Shift(shift::Args),
    /// Hold a day's settlements against the centre
    Reconcile(reconcile::Args),
    /// Check, test and explain policy packs
    Policy(policy::Args),
    /// The list of refused cards: take one in, look, sign
    Blacklist(blacklist::Args),
    /// The catalogue of drugs and services: take one in, look, sign
    Catalogue(catalogue::Args),
    /// Check and run APDU scripts
    Script(script::Args),
    /// Record a card session as a fixture, without personal data
    Record(record::Args),
    /// Replay a recorded session with every check on
    Replay(replay::Args),
    /// Put a virtual card and PSAM into vpcd's readers
    Vcard(vcard::Args),
    /// Run the reference centre
    Center(Box<center::Args>),
    /// The terminal's configuration
    Config(config::Args),
    /// Say what is wrong with this terminal, a line each with its remedy
    Doctor(doctor::Args),
}

/// Reads the command line, carries it out and says how it went.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return shell::usage(&error),
    };
    // A daemon tells how its days go; a command speaks up when something is wrong.
    let level = if matches!(cli.command, Command::Run(_)) { LevelFilter::INFO } else { LevelFilter::WARN };
    logging::start(cli.global.log.unwrap_or(level));
    let shell = Shell::new(cli.global);
    let outcome = match cli.command {
        Command::Run(args) => run::run(args, &shell),
        Command::Readers(args) => readers::run(&args, &shell),
        Command::Card(args) => card::run(args, &shell),
        Command::Scenario(args) => scenario::run(args, &shell),
        Command::Case(args) => case::run(args, &shell),
        Command::Queue(args) => queue::run(args, &shell),
        Command::Shift(args) => shift::run(args, &shell),
        Command::Reconcile(args) => reconcile::run(args, &shell),
        Command::Policy(args) => policy::run(args, &shell),
        Command::Blacklist(args) => blacklist::run(args, &shell),
        Command::Catalogue(args) => catalogue::run(args, &shell),
        Command::Script(args) => script::run(args, &shell),
        Command::Record(args) => record::run(&args, &shell),
        Command::Replay(args) => replay::run(&args, &shell),
        Command::Vcard(args) => vcard::run(&args, &shell),
        Command::Center(args) => center::run(&args, &shell),
        Command::Config(args) => config::run(args, &shell),
        Command::Doctor(args) => doctor::run(&args, &shell),
    };
    match outcome {
        Ok(()) => shell.done(),
        Err(problem) => shell.fail(&problem),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
