//! The text of a catalogue (`docs/catalogue.md`): a header, then CSV, each row in one line.

use csv_core::{ReadRecordResult, Reader};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::failure::visible;
use crate::store::lists::{FileLines, Unreadable};
use crate::value::{Price, Rate};

/// The longest line, in bytes.
pub(super) const LONGEST_LINE: usize = 2048;
/// The longest code, in characters: what a bill's line takes.
const LONGEST_CODE: usize = 50;
/// The longest name and note, in characters.
const LONGEST_NAME: usize = 200;
/// The line of the header that counts the first section; the others' are behind it.
pub(super) const COUNTED_FROM: usize = 5;
/// The most values of a row, and one more to see that there are more.
const MOST: usize = 9;
/// 100%, in ten-thousandths.
const WHOLE: i64 = 10_000;

/// What a catalogue says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Header {
    /// Grows from catalogue to catalogue.
    pub(super) serial: u64,
    /// When the back office made it.
    pub(super) issued: Timestamp,
    /// What it is, in words.
    pub(super) note: String,
    /// How many rows each section has.
    pub(super) counts: [u64; 3],
}

impl Header {
    pub(super) fn read(lines: &mut FileLines<'_>) -> Result<Self, Unreadable> {
        let note = "a note has 1 to 200 characters that can be seen, none of them a space at an end";
        Ok(Self {
            serial: lines.serial()?,
            issued: lines.issued()?,
            note: lines.member("note", note, |text| is_text(text, LONGEST_NAME).then(|| text.to_owned()))?,
            counts: [lines.count("items")?, lines.count("prices")?, lines.count("rates")?],
        })
    }
}

/// The parts of a catalogue, in the order they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    /// Drugs and services (1312).
    Item,
    /// What of a price is reckoned with (1318).
    Price,
    /// What share the insured pay first (1319).
    Rate,
}

impl Section {
    pub(super) const ALL: [Self; 3] = [Self::Item, Self::Price, Self::Rate];

    /// What its rows begin with.
    pub(super) fn name(self) -> &'static str {
        ["item", "price", "rate"][self as usize]
    }

    /// The columns of its rows behind that.
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Item => &["med_list_codg", "name", "list_type", "chrgitm_lv", "lmt_used_flag", "begndate", "enddate"],
            Self::Price => &["med_list_codg", "insutype", "begndate", "enddate", "pric_uplmt_amt"],
            Self::Rate => &["med_list_codg", "insutype", "begndate", "enddate", "selfpay_prop"],
        }
    }
}

/// What holds for a code over a time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) code: String,
    /// 险种; empty for all kinds, and always for an item.
    pub(super) insutype: String,
    pub(super) begins: Date,
    /// The last day.
    pub(super) ends: Date,
    pub(super) holds: Holds,
    /// Where the row is.
    pub(super) at: At,
}

/// What it is that holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Item {
        name: String,
        list_type: String,
        class: String,
        limited: bool,
    },
    /// Without one, any price.
    Price(Option<Price>),
    Rate(Rate),
}

/// The place of a row and of its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) line: usize,
    section: Section,
    /// Where each value begins, from 1.
    columns: [usize; MOST],
}

impl At {
    /// Where the value of a column begins.
    pub(super) fn column(&self, name: &str) -> usize {
        let nth = self.section.columns().iter().position(|column| *column == name);
        self.columns[nth.map_or(0, |nth| nth + 1)]
    }
}

/// Reads rows.
pub(super) struct Rows {
    reader: Reader,
    text: Vec<u8>,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self { reader: Reader::new(), text: Vec::new() }
    }

    /// The section and the values of the lines' present one.
    pub(super) fn row(&mut self, lines: &FileLines<'_>) -> Result<(Section, Row), Unreadable> {
        lines.text()?;
        let line = lines.bytes();
        let mut ends = [0; MOST];
        self.text.resize(line.len() + 1, 0);
        self.reader.reset();
        let (read, _, written, count) = self.reader.read_record(line, &mut self.text, &mut ends);
        // Without anything more to read the record is at its end.
        let (whole, more) = match read {
            ReadRecordResult::InputEmpty => {
                let (read, .., more) = self.reader.read_record(&[], &mut self.text[written..], &mut ends[count..]);
                (read == ReadRecordResult::Record, more)
            }
            _ => (false, 0),
        };
        let count = count + more;
        let columns = columns(line);
        let text = std::str::from_utf8(&self.text[..written]).unwrap_or_default();
        let begins = |nth: usize| if nth == 0 { 0 } else { ends[nth - 1] };
        let values: Vec<&str> = (0..count).filter_map(|nth| text.get(begins(nth)..ends[nth])).collect();
        let section = Section::ALL.into_iter().find(|section| values.first() == Some(&section.name()));
        let section = section.ok_or_else(|| lines.wrong(1, "a row begins with item, price or rate"))?;
        let names = section.columns();
        if values.len() != names.len() + 1 || !whole {
            let what = format!("'{}' has {} values: {}", section.name(), names.len(), names.join(", "));
            return Err(lines.wrong(1, &what));
        }
        let at = At { line: lines.line(), section, columns };
        let row = Values { lines, values: &values[1..], at }.row(section)?;
        Ok((section, row))
    }
}

