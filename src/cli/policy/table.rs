//! `sbkd policy table`: a decision table for a spreadsheet program, and back.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde_json::json;

use super::packs::{sources, told};
use crate::cli::file::{beside, failed, keep_new, replace};
use crate::cli::{Outcome, Problem, Shell, errors};
use crate::rules::{Import, RowChange, Sheet};
use crate::terminal::{LARGEST_FILE, read_file, read_to};

/// Arguments of `sbkd policy table`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The pack's file
    file: PathBuf,
    /// The table's name
    table: String,
    /// The first day of the table's version, where it has several
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// Write the rows to a new CSV file, - for standard output
    #[arg(long, value_name = "FILE", required_unless_present = "import", conflicts_with = "import")]
    csv: Option<PathBuf>,
    /// Begin the CSV with the mark by which spreadsheet programs know UTF-8
    #[arg(long, requires = "csv")]
    bom: bool,
    /// Take the rows of a CSV into the pack, - for standard input
    #[arg(long, value_name = "FILE")]
    import: Option<PathBuf>,
    /// Say what would change, and change nothing
    #[arg(long, requires = "import")]
    dry_run: bool,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    let file = args.file.display().to_string();
    let packs = sources(std::slice::from_ref(&args.file))?;
    let [pack] = packs.as_slice() else {
        return Err(Problem::with(&errors::USAGE, format!("{file}: one pack is wanted")));
    };
    let text = &pack.text;
    let sheet = Sheet::find(&file, text, &args.table, args.from).map_err(|mistakes| told(&mistakes))?;
    match (&args.csv, &args.import) {
        (Some(out), _) => export(&sheet, out, args.bom, shell),
        (None, Some(csv)) => import(&sheet, text, csv, args, shell),
        // Invariant: the command line has one of them.
        (None, None) => Ok(()),
    }
}

fn export(sheet: &Sheet<'_>, out: &Path, bom: bool, shell: &Shell) -> Outcome {
    let csv = sheet.to_csv(bom);
    let rows = sheet.rows();
    if out == Path::new("-") {
        shell.put(&json!({ "file": null, "rows": rows, "csv": csv }), &csv);
        return Ok(());
    }
    keep_new(out, csv.as_bytes(), 0o644)?;
    shell.show(&json!({ "file": out, "rows": rows }), || format!("{}：{rows} 行 / rows", out.display()));
    Ok(())
}

fn import(sheet: &Sheet<'_>, text: &str, csv: &Path, args: &Args, shell: &Shell) -> Outcome {
    let name = csv.display().to_string();
    let import = sheet.import(&name, &read(csv)?).map_err(|mistakes| told(&mistakes))?;
    let written = import.text != text && !args.dry_run;
    if written {
        replace(&args.file, &import.text)?;
    }
    let unsigned = written && beside(&args.file, ".sig").exists();
    let value = json!({ "file": args.file, "written": written, "signature_void": unsigned, "changes": import.changes });
    shell.show(&value, || {
        let mut lines: Vec<String> = import.changes.iter().map(line).collect();
        lines.push(end(&import, args, written));
        if unsigned {
            lines.push("签名已失效，请重新签名 / the signature does not hold any more: sbkd policy sign".to_owned());
        }
        lines.join("\n")
    });
    Ok(())
}

/// A CSV, of whatever bytes: one that is not UTF-8 is told by the place.
fn read(csv: &Path) -> Result<Vec<u8>, Problem> {
    let read = match csv == Path::new("-") {
        true => read_to(std::io::stdin(), LARGEST_FILE),
        false => read_file(csv, LARGEST_FILE),
    };
    read.map_err(|error| failed(csv, &error))
}

fn line(change: &RowChange) -> String {
    match change {
        RowChange::Cell { row, column, was, is } => format!("第 {row} 行 / row {row}, {column}: {was} → {is}"),
        RowChange::Added { row, cells } => format!("增加第 {row} 行 / row {row} added: {}", cells.join(", ")),
        RowChange::Removed { row, cells } => format!("删除原第 {row} 行 / row {row} removed: {}", cells.join(", ")),
    }
}

fn end(import: &Import, args: &Args, written: bool) -> String {
    let file = args.file.display();
    match (import.changes.is_empty(), written) {
        (true, _) => format!("{file}：没有变化 / nothing changed"),
        (false, true) => format!("{file}：已写入，案例全部通过 / written, all cases pass"),
        (false, false) => format!("{file}：未写入 / not written"),
    }
}
