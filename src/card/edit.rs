//! What is to be written, from names and texts to bytes: checked before anything is sent to the card. Where only a part of
//! a value, or an item of a record, is named, the rest stays as the card has it.

use zeroize::Zeroizing;

use super::CardError;
use super::journal::Place;
use super::value::{ValueError, blank, encode, is_blank, offset_of, reordered};
use super::write::Update;
use crate::profile::{Address, File, Item, ItemAddress, ItemKey, Row, Structure, Writing};

/// The most that one command writes: as it stands, with a MAC of four bytes behind it, and enciphered, where a length goes
/// before it and up to a block behind.
const PLAIN: usize = 255;
/// With its header and the padding, as much as a PSAM makes a MAC over in one command (`mac-16` of the script `psam`).
const WITH_MAC: usize = 216;
/// The same, once it is lengthened to whole blocks.
const ENCIPHERED: usize = 207;

/// One place that is to be written.
pub(super) struct Wish<'p> {
    pub(super) at: At,
    /// How it is named to a person.
    pub(super) name: String,
    /// What stands there where the card has nothing: a value, or a record.
    blank: Zeroizing<Vec<u8>>,
    edits: Vec<Edit<'p>>,
}

/// Where that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// At this place.
    Place(Place),
    /// At one of several items with a tag: in which record that is, the card says.
    Several {
        /// The tag.
        tag: u8,
        /// Which of them, from 1.
        nth: u8,
    },
}

/// Bytes that go into an item, or into a part of one.
struct Edit<'p> {
    /// Where the item begins.
    offset: usize,
    item: &'p Item,
    part: Option<u8>,
    bytes: Zeroizing<Vec<u8>>,
}

/// What one address of an update and its text come to.
type Asked<'u> = (ItemAddress, &'u str);

/// The places of a file that are written, and what goes there.
pub(super) fn wishes<'p>(file: &'p File, generation: u8, update: &Update<'_>) -> Result<Vec<Wish<'p>>, CardError> {
    let most = match file.writing {
        Writing::Plain => PLAIN,
        Writing::Mac => WITH_MAC,
        Writing::Enciphered => ENCIPHERED,
    };
    let (row, asked): (Option<Row>, Vec<Asked<'_>>) = match update {
        Update::Bytes(bytes) => return pieces(file, bytes, most),
        Update::Items(row, values) => (*row, values.iter().map(|(at, text)| (*at, text.as_str())).collect()),
    };
    let unknown = CardError::UnknownItem(Address { file: file.name.clone(), row, item: None }.to_string());
    let (wishes, head) = match (file.structure, row) {
        (Structure::Linear, None) => (linear(file, generation, &asked)?, 2),
        (Structure::Fixed(repeats), Some(Row::Number(number))) if number <= repeats.records => {
            (vec![record(file, Row::Number(number), generation, &asked)?], 0)
        }
        // Nobody writes over what a cyclic file has.
        (Structure::Cyclic(_), Some(Row::New)) => (vec![record(file, Row::New, generation, &asked)?], 0),
        _ => return Err(unknown),
    };
    let long = |wish: &&Wish<'_>| wish.blank.len() + head > most;
    match wishes.iter().find(long) {
        None if !asked.is_empty() => Ok(wishes),
        None => Err(unknown),
        // A command's data is less than 256 bytes.
        Some(wish) => Err(CardError::NewValue { item: wish.name.clone(), why: ValueError::Long(most as u8) }),
    }
}

/// A transparent file from its beginning, as much at once as one command takes.
fn pieces<'p>(file: &'p File, bytes: &[u8], most: usize) -> Result<Vec<Wish<'p>>, CardError> {
    let name = file.name.to_string();
    match file.structure {
        Structure::Transparent { size } if bytes.len() <= usize::from(size) => {}
        _ => return Err(CardError::UnknownItem(name)),
    }
    let pieces = bytes.chunks(most).scan(0_u16, |offset, piece| {
        let at = *offset;
        // All of them together are no longer than the file.
        *offset += piece.len() as u16;
        let blank = Zeroizing::new(piece.to_vec());
        Some(Wish { at: At::Place(Place::Bytes(at)), name: name.clone(), blank, edits: Vec::new() })
    });
    Ok(pieces.collect())
}

