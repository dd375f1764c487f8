//! The way from a command to the running daemon: its Unix socket.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Map, Value};
use tokio::runtime::Runtime;

use super::{Problem, Shell, config, errors};
use crate::reader::{ReaderState, choose};

/// Where the daemon's socket is when neither an argument nor a configuration says.
const SOCKET: &str = "/run/sbkd/sbkd.sock";

/// A command's connection to the daemon.
pub(super) struct Daemon {
    socket: PathBuf,
    http: reqwest::Client,
    runtime: Runtime,
}

impl Daemon {
    /// The daemon at `--socket`, or where the configuration says.
    pub(super) fn of(shell: &Shell) -> Result<Self, Problem> {
        let socket = socket(shell)?;
        let runtime = runtime()?;
        // Long enough for a card session and a settlement; events are not bounded by it.
        let http = reqwest::Client::builder()
            .unix_socket(socket.clone())
            .no_proxy()
            .build()
            .map_err(|error| Problem::with(&errors::NO_DAEMON, error.to_string()))?;
        Ok(Self { socket, http, runtime })
    }

    /// The daemon's answer to GET.
    pub(super) fn get(&self, path: &str) -> Result<Value, Problem> {
        self.ask(Method::GET, path, &[], None)
    }

    /// The daemon's answer to GET with a query; empty parameters are left out.
    pub(super) fn get_with(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Problem> {
        self.ask(Method::GET, path, query, None)
    }

    /// The daemon's answer to POST.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, Problem> {
        self.ask(Method::POST, path, &[], Some(body))
    }

    fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Value, Problem> {
        self.runtime.block_on(async {
            // A name is needed for the Host header; the way is the socket.
            let query: Vec<_> = query.iter().filter(|(_, value)| !value.is_empty()).collect();
            let mut request = self.http.request(method, format!("http://localhost{path}")).query(&query);
            if let Some(body) = body {
                request = request.json(body);
            }
            let answer = request.send().await.map_err(|error| self.away(&error))?;
            let fine = answer.status().is_success();
            let status = answer.status();
            let value: Value =
                answer.json().await.map_err(|_| Problem::with(&errors::DAEMON_ANSWER, format!("HTTP {status}")))?;
            if fine { Ok(value) } else { Err(told(value, status.as_u16())) }
        })
    }

    /// What happens at the terminal from now on.
    pub(super) fn events(&self) -> Result<Events, Problem> {
        self.runtime.block_on(async {
            let answer = self.http.get("http://localhost/v1/events").send().await.map_err(|error| self.away(&error))?;
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
        choose(&readers, Some(wanted)).map_err(|error| Problem::from_error(&error))
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

    fn away(&self, error: &reqwest::Error) -> Problem {
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Problem::with(&errors::NO_DAEMON, format!("{}: {cause}", self.socket.display()))
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

/// The daemon's socket.
pub(super) fn socket(shell: &Shell) -> Result<PathBuf, Problem> {
    if let Some(socket) = shell.socket() {
        return Ok(socket.to_path_buf());
    }
    let configured = config::in_force(shell)?.and_then(|config| config.api.socket);
    Ok(configured.unwrap_or_else(|| PathBuf::from(SOCKET)))
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
