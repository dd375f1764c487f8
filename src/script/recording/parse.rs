//! The parser of recordings. Its commands and answers are read as a script's are, and must then hold bytes only.

use zeroize::Zeroizing;

use super::{Channel, Event, Opening, Recording, Turn};
use crate::apdu::Command;
use crate::failure::Diagnostic;
use crate::reader::{Atr, Interface, Protocol};
use crate::script::flow::{Answer, Part, Pattern, Sent};
use crate::script::line::{Kind, Mistake, Token, hex_bytes, tokens};
use crate::script::parse;

/// Reads a recording.
pub(super) fn recording(file: &str, text: &str) -> Result<Recording, Vec<Diagnostic>> {
    let mut parser = Parser::default();
    let tell = |line, mistake: Mistake| {
        let Mistake { column, message } = mistake;
        Diagnostic { file: file.to_owned(), line, column, message }
    };
    let mut mistakes = Vec::new();
    let mut last = 1;
    for (at, line) in text.lines().enumerate() {
        last = at + 1;
        if let Err(mistake) = parser.line(last, line) {
            mistakes.push(tell(last, mistake));
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    parser.finish(file, last).map_err(|(line, mistake)| vec![tell(line, mistake)])
}

#[derive(Default)]
struct Parser {
    begun: bool,
    clock: Option<jiff::Timestamp>,
    card: Option<Opening>,
    psam: Option<Opening>,
    on: Option<Channel>,
    /// Each line that says on.
    turned: Vec<(Channel, usize, usize)>,
    /// A command whose answer has not been read.
    sent: Option<(usize, Zeroizing<Vec<u8>>)>,
    /// Whether the last command was not understood.
    lost: bool,
    events: Vec<(usize, Event)>,
    end: Option<usize>,
}

impl Parser {
    fn line(&mut self, line: usize, text: &str) -> Result<(), Mistake> {
        let words = tokens(text)?;
        let Some((first, rest)) = words.split_first() else { return Ok(()) };
        let Kind::Word(word) = first.kind else {
            return Mistake::at(first.column, "a line of a recording begins with a word");
        };
        if !self.begun {
            self.begun = true;
            return match (word, rest) {
                ("recording", []) => Ok(()),
                _ => Mistake::at(first.column, "a recording begins with the line recording"),
            };
        }
        if let Some(end) = self.end {
            return Mistake::at(first.column, format!("the recording ended in line {end}"));
        }
        if let (Some((sent, _)), true) = (&self.sent, word != "<") {
            let message = format!("the command in line {sent} has no answer");
            self.sent = None;
            return Mistake::at(first.column, message);
        }
        let end = text.trim_end().chars().count() + 1;
        match word {
            ">" => self.command(line, first, rest, end),
            "<" => self.answer(line, first, rest, end),
            _ => self.other(line, word, first, rest),
        }
    }

    fn command(&mut self, line: usize, first: &Token<'_>, rest: &[Token<'_>], end: usize) -> Result<(), Mistake> {
        self.lost = true;
        self.on(first)?;
        let sent = parse::sent(line, rest, end)?;
        self.sent = Some((line, bytes_sent(&sent, first.column)?));
        self.lost = false;
        Ok(())
    }

    fn answer(&mut self, line: usize, first: &Token<'_>, rest: &[Token<'_>], end: usize) -> Result<(), Mistake> {
        let answer = bytes_answered(&parse::answer(line, rest, end)?, first.column)?;
        let Some((sent_line, sent)) = self.sent.take() else {
            // The mistake of its command says why.
            return if std::mem::take(&mut self.lost) {
                Ok(())
            } else {
                Mistake::at(first.column, "an answer before any command")
            };
        };
        let channel = self.on(first)?;
        self.events.push((sent_line, Event::Turn(channel, Turn { sent, answer })));
        Ok(())
    }

    fn on(&mut self, first: &Token<'_>) -> Result<Channel, Mistake> {
        if let Some(channel) = self.on {
            return Ok(channel);
        }
        // Said once.
        self.on = Some(Channel::Card);
        Mistake::at(first.column, "on card or on psam has to stand before")
    }

    fn other(&mut self, line: usize, word: &str, first: &Token<'_>, rest: &[Token<'_>]) -> Result<(), Mistake> {
        let kinds: Vec<Kind<'_>> = rest.iter().map(|token| token.kind).collect();
        match (word, kinds.as_slice()) {
            ("clock", [Kind::Word(moment)]) => match moment.parse() {
                Ok(moment) => once(&mut self.clock, moment, first),
                Err(_) => Mistake::at(rest[0].column, format!("{moment} is no moment, as 2026-01-31T08:00:00Z is")),
            },
            ("random", [Kind::Word(word)]) => {
                let bytes = Zeroizing::new(hex_bytes(word, rest[0].column)?);
                self.events.push((line, Event::Random(bytes)));
                Ok(())
            }
            ("reset", []) => {
                let channel = self.on(first)?;
                self.events.push((line, Event::Reset(channel)));
                Ok(())
            }
            ("on", [Kind::Word(name)]) => self.turn_to(line, name, &rest[0]),
            ("card", [Kind::Quoted(reader), tail @ ..]) => once(&mut self.card, opening(reader, tail, rest)?, first),
            ("psam", [Kind::Quoted(reader), tail @ ..]) => once(&mut self.psam, opening(reader, tail, rest)?, first),
            ("end", []) => {
                self.end = Some(line);
                Ok(())
            }
            _ => Mistake::at(
                first.column,
                "not a line of a recording: clock, card, psam, on, random, reset, >, < or end",
            ),
        }
    }

    fn turn_to(&mut self, line: usize, name: &str, token: &Token<'_>) -> Result<(), Mistake> {
        // Whichever it was meant to be: the lines that follow have a channel.
        let channel = if name == "psam" { Channel::Psam } else { Channel::Card };
        self.on = Some(channel);
        if name != channel.name() {
            return Mistake::at(token.column, "on card or on psam");
        }
        self.turned.push((channel, line, token.column));
        Ok(())
    }

    /// The recording, or what only shows when all of it was read: a line and its mistake.
    fn finish(self, file: &str, last: usize) -> Result<Recording, (usize, Mistake)> {
        let wrong = |message: &str| (last, Mistake { column: 1, message: message.to_owned() });
        let end = self.end.ok_or_else(|| wrong("the recording is cut off: its last line, end, is missing"))?;
        let clock = self.clock.ok_or_else(|| wrong("the recording has no clock line"))?;
        let card = self.card.ok_or_else(|| wrong("the recording has no card line"))?;
        if let (None, Some((_, line, column))) =
            (&self.psam, self.turned.iter().find(|(channel, ..)| *channel == Channel::Psam))
        {
            let message = "no line says what psam is".to_owned();
            return Err((*line, Mistake { column: *column, message }));
        }
        Ok(Recording { file: file.to_owned(), clock, card, psam: self.psam, events: self.events, end })
    }
}

