//! The way from a command to the running daemon: its Unix socket.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::{Problem, Shell, config, errors};
use crate::reader::{ReaderState, TransportError, choose};
use crate::terminal::holder_card::{CardAnswer, CardCall, CardTask};

/// Where the daemon's socket is when neither an argument nor a configuration says.
const SOCKET: &str = "/run/sbkd/sbkd.sock";
/// How long the daemon's answer is waited for; far above what it takes to look into its memory and its journal.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long an answer is waited for that the daemon asks the centre for, several times one after the other.
const UPSTREAM: Duration = Duration::from_secs(120);

/// A command's connection to the daemon.
pub(super) struct Daemon {
    socket: PathBuf,
    http: reqwest::Client,
    /// How long the reading of a card is waited for.
    reading: Duration,
    /// How long a pad waits for the holder besides.
    pin: Duration,
    runtime: Runtime,
}

impl Daemon {
    /// The daemon at `--socket`, or where the configuration says.
    pub(super) fn of(shell: &Shell) -> Result<Self, Problem> {
        let config = match shell.socket() {
            // What is named needs no configuration, nor one without mistakes.
            Some(_) => config::in_force(shell).unwrap_or_default(),
            None => config::in_force(shell)?,
        };
        let configured = config.as_ref().and_then(|config| config.api.socket.as_deref());
        let socket = shell.socket().or(configured).unwrap_or(Path::new(SOCKET)).to_path_buf();
        let (cases, readers) = config.map(|config| (config.cases, config.readers)).unwrap_or_default();
        let (reading, pin) = (cases.reading + PATIENCE, readers.pin);
        let runtime = runtime()?;
        let http = crate::world::loopback_client()
            .unix_socket(socket.clone())
            .build()
            .map_err(|error| Problem::with(&errors::NO_DAEMON, error.to_string()))?;
        Ok(Self { socket, http, reading, pin, runtime })
    }

    /// The daemon's answer to GET.
    pub(super) fn get(&self, path: &str) -> Result<Value, Problem> {
        self.get_with(path, &[])
    }

    /// The daemon's answer to GET with a query; empty parameters are left out.
    pub(super) fn get_with(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Problem> {
        let query: Vec<_> = query.iter().filter(|(_, value)| !value.is_empty()).collect();
        self.ask(self.request(Method::GET, path).query(&query), PATIENCE)
    }

    /// The daemon's answer to GET with a query where that is not JSON: its media type, and its bytes.
    pub(super) fn get_bytes(&self, path: &str, query: &[(&str, &str)]) -> Result<(String, Vec<u8>), Problem> {
        let request = self.request(Method::GET, path).query(query).timeout(PATIENCE);
        self.runtime.block_on(async {
            let answer = request.send().await.map_err(|error| self.away(&error))?;
            let status = answer.status();
            if !status.is_success() {
                let value: Value = answer.json().await.map_err(|_| strange(status.as_u16()))?;
                return Err(told(value, status.as_u16()));
            }
            let media = answer.headers().get("content-type").and_then(|media| media.to_str().ok());
            let media = media.unwrap_or_default().to_owned();
            let bytes = answer.bytes().await.map_err(|error| self.away(&error))?;
            Ok((media, bytes.to_vec()))
        })
    }

    /// The daemon's answer to POST.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, Problem> {
        self.ask(self.request(Method::POST, path).json(body), PATIENCE)
    }

    /// The daemon's answer to POST of what it asks the centre for first.
    pub(super) fn post_and_wait(&self, path: &str, body: &Value) -> Result<Value, Problem> {
        self.ask(self.request(Method::POST, path).json(body), UPSTREAM)
    }

    /// What the daemon reads from a card, which may take a person's time.
    pub(super) fn read_card(&self, body: &Value) -> Result<Value, Problem> {
        self.ask(self.request(Method::POST, "/v1/card/read").json(body), self.reading)
    }

    /// What the daemon does with a card, at which a person may have to type.
    pub(super) fn at_card<T: CardTask>(&self, call: &CardCall<&T>) -> Result<CardAnswer<Value>, Problem> {
        let answer = self.ask(self.request(Method::POST, T::PATH).json(call), self.reading + self.pin)?;
        serde_json::from_value(answer).map_err(|_| Problem::from(&errors::DAEMON_ANSWER))
    }

    /// The bank's application on a card.
    pub(super) fn bank_card(&self, reader: Option<&str>) -> Result<Value, Problem> {
        let body = reader.map_or_else(|| json!({}), |reader| json!({ "reader": reader }));
        self.ask(self.request(Method::POST, "/v1/card/bank").json(&body), self.reading)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        // A name is needed for the Host header; the way is the socket.
        self.http.request(method, format!("http://localhost{path}"))
    }

