//! Text on paper of fixed width.

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
