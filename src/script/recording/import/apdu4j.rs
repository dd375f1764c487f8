//! What apdu4j writes of a session through `javax.smartcardio`: its log, and its dump.
//!
//! ```text
//! # SCardConnect("ACS ACR39U 00 00", T=*) -> T=0, 3B6D…
//! A>> T=0 (4+0015) 00A40400 0F 7378312E…
//! A<< (0030+2) (12ms) 6F1C… 9000
//! # SCardDisconnect("ACS ACR39U 00 00", true) tx:20/rx:32 in 1s5ms
//! ```
//! A dump has the same bytes in lines of their own, after `# ATR: ` and `# PROTOCOL: `. Java speaks T=0 itself: neither
//! shows `61xx`, `6Cxx` and GET RESPONSE.

use jiff::fmt::rfc2822;
use zeroize::Zeroizing;

use super::log::{Log, Said, Wrong, bytes, from_words, plain};
use crate::reader::{Interface, Protocol};

/// Whether a line is one of such a log and of no other.
pub(super) fn is_line(line: &str) -> bool {
    let line = comment(line);
    ["A>> ", "B>> ", ">> ", "ATR: "].iter().any(|start| line.starts_with(start)) || line.starts_with("SCardConnect(\"")
}

/// Reads a log or a dump.
///
/// # Errors
/// The first line that cannot be understood.
pub(super) fn read(text: &str) -> Result<Log, Wrong> {
    let mut heard = Heard::default();
    for (at, line) in text.lines().enumerate() {
        heard.line(at + 1, plain(line).trim())?;
    }
    match heard.sent {
        None => Ok(heard.log),
        Some((line, _)) => Err((line, "the command has no answer".to_owned())),
    }
}

/// A line without the sign of a comment, which the log's newer lines have.
fn comment(line: &str) -> &str {
    line.strip_prefix("# ").unwrap_or(line)
}

#[derive(Default)]
struct Heard {
    log: Log,
    /// The card that is connected.
    card: Option<usize>,
    /// A command whose answer has not come.
    sent: Option<(usize, Zeroizing<Vec<u8>>)>,
    /// It is a dump: lines of hex are commands and answers in turn.
    dump: bool,
}

impl Heard {
    fn line(&mut self, line: usize, text: &str) -> Result<(), Wrong> {
        let said = comment(text);
        if let Some(call) = said.strip_prefix("SCardConnect(\"") {
            return self.connect(line, call);
        }
        if let Some(call) = said.strip_prefix("SCardDisconnect(\"") {
            let reset = call.rsplit_once("\", ").is_some_and(|(_, rest)| rest.starts_with("true"));
            return self.disconnect(line, reset);
        }
        if let Some((channel, rest)) = before(text, ">>") {
            return if channel.contains('#') {
                Err((
                    line,
                    "a command to another logical channel, which a social security card does not have".to_owned(),
                ))
            } else {
                self.command(line, rest)
            };
        }
        if let Some((_, rest)) = before(text, "<<") {
            return self.answer(line, rest);
        }
        if text.starts_with('#') {
            return self.header(line, said);
        }
        match bytes(text) {
            Some(bytes) if self.dump && !bytes.is_empty() => self.dumped(line, bytes),
            // The program's own output.
            _ => Ok(()),
        }
    }

    /// `NAME", T=*) -> T=0, 3B6D…`; without an answer to reset the connection failed.
    fn connect(&mut self, line: usize, call: &str) -> Result<(), Wrong> {
        let Some((reader, rest)) = call.rsplit_once("\", ") else { return Ok(()) };
        let Some((_, connected)) = rest.split_once("-> T=") else { return Ok(()) };
        let (protocol, atr) = connected.split_once(", ").unwrap_or((connected, ""));
        let card = self.log.card(reader);
        if self.card.is_some_and(|other| other != card) {
            return Err((line, "two cards at once, and no command says whose it is: keep a log of each".to_owned()));
        }
        self.card = Some(card);
        self.protocol(protocol);
        match bytes(atr) {
            Some(atr) if !atr.is_empty() => self.log.atr(line, card, &atr),
            _ => Ok(()),
        }
    }

