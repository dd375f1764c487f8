//! The parser of scripts: every mistake of a file, one a line, and none that only follows from another.

use super::flow::{Answer, Flow, Input, Name, Part, Pattern, Sent, StatusPattern, Step};
use super::line::{Kind, Mistake, Token, hex_bytes, tokens};
use crate::failure::Diagnostic;

/// A value may be as long as the data of a command.
const MOST: usize = 255;

/// A file's flows, each with whether all of its lines were understood.
pub(super) struct Parsed {
    pub(super) flows: Vec<(Flow, bool)>,
    pub(super) mistakes: Vec<Diagnostic>,
}

/// Parses the script `text`, which mistakes call `file`.
pub(super) fn script(file: &str, text: &str) -> Parsed {
    let mut parser = Parser { file, flows: Vec::new(), mistakes: Vec::new() };
    for (at, line) in text.lines().enumerate() {
        if let Err(mistake) = parser.line(at + 1, line) {
            parser.tell(at + 1, mistake);
        }
    }
    Parsed { flows: parser.flows, mistakes: parser.mistakes }
}

struct Parser<'a> {
    file: &'a str,
    flows: Vec<(Flow, bool)>,
    mistakes: Vec<Diagnostic>,
}

impl Parser<'_> {
    fn tell(&mut self, line: usize, mistake: Mistake) {
        if let Some((_, sound)) = self.flows.last_mut() {
            *sound = false;
        }
        let Mistake { column, message } = mistake;
        self.mistakes.push(Diagnostic { file: self.file.to_owned(), line, column, message });
    }

    fn line(&mut self, line: usize, text: &str) -> Result<(), Mistake> {
        let opens_flow = text.split_whitespace().next() == Some("flow");
        if opens_flow {
            // Opened before its head is read, so that what follows a bad head is not laid to the flow before.
            let flow = Flow { file: self.file.to_owned(), line, ..Flow::default() };
            self.flows.push((flow, true));
        }
        let words = tokens(text)?;
        let Some((first, rest)) = words.split_first() else { return Ok(()) };
        if opens_flow {
            return self.head(line, first, rest);
        }
        let end = text.trim_end().chars().count() + 1;
        match first.kind {
            Kind::Word(">") => {
                let sent = sent(line, rest, end)?;
                if let Some((flow, _)) = self.flow(first.column)? {
                    flow.steps.push(Step { sent, answers: Vec::new() });
                }
                Ok(())
            }
            Kind::Word("<") => {
                let answer = answer(line, rest, end)?;
                let Some((flow, sound)) = self.flow(first.column)? else { return Ok(()) };
                match flow.steps.last_mut() {
                    Some(step) => step.answers.push(answer),
                    // Its command may be what was not understood.
                    None if !*sound => {}
                    None => return Mistake::at(first.column, "an answer before any command"),
                }
                Ok(())
            }
            Kind::Word("recording") => Mistake::at(first.column, "this is a recording, where a script is wanted"),
            _ => Mistake::at(first.column, "a line begins with flow, > or <"),
        }
    }

    /// The flow that a line belongs to; none where the mistakes before say why.
    fn flow(&mut self, column: usize) -> Result<Option<&mut (Flow, bool)>, Mistake> {
        if self.flows.is_empty() && self.mistakes.is_empty() {
            return Mistake::at(column, "a command or an answer before the first flow");
        }
        Ok(self.flows.last_mut())
    }

    fn head(&mut self, line: usize, first: &Token<'_>, rest: &[Token<'_>]) -> Result<(), Mistake> {
        let Some((name, rest)) = rest.split_first() else {
            return Mistake::at(first.column + 5, "the flow has no name");
        };
        let name = self::name(line, name)?;
        let arrow = rest.iter().position(|token| token.kind == Kind::Word("->"));
        let (inputs, outputs) = rest.split_at(arrow.unwrap_or(rest.len()));
        let inputs: Result<_, _> = inputs.iter().map(|token| input(line, token)).collect();
        let outputs: Result<_, _> = outputs.iter().skip(1).map(|token| self::name(line, token)).collect();
        if let Some((flow, _)) = self.flows.last_mut() {
            flow.name = name.text;
            flow.inputs = inputs?;
            flow.outputs = outputs?;
        }
        Ok(())
    }
}

fn name(line: usize, token: &Token<'_>) -> Result<Name, Mistake> {
    match token.kind {
        Kind::Word(word) => named(line, token.column, word),
        _ => Mistake::at(token.column, "a name is wanted here"),
    }
}

fn named(line: usize, column: usize, word: &str) -> Result<Name, Mistake> {
    let fits = word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !fits {
        return Mistake::at(
            column,
            format!("{word:?} is no name: lower-case letters, digits, hyphens, a letter first"),
        );
    }
    Ok(Name { text: word.to_owned(), line, column })
}

/// `name:8`, `name:2..8`, `name:*`.
fn input(line: usize, token: &Token<'_>) -> Result<Input, Mistake> {
    let Kind::Word(word) = token.kind else {
        return Mistake::at(token.column, "a value is given as name:length");
    };
    let Some((name, length)) = word.split_once(':') else {
        return Mistake::at(token.column, format!("{word} has no length: write {word}:8, {word}:2..8 or {word}:*"));
    };
    let column = token.column + name.chars().count() + 1;
    let (least, most) = match length.split_once("..") {
        _ if length == "*" => (0, MOST),
        None => (number(length, column)?, number(length, column)?),
        Some((least, most)) => (number(least, column)?, number(most, column)?),
    };
    if least > most || most == 0 || most > MOST {
        return Mistake::at(column, format!("{length} is no length: 1 to {MOST} bytes"));
    }
    Ok(Input { name: named(line, token.column, name)?, least, most })
}