    fn ask(&self, request: RequestBuilder, within: Duration) -> Result<Value, Problem> {
        self.runtime.block_on(async {
            let answer = request.timeout(within).send().await.map_err(|error| self.away(&error))?;
            let status = answer.status();
            let value: Value = answer.json().await.map_err(|error| match error.is_timeout() {
                true => self.away(&error),
                false => strange(status.as_u16()),
            })?;
            if status.is_success() { Ok(value) } else { Err(told(value, status.as_u16())) }
        })
    }

    /// What happens at the terminal from now on.
    pub(super) fn events(&self) -> Result<Events, Problem> {
        self.runtime.block_on(async {
            // The stream has no end; that it begins is waited for as for any answer.
            let begun = tokio::time::timeout(PATIENCE, self.request(Method::GET, "/v1/events").send()).await;
            let answer = begun.map_err(|_| self.silent())?.map_err(|error| self.away(&error))?;
            let status = answer.status();
            if status.is_success() {
                return Ok(Events { answer, text: Vec::new() });
            }
            let value: Value = answer.json().await.map_err(|_| strange(status.as_u16()))?;
            Err(told(value, status.as_u16()))
        })
    }

    /// The reader that is meant, by its name or an unambiguous beginning of it.
    pub(super) fn reader(&self, wanted: &str) -> Result<String, Problem> {
        let readers = serde_json::from_value::<Vec<ReaderState>>(self.get("/v1/readers")?);
        let readers = readers.map_err(|_| Problem::from(&errors::DAEMON_ANSWER))?;
        match choose(&readers, Some(wanted)) {
            // Why it is not there the daemon knows: the service may be away with all of them.
            Err(TransportError::NoReader(_)) => Ok(wanted.to_owned()),
            chosen => chosen.map_err(|error| Problem::from_error(&error)),
        }
    }

    /// Waits for `future`.
    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Does what needs the runtime to be there.
    pub(super) fn enter<T>(&self, job: impl FnOnce() -> T) -> T {
        let _within = self.runtime.enter();
        job()
    }

    fn silent(&self) -> Problem {
        Problem::with(&errors::DAEMON_SILENT, self.socket.display().to_string())
    }

    fn away(&self, error: &reqwest::Error) -> Problem {
        if error.is_timeout() {
            return self.silent();
        }
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let denied = cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::PermissionDenied);
        let entry = if denied { &errors::NOT_LET_IN } else { &errors::NO_DAEMON };
        Problem::with(entry, format!("{}: {cause}", self.socket.display()))
    }
}

/// The daemon's stream of events.
pub(super) struct Events {
    answer: reqwest::Response,
    /// What has come and is not a whole event yet.
    text: Vec<u8>,
}

impl Events {
    /// The next event; `None` when none comes within `patience`.
    pub(super) async fn next(&mut self, daemon: &Daemon, patience: Duration) -> Result<Option<Value>, Problem> {
        let end = Instant::now() + patience;
        loop {
            if let Some(event) = self.whole() {
                return Ok(Some(event));
            }
            let left = end.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, self.answer.chunk()).await {
                Err(_) => return Ok(None),
                Ok(Err(error)) => return Err(daemon.away(&error)),
                Ok(Ok(None)) => return Err(Problem::with(&errors::NO_DAEMON, "the daemon stopped")),
                Ok(Ok(Some(chunk))) => self.text.extend_from_slice(&chunk),
            }
        }
    }

    /// Takes the first whole event from what has come; comments that keep the stream alive are dropped.
    fn whole(&mut self) -> Option<Value> {
        while let Some(end) = self.text.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.text.drain(..end + 2).collect();
            let block = String::from_utf8_lossy(&block);
            let data = block.lines().find_map(|line| line.strip_prefix("data:"));
            if let Some(event) = data.and_then(|data| serde_json::from_str(data.trim()).ok()) {
                return Some(event);
            }
        }
        None
    }
}

/// A runtime on this thread, for a command that waits.
pub(super) fn runtime() -> Result<Runtime, Problem> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::with(&errors::RUNTIME, error.to_string()))
}

fn told(value: Value, status: u16) -> Problem {
    match value {
        Value::Object(mut object) => match object.remove("error") {
            Some(Value::Object(body)) => Problem::told(body),
            _ => strange(status),
        },
        _ => strange(status),
    }
}

fn strange(status: u16) -> Problem {
    Problem::with(&errors::DAEMON_ANSWER, format!("HTTP {status}"))
}

/// A JSON object's member as text, for tables.
pub(super) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or("–")
}