    /// T=0, T=1, and Java's own T=CL for a contactless card.
    fn protocol(&mut self, name: &str) {
        let Some(card) = self.card else { return };
        let card = &mut self.log.cards[card];
        card.protocol = match name.trim() {
            "0" => Some(Protocol::T0),
            "1" | "CL" => Some(Protocol::T1),
            _ => None,
        };
        if name.trim() == "CL" {
            card.interface = Some(Interface::Contactless);
        }
    }

    fn disconnect(&mut self, line: usize, reset: bool) -> Result<(), Wrong> {
        if let (Some(card), true) = (self.card.take(), reset) {
            self.log.said.push((line, card, Said::Reset));
        }
        Ok(())
    }

    /// `T=0 (4+0015) 00A40400 0F 7378…`
    fn command(&mut self, line: usize, rest: &str) -> Result<(), Wrong> {
        let words = rest.split_whitespace().filter(|word| !is_remark(word));
        let sent = from_words(words).ok_or_else(|| (line, "the command is not hex".to_owned()))?;
        self.sends(line, sent)
    }

    fn sends(&mut self, line: usize, sent: Zeroizing<Vec<u8>>) -> Result<(), Wrong> {
        match self.sent.replace((line, sent)) {
            None => Ok(()),
            Some((before, _)) => Err((before, "the command has no answer".to_owned())),
        }
    }

    /// `(0030+2) (12ms) 6F1C… 9000`, or what went wrong.
    fn answer(&mut self, line: usize, rest: &str) -> Result<(), Wrong> {
        let words = rest.split_whitespace().filter(|word| !is_remark(word));
        match from_words(words).filter(|answer| answer.len() >= 2) {
            Some(answer) => self.answers(line, Some(answer)),
            None => self.answers(line, None),
        }
    }

    fn answers(&mut self, line: usize, answer: Option<Zeroizing<Vec<u8>>>) -> Result<(), Wrong> {
        let Some((sent_line, sent)) = self.sent.take() else {
            return Err((line, "an answer before any command".to_owned()));
        };
        let Some(card) = self.card else {
            return Err((sent_line, "no line before says which card this is: SCardConnect or # ATR".to_owned()));
        };
        match answer {
            Some(answer) => self.log.turn(sent_line, card, sent, answer),
            None => self.log.said.push((sent_line, card, Said::Broken)),
        }
        Ok(())
    }

    /// A comment of a dump: when it was made, the reader, the answer to reset, the protocol.
    fn header(&mut self, line: usize, said: &str) -> Result<(), Wrong> {
        if let Some((moment, _)) = said.strip_prefix("Generated on ").and_then(|rest| rest.rsplit_once(" by ")) {
            self.log.clock = rfc2822::parse(moment).ok().map(|moment| moment.timestamp()).or(self.log.clock);
        } else if let Some(reader) = said.strip_prefix("Using ") {
            self.card = Some(self.log.card(reader.trim()));
        } else if let Some(atr) = said.strip_prefix("ATR: ") {
            self.dump = true;
            let atr = bytes(atr).ok_or_else(|| (line, "the answer to reset is not hex".to_owned()))?;
            let card = match self.card {
                Some(card) => card,
                None => self.log.card(UNNAMED),
            };
            self.card = Some(card);
            self.log.atr(line, card, &atr)?;
        } else if let Some(name) = said.strip_prefix("PROTOCOL: T=") {
            self.protocol(name);
        }
        Ok(())
    }

    fn dumped(&mut self, line: usize, bytes: Zeroizing<Vec<u8>>) -> Result<(), Wrong> {
        if self.sent.is_some() { self.answers(line, Some(bytes)) } else { self.sends(line, bytes) }
    }
}

/// The reader of a dump that names none.
const UNNAMED: &str = "apdu4j";

/// What stands before an arrow at the beginning of a line (A, B, A#1 or nothing), and what behind it.
fn before<'l>(text: &'l str, arrow: &str) -> Option<(&'l str, &'l str)> {
    let (channel, rest) = text.split_once(arrow)?;
    let known = channel.is_empty() || matches!(channel.as_bytes(), [b'A' | b'B'] | [b'A' | b'B', b'#', ..]);
    known.then_some((channel, rest))
}

/// A word that is no part of the bytes: protocol, lengths, time.
fn is_remark(word: &&str) -> bool {
    word.starts_with("T=") || (word.starts_with('(') && word.ends_with(')'))
}
