//! The reference upstream for demo, training and tests: receives, deduplicates, settles, answers (`docs/upstream.md`).

mod alarms;
mod became;
mod cancel;
mod chain;
mod connection;
mod db;
mod decide;
mod deliver;
mod doors;
mod enrol;
mod errors;
mod faults;
mod filings;
mod holes;
mod http;
mod jetstream;
pub(crate) mod keys;
mod ledger;
mod lines;
mod messages;
mod national;
mod own;
mod payments;
mod people;
mod postings;
mod reconcile;
mod records;
mod refusal;
mod seed;
mod settle;
mod shift;
mod stored;
#[cfg(test)]
mod tests;
mod tls;
mod visits;
mod withdraw;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use faults::Faults;

use ring::signature::{Ed25519KeyPair, KeyPair as _};

pub use jetstream::Broker;
pub use tls::TlsFiles;

use connection::{Cuttable, Peer};
use doors::Centre;
use errors::CenterError;

use crate::rules::Packs;
use crate::wire::Digest;
use crate::world::{Clock as _, SystemClock, SystemRandom};

/// The shortest token that keeps anybody out.
const SHORTEST: usize = 16;

/// How long a request that is under way may still take when the centre stops.
const LAST: Duration = Duration::from_secs(5);

/// How a centre runs.
#[derive(Clone)]
pub struct Settings {
    /// Where it listens; port 0 for any.
    pub listen: SocketAddr,
    /// Its SQLite file; `None` for one that is gone with the process.
    pub database: Option<PathBuf>,
    /// The seed file of made-up people; `None` for what is built in. A database that has people keeps them; where those are
    /// the ones that are built in, it gets what is built in and it does not have yet.
    pub seed: Option<PathBuf>,
    /// Its certificate and its terminals' roots; without them it speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// The servers of NATS that it serves besides.
    pub broker: Option<Broker>,
    /// The token terminals carry; 16 characters or more.
    pub token: String,
    /// The token of who may read what it holds, another one; 16 characters or more. Without one nobody may.
    pub ledger_token: Option<String>,
    /// A demo centre takes what carries the demo mark, enrols a terminal at first contact, and has an endpoint for
    /// faults.
    pub demo: bool,
    /// What it does wrong on purpose.
    pub faults: Faults,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("listen", &self.listen).field("demo", &self.demo).finish_non_exhaustive()
    }
}

/// A centre that runs. Stops when dropped.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// The key that its answers are signed with.
    pub public_key: Digest,
    centre: Arc<Centre>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    /// What serves the broker; it ends with this.
    broker: Option<AbortOnDrop>,
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Running {
    /// Stops it and waits until it has; what is under way is answered first, if that takes no longer than 5 s.
    pub async fn stop(mut self) {
        // What was committed there and not answered comes again.
        drop(self.broker.take());
        self.stop.send_replace(true);
        if tokio::time::timeout(LAST, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }

    /// What it holds, as `GET /v1/ledger` tells it in pages.
    ///
    /// # Errors
    /// What its database does; a sentence.
    pub async fn ledger(&self) -> Result<serde_json::Value, String> {
        self.centre.write(|db, _| ledger::read(db)).await.map_err(|error| error.to_string())
    }

    /// What it does wrong on purpose, from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.centre.playing.set(faults);
    }

    /// What is left of that.
    pub fn faults(&self) -> Faults {
        self.centre.playing.get()
    }
}

