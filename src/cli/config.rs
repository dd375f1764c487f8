//! `sbkd config`: the terminal's configuration.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde_json::json;

use super::{Outcome, Problem, Shell, policy};
use crate::config::{Config, ConfigError};
use crate::terminal::Setup;
use crate::world::{Clock as _, SystemClock};

/// Names another place for the configuration than the usual one.
const VARIABLE: &str = "SBKD_CONFIG";
/// Where the configuration is when nothing says.
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
    let file = file.unwrap_or_else(|| place(shell));
    let config = load(&file)?;
    let packs = setup(&config)?.packs().list();
    let value = json!({
        "file": file,
        "ok": true,
        "mode": config.mode,
        "terminal": config.terminal,
        "state": config.state,
        "listen": config.api.listen,
        "socket": config.api.socket,
        "packs": packs,
    });
    shell.show(&value, || {
        let packs: String = packs.iter().map(policy::line).collect();
        format!("{packs}{}: 配置无误 / sound", file.display())
    });
    Ok(())
}

/// The file that is in force: `--config`, or the default place.
pub(super) fn place(shell: &Shell) -> PathBuf {
    shell.config_file().map_or_else(|| default_place(std::env::var_os(VARIABLE)), Path::to_path_buf)
}

fn default_place(named: Option<OsString>) -> PathBuf {
    named.filter(|path| !path.is_empty()).map_or_else(|| PathBuf::from(DEFAULT), PathBuf::from)
}

/// The configuration that is in force; none where `--config` names none and there is none in the default place.
pub(super) fn in_force(shell: &Shell) -> Result<Option<Config>, Problem> {
    let file = place(shell);
    if shell.config_file().is_none() && !file.exists() {
        return Ok(None);
    }
    load(&file).map(Some)
}

/// The day that the terminal's cases are of.
pub(super) fn business_day(config: &Config) -> Date {
    config.business_date.unwrap_or_else(|| SystemClock.today())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_place_is_that_of_the_system_unless_the_environment_names_another() {
        for (named, place) in [(None, DEFAULT), (Some(""), DEFAULT), (Some("own.toml"), "own.toml")] {
            assert_eq!(default_place(named.map(OsString::from)), Path::new(place));
        }
    }
}
