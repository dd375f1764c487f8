//! Where a session with a social security card carries what names a person.
//!
//! What may stay is listed, everything else that was read from the card or written to it is replaced: a record is
//! personal until its tag and length say that it is not.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use zeroize::Zeroizing;

use super::exchange::Exchange;
use super::place::{Directory, Place};
use super::rules::Rule;
use crate::profile::{FileName, Profile};

/// Tags of EF05 and EF06 (card-facts §1.3, §1.4) whose values name a person or one card.
pub(super) mod tag {
    /// 卡的识别码.
    pub const IDENTIFIER: u8 = 0x01;
    /// 卡号.
    pub const CARD_NUMBER: u8 = 0x07;
    /// 社会保障号码.
    pub const SOCIAL_SECURITY_NUMBER: u8 = 0x08;
    /// 姓名.
    pub const NAME: u8 = 0x09;
    /// 姓名扩展.
    pub const NAME_MORE: u8 = 0x4E;
    /// 性别.
    pub const SEX: u8 = 0x0A;
    /// 民族.
    pub const ETHNICITY: u8 = 0x0B;
    /// 出生地.
    pub const BIRTH_PLACE: u8 = 0x0C;
    /// 出生日期.
    pub const BIRTH_DATE: u8 = 0x0D;
}

/// Tags and lengths that name nobody: category, version, issuer, dates of issue and expiry (card-facts §1.3).
const OPEN: [(u8, usize); 5] = [(0x02, 1), (0x03, 4), (0x04, 12), (0x05, 4), (0x06, 4)];
/// The standard's files. Of a file that a deployment adds the tags and lengths stay as well, and no value does.
static FILES: LazyLock<Profile> = LazyLock::new(Profile::builtin);

/// Whether the records of a file have no tags, but fields that follow one another.
fn is_without_tags(place: Place) -> bool {
    let Directory::Area(area) = place.directory else { return false };
    let file = FILES.file(&FileName::new(format!("DF{area:02X}"), place.file));
    file.is_some_and(|file| file.items.iter().any(|item| item.tag.is_none()))
}

/// Whether a tag's value is items again, each with a tag and a length of one byte (card-facts §1.6, B-TLV).
fn has_items(tag: u8) -> bool {
    FILES.files().iter().filter_map(|file| file.item(tag)).any(|item| !item.parts.is_empty())
}

/// A part of a file's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// What is known of it.
    pub(super) kind: Kind,
    /// Where its bytes are.
    pub(super) at: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Tag and length, filler, and what names nobody.
    Open,
    /// The value of a tag that names a person or a card.
    Personal(u8),
    /// Whatever it is, it does not stay.
    Unknown,
}

/// The parts of records at a place. A record that is cut off is read as far as it goes.
pub(super) fn fields(place: Place, data: &[u8]) -> Vec<Field> {
    if is_without_tags(place) || !matches!(place.directory, Directory::Environment | Directory::Area(_)) {
        return vec![Field { kind: Kind::Unknown, at: 0..data.len() }];
    }
    let mut found = Vec::new();
    let (records, at) = tagged(data, 0..data.len());
    for (tag, value) in records {
        found.push(Field { kind: Kind::Open, at: value.start - 2..value.start });
        if place.directory == Directory::Environment {
            found.push(Field { kind: kind(tag, data[value.start - 1]), at: value });
        } else if has_items(tag) {
            items(data, value, &mut found);
        } else {
            found.push(Field { kind: Kind::Unknown, at: value });
        }
    }
    let filler = data[at..].iter().all(|byte| matches!(byte, 0x00 | 0xFF));
    found.push(Field { kind: if filler { Kind::Open } else { Kind::Unknown }, at: at..data.len() });
    found
}

/// The tags in a part of `data` with where their values are, behind a length of one byte; and where no tag stands any more.
fn tagged(data: &[u8], within: Range<usize>) -> (Vec<(u8, Range<usize>)>, usize) {
    let mut found = Vec::new();
    let mut at = within.start;
    while let [tag, length, ..] = data[at..within.end] {
        if matches!(tag, 0x00 | 0xFF) {
            break;
        }
        let end = (at + 2 + usize::from(length)).min(within.end);
        found.push((tag, at + 2..end));
        at = end;
    }
    (found, at)
}

