//! What the card holds at a place that is written, and whose that is: what was to be written, what was there before, what
//! a write of ours left half done, or what somebody else wrote since.
//!
//! A write that was torn inside a record leaves its beginning and the old one's end, or something that is no record any
//! more: both are completed. A third value that the item may well have is somebody else's and is not written over, and so is
//! one whose length is neither's: what is torn has the length of the one or the other. What cannot be told apart: a torn write that left a blank or a shorter value that its item can have counts as somebody
//! else's, and a value of somebody else's that is byte for byte our beginning and the old one's end counts as torn.

use zeroize::Zeroizing;

use super::CardError;
use super::files::FileKind;
use super::items::record;
use super::journal::{Change, Place};
use super::open::Card;
use super::repeats::{LAST, Series};
use super::value::is_sound;
use crate::profile::{File, Structure};

/// What the card holds at a place.
pub(super) enum Held {
    /// A value that may stand there; `None` where the card has no such record.
    Sound(Option<Zeroizing<Vec<u8>>>),
    /// A value that its item cannot have.
    Unsound(Zeroizing<Vec<u8>>),
    /// No record: its tag, its length and what follows do not fit one another.
    Garbled,
    /// Another item's record.
    Other,
}

/// Whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// What was to be written.
    New,
    /// What was there before.
    Old,
    /// What a write of ours left half done.
    Torn,
    /// What somebody else wrote since.
    Foreign,
    /// A record of ours that was added and is half written: another one would not take its place.
    Spoilt,
}

impl Held {
    /// What is there, as far as it is a value; what is garbled cannot be put back once it is written over.
    pub(super) fn into_bytes(self) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::Sound(bytes) => bytes,
            Self::Unsound(bytes) => Some(bytes),
            Self::Garbled | Self::Other => None,
        }
    }
}

impl Change {
    /// Whether it changes nothing. A cyclic file that has this record and no other, as many as it holds, is the same with
    /// one more of it.
    pub(super) fn is_none(&self, file: &File) -> bool {
        match (self.place, &self.old, file.structure) {
            (Place::Added, Some(old), Structure::Cyclic(repeats)) => {
                old.len() >= usize::from(repeats.records) * self.new.len()
                    && old.chunks(self.new.len()).all(|record| record == self.new.as_slice())
            }
            (_, old, _) => old.as_ref() == Some(&self.new),
        }
    }

    /// Whether what was there can be put back: what the card did not have cannot be taken away from it.
    pub(super) fn goes_back(&self) -> bool {
        self.old.is_some() && self.place != Place::Added
    }

    /// Whose it is that the card holds at this place.
    pub(super) fn whose(&self, held: &Held) -> Whose {
        let (bytes, sound) = match held {
            Held::Garbled if self.was_garbled => return Whose::Old,
            Held::Garbled => return Whose::Torn,
            Held::Other => return Whose::Foreign,
            Held::Unsound(bytes) => (bytes, false),
            Held::Sound(Some(bytes)) => (bytes, true),
            Held::Sound(None) if self.old.is_none() => return Whose::Old,
            // Its tag is gone.
            Held::Sound(None) => return Whose::Torn,
        };
        let old = self.old.as_deref().map(Vec::as_slice);
        if self.place == Place::Added {
            return added(bytes, old.unwrap_or_default(), &self.new, sound);
        }
        if *bytes == self.new {
            Whose::New
        } else if Some(bytes.as_slice()) == old {
            Whose::Old
        } else if !sound || is_torn(bytes, old, &self.new) {
            Whose::Torn
        } else {
            Whose::Foreign
        }
    }
}

/// Whether it is the beginning of the new value and then what was there before, or memory that was never written. A value
/// of another length is whole: nothing of ours is written behind the new one's length.
fn is_torn(held: &[u8], old: Option<&[u8]>, new: &[u8]) -> bool {
    let old = old.unwrap_or_default();
    if held.len() != new.len() {
        return false;
    }
    let begun = held.iter().zip(new).take_while(|(held, new)| held == new).count();
    held.iter().enumerate().skip(begun).all(|(at, byte)| match old.get(at) {
        Some(old) => byte == old,
        None => matches!(byte, 0x00 | 0xFF),
    })
}

