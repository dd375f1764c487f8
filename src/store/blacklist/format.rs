//! The text of a list (`docs/blacklist.md`), read line by line: a list of millions is never in memory as a whole.
//!
//! Single cards come first, by 卡识别码, then ranges of 卡号, by their first number; each stands behind the one before it.
//! So nothing is there twice, no two ranges overlap, and one pass sees it.

use std::io::{self, BufRead, Read as _};

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::failure::{Diagnostic, visible};
use crate::value::{CardIdentifier, CardNumber};

/// The first line.
pub(super) const FIRST_LINE: &str = "sbkd-blacklist-1";
/// The longest line, in bytes.
const LONGEST_LINE: usize = 512;
/// The longest label, in characters.
const LONGEST_LABEL: usize = 60;
/// The greatest serial: what SQLite can hold.
const GREATEST: u64 = i64::MAX.cast_unsigned();

/// What a list says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Grows from list to list.
    pub(super) serial: u64,
    /// When the back office made it.
    pub(super) issued: Timestamp,
    /// How many single cards are in it.
    pub(super) cards: u64,
    /// How many ranges.
    pub(super) ranges: u64,
}

/// An entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// One card. Its 卡号, where the line has one, is for the people who handle the list: 卡识别码 names the card.
    Card(CardIdentifier),
    /// All cards whose 卡号 is from the first to the last position ([`CardNumber::position`]), both included.
    Range(u64, u64),
}

/// A line of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) listed: Listed,
    /// What the back office says of it, 挂失 for one.
    pub(super) label: Option<String>,
}

/// Why a list cannot be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// The disk.
    Io(io::Error),
    /// A line is not what it should be. Says what, never the value.
    Form(Diagnostic),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The lines of a list.
pub(super) struct Lines<R> {
    input: R,
    /// What mistakes are told under.
    name: String,
    header: Header,
    line: usize,
    cards: u64,
    ranges: u64,
    /// Where the last entry of the present kind ends.
    last_card: Option<[u8; 16]>,
    last_number: Option<u64>,
    text: Zeroizing<Vec<u8>>,
}

impl<R: BufRead> Lines<R> {
    /// Reads the header.
    pub(super) fn begin(name: &str, input: R) -> Result<Self, Unreadable> {
        let header = Header { serial: 0, issued: Timestamp::UNIX_EPOCH, cards: 0, ranges: 0 };
        let mut lines = Self {
            input,
            name: name.to_owned(),
            header,
            line: 0,
            cards: 0,
            ranges: 0,
            last_card: None,
            last_number: None,
            text: Zeroizing::default(),
        };
        if !lines.advance()? || lines.text.as_slice() != FIRST_LINE.as_bytes() {
            lines.line = 1;
            return Err(lines.wrong(1, &format!("a list begins with the line {FIRST_LINE}")));
        }
        let count = |text: &str| digits(text).filter(|count| *count <= GREATEST);
        lines.header = Header {
            serial: lines.member("serial", "a serial is a number above zero", |text| count(text).filter(|n| *n > 0))?,
            issued: lines.member("issued", "a time is as in 2026-11-27T08:00:00+08:00", |text| text.parse().ok())?,
            cards: lines.member("cards", "a count is a number", count)?,
            ranges: lines.member("ranges", "a count is a number", count)?,
        };
        Ok(lines)
    }

    pub(super) fn header(&self) -> Header {
        self.header
    }

    /// What they were read from.
    pub(super) fn into_input(self) -> R {
        self.input
    }

    /// The next entry; `None` behind the last one, where the file ends as well.
    pub(super) fn entry(&mut self) -> Result<Option<Entry>, Unreadable> {
        let Header { cards, ranges, .. } = self.header;
        let more = self.advance()?;
        match (self.cards < cards, self.ranges < ranges, more) {
            (false, false, false) => Ok(None),
            (false, false, true) => Err(self.wrong(1, "there is more than the header counts")),
            (_, _, false) => {
                let what =
                    format!("the list is cut off: {} of {cards} cards, {} of {ranges} ranges", self.cards, self.ranges);
                Err(self.wrong(1, &what))
            }
            (true, _, true) => self.card().map(Some),
            (false, true, true) => self.range().map(Some),
        }
    }

    /// `card IDENTIFIER NUMBER|- [LABEL]`
    fn card(&mut self) -> Result<Entry, Unreadable> {
        let [identifier, number, label] = self.parts("card")?;
        let at = "card ".len() + 1;
        let bytes = upper_hex(identifier).and_then(|bytes| CardIdentifier::parse(&bytes).ok());
        let card = bytes
            .ok_or_else(|| self.wrong(at, "卡识别码 has 32 upper-case hexadecimal digits, the first six a region"))?;
        if number != "-" {
            self.number(at + identifier.len() + 1, number)?;
        }
        let label = self.label(at + identifier.len() + number.len() + 2, label)?;
        if self.last_card.is_some_and(|last| last >= *card.as_bytes()) {
            return Err(self.wrong(at, "out of order: each card stands behind a smaller one, and once"));
        }
        self.last_card = Some(*card.as_bytes());
        self.cards += 1;
        Ok(Entry { listed: Listed::Card(card), label })
    }

