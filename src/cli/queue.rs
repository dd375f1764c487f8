//! `sbkd queue`: the transactions of this terminal, as its daemon keeps them.

use serde_json::{Map, Value};

use super::client::{Daemon, text};
use super::{Outcome, Shell};

/// Arguments of `sbkd queue`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List transactions, the latest first
    List {
        /// Only these states
        #[arg(long, value_name = "STATE")]
        state: Vec<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// Show one transaction
    Show {
        /// Its id
        id: uuid::Uuid,
    },
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    let daemon = Daemon::of(shell)?;
    match args.command {
        Command::List { state, limit } => {
            let query = [("state", state.join(",")), ("limit", limit.to_string())];
            let rows = daemon.get_with("/v1/transactions", &query)?;
            shell
                .show(&rows, || rows.as_array().into_iter().flatten().filter_map(Value::as_object).map(line).collect());
        }
        Command::Show { id } => {
            let row = daemon.get(&format!("/v1/transactions/{id}"))?;
            shell.show(&row, || row.as_object().into_iter().flatten().map(member).collect());
        }
    }
    Ok(())
}

fn line(row: &Map<String, Value>) -> String {
    let number = |name: &str| row.get(name).map(Value::to_string).unwrap_or_default();
    let provisional = if row.get("provisional") == Some(&Value::Bool(true)) { " 暂结" } else { "" };
    format!(
        "{:>5} {} {:<11} {:<24} {:>12} ×{}{provisional}\n",
        number("sequence"),
        text(row, "id"),
        text(row, "state"),
        text(row, "scenario"),
        text(row, "amount"),
        number("attempts"),
    )
}

fn member((name, value): (&String, &Value)) -> String {
    match value {
        Value::String(text) => format!("{name:<14} {text}\n"),
        Value::Null => format!("{name:<14} –\n"),
        other => format!("{name:<14} {other}\n"),
    }
}
