//! OpenFisca, when it is installed: a child of this program, `openfisca/settle.py`, that settles the same cases one by
//! one and all at once.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cases::{Answer, Case, LEVELS, PAY, POOL_CAP, STATUSES};

/// The environment's name for a Python that has OpenFisca.
pub const PYTHON: &str = "SBKD_OPENFISCA_PYTHON";

/// The child and its way to speak.
pub struct OpenFisca {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Versions of OpenFisca, Python and numpy.
    pub version: String,
    /// The answers to every case, one by one and all at once.
    pub settled: [Vec<Answer>; 2],
}

impl OpenFisca {
    /// Starts it; `None` when no Python has it.
    pub fn find(cases: &[Case]) -> Option<Self> {
        let python = candidates().into_iter().find(|python| has_it(python))?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("openfisca/settle.py");
        let mut command = Command::new(python);
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a Python that was found");
        let (Some(mut requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("both were asked for")
        };
        let mut answers = BufReader::new(answers);
        writeln!(requests, "{}", told(cases)).expect("the child listens");
        let first = line(&mut answers);
        let settled = ["one", "all"].map(|way| first[way].as_array().expect("answers").iter().map(answer).collect());
        let version = first["version"].as_str().expect("a version").to_owned();
        Some(Self { child, requests, answers, version, settled })
    }

    /// The time that `count` cases take, a simulation each.
    pub fn one_by_one(&mut self, count: usize) -> Duration {
        self.request(&format!("one {count}"))
    }

    /// The time that all cases take in one simulation.
    pub fn at_once(&mut self) -> Duration {
        self.request("all")
    }

    fn request(&mut self, request: &str) -> Duration {
        writeln!(self.requests, "{request}").expect("the child listens");
        Duration::from_nanos(line(&mut self.answers).as_u64().expect("nanoseconds"))
    }
}

impl Drop for OpenFisca {
    fn drop(&mut self) {
        // Nothing is lost with it, and a child that has gone already is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a Python with OpenFisca may be: what the environment names, this tree's own, the usual one.
fn candidates() -> Vec<PathBuf> {
    let named = std::env::var_os(PYTHON).map(PathBuf::from);
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/openfisca/bin/python");
    named.into_iter().chain([own, PathBuf::from("python3")]).collect()
}

fn has_it(python: &Path) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", "import openfisca_core"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn told(cases: &[Case]) -> Value {
    let cases = cases.iter().map(|case| {
        json!({
            "total": case.total, "own": case.own, "over": case.over, "pre": case.pre, "balance": case.balance,
            "pool": case.pool, "ded_paid": case.ded_paid, "level": case.level_name(), "status": case.status_name(),
        })
    });
    let rows = |rows: [(i64, i64); 2]| STATUSES.iter().zip(rows).map(|(name, pay)| ((*name).to_owned(), json!(pay)));
    let pay = LEVELS.iter().zip(PAY).map(|(name, pay)| ((*name).to_owned(), Value::Object(rows(pay).collect())));
    json!({ "cases": cases.collect::<Vec<_>>(), "pay": Value::Object(pay.collect()), "pool_cap": POOL_CAP })
}

fn line(answers: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    answers.read_line(&mut line).expect("the child answers");
    serde_json::from_str(&line).expect("JSON from the child; what went wrong stands above")
}

fn answer(value: &Value) -> Answer {
    let [scope, ded, paid, acct, cash] = [0, 1, 2, 3, 4].map(|at| value[at].as_i64().expect("fen"));
    Answer { scope, ded, paid, acct, cash }
}
