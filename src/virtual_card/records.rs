//! Files of records, and every way READ RECORD and UPDATE RECORD find one (card-facts §3).

use super::memory::{Bytes, Content};
use crate::apdu::StatusWord;

/// The current file, by its place in the image, and its current record, an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pointer {
    pub(super) file: usize,
    pub(super) record: Option<usize>,
}

impl Pointer {
    /// A file without a current record.
    pub(super) fn at(file: usize) -> Self {
        Self { file, record: None }
    }
}

/// The low three bits of P2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    First,
    Last,
    Next,
    Previous,
    Number,
    AllFrom,
    LastDownTo,
}

impl Mode {
    fn of(p2: u8) -> Result<Self, StatusWord> {
        Ok(match p2 & 0b111 {
            0b000 => Self::First,
            0b001 => Self::Last,
            0b010 => Self::Next,
            0b011 => Self::Previous,
            0b100 => Self::Number,
            0b101 => Self::AllFrom,
            0b110 => Self::LastDownTo,
            _ => return Err(StatusWord::P1P2),
        })
    }
}

/// What T=0 and this card answer at most.
const LONGEST: usize = 256;

/// The bytes READ RECORD asks for with P1 and P2, and where the pointer is then. `whole`: the card knows the modes that
/// give several records at once.
pub(super) fn read(
    content: &Content,
    pointer: Pointer,
    p1: u8,
    p2: u8,
    whole: bool,
) -> Result<(Vec<u8>, Pointer), StatusWord> {
    let (records, tagged) = match content {
        Content::Linear { records, .. } | Content::Fixed { records } => (records, true),
        Content::Cyclic { records, .. } => (records, false),
        Content::Transparent(_) => return Err(StatusWord::FILE_STRUCTURE),
    };
    let index = match Mode::of(p2)? {
        mode @ (Mode::AllFrom | Mode::LastDownTo) if whole => return many(records, pointer, p1, mode),
        Mode::AllFrom | Mode::LastDownTo => return Err(StatusWord::P1P2),
        Mode::Number => numbered(pointer, p1),
        mode if tagged => by_tag(records, pointer, p1, mode),
        _ => return Err(StatusWord::P1P2),
    };
    let index = index.filter(|index| *index < records.len()).ok_or(StatusWord::RECORD_NOT_FOUND)?;
    Ok((records[index].to_vec(), Pointer { record: Some(index), ..pointer }))
}

/// By number, from 1; 0 is the current record.
fn numbered(pointer: Pointer, p1: u8) -> Option<usize> {
    if p1 == 0 { pointer.record } else { Some(usize::from(p1) - 1) }
}

/// By tag: the first, the last, the next or the previous one.
fn by_tag(records: &[Bytes], pointer: Pointer, tag: u8, mode: Mode) -> Option<usize> {
    let has_tag = |index: &usize| records[*index].first() == Some(&tag);
    let end = records.len();
    match (mode, pointer.record.map(|current| current.min(end))) {
        (Mode::First, _) | (Mode::Next, None) => (0..end).find(has_tag),
        (Mode::Last, _) | (Mode::Previous, None) => (0..end).rfind(has_tag),
        (Mode::Next, Some(current)) => (current + 1..end).find(has_tag),
        (Mode::Previous, Some(current)) => (0..current).rfind(has_tag),
        _ => None,
    }
}

/// All records from P1, or from the last down to P1. More than an answer holds has no length that 6Cxx could tell.
fn many(records: &[Bytes], pointer: Pointer, p1: u8, mode: Mode) -> Result<(Vec<u8>, Pointer), StatusWord> {
    let first = numbered(pointer, p1).filter(|first| *first < records.len());
    let first = first.ok_or(StatusWord::RECORD_NOT_FOUND)?;
    let from_first = records[first..].iter();
    let bytes: Vec<u8> = match mode {
        Mode::AllFrom => from_first.flat_map(|record| record.iter().copied()).collect(),
        _ => from_first.rev().flat_map(|record| record.iter().copied()).collect(),
    };
    if bytes.len() > LONGEST {
        return Err(StatusWord::LENGTH);
    }
    Ok((bytes, Pointer { record: Some(first), ..pointer }))
}

