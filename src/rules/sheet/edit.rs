//! The pack's text with other rows.

use std::ops::Range;

use super::align::Step;
use super::layout::Layout;
use super::rows::{Mistake, Row, Rows};
use crate::rules::val::parse_date;

/// Carries out the steps on the text; what they do not name keeps its bytes.
///
/// # Errors
/// Where commas stand so that no row can be taken away or put there.
pub(super) fn edit(
    text: &str,
    rows: &Rows,
    layout: &Layout,
    steps: &[Step],
    new: &[&[String]],
) -> Result<String, Mistake> {
    let mut editor = Editor { text, rows, layout, edits: Vec::new() };
    let mut above = None;
    for (at, step) in steps.iter().enumerate() {
        match *step {
            Step::Both(old, to) => {
                editor.change(old, new[to]);
                above = Some(old);
            }
            Step::Remove(old) => {
                editor.remove(old)?;
                above = Some(old);
            }
            Step::Insert(to) => {
                let more = matches!(steps.get(at + 1), Some(Step::Insert(_)));
                let first = !matches!(at.checked_sub(1).map(|at| steps[at]), Some(Step::Insert(_)));
                editor.insert(above, new[to], first, more)?;
            }
        }
    }
    Ok(editor.done())
}

struct Editor<'t> {
    text: &'t str,
    rows: &'t Rows,
    layout: &'t Layout,
    /// What stands instead of what, in order; two at one place keep theirs.
    edits: Vec<(Range<usize>, String)>,
}

impl Editor<'_> {
    fn change(&mut self, old: usize, new: &[String]) {
        for (column, (cell, is)) in self.rows.rows[old].cells.iter().zip(new).enumerate() {
            if !self.rows.same(column, &cell.text, is) {
                self.edits.push((cell.at.clone(), literal(is, &self.text[cell.at.clone()])));
            }
        }
    }

    fn remove(&mut self, old: usize) -> Result<(), Mistake> {
        self.regular(old)?;
        self.edits.push((self.layout.around[old].whole.clone(), String::new()));
        Ok(())
    }

    /// Puts a row below the row `above`, or first of all: the first of several there, or with more to come.
    fn insert(&mut self, above: Option<usize>, new: &[String], first: bool, more: bool) -> Result<(), Mistake> {
        if let Some(above) = above {
            self.regular(above)?;
        }
        let around = above.map(|above| &self.layout.around[above]);
        // The last row may stand without a comma; then it gets one, and the new last row has none.
        let bare = above.filter(|above| !self.layout.around[*above].comma);
        if let Some(above) = bare.filter(|_| first) {
            let end = self.rows.rows[above].at.end;
            self.edits.push((end..end, ",".to_owned()));
        }
        let below = more || above.map_or(0, |above| above + 1) < self.rows.rows.len();
        let comma = if below || (above.is_some() && bare.is_none()) { "," } else { "" };
        let at = around.map_or(self.layout.opening, |around| around.whole.end);
        let row = self.row(above, new);
        let text = match self.line_feed(at) {
            Some(feed) => format!("{}{row}{comma}{feed}", self.indent(above)),
            None if above.is_some() => format!(" {row}{comma}"),
            None if below => format!("{row}{comma} "),
            None => row,
        };
        self.edits.push((at..at, text));
        Ok(())
    }

    /// The line feed before `at`, when there is one: the rows stand on lines of their own.
    fn line_feed(&self, at: usize) -> Option<&'static str> {
        let before = &self.text[..at];
        before.ends_with('\n').then(|| if before.ends_with("\r\n") { "\r\n" } else { "\n" })
    }

    /// The white space before the row that a new one is laid out like.
    fn indent(&self, above: Option<usize>) -> &str {
        let Some(like) = self.like(above) else { return "  " };
        let line = self.text[..like.at.start].rfind('\n').map_or(0, |at| at + 1);
        let before = &self.text[line..like.at.start];
        if before.trim_matches([' ', '\t']).is_empty() { before } else { "  " }
    }

    /// The row that a new one is written like: the one above it, else the first.
    fn like(&self, above: Option<usize>) -> Option<&Row> {
        self.rows.rows.get(above.unwrap_or_default())
    }

    fn row(&self, above: Option<usize>, new: &[String]) -> String {
        let like = |column: usize| self.like(above).map_or("\"\"", |row| &self.text[row.cells[column].at.clone()]);
        let cells: Vec<_> = new.iter().enumerate().map(|(column, text)| literal(text, like(column))).collect();
        format!("[{}]", cells.join(", "))
    }

    /// Whether the comma of a row stands behind it on its line.
    fn regular(&self, row: usize) -> Result<(), Mistake> {
        match self.layout.around[row].stray {
            None => Ok(()),
            Some(at) => Err((at, "put this comma behind its row: rows come in or go out here".to_owned())),
        }
    }

    fn done(self) -> String {
        let mut text = self.text.to_owned();
        for (at, with) in self.edits.into_iter().rev() {
            text.replace_range(at, &with);
        }
        text
    }
}

/// A cell as TOML, in the form of the one that `like` is: bare where that is, else a string in the same quotes.
fn literal(text: &str, like: &str) -> String {
    match like.as_bytes().first() {
        Some(b'"') => {}
        Some(b'\'') if !text.contains(['\'', '\u{7f}']) && !text.chars().any(char::is_control) => {
            return format!("'{text}'");
        }
        Some(b'\'') | None => {}
        Some(b't' | b'f') if matches!(text, "true" | "false") => return text.to_owned(),
        // A number of another form, such as one with a leading zero, is none in TOML.
        Some(_) if text.parse::<i64>().is_ok_and(|n| n.to_string() == text) => return text.to_owned(),
        Some(_) if like.contains('-') && parse_date(text).is_some() => return text.to_owned(),
        Some(_) => {}
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
