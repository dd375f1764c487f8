//! The card's files: whole in one command where the card can, record by record with exact lengths where it cannot.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::session::{COMMON, FILES, Session};
use super::{CardError, parse};
use crate::apdu::StatusWord;
use crate::apdu::tlv::{self, Record};
use crate::profile::File;
use crate::script::Vars;
use crate::store::Capability;

/// A file of records and the flows that read it.
pub(super) struct FileKind {
    /// `EF05` and `EF06` of a reading; `DF04/EF05` of what is read by name.
    pub(super) name: Cow<'static, str>,
    script: String,
    /// The short identifier, where the flows are told it; 0 is the current file.
    sfi: Option<u8>,
    whole: &'static str,
    record: &'static str,
    /// The flow for the one record that many cards lack.
    extension: Option<(u8, &'static str)>,
    /// Tags without which there is no reading: no key could be named, no script chosen.
    needed: &'static [u8],
    /// Tags in the order of the file, with the standard's lengths of their values (card-facts §1.3, §1.4, §1.6). A tag that
    /// is there several times stands here as often.
    records: Vec<(u8, u8)>,
}

/// P2 of READ RECORD in its low three bits (card-facts §3).
const FIRST: u8 = 0b000;
const NEXT: u8 = 0b010;
pub(super) const ALL: u8 = 0b101;

/// How a file was read, to be remembered of the card's type.
#[derive(Debug)]
pub(super) enum Learned {
    /// In one command; with this length, where the file has all of its records. One that lacks some teaches nothing:
    /// remembered, its length could cut off another card's file where a record ends, and that would not show.
    Whole(Option<u8>),
    /// Record by record; lengths that are not the standard's, by `file/tag`.
    Records(Vec<(String, u8)>),
}

/// What is known of the card's type before a file is read.
pub(super) struct Known<'k> {
    /// What was remembered.
    pub(super) capability: Option<&'k Capability>,
    /// The whole file's length as remembered.
    pub(super) whole: Option<u8>,
    /// Whether the whole file may be asked for where nothing was remembered.
    pub(super) try_whole: bool,
}

impl FileKind {
    /// EF05, the same for all generations.
    pub(super) fn ef05() -> Self {
        Self {
            name: Cow::Borrowed("EF05"),
            script: COMMON.to_owned(),
            sfi: None,
            whole: "card-file",
            record: "card-record",
            extension: None,
            needed: &[0x01, 0x03],
            records: vec![(0x01, 16), (0x02, 1), (0x03, 4), (0x04, 12), (0x05, 4), (0x06, 4), (0x07, 9)],
        }
    }

    /// EF06 as the generation's script reads it; 4E is there from the script that has a flow for it.
    pub(super) fn ef06(script: &str, extension: bool) -> Self {
        let mut records = vec![(0x08, 18), (0x09, 30), (0x4E, 20), (0x0A, 1), (0x0B, 1), (0x0C, 3), (0x0D, 4)];
        records.retain(|(tag, _)| extension || *tag != 0x4E);
        Self {
            name: Cow::Borrowed("EF06"),
            script: script.to_owned(),
            sfi: None,
            whole: "holder-file",
            record: "holder-record",
            extension: extension.then_some((0x4E, "holder-name-extension")),
            needed: &[],
            records,
        }
    }

    /// A linear file of the profile, as cards of a generation have it; of its items only those with these tags.
    pub(super) fn of(file: &File, sfi: u8, generation: u8, tags: Option<&[u8]>) -> Self {
        let wanted = |tag: u8| tags.is_none_or(|tags| tags.contains(&tag));
        let items = file.items_of(generation).filter_map(|item| Some((item.tag?, item)));
        let records = items.filter(|(tag, _)| wanted(*tag));
        Self {
            name: Cow::Owned(file.name.to_string()),
            script: FILES.to_owned(),
            sfi: Some(sfi),
            whole: "read-records",
            record: "read-record",
            extension: None,
            needed: &[],
            records: records.flat_map(|(tag, item)| vec![(tag, item.length); item.count.into()]).collect(),
        }
    }

    /// How many records are wanted of it.
    pub(super) fn wanted(&self) -> usize {
        self.records.len()
    }

    /// The length of the whole file with the standard's lengths; `None` where that is more than one answer holds.
    pub(super) fn standard_length(&self) -> Option<u8> {
        let length: usize = self.records.iter().map(|(_, length)| usize::from(*length) + 2).sum();
        // 256 bytes are asked for by 00.
        if length == 256 { Some(0) } else { u8::try_from(length).ok() }
    }

