//! The way to the daemon: one request and its answer over its Unix socket. Everything of it is in buffers that are wiped.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

use crate::code::{NOT_CONNECTED, NOT_SUPPORTED, PARAMETER, Refused, UNKNOWN};
use crate::function::LONGEST_CALL;
use crate::pin::{Ask, Entered};

/// The daemon gives up what takes longer than it may, and says so.
const PATIENCE: Duration = Duration::from_secs(LONGEST_CALL + 10);
/// The largest answer: the greatest output, and what stands around it.
const LARGEST: usize = 512 * 1024;
/// The most headers of an answer.
const HEADERS: usize = 32;

/// What a function is called with.
#[derive(Serialize)]
pub(crate) struct Question<'q> {
    /// By their C names.
    pub(crate) parameters: &'q BTreeMap<&'static str, &'q str>,
    /// What the holder entered.
    #[serde(flatten)]
    pub(crate) entered: Entered,
    /// Of which card, as the daemon named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) card: Option<&'q str>,
    /// The number of the steps that this process is at.
    pub(crate) session: Option<&'q str>,
}

/// What it gave.
#[derive(Deserialize)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    #[serde(deserialize_with = "wiped")]
    pub(crate) output: Zeroizing<String>,
    /// What the holder is to be asked first.
    #[serde(default)]
    pub(crate) ask: Option<Ask>,
    /// The name of the card that it is asked for.
    #[serde(default)]
    pub(crate) card: Option<String>,
    /// The number to go on by.
    #[serde(default)]
    pub(crate) session: Option<String>,
}

/// What the daemon says when it does not carry a function out.
#[derive(Deserialize)]
struct Body {
    error: Failure,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
    message: String,
}

fn wiped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

/// Has the daemon carry a function out.
pub(crate) fn ask(socket: &Path, function: &str, question: &Question<'_>) -> Result<Answer, Refused> {
    let away =
        |error: std::io::Error| Refused::new(NOT_CONNECTED, format!("守护进程没有应答：{}: {error}", socket.display()));
    let stream = UnixStream::connect(socket).map_err(away)?;
    let sent = send_all(&stream, &request(function, question)?);
    // Who is not let in is answered, and may be cut off before all was sent.
    let answer = receive(&stream).and_then(|answer| if answer.is_empty() { sent.map(|()| answer) } else { Ok(answer) });
    parse(&answer.map_err(away)?)
}

fn request(function: &str, question: &Question<'_>) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let defect = |error: serde_json::Error| Refused::new(UNKNOWN, error.to_string());
    // All of it at once: growing would leave a copy behind that nobody wipes. A character takes six at most.
    let room: usize = question.parameters.iter().map(|(name, value)| name.len() + 6 * value.len() + 16).sum();
    let mut body = Zeroizing::new(Vec::with_capacity(room + 256));
    serde_json::to_writer(&mut *body, question).map_err(defect)?;
    let head = format!(
        "POST /v1/driver/{function} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut request = Zeroizing::new(Vec::with_capacity(head.len() + body.len()));
    request.extend_from_slice(head.as_bytes());
    request.extend_from_slice(&body);
    Ok(request)
}

/// Sends without a signal: SIGPIPE would end the program when the daemon goes.
fn send_all(stream: &UnixStream, mut bytes: &[u8]) -> std::io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    while !bytes.is_empty() {
        match send(stream.as_fd(), bytes, SendFlags::NOSIGNAL) {
            Ok(sent) => bytes = &bytes[sent..],
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Everything up to the end of the connection.
fn receive(mut stream: &UnixStream) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let end = Instant::now() + PATIENCE;
    let mut answer = Zeroizing::new(vec![0; LARGEST]);
    let mut filled = 0;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut answer[filled..]) {
            // Full: what is behind is not read, and the length tells that it is missing.
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            // Cut off behind an answer.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset && filled > 0 => break,
            Err(error) => return Err(error),
        }
    }
    answer.truncate(filled);
    Ok(answer)
}

fn parse(answer: &[u8]) -> Result<Answer, Refused> {
    let garbled = || Refused::new(NOT_CONNECTED, "守护进程的应答无法识别");
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(start)) = head.parse(answer) else { return Err(garbled()) };
    let body = &answer[start..];
    let header = |name: &str| head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    let length = header("content-length").and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
    if length != Some(body.len()) {
        return Err(garbled());
    }
    match head.code {
        Some(200) => serde_json::from_slice(body).map_err(|_| garbled()),
        Some(status) => {
            let Body { error } = serde_json::from_slice(body).map_err(|_| garbled())?;
            let code = match status {
                401 | 403 | 421 | 503 => NOT_CONNECTED,
                404 | 405 => NOT_SUPPORTED,
                400..500 => PARAMETER,
                _ => UNKNOWN,
            };
            Err(Refused::new(code, format!("{}（{}）", error.message, error.code)))
        }
        None => Err(garbled()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn http(status: &str, body: &str) -> Vec<u8> {
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            .into()
    }

    #[test]
    fn an_answer_is_read() {
        let answer = parse(&http("200 OK", "{\"code\":-2,\"output\":\"无卡\"}")).ok().unwrap();
        assert_eq!((answer.code, answer.output.as_str()), (-2, "无卡"));
        let body = "{\"error\":{\"code\":\"E-API-PEER\",\"message\":\"不行\",\"cause\":\"\"}}";
        for (status, code) in [("403 Forbidden", -12), ("404 Not Found", -13), ("413 Large", -14), ("500 Oh", -999)] {
            let refused = parse(&http(status, body)).err().unwrap();
            assert_eq!(refused, Refused::new(code, "不行（E-API-PEER）"));
        }
    }

    #[test]
    fn what_is_no_answer_is_no_connection() {
        let whole = http("200 OK", "{\"code\":0,\"output\":\"\"}");
        for cut in 0..whole.len() {
            assert_eq!(parse(&whole[..cut]).err().map(|refused| refused.code), Some(NOT_CONNECTED), "{cut}");
        }
        for bytes in [b"nonsense".to_vec(), http("200 OK", "{}"), http("302 Found", "{}"), vec![0xFF; 4096]] {
            assert_eq!(parse(&bytes).err().map(|refused| refused.code), Some(NOT_CONNECTED));
        }
    }

    #[test]
    fn a_daemon_that_goes_is_told_and_ends_nothing() {
        let path = std::env::temp_dir().join(format!("sbkd-driver-{}.sock", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        let goes = std::thread::spawn(move || drop(listener.accept()));
        let parameters = [("iType", "1")].into();
        let question = Question { parameters: &parameters, entered: Entered::default(), card: None, session: None };
        let refused = ask(&path, "iReadCardBas", &question).err().unwrap();
        goes.join().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(refused.code, NOT_CONNECTED);
        assert_eq!(ask(&path, "iReadCardBas", &question).err().unwrap().code, NOT_CONNECTED, "nobody there");
    }
}
