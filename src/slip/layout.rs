//! Text on paper of fixed width.

use super::document::{Block, Document, Section};

impl Document {
    /// Lines of at most `columns` columns.
    pub fn lines(&self, columns: usize) -> Vec<String> {
        let mut paper = Paper::new(columns);
        paper.centred(self.title.as_str());
        self.marks.iter().for_each(|mark| paper.centred(&format!("*** {} ***", mark.as_str())));
        paper.rule();
        for section in std::iter::once(&self.head).chain(&self.sections) {
            paper.section(section);
            paper.rule();
        }
        paper.section(&self.foot);
        paper.into_lines()
    }
}

/// Columns a text takes: ASCII one each, all else two, as printers with Chinese character sets have it.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(c: char) -> usize {
    if c.is_ascii() { 1 } else { 2 }
}

/// A slip being set.
pub(super) struct Paper {
    columns: usize,
    lines: Vec<String>,
}

impl Paper {
    pub(super) fn new(columns: usize) -> Self {
        Self { columns, lines: Vec::new() }
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines
    }

    /// A part: its heading, and its blocks one after the other; of a table each row stands upright.
    fn section(&mut self, section: &Section) {
        if let Some(heading) = &section.heading {
            self.text(heading.as_str());
        }
        for block in &section.blocks {
            match block {
                Block::Pairs(pairs) => pairs.iter().for_each(|(name, value)| self.pair(name.as_str(), value.as_str())),
                Block::Sentences(sentences) => sentences.iter().for_each(|sentence| self.text(sentence.as_str())),
                Block::Table(table) => {
                    for (number, row) in table.upright().enumerate() {
                        self.text(&format!("({})", number + 1));
                        row.for_each(|(name, value)| self.pair(name.as_str(), value.as_str()));
                    }
                }
            }
        }
    }

    /// A line across.
    pub(super) fn rule(&mut self) {
        self.lines.push("-".repeat(self.columns));
    }

    /// In the middle.
    pub(super) fn centred(&mut self, text: &str) {
        for line in self.wrapped(text) {
            let left = (self.columns - width(&line)) / 2;
            self.lines.push(format!("{}{line}", " ".repeat(left)));
        }
    }

    /// From the left, broken where the line is full.
    pub(super) fn text(&mut self, text: &str) {
        let mut lines = self.wrapped(text);
        self.lines.append(&mut lines);
    }

    /// A name at the left and its value at the right; below it when both do not fit.
    pub(super) fn pair(&mut self, name: &str, value: &str) {
        let taken = width(name) + width(value);
        if taken < self.columns {
            self.lines.push(format!("{name}{}{value}", " ".repeat(self.columns - taken)));
        } else {
            self.text(name);
            self.text(value);
        }
    }

    /// Lines no wider than the paper. A date or a number is kept together where it fits on a line of its own.
    fn wrapped(&self, text: &str) -> Vec<String> {
        // What would move the paper or the head is not text.
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        let mut lines = vec![String::new()];
        for word in words(&text) {
            let taken = lines.last().map_or(0, |line| width(line));
            if taken > 0 && taken + width(word) > self.columns && width(word) <= self.columns {
                lines.push(String::new());
            }
            for c in word.chars() {
                if lines.last().is_some_and(|line| width(line) + columns(c) > self.columns) {
                    lines.push(String::new());
                }
                if let Some(line) = lines.last_mut() {
                    line.push(c);
                }
            }
        }
        lines
    }
}

/// Runs of ASCII without blanks, and every other character by itself.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut in_run = false;
    for (at, c) in text.char_indices() {
        let of_run = c.is_ascii() && c != ' ';
        if !(in_run && of_run) && at > start {
            words.push(&text[start..at]);
            start = at;
        }
        in_run = of_run;
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}