/// Items of a linear file, each a record of its own.
fn linear<'p>(file: &'p File, generation: u8, asked: &[Asked<'_>]) -> Result<Vec<Wish<'p>>, CardError> {
    let mut wishes: Vec<Wish<'p>> = Vec::new();
    for (address, text) in asked {
        let name = Address { file: file.name.clone(), row: None, item: Some(*address) }.to_string();
        let unknown = || CardError::UnknownItem(name.clone());
        let item = file.items_of(generation).find(|item| item.tag.is_some() && item.tag == address.key.tag());
        let item = item.ok_or_else(unknown)?;
        let tag = item.tag.ok_or_else(unknown)?;
        let at = match (item.count, address.number) {
            (1, None | Some(1)) => At::Place(Place::Record(tag)),
            (2.., Some(nth)) if nth <= item.count => At::Several { tag, nth },
            // Which of several is meant, it must say.
            _ => return Err(unknown()),
        };
        let edit = edit(item, 0, address.part, text, generation, &name)?;
        match wishes.iter_mut().find(|wish| wish.at == at) {
            Some(wish) => wish.add(edit, &name)?,
            None => wishes.push(Wish { at, name, blank: blank(item), edits: vec![edit] }),
        }
    }
    Ok(wishes)
}

/// A record of a file whose records have one length, and the items of it that are named.
fn record<'p>(file: &'p File, row: Row, generation: u8, asked: &[Asked<'_>]) -> Result<Wish<'p>, CardError> {
    let at = match row {
        Row::Number(number) => Place::Numbered(number),
        Row::New => Place::Added,
    };
    let name = Address { file: file.name.clone(), row: Some(row), item: None }.to_string();
    let mut wish = Wish { at: At::Place(at), name, blank: Zeroizing::new(Vec::new()), edits: Vec::new() };
    let mut items = Vec::with_capacity(file.items.len());
    for item in &file.items {
        wish.blank.extend(item.tag.into_iter().flat_map(|tag| [tag, item.length]));
        items.push((wish.blank.len(), item));
        wish.blank.extend_from_slice(&blank(item));
    }
    for (address, text) in asked {
        let name = Address { file: file.name.clone(), row: Some(row), item: Some(*address) }.to_string();
        let found = match address.key {
            ItemKey::Tag(tag) => items.iter().find(|(_, item)| item.tag == Some(tag)),
            ItemKey::Place(place) => {
                items.get(usize::from(place).wrapping_sub(1)).filter(|(_, item)| item.tag.is_none())
            }
        };
        let found = found.filter(|_| matches!(address.number, None | Some(1)));
        let (offset, item) = found.ok_or_else(|| CardError::UnknownItem(name.clone()))?;
        let edit = edit(item, *offset, address.part, text, generation, &name)?;
        wish.add(edit, &name)?;
    }
    Ok(wish)
}

fn edit<'p>(
    item: &'p Item,
    offset: usize,
    part: Option<u8>,
    text: &str,
    generation: u8,
    name: &str,
) -> Result<Edit<'p>, CardError> {
    let written = match part {
        None => item,
        Some(tag) => {
            let part = item.parts.iter().find(|part| part.tag == Some(tag));
            part.ok_or_else(|| CardError::UnknownItem(name.to_owned()))?
        }
    };
    let bytes = encode(written, generation, text).map_err(|why| CardError::NewValue { item: name.to_owned(), why })?;
    Ok(Edit { offset, item, part, bytes })
}

impl<'p> Wish<'p> {
    fn add(&mut self, edit: Edit<'p>, name: &str) -> Result<(), CardError> {
        let both = |other: &Edit<'_>| {
            other.offset == edit.offset && (other.part == edit.part || other.part.is_none() || edit.part.is_none())
        };
        if self.edits.iter().any(both) {
            return Err(CardError::NewValue { item: name.to_owned(), why: ValueError::Twice });
        }
        self.edits.push(edit);
        Ok(())
    }

    /// How many bytes stand there.
    pub(super) fn length(&self) -> usize {
        self.blank.len()
    }

    /// The item of a linear file that it writes.
    pub(super) fn item(&self) -> Option<&'p Item> {
        self.edits.first().map(|edit| edit.item)
    }

    /// What is to stand there, where the card has `old`. Of a record that is added nothing is there, and of bytes without
    /// items nothing stays.
    pub(super) fn value(&self, old: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, CardError> {
        let wrong = |why| CardError::NewValue { item: self.name.clone(), why };
        let stays = |old: &&[u8]| !is_blank(old) && !self.edits.is_empty() && self.at != At::Place(Place::Added);
        let old = old.filter(stays);
        let mut new = match old {
            Some(old) if old.len() == self.blank.len() => Zeroizing::new(old.to_vec()),
            _ => self.blank.clone(),
        };
        for edit in &self.edits {
            let place = match edit.part {
                None => edit.offset..edit.offset + edit.bytes.len(),
                Some(part) => {
                    let end = edit.offset + usize::from(edit.item.length);
                    // A value of another length stands alone.
                    let held = match old {
                        Some(old) if old.len() != self.blank.len() && edit.offset == 0 => old,
                        _ => &new[edit.offset..end],
                    };
                    let parts = reordered(edit.item, held).map_err(wrong)?;
                    new[edit.offset..end].copy_from_slice(&parts);
                    let at = edit.offset + offset_of(edit.item, part);
                    at..at + edit.bytes.len()
                }
            };
            new[place].copy_from_slice(&edit.bytes);
        }
        Ok(new)
    }
}
