//! CSV: as it is written, and as spreadsheet programs give it back.

use csv::{ReaderBuilder, StringRecord, Terminator, WriterBuilder};

use super::rows::Column;
use crate::failure::{Diagnostic, place, utf8};

/// By this spreadsheet programs know UTF-8.
const MARK: &str = "\u{feff}";

/// What is told of a CSV in another encoding.
const NOT_UTF8: &str = "not UTF-8: save it as \"CSV UTF-8 (comma delimited)\"";

/// A CSV, read.
pub(super) struct Sheet<'a> {
    pub name: &'a str,
    /// Without the mark.
    text: &'a str,
    pub records: Vec<Record>,
}

/// A row of it.
pub(super) struct Record {
    pub cells: Vec<String>,
    /// The byte at which it begins.
    at: usize,
}

impl Sheet<'_> {
    /// Line and column of a cell, of the whole row where none is named; from 1, the column in characters.
    pub fn place(&self, row: usize, cell: Option<usize>) -> (usize, usize) {
        // Invariant: asked of rows that were read.
        let at = self.records.get(row).map_or(0, |record| record.at);
        place(self.text, cell_at(self.text, at, cell.unwrap_or_default()))
    }
}

/// Writes a header and rows.
pub(super) fn write<'r, R>(columns: &[Column], rows: impl Iterator<Item = R>, bom: bool) -> String
where
    R: Iterator<Item = &'r str>,
{
    let mut out = WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(Vec::new());
    let header = std::iter::once(columns.iter().map(|column| guarded(&column.name)).collect::<Vec<_>>());
    for record in header.chain(rows.map(|row| row.map(guarded).collect())) {
        // Invariant: writing to memory does not fail, and all rows have as many cells as there are columns.
        out.write_record(&record).unwrap_or_else(|error| panic!("a record in memory: {error}"));
    }
    // Invariants as above, and only texts were written.
    let bytes = out.into_inner().unwrap_or_else(|error| panic!("a record in memory: {error}"));
    let text = String::from_utf8(bytes).unwrap_or_else(|error| panic!("a text that is none: {error}"));
    if bom { format!("{MARK}{text}") } else { text }
}

/// Reads what `columns` are the header of.
///
/// # Errors
/// Every mistake, by its place.
pub(super) fn read<'a>(name: &'a str, bytes: &'a [u8], columns: &[Column]) -> Result<Sheet<'a>, Vec<Diagnostic>> {
    let text = utf8(name, bytes, NOT_UTF8).map_err(|mistake| vec![mistake])?;
    let text = text.strip_prefix(MARK).unwrap_or(text);
    if let Some(at) = open_quotes(text) {
        let (line, column) = place(text, at);
        let message = "these quotes are not closed: the file ends within".to_owned();
        return Err(vec![Diagnostic { file: name.to_owned(), line, column, message }]);
    }
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut sheet = Sheet { name, text, records: Vec::new() };
    let (mut headed, mut mistakes) = (false, Vec::new());
    for record in reader.records() {
        // Invariant: memory can be read, what is there is UTF-8, and rows may be of any length.
        let record = record.unwrap_or_else(|error| panic!("a text in memory: {error}"));
        let at = record.position().map_or(0, |position| position.byte() as usize);
        let at = at + text[at..].len() - text[at..].trim_start_matches(['\r', '\n']).len();
        let tell = |cell, message: String| {
            let (line, column) = place(text, cell_at(text, at, cell));
            Diagnostic { file: name.to_owned(), line, column, message }
        };
        if !headed {
            headed = true;
            // Under another header no row is what it should be.
            if let Some((cell, message)) = wrong_header(&record, columns) {
                return Err(vec![tell(cell, message)]);
            }
            continue;
        }
        match cells(&record, columns.len()) {
            Ok(cells) if cells.iter().all(String::is_empty) => {}
            Ok(cells) => sheet.records.push(Record { cells, at }),
            Err(count) => mistakes.push(tell(0, format!("the row has {count} cells, not {}", columns.len()))),
        }
    }
    if !headed {
        mistakes.push(Diagnostic { file: name.to_owned(), line: 1, column: 1, message: "the CSV is empty".to_owned() });
    }
    if mistakes.is_empty() { Ok(sheet) } else { Err(mistakes) }
}

