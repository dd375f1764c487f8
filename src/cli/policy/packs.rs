//! Packs as the commands read them, and how their mistakes are told.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::shell::files;
use crate::cli::{Problem, Shell, errors};
use crate::rules::{Diagnostic, LARGEST_PACK, Packs, Source, Trust};
use crate::terminal::{PackFiles, read_to};

/// The packs at `paths`, the built-in ones when there is none.
pub(super) fn load(paths: &[PathBuf]) -> Result<Packs, Problem> {
    load_signed(paths, &Trust::default())
}

/// The same, with their signatures.
pub(super) fn load_signed(paths: &[PathBuf], trust: &Trust) -> Result<Packs, Problem> {
    if paths.is_empty() {
        if trust.required {
            return Err(Problem::with(&errors::USAGE, "the built-in packs are not signed"));
        }
        return Ok(Packs::builtin());
    }
    let files = read(paths)?;
    let loaded = Packs::load_signed(&files.sources, trust);
    sound(&files, loaded)
}

/// The packs at `paths` without a look at their cases, for who wants to know what comes of them all the same.
pub(super) fn load_without_cases(paths: &[PathBuf]) -> Result<Packs, Problem> {
    let files = read(paths)?;
    let loaded = Packs::load_without_cases(&files.sources);
    sound(&files, loaded)
}

/// The files of packs at `paths`, each with the signature beside it; `-` for standard input.
pub(super) fn read(paths: &[PathBuf]) -> Result<PackFiles, Problem> {
    let (stdin, named): (Vec<_>, Vec<_>) = files(paths, "toml")?.into_iter().partition(|path| path == Path::new("-"));
    let mut read = PackFiles::read(named);
    if !stdin.is_empty() {
        read.add("-", read_to(std::io::stdin(), LARGEST_PACK as u64));
    }
    Ok(read)
}

/// What came of files that were read: it only counts when nothing is wrong with any of them.
pub(super) fn sound<T>(files: &PackFiles, loaded: Result<T, Vec<Diagnostic>>) -> Result<T, Problem> {
    let (loaded, found) = match loaded {
        Ok(loaded) => (Some(loaded), Vec::new()),
        Err(found) => (None, found),
    };
    let mut mistakes = files.wrong();
    mistakes.extend(found);
    match loaded {
        Some(loaded) if mistakes.is_empty() => Ok(loaded),
        // Only places that are wrong, and no pack.
        _ if mistakes.len() == files.unread.len() => {
            let lines: Vec<String> =
                mistakes.iter().map(|mistake| format!("{}: {}", mistake.file, mistake.message)).collect();
            Err(Problem::with(&errors::FILE, lines.join("\n")).and("diagnostics", json!(mistakes)))
        }
        _ => Err(told(&mistakes)),
    }
}

/// The sources of packs that can all be read.
pub(super) fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, Problem> {
    let mut files = read(paths)?;
    let sources = std::mem::take(&mut files.sources);
    sound(&files, Ok(sources))
}

/// Mistakes, a line each and nothing besides, so that an editor finds its way to each.
pub(super) fn told(mistakes: &[Diagnostic]) -> Problem {
    let lines: Vec<String> = mistakes.iter().map(Diagnostic::to_string).collect();
    Problem::with(&errors::PACK, lines.join("\n")).and("diagnostics", json!(mistakes)).as_lines()
}

/// The files of the packs that nothing proves, told on standard error as well.
pub(super) fn without_cases(packs: &Packs, shell: &Shell) -> Vec<String> {
    let without = packs.without_cases();
    for mistake in &without {
        shell.step(&format!("{}:{}:{}: warning: {}", mistake.file, mistake.line, mistake.column, mistake.message));
    }
    without.into_iter().map(|mistake| mistake.file).collect()
}
