//! A list's text, read line by line: a list of millions is never in memory as a whole.

use std::io::{self, BufRead, Read as _};
use std::ops::RangeInclusive;

use zeroize::Zeroizing;

use crate::failure::Diagnostic;

/// The greatest serial: what SQLite can hold.
const GREATEST: u64 = i64::MAX.cast_unsigned();

/// Why a list cannot be read.
#[derive(Debug)]
pub(in crate::store) enum Unreadable {
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

/// The lines of a list. Each ends in one line feed.
pub(in crate::store) struct Lines<R> {
    input: R,
    /// What mistakes are told under.
    name: String,
    /// The longest, in bytes.
    longest: usize,
    line: usize,
    text: Zeroizing<Vec<u8>>,
}

impl<R: BufRead> Lines<R> {
    /// Reads the first line, which says what the file is.
    pub(in crate::store) fn begin(name: &str, input: R, first: &str, longest: usize) -> Result<Self, Unreadable> {
        let mut lines = Self { input, name: name.to_owned(), longest, line: 0, text: Zeroizing::default() };
        if !lines.advance()? || lines.text.as_slice() != first.as_bytes() {
            lines.line = 1;
            return Err(lines.wrong(1, &format!("a list begins with the line {first}")));
        }
        Ok(lines)
    }

    /// What they were read from.
    pub(in crate::store) fn into_input(self) -> R {
        self.input
    }

    /// What mistakes are told under.
    pub(in crate::store) fn name(&self) -> &str {
        &self.name
    }

    /// The number of the present line, from 1.
    pub(in crate::store) fn line(&self) -> usize {
        self.line
    }

    /// The present line, without its end.
    pub(in crate::store) fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// The same as text.
    pub(in crate::store) fn text(&self) -> Result<&str, Unreadable> {
        std::str::from_utf8(&self.text).map_err(|error| self.wrong(error.valid_up_to() + 1, "not UTF-8"))
    }

    /// A line of the header: its name and its value.
    pub(in crate::store) fn member<T>(
        &mut self,
        name: &str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Unreadable> {
        let there = self.advance()?;
        let text = std::str::from_utf8(&self.text).unwrap_or_default();
        let value = text.strip_prefix(name).and_then(|rest| rest.strip_prefix(' ')).filter(|_| there);
        let value = value.ok_or_else(|| self.wrong(1, &format!("'{name}' and its value are wanted here")))?;
        parse(value).ok_or_else(|| self.wrong(name.len() + 2, wanted))
    }

    /// The line of the header that has the serial.
    pub(in crate::store) fn serial(&mut self) -> Result<u64, Unreadable> {
        self.member("serial", "a serial is a number above zero", |text| number(text, 1..=GREATEST))
    }

    /// The line of the header that says when the list was made.
    pub(in crate::store) fn issued(&mut self) -> Result<jiff::Timestamp, Unreadable> {
        self.member("issued", "a time is as in 2026-11-27T08:00:00+08:00", |text| text.parse().ok())
    }

    /// A line of the header that counts lines.
    pub(in crate::store) fn count(&mut self, name: &str) -> Result<u64, Unreadable> {
        self.member(name, "a count is a number", |text| number(text, 0..=GREATEST))
    }

    /// On to the next line; whether there is one.
    pub(in crate::store) fn advance(&mut self) -> Result<bool, Unreadable> {
        self.text.clear();
        let most = self.longest as u64 + 1;
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
            _ if read > self.longest => Err(self.wrong(1, &format!("a line has at most {} bytes", self.longest))),
            _ => Err(self.wrong(1, "the list is cut off within this line")),
        }
    }

    /// A mistake in the present line; columns count bytes, from 1.
    pub(in crate::store) fn wrong(&self, column: usize, message: &str) -> Unreadable {
        Unreadable::Form(self.mistake(self.line, column, message))
    }

    /// A mistake elsewhere.
    pub(in crate::store) fn mistake(&self, line: usize, column: usize, message: &str) -> Diagnostic {
        Diagnostic { file: self.name.clone(), line, column, message: message.to_owned() }
    }
}

/// A number without sign, spaces or leading zeros.
fn number(text: &str, range: RangeInclusive<u64>) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|number| plain && range.contains(number))
}
