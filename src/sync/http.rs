//! The centre over HTTP: one client, its connections kept open.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, Url, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::reply::{answer_tells, json, nonce, reply_tells, taken};
use super::tls::{self, TlsFiles};
use super::{BoxFuture, Delivered, Delivery, Late, Uplink, UplinkError};
use crate::queue::Queue;
use crate::wire::batch::{ItemAnswer, Reason};
use crate::wire::headers::SignedHeaders;
use crate::wire::hsm::{Answer, Question};
use crate::wire::signature::{self, Purpose};
use crate::wire::{ChainHead, Digest, Envelope, Reply, Request, plain_code};
use crate::world::loopback_client;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a whole request may take; who waits at a counter waits less.
const WHOLE: Duration = Duration::from_secs(30);
/// The largest answer, in bytes.
const LARGEST: usize = 4 << 20;

/// How the centre is reached.
#[derive(Clone, Default)]
pub struct Link {
    /// Its address: `https://…`, or `http://` on the loopback.
    pub url: String,
    /// This terminal's token; empty where none is asked for.
    pub token: Zeroizing<String>,
    /// Certificates.
    pub tls: TlsFiles,
    /// The file of the terminal's credentials with a broker.
    pub credentials: Option<PathBuf>,
    /// The key that the centre's answers are signed with: none but signed ones are taken. Without it TLS alone proves
    /// whose they are.
    pub centre_key: Option<Digest>,
}

/// The centre over HTTP.
pub struct HttpUplink {
    client: Client,
    base: Url,
    /// Signs what goes up.
    queue: Queue,
    centre_key: Option<Digest>,
}

impl HttpUplink {
    /// The centre at the end of a link; what goes up is in the name of the journal's terminal, with its signature.
    ///
    /// # Errors
    /// [`UplinkError::Setting`] when the address is not one, would leave this machine without TLS, or token and
    /// certificates cannot be used.
    pub fn new(link: &Link, queue: Queue) -> Result<Self, UplinkError> {
        let bad = |what: &str| UplinkError::Setting(what.to_owned());
        let base = base(&link.url)?;
        let text = |text: String| HeaderValue::try_from(text);
        let mut bearer = text(format!("Bearer {}", *link.token)).map_err(|_| bad("the token is not text"))?;
        bearer.set_sensitive(true);
        let named = [
            (AUTHORIZATION, bearer),
            (
                HeaderName::from_static(signature::TERMINAL),
                text(queue.terminal().to_owned()).map_err(|_| bad("the terminal's code"))?,
            ),
            (
                HeaderName::from_static(signature::KEY),
                text(hex::encode_upper(queue.public_key())).map_err(|_| bad("the journal's key"))?,
            ),
        ];
        let mut client = loopback_client();
        if base.scheme() == "https" {
            client = client.tls_backend_preconfigured(tls::settings(&link.tls)?);
        }
        let client = client
            .default_headers(HeaderMap::from_iter(named))
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| bad(&error.to_string()))?;
        Ok(Self { client, base, queue, centre_key: link.centre_key })
    }

    /// Whether [`new`](Self::new) takes this address.
    ///
    /// # Errors
    /// [`UplinkError::Setting`] when it does not.
    pub fn check(url: &str) -> Result<(), UplinkError> {
        base(url).map(drop)
    }

    /// Whether what is taken is proved to be the centre's; without its key and without TLS it may be anybody's on this
    /// machine.
    fn proves(&self) -> bool {
        self.centre_key.is_some() || self.base.scheme() == "https"
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // An http URL always has a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    async fn post<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        message: &(impl Serialize + ?Sized),
    ) -> Result<T, UplinkError> {
        let question = json(message)?;
        let request = self.client.post(self.url(&["v1", purpose.name()]));
        let request = request.header(CONTENT_TYPE, "application/json").body(question.to_vec());
        let signature = self.queue.sign(purpose, &question);
        let response = request.header(signature::SIGNATURE, signature.to_string()).send().await.map_err(failed)?;
        let (status, retry_after) = (response.status(), retry_after(&response));
        let signature = response.headers().get(signature::SIGNATURE).and_then(|text| text.to_str().ok()?.parse().ok());
        let body = body(response).await?;
        let told = signature::answer(self.queue.terminal(), purpose, &question, status.as_u16(), &body);
        let signed = self
            .centre_key
            .is_none_or(|key| signature.is_some_and(|signature| signature::holds(&key, &told, &signature)));
        taken(status.as_u16(), &body, retry_after, signed)
    }
}

