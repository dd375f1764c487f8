//! What stands between the rows of a list: commas, line ends, comments, and to which row it belongs.

use std::ops::Range;

use super::rows::{Row, Rows};

/// How a list of rows is laid out.
#[derive(Debug)]
pub(super) struct Layout {
    /// Where what belongs to rows begins: behind the bracket, and behind its line where nothing else stands on it.
    pub opening: usize,
    /// One a row.
    pub around: Vec<Around>,
}

/// What belongs to a row: the lines above it, what stands within it, and behind it on its line.
#[derive(Debug)]
pub(super) struct Around {
    /// From the end of what belongs to the row above to the end of what belongs to this one.
    pub whole: Range<usize>,
    /// Whether a comma follows it. Only the last row may have none.
    pub comma: bool,
    /// Where its comma stands when that is on another line, or behind a comment.
    pub stray: Option<usize>,
    /// Where the first comment that belongs to it stands.
    pub comment: Option<usize>,
}

impl Layout {
    /// The layout of `rows` in `text`.
    pub fn of(text: &str, rows: &Rows) -> Self {
        let opening = line_end(text, rows.list.start + 1).unwrap_or(rows.list.start + 1);
        let mut start = opening;
        let mut around = Vec::new();
        for row in &rows.rows {
            let comma = comma(text, row.at.end);
            // Without a comma the row is the last one, and what stands behind it belongs to it up to the line's end.
            let behind = comma.map_or(row.at.end, |comma| comma + 1);
            let end = line_end(text, behind).unwrap_or(behind);
            let stray = comma.filter(|comma| !text[row.at.end..*comma].trim_matches([' ', '\t']).is_empty());
            let comment = bare(start..end, row).find_map(|part| Some(part.start + text[part].find('#')?));
            around.push(Around { whole: start..end, comma: comma.is_some(), stray, comment });
            start = end;
        }
        Self { opening, around }
    }
}

/// What of `whole` is no cell: there a hash begins a comment.
fn bare(whole: Range<usize>, row: &Row) -> impl Iterator<Item = Range<usize>> {
    let ends = std::iter::once(whole.start).chain(row.cells.iter().map(|cell| cell.at.end));
    let starts = row.cells.iter().map(|cell| cell.at.start).chain([whole.end]);
    ends.zip(starts).map(|(end, start)| end..start)
}

/// The place of the comma behind a row, over white space, line ends and comments; none before the list's end.
fn comma(text: &str, from: usize) -> Option<usize> {
    let mut comment = false;
    for (at, byte) in text.bytes().enumerate().skip(from) {
        match byte {
            b'\n' => comment = false,
            _ if comment => {}
            b'#' => comment = true,
            b',' => return Some(at),
            b' ' | b'\t' | b'\r' => {}
            _ => return None,
        }
    }
    None
}

/// The end of the line at `from`, with its line feed, when white space and a comment are all that is left of it.
fn line_end(text: &str, from: usize) -> Option<usize> {
    let rest = &text[from..];
    let end = rest.find('\n')? + 1;
    let left = rest[..end].trim_start_matches([' ', '\t']);
    (left.starts_with('#') || left.trim().is_empty()).then_some(from + end)
}
