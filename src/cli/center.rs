//! `sbkd center`: the reference centre, for demonstration and tests.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Outcome, Problem, Shell, client, errors, shell, signals};
use crate::center::{self, Faults, Settings};
use crate::config::{self, Mode};

/// Arguments of `sbkd center`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where it listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8430")]
    listen: SocketAddr,
    /// Its database; kept in memory when none is named
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
    /// Persons and accumulators it knows; made-up people when none is named
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// The file with the token that terminals must bring
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Faults it plays, as a TOML file
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    let settings = Settings {
        listen: args.listen,
        database: args.database.clone(),
        seed: args.seed.clone(),
        token: token(&args.token_file)?,
        demo: true,
        faults: args.faults.as_deref().map(faults).transpose()?.unwrap_or_default(),
    };
    client::runtime()?.block_on(async {
        let signal = signals::stop().map_err(|error| Problem::with(&errors::RUNTIME, error.to_string()))?;
        let running = center::run(settings).await.map_err(|why| Problem::with(&errors::CENTER, why))?;
        let url = format!("http://{}", running.address);
        shell.say(&json!({ "ready": true, "url": url }), &format!("参考中心已就绪 / centre ready: {url} (Ctrl-C)"));
        signal.await;
        running.stop().await;
        Ok(())
    })
}

/// The reference centre is for demonstration: it takes the demonstration's marks, and its token like the terminal's.
fn token(file: &Path) -> Result<String, Problem> {
    let token = config::read_secret(file, Mode::Demo).map_err(|why| Problem::with(&errors::CENTER, why))?;
    Ok(token.to_string())
}

fn faults(file: &Path) -> Result<Faults, Problem> {
    let text = shell::read_text(file)?;
    toml::from_str(&text).map_err(|error| {
        let (line, column) = crate::failure::place(&text, error.span().unwrap_or(0..0).start);
        Problem::with(&errors::CENTER, format!("{}:{line}:{column}: {}", file.display(), error.message()))
    })
}
