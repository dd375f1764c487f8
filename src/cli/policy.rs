//! `sbkd policy`: policy packs.

use std::path::PathBuf;

use serde_json::json;

use super::shell::{files, parse_json, read_text};
use super::{Outcome, Problem, Shell, errors};
use crate::rules::{Decision, Diagnostic, Input, PackInfo, Packs};

/// Arguments of `sbkd policy`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check packs: files or directories, the built-in ones when none is named
    Check {
        /// Pack files or directories
        paths: Vec<PathBuf>,
    },
    /// Run the cases of packs
    Test {
        /// Pack files or directories
        paths: Vec<PathBuf>,
    },
    /// Decide an input and say why, step by step
    Explain {
        /// The scenario's id
        scenario: String,
        /// Facts, lines and accumulators: a JSON object, - for standard input
        #[arg(long, value_name = "FILE")]
        input: PathBuf,
        /// Pack files or directories in place of the built-in ones
        #[arg(long, value_name = "PATH")]
        packs: Vec<PathBuf>,
    },
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    match args.command {
        Command::Check { paths } => check(&load(&paths)?, shell),
        Command::Test { paths } => test(&load(&paths)?, shell),
        Command::Explain { scenario, input, packs } => {
            let input: Input = parse_json(&input, &read_text(&input)?)?;
            let decision = load(&packs)?.decide(&scenario, &input).map_err(|error| Problem::from_error(&error))?;
            shell.show(&decision, || explained(&decision));
            Ok(())
        }
    }
}

/// The packs at `paths`, the built-in ones when there is none.
pub(super) fn load(paths: &[PathBuf]) -> Result<Packs, Problem> {
    if paths.is_empty() {
        return Ok(Packs::builtin());
    }
    let mut texts = Vec::new();
    for path in files(paths, "toml")? {
        let text = read_text(&path)?;
        texts.push((path.display().to_string(), text));
    }
    Packs::load(&texts).map_err(|mistakes| told(&mistakes))
}

fn told(mistakes: &[Diagnostic]) -> Problem {
    let lines: Vec<String> = mistakes.iter().map(Diagnostic::to_string).collect();
    Problem::with(&errors::PACK, lines.join("\n")).and("diagnostics", json!(mistakes))
}

fn check(packs: &Packs, shell: &Shell) -> Outcome {
    let list = packs.list();
    shell.show(&json!({ "ok": true, "packs": list }), || list.iter().map(line).collect());
    Ok(())
}

fn line(info: &PackInfo) -> String {
    let demo = if info.demo { "（演示参数）" } else { "" };
    let hash = info.pack.sha256.get(..12).unwrap_or_default();
    format!(
        "{} {} [{} – {}] {}{demo} sha256 {hash}… {}\n",
        info.pack.id, info.pack.version, info.valid_from, info.valid_to, info.title, info.file
    )
}

fn test(packs: &Packs, shell: &Shell) -> Outcome {
    let results = packs.test();
    let failed = results.cases.iter().filter(|case| !case.failures.is_empty()).count();
    let total = results.cases.len();
    let value = json!({ "ok": results.passed(), "total": total, "failed": failed, "cases": results.cases });
    if !results.passed() {
        let names: Vec<_> = results.cases.iter().filter(|c| !c.failures.is_empty()).map(|c| c.name.as_str()).collect();
        return Err(
            Problem::with(&errors::PACK, format!("{failed}/{total}: {}", names.join(", "))).and("results", value)
        );
    }
    shell.show(&value, || {
        let lines: String = results.cases.iter().map(|case| format!("ok  {}: {}\n", case.pack, case.name)).collect();
        format!("{lines}{total} 例全部通过 / all passed")
    });
    Ok(())
}

/// The decision in words, then its trace.
pub(super) fn explained(decision: &Decision) -> String {
    format!("{}\n\n{}", decision.explain_zh().join("\n"), decision.explain_table())
}
