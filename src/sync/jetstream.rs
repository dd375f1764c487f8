//! The centre behind NATS JetStream: transactions are stored in a replicated stream and answered on a stream of the
//! terminals' results; everything else is request and reply.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::ClusterInfo;
use async_nats::jetstream::{self, AckKind};
use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, HeaderMap, RequestErrorKind};
use futures_util::future::join_all;
use futures_util::{FutureExt as _, StreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, OnceCell};

use super::http::Link;
use super::reply::{answer_tells, json, no_json, nonce, reply_tells, taken};
use super::{BoxFuture, Delivered, Delivery, Late, Uplink, UplinkError, tls};
use crate::queue::Queue;
use crate::wire::batch::{ItemAnswer, LateAnswer, Reason};
use crate::wire::headers::SignedHeaders;
use crate::wire::hsm::{Answer, Question};
use crate::wire::signature::{self, Purpose, Signature};
use crate::wire::subject::Security;
use crate::wire::{ChainHead, Digest, Envelope, Outcome, Receipt, Reply, Request, credentials, subject};

/// How long a server may take to store a message, or the centre to answer one; who waits at a counter waits less.
const WHOLE: Duration = Duration::from_secs(10);
/// How long after a failure the answers are listened for again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is asked whether the servers have agreed on who leads a consumer.
const ELECTION: Duration = Duration::from_millis(50);
/// How often a server says that it has nothing; silent for twice as long, it is asked anew.
const ALIVE: Duration = Duration::from_secs(5);
/// The most messages with answers that are brought together, and the most bytes: more than the largest message of a
/// broker, which is 1 MiB where its configuration does not say otherwise.
const TOGETHER: usize = 64;
const BYTES: usize = 4 << 20;

/// The centre behind JetStream.
pub struct JetStreamUplink {
    link: Link,
    /// Signs what goes up.
    queue: Queue,
    centre_key: Digest,
    connection: OnceCell<Connection>,
    answers: Mutex<Option<pull::Stream>>,
    /// Answers cannot be heard: what is stored would wait for ever.
    deaf: AtomicBool,
}

struct Connection {
    client: Client,
    jetstream: jetstream::Context,
}

impl JetStreamUplink {
    /// The centre behind the servers of a link; the connection is made when it is first needed, and again whenever it
    /// is lost.
    ///
    /// # Errors
    /// [`UplinkError::Setting`] when the addresses would leave this machine without TLS, or the centre's key is not
    /// named: no connection to a broker proves whose an answer is.
    pub fn new(link: &Link, queue: Queue) -> Result<Self, UplinkError> {
        Self::check(&link.url)?;
        let missing = || UplinkError::Setting("centre_key is needed with JetStream".into());
        let centre_key = link.centre_key.ok_or_else(missing)?;
        let (connection, answers, deaf) = Default::default();
        Ok(Self { link: link.clone(), queue, centre_key, connection, answers, deaf })
    }

    /// Whether these addresses can be used: all `tls://`, or all `nats://` on the loopback; several with commas between.
    ///
    /// # Errors
    /// [`UplinkError::Setting`] when they cannot.
    pub fn check(urls: &str) -> Result<(), UplinkError> {
        security(urls).map(drop)
    }

    /// The connection, which stands: what is given to one that does not would be sent some time later.
    async fn connected(&self) -> Result<&Connection, UplinkError> {
        let connection = self.connection.get_or_try_init(|| self.connect()).await?;
        match connection.client.connection_state() {
            State::Connected => Ok(connection),
            _ => Err(UplinkError::Unreachable("no connection to a server stands".into())),
        }
    }

    async fn connect(&self) -> Result<Connection, UplinkError> {
        let setting = |error: String| UplinkError::Setting(error);
        let terminal = self.queue.terminal();
        let mut options = match &self.link.credentials {
            Some(file) => {
                credentials::options(file).map_err(|error| setting(format!("{}: {error}", file.display())))?
            }
            None if self.link.token.is_empty() => ConnectOptions::new(),
            None => ConnectOptions::with_token(self.link.token.to_string()),
        };
        // Its own inbox, so that the servers can keep others from hearing what it is answered.
        options = options.name(terminal).request_timeout(Some(WHOLE)).custom_inbox_prefix(subject::inbox(terminal));
        options = match security(&self.link.url)? {
            Security::Tls => options.require_tls(true).tls_client_config(tls::settings(&self.link.tls)?),
            // Others that these servers name may be anywhere, and without TLS.
            Security::Loopback => options.ignore_discovered_servers(),
        };
        let urls: Vec<&str> = self.link.url.split(',').collect();
        let client = options.connect(urls).await.map_err(no_connection)?;
        let jetstream = jetstream::ContextBuilder::new().timeout(WHOLE).build(client.clone());
        Ok(Connection { client, jetstream })
    }

