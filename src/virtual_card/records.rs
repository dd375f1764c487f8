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
/// adds a record to a linear file, P2 = 011 one to a cyclic file (card-facts §3). The power lasts for so many bytes.
pub(super) fn update(
    content: &mut Content,
    pointer: Pointer,
    (p1, p2): (u8, u8),
    data: &[u8],
    power: usize,
) -> Result<Pointer, StatusWord> {
    let mode = Mode::of(p2)?;
    let index = match content {
        Content::Linear { records, capacity } => {
            let index = place_linear(records, *capacity, pointer, p1, mode, data)?;
            match records.get_mut(index) {
                Some(place) => put(place, data, power),
                None => {
                    let mut added = Bytes::new(vec![0xFF; data.len()]);
                    put(&mut added, data, power);
                    records.push(added);
                }
            }
            index
        }
        Content::Fixed { records } => {
            let index = place_fixed(records, pointer, p1, mode, data)?;
            put(&mut records[index], data, power);
            index
        }
        Content::Cyclic { records, most, length } => {
            is_added(*length, p1, mode, data)?;
            append_cyclic(records, *most, data, power);
            0
        }
        Content::Transparent(_) => return Err(StatusWord::FILE_STRUCTURE),
    };
    Ok(Pointer { record: Some(index), ..pointer })
}

/// Writes into a record from its first byte on, as long as there is power: what stood there stays behind that, and what it
/// is longer than before is FF.
fn put(place: &mut Bytes, data: &[u8], power: usize) {
    if power >= data.len() {
        *place = Bytes::new(data.to_vec());
    } else if power > 0 {
        let mut record = Bytes::new(place.to_vec());
        record.resize(place.len().max(data.len()), 0xFF);
        record[..power].copy_from_slice(&data[..power]);
        *place = record;
    }
}

fn place_linear(
    records: &[Bytes],
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
    Ok(index)
}

fn place_fixed(records: &[Bytes], pointer: Pointer, p1: u8, mode: Mode, data: &[u8]) -> Result<usize, StatusWord> {
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
    Ok(index)
}

fn is_added(length: usize, p1: u8, mode: Mode, data: &[u8]) -> Result<(), StatusWord> {
    if (mode, p1) != (Mode::Previous, 0) {
        return Err(StatusWord::P1P2);
    }
    if data.len() == length { Ok(()) } else { Err(StatusWord::LENGTH) }
}

/// The oldest record's place is written, and then becomes the first: without power in between it stays the last one.
fn append_cyclic(records: &mut Vec<Bytes>, most: usize, data: &[u8], power: usize) {
    let full = records.len() >= most;
    match records.last_mut().filter(|_| full) {
        Some(oldest) => put(oldest, data, power),
        None => records.push(Bytes::new(data.to_vec())),
    }
    match power < data.len() {
        // What is not counted yet is not seen either.
        true if !full => drop(records.pop()),
        true => {}
        false => records.rotate_right(1),
    }
}

/// The tag of a record whose length byte agrees with its length, which UPDATE RECORD demands (6A85).
fn whole_record(data: &[u8]) -> Result<u8, StatusWord> {
    match data {
        [tag, length, value @ ..] if usize::from(*length) == value.len() => Ok(*tag),
        _ => Err(StatusWord::TLV_LENGTH),
    }
}
