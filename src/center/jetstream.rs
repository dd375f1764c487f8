//! The centre's door for NATS: transactions by a durable consumer, each answered after it is committed; requests by
//! request and reply.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::{Config, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, AckKind, Message};
use async_nats::{Client, ConnectOptions, HeaderMap};
use futures_util::future::join_all;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::doors::{Asked, Centre, read};
use super::enrol::{Caller, Proof};
use super::errors::CenterError;
use super::stored::{Late, Stored};
use super::tls;
use crate::wire::credentials;
use crate::wire::signature::{KEY, Purpose, SIGNATURE, TERMINAL};
use crate::wire::subject::{self, Security};

/// The consumer of all transactions.
const CONSUMER: &str = "centre";
/// Those who serve requests share them.
const GROUP: &str = "sbkd-centre";
/// How often a server says that it has nothing; silent for twice as long, it is asked anew.
const ALIVE: Duration = Duration::from_secs(1);
/// The most messages of one SQLite transaction, and that are brought ahead of it; about the most bytes of one.
const TOGETHER: usize = 64;
const BYTES: usize = 1 << 20;
/// How many such groups are answered while the next is taken.
const ANSWERED: usize = 4;
/// How many requests are under way at once; the others wait with the servers.
const REQUESTS: usize = 64;
/// How often what cannot be taken comes again before it is let go: its terminal sends it again, each transaction alone.
const TRIES: i64 = 10;
/// How long what nobody took stays stored.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long taking one may last before it is brought again; coming twice it gets the same answer.
const TAKEN: Duration = Duration::from_secs(10);
/// How long after a failure it listens again.
const PAUSE: Duration = Duration::from_secs(1);

/// How a centre reaches its servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Their addresses, with commas between.
    pub urls: String,
    /// The file of its credentials.
    pub credentials: Option<PathBuf>,
    /// The roots that their certificates go back to, a PEM file; the system's when absent.
    pub roots: Option<PathBuf>,
    /// Its own certificate for them and its private key, PEM files.
    pub client: Option<(PathBuf, PathBuf)>,
    /// How many servers keep each stream.
    pub replicas: usize,
}

/// Connects, and makes the streams and the consumer where there are none.
pub(super) async fn connect(broker: &Broker) -> Result<(Client, PullConsumer), CenterError> {
    let start = |error: String| CenterError::Start(error);
    let mut options = match &broker.credentials {
        Some(file) => credentials::options(file).map_err(|error| start(format!("{}: {error}", file.display())))?,
        None => ConnectOptions::new(),
    };
    options = options.name(GROUP);
    options = match subject::security(&broker.urls) {
        Some(Security::Tls) => options.require_tls(true).tls_client_config(tls::to_broker(broker)?),
        // Others that these servers name may be anywhere, and without TLS.
        Some(Security::Loopback) => options.ignore_discovered_servers(),
        None => return Err(start("NATS: the addresses must all be tls://, or all nats:// on the loopback".into())),
    };
    let urls: Vec<&str> = broker.urls.split(',').collect();
    let client = options.connect(urls).await.map_err(|error| start(error.to_string()))?;
    let consumer = consumer(&client, broker.replicas).await?;
    Ok((client, consumer))
}

/// The consumer of all transactions; it and the streams are made where there are none.
async fn consumer(client: &Client, replicas: usize) -> Result<PullConsumer, CenterError> {
    let start = |error: String| CenterError::Start(error);
    let jetstream = jetstream::new(client.clone());
    let stream = |name: &str, subjects: &str| Config {
        name: name.into(),
        subjects: vec![subjects.into()],
        // What was taken is not kept there any longer.
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        num_replicas: replicas,
        max_age: KEPT,
        // The servers send what they say to a publisher wherever it wants to have it: to where a stream is emptied, too.
        deny_delete: true,
        deny_purge: true,
        ..Config::default()
    };
    let answers = stream(subject::ANSWERS, subject::EVERY_ANSWER);
    let transactions = stream(subject::TRANSACTIONS, subject::EVERY_TRANSACTION);
    made(&jetstream, answers).await?;
    let transactions = made(&jetstream, transactions).await?;
    let settings = pull::Config {
        durable_name: Some(CONSUMER.into()),
        ack_policy: AckPolicy::Explicit,
        max_ack_pending: 4 * TOGETHER as i64,
        ack_wait: TAKEN,
        ..pull::Config::default()
    };
    let consumer = transactions.get_or_create_consumer(CONSUMER, settings).await;
    consumer.map_err(|error| start(error.to_string()))
}