    fn signed(&self, purpose: Purpose, body: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(signature::TERMINAL, self.queue.terminal());
        headers.insert(signature::KEY, hex::encode_upper(self.queue.public_key()).as_str());
        headers.insert(signature::SIGNATURE, self.queue.sign(purpose, body).to_string().as_str());
        headers
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        message: &(impl Serialize + ?Sized),
    ) -> Result<T, UplinkError> {
        let body = json(message)?;
        let connection = self.connected().await?;
        let request = async_nats::Request::new().headers(self.signed(purpose, &body)).payload(body.to_vec().into());
        let subject = subject::request(self.queue.terminal(), purpose);
        let answer = connection.client.send_request(subject, request).await.map_err(|error| match error.kind() {
            // The servers say so, whom nobody vouches for: of what settles it is not taken for never sent.
            RequestErrorKind::NoResponders if purpose == Purpose::National => {
                UplinkError::NoAnswer("no centre listens, as a server says".into())
            }
            RequestErrorKind::NoResponders => UplinkError::Unreachable("no centre listens".into()),
            RequestErrorKind::TimedOut => UplinkError::NoAnswer("it took too long".into()),
            _ => UplinkError::NoAnswer(error.to_string()),
        })?;
        let part = |name| answer.headers.as_ref().and_then(|headers| headers.get(name)).map(|value| value.as_str());
        let status = part(subject::STATUS).and_then(|status| status.parse().ok()).unwrap_or(0);
        let signature = part(signature::SIGNATURE).and_then(|text| text.parse().ok());
        let told = signature::answer(self.queue.terminal(), purpose, &body, status, &answer.payload);
        taken(status, &answer.payload, None, self.is_signed(&told, signature))
    }

    fn is_signed(&self, text: &[u8], signature: Option<Signature>) -> bool {
        signature.is_some_and(|signature| signature::holds(&self.centre_key, text, &signature))
    }

    /// Has a server store some, as one message.
    async fn store(&self, batch: &[Envelope]) -> Result<(), UplinkError> {
        let body = serde_json::to_vec(batch).map_err(|_| no_json())?;
        let connection = self.connected().await?;
        let mut headers = self.signed(Purpose::Stored, &body);
        // For two minutes the servers know the same message by this; the centre knows each transaction for ever.
        headers.insert(async_nats::header::NATS_MESSAGE_ID, signature::sha256(&body).to_string().as_str());
        let subject = subject::transaction(self.queue.terminal());
        let failed = |error: jetstream::context::PublishError| UplinkError::NoAnswer(error.to_string());
        let stored = connection.jetstream.publish_with_headers(subject, headers, body.into()).await.map_err(failed)?;
        stored.await.map(drop).map_err(failed)
    }

    async fn listen(&self) -> Result<pull::Stream, UplinkError> {
        let away = |error: String| UplinkError::Unreachable(error);
        let connection = self.connected().await?;
        let stream = connection.jetstream.get_stream_no_info(subject::ANSWERS).await;
        let stream = stream.map_err(|error| away(error.to_string()))?;
        let name = subject::consumer(self.queue.terminal());
        let settings = pull::Config {
            durable_name: Some(name.clone()),
            filter_subject: subject::answer(self.queue.terminal()),
            ack_policy: AckPolicy::Explicit,
            max_ack_pending: 4 * TOGETHER as i64,
            // What was brought to a connection that is gone comes again after this.
            ack_wait: WHOLE,
            ..pull::Config::default()
        };
        let consumer: PullConsumer =
            stream.get_or_create_consumer(&name, settings).await.map_err(|error| away(error.to_string()))?;
        // Asked before the servers have agreed who leads it, it never hears the question, and ten seconds are lost.
        let is_led = |cluster: &Option<ClusterInfo>| cluster.as_ref().is_none_or(|cluster| cluster.leader.is_some());
        while !is_led(&consumer.get_info().await.map_err(|error| away(error.to_string()))?.cluster) {
            tokio::time::sleep(ELECTION).await;
        }
        let brought = consumer.stream().max_messages_per_batch(TOGETHER).max_bytes_per_batch(BYTES);
        let stream = brought.heartbeat(ALIVE).messages().await;
        stream.map_err(|error| away(error.to_string()))
    }

    /// Tells when it changes whether answers are heard.
    fn hears(&self, error: Option<&UplinkError>) {
        match (error, self.deaf.swap(error.is_some(), Ordering::Relaxed)) {
            (Some(error), false) => tracing::error!(%error, "the centre's answers are not heard"),
            (None, true) => tracing::info!("the centre's answers are heard again"),
            _ => {}
        }
    }

