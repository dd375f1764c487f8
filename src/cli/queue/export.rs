//! `sbkd queue export`: a business day as a file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde_json::json;

use super::{configuration, past, told};
use crate::cli::file::{Unwritten, exists, failed, write_new};
use crate::cli::{Outcome, Problem, Shell, errors};
use crate::queue::{ExportError, Exported, Past};

/// Arguments of `sbkd queue export`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The business date, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    date: Date,
    /// JSON lines, which `sbkd queue verify` proves, or a table for reading
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "jsonl")]
    format: Format,
    /// With the mark at the start by which some spreadsheet programs know UTF-8; of a CSV
    #[arg(long)]
    bom: bool,
    /// Where it goes; never overwritten (default: standard output)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Jsonl,
    Csv,
}

impl Args {
    pub(super) fn run(self, shell: &Shell) -> Outcome {
        if self.bom && self.format != Format::Csv {
            return Err(Problem::with(&errors::USAGE, "--bom belongs to --format csv"));
        }
        let Some(out) = &self.out else { return self.to_stdout(shell) };
        let past = past(&configuration(shell)?)?;
        let written = write_new(out, 0o600, |out| self.write(&past, out)).map_err(|error| match error {
            Unwritten::Exists => exists(out),
            Unwritten::Failed(error) => problem(out, &error),
        })?;
        let mut value = json!(written);
        value["file"] = json!(out);
        shell.show(&value, || text(out, &written));
        Ok(())
    }

    fn to_stdout(&self, shell: &Shell) -> Outcome {
        if shell.json() {
            let why = "with --json the export needs a file of its own: --out is wanted";
            return Err(Problem::with(&errors::USAGE, why));
        }
        let past = past(&configuration(shell)?)?;
        let mut out = io::BufWriter::new(io::stdout());
        match self.write(&past, &mut out).and_then(|_| Ok(out.flush()?)) {
            // A reader that has gone (`| head`) is no failure of the command.
            Err(ExportError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| problem(Path::new("standard output"), &error)),
        }
    }

    fn write(&self, past: &Past, out: &mut dyn Write) -> Result<Exported, ExportError> {
        match self.format {
            Format::Jsonl => past.export(self.date, out),
            Format::Csv => {
                out.write_all(if self.bom { "\u{feff}".as_bytes() } else { b"" })?;
                past.export_csv(self.date, out)
            }
        }
    }
}

fn problem(out: &Path, error: &ExportError) -> Problem {
    match error {
        ExportError::Journal(error) => told(error),
        ExportError::Output(error) => failed(out, error),
    }
}

fn text(out: &Path, written: &Exported) -> String {
    let (date, records) = (written.date, written.records);
    let whole = format!("{}：{date} {records} 笔 / {records} records of {date}\n", out.display());
    let sums = written.sums.iter().map(|sum| format!("  {:<12} {:>8} {:>16}\n", sum.state, sum.records, sum.amount));
    whole + &sums.collect::<String>()
}