    /// Under which name the length of a record is remembered.
    fn key(&self, tag: u8) -> String {
        let name = if self.is_named() { &self.name } else { &self.name[2..] };
        format!("{name}/{tag:02X}")
    }

    /// Whether it is read by its name, and not as a part of a reading.
    fn is_named(&self) -> bool {
        self.sfi.is_some()
    }

    fn garbled(&self, tag: u8, what: impl ToString) -> CardError {
        let what = what.to_string();
        match &self.name {
            Cow::Borrowed(file) => CardError::Garbled { file, tag, what },
            Cow::Owned(name) => CardError::ItemGarbled { item: format!("{name}/{tag:02X}"), what },
        }
    }

    /// Whether every record is there, but the one that many cards lack.
    fn complete(&self, records: &[Record]) -> bool {
        let count = |tag: u8| records.iter().filter(|record| record.tag == tag).count();
        let has = |tag: u8| count(tag) >= self.records.iter().filter(|(other, _)| *other == tag).count();
        let lacks_well = |tag: u8| self.extension.is_some_and(|(extension, _)| extension == tag);
        self.records.iter().all(|(tag, _)| has(*tag) || lacks_well(*tag))
    }

    /// What was read, unless a reading cannot stand without what is missing. A card may lack any other record, but not
    /// all of them: that is no file but an answer that went wrong.
    fn checked(&self, records: Vec<Record>) -> Result<Vec<Record>, CardError> {
        let has = |tag: u8| records.iter().any(|record| record.tag == tag);
        if let Some(tag) = self.needed.iter().find(|tag| !has(**tag)) {
            return Err(self.garbled(*tag, "it is missing"));
        }
        // One that is read by name may be empty; one that has other records alone is another file.
        match (self.is_named() && records.is_empty()) || self.records.iter().any(|(tag, _)| has(*tag)) {
            true => Ok(records),
            false => Err(self.garbled(0, "it has none of its records")),
        }
    }
}

