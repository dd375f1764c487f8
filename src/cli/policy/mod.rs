//! `sbkd policy`: policy packs.

mod diff;
mod explain;
mod packs;
mod replay;
mod report;
mod sign;
mod table;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::client::{Daemon, text};
use super::shell::parse_json;
use super::{Outcome, Problem, Shell, errors};
use crate::rules::{PACK_SCHEMA, PackInfo, Packs, Trust};
use packs::{load, load_signed, without_cases};
pub(super) use sign::private as signing_key;

/// The packs of these files and folders.
pub(super) fn packs_of(paths: &[PathBuf]) -> Result<Packs, Problem> {
    load(paths)
}

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
        /// Look at signatures by this public key: a file, or its 64 digits
        #[arg(long, value_name = "KEY")]
        key: Vec<String>,
        /// Take no pack without a signature
        #[arg(long, requires = "key")]
        require_signature: bool,
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
    /// Say what two packs say otherwise, and what becomes of their cases
    Diff {
        /// The old pack, or a directory of packs
        old: PathBuf,
        /// The new one
        new: PathBuf,
    },
    /// Decide the journal's past cases again by other packs: who would get what instead
    Replay(replay::Args),
    /// Have the running daemon take up what is in its folder of packs now
    Reload,
    /// Print the JSON Schema of packs, for editors
    Schema,
    /// A table's rows as CSV for a spreadsheet program, and back
    Table(table::Args),
    /// Make a key that signs packs, and beside it (.pub) the one that proves its signatures
    Keygen {
        /// Where the private key goes, with mode 0600; never overwritten
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign packs: a signature beside each (.sig)
    Sign {
        /// The private key: PKCS#8 Ed25519 in DER, mode 0600
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Pack files or directories
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Look at the signatures of packs
    Verify {
        /// A public key, a file or its 64 digits; the keys of the configuration when none is named
        #[arg(long, value_name = "KEY")]
        key: Vec<String>,
        /// Pack files or directories
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    match args.command {
        Command::Check { paths, key, require_signature } => {
            let trust = Trust { keys: sign::public(&key)?, required: require_signature };
            check(&load_signed(&paths, &trust)?, shell)
        }
        Command::Test { paths } => test(&load(&paths)?, shell),
        Command::Explain { scenario, input, packs } => explain::run(&scenario, &input, &packs, shell),
        Command::Diff { old, new } => diff::run(&old, &new, shell),
        Command::Replay(args) => replay::run(&args, shell),
        Command::Reload => reload(shell),
        Command::Schema => {
            // The schema is JSON, with or without --json.
            shell.put(&parse_json(Path::new("pack.schema.json"), PACK_SCHEMA)?, PACK_SCHEMA);
            Ok(())
        }
        Command::Table(args) => table::run(&args, shell),
        Command::Keygen { out } => sign::keygen(&out, shell),
        Command::Sign { key, paths } => sign::sign(&key, &paths, shell),
        Command::Verify { key, paths } => sign::verify(&key, &paths, shell),
    }
}

/// The daemon looks at its folder, and says what is in force afterwards.
fn reload(shell: &Shell) -> Outcome {
    let answer = Daemon::of(shell)?.post("/v1/policy/reload", &json!({}))?;
    shell.show(&answer, || {
        let what = match (answer["origin"].as_str(), answer["changed"].as_bool()) {
            (Some("built-in"), _) => {
                "使用内置政策包，没有目录可读 / the built-in packs are in force: there is no folder"
            }
            (_, Some(true)) => "已启用 / taken up",
            _ => "没有变化 / nothing has changed",
        };
        let packs = answer["packs"].as_array().into_iter().flatten().filter_map(Value::as_object);
        let line = |pack| format!("{} {} {}\n", text(pack, "id"), text(pack, "version"), text(pack, "file"));
        packs.map(line).collect::<String>() + what
    });
    Ok(())
}

fn check(packs: &Packs, shell: &Shell) -> Outcome {
    let (list, without) = (packs.list(), without_cases(packs, shell));
    shell.show(&json!({ "ok": true, "packs": list, "without_cases": without }), || list.iter().map(line).collect());
    Ok(())
}

pub(super) fn line(info: &PackInfo) -> String {
    let demo = if info.demo { "（演示参数）" } else { "" };
    let hash = info.pack.sha256.get(..12).unwrap_or_default();
    let signed = info.pack.signed_by.as_ref().map(|key| format!(" 签名 / signed {key}")).unwrap_or_default();
    format!(
        "{} {} [{} – {}] {}{demo} sha256 {hash}…{signed} {}\n",
        info.pack.id, info.pack.version, info.valid_from, info.valid_to, info.title, info.file
    )
}

fn test(packs: &Packs, shell: &Shell) -> Outcome {
    let results = packs.test();
    let failed = results.cases.iter().filter(|case| !case.failures.is_empty()).count();
    let total = results.cases.len();
    let without = without_cases(packs, shell);
    let value = json!({
        "ok": results.passed(), "total": total, "failed": failed, "cases": results.cases, "without_cases": without,
    });
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
