//! The centre over HTTP: one client, its connections kept open.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{BoxFuture, Delivered, Delivery, Uplink, UplinkError};
use crate::wire::batch::{ItemAnswer, Reason};
use crate::wire::{ChainHead, Envelope, Header, Reply, Request};
use crate::world::loopback_client;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a whole request may take; who waits at a counter waits less.
const WHOLE: Duration = Duration::from_secs(30);
/// The largest answer, in bytes.
const LARGEST: usize = 4 << 20;

/// The centre over HTTP.
pub struct HttpUplink {
    client: Client,
    base: Url,
}

impl HttpUplink {
    /// The centre at `url` (`http://127.0.0.1:8430`), with this terminal's token.
    ///
    /// # Errors
    /// [`UplinkError::Setting`] when the URL is not one, is not plain HTTP on the loopback, or the client cannot be
    /// made.
    pub fn new(url: &str, token: &str) -> Result<Self, UplinkError> {
        let bad = |what: &str| UplinkError::Setting(what.to_owned());
        let base = base(url)?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| bad("the token is not text"))?;
        bearer.set_sensitive(true);
        let client = loopback_client()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| bad(&error.to_string()))?;
        Ok(Self { client, base })
    }

    /// Whether [`new`](Self::new) takes this address.
    ///
    /// # Errors
    /// [`UplinkError::Setting`] when it does not.
    pub fn check(url: &str) -> Result<(), UplinkError> {
        base(url).map(drop)
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // An http URL always has a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, UplinkError> {
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let retry_after = retry_after(&response);
        let body = body(response).await?;
        if status.is_success() {
            // The parser's own words would quote the answer.
            return serde_json::from_slice(&body)
                .map_err(|_| UplinkError::Answer(format!("status {status}, but another form")));
        }
        Err(refused(status, &body, retry_after))
    }
}

/// Without TLS a token and personal data may not leave this machine.
fn base(url: &str) -> Result<Url, UplinkError> {
    let base = Url::parse(url).map_err(|error| UplinkError::Setting(error.to_string()))?;
    let loopback = matches!(base.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if base.scheme() == "http" && loopback {
        Ok(base)
    } else {
        Err(UplinkError::Setting("the address must be http:// on the loopback".to_owned()))
    }
}

impl Uplink for HttpUplink {
    fn deliver<'a>(&'a self, batch: &'a [Envelope]) -> BoxFuture<'a, Vec<Delivery>> {
        Box::pin(async {
            let answers: Result<Vec<ItemAnswer>, _> =
                self.send(self.client.post(self.url(&["v1", "transactions"])).json(batch)).await;
            each(batch, answers)
        })
    }

    fn request<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, UplinkError>> {
        Box::pin(self.send(self.client.post(self.url(&["v1", "national"])).json(request)))
    }

    fn headers<'a>(&'a self, headers: &'a [Header]) -> BoxFuture<'a, Result<ChainHead, UplinkError>> {
        Box::pin(self.send(self.client.post(self.url(&["v1", "headers"])).json(headers)))
    }

    fn probe<'a>(&'a self, terminal: &'a str) -> BoxFuture<'a, Result<ChainHead, UplinkError>> {
        Box::pin(self.send(self.client.get(self.url(&["v1", "chain", terminal]))))
    }
}

/// The answers to a batch, one a transaction.
fn each(batch: &[Envelope], answers: Result<Vec<ItemAnswer>, UplinkError>) -> Vec<Delivery> {
    let answers = answers.and_then(|answers| match answers.len() == batch.len() {
        true => Ok(answers),
        false => Err(UplinkError::Answer("it has not one part a transaction".into())),
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

fn refused(status: StatusCode, body: &[u8], retry_after: Option<Duration>) -> UplinkError {
    #[derive(Deserialize)]
    struct Refusal {
        error: Reason,
    }
    let number = status.as_u16();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => UplinkError::Unauthorized(number),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            UplinkError::Failed { status: number, retry_after }
        }
        _ if status.is_server_error() => UplinkError::Failed { status: number, retry_after },
        // Only the centre's own form is a refusal: a 404 of some other server says nothing about the transaction.
        _ if status.is_client_error() => match serde_json::from_slice::<Refusal>(body) {
            Ok(Refusal { error }) => UplinkError::Refused { code: error.code, text: error.text },
            Err(_) => UplinkError::Answer(format!("status {number} without a reason")),
        },
        _ => UplinkError::Answer(format!("status {number}")),
    }
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

    use super::*;

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
        HttpUplink::new(&one_answer(answer), "t").unwrap().probe("T1").await
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
    async fn a_closed_port_was_never_sent_to() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = HttpUplink::new(&format!("http://{free}"), "t").unwrap().probe("T1").await.unwrap_err();
        assert!(error.never_sent(), "{error:?}");
    }

    #[test]
    fn only_the_loopback_is_spoken_to_without_tls() {
        for bad in ["", "x", "https://127.0.0.1:1", "http://10.0.0.1:8430", "http://example.org"] {
            assert!(matches!(HttpUplink::new(bad, "t"), Err(UplinkError::Setting(_))), "{bad}");
        }
        assert!(HttpUplink::new("http://127.0.0.1:8430", "a\nb").is_err());
        let base = HttpUplink::new("http://localhost:8430/centre/", "t").unwrap();
        assert_eq!(base.url(&["v1", "chain", "T 1"]).as_str(), "http://localhost:8430/centre/v1/chain/T%201");
    }
}
