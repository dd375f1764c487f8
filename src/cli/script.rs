//! `sbkd script`: APDU scripts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::shell::{files, read_text};
use super::{Outcome, Problem, Shell, errors, import};
use crate::failure::Diagnostic;
use crate::reader::open_direct;
use crate::script::{self, Flow, Library, Recording, Vars};

/// How long a flow may hold the card.
const WITHIN: Duration = Duration::from_secs(30);

/// Arguments of `sbkd script`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check scripts and recordings: files or directories, the built-in scripts when none is named
    Check {
        /// Files or directories
        paths: Vec<PathBuf>,
    },
    /// Run one flow of a script against the card in a reader
    Run(Run),
    /// Make a recording of another program's session, from the log of pcsc-spy or apdu4j
    Import(import::Args),
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The script's file, or the name of a built-in one
    script: String,
    /// The flow's name
    flow: String,
    /// The reader: its name or an unambiguous beginning of it
    #[arg(long, value_name = "READER")]
    reader: Option<String>,
    /// A value the flow needs, as name=hex
    #[arg(long = "set", value_name = "NAME=HEX")]
    set: Vec<String>,
    /// Show captured bytes instead of their lengths; they may be personal
    #[arg(long)]
    unmask: bool,
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    match args.command {
        Command::Check { paths } => check(&paths, shell),
        Command::Run(run) => run_flow(&run, shell),
        Command::Import(args) => import::run(args, shell),
    }
}

fn check(paths: &[PathBuf], shell: &Shell) -> Outcome {
    let (library, recordings) = if paths.is_empty() { (Library::builtin(), Vec::new()) } else { load(paths)? };
    let scripts: Vec<Value> = library.scripts().map(|(name, flows)| listed(name, flows)).collect();
    shell.show(&json!({ "ok": true, "scripts": scripts, "recordings": recordings }), || {
        let flows = |(name, flows)| lines(name, flows);
        let recordings = recordings.iter().map(|one| format!("{one}\n"));
        library.scripts().map(flows).chain(recordings).collect()
    });
    Ok(())
}

/// The scripts at `paths`, and the recordings among them, which only have to be sound.
fn load(paths: &[PathBuf]) -> Result<(Library, Vec<String>), Problem> {
    let (mut scripts, mut recordings, mut mistakes) = (Vec::new(), Vec::new(), Vec::new());
    for path in files(paths, "apdu")? {
        let (file, text) = (path.display().to_string(), read_text(&path)?);
        if !Recording::is_one(&text) {
            scripts.push((file, text));
        } else if let Err(found) = Recording::parse(&file, &text) {
            mistakes.extend(found);
        } else {
            recordings.push(file);
        }
    }
    let library = Library::fit(&scripts).map_err(|found| mistakes.extend(found));
    match library {
        Ok(library) if mistakes.is_empty() => Ok((library, recordings)),
        _ => Err(told(&mistakes)),
    }
}

/// Every mistake, for people and for programs.
pub(super) fn told(mistakes: &[Diagnostic]) -> Problem {
    let lines: Vec<String> = mistakes.iter().map(Diagnostic::to_string).collect();
    Problem::with(&script::MISTAKE, lines.join("\n")).and("diagnostics", json!(mistakes))
}

fn listed<'a>(name: &str, flows: impl Iterator<Item = &'a Flow>) -> Value {
    let flow = |flow: &Flow| {
        let (inputs, outputs): (Vec<_>, Vec<_>) = (flow.inputs().collect(), flow.outputs().collect());
        json!({ "name": flow.name(), "inputs": inputs, "outputs": outputs })
    };
    json!({ "script": name, "flows": flows.map(flow).collect::<Vec<_>>() })
}

fn lines<'a>(name: &str, flows: impl Iterator<Item = &'a Flow>) -> String {
    let line = |flow: &Flow| {
        let (inputs, outputs): (Vec<_>, Vec<_>) = (flow.inputs().collect(), flow.outputs().collect());
        format!("  {} ({}) -> {}\n", flow.name(), inputs.join(", "), outputs.join(", "))
    };
    format!("{name}\n{}", flows.map(line).collect::<String>())
}

fn run_flow(args: &Run, shell: &Shell) -> Outcome {
    let (library, script) = one(&args.script)?;
    let flow = library.flow(&script, &args.flow).map_err(|error| Problem::from_error(&error))?;
    let mut vars = values(flow, &args.set)?;
    let mut lease = open_direct(args.reader.as_deref(), WITHIN).map_err(|error| Problem::from_error(&error))?;
    let status = script::run(flow, &mut lease, &mut vars).map_err(|error| Problem::from_error(&error))?;
    let shown = |name: &str| match (vars.get(name), args.unmask) {
        (None, _) => Value::Null,
        (Some(value), false) => json!({ "length": value.len() }),
        (Some(value), true) => json!({ "length": value.len(), "hex": hex::encode_upper(value) }),
    };
    let kept: serde_json::Map<String, Value> = flow.outputs().map(|name| (name.to_owned(), shown(name))).collect();
    let apdus = lease.counts().commands;
    let result = json!({ "reader": lease.reader(), "status": status.to_string(), "values": kept, "apdus": apdus });
    shell.show(&result, || {
        let line = |(name, value): (&String, &Value)| match (&value["hex"], &value["length"]) {
            (Value::String(hex), _) => format!("{name} = {hex}\n"),
            (_, Value::Number(length)) => format!("{name}: {length} 字节 / bytes\n"),
            _ => format!("{name}: –\n"),
        };
        format!("{status}\n{}", kept.iter().map(line).collect::<String>())
    });
    Ok(())
}

/// A script by its file, or a built-in one by its name; and the name it goes by.
fn one(script: &str) -> Result<(Library, String), Problem> {
    let path = Path::new(script);
    if path.extension().is_none_or(|ending| ending != "apdu") {
        return Ok((Library::builtin(), script.to_owned()));
    }
    let library = Library::load(&[(script.to_owned(), read_text(path)?)]).map_err(|mistakes| told(&mistakes))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok((library, name))
}

/// The values given on the command line. A mistake names the value, and never shows it.
fn values(flow: &Flow, given: &[String]) -> Result<Vars, Problem> {
    let wrong = |what: String| Problem::with(&errors::USAGE, what);
    let mut vars = Vars::new();
    for (at, one) in given.iter().enumerate() {
        let Some((name, digits)) = one.split_once('=') else {
            return Err(wrong(format!("--set number {}: name=hex is wanted", at + 1)));
        };
        if !flow.inputs().any(|input| input == name) {
            return Err(wrong(format!("the flow {} takes no value {name}", flow.name())));
        }
        let value = hex::decode(digits).map_err(|_| wrong(format!("--set {name}: not hex")))?;
        vars.set(name, &value);
    }
    Ok(vars)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_refused_is_not_shown() {
        let text = "flow a pin:3\n> 00200000 [{pin}]\n< 9000\n".to_owned();
        let library = Library::load(&[("t.apdu".to_owned(), text)]).unwrap();
        let flow = library.flow("t", "a").unwrap();
        assert_eq!(values(flow, &["pin=123456".to_owned()]).unwrap().get("pin"), Some(&[0x12, 0x34, 0x56][..]));
        for given in ["pin=12345", "123456", "other=123456", "pin=12345G"] {
            let text = values(flow, &[given.to_owned()]).unwrap_err().to_text();
            assert!(text.contains("E-CLI-USAGE") && !text.contains("12345"), "{text}");
        }
    }
}
