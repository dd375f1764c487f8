//! `sbkd readers`: the card readers, their roles and what is in them.

use serde_json::{Map, Value};

use super::client::{Daemon, text};
use super::{Outcome, Problem, Shell};
use crate::failure::Explain;
use crate::reader::list_direct;

/// Arguments of `sbkd readers`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Ask PC/SC instead of the daemon
    #[arg(long)]
    direct: bool,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    let readers = if args.direct { direct()? } else { Daemon::of(shell)?.get("/v1/readers")? };
    shell.show(&readers, || table(&readers));
    Ok(())
}

fn direct() -> Result<Value, Problem> {
    let readers = list_direct().map_err(|error| error.failure())?;
    let rows = readers.iter().map(|reader| serde_json::to_value(reader).unwrap_or_default());
    Ok(rows.collect())
}

fn table(readers: &Value) -> String {
    let rows: Vec<&Map<String, Value>> =
        readers.as_array().into_iter().flatten().filter_map(Value::as_object).collect();
    if rows.is_empty() {
        return "没有读卡器 / no reader".to_owned();
    }
    rows.iter().map(|row| line(row)).collect()
}

fn line(row: &Map<String, Value>) -> String {
    let is = |name: &str| row.get(name) == Some(&Value::Bool(true));
    let card = match (is("card"), is("busy")) {
        (false, _) => "无卡 / empty",
        (true, false) => "有卡 / card",
        (true, true) => "有卡，被占用 / card, in use",
    };
    format!("{:<8} {card}  {}\n", text(row, "role"), text(row, "name"))
}