    /// `range FIRST LAST [LABEL]`
    fn range(&mut self) -> Result<Entry, Unreadable> {
        let [first, last, label] = self.parts("range")?;
        let at = "range ".len() + 1;
        let behind = at + first.len() + 1;
        let (from, to) = (self.number(at, first)?, self.number(behind, last)?);
        let label = self.label(behind + last.len() + 1, label)?;
        if to < from {
            return Err(self.wrong(behind, "the range ends before it begins"));
        }
        if self.last_number.is_some_and(|last| last >= from) {
            return Err(self.wrong(at, "out of order: each range begins behind the end of the one before it"));
        }
        self.last_number = Some(to);
        self.ranges += 1;
        Ok(Entry { listed: Listed::Range(from, to), label })
    }

    /// The two values of a line and what is behind them.
    fn parts(&self, kind: &str) -> Result<[&str; 3], Unreadable> {
        let text = std::str::from_utf8(&self.text).map_err(|error| self.wrong(error.valid_up_to() + 1, "not UTF-8"))?;
        let rest = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix(' '));
        let rest = rest.ok_or_else(|| self.wrong(1, &format!("a line that begins with '{kind} ' is wanted here")))?;
        let mut parts = rest.splitn(3, ' ');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(one), Some(other), label) => Ok([one, other, label.unwrap_or_default()]),
            _ => Err(self.wrong(1, &format!("'{kind}' has two values, and a label where there is one"))),
        }
    }

    fn number(&self, column: usize, text: &str) -> Result<u64, Unreadable> {
        let number = if text.len() == 9 { CardNumber::parse(text.as_bytes()).ok() } else { None };
        let wrong = || self.wrong(column, "卡号 has 8 digits or upper-case letters and its check character");
        number.map(|number| number.position()).ok_or_else(wrong)
    }

    fn label(&self, column: usize, text: &str) -> Result<Option<String>, Unreadable> {
        if text.is_empty() {
            // A space at the line's end is none of a label.
            let ends_in_space = self.text.last() == Some(&b' ');
            return if ends_in_space { Err(self.wrong(column, "the label is empty")) } else { Ok(None) };
        }
        if text.chars().count() > LONGEST_LABEL || visible(text) != text || text.trim() != text {
            let what = format!(
                "a label has at most {LONGEST_LABEL} characters that can be seen, none of them a space at an end"
            );
            return Err(self.wrong(column, &what));
        }
        Ok(Some(text.to_owned()))
    }

    /// A line of the header.
    fn member<T>(&mut self, name: &str, wanted: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Unreadable> {
        let there = self.advance()?;
        let text = std::str::from_utf8(&self.text).unwrap_or_default();
        let value = text.strip_prefix(name).and_then(|rest| rest.strip_prefix(' ')).filter(|_| there);
        let value = value.ok_or_else(|| self.wrong(1, &format!("'{name}' and its value are wanted here")))?;
        parse(value).ok_or_else(|| self.wrong(name.len() + 2, wanted))
    }

    /// On to the next line, without its end; whether there is one.
    fn advance(&mut self) -> Result<bool, Unreadable> {
        self.text.clear();
        let most = LONGEST_LINE as u64 + 1;
        let read = self.input.by_ref().take(most).read_until(b'\n', &mut self.text)?;
        self.line += 1;
        if read == 0 {
            return Ok(false);
        }
        match self.text.pop() {
            Some(b'\n') if self.text.last() == Some(&b'\r') => {
                Err(self.wrong(read - 1, "the line ends in CR LF: LF alone is wanted"))
            }
            Some(b'\n') => Ok(true),
            _ if read > LONGEST_LINE => Err(self.wrong(1, &format!("a line has at most {LONGEST_LINE} bytes"))),
            _ => Err(self.wrong(1, "the list is cut off within this line")),
        }
    }

    pub(super) fn wrong(&self, column: usize, message: &str) -> Unreadable {
        Unreadable::Form(Diagnostic { file: self.name.clone(), line: self.line, column, message: message.to_owned() })
    }
}

/// A number without sign, spaces or leading zeros.
fn digits(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

fn upper_hex(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let upper = text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    hex::decode_to_slice(text, &mut bytes).ok().filter(|()| upper)?;
    Some(bytes)
}
