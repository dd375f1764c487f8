//! Fixed and cyclic files: records of one length by their number, several in one command where the card can.

use zeroize::Zeroizing;

use super::CardError;
use super::files::{ALL, Known, Learned};
use super::session::{FILES, Session};
use crate::apdu::StatusWord;
use crate::profile::{FileName, Repeats, Structure};
use crate::script::Vars;

/// P2 of READ RECORD in its low three bits: P1 is a record number (card-facts §3).
pub(super) const NUMBER: u8 = 0b100;
/// The last number that a record may have.
pub(super) const LAST: u8 = 0xFE;

/// A file of records of one length.
pub(super) struct Series<'n> {
    pub(super) name: &'n FileName,
    pub(super) sfi: u8,
    pub(super) repeats: Repeats,
    /// There are so many records and no more: a fixed file. A cyclic one may have more than its standard says.
    exact: bool,
}

type Record = Zeroizing<Vec<u8>>;

impl<'n> Series<'n> {
    /// A file of the profile; `None` where it is no such file.
    pub(super) fn of(name: &'n FileName, sfi: u8, structure: Structure) -> Option<Self> {
        match structure {
            Structure::Fixed(repeats) => Some(Self { name, sfi, repeats, exact: true }),
            Structure::Cyclic(repeats) => Some(Self { name, sfi, repeats, exact: false }),
            Structure::Linear | Structure::Transparent { .. } => None,
        }
    }

    fn length(&self) -> usize {
        usize::from(self.repeats.length)
    }

    /// How many records one command brings.
    fn at_once(&self) -> u8 {
        let fit = u8::MAX / self.repeats.length.max(1);
        if self.exact { fit.min(self.repeats.records) } else { fit }
    }

    fn last(&self) -> u8 {
        if self.exact { self.repeats.records } else { LAST }
    }

    fn garbled(&self, what: &str) -> CardError {
        CardError::ItemGarbled { item: self.name.to_string(), what: what.to_owned() }
    }
}

impl Session<'_> {
    /// All records, number 1 first.
    pub(super) fn series(
        &mut self,
        series: &Series<'_>,
        known: &Known<'_>,
    ) -> Result<(Vec<Record>, Learned), CardError> {
        let several = match known.capability {
            Some(_) => known.whole.is_some(),
            None => known.try_whole,
        };
        let mut records = Vec::new();
        let mut learned = Learned::Records(Vec::new());
        let mut next = 1;
        while several && series.at_once() > 1 && next <= series.last() {
            let count = series.at_once().min(series.last() - next + 1);
            let (found, status) = self.several(series, next, count)?;
            let Some(found) = found else {
                if status == StatusWord::RECORD_NOT_FOUND && !records.is_empty() {
                    return Ok((records, learned));
                }
                break;
            };
            learned = Learned::Whole(Some(series.at_once().saturating_mul(series.repeats.length)));
            let got = found.len();
            records.extend(found);
            // The card has at most 254, and `got` is not more than was asked for.
            next += got as u8;
            // Fewer than were asked for are the last ones, or all that this card gives at once: the next one tells.
            if got < usize::from(count) {
                break;
            }
        }
        while next <= series.last() {
            let Some(record) = self.one(series, next)? else { break };
            records.push(record);
            next += 1;
        }
        Ok((records, learned))
    }

    /// Some records from a number on; `None` where there are none, or the card does not read so.
    fn several(
        &mut self,
        series: &Series<'_>,
        from: u8,
        count: u8,
    ) -> Result<(Option<Vec<Record>>, StatusWord), CardError> {
        let length = count.saturating_mul(series.repeats.length);
        let mut vars =
            Vars::new().with("number", &[from]).with("p2", &[series.sfi << 3 | ALL]).with("length", &[length]);
        let status = self.run(FILES, "read-records", &mut vars)?;
        let Some(bytes) = vars.get("records") else { return Ok((None, status)) };
        if bytes.is_empty() || bytes.len() > usize::from(length) || bytes.len() % series.length() != 0 {
            return Err(series.garbled("the answer is not made of whole records"));
        }
        let records = bytes.chunks(series.length()).map(|record| Zeroizing::new(record.to_vec())).collect();
        Ok((Some(records), status))
    }

    /// The bytes of a record of any file by its number, however long it is; `None` where the file has ended. `sfi` names
    /// the file, 0 the current one.
    pub(super) fn numbered(&mut self, sfi: u8, number: u8) -> Result<Option<Record>, CardError> {
        let vars = Vars::new().with("which", &[number]).with("p2", &[sfi << 3 | NUMBER]);
        let mut vars = vars.with("length", &[0]);
        self.run(FILES, "read-record", &mut vars)?;
        Ok(vars.get("record").map(|record| Zeroizing::new(record.to_vec())))
    }

    /// One record; `None` where the file has ended.
    pub(super) fn one(&mut self, series: &Series<'_>, number: u8) -> Result<Option<Record>, CardError> {
        let mut vars = Vars::new()
            .with("which", &[number])
            .with("p2", &[series.sfi << 3 | NUMBER])
            .with("length", &[series.repeats.length]);
        let status = self.run(FILES, "read-record", &mut vars)?;
        match vars.get("record") {
            Some(record) if record.len() == series.length() => Ok(Some(Zeroizing::new(record.to_vec()))),
            None if status == StatusWord::RECORD_NOT_FOUND => Ok(None),
            _ => Err(series.garbled("a record has another length")),
        }
    }
}