/// Without TLS a token and personal data may not leave this machine.
fn base(url: &str) -> Result<Url, UplinkError> {
    let base = Url::parse(url).map_err(|error| UplinkError::Setting(error.to_string()))?;
    let loopback = matches!(base.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    match base.scheme() {
        "https" => Ok(base),
        "http" if loopback => Ok(base),
        _ => Err(UplinkError::Setting("the address must be https://, or http:// on the loopback".to_owned())),
    }
}

impl Uplink for HttpUplink {
    fn deliver<'a>(&'a self, batch: &'a [Envelope]) -> BoxFuture<'a, Vec<Delivery>> {
        Box::pin(async {
            let answers: Result<Vec<ItemAnswer>, _> = self.post(Purpose::Transactions, batch).await;
            if let Ok(answers) = &answers
                && self.proves()
            {
                answers.iter().for_each(|answer| answer_tells(&self.queue, answer));
            }
            each(batch, answers)
        })
    }

    fn stores(&self) -> bool {
        false
    }

    fn answers(&self) -> BoxFuture<'_, Vec<Late>> {
        Box::pin(std::future::pending())
    }

    fn request<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, UplinkError>> {
        Box::pin(async {
            let mut reply: Reply = self.post(Purpose::National, request).await?;
            if self.proves() {
                reply_tells(&self.queue, &reply);
            } else {
                // Nobody vouches for it.
                reply.told_at = None;
            }
            Ok(reply)
        })
    }

    fn headers<'a>(&'a self, headers: &'a SignedHeaders) -> BoxFuture<'a, Result<ChainHead, UplinkError>> {
        Box::pin(self.post(Purpose::Headers, headers))
    }

    fn keys<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Result<Answer, UplinkError>> {
        Box::pin(self.post(Purpose::Keys, question))
    }

    fn probe(&self) -> BoxFuture<'_, Result<ChainHead, UplinkError>> {
        Box::pin(async { self.post(Purpose::Chain, &nonce(&self.queue)?).await })
    }
}

/// The answers to a batch, one a transaction. A refusal of the request is none of its transactions' (the centre may be of
/// a version that does not know a field): each stays open with the reason, and goes alone.
fn each(batch: &[Envelope], answers: Result<Vec<ItemAnswer>, UplinkError>) -> Vec<Delivery> {
    let answers = answers.and_then(|answers| match answers.len() == batch.len() {
        true => Ok(answers),
        false => Err(UplinkError::Answer("it has not one part a transaction".into())),
    });
    let answers = answers.map_err(|error| match error {
        UplinkError::Refused { code, .. } => {
            UplinkError::Answer(format!("it refuses the request: {}", plain_code(&code)))
        }
        error => error,
    });
    match answers {
        Err(error) => batch.iter().map(|_| Err(error.clone())).collect(),
        Ok(answers) => answers.into_iter().map(delivery).collect(),
    }
}

fn delivery(answer: ItemAnswer) -> Delivery {
    match answer {
        ItemAnswer::Receipt(receipt) => Ok(Delivered::Answered(Box::new(receipt))),
        ItemAnswer::Refused(Reason { code, text }) => Err(UplinkError::Refused { code, text }),
        ItemAnswer::Failed(_) => Err(UplinkError::Failed { status: 500, retry_after: None }),
    }
}

/// What a client error tells: only what failed before there was a connection was surely not sent.
fn failed(error: reqwest::Error) -> UplinkError {
    let connecting = error.is_connect() || error.is_builder();
    let what = innermost(&error.without_url());
    if connecting { UplinkError::Unreachable(what) } else { UplinkError::NoAnswer(what) }
}

/// The cause at the bottom: `Connection refused (os error 111)`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

