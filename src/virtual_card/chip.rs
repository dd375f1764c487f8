//! What every chip is, and what T=0 makes of its answers.

use zeroize::Zeroizing;

use crate::apdu::{Command, Response, StatusWord, ins};
use crate::reader::{Interface, Protocol};

/// What a chip does with a TPDU.
#[derive(Clone, PartialEq, Eq)]
pub enum Reaction {
    /// It answers: data, if any, and a status word.
    Answer(Vec<u8>),
    /// It was pulled out before it could answer.
    Removed,
    /// It does not answer.
    Mute,
}

/// The kind and the length only: an answer may be a person's record.
impl std::fmt::Debug for Reaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answer(bytes) => write!(f, "Answer({} bytes)", bytes.len()),
            Self::Removed => f.write_str("Removed"),
            Self::Mute => f.write_str("Mute"),
        }
    }
}

/// A chip behind contacts, or in a reader's field.
pub trait Chip: Send {
    /// One T=0 TPDU, or of a contactless chip a whole APDU, and what comes of it. Any bytes are answered; none makes a
    /// chip panic.
    fn answer(&mut self, tpdu: &[u8]) -> Reaction;

    /// As [`answer`](Self::answer), with the power gone once so many bytes were written to a file. A chip that keeps no
    /// files makes no difference.
    fn cut_off(&mut self, tpdu: &[u8], bytes: u8) -> Reaction {
        let _ = bytes;
        self.answer(tpdu)
    }

    /// Power after none, a cold reset: as [`reset`](Self::reset), where a chip makes no difference.
    fn power_on(&mut self) {
        self.reset();
    }

    /// A warm reset: selection, challenge and rights are gone, counters of failed tries stay.
    fn reset(&mut self);

    /// The answer to the last reset.
    fn atr(&self) -> Vec<u8>;

    /// What its TPDUs are: T=0's by contacts, whole APDUs without.
    fn protocol(&self) -> Protocol {
        Protocol::T0
    }

    /// How it is reached.
    fn interface(&self) -> Interface {
        Interface::Contact
    }
}

/// What a command comes to, before T=0 has its say.
pub(super) enum Outcome {
    /// A status word and nothing else.
    Status(StatusWord),
    /// Data for a command that sent some: T=0 answers 61xx and waits for GET RESPONSE.
    Waiting(Vec<u8>),
    /// Data for a command that sent some, answered at once (the SM4 PSAM's way, card-facts §4.3).
    AtOnce(Vec<u8>),
    /// Data that Le asks for: 00 or too much is answered 6Cxx; less is a part of it, unless only the exact length is
    /// served.
    Read { data: Vec<u8>, exact: bool },
}

impl From<StatusWord> for Outcome {
    fn from(status: StatusWord) -> Self {
        Self::Status(status)
    }
}

/// How a chip's answers are brought to its reader.
pub(super) enum Framing {
    /// By contacts.
    T0(T0),
    /// Whole APDUs: what waits for GET RESPONSE in T=0 comes at once, as far as Le asks for it.
    Whole,
}

impl Framing {
    pub(super) fn of(interface: Interface) -> Self {
        match interface {
            Interface::Contact => Self::T0(T0::default()),
            Interface::Contactless => Self::Whole,
        }
    }

    /// Answers a TPDU or an APDU by what `run` makes of its command.
    pub(super) fn answer(&mut self, bytes: &[u8], run: impl FnOnce(&Command) -> Outcome) -> Reaction {
        match self {
            Self::T0(t0) => t0.answer(bytes, run),
            Self::Whole => {
                let response = match Command::parse(bytes) {
                    Err(_) => status(StatusWord::LENGTH),
                    Ok(command) => whole(&command, run(&command)),
                };
                Reaction::Answer(response.to_bytes().to_vec())
            }
        }
    }

    /// Forgets what waits.
    pub(super) fn reset(&mut self) {
        if let Self::T0(t0) = self {
            t0.reset();
        }
    }
}

