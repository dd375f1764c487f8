//! Where a command's output goes: one JSON value or readable text on standard output, failures as the contract says.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Exit, Global, Problem, errors};
use crate::api::no_repeats;
use crate::failure::utf8;
use crate::terminal::{LARGEST_FILE, files_below, read_file, read_to};

/// The arguments every command shares, and its way to the person.
pub(super) struct Shell {
    global: Global,
}

impl Shell {
    pub(super) fn new(global: Global) -> Self {
        Self { global }
    }

    pub(super) fn json(&self) -> bool {
        self.global.json
    }

    pub(super) fn config_file(&self) -> Option<&Path> {
        self.global.config.as_deref()
    }

    pub(super) fn socket(&self) -> Option<&Path> {
        self.global.socket.as_deref()
    }

    /// Prints `value` with `--json`, else `text`.
    pub(super) fn show(&self, value: &impl Serialize, text: impl FnOnce() -> String) {
        if self.global.json {
            print_json(value);
        } else {
            print_line(text().trim_end());
        }
    }

    /// Whether all that was printed so far was taken by whoever reads it.
    pub(super) fn was_heard(&self) -> bool {
        !UNHEARD.load(Ordering::Relaxed)
    }

    /// Prints `value` with `--json`, else a file's text to the byte.
    pub(super) fn put(&self, value: &Value, text: &str) {
        if self.global.json { print_json(value) } else { print_line(text.strip_suffix('\n').unwrap_or(text)) }
    }

    /// Prints `value` with `--json`, else these bytes and nothing more.
    pub(super) fn put_bytes(&self, value: &Value, bytes: &[u8]) {
        if self.global.json { print_json(value) } else { print(bytes) }
    }

    /// Prints one line that a program can wait for: `value` with `--json`, else `text`. It is out when this returns.
    pub(super) fn say(&self, value: &Value, text: &str) {
        if self.global.json { print_line(&value.to_string()) } else { print_line(text) }
    }

    /// A line of progress on standard error; nothing with `--json`.
    pub(super) fn step(&self, text: &str) {
        if !self.global.json {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    /// The exit code of a command that is done: a failure when what it had to say was lost.
    pub(super) fn done(&self) -> ExitCode {
        if !LOST.load(Ordering::Relaxed) {
            return Exit::Ok.into();
        }
        let problem = Problem::with(&errors::FILE, "standard output").exit_as(Exit::Failed);
        let _ = write!(std::io::stderr(), "{}", problem.to_text());
        problem.exit().into()
    }

    /// Tells a failure and gives its exit code.
    pub(super) fn fail(&self, problem: &Problem) -> ExitCode {
        if problem.is_shown() {
            return problem.exit().into();
        }
        if self.global.json {
            print_json(&problem.to_json());
        } else {
            let _ = write!(std::io::stderr(), "{}", problem.to_text());
        }
        problem.exit().into()
    }
}

/// A command line that clap refused, or its help.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|arg| arg == "--json");
    if error.use_stderr() && json {
        let text = error.render().to_string();
        // Up to the usage, which names what is missing in lines of their own.
        let what: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
        let what = what.join(" ");
        print_json(&Problem::with(&errors::USAGE, what.trim_start_matches("error: ")).to_json());
    } else {
        // What a closed pipe does not take needs no second report.
        let _ = error.print();
    }
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Ok.into() }
}

/// One object from a JSON file, `-` for standard input.
pub(super) fn read_object(path: &Path) -> Result<Map<String, Value>, Problem> {
    match parse_json(path, &read_text(path)?)? {
        Value::Object(map) => Ok(map),
        _ => Err(Problem::with(&errors::JSON, format!("{}:1:1: not an object", path.display()))),
    }
}

/// JSON text from the file `path`. A mistake is told by its place alone: the parser's own words may quote the input,
/// which may be personal.
pub(super) fn parse_json<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Problem> {
    // Some editors put a mark in front by which they know UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let told = |error: serde_json::Error, data: &str| {
        let what = if error.is_data() { data } else { "not JSON" };
        let place = format!("{}:{}:{}: {what}", path.display(), error.line(), error.column());
        Problem::with(&errors::JSON, place)
    };
    no_repeats(text.as_bytes()).map_err(|error| told(error, "a member is there twice"))?;
    serde_json::from_str(text).map_err(|error| told(error, "not what is wanted here"))
}

/// The files at `paths`: a file itself, a directory's files (and its directories') that end in `extension`, sorted, but
/// for those whose name begins with a dot.
pub(super) fn files(paths: &[PathBuf], extension: &str) -> Result<Vec<PathBuf>, Problem> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let told = |(place, error): (PathBuf, std::io::Error)| {
                Problem::with(&errors::FILE, format!("{}: {error}", place.display()))
            };
            found.extend(files_below(path, extension).map_err(told)?);
        } else {
            found.push(path.clone());
        }
    }
    if found.is_empty() {
        let places: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Problem::with(&errors::FILE, format!("no *.{extension} in {}", places.join(", "))));
    }
    Ok(found)
}

/// A file of at most [`LARGEST_FILE`] bytes, `-` for standard input.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, Problem> {
    let read = match path == Path::new("-") {
        true => read_to(std::io::stdin(), LARGEST_FILE),
        false => read_file(path, LARGEST_FILE),
    };
    read.map_err(|error| Problem::with(&errors::FILE, format!("{}: {error}", path.display())))
}

/// A text file of at most [`LARGEST_FILE`] bytes, `-` for standard input.
pub(super) fn read_text(path: &Path) -> Result<String, Problem> {
    let (bytes, file) = (read_bytes(path)?, path.display().to_string());
    let text = utf8(&file, &bytes, "not UTF-8: save it as UTF-8");
    text.map(str::to_owned).map_err(|mistake| Problem::with(&errors::FILE, mistake.to_string()))
}

fn print_json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print_line(&text),
        Err(error) => tracing::error!(%error, "a result has no JSON form"),
    }
}

/// Whether output was lost for want of room.
static LOST: AtomicBool = AtomicBool::new(false);
/// Whether some was not taken, for whatever reason.
static UNHEARD: AtomicBool = AtomicBool::new(false);

fn print_line(text: &str) {
    print(format!("{text}\n").as_bytes());
}

fn print(bytes: &[u8]) {
    let mut out = std::io::stdout();
    let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) else { return };
    UNHEARD.store(true, Ordering::Relaxed);
    // A reader that has gone (`| head`) is no failure of the command.
    if error.kind() != std::io::ErrorKind::BrokenPipe {
        LOST.store(true, Ordering::Relaxed);
    }
}