async fn body(mut response: Response) -> Result<Vec<u8>, UplinkError> {
    let mut whole = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if whole.len() + chunk.len() > LARGEST {
            return Err(UplinkError::Answer(format!("it is larger than {LARGEST} bytes")));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}

/// `Retry-After` in seconds, at most an hour; the date form is not used here.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds: u64 = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(3600)))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    fn uplink(url: &str) -> Result<HttpUplink, UplinkError> {
        let dir = tempfile::tempdir().unwrap();
        let queue = crate::queue::tests::open(dir.path());
        HttpUplink::new(&Link { url: url.into(), ..Link::default() }, queue)
    }

    /// A server that answers one request with `answer` and closes.
    fn one_answer(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        url
    }

    async fn probed(answer: &'static str) -> Result<ChainHead, UplinkError> {
        uplink(&one_answer(answer)).unwrap().probe().await
    }

    #[tokio::test]
    async fn each_way_to_fail_is_told_apart() {
        let refused = probed(
            "HTTP/1.1 409 Conflict\r\nContent-Length: 50\r\n\r\n{\"error\":{\"code\":\"C-CHAIN-GAP\",\"text\":\"missing!\"}}",
        )
        .await;
        assert_eq!(refused, Err(UplinkError::Refused { code: "C-CHAIN-GAP".into(), text: "missing!".into() }));
        let busy = probed("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(busy, Err(UplinkError::Failed { status: 503, retry_after: Some(Duration::from_secs(7)) }));
        assert_eq!(probed("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n").await, Err(UplinkError::Unauthorized(401)));
        for strange in [
            "HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\nnope",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            "HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        ] {
            assert!(matches!(probed(strange).await, Err(UplinkError::Answer(_))), "{strange}");
        }
        for cut in ["", "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"sequence\""] {
            let error = probed(cut).await.unwrap_err();
            assert!(matches!(error, UplinkError::NoAnswer(_)) && !error.never_sent(), "{error:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_was_signed_another_time_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let queue = crate::queue::tests::open(dir.path());
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let centre_key = Some(Digest(pair.public_key().as_ref().try_into().unwrap()));
        let head = serde_json::to_string(&ChainHead::default()).unwrap();
        for question in ["", "\"00\"", "null"] {
            let told = signature::answer(queue.terminal(), Purpose::Chain, question.as_bytes(), 200, head.as_bytes());
            let (signature, length) = (hex::encode_upper(pair.sign(&told)), head.len());
            let answer =
                format!("HTTP/1.1 200 OK\r\nSbkd-Signature: {signature}\r\nContent-Length: {length}\r\n\r\n{head}");
            let link = Link { url: one_answer(answer.leak()), centre_key, ..Link::default() };
            let answer = HttpUplink::new(&link, queue.clone()).unwrap().probe().await;
            assert_eq!(answer, Err(UplinkError::Answer("it is not signed by the centre".into())), "{question}");
        }
    }

    #[tokio::test]
    async fn a_refusal_of_the_request_is_none_of_its_transactions() {
        let dir = tempfile::tempdir().unwrap();
        let queue = crate::queue::tests::open(dir.path());
        let envelopes = ["a", "b"].map(|key| {
            let row = queue.commit(crate::queue::tests::draft(key)).unwrap().row;
            queue.envelope(row.id).unwrap().unwrap()
        });
        let answer =
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 41\r\n\r\n{\"error\":{\"code\":\"C-FORM\",\"text\":\"form\"}}";
        let told = UplinkError::Answer("it refuses the request: C-FORM".into());
        for batch in [&envelopes[..], &envelopes[..1]] {
            let deliveries = uplink(&one_answer(answer)).unwrap().deliver(batch).await;
            assert_eq!(deliveries, vec![Err(told.clone()); batch.len()]);
        }
    }

    #[tokio::test]
    async fn the_time_is_the_centres_where_that_is_proved() {
        use ring::signature::{Ed25519KeyPair, KeyPair as _};
        let at = "2015-08-01T02:00:00Z";
        let body = format!(r#"{{"infcode":-1,"inf_refmsgid":"","err_msg":"C-X x","told_at":"{at}"}}"#);
        let request = Request {
            infno: "9001".into(),
            msgid: "M".into(),
            fixmedins_code: "T".into(),
            opter: String::new(),
            inf_time: String::new(),
            recer_sys_code: None,
            sign_no: None,
            demo: true,
            input: serde_json::Value::Null,
        };
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let mut public = Digest([0; 32]);
        public.0.copy_from_slice(key.public_key().as_ref());
        let question = serde_json::to_vec(&request).unwrap();
        let told = |signed: &str| {
            let text = signature::answer("T44010000001", Purpose::National, &question, 200, signed.as_bytes());
            let signature = hex::encode_upper(key.sign(&text));
            let name = signature::SIGNATURE;
            let head = format!("HTTP/1.1 200 OK\r\n{name}: {signature}\r\nContent-Length: {}\r\n\r\n", body.len());
            one_answer(String::leak(head + &body))
        };
        let another = body.replace("2015", "2014");
        for (centre_key, signed, taken, known) in [
            (Some(public), &body, true, Some(at)),
            (Some(public), &another, false, None),
            // Nobody proves whose this is.
            (None, &body, true, None),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let queue = crate::queue::tests::open(dir.path());
            let link = Link { url: told(signed), centre_key, ..Link::default() };
            let reply = HttpUplink::new(&link, queue.clone()).unwrap().request(&request).await;
            assert_eq!(reply.is_ok(), taken, "{reply:?}");
            let told = reply.ok().and_then(|reply| reply.told_at).map(|at| at.to_string());
            assert_eq!(told.as_deref(), known);
            assert_eq!(queue.centre_time().unwrap().map(|at| at.to_string()).as_deref(), known);
        }
    }

    #[tokio::test]
    async fn a_closed_port_was_never_sent_to() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = uplink(&format!("http://{free}")).unwrap().probe().await.unwrap_err();
        assert!(error.never_sent(), "{error:?}");
    }

    #[test]
    fn only_the_loopback_is_spoken_to_without_tls() {
        for bad in ["", "x", "ftp://127.0.0.1", "http://10.0.0.1:8430", "http://example.org"] {
            assert!(matches!(uplink(bad), Err(UplinkError::Setting(_))), "{bad}");
        }
        let base = uplink("http://localhost:8430/centre/").unwrap();
        assert_eq!(base.url(&["v1", "chain", "T 1"]).as_str(), "http://localhost:8430/centre/v1/chain/T%201");
    }
}