fn number(text: &str, column: usize) -> Result<usize, Mistake> {
    match text.parse::<u16>() {
        Ok(number) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(number.into()),
        _ => Mistake::at(column, format!("{text:?} is no number of bytes")),
    }
}

/// What follows `>`; `end` is the column behind the line.
pub(super) fn sent(line: usize, words: &[Token<'_>], end: usize) -> Result<Sent, Mistake> {
    let open = words.iter().position(|token| token.kind == Kind::Open);
    let (before, data, after) = match open {
        None => (parts(line, words)?, Vec::new(), Vec::new()),
        Some(open) => {
            let Some(close) = words.iter().position(|token| token.kind == Kind::Close).filter(|close| *close > open)
            else {
                return Mistake::at(words[open].column, "[ without ] after it");
            };
            let data = parts(line, &words[open + 1..close])?;
            if data.is_empty() {
                return Mistake::at(words[open].column, "[ ] holds no data: leave it out");
            }
            (parts(line, &words[..open])?, data, parts(line, &words[close + 1..])?)
        }
    };
    if before.len() < 4 {
        let column = open.map_or(end, |open| words[open].column);
        return Mistake::at(column, format!("a command has four bytes of header, here are {}", before.len()));
    }
    let mut tail = before[4..].iter().chain(&after);
    let le = tail.next();
    let second = if open.is_some() { before.get(4) } else { tail.next() };
    if let Some((column, _)) = second.or(tail.next()) {
        return Mistake::at(*column, "behind the header stands Le, one byte; data stands in [ ], without its length");
    }
    let plain = |parts: &[(usize, Part)]| parts.iter().map(|(_, part)| part.clone()).collect();
    Ok(Sent { line, header: plain(&before[..4]), data: plain(&data), le: le.map(|(_, part)| part.clone()) })
}

/// Bytes and `{name}`s, each with its column.
fn parts(line: usize, words: &[Token<'_>]) -> Result<Vec<(usize, Part)>, Mistake> {
    let mut found = Vec::new();
    for token in words {
        match token.kind {
            Kind::Word(word) => {
                let bytes = hex_bytes(word, token.column)?;
                found.extend(bytes.into_iter().enumerate().map(|(at, b)| (token.column + 2 * at, Part::Byte(b))));
            }
            Kind::Braced(inner) => found.push((token.column, Part::Value(named(line, token.column + 1, inner)?))),
            _ => return Mistake::at(token.column, "bytes or {name} are wanted here"),
        }
    }
    Ok(found)
}

/// What follows `<`; `end` is the column behind the line.
pub(super) fn answer(line: usize, words: &[Token<'_>], end: usize) -> Result<Answer, Mistake> {
    let Some((Token { kind: Kind::Word(status), column }, data)) = words.split_last() else {
        return Mistake::at(words.last().map_or(end, |token| token.column), "a status word is wanted here");
    };
    Ok(Answer { line, data: patterns(line, data)?, status: statuses(status, *column)? })
}

fn patterns(line: usize, words: &[Token<'_>]) -> Result<Vec<Pattern>, Mistake> {
    let mut found: Vec<Pattern> = Vec::new();
    for token in words {
        if matches!(found.last(), Some(Pattern::Keep(_, None) | Pattern::Skip(None))) {
            return Mistake::at(token.column, "nothing can follow what takes all that is left");
        }
        match token.kind {
            Kind::Word("*") => found.push(Pattern::Skip(None)),
            Kind::Word(word) => found.extend(hex_bytes(word, token.column)?.into_iter().map(Pattern::Byte)),
            Kind::Braced(inner) => found.push(kept(line, token.column + 1, inner)?),
            _ => return Mistake::at(token.column, "bytes, {name:length} or * are wanted here"),
        }
    }
    Ok(found)
}

/// `name:8`, `name:*`, `_:2`.
fn kept(line: usize, column: usize, inner: &str) -> Result<Pattern, Mistake> {
    let Some((name, length)) = inner.split_once(':') else {
        return Mistake::at(column, format!("{inner} has no length: write {{{inner}:8}} or {{{inner}:*}}"));
    };
    let length_column = column + name.chars().count() + 1;
    let length = if length == "*" { None } else { Some(number(length, length_column)?) };
    if length == Some(0) {
        return Mistake::at(length_column, "no bytes are nothing to keep");
    }
    Ok(if name == "_" { Pattern::Skip(length) } else { Pattern::Keep(named(line, column, name)?, length) })
}

/// `9000|63Cx`.
fn statuses(word: &str, column: usize) -> Result<Vec<StatusPattern>, Mistake> {
    let mut column = column;
    let mut found = Vec::new();
    for one in word.split('|') {
        let Some(pattern) = StatusPattern::parse(one) else {
            let apart = if one.len() > 4 { "; data is set apart from it by a space" } else { "" };
            return Mistake::at(column, format!("{one:?} is no status word: four hex digits, x for any{apart}"));
        };
        found.push(pattern);
        column += one.chars().count() + 1;
    }
    Ok(found)
}
