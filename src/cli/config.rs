//! `sbkd config`: the terminal's configuration.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Outcome, Problem, Shell};
use crate::config::{Config, ConfigError};
use crate::terminal::Setup;

/// Where the configuration is when none is named.
const DEFAULT: &str = "/etc/sbkd/sbkd.toml";

/// Arguments of `sbkd config`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check a configuration file, and the scenarios, packs, scripts and conditions it names
    Check {
        /// The file; --config, or the default place, when none is named
        file: Option<PathBuf>,
    },
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    let Command::Check { file } = args.command;
    let file = file.unwrap_or_else(|| place(shell).to_path_buf());
    let config = load(&file)?;
    setup(&config)?;
    let value = json!({
        "file": file,
        "ok": true,
        "mode": config.mode,
        "terminal": config.terminal,
        "state": config.state,
        "listen": config.api.listen,
        "socket": config.api.socket,
    });
    shell.show(&value, || format!("{}: 配置无误 / sound", file.display()));
    Ok(())
}

/// The file that is in force: `--config`, or the default place.
pub(super) fn place(shell: &Shell) -> &Path {
    shell.config_file().unwrap_or(Path::new(DEFAULT))
}

/// Loads a configuration; its mistakes are told one by one.
pub(super) fn load(file: &Path) -> Result<Config, Problem> {
    Config::load(file).map_err(|error| {
        let problem = Problem::from_error(&error);
        match error {
            ConfigError::Invalid { mistakes, .. } => problem.and("mistakes", json!(mistakes)),
            ConfigError::Unreadable { .. } => problem,
        }
    })
}

/// What the terminal would work by; its mistakes are told one by one.
pub(super) fn setup(config: &Config) -> Result<Setup, Problem> {
    Setup::load(config).map_err(|error| {
        let problem = Problem::from_error(&error);
        if error.mistakes().is_empty() { problem } else { problem.and("diagnostics", json!(error.mistakes())) }
    })
}