/// Starts a centre; needs a tokio runtime around it.
///
/// # Errors
/// When the token, the address, the database or the seed cannot be used; a sentence.
pub async fn run(settings: Settings) -> Result<Running, String> {
    for (whose, token) in [("terminals'", Some(&settings.token)), ("ledger's", settings.ledger_token.as_ref())] {
        if let Some(short) = token.map(String::len).filter(|length| *length < SHORTEST) {
            return Err(format!("the {whose} token has {short} characters, and needs {SHORTEST}"));
        }
    }
    if settings.ledger_token.as_ref() == Some(&settings.token) {
        return Err("the ledger's token is that of the terminals: it needs one of its own".into());
    }
    let centre = Arc::new(open(&settings).map_err(|error| error.to_string())?);
    let tls = settings.tls.as_ref().map(tls::acceptor).transpose().map_err(|error| error.to_string())?;
    let listener = TcpListener::bind(settings.listen).await;
    let listener = listener.map_err(|error| format!("{}: {error}", settings.listen))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let listener = Cuttable::new(listener, tls).map_err(|error| error.to_string())?;
    let (stop, mut stopping) = watch::channel(false);
    let service = http::router(centre.clone()).into_make_service_with_connect_info::<Peer>();
    let serve = axum::serve(listener, service).with_graceful_shutdown(async move {
        // A sender that was dropped means the same as a stop.
        drop(stopping.wait_for(|stop| *stop).await);
    });
    let task = tokio::spawn(async move {
        if let Err(error) = serve.await {
            tracing::error!(%error, "the centre stopped by itself");
        }
    });
    let broker = match &settings.broker {
        Some(broker) => {
            let (client, consumer) = jetstream::connect(broker).await.map_err(|error| error.to_string())?;
            Some(AbortOnDrop(tokio::spawn(jetstream::serve(centre.clone(), client, consumer, broker.replicas))))
        }
        None => None,
    };
    Ok(Running { address, public_key: centre.public_key, centre, stop, task, broker })
}

/// What a centre decides by: proved once a program, when first something is to be decided.
static PACKS: LazyLock<Packs> = LazyLock::new(Packs::builtin_for_use);

fn open(settings: &Settings) -> Result<Centre, CenterError> {
    let mut db = db::open(settings.database.as_deref())?;
    seed::plant(&mut db, settings.seed.as_deref(), SystemClock.now())?;
    let seed = db::own_key(&db, &SystemRandom::default())?;
    let bad_key = |_| CenterError::Database("its key is none".into());
    let signer = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(bad_key)?;
    let mut public_key = Digest::default();
    public_key.0.copy_from_slice(signer.public_key().as_ref());
    Ok(Centre {
        db: Mutex::new(db),
        token: settings.token.clone(),
        ledger_token: settings.ledger_token.clone(),
        demo: settings.demo,
        playing: faults::Playing::new(settings.faults.clone()),
        purchases: AtomicU32::new(0),
        signer,
        public_key,
    })
}

/// Enrols a terminal in a centre's database, which may be in use: its key, and the certificate in a PEM file where it
/// comes with one. The same again is no change; to `replace` them, its key and certificate are these from now on.
///
/// # Errors
/// When the terminal has another key or certificate and they are not to be replaced, or a file cannot be used; a sentence.
pub fn enrol(
    database: &Path,
    terminal: &str,
    key: &Digest,
    certificate: Option<&Path>,
    replace: bool,
) -> Result<(), String> {
    let enrolled = || {
        let certificate = certificate.map(tls::fingerprint).transpose()?;
        let mut db = db::open(Some(database))?;
        let whole = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        enrol::enrol(&whole, terminal, key, certificate.as_ref(), replace)?;
        Ok::<_, CenterError>(whole.commit()?)
    };
    enrolled().map_err(|error: CenterError| error.to_string())
}

/// Gives up what the centre whose database this is has of the journal of a terminal and its key, so that the journal which
/// that key has now is taken from its beginning; the centre may be running. The name that it is kept under; none where there
/// was nothing.
///
/// # Errors
/// A sentence: the terminal is not enrolled with this key, or the database cannot be used.
pub fn begin_anew(database: &Path, terminal: &str, key: &Digest) -> Result<Option<String>, String> {
    let begun = || {
        let mut db = db::open(Some(database))?;
        let whole = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let name = enrol::aside::begin_anew(&whole, terminal, key, SystemClock.now())?;
        whole.commit()?;
        Ok::<_, CenterError>(name)
    };
    begun().map_err(|error: CenterError| error.to_string())
}