fn once<T>(place: &mut Option<T>, value: T, first: &Token<'_>) -> Result<(), Mistake> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Mistake::at(first.column, "this line can stand only once"),
    }
}

/// `"reader" T0 contact ATR`.
fn opening(reader: &str, tail: &[Kind<'_>], rest: &[Token<'_>]) -> Result<Opening, Mistake> {
    let [Kind::Word(protocol), Kind::Word(interface), Kind::Word(atr)] = tail else {
        return Mistake::at(rest[0].column, "a card is written as \"reader\" T0 contact, and its answer to reset");
    };
    let protocol = match *protocol {
        "T0" => Protocol::T0,
        "T1" => Protocol::T1,
        other => return Mistake::at(rest[1].column, format!("{other} is no protocol: T0 or T1")),
    };
    let interface = match *interface {
        "contact" => Interface::Contact,
        "contactless" => Interface::Contactless,
        other => return Mistake::at(rest[2].column, format!("{other} is neither contact nor contactless")),
    };
    match Atr::parse(&hex_bytes(atr, rest[3].column)?) {
        Ok(atr) => Ok(Opening { reader: reader.to_owned(), protocol, interface, atr }),
        Err(error) => Mistake::at(rest[3].column, error.to_string()),
    }
}

fn bytes_sent(sent: &Sent, column: usize) -> Result<Zeroizing<Vec<u8>>, Mistake> {
    let plain = |parts: &[Part]| -> Result<Zeroizing<Vec<u8>>, Mistake> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(parts.len()));
        for part in parts {
            match part {
                Part::Byte(byte) => bytes.push(*byte),
                Part::Value(name) => return Mistake::at(name.column, "a recording holds bytes, not names"),
            }
        }
        Ok(bytes)
    };
    let header = plain(&sent.header)?;
    // `sent` has four bytes of header.
    let mut command = Command::new(header[0], header[1], header[2], header[3]);
    match command.with_data(&plain(&sent.data)?) {
        Ok(with_data) => command = with_data,
        Err(error) => return Mistake::at(column, error.to_string()),
    }
    if let Some(le) = &sent.le {
        command = command.with_le(plain(std::slice::from_ref(le))?[0]);
    }
    Ok(command.to_bytes())
}

fn bytes_answered(answer: &Answer, column: usize) -> Result<Zeroizing<Vec<u8>>, Mistake> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(answer.data.len() + 2));
    for pattern in &answer.data {
        match pattern {
            Pattern::Byte(byte) => bytes.push(*byte),
            Pattern::Keep(..) | Pattern::Skip(_) => {
                return Mistake::at(column, "a recording holds bytes, not patterns");
            }
        }
    }
    match answer.status.as_slice() {
        [status] if status.mask == u16::MAX => bytes.extend_from_slice(&status.bits.to_be_bytes()),
        _ => return Mistake::at(column, "a recording holds one status word, without x"),
    }
    Ok(bytes)
}
