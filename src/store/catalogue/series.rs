//! The rows of a section stand in order, and those of one code and insurance one behind the other, day by day.

use std::cmp::Ordering;

use jiff::civil::Date;

use super::format::{At, Row};

/// The rows of a section so far.
#[derive(Default)]
pub(super) struct Series {
    last: Option<Last>,
}

/// The last row.
pub(super) struct Last {
    pub(super) code: String,
    insutype: String,
    pub(super) ends: Date,
    pub(super) at: At,
}

/// What a row is that stands where it may.
pub(super) enum Place {
    /// The first of its code and insurance; the last row of those before it.
    First(Option<Last>),
    /// It goes on where the row before it ended.
    Next,
}

/// Why a row may not stand where it does: the column, and what is wrong.
pub(super) type Misplaced = (&'static str, &'static str);

impl Series {
    /// Takes the next row.
    pub(super) fn take(&mut self, row: &Row) -> Result<Place, Misplaced> {
        let place = self.place(row);
        if matches!(place, Err(("med_list_codg", _))) {
            return place.map(|()| Place::Next);
        }
        let Row { code, insutype, ends, at, .. } = row;
        let last = Last { code: code.clone(), insutype: insutype.clone(), ends: *ends, at: *at };
        let before = self.last.replace(last);
        place?;
        let same = before.as_ref().is_some_and(|last| last.code == *code && last.insutype == *insutype);
        Ok(if same { Place::Next } else { Place::First(before) })
    }

    /// The last row, behind which there is none.
    pub(super) fn end(&mut self) -> Option<Last> {
        self.last.take()
    }

    fn place(&self, row: &Row) -> Result<(), Misplaced> {
        let Some(last) = &self.last else { return Ok(()) };
        let (code, insutype) = (row.code.cmp(&last.code), row.insutype.cmp(&last.insutype));
        match (code, insutype) {
            (Ordering::Less, _) | (Ordering::Equal, Ordering::Less) => {
                Err(("med_list_codg", "out of order: rows stand by code, then insurance, then date"))
            }
            (Ordering::Equal, Ordering::Greater) if last.insutype.is_empty() => {
                Err(("insutype", "this code has rows for all kinds of insurance: it has none for single ones"))
            }
            (Ordering::Equal, Ordering::Equal) if row.begins <= last.ends => {
                Err(("begndate", "the row overlaps the one before it"))
            }
            (Ordering::Equal, Ordering::Equal) if last.ends.tomorrow().ok() != Some(row.begins) => {
                Err(("begndate", "a gap: the row begins later than the day behind the one before it"))
            }
            _ => Ok(()),
        }
    }
}