/// Whose the records of a cyclic file are, one behind the other, that had `old` before `new` was added to it.
fn added(held: &[u8], old: &[u8], new: &[u8], sound: bool) -> Whose {
    let length = new.len();
    if held == old {
        return Whose::Old;
    }
    // What was added is the first, or others were added since; behind it is as much of what was there as there is room for.
    let follows = |behind: &[u8], more: usize| old.starts_with(behind) && behind.len() + more * length >= old.len();
    let mut records = held.chunks(length).zip(1..);
    if records.any(|(record, nth)| record == new && follows(&held[nth * length..], nth)) {
        return Whose::New;
    }
    // The oldest one's place was begun to be written, and is not the first one yet.
    let before = held.len().saturating_sub(length);
    if held.len() == old.len() && held[..before] == old[..before] {
        return Whose::Torn;
    }
    let oldest = old.len().checked_sub(length).map(|at| &old[at..]);
    match held.split_at_checked(length) {
        Some((first, behind)) if follows(behind, 1) && (!sound || is_torn(first, oldest, new)) => Whose::Spoilt,
        _ => Whose::Foreign,
    }
}

impl Card<'_> {
    /// The place of one of several items with a tag; of one more than the card has, behind its last record.
    pub(super) fn locate(&mut self, file: &File, tag: u8, nth: u8) -> Result<Place, CardError> {
        let sfi = self.reach(&file.name)?;
        let mut before = 1;
        for number in 1..LAST {
            let record = self.session.numbered(sfi, number)?;
            let is_it = record.as_ref().is_none_or(|record| record.first() == Some(&tag));
            match (is_it, record.is_some()) {
                (true, _) if before == nth => return Ok(Place::Several { tag, nth, number }),
                (true, true) => before += 1,
                (true, false) => break,
                (false, _) => {}
            }
        }
        Err(CardError::NoFile(format!("{}/{tag:02X}:{nth}", file.name)))
    }

    /// What the card holds at a place: a record's value, or so many bytes.
    pub(super) fn held(&mut self, file: &File, place: Place, length: usize) -> Result<Held, CardError> {
        let sfi = self.reach(&file.name)?;
        match place {
            Place::Record(tag) => {
                let generation = self.generation();
                let kind = FileKind::of(file, sfi, generation, Some(&[tag]));
                let known = self.memory.named(&file.name, &self.learned_ef05);
                match self.session.records(&kind, &known) {
                    Ok((records, _)) => Ok(match records.into_iter().next() {
                        Some(record) if !is_sound(file.item(tag), generation, &record.value) => {
                            Held::Unsound(record.value)
                        }
                        record => Held::Sound(record.map(|record| record.value)),
                    }),
                    Err(CardError::ItemGarbled { .. }) => Ok(Held::Garbled),
                    Err(error) => Err(error),
                }
            }
            Place::Several { tag, number, .. } => {
                let Some(record) = self.session.numbered(sfi, number)? else { return Ok(Held::Sound(None)) };
                Ok(several(file, tag, self.generation(), &record))
            }
            Place::Numbered(number) => {
                let Some(series) = Series::of(&file.name, sfi, file.structure) else {
                    return Err(CardError::UnknownItem(place.name(&file.name)));
                };
                let found = self.session.one(&series, number)?;
                Ok(match found {
                    Some(bytes) if record(file, &bytes).is_err() => Held::Unsound(bytes),
                    found => Held::Sound(found),
                })
            }
            Place::Added => {
                let Some(series) = Series::of(&file.name, sfi, file.structure) else {
                    return Err(CardError::UnknownItem(place.name(&file.name)));
                };
                let known = self.memory.named(&file.name, &self.learned_ef05);
                let (records, _) = self.session.series(&series, &known)?;
                let sound = records.iter().all(|bytes| record(file, bytes).is_ok());
                let mut all = Zeroizing::new(Vec::with_capacity(records.iter().map(|record| record.len()).sum()));
                records.iter().for_each(|record| all.extend_from_slice(record));
                Ok(if sound { Held::Sound(Some(all)) } else { Held::Unsound(all) })
            }
            Place::Bytes(offset) => {
                let bytes = self.session.binary_at(&file.name, sfi, offset, length)?;
                Ok(Held::Sound(Some(bytes)))
            }
        }
    }
}