    /// What a message on the terminal's results says; `None`, and done with, when it says nothing that can be taken.
    async fn read(&self, message: jetstream::Message) -> Option<Late> {
        let part = |name| message.headers.as_ref().and_then(|headers| headers.get(name)).map(|value| value.as_str());
        let signature = part(signature::SIGNATURE).and_then(|text| text.parse().ok());
        // What they answer is named in them.
        let text = signature::answer(self.queue.terminal(), Purpose::Stored, b"", 200, &message.payload);
        let answers = match self.is_signed(&text, signature) {
            true => serde_json::from_slice::<Vec<LateAnswer>>(&message.payload).ok(),
            false => None,
        };
        let Some(answers) = answers else {
            tracing::error!("an answer is not the centre's, or not one");
            drop(message.ack_with(AckKind::Term).await);
            return None;
        };
        for answer in &answers {
            answer_tells(&self.queue, &answer.answer);
        }
        let receipts = answers.into_iter().filter_map(|answer| receipt(answer, &self.queue)).collect();
        // An acknowledgement that is lost brings the answer again, and that changes nothing.
        Some(Late { receipts, kept: Box::pin(async move { drop(message.ack().await) }) })
    }
}

/// Why no connection was made. Who is not let in is told so: waiting helps nothing then.
fn no_connection(error: ConnectError) -> UplinkError {
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => UplinkError::Unauthorized(401),
        _ => UplinkError::Unreachable(error.to_string()),
    }
}

fn security(urls: &str) -> Result<Security, UplinkError> {
    let refused = || UplinkError::Setting("the addresses must all be tls://, or all nats:// on the loopback".into());
    subject::security(urls).ok_or_else(refused)
}

/// The receipt of an answer; a transaction that was not even understood is refused like any other.
fn receipt(answer: LateAnswer, queue: &Queue) -> Option<Receipt> {
    match answer.answer {
        ItemAnswer::Receipt(receipt) => (receipt.id == answer.id).then_some(receipt),
        ItemAnswer::Refused(Reason { code, text }) => Some(Receipt {
            id: answer.id,
            outcome: Outcome::Refused { code, text },
            centre_no: String::new(),
            received_at: queue.clock().now(),
            output: serde_json::Value::Null,
        }),
        ItemAnswer::Failed(_) => None,
    }
}

impl Uplink for JetStreamUplink {
    fn deliver<'a>(&'a self, batch: &'a [Envelope]) -> BoxFuture<'a, Vec<Delivery>> {
        Box::pin(async {
            let stored = self.store(batch).await;
            batch.iter().map(|_| stored.clone().map(|()| Delivered::Stored)).collect()
        })
    }

    fn stores(&self) -> bool {
        true
    }

    fn answers(&self) -> BoxFuture<'_, Vec<Late>> {
        Box::pin(async {
            let mut answers = self.answers.lock().await;
            loop {
                let Some(stream) = answers.as_mut() else {
                    let heard = self.listen().await;
                    self.hears(heard.as_ref().err());
                    match heard {
                        Ok(stream) => *answers = Some(stream),
                        Err(_) => tokio::time::sleep(PAUSE).await,
                    }
                    continue;
                };
                let Some(Ok(first)) = stream.next().await else {
                    // The servers let the consumer go, or the connection; it is opened again.
                    *answers = None;
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                let mut messages = vec![first];
                while messages.len() < TOGETHER
                    && let Some(Some(Ok(next))) = stream.next().now_or_never()
                {
                    messages.push(next);
                }
                let late = join_all(messages.into_iter().map(|message| self.read(message))).await;
                let late: Vec<Late> = late.into_iter().flatten().collect();
                if !late.is_empty() {
                    return late;
                }
            }
        })
    }

    fn request<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, UplinkError>> {
        Box::pin(async {
            let reply = self.ask(Purpose::National, request).await?;
            reply_tells(&self.queue, &reply);
            Ok(reply)
        })
    }

    fn headers<'a>(&'a self, headers: &'a SignedHeaders) -> BoxFuture<'a, Result<ChainHead, UplinkError>> {
        Box::pin(self.ask(Purpose::Headers, headers))
    }

    fn keys<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Result<Answer, UplinkError>> {
        Box::pin(self.ask(Purpose::Keys, question))
    }

    fn probe(&self) -> BoxFuture<'_, Result<ChainHead, UplinkError>> {
        Box::pin(async {
            let head = self.ask(Purpose::Chain, &nonce(&self.queue)?).await?;
            match self.deaf.load(Ordering::Relaxed) {
                true => Err(UplinkError::Unreachable("its answers are not heard".into())),
                false => Ok(head),
            }
        })
    }
}
