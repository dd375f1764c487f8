//! Recordings: a session with a card and its PSAM, byte for byte, in the language of the scripts.
//!
//! A recording holds a made-up person and no key: what names a person is replaced when the session is recorded. It is
//! replayed with every check on: each byte that is sent must be the one recorded, the recorded randoms are fed back,
//! and the recording's clock stands still.

mod account;
mod bank;
mod exchange;
mod historical;
mod import;
mod madeup;
mod parse;
mod personal;
mod pins;
mod place;
mod print;
mod psam;
mod recorder;
mod redact;
mod replay;
mod rules;
mod swaps;

pub use import::{Choice, ImportError};
pub use recorder::Recorder;
pub use replay::Replay;

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::failure::Diagnostic;
use crate::reader::{Atr, Interface, Protocol};
use crate::script::RecordError;

/// A session as it was recorded. It holds a made-up person, so it may be shown.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The file, as it was named to the parser.
    file: String,
    /// The moment at which the session's clock stood.
    clock: Timestamp,
    card: Opening,
    psam: Option<Opening>,
    /// What happened, in order, each with its line.
    events: Vec<(usize, Event)>,
    /// The line that ends the recording.
    end: usize,
}

impl Recording {
    /// Reads a recording from `text`, which mistakes call `file`.
    ///
    /// # Errors
    /// Every mistake of the text.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        parse::recording(file, text)
    }

    /// What happened in a session that is redacted already, once through its text: that gives each event its line, and
    /// proves that it can be read.
    fn of(
        file: &str,
        clock: Timestamp,
        card: Opening,
        psam: Option<Opening>,
        events: Vec<Event>,
    ) -> Result<Self, RecordError> {
        let events = events.into_iter().map(|event| (0, event)).collect();
        let recording = Self { file: file.to_owned(), clock, card, psam, events, end: 0 };
        Self::parse(file, &recording.to_string()).map_err(|_| RecordError::NoText)
    }

    /// Whether `text` begins as a recording does, and not as a script.
    pub fn is_one(text: &str) -> bool {
        let mut lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        lines.find(|line| !line.is_empty()) == Some("recording")
    }

    /// The recorded session, ready to be gone through once more.
    pub fn replay(&self) -> Replay {
        Replay::new(self)
    }

    /// Commands on the wire to card and PSAM.
    pub fn exchanges(&self) -> usize {
        self.events.iter().filter(|(_, event)| matches!(event, Event::Turn(..))).count()
    }
}

/// Two recordings are the same when the same happened in them, wherever they stand.
impl PartialEq for Recording {
    fn eq(&self, other: &Self) -> bool {
        let what = |recording: &Self| recording.events.iter().map(|(_, event)| event.clone()).collect::<Vec<_>>();
        (self.clock, &self.card, &self.psam) == (other.clock, &other.card, &other.psam) && what(self) == what(other)
    }
}

/// Whom a line is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    Card,
    Psam,
}

impl Channel {
    fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Psam => "psam",
        }
    }
}

/// A card as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Opening {
    reader: String,
    protocol: Protocol,
    interface: Interface,
    atr: Atr,
}

/// One thing that happened. Wiped on drop, since a recorder keeps the real session until it is redacted.
#[derive(Clone, PartialEq, Eq)]
enum Event {
    /// Random bytes were taken.
    Random(Zeroizing<Vec<u8>>),
    /// A TPDU was sent and answered.
    Turn(Channel, Turn),
    /// The card was reset.
    Reset(Channel),
}

/// What was sent and what came back, status word included.
#[derive(Clone, PartialEq, Eq)]
struct Turn {
    sent: Zeroizing<Vec<u8>>,
    answer: Zeroizing<Vec<u8>>,
}

/// Lengths only: while a session is recorded it is not redacted yet.
impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Random(bytes) => write!(f, "Random({})", bytes.len()),
            Self::Turn(channel, turn) => {
                write!(f, "Turn({}, {} -> {})", channel.name(), turn.sent.len(), turn.answer.len())
            }
            Self::Reset(channel) => write!(f, "Reset({})", channel.name()),
        }
    }
}