/// A stream; one that was made before it could not be emptied by others is changed.
async fn made(jetstream: &jetstream::Context, wanted: Config) -> Result<jetstream::stream::Stream, CenterError> {
    let start = |error: String| CenterError::Start(error);
    let stream = jetstream.get_or_create_stream(wanted).await.map_err(|error| start(error.to_string()))?;
    let found = &stream.cached_info().config;
    if !(found.deny_delete && found.deny_purge) {
        let config = Config { deny_delete: true, deny_purge: true, ..found.clone() };
        jetstream.update_stream(config).await.map_err(|error| start(error.to_string()))?;
    }
    Ok(stream)
}

/// Serves both until it is dropped.
pub(super) async fn serve(centre: Arc<Centre>, client: Client, consumer: PullConsumer, replicas: usize) {
    tokio::join!(requests(centre.clone(), client.clone()), transactions(centre, client, consumer, replicas));
}

async fn requests(centre: Arc<Centre>, client: Client) {
    let under_way = Arc::new(Semaphore::new(REQUESTS));
    loop {
        match client.queue_subscribe(subject::EVERY_REQUEST, GROUP.into()).await {
            Ok(mut all) => {
                while let Some(message) = all.next().await {
                    // Never closed. Whoever is slow keeps nobody waiting, as long as not all are.
                    let Ok(one) = under_way.clone().acquire_owned().await else { return };
                    let request = request(centre.clone(), client.clone(), message);
                    tokio::spawn(async move {
                        request.await;
                        drop(one);
                    });
                }
            }
            Err(error) => tracing::error!(%error, "requests are not listened for"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn request(centre: Arc<Centre>, client: Client, message: async_nats::Message) {
    let Some(reply) = message.reply.clone() else { return };
    let mut tokens = message.subject.split('.').skip(2);
    let named = tokens.next().unwrap_or_default();
    let purpose = tokens.next().and_then(|name| Purpose::ALL.into_iter().find(|purpose| purpose.name() == name));
    let Some(purpose) = purpose else { return };
    if !subject::is_inbox_of(&reply, named) {
        return tracing::warn!(terminal = named, "a request wants its answer elsewhere than at its terminal");
    }
    let told = match caller(message.headers.as_ref(), named, purpose, &message.payload) {
        Ok(caller) => centre.answer(Asked { purpose, caller, body: message.payload }).await,
        Err(why) => centre.refusal(named, purpose, &message.payload, CenterError::Enrol(why)).await,
    };
    if told.dropped {
        return;
    }
    let mut headers = HeaderMap::new();
    headers.insert(subject::STATUS, told.status.to_string().as_str());
    headers.insert(SIGNATURE, told.signature.to_string().as_str());
    if let Err(error) = client.publish_with_headers(reply, headers, told.body.into()).await {
        tracing::warn!(%error, "an answer was not sent");
    }
}

/// Who sent it: the terminal in whose name the subject is, which its server holds it to, with its signature.
fn caller(headers: Option<&HeaderMap>, named: &str, purpose: Purpose, body: &[u8]) -> Result<Caller, &'static str> {
    let part = |name| headers.and_then(|headers| headers.get(name)).map(|value| value.as_str());
    let caller = Caller::proved([TERMINAL, KEY, SIGNATURE].map(part), Proof::Broker, purpose, body)?;
    if caller.terminal == named { Ok(caller) } else { Err("the subject is another terminal's") }
}

async fn transactions(centre: Arc<Centre>, client: Client, mut consumer: PullConsumer, replicas: usize) {
    let jetstream = jetstream::new(client.clone());
    let mut answering = JoinSet::new();
    loop {
        let error = match consumer.stream().max_messages_per_batch(TOGETHER).heartbeat(ALIVE).messages().await {
            Ok(all) => listen(&centre, &jetstream, all, &mut answering).await,
            Err(error) => error.to_string(),
        };
        tracing::warn!(error, "transactions are not listened for; it begins anew");
        tokio::time::sleep(PAUSE).await;
        // Somebody may have taken it away.
        match self::consumer(&client, replicas).await {
            Ok(there) => consumer = there,
            Err(error) => tracing::error!(%error, "there is no consumer of transactions"),
        }
    }
}

/// Takes what comes until nothing does any more; why not.
async fn listen(
    centre: &Arc<Centre>,
    jetstream: &jetstream::Context,
    mut all: pull::Stream,
    answering: &mut JoinSet<()>,
) -> String {
    loop {
        let first = match all.next().await {
            Some(Ok(first)) => first,
            Some(Err(error)) => return error.to_string(),
            None => return "the servers ended it".into(),
        };
        let (mut bytes, mut messages) = (first.payload.len(), vec![first]);
        while messages.len() < TOGETHER
            && bytes < BYTES
            && let Some(Some(Ok(next))) = all.next().now_or_never()
        {
            bytes += next.payload.len();
            messages.push(next);
        }
        let answers = centre.take(messages.iter().map(stored).collect()).await;
        if answering.len() >= ANSWERED {
            answering.join_next().await;
        }
        answering.spawn(answer(jetstream.clone(), messages, answers));
    }
}

/// What a message brings.
fn stored(message: &Message) -> Stored {
    let named = message.subject.rsplit('.').next().unwrap_or_default();
    let caller = caller(message.headers.as_ref(), named, Purpose::Stored, &message.payload);
    Stored { named: named.to_owned(), caller, transactions: read(&message.payload).ok() }
}

/// Answers what was committed, then lets the servers forget it: whatever stops in between, it comes again.
async fn answer(
    jetstream: jetstream::Context,
    messages: Vec<Message>,
    answers: Vec<Result<Option<Late>, CenterError>>,
) {
    let ends = messages.into_iter().zip(answers).map(|(message, answer)| {
        let jetstream = &jetstream;
        async move {
            let tries = message.info().map_or(1, |info| info.delivered);
            let kind = match answer {
                Ok(Some(late)) => told(jetstream, late).await,
                // Nobody is to hear of it: as if the centre had gone after its commit.
                Ok(None) => AckKind::Nak(None),
                // It is of nobody who can be answered.
                Err(CenterError::Enrol(_) | CenterError::Form(_)) => AckKind::Term,
                Err(error) if tries >= TRIES => {
                    tracing::error!(%error, tries, "stored transactions cannot be taken; their terminal sends them again");
                    AckKind::Term
                }
                Err(_) => AckKind::Nak(Some(PAUSE)),
            };
            // What is not heard of comes again, and gets the same answer.
            drop(message.ack_with(kind).await);
        }
    });
    join_all(ends).await;
}

/// Has the servers keep answers for their terminal; what then becomes of the message that they answer.
async fn told(jetstream: &jetstream::Context, late: Late) -> AckKind {
    let mut headers = HeaderMap::new();
    headers.insert(SIGNATURE, late.signature.to_string().as_str());
    let sent = jetstream.publish_with_headers(subject::answer(&late.terminal), headers, late.body.into()).await;
    match async { sent?.await }.await {
        // What has no answer in it is sent again by its terminal, alone.
        Ok(_) => AckKind::Ack,
        Err(error) => {
            tracing::warn!(%error, "an answer was not stored");
            AckKind::Nak(Some(PAUSE))
        }
    }
}