/// Where each value of a line begins, from 1.
fn columns(line: &[u8]) -> [usize; MOST] {
    let mut columns = [1; MOST];
    let (mut nth, mut quoted, mut first) = (0, false, true);
    for (at, byte) in line.iter().enumerate() {
        match byte {
            b'"' if first || quoted => quoted = !quoted,
            // A doubled quote goes on with what is quoted.
            b'"' if line[at - 1] == b'"' => quoted = true,
            b',' if !quoted && nth + 1 < MOST => {
                nth += 1;
                columns[nth] = at + 2;
            }
            _ => {}
        }
        first = *byte == b',' && !quoted;
    }
    columns
}

/// The values of a row, by column.
struct Values<'a, 'f> {
    lines: &'a FileLines<'f>,
    values: &'a [&'a str],
    at: At,
}

impl Values<'_, '_> {
    fn row(&self, section: Section) -> Result<Row, Unreadable> {
        let code = self.text("med_list_codg", LONGEST_CODE)?;
        let (begins, ends) = (self.day("begndate")?, self.last_day()?);
        if ends < begins {
            return Err(self.wrong("enddate", "the row ends before it begins"));
        }
        let (insutype, holds) = match section {
            Section::Item => (String::new(), self.item()?),
            Section::Price => (self.insutype()?, Holds::Price(self.price()?)),
            Section::Rate => (self.insutype()?, Holds::Rate(self.rate()?)),
        };
        Ok(Row { code, insutype, begins, ends, holds, at: self.at })
    }

    fn item(&self) -> Result<Holds, Unreadable> {
        Ok(Holds::Item {
            name: self.text("name", LONGEST_NAME)?,
            list_type: self
                .taken("list_type", "three digits, as 101", |text| is_number(text, 3).then(|| text.to_owned()))?,
            class: self.taken("chrgitm_lv", "01, 02 or 03", |text| {
                matches!(text, "01" | "02" | "03").then(|| text.to_owned())
            })?,
            limited: self.taken("lmt_used_flag", "0 or 1", |text| match text {
                "0" => Some(false),
                "1" => Some(true),
                _ => None,
            })?,
        })
    }

    fn insutype(&self) -> Result<String, Unreadable> {
        self.taken("insutype", "three digits, as 310, or nothing for all kinds", |text| {
            (text.is_empty() || is_number(text, 3)).then(|| text.to_owned())
        })
    }

    fn price(&self) -> Result<Option<Price>, Unreadable> {
        self.taken("pric_uplmt_amt", "yuan with at most four places, as 12.5000, or nothing for no limit", |text| {
            if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) }
        })
    }

    fn rate(&self) -> Result<Rate, Unreadable> {
        self.taken("selfpay_prop", "a share from 0 to 1 with at most four places, as 0.1000", |text| {
            // A ten-thousandth is a hundred parts per million.
            text.parse::<Price>().ok().filter(|share| share.0 <= WHOLE).map(|share| Rate(share.0 * 100))
        })
    }

    fn day(&self, column: &str) -> Result<Date, Unreadable> {
        self.taken(column, "a date as 2015-08-03", day)
    }

    fn last_day(&self) -> Result<Date, Unreadable> {
        self.taken("enddate", "a date as 2015-08-03, or nothing for no end", |text| {
            if text.is_empty() { Some(Date::MAX) } else { day(text) }
        })
    }

    fn text(&self, column: &str, longest: usize) -> Result<String, Unreadable> {
        let wanted = format!("1 to {longest} characters that can be seen, none of them a space at an end");
        self.taken(column, &wanted, |text| is_text(text, longest).then(|| text.to_owned()))
    }

    fn taken<T>(&self, column: &str, wanted: &str, take: impl Fn(&str) -> Option<T>) -> Result<T, Unreadable> {
        let nth = self.at.section.columns().iter().position(|name| *name == column);
        let value = nth.and_then(|nth| self.values.get(nth)).copied().unwrap_or_default();
        take(value).ok_or_else(|| self.wrong(column, &format!("{column} is {wanted}")))
    }

    fn wrong(&self, column: &str, message: &str) -> Unreadable {
        self.lines.wrong(self.at.column(column), message)
    }
}

/// A date written `yyyy-mm-dd`, to the letter.
fn day(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().filter(|date| date.to_string() == text)
}

fn is_number(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_text(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.chars().count()) && visible(text) == text && text.trim() == text
}
