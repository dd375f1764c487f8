//! What a script is made of.

use std::fmt;

use crate::apdu::StatusWord;

/// A named run of commands and the answers it accepts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flow {
    /// The flow's name.
    pub(super) name: String,
    /// The file it stands in, as it was named to the loader.
    pub(super) file: String,
    /// The line of its head.
    pub(super) line: usize,
    /// The values it is given.
    pub(super) inputs: Vec<Input>,
    /// The names of the values it keeps for its caller.
    pub(super) outputs: Vec<Name>,
    /// Its commands, in order.
    pub(super) steps: Vec<Step>,
}

/// A name and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A value the flow is given, and how long it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) name: Name,
    pub(super) least: usize,
    pub(super) most: usize,
}

/// A command and the answers it may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) sent: Sent,
    /// The first is the way on; any other ends the flow.
    pub(super) answers: Vec<Answer>,
}

/// A command: four bytes of header, data, Le.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) line: usize,
    pub(super) header: Vec<Part>,
    pub(super) data: Vec<Part>,
    pub(super) le: Option<Part>,
}

/// A piece of what is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// One byte as it stands.
    Byte(u8),
    /// The value of a name.
    Value(Name),
}

/// An answer that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) line: usize,
    pub(super) data: Vec<Pattern>,
    pub(super) status: Vec<StatusPattern>,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    /// One byte that must be there.
    Byte(u8),
    /// Bytes that are kept: as many, or all that is left.
    Keep(Name, Option<usize>),
    /// Bytes that may be anything: as many, or all that is left.
    Skip(Option<usize>),
}

/// A status word, of which nibbles may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StatusPattern {
    pub(super) bits: u16,
    pub(super) mask: u16,
}

impl StatusPattern {
    /// Four hex digits, `x` for any.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut pattern = Self { bits: 0, mask: 0 };
        if text.chars().count() != 4 {
            return None;
        }
        for c in text.chars() {
            let (bits, mask) = match c {
                'x' => (0, 0),
                // A hex digit is below 16.
                c => (c.to_digit(16)? as u16, 0xF),
            };
            pattern = Self { bits: pattern.bits << 4 | bits, mask: pattern.mask << 4 | mask };
        }
        Some(pattern)
    }

    /// Whether every status word of `other` is one of this pattern.
    pub(super) fn covers(self, other: Self) -> bool {
        other.mask & self.mask == self.mask && other.bits & self.mask == self.bits
    }

    pub(super) fn accepts(self, status: StatusWord) -> bool {
        status.0 & self.mask == self.bits
    }
}

impl fmt::Display for StatusPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for shift in [12, 8, 4, 0] {
            match self.mask >> shift & 0xF {
                0 => f.write_str("x")?,
                _ => write!(f, "{:X}", self.bits >> shift & 0xF)?,
            }
        }
        Ok(())
    }
}

impl Flow {
    /// The flow's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of the values it is given.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(|input| input.name.text.as_str())
    }

    /// The most bytes that a value it is given may have; `None` where it is given none of the name.
    pub fn most(&self, name: &str) -> Option<usize> {
        self.inputs.iter().find(|input| input.name.text == name).map(|input| input.most)
    }

    /// The names of the values it keeps for its caller.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|name| name.text.as_str())
    }

    /// `file:line` of a line of this flow.
    pub(super) fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.file)
    }
}
