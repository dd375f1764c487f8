//! Makes a recording of another program's session, from the log that pcsc-spy or apdu4j kept of it.
//!
//! What was sent and answered is redacted as a session is that this program carries out: a command without a rule is
//! refused, and no PIN gets through. What a replay needs besides is taken from the commands themselves.

mod apdu4j;
mod log;
mod pcsc_spy;
mod session;

use jiff::Timestamp;

use self::log::{Log, plain};
use super::Recording;
use crate::failure::{Diagnostic, Entry, Explain};
use crate::script::{MISTAKE, RecordError};

/// Whose session a log is taken for, and when it was.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The holder's reader: the beginning of its name. Without it: the one whose card was not asked what a PSAM is.
    pub card: Option<String>,
    /// The PSAM's reader, likewise.
    pub psam: Option<String>,
    /// The moment of the session; where it is not given, what the log says.
    pub clock: Option<Timestamp>,
    /// The moment where no log says one.
    pub now: Timestamp,
}

/// Why a log cannot become a recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The log cannot be read, or it is not clear what in it is the session.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Log(Vec<Diagnostic>),
    /// The session cannot be recorded.
    #[error(transparent)]
    Session(#[from] RecordError),
}

impl Explain for ImportError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Log(_) => &MISTAKE,
            Self::Session(error) => error.entry(),
        }
    }

    fn detail(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Recording {
    /// The session of these logs, each with the name mistakes call it by; the recording is called `file`. Several logs are
    /// one session: apdu4j keeps one a card.
    ///
    /// # Errors
    /// See [`ImportError`].
    pub fn import(logs: &[(String, String)], choice: &Choice, file: &str) -> Result<Self, ImportError> {
        let mut read = Vec::new();
        let mut mistakes = Vec::new();
        for (name, text) in logs {
            match log(name, text) {
                Ok(log) => read.push(log),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        if !mistakes.is_empty() {
            return Err(ImportError::Log(mistakes));
        }
        session::recording(read, choice, file)
    }
}

/// Reads a log of either program.
fn log(file: &str, text: &str) -> Result<Log, Diagnostic> {
    let is = |known: fn(&str) -> bool| text.lines().any(|line| known(plain(line).trim()));
    let read = if is(pcsc_spy::is_line) {
        pcsc_spy::read(text)
    } else if is(apdu4j::is_line) {
        apdu4j::read(text)
    } else if is(pcsc_spy::is_raw) {
        Err((1, "the raw log of libpcscspy: pcsc-spy makes a log of it (pcsc-spy --nocolor FILE)".to_owned()))
    } else {
        Err((1, "neither a log of pcsc-spy nor one of apdu4j".to_owned()))
    };
    let told = |(line, message)| Diagnostic { file: file.to_owned(), line, column: 1, message };
    read.map(|log| Log { file: file.to_owned(), ..log }).map_err(told)
}
