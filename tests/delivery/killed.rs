//! A terminal's process that is killed (SIGKILL) at any step of its way, each write of the journal and each request
//! before and after it is sent: nothing that was answered is lost, and the centre has each transaction once.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sbkd::queue::{Row, State};
use sbkd::sync::{Settled, settle};
use sbkd::value::Kind;
use serde_json::{Value, json};

use super::cancel::cancelled;
use super::online::{POOL, pool};
use super::world::{Centre, Life, PATIENCE, Process, online, provisional, sign_in};

/// What the process is told: its folder, its centre, and the step at which it dies.
const CHILD: [&str; 3] = ["SBKD_TEST_CHILD", "SBKD_TEST_CENTRE", "SBKD_TEST_STEP"];

fn ended(row: &Row) -> bool {
    !row.state.is_open()
}

/// The process: one sign-in, one provisional settlement, one settlement online; it says what was answered.
#[tokio::test]
#[ignore = "a process of the other test here"]
async fn the_process() {
    let [Ok(dir), Ok(centre), Ok(step)] = CHILD.map(std::env::var) else { return };
    let dir = PathBuf::from(dir);
    let mut answers = File::create(dir.join("answers")).unwrap();
    let process = Process::start(&dir, &centre, &Life::is_killed_at(step.parse().unwrap())).unwrap();
    process.queue.commit_async(sign_in("signed")).await.unwrap();
    writeln!(answers, "signed").unwrap();
    process.queue.commit_async(provisional("alone")).await.unwrap();
    writeln!(answers, "alone").unwrap();
    let (draft, request) = online("online");
    let told = settle(&process.queue, &process.uplink, draft, request, PATIENCE).await;
    assert!(matches!(told, Ok(Settled::Accepted(..))), "{told:?}");
    writeln!(answers, "online").unwrap();
    process.until(ended).await;
    process.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_at_any_step_loses_and_doubles_nothing() {
    for step in 1.. {
        let (dir, centre, lived) = lived("the_process", step).await;
        check(dir.path(), &centre, step).await;
        if lived {
            assert!(step > 30, "only {step} steps were seen");
            return;
        }
    }
}

/// The process: one settlement, and its cancellation; it says what was answered.
#[tokio::test]
#[ignore = "a process of the other test here"]
async fn the_cancelling_process() {
    let [Ok(dir), Ok(centre), Ok(step)] = CHILD.map(std::env::var) else { return };
    let dir = PathBuf::from(dir);
    let mut answers = File::create(dir.join("answers")).unwrap();
    let process = Process::start(&dir, &centre, &Life::is_killed_at(step.parse().unwrap())).unwrap();
    let (draft, request) = online("online");
    let told = settle(&process.queue, &process.uplink, draft, request, PATIENCE).await;
    let Ok(Settled::Accepted(row, _)) = told else { panic!("{told:?}") };
    writeln!(answers, "online").unwrap();
    let told = cancelled(&process, "undo", &row).await;
    assert!(matches!(told, Ok(Settled::Accepted(..))), "{told:?}");
    writeln!(answers, "undo").unwrap();
    process.until(ended).await;
    process.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_while_it_cancels_refunds_once_or_not_at_all() {
    for step in 1.. {
        let (dir, centre, lived) = lived("the_cancelling_process", step).await;
        let answered = fs::read_to_string(dir.path().join("answers")).unwrap();
        let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
        let rows = process.until(ended).await;
        let state = |key: &str| process.queue.by_key(key).unwrap().map(|(row, _)| row.state);
        let (settled, back) = (state("online"), state("undo"));
        assert!(rows.len() <= 2, "step {step}: {rows:?}");
        assert_eq!(settled == Some(State::Cancelled), back == Some(State::Acked), "step {step}: {rows:?}");
        // The pool has what stands, and nothing of what was cancelled.
        let stands = settled == Some(State::Acked);
        assert_eq!(pool(&process).await, if stands { "34720.00" } else { POOL }, "step {step}: {rows:?}");
        if answered.contains("undo") {
            assert_eq!(back, Some(State::Acked), "step {step}: the caller was told that it is cancelled");
        } else if answered.contains("online") {
            assert!(stands || settled == Some(State::Cancelled), "step {step}: {rows:?}");
        }
        process.queue.verify().unwrap();
        process.end().await;
        if lived {
            assert!(step > 15, "only {step} steps were seen");
            return;
        }
    }
}

/// A process that was killed at a step, or came to its end before: its folder, its centre, and whether it lived.
async fn lived(test: &str, step: usize) -> (tempfile::TempDir, Centre, bool) {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args([format!("killed::{test}").as_str(), "--exact", "--ignored", "--nocapture"]);
    for (name, value) in CHILD.into_iter().zip([dir.path().to_str().unwrap(), &centre.url, &step.to_string()]) {
        process.env(name, value);
    }
    let output = tokio::task::spawn_blocking(move || process.output().unwrap()).await.unwrap();
    let lived = output.status.success();
    assert!(lived || output.status.signal() == Some(9), "step {step}: {output:?}");
    (dir, centre, lived)
}

/// The next life, without faults, brings everything to its end.
async fn check(dir: &Path, centre: &Centre, step: usize) {
    let answered = fs::read_to_string(dir.join("answers")).unwrap();
    let process = Process::start(dir, &centre.url, &Life::default()).unwrap();
    for key in answered.lines() {
        assert!(process.queue.by_key(key).unwrap().is_some(), "step {step}: {key} was answered and is lost");
    }
    process.until(ended).await;
    // What a caller does who heard nothing: the same again.
    for draft in [sign_in("signed"), provisional("alone")] {
        process.queue.commit_async(draft).await.unwrap();
    }
    let rows = process.until(ended).await;
    let ledger = process.until_told(centre).await;
    let all = |what: &str| ledger[what].as_array().unwrap().clone();
    let is_forward = |row: &&Row| row.kind == Kind::SignIn || row.provisional;
    let mut sent: Vec<Value> = rows.iter().filter(is_forward).map(|row| json!(row.id)).collect();
    assert_eq!(sent.len(), 2, "step {step}: {rows:?}");
    assert!(rows.iter().filter(is_forward).all(|row| row.state == State::Acked), "step {step}: {rows:?}");
    let mut taken: Vec<Value> = all("transactions").iter().map(|one| one["id"].clone()).collect();
    for ids in [&mut sent, &mut taken] {
        ids.sort_by_key(Value::to_string);
    }
    assert_eq!(taken, sent, "step {step}: {ledger:#}");
    assert_eq!(ledger["sign_ins"], 1, "step {step}");
    // Each settlement stands once, or was taken back and stands not at all; the caller was told no other.
    let mut settled: Vec<&str> = rows
        .iter()
        .filter(|row| row.kind == Kind::Settle && row.state == State::Acked)
        .map(|row| &*row.msgid)
        .collect();
    let settlements = all("settlements");
    let standing = settlements.iter().filter(|one| one["state"] == "settled");
    let mut standing: Vec<&str> = standing.map(|one| one["msgid"].as_str().unwrap()).collect();
    for msgids in [&mut settled, &mut standing] {
        msgids.sort_unstable();
    }
    assert_eq!(standing, settled, "step {step}: {rows:?} {ledger:#}");
    if answered.contains("online") {
        let (row, _) = process.queue.by_key("online").unwrap().unwrap();
        assert_eq!(row.state, State::Acked, "step {step}: the caller was told that it is settled");
    }
    process.queue.verify().unwrap();
    process.end().await;
}