/// A whole APDU's answer: at most Le bytes, 00 for 256; without Le none (ISO/IEC 7816-4). A chip that serves only the
/// exact length says which.
fn whole(command: &Command, outcome: Outcome) -> Response {
    let (mut data, exact) = match outcome {
        Outcome::Status(word) => return status(word),
        Outcome::Waiting(data) | Outcome::AtOnce(data) => (data, false),
        Outcome::Read { data, exact } => (data, exact),
    };
    let most = match command.le() {
        None => 0,
        Some(0) => LONGEST,
        Some(le) => le.into(),
    };
    if exact && most != data.len() {
        return status(announce(0x6C, data.len()));
    }
    data.truncate(most);
    Response::new(data, StatusWord::OK)
}

/// What Le = 00 stands for.
const LONGEST: usize = 256;

/// The T=0 half of a chip: keeps what waits for GET RESPONSE.
#[derive(Default)]
pub(super) struct T0 {
    waiting: Option<Zeroizing<Vec<u8>>>,
}

impl T0 {
    /// Answers a TPDU: GET RESPONSE from what waits, everything else through `run`.
    pub(super) fn answer(&mut self, tpdu: &[u8], run: impl FnOnce(&Command) -> Outcome) -> Reaction {
        let response = match Command::parse(tpdu) {
            Err(_) => status(StatusWord::LENGTH),
            Ok(command) if (command.cla(), command.ins()) == (0x00, ins::GET_RESPONSE) => self.get_response(&command),
            Ok(command) => {
                self.waiting = None;
                self.respond(&command, run(&command))
            }
        };
        Reaction::Answer(response.to_bytes().to_vec())
    }

    /// Forgets what waits.
    pub(super) fn reset(&mut self) {
        self.waiting = None;
    }

    fn respond(&mut self, command: &Command, outcome: Outcome) -> Response {
        match outcome {
            Outcome::Status(word) => status(word),
            Outcome::AtOnce(data) => Response::new(data, StatusWord::OK),
            Outcome::Waiting(data) => {
                let announced = announce(0x61, data.len());
                self.waiting = Some(Zeroizing::new(data));
                status(announced)
            }
            Outcome::Read { mut data, exact } => {
                // 256 bytes and more are what 00 asks for; of less it is not the length.
                let le = match command.le() {
                    Some(0) if data.len() >= LONGEST => LONGEST,
                    le => usize::from(le.unwrap_or(0)),
                };
                if le == 0 || le > data.len() || (exact && le != data.len()) {
                    return status(announce(0x6C, data.len()));
                }
                data.truncate(le);
                Response::new(data, StatusWord::OK)
            }
        }
    }

    /// Le=0 and too much are answered 6Cxx, a part leaves the rest waiting (card-facts §3.1).
    fn get_response(&mut self, command: &Command) -> Response {
        let Some(data) = self.waiting.take() else {
            return status(StatusWord::INVALID);
        };
        let le = usize::from(command.le().unwrap_or(0));
        if le == 0 || le > data.len() {
            let announced = announce(0x6C, data.len());
            self.waiting = Some(data);
            return status(announced);
        }
        let (part, rest) = data.split_at(le);
        let word = if rest.is_empty() { StatusWord::OK } else { announce(0x61, rest.len()) };
        let part = part.to_vec();
        self.waiting = (!rest.is_empty()).then(|| Zeroizing::new(rest.to_vec()));
        Response::new(part, word)
    }
}

fn status(word: StatusWord) -> Response {
    Response::new(Vec::new(), word)
}

/// 61xx or 6Cxx; 256 and more are written 00.
fn announce(sw1: u8, length: usize) -> StatusWord {
    StatusWord(u16::from_be_bytes([sw1, u8::try_from(length).unwrap_or(0)]))
}

/// A chip that is no social security card and no PSAM: no name of ours selects anything.
pub(super) struct Stranger {
    atr: Vec<u8>,
    t0: T0,
}

impl Stranger {
    pub(super) fn new(atr: Vec<u8>) -> Self {
        Self { atr, t0: T0::default() }
    }
}

impl Chip for Stranger {
    fn answer(&mut self, tpdu: &[u8]) -> Reaction {
        self.t0.answer(tpdu, |command| match (command.cla(), command.ins()) {
            (0x00, ins::SELECT) => StatusWord::FILE_NOT_FOUND.into(),
            (0x00, _) => StatusWord::INSTRUCTION.into(),
            _ => StatusWord::CLASS.into(),
        })
    }

    fn reset(&mut self) {
        self.t0.reset();
    }

    fn atr(&self) -> Vec<u8> {
        self.atr.clone()
    }
}
