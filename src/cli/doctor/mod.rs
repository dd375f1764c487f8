//! `sbkd doctor`: what is wrong with this terminal, and what to do about it.
//!
//! With the daemon running it is asked, since it holds readers and journal; without it everything is looked at
//! directly, save what is in the journal.

mod accounts;
mod aside;
mod blacklist;
mod catalogue;
mod clock;
mod daemon;
mod finding;
mod local;
mod owners;
mod pads;
mod policy;
mod readers;
mod rights;
mod stuck;
mod untold;
mod writes;

use serde_json::json;

use super::client::Daemon;
use super::{Outcome, Problem, Shell, config, errors};
use finding::{Finding, Status};

/// Arguments of `sbkd doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args, shell: &Shell) -> Outcome {
    let (findings, daemon) = examine(shell);
    let mut failed: Vec<&str> = findings.iter().filter(|f| f.status == Status::Failed).map(|f| f.check).collect();
    failed.dedup();
    let mut report = json!({ "ok": failed.is_empty(), "daemon": daemon, "checks": findings });
    let problem = Problem::with(&errors::UNWELL, failed.join(", "));
    if !failed.is_empty() {
        report["error"] = problem.to_json()["error"].clone();
    }
    shell.show(&report, || findings.iter().map(Finding::text).collect());
    if failed.is_empty() { Ok(()) } else { Err(problem.shown()) }
}

/// All findings, and whether the daemon was asked.
fn examine(shell: &Shell) -> (Vec<Finding>, bool) {
    let file = config::place(shell);
    let (found, mut packs, config) = match config::load(&file) {
        Ok(config) => {
            let (found, packs) = local::setup(&file, &config);
            (found, packs, Some(config))
        }
        Err(problem) => (Finding::of_problem("config", &problem), Finding::skipped("policy", "config"), None),
    };
    let daemon = Daemon::of(shell);
    let asked = |path| daemon.as_ref().map_err(Clone::clone).and_then(|daemon| daemon.get(path));
    let health = asked("/v1/health");
    if let Ok(policy) = asked("/v1/policy") {
        packs = policy::of_daemon(&policy);
    }
    let mut findings = vec![found, daemon::presence(&health), packs];
    match &config {
        Some(config) => findings.extend(rights::rights(config, health.is_ok())),
        None => findings.push(Finding::skipped("rights", "config")),
    }
    let (neighbours, seen) = match &health {
        Ok(health) if daemon::sees_pcscd(health) => (daemon::neighbours(health), daemon::seen(health)),
        _ => readers::direct(config.as_ref()),
    };
    findings.extend(neighbours);
    findings.extend(pads::pads(config.as_ref(), &seen));
    findings.push(clock::clock());
    findings.push(config.as_ref().map_or_else(|| Finding::skipped("disk", "config"), local::disk));
    findings.extend(match (&health, &config) {
        (Ok(health), _) => blacklist::of_daemon(health, config.as_ref()),
        (Err(_), Some(config)) => blacklist::direct(config),
        (Err(_), None) => None,
    });
    findings.extend(match (&health, &config) {
        (Ok(health), _) => catalogue::of_daemon(health),
        (Err(_), Some(config)) => catalogue::direct(config),
        (Err(_), None) => None,
    });
    match (&health, &config) {
        (Ok(health), _) => {
            findings.extend(daemon::upstream(health, config.as_ref()));
            let open = daemon.as_ref().map_err(Clone::clone).and_then(|daemon| {
                daemon.get_with("/v1/transactions", &[("state", stuck::OPEN.to_owned()), ("limit", "1000".to_owned())])
            });
            findings.extend(open.ok().and_then(|open| stuck::stuck(&open, jiff::Timestamp::now())));
        }
        (Err(_), Some(config)) => {
            findings.extend(aside::noted(config));
            findings.push(local::upstream(config));
        }
        (Err(_), None) => findings.push(Finding::skipped("upstream", "config")),
    }
    findings.extend(config.as_ref().and_then(writes::open));
    findings.extend(config.as_ref().and_then(|config| aside::kept(config, jiff::Timestamp::now())));
    (findings, health.is_ok())
}
