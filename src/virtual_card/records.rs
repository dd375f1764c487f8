//! A linear file of TLV records, and every way READ RECORD finds one (card-facts §3).

use zeroize::Zeroizing;

use crate::apdu::StatusWord;

/// A file and the key that must be proven before it is read.
pub(super) struct File<'a> {
    pub(super) records: &'a [Zeroizing<Vec<u8>>],
    pub(super) key: Option<u8>,
}

/// The current file and its current record, an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pointer {
    pub(super) sfi: u8,
    pub(super) record: Option<usize>,
}

impl Pointer {
    /// A file without a current record.
    pub(super) fn at(sfi: u8) -> Self {
        Self { sfi, record: None }
    }
}

impl File<'_> {
    /// The bytes READ RECORD asks for with P1 and the low three bits of P2, and where the pointer is then.
    pub(super) fn read(
        &self,
        pointer: Pointer,
        p1: u8,
        mode: u8,
        whole: bool,
    ) -> Result<(Vec<u8>, Pointer), StatusWord> {
        if mode >= 0b101 {
            return if whole && mode != 0b111 { self.many(pointer, p1, mode) } else { Err(StatusWord::P1P2) };
        }
        let index = if mode == 0b100 { self.number(pointer, p1) } else { self.tagged(pointer, p1, mode) };
        let index = index.filter(|index| *index < self.records.len()).ok_or(StatusWord::RECORD_NOT_FOUND)?;
        Ok((self.records[index].to_vec(), Pointer { record: Some(index), ..pointer }))
    }

    /// By number, from 1; 0 is the current record.
    fn number(&self, pointer: Pointer, p1: u8) -> Option<usize> {
        if p1 == 0 { pointer.record } else { Some(usize::from(p1) - 1) }
    }

    /// By tag: the first, the last, the next or the previous one.
    fn tagged(&self, pointer: Pointer, tag: u8, mode: u8) -> Option<usize> {
        let has_tag = |index: &usize| self.records[*index].first() == Some(&tag);
        let end = self.records.len();
        match (mode, pointer.record) {
            (0b000, _) | (0b010, None) => (0..end).find(has_tag),
            (0b001, _) | (0b011, None) => (0..end).rfind(has_tag),
            (0b010, Some(current)) => (current + 1..end).find(has_tag),
            (_, Some(current)) => (0..current).rfind(has_tag),
            _ => None,
        }
    }

    /// All records from P1 (101), or from the last down to P1 (110).
    fn many(&self, pointer: Pointer, p1: u8, mode: u8) -> Result<(Vec<u8>, Pointer), StatusWord> {
        let first = self.number(pointer, p1).filter(|first| *first < self.records.len());
        let first = first.ok_or(StatusWord::RECORD_NOT_FOUND)?;
        let from_first = self.records[first..].iter();
        let bytes: Vec<u8> = match mode {
            0b101 => from_first.flat_map(|record| record.iter().copied()).collect(),
            _ => from_first.rev().flat_map(|record| record.iter().copied()).collect(),
        };
        Ok((bytes, Pointer { record: Some(first), ..pointer }))
    }
}
