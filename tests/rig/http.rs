//! The smallest HTTP client that these tests need: one request a connection, over TCP or a Unix socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde_json::Value;

use super::PATIENCE;

/// Where a server is, and what is said to it each time.
#[derive(Debug, Clone)]
pub struct Client {
    /// `host:port`, or a path for a Unix socket.
    place: Place,
    headers: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
enum Place {
    Tcp(String),
    Unix(PathBuf),
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The head, as it came.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("the answer is not JSON ({error}): {self:?}"))
    }

    /// The same, and the status must be a success.
    #[track_caller]
    pub fn success(&self) -> Value {
        assert!((200..300).contains(&self.status), "the request failed: {self:?}");
        self.json()
    }
}

impl Client {
    /// A server at `host:port`, or at a URL that has nothing but those.
    pub fn tcp(place: &str) -> Self {
        let place = place.trim_start_matches("http://").trim_end_matches('/');
        Self { place: Place::Tcp(place.to_owned()), headers: Vec::new() }
    }

    /// A server at a Unix socket.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self { place: Place::Unix(path.into()), headers: Vec::new() }
    }

    /// The server's `host:port`, or its socket's path.
    pub fn address(&self) -> String {
        match &self.place {
            Place::Tcp(place) => place.clone(),
            Place::Unix(path) => path.display().to_string(),
        }
    }

    /// The same server, with a header more.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a bearer token.
    pub fn token(self, token: &str) -> Self {
        self.with("Authorization", &format!("Bearer {token}"))
    }

    /// Asks.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, None)
    }

    /// Sends JSON.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, Some(&body.to_string()))
    }

    /// One request.
    #[track_caller]
    pub fn request(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        self.try_request(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// One request, where the server may be away.
    pub fn try_request(&self, method: &str, path: &str, body: Option<&str>) -> std::io::Result<Answer> {
        let mut reader = BufReader::new(self.send(method, path, body)?);
        let head = read_head(&mut reader)?;
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        let body =
            if head.to_ascii_lowercase().contains("transfer-encoding: chunked") { unchunk(&bytes) } else { bytes };
        let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Ok(Answer { status, head, body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// The events of an SSE stream, as they come.
    pub fn events(&self, path: &str) -> std::io::Result<impl Iterator<Item = (String, Value)> + Send + use<>> {
        let mut reader = BufReader::new(self.send("GET", path, None)?);
        read_head(&mut reader)?;
        let mut kind = String::new();
        Ok(reader.lines().map_while(Result::ok).filter_map(move |line| {
            if let Some(name) = line.strip_prefix("event:") {
                name.trim().clone_into(&mut kind);
            }
            let data = serde_json::from_str(line.strip_prefix("data:")?.trim()).ok()?;
            Some((kind.clone(), data))
        }))
    }

    fn send(&self, method: &str, path: &str, body: Option<&str>) -> std::io::Result<Box<dyn Stream>> {
        let (mut stream, host): (Box<dyn Stream>, String) = match &self.place {
            Place::Tcp(place) => {
                let stream = TcpStream::connect(place)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                (Box::new(stream), place.clone())
            }
            Place::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                (Box::new(stream), "localhost".to_owned())
            }
        };
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: {host}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                head.push_str("Content-Type: application/json\r\n");
            }
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        stream.write_all(format!("{head}\r\n{}", body.unwrap_or_default()).as_bytes())?;
        Ok(stream)
    }
}

fn read_head(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..end]).ok().and_then(|text| usize::from_str_radix(text.trim(), 16).ok());
        let Some(size) = size.filter(|size| *size > 0 && bytes.len() >= end + 2 + size) else { break };
        whole.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = bytes.get(end + 2 + size + 2..).unwrap_or_default();
    }
    whole
}
