//! `sbkd script import`: another program's card session kept as a fixture.

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::json;

use super::direct::Settings;
use super::file::{exists, keep_new};
use super::shell::read_text;
use super::{Outcome, Problem, Shell, replay, script};
use crate::script::{Choice, ImportError, Recording};
use crate::world::{Clock as _, SystemClock};

/// Arguments of `sbkd script import`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The logs of one session: of pcsc-spy, or of apdu4j, which keeps one a card
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// Where the recording goes; never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The holder's reader, where the logs have several: the beginning of its name
    #[arg(long, value_name = "READER")]
    reader: Option<String>,
    /// The PSAM's reader, likewise
    #[arg(long, value_name = "READER")]
    psam_reader: Option<String>,
    /// When the session was, as 2026-01-31T08:00:00Z (default: as the log says, else now)
    #[arg(long, value_name = "MOMENT")]
    clock: Option<Timestamp>,
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    let Args { logs, out, reader, psam_reader, clock } = args;
    if out.exists() {
        return Err(exists(&out));
    }
    let mut texts = Vec::new();
    for log in logs {
        texts.push((log.display().to_string(), read_text(&log)?));
    }
    let choice = Choice { card: reader, psam: psam_reader, clock, now: SystemClock.now() };
    let recording = Recording::import(&texts, &choice, &out.display().to_string()).map_err(|error| match error {
        ImportError::Log(found) => script::told(&found),
        ImportError::Session(_) => Problem::from_error(&error),
    })?;
    keep_new(&out, recording.to_string().as_bytes(), 0o644)?;
    // Another program may have asked the card for the same in another way: that is no mistake of the log.
    let differs = replay::read(&recording, &Settings::without_store(shell)?).err();
    let exchanges = recording.exchanges();
    let why = differs.as_ref().map(|problem| problem.to_json()["error"].clone());
    shell.show(&json!({ "file": out, "exchanges": exchanges, "replayed": why.is_none(), "differs": why }), || {
        let head =
            format!("{}：{exchanges} 条指令，持卡人为虚构 / {exchanges} commands, the holder made up", out.display());
        match &differs {
            None => head,
            Some(problem) => {
                let (code, detail) = (problem.code(), problem.detail());
                format!("{head}\n不能按本程序的流程回放 / this program's flows do not replay it: {code} {detail}")
            }
        }
    });
    Ok(())
}