/// A record that was read by its number, as one of the items with a tag.
fn several(file: &File, tag: u8, generation: u8, record: &[u8]) -> Held {
    match record {
        [found, length, value @ ..] if *found == tag && value.len() == usize::from(*length) => {
            let value = Zeroizing::new(value.to_vec());
            match is_sound(file.item(tag), generation, &value) {
                true => Held::Sound(Some(value)),
                false => Held::Unsound(value),
            }
        }
        [found, ..] if *found != tag && file.item(*found).is_some() => Held::Other,
        _ => Held::Garbled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(old: Option<&str>, new: &str, held: Held) -> Whose {
        let bytes = |text: &str| Zeroizing::new(hex::decode(text).unwrap());
        let place = Place::Record(0x84);
        Change { place, old: old.map(bytes), new: bytes(new), was_garbled: false }.whose(&held)
    }

    fn sound(text: &str) -> Held {
        Held::Sound(Some(Zeroizing::new(hex::decode(text).unwrap())))
    }

    #[test]
    fn what_is_neither_is_ours_where_it_is_half_of_each_or_no_value() {
        let of = |held: Held| whose(Some("20200101"), "20231231", held);
        assert_eq!((of(sound("20231231")), of(sound("20200101"))), (Whose::New, Whose::Old));
        assert_eq!(of(sound("20230101")), Whose::Torn, "new, then old");
        assert_eq!(of(sound("20231201")), Whose::Torn);
        assert_eq!(of(sound("2023")), Whose::Foreign, "a length that we did not write");
        assert_eq!((of(Held::Garbled), of(Held::Sound(None))), (Whose::Torn, Whose::Torn));
        assert_eq!(of(Held::Unsound(Zeroizing::new(vec![0x20, 0x2A, 0x01, 0x01]))), Whose::Torn);
        for other in ["20240101", "20201231", "20231230", "FFFFFFFF", "2023FFFF"] {
            assert_eq!(of(sound(other)), Whose::Foreign, "{other}");
        }
    }

    #[test]
    fn what_was_not_there_is_ours_as_far_as_it_was_begun() {
        let of = |held: Held| whose(None, "20231231", held);
        assert_eq!((of(Held::Sound(None)), of(sound("20231231"))), (Whose::Old, Whose::New));
        assert_eq!((of(sound("2023FFFF")), of(sound("FFFFFFFF"))), (Whose::Torn, Whose::Torn));
        assert_eq!(of(sound("20240101")), Whose::Foreign);
    }

    #[test]
    fn an_old_value_of_another_length_ends_in_memory_that_was_not_written() {
        let of = |held: &str| whose(Some("202001"), "20231231", sound(held));
        assert_eq!((of("202001"), of("20231231")), (Whose::Old, Whose::New));
        assert_eq!((of("202301"), of("20230102"), of("20240101")), (Whose::Foreign, Whose::Foreign, Whose::Foreign));
        assert_eq!((of("2023"), of("202301FF"), of("202001FF")), (Whose::Foreign, Whose::Torn, Whose::Torn));
    }

    #[test]
    fn a_record_that_is_added_is_told_by_all_that_was_there() {
        let of = |old: &str, held: &str| {
            let bytes = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
            let change = Change { place: Place::Added, old: Some(bytes(old)), new: bytes("n"), was_garbled: false };
            change.whose(&Held::Sound(Some(bytes(held))))
        };
        // As it was, added with room and without, and with others on top of it.
        for (old, held, whose) in [
            ("abc", "abc", Whose::Old),
            ("", "", Whose::Old),
            ("nnn", "nnn", Whose::Old),
            ("", "n", Whose::New),
            ("abc", "nabc", Whose::New),
            ("abc", "nab", Whose::New),
            ("naa", "nna", Whose::New),
            ("abc", "xnab", Whose::New),
            ("abc", "xna", Whose::New),
            ("abc", "abx", Whose::Torn),
            ("abc", "xabc", Whose::Foreign),
            ("abc", "xab", Whose::Foreign),
            ("abc", "nbc", Whose::Foreign),
            ("abc", "n", Whose::Foreign),
        ] {
            assert_eq!(of(old, held), whose, "{old} {held}");
        }
        let half = |first: &str, sound: bool| {
            let bytes = Zeroizing::new([first.as_bytes(), b"aabb"].concat());
            let (old, new) = (Zeroizing::new(b"aabbcc".to_vec()), Zeroizing::new(b"nm".to_vec()));
            let held = if sound { Held::Sound(Some(bytes)) } else { Held::Unsound(bytes) };
            Change { place: Place::Added, old: Some(old), new, was_garbled: false }.whose(&held)
        };
        assert_eq!(
            (half("nc", true), half("xx", false), half("xx", true)),
            (Whose::Spoilt, Whose::Spoilt, Whose::Foreign)
        );
    }
}