impl Session<'_> {
    /// All records of a file.
    pub(super) fn file(&mut self, kind: &FileKind, known: &Known<'_>) -> Result<(Vec<Record>, Learned), CardError> {
        let length = match (known.capability, known.whole) {
            (Some(_), remembered) => remembered,
            (None, _) => kind.standard_length().filter(|_| known.try_whole),
        };
        if let Some(length) = length
            && let Some((records, learned)) = self.whole_file(kind, length)?
        {
            return Ok((kind.checked(records)?, learned));
        }
        let (records, learned) = self.record_by_record(kind, known.capability)?;
        Ok((kind.checked(records)?, learned))
    }

    /// Records that are wanted, one by one.
    pub(super) fn records(&mut self, kind: &FileKind, known: &Known<'_>) -> Result<(Vec<Record>, Learned), CardError> {
        self.record_by_record(kind, known.capability)
    }

    /// The file in one command; `None` where the card does not read that way. A length that was too short was served
    /// cut, which the records themselves tell: the last one says how long the file is, else the card is asked.
    fn whole_file(&mut self, kind: &FileKind, length: u8) -> Result<Option<(Vec<Record>, Learned)>, CardError> {
        let Some(mut bytes) = self.whole(kind, length)? else {
            return Ok(None);
        };
        if may_be_cut(kind, length, &bytes) {
            let Some(again) = self.whole(kind, whole_length(kind, &bytes).unwrap_or(0))? else {
                return Ok(None);
            };
            bytes = again;
        }
        let records = tlv::records(&bytes).map_err(|error| kind.garbled(0, error))?;
        if bytes.is_empty() {
            return Err(kind.garbled(0, "there is nothing in the answer"));
        }
        // 256 bytes are asked for by 00, as is what is not known.
        let length = kind.complete(&records).then(|| u8::try_from(bytes.len()).unwrap_or(0));
        Ok(Some((records, Learned::Whole(length))))
    }

    fn whole(&mut self, kind: &FileKind, length: u8) -> Result<Option<Zeroizing<Vec<u8>>>, CardError> {
        let mut vars = Vars::new().with("length", &[length]);
        if let Some(sfi) = kind.sfi {
            vars = vars.with("number", &[1]).with("p2", &[sfi << 3 | ALL]);
        }
        // Whether there is data says it, not the status word: 6282 brings a file, too.
        self.run(&kind.script, kind.whole, &mut vars)?;
        Ok(vars.get("records").map(|records| Zeroizing::new(records.to_vec())))
    }

    /// Each record with its exact length. Lengths that are not the standard's are learned one by one, for one command
    /// more each; with the whole file asked for in vain that is above two the first time only for a card with two such
    /// records or more, and nothing short of asking would tell which they are.
    fn record_by_record(
        &mut self,
        kind: &FileKind,
        capability: Option<&Capability>,
    ) -> Result<(Vec<Record>, Learned), CardError> {
        let mut records = Vec::with_capacity(kind.records.len());
        let mut learned = Vec::new();
        let mut before = None;
        for (tag, standard) in &kind.records {
            // Another one of a tag stands behind the one before it, if that is there.
            let again = before.is_some_and(|(other, _)| other == *tag);
            if again && before == Some((*tag, false)) {
                continue;
            }
            let remembered = capability.and_then(|capability| capability.records.get(&kind.key(*tag)).copied());
            let length = remembered.unwrap_or(standard + 2);
            let found = self.record(kind, (*tag, again), length)?;
            before = Some((*tag, found.is_some()));
            let Some(record) = found else { continue };
            let whole = u8::try_from(record.value.len() + 2).unwrap_or(0);
            if whole != standard + 2 {
                learned.push((kind.key(*tag), whole));
            }
            records.push(record);
        }
        Ok((records, Learned::Records(learned)))
    }

    /// One record, the first with its tag or the next; `None` where the card lacks it.
    fn record(&mut self, kind: &FileKind, (tag, again): (u8, bool), length: u8) -> Result<Option<Record>, CardError> {
        let Some(mut bytes) = self.record_bytes(kind, (tag, again), length)? else {
            return Ok(None);
        };
        // Served cut: the record's own head says how long it is.
        if let [head, announced, value @ ..] = bytes.as_slice()
            && *head == tag
            && value.len() < usize::from(*announced)
            && let Some(longer) = announced.checked_add(2).filter(|longer| *longer > length)
        {
            // The next one is by now this one.
            let Some(longer) = self.record_bytes(kind, (tag, false), longer)?.filter(|_| !again) else {
                return Err(kind.garbled(tag, "it is longer than the others with its tag"));
            };
            bytes = longer;
        }
        let mut found = tlv::records(&bytes).map_err(|error| kind.garbled(tag, error))?.into_iter();
        match found.next() {
            Some(record) if record.tag == tag => Ok(Some(record)),
            _ => Err(kind.garbled(tag, "another record came")),
        }
    }

    fn record_bytes(
        &mut self,
        kind: &FileKind,
        (tag, again): (u8, bool),
        length: u8,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, CardError> {
        let mut vars = Vars::new().with("tag", &[tag]).with("length", &[length]);
        if let Some(sfi) = kind.sfi {
            // The file is the current one by now, and naming it anew could set its pointer back.
            let p2 = if again { NEXT } else { sfi << 3 | FIRST };
            vars = vars.with("which", &[tag]).with("p2", &[p2]);
        }
        let flow = match kind.extension {
            Some((extension, flow)) if extension == tag => flow,
            _ => kind.record,
        };
        match self.run(&kind.script, flow, &mut vars) {
            Ok(_) => Ok(vars.get("record").map(|record| Zeroizing::new(record.to_vec()))),
            Err(CardError::Status { status: StatusWord::RECORD_NOT_FOUND, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether a card that served these bytes may have more. One that has fewer than were asked for serves, or says with
/// 6Cxx, all of them: what is missing then is not on the card.
fn may_be_cut(kind: &FileKind, asked: u8, bytes: &[u8]) -> bool {
    let records = tlv::records(bytes);
    let served_short = bytes.len() < usize::from(asked) && records.as_ref().is_ok_and(|records| !records.is_empty());
    asked != 0 && !served_short && !records.is_ok_and(|records| kind.complete(&records))
}

/// The length of a file that was served cut, where the cut is in its last record.
fn whole_length(kind: &FileKind, bytes: &[u8]) -> Option<u8> {
    let (last, _) = kind.records.last()?;
    let mut at = 0;
    loop {
        let (tag, length) = (bytes.get(at)?, bytes.get(at + 1)?);
        let end = at + 2 + usize::from(*length);
        if end > bytes.len() {
            return if tag == last { u8::try_from(end).ok() } else { None };
        }
        at = end;
    }
}

/// The records of a file as the parser takes them.
pub(super) fn named<'r>(file: &'static str, records: &'r [Record]) -> parse::Records<'r> {
    parse::Records { file, records }
}
