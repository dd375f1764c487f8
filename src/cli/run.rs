//! `sbkd run`: the daemon.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Runtime;
use tokio::signal::unix::Signal;

use super::signals::{self, Signals};
use super::{Outcome, Problem, Shell, config, errors, systemd};
use crate::api::{Server, nobody_at};
use crate::config::Config;
use crate::failure::Failure;
use crate::reader::PcscReaders;
use crate::terminal::{Parts, Terminal, waits_for_disk};
use crate::world::{SystemClock, SystemRandom};

/// The longest that an orderly end takes: the terminal's 30 s and the doors' 5, and some to spare.
const LONGEST_END: Duration = Duration::from_secs(40);

/// How often a start that waits for the disk is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// Arguments of `sbkd run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args, shell: &Shell) -> Outcome {
    let mut config = config::load(&config::place(shell))?;
    if let Some(socket) = shell.socket() {
        config.api.socket = Some(socket.to_path_buf());
    }
    let runtime = runtime()?;
    let outcome = runtime.block_on(serve(Arc::new(config), shell));
    // What still blocks on a card that hangs must not hold up the end.
    runtime.shutdown_background();
    outcome
}

/// Small, since it runs for months beside a checkout: requests are few, and cards have threads of their own.
fn runtime() -> Result<Runtime, Problem> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .thread_stack_size(1024 * 1024)
        .thread_name("sbkd")
        .enable_all()
        .build()
        .map_err(|error| Problem::with(&errors::RUNTIME, error.to_string()))
}

async fn serve(config: Arc<Config>, shell: &Shell) -> Outcome {
    let unheard = |error: std::io::Error| Problem::with(&errors::RUNTIME, error.to_string());
    let mut signals = Signals::catch().map_err(unheard)?;
    // From the first moment: uncaught it would end the daemon.
    let hangups = signals::hangups().map_err(unheard)?;
    if let Some(socket) = &config.api.socket {
        // Before the journal is opened, which the other daemon holds: its name helps more than that.
        nobody_at(socket).await?;
    }
    // pcscd is looked for on a thread of its own: one that is away delays nothing here.
    let readers = PcscReaders::start(config.readers.rule.clone());
    let parts = || Parts {
        config: config.clone(),
        readers: readers.clone(),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom::default()),
        runtime: tokio::runtime::Handle::current(),
    };
    let terminal = tokio::select! {
        started = start(parts) => started?,
        () = signals.next() => {
            tracing::info!("stopped before it had started");
            return Ok(());
        }
    };
    let server = Server::open(&config, terminal.clone()).await?;
    announce(&config, &server, shell);
    tokio::select! {
        () = signals.next() => {}
        () = systemd::feed_watchdog(terminal.clone()) => {}
        () = reload_at(hangups, terminal.clone()) => {}
    }
    systemd::stopping(LONGEST_END);
    tracing::info!("stopping: what was begun is finished, nothing new begins");
    let end = async {
        // A terminal that broke while draining has told so itself; the doors close all the same.
        let _ = tokio::task::spawn_blocking(move || terminal.drain()).await;
        server.close().await;
    };
    tokio::select! {
        () = end => tracing::info!("stopped"),
        () = signals.next() => tracing::warn!("a second signal: stopped at once"),
    }
    Ok(())
}

/// Starts the terminal. On a disk that is full or read only it waits until that takes something: a service that ended for
/// it would be started again without an end, and where that was given up it would stay away.
async fn start(parts: impl Fn() -> Parts) -> Result<Arc<Terminal>, Failure> {
    let mut told = None;
    loop {
        let failure = match Terminal::start(parts()) {
            Err(failure) if waits_for_disk(&failure) => failure,
            started => return started,
        };
        if told != Some(failure.entry.code) {
            told = Some(failure.entry.code);
            tracing::error!(code = failure.entry.code, %failure, "the start waits for the disk: nothing is lost");
            systemd::waits(&failure);
        }
        systemd::extend_start(AGAIN * 10);
        tokio::time::sleep(AGAIN).await;
    }
}

/// Has the policy packs taken up at each SIGHUP. Never completes.
async fn reload_at(mut hangups: Signal, terminal: Arc<Terminal>) {
    while hangups.recv().await.is_some() {
        let terminal = Arc::clone(&terminal);
        // What is wrong with them is in the log, and in the terminal's health.
        let reloaded = tokio::task::spawn_blocking(move || drop(terminal.reload_policy())).await;
        if let Err(error) = reloaded {
            tracing::error!(%error, "a defect while the policy packs were taken up");
        }
    }
    std::future::pending().await
}

fn announce(config: &Config, server: &Server, shell: &Shell) {
    let url = server.address().map(|address| format!("http://{address}"));
    let socket = config.api.socket.as_ref();
    let value = json!({
        "ready": true,
        "url": url,
        "socket": socket,
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
    });
    let doors = [url.clone(), socket.map(|path| path.display().to_string())];
    let doors: Vec<String> = doors.into_iter().flatten().collect();
    shell.say(&value, &format!("sbkd 已就绪 / ready: {}", doors.join("  ")));
    systemd::ready();
}
