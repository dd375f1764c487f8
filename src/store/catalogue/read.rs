//! A catalogue's rows are written into their tables.

use rusqlite::{Statement, Transaction, params};

use super::format::{COUNTED_FROM, Header, Holds, Row, Rows, Section};
use super::series::{Last, Place, Series};
use super::{CatalogueError, CatalogueInfo, Goods, number};
use crate::failure::Diagnostic;
use crate::store::lists::{FileLines, ListError, MOST_MISTAKES, Read, STEP_LINES, Step, Taken, Unreadable};

impl Read for Goods {
    type Header = Header;

    fn header(lines: &mut FileLines<'_>) -> Result<Header, Unreadable> {
        Header::read(lines)
    }

    fn info(header: Header, taken: Taken) -> CatalogueInfo {
        let Header { serial, issued, note, counts: [items, prices, rates] } = header;
        let Taken { at: taken_at, signed_by, sha256 } = taken;
        CatalogueInfo { serial, issued, taken_at, note, items, prices, rates, signed_by, sha256 }
    }

    fn fill(
        db: &Transaction<'_>,
        header: Header,
        lines: &mut FileLines<'_>,
        _key: &[u8],
        step: Step<'_, Self>,
    ) -> Result<(), CatalogueError> {
        let name = lines.name().to_owned();
        let mut rows = Rows::new();
        let mut filling = Filling::new(db, &name)?;
        let mut count = 0;
        while lines.advance().map_err(|error| filling.cut_off(error))? {
            if count % STEP_LINES == 0 {
                step()?;
            }
            count += 1;
            match rows.row(lines) {
                Ok((section, row)) => filling.take(section, &row)?,
                Err(Unreadable::Form(mistake)) => filling.mistakes.push(mistake),
                Err(error) => return Err(ListError::of(&name, error)),
            }
            if filling.mistakes.len() >= MOST_MISTAKES {
                break;
            }
        }
        filling.end(header.counts)
    }
}

/// The tables as they are filled.
struct Filling<'a> {
    file: &'a str,
    item: Statement<'a>,
    price: Statement<'a>,
    rate: Statement<'a>,
    /// The days that a code is in the catalogue.
    days: Statement<'a>,
    section: Section,
    series: Series,
    counts: [u64; 3],
    mistakes: Vec<Diagnostic>,
}

impl<'a> Filling<'a> {
    fn new(db: &'a Transaction<'_>, file: &'a str) -> Result<Self, CatalogueError> {
        Ok(Self {
            file,
            item: db.prepare("INSERT INTO item VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?,
            price: db.prepare("INSERT INTO price VALUES (?1, ?2, ?3, ?4, ?5)")?,
            rate: db.prepare("INSERT INTO rate VALUES (?1, ?2, ?3, ?4, ?5)")?,
            days: db.prepare("SELECT min(begins), max(ends) FROM item WHERE code = ?1")?,
            section: Section::Item,
            series: Series::default(),
            counts: [0; 3],
            mistakes: Vec::new(),
        })
    }

    fn take(&mut self, section: Section, row: &Row) -> Result<(), CatalogueError> {
        if section < self.section {
            self.wrong(row.at.line, 1, "out of order: items come first, then prices, then rates");
            return Ok(());
        }
        if section > self.section {
            self.end_series()?;
            self.section = section;
        }
        self.counts[section as usize] += 1;
        match self.series.take(row) {
            Err((column, message)) => {
                self.wrong(row.at.line, row.at.column(column), message);
                return Ok(());
            }
            Ok(Place::Next) => {}
            Ok(Place::First(before)) => {
                self.ended(before)?;
                self.begun(row)?;
            }
        }
        self.insert(row)
    }

    fn insert(&mut self, row: &Row) -> Result<(), CatalogueError> {
        let Row { code, insutype, .. } = row;
        let (begins, ends) = (number(row.begins), number(row.ends));
        match &row.holds {
            Holds::Item { name, list_type, class, limited } => {
                self.item.execute(params![code, begins, ends, name, list_type, class, limited])?
            }
            Holds::Price(most) => {
                self.price.execute(params![code, insutype, begins, ends, most.map(|price| price.0)])?
            }
            Holds::Rate(share) => self.rate.execute(params![code, insutype, begins, ends, share.0])?,
        };
        Ok(())
    }

    /// The first row of a price or a rate: it is known from the first day that its item is in the catalogue.
    fn begun(&mut self, row: &Row) -> Result<(), CatalogueError> {
        if self.section == Section::Item {
            return Ok(());
        }
        match self.days_of(&row.code)? {
            // Where items are wrong themselves this may be one of theirs.
            None if self.mistakes.is_empty() => {
                let message = "no item of the catalogue has this code";
                self.wrong(row.at.line, row.at.column("med_list_codg"), message);
            }
            Some((first, _)) if first < number(row.begins) => {
                let message = "a gap: the item is in the catalogue before this";
                self.wrong(row.at.line, row.at.column("begndate"), message);
            }
            None | Some(_) => {}
        }
        Ok(())
    }

    /// The last row of a price or a rate: it is known to the last day that its item is in the catalogue.
    fn ended(&mut self, last: Option<Last>) -> Result<(), CatalogueError> {
        let Some(last) = last.filter(|_| self.section != Section::Item) else { return Ok(()) };
        if self.days_of(&last.code)?.is_some_and(|(_, end)| number(last.ends) < end) {
            self.wrong(last.at.line, last.at.column("enddate"), "a gap: the item is in the catalogue after this");
        }
        Ok(())
    }

    fn end_series(&mut self) -> Result<(), CatalogueError> {
        let last = self.series.end();
        self.ended(last)
    }

    fn days_of(&mut self, code: &str) -> Result<Option<(i64, i64)>, CatalogueError> {
        let days =
            self.days.query_row([code], |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?)))?;
        Ok(days.0.zip(days.1))
    }

    fn end(mut self, counts: [u64; 3]) -> Result<(), CatalogueError> {
        if self.mistakes.len() < MOST_MISTAKES {
            self.end_series()?;
        }
        // A row that is wrong was not counted.
        if self.mistakes.is_empty() {
            for section in Section::ALL {
                let (said, found) = (counts[section as usize], self.counts[section as usize]);
                if said != found {
                    let column = section.name().len() + "s ".len() + 1;
                    self.wrong(COUNTED_FROM + section as usize, column, &format!("there are {found}"));
                }
            }
        }
        if self.mistakes.is_empty() { Ok(()) } else { Err(ListError::Form(self.mistakes)) }
    }

    /// A line that ends nowhere: behind it nothing can be read.
    fn cut_off(&mut self, error: Unreadable) -> CatalogueError {
        match error {
            Unreadable::Form(mistake) => {
                self.mistakes.push(mistake);
                ListError::Form(std::mem::take(&mut self.mistakes))
            }
            error @ Unreadable::Io(_) => ListError::of(self.file, error),
        }
    }

    fn wrong(&mut self, line: usize, column: usize, message: &str) {
        let file = self.file.to_owned();
        self.mistakes.push(Diagnostic { file, line, column, message: message.to_owned() });
    }
}