/// The items within a value; what is none of them does not stay.
fn items(data: &[u8], within: Range<usize>, found: &mut Vec<Field>) {
    let end = within.end;
    let (items, at) = tagged(data, within);
    for (_, value) in items {
        found.push(Field { kind: Kind::Open, at: value.start - 2..value.start });
        found.push(Field { kind: Kind::Unknown, at: value });
    }
    found.push(Field { kind: Kind::Unknown, at: at..end });
}

fn kind(tag: u8, length: u8) -> Kind {
    match tag {
        tag::IDENTIFIER
        | tag::CARD_NUMBER
        | tag::SOCIAL_SECURITY_NUMBER
        | tag::NAME
        | tag::NAME_MORE
        | tag::SEX
        | tag::ETHNICITY
        | tag::BIRTH_PLACE
        | tag::BIRTH_DATE => Kind::Personal(tag),
        _ if OPEN.contains(&(tag, length.into())) => Kind::Open,
        _ => Kind::Unknown,
    }
}

/// The personal values of a session, each as long as it was ever read or written.
pub(super) fn values(exchanges: &[Exchange]) -> BTreeMap<u8, Zeroizing<Vec<u8>>> {
    let mut found: BTreeMap<u8, Zeroizing<Vec<u8>>> = BTreeMap::new();
    for exchange in exchanges {
        let records = match exchange.rule {
            Rule::Records => exchange.data.as_slice(),
            Rule::WriteRecord => exchange.body(),
            _ => continue,
        };
        for Field { kind, at } in fields(exchange.place, records) {
            let Kind::Personal(tag) = kind else { continue };
            let value = &records[at];
            let longest = found.entry(tag).or_default();
            if value.len() > longest.len() {
                *longest = Zeroizing::new(value.to_vec());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(directory: Directory, file: u8, data: &[u8]) -> Vec<(Kind, Range<usize>)> {
        let place = Place { directory, file };
        fields(place, data).into_iter().map(|field| (field.kind, field.at)).collect()
    }

    #[test]
    fn a_record_is_personal_until_its_tag_and_length_say_otherwise() {
        use Kind::{Open, Personal, Unknown};
        let kinds_at = |file, data: &[u8]| kinds(Directory::Environment, file, data);
        let whole = [0x02, 1, b'3', 0x0A, 1, b'1', 0x77, 1, 9, 0xFF, 0xFF];
        let found = [
            (Open, 0..2),
            (Open, 2..3),
            (Open, 3..5),
            (Personal(tag::SEX), 5..6),
            (Open, 6..8),
            (Unknown, 8..9),
            (Open, 9..11),
        ];
        assert_eq!(kinds_at(5, &whole), found);
        // Another length of an open tag, bytes behind the filler, a record that is cut off.
        assert_eq!(kinds_at(5, &[0x02, 2, 1, 2])[1], (Unknown, 2..4));
        assert_eq!(kinds_at(5, &[0x00, 0x01]), [(Unknown, 0..2)]);
        assert_eq!(kinds_at(6, &[0x08, 18, b'4', b'4'])[1], (Personal(tag::SOCIAL_SECURITY_NUMBER), 2..4));
    }

    #[test]
    fn in_other_directories_tags_and_lengths_stay_and_no_value_does() {
        use Kind::{Open, Unknown};
        // Tag 02 is the card's category in the environment alone.
        assert_eq!(kinds(Directory::Area(4), 5, &[0x02, 1, b'3']), [(Open, 0..2), (Unknown, 2..3), (Open, 3..3)]);
        let nested = [0x40, 6, 0x57, 1, b'1', 0x58, 1, 0x44];
        let found =
            [(Open, 0..2), (Open, 2..4), (Unknown, 4..5), (Open, 5..7), (Unknown, 7..8), (Unknown, 8..8), (Open, 8..8)];
        assert_eq!(kinds(Directory::Area(1), 0x15, &nested), found);
        // Without tags, or of another card: nothing is known.
        for directory in [Directory::Area(2), Directory::Bank, Directory::Other] {
            assert_eq!(kinds(directory, 7, &[0x02, 1, b'3']), [(Unknown, 0..3)]);
        }
    }
}