/// The first cell of the header that is not as it should be, and what is wrong.
fn wrong_header(header: &StringRecord, columns: &[Column]) -> Option<(usize, String)> {
    let separator = |mark, name| {
        let split = header.len() == 1 && columns.len() > 1 && header[0].contains(mark);
        split.then(|| (0, format!("the cells are separated by {name}: save it as CSV with commas")))
    };
    if let Some(told) = separator(';', "semicolons").or_else(|| separator('\t', "tabs")) {
        return Some(told);
    }
    let wanted = columns.iter().map(|column| Some(&*column.name)).chain(std::iter::repeat(None));
    let longest = header.len().max(columns.len());
    wanted.take(longest).enumerate().find_map(|(at, wanted)| {
        let found = header.get(at).map(unguarded).filter(|found| !found.is_empty());
        let told = match (found, wanted) {
            (found, wanted) if found == wanted => return None,
            (Some(found), Some(wanted)) => format!("this column is '{wanted}', not '{found}'"),
            (None, Some(wanted)) => format!("column '{wanted}' is missing"),
            (Some(found), None) => format!("the table has no column '{found}'"),
            (None, None) => return None,
        };
        Some((at.min(header.len().saturating_sub(1)), told))
    })
}

/// The cells of a row, or how many there are instead of `count`; empty ones beyond are a spreadsheet program's.
fn cells(record: &StringRecord, count: usize) -> Result<Vec<String>, usize> {
    let used = record.iter().enumerate().filter(|(_, cell)| !cell.is_empty()).last().map_or(0, |(last, _)| last + 1);
    if used > count || (record.len() < count && used > 0) {
        return Err(record.len());
    }
    Ok(record.iter().take(count).map(|cell| unguarded(cell).to_owned()).collect())
}

/// A text that a spreadsheet program would take for a formula, with an apostrophe in front; others as they are.
pub(super) fn guarded(text: &str) -> String {
    let number = text.trim_start_matches(['+', '-']).bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'%'));
    if text.starts_with('\'') || (begins_formula(text) && !number) { format!("'{text}") } else { text.to_owned() }
}

/// Whether a text begins as a formula does; some programs skip spaces and tabs in front, and take wide signs as well.
fn begins_formula(text: &str) -> bool {
    text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

/// The text without the apostrophe that [`guarded`] puts in front.
pub(super) fn unguarded(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| rest.starts_with('\'') || begins_formula(rest)).unwrap_or(text)
}

/// The byte at which quotes begin that are not closed.
fn open_quotes(text: &str) -> Option<usize> {
    // A quote in a cell that did not begin with one is a letter like others; doubled ones close and open again.
    let (mut began, mut open, mut may_open, mut doubled) = (0, false, true, false);
    for (at, byte) in text.bytes().enumerate() {
        if byte == b'"' && (open || may_open) {
            began = if open || doubled { began } else { at };
            (doubled, open, may_open) = (open, !open, true);
        } else if !open {
            (doubled, may_open) = (false, matches!(byte, b',' | b'\r' | b'\n'));
        }
    }
    open.then_some(began)
}

/// The byte at which cell `number` begins of the row that begins at `row`; the row's own where it has no such cell.
fn cell_at(text: &str, row: usize, number: usize) -> usize {
    #[derive(Clone, Copy)]
    enum In {
        Start,
        Plain,
        Quotes,
        /// Behind a quote that ends them, unless another one follows.
        Quote,
    }
    let (mut left, mut place) = (number, In::Start);
    for (at, byte) in text.bytes().enumerate().skip(row) {
        if left == 0 {
            return at;
        }
        place = match (place, byte) {
            (In::Start | In::Quote, b'"') => In::Quotes,
            (In::Quotes, b'"') => In::Quote,
            (In::Quotes, _) => In::Quotes,
            (_, b'\n') => return row,
            (_, b',') => {
                left -= 1;
                In::Start
            }
            _ => In::Plain,
        };
    }
    if left == 0 { text.len() } else { row }
}