/// Writes the record that UPDATE RECORD names with P1 and P2, and tells where it stands then. A new number or a new tag
/// adds a record to a linear file, P2 = 011 one to a cyclic file (card-facts §3).
pub(super) fn update(
    content: &mut Content,
    pointer: Pointer,
    p1: u8,
    p2: u8,
    data: &[u8],
) -> Result<Pointer, StatusWord> {
    let mode = Mode::of(p2)?;
    let index = match content {
        Content::Linear { records, capacity } => update_linear(records, *capacity, pointer, p1, mode, data)?,
        Content::Fixed { records } => update_fixed(records, pointer, p1, mode, data)?,
        Content::Cyclic { records, most, length } => append_cyclic(records, *most, *length, p1, mode, data)?,
        Content::Transparent(_) => return Err(StatusWord::FILE_STRUCTURE),
    };
    Ok(Pointer { record: Some(index), ..pointer })
}

fn update_linear(
    records: &mut Vec<Bytes>,
    capacity: usize,
    pointer: Pointer,
    p1: u8,
    mode: Mode,
    data: &[u8],
) -> Result<usize, StatusWord> {
    let tag = whole_record(data)?;
    let index = match mode {
        Mode::Number => numbered(pointer, p1).filter(|index| *index <= records.len()),
        Mode::First if tag == p1 => Some(by_tag(records, pointer, p1, mode).unwrap_or(records.len())),
        Mode::Last | Mode::Next | Mode::Previous if tag == p1 => by_tag(records, pointer, p1, mode),
        Mode::First | Mode::Last | Mode::Next | Mode::Previous => return Err(StatusWord::DATA),
        Mode::AllFrom | Mode::LastDownTo => return Err(StatusWord::P1P2),
    };
    let index = index.ok_or(StatusWord::RECORD_NOT_FOUND)?;
    let others = records.iter().enumerate().filter(|(at, _)| *at != index);
    let taken: usize = others.map(|(_, record)| record.len()).sum();
    if taken + data.len() > capacity {
        return Err(StatusWord::NO_SPACE);
    }
    let record = Bytes::new(data.to_vec());
    match records.get_mut(index) {
        Some(place) => *place = record,
        None => records.push(record),
    }
    Ok(index)
}

fn update_fixed(records: &mut [Bytes], pointer: Pointer, p1: u8, mode: Mode, data: &[u8]) -> Result<usize, StatusWord> {
    let tag = whole_record(data)?;
    let index = match mode {
        Mode::Number => numbered(pointer, p1),
        Mode::AllFrom | Mode::LastDownTo => return Err(StatusWord::P1P2),
        _ if tag != p1 => return Err(StatusWord::DATA),
        mode => by_tag(records, pointer, p1, mode),
    };
    let index = index.filter(|index| *index < records.len()).ok_or(StatusWord::RECORD_NOT_FOUND)?;
    if records[index].len() != data.len() {
        return Err(StatusWord::LENGTH);
    }
    records[index] = Bytes::new(data.to_vec());
    Ok(index)
}

fn append_cyclic(
    records: &mut Vec<Bytes>,
    most: usize,
    length: usize,
    p1: u8,
    mode: Mode,
    data: &[u8],
) -> Result<usize, StatusWord> {
    if (mode, p1) != (Mode::Previous, 0) {
        return Err(StatusWord::P1P2);
    }
    if data.len() != length {
        return Err(StatusWord::LENGTH);
    }
    records.insert(0, Bytes::new(data.to_vec()));
    records.truncate(most);
    Ok(0)
}

/// The tag of a record whose length byte agrees with its length, which UPDATE RECORD demands (6A85).
fn whole_record(data: &[u8]) -> Result<u8, StatusWord> {
    match data {
        [tag, length, value @ ..] if usize::from(*length) == value.len() => Ok(*tag),
        _ => Err(StatusWord::TLV_LENGTH),
    }
}
