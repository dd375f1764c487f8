//! The text of a list (`docs/blacklist.md`).
//!
//! Single cards come first, by 卡识别码, then ranges of 卡号, by their first number; each stands behind the one before it.
//! So nothing is there twice, no two ranges overlap, and one pass sees it.

use jiff::Timestamp;

use crate::failure::visible;
use crate::store::lists::{FileLines, Unreadable};
use crate::value::{CardIdentifier, CardNumber};

/// The longest line, in bytes.
pub(super) const LONGEST_LINE: usize = 512;
/// The longest label, in characters.
const LONGEST_LABEL: usize = 60;

/// What a list says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Header {
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

impl Header {
    pub(super) fn read(lines: &mut FileLines<'_>) -> Result<Self, Unreadable> {
        Ok(Self {
            serial: lines.serial()?,
            issued: lines.issued()?,
            cards: lines.count("cards")?,
            ranges: lines.count("ranges")?,
        })
    }
}

/// The entries of a list, behind its header.
pub(super) struct Entries<'a, 'f> {
    pub(super) lines: &'a mut FileLines<'f>,
    header: Header,
    cards: u64,
    ranges: u64,
    /// Where the last entry of the present kind ends.
    last_card: Option<[u8; 16]>,
    last_number: Option<u64>,
}

impl<'a, 'f> Entries<'a, 'f> {
    pub(super) fn new(lines: &'a mut FileLines<'f>, header: Header) -> Self {
        Self { lines, header, cards: 0, ranges: 0, last_card: None, last_number: None }
    }

    /// The next entry; `None` behind the last one, where the file ends as well.
    pub(super) fn entry(&mut self) -> Result<Option<Entry>, Unreadable> {
        let Header { cards, ranges, .. } = self.header;
        let more = self.lines.advance()?;
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
        let text = self.lines.text()?;
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
            let ends_in_space = self.lines.bytes().last() == Some(&b' ');
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

    pub(super) fn wrong(&self, column: usize, message: &str) -> Unreadable {
        self.lines.wrong(column, message)
    }
}

fn upper_hex(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let upper = text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    hex::decode_to_slice(text, &mut bytes).ok().filter(|()| upper)?;
    Some(bytes)
}
