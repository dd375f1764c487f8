//! `sbkd center`: the reference centre, for demonstration and tests.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Outcome, Problem, Shell, client, errors, shell, signals};
use crate::center::{self, Broker, Faults, Settings, TlsFiles};
use crate::config::{self, Mode};
use crate::wire::Digest;

/// Arguments of `sbkd center`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Enrol a terminal in a centre's database: its key, and the certificate that it comes with
    Enrol {
        /// The centre's database
        #[arg(long, value_name = "FILE")]
        database: PathBuf,
        /// The terminal's code
        #[arg(long, value_name = "CODE")]
        terminal: String,
        /// The terminal's public key, 64 hexadecimal digits
        #[arg(long, value_name = "HEX")]
        key: Digest,
        /// Its certificate, a PEM file; without one it comes without
        #[arg(long, value_name = "FILE")]
        cert: Option<PathBuf>,
        /// In the place of the key and the certificate that it has
        #[arg(long)]
        replace: bool,
        /// Give up what the centre has of this key's journal: the terminal's present one begins anew, the rest is kept
        /// aside for good
        #[arg(long, conflicts_with_all = ["replace", "cert"])]
        anew: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Serve {
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
    #[arg(long, value_name = "FILE", required = true)]
    token_file: Option<PathBuf>,
    /// The file with the token of who may read what it holds, another one; without it nobody may
    #[arg(long, value_name = "FILE")]
    ledger_token_file: Option<PathBuf>,
    /// Its certificate, a PEM file: it speaks TLS
    #[arg(long, value_name = "FILE", requires_all = ["tls_key", "client_roots"])]
    tls_cert: Option<PathBuf>,
    /// Its private key, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The roots that terminals' certificates go back to, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    client_roots: Option<PathBuf>,
    /// The servers of NATS that it serves besides, with commas between
    #[arg(long, value_name = "URLS")]
    nats: Option<String>,
    /// The file of its credentials there
    #[arg(long, value_name = "FILE", requires = "nats")]
    nats_creds: Option<PathBuf>,
    /// The roots that their certificates go back to, a PEM file; the system's when none is named
    #[arg(long, value_name = "FILE", requires = "nats")]
    nats_roots: Option<PathBuf>,
    /// Its certificate there, a PEM file
    #[arg(long, value_name = "FILE", requires_all = ["nats", "nats_key"])]
    nats_cert: Option<PathBuf>,
    /// The private key of that, a PEM file
    #[arg(long, value_name = "FILE", requires = "nats_cert")]
    nats_key: Option<PathBuf>,
    /// How many servers keep each stream
    #[arg(long, value_name = "N", requires = "nats", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    nats_replicas: u8,
    /// A demonstration: it takes the demonstration's marks, enrols whom it does not know at first contact, serves the
    /// demonstration's keys and plays faults
    #[arg(long)]
    demo: bool,
    /// Faults it plays, as a TOML file
    #[arg(long, value_name = "FILE", requires = "demo")]
    faults: Option<PathBuf>,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    match &args.command {
        Some(Command::Enrol { database, terminal, key, anew: true, .. }) => {
            let begun = center::begin_anew(database, terminal, key);
            let aside = begun.map_err(|why| Problem::with(&errors::ENROL, why))?;
            shell.say(
                &json!({ "enrolled": terminal, "key": key, "aside": aside }),
                &format!(
                    "终端流水重新开始 / the terminal's journal begins anew: {terminal} {key}\n原有记录另存为 / what there was \
                     is kept as: {}",
                    aside.as_deref().unwrap_or("-")
                ),
            );
            Ok(())
        }
        Some(Command::Enrol { database, terminal, key, cert, replace, anew: false }) => {
            let enrolled = center::enrol(database, terminal, key, cert.as_deref(), *replace);
            enrolled.map_err(|why| Problem::with(&errors::ENROL, why))?;
            shell.say(
                &json!({ "enrolled": terminal, "key": key }),
                &format!("终端已登记 / terminal enrolled: {terminal} {key}"),
            );
            Ok(())
        }
        None => serve(&args.serve, shell),
    }
}

fn serve(args: &Serve, shell: &Shell) -> Outcome {
    // The arguments have it.
    let token_file = args.token_file.as_deref().unwrap_or(Path::new(""));
    let tls = match (&args.tls_cert, &args.tls_key, &args.client_roots) {
        (Some(certificate), Some(key), Some(roots)) => {
            Some(TlsFiles { certificate: certificate.clone(), key: key.clone(), client_roots: roots.clone() })
        }
        _ => None,
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    let settings = Settings {
        listen: args.listen,
        database: args.database.clone(),
        seed: args.seed.clone(),
        tls,
        broker: args.nats.clone().map(|urls| Broker {
            urls,
            credentials: args.nats_creds.clone(),
            roots: args.nats_roots.clone(),
            client: args.nats_cert.clone().zip(args.nats_key.clone()),
            replicas: args.nats_replicas.into(),
        }),
        token: token(token_file, args.demo)?,
        ledger_token: args.ledger_token_file.as_deref().map(|file| token(file, args.demo)).transpose()?,
        demo: args.demo,
        faults: args.faults.as_deref().map(faults).transpose()?.unwrap_or_default(),
    };
    client::runtime()?.block_on(async {
        let signal = signals::stop().map_err(|error| Problem::with(&errors::RUNTIME, error.to_string()))?;
        let running = center::run(settings).await.map_err(|why| Problem::with(&errors::CENTER, why))?;
        let (url, key) = (format!("{scheme}://{}", running.address), running.public_key);
        shell.say(
            &json!({ "ready": true, "url": url, "key": key }),
            &format!("参考中心已就绪 / centre ready: {url} (Ctrl-C)\n中心签名公钥 / its key: {key}"),
        );
        signal.await;
        running.stop().await;
        Ok(())
    })
}

/// A token of its, kept like a terminal's: in a demonstration others may read the file.
fn token(file: &Path, demo: bool) -> Result<String, Problem> {
    let mode = if demo { Mode::Demo } else { Mode::Production };
    let token = config::read_secret(file, mode).map_err(|why| Problem::with(&errors::CENTER, why))?;
    Ok(token.to_string())
}

fn faults(file: &Path) -> Result<Faults, Problem> {
    let text = shell::read_text(file)?;
    toml::from_str(&text).map_err(|error| {
        let (line, column) = crate::failure::place(&text, error.span().unwrap_or(0..0).start);
        Problem::with(&errors::CENTER, format!("{}:{line}:{column}: {}", file.display(), error.message()))
    })
}
