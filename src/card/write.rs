//! Files of the card are written: with the protection that the profile asks for, checked by reading back, and kept in a
//! journal from before the first command until it is seen what the card holds (see [`mend`](super::mend)).

use std::fmt;

use zeroize::Zeroizing;

use super::files::FileKind;
use super::journal::{Change, Journal, Kept, Place};
use super::open::Card;
use super::session::FILES;
use super::value::encode;
use super::{CardError, HolderPin};
use crate::apdu::tlv;
use crate::cipher;
use crate::keys::KeyError;
use crate::profile::{Access, File, FileName, Structure, Writing};
use crate::script::Vars;
use crate::value::CardIdentifier;

/// P2 of UPDATE RECORD in its low three bits: P1 is a tag (card-facts §3).
const BY_TAG: u8 = 0b000;
/// The most that one command writes: as it stands, with a MAC of four bytes behind it, and enciphered, where a length goes
/// before it and up to a block behind.
const PLAIN: usize = 255;
/// With its header and the padding, as much as a PSAM makes a MAC over in one command (`mac-16` of the script `psam`).
const WITH_MAC: usize = 216;
/// The same, once it is lengthened to whole blocks.
const ENCIPHERED: usize = 207;

/// What is to be written into a file.
pub enum Update<'u> {
    /// Items of a linear file, each a tag and its new value as text; an item with parts, and one that is binary, as
    /// hexadecimal.
    Items(&'u [(u8, Zeroizing<String>)]),
    /// The bytes of a transparent file, from its beginning.
    Bytes(&'u [u8]),
}

/// What came of a write: it was read back, and is as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub file: FileName,
    /// How many of its items, or pieces, were not so before.
    pub changed: usize,
}

/// Places of a file, and what is to be there.
type Values = Vec<(Place, Zeroizing<Vec<u8>>)>;

/// Whether the card answered, and with what, where a write did not go through.
enum Stopped {
    /// It is gone: nobody knows what it holds.
    Torn(CardError),
    /// It refused, or holds something else than was written.
    Refused(CardError),
}

impl Card<'_> {
    /// Writes into a file. What it asks for to be read and to be written is proven first: what nobody may read back is
    /// not written. Nothing is, as long as another write on this card was torn ([`mend`](Self::mend)).
    ///
    /// # Errors
    /// [`CardError::NotValid`] where the card may not be used.
    /// [`CardError::WriteTorn`] where the card went away: the next time it comes the write is completed or undone.
    /// [`CardError::HalfWritten`] where the card refused to go on and to go back. Any other error left the card as it was.
    pub fn write(
        &mut self,
        journal: &Journal<'_>,
        file: &FileName,
        update: &Update<'_>,
        pin: &mut Option<HolderPin>,
    ) -> Result<Written, CardError> {
        self.must_be_valid()?;
        if !journal.open(&self.identifier)?.is_empty() {
            return Err(CardError::WriteOpen);
        }
        let profile = self.session.parts.profile;
        let found = profile.file(file).ok_or_else(|| CardError::UnknownItem(file.to_string()))?;
        let new = changes(found, self.generation(), update)?;
        let mut changed = 0;
        self.visit(&self.to_write(found), pin, |card, _| {
            let mut changes = Vec::new();
            for (place, new) in &new {
                let old = card.held(found, *place, new.len()).map_err(CardError::of_use)?;
                if old.as_ref() != Some(new) {
                    changes.push(Change { place: *place, old, new: new.clone() });
                }
            }
            changed = changes.len();
            if changes.is_empty() {
                return Ok(());
            }
            let kept = Kept { file: found.name.clone(), changes };
            let id = journal.begin(&card.identifier, &kept)?;
            card.carry_out(journal, id, found, &kept)
        })?;
        Ok(Written { file: file.clone(), changed })
    }

    /// Whether it is this card: what was read of a card in another lease is written to no other one.
    ///
    /// # Errors
    /// [`CardError::Swapped`] where it is not.
    pub fn must_be(&self, card: &CardIdentifier) -> Result<(), CardError> {
        if self.identifier == *card { Ok(()) } else { Err(CardError::Swapped) }
    }

    /// What a file asks for to be written, and to be read back.
    pub(super) fn to_write(&self, file: &File) -> Vec<(FileName, Access)> {
        let generation = self.generation();
        [&file.read, &file.write].map(|access| (file.name.clone(), access.at(generation).clone())).into()
    }

    /// Writes what is kept, and ends it in the journal once the card is seen to hold it, or what it held before.
    pub(super) fn carry_out(
        &mut self,
        journal: &Journal<'_>,
        id: i64,
        file: &File,
        kept: &Kept,
    ) -> Result<(), CardError> {
        let forward: Vec<(Place, &[u8])> = kept.changes.iter().map(|change| (change.place, &**change.new)).collect();
        let error = match self.put(file, &forward) {
            Ok(()) => {
                journal.end_done(id);
                return Ok(());
            }
            Err(Stopped::Torn(error)) => return Err(torn(error)),
            Err(Stopped::Refused(error)) => error,
        };
        // What the card did not have before cannot be taken away from it.
        let back: Option<Vec<(Place, &[u8])>> =
            kept.changes.iter().map(|change| change.old.as_ref().map(|old| (change.place, old.as_slice()))).collect();
        let undone = match (self.untouched(file, kept), back) {
            (Ok(true), _) => Ok(()),
            (Err(stopped), _) => Err(stopped),
            (Ok(false), Some(back)) => self.put(file, &back),
            (Ok(false), None) => Err(Stopped::Refused(error.clone())),
        };
        match undone {
            Ok(()) => {
                journal.end(id)?;
                Err(error)
            }
            Err(Stopped::Torn(error)) => Err(torn(error)),
            Err(Stopped::Refused(_)) => Err(CardError::HalfWritten(file.name.to_string())),
        }
    }

    /// Writes these, and reads each back.
    fn put(&mut self, file: &File, values: &[(Place, &[u8])]) -> Result<(), Stopped> {
        for (place, value) in values {
            self.update(file, *place, value).map_err(stopped)?;
        }
        for (place, value) in values {
            let held = self.held(file, *place, value.len()).map_err(stopped)?;
            if held.as_ref().is_none_or(|held| held.as_slice() != *value) {
                return Err(Stopped::Refused(CardError::NotWritten(place.name(&file.name))));
            }
        }
        Ok(())
    }

    /// Whether the card still holds what it did before.
    fn untouched(&mut self, file: &File, kept: &Kept) -> Result<bool, Stopped> {
        for change in &kept.changes {
            if self.held(file, change.place, change.new.len()).map_err(stopped)? != change.old {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the card holds at a place: a record's value, or so many bytes; `None` where it has no such record.
    pub(super) fn held(
        &mut self,
        file: &File,
        place: Place,
        length: usize,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, CardError> {
        let sfi = self.reach(&file.name)?;
        match place {
            Place::Record(tag) => {
                let kind = FileKind::of(file, sfi, self.generation(), Some(&[tag]));
                let known = self.memory.named(&file.name, &self.learned_ef05);
                let (records, _) = self.session.records(&kind, &known)?;
                Ok(records.into_iter().next().map(|record| record.value))
            }
            Place::Bytes(offset) => self.session.binary_at(&file.name, sfi, offset, length).map(Some),
        }
    }

    /// One UPDATE, protected as the profile says.
    fn update(&mut self, file: &File, place: Place, value: &[u8]) -> Result<(), CardError> {
        let sfi = self.reach(&file.name)?;
        let (plain, secured, vars, data) = match place {
            Place::Record(tag) => {
                let record = Zeroizing::new(tlv::record_bytes(tag, value));
                let vars = Vars::new().with("which", &[tag]).with("p2", &[sfi << 3 | BY_TAG]);
                ("update-record", "update-record-secured", vars, record)
            }
            Place::Bytes(offset) => {
                let [high, low] = offset.to_be_bytes();
                // Eight bits of offset go with a short identifier; it was read, so that it is the current file by now.
                let p1 = if offset < 0x100 && sfi != 0 { 0x80 | sfi } else { high & 0x7F };
                let vars = Vars::new().with("p1", &[p1]).with("p2", &[low]);
                ("update-binary", "update-binary-secured", vars, Zeroizing::new(value.to_vec()))
            }
        };
        match file.writing {
            Writing::Plain => self.session.run(FILES, plain, &mut vars.with("value", &data)).map(drop),
            Writing::Mac => {
                let process = self.challenge()?;
                self.secured(FILES, secured, vars.with("value", &data), process)
            }
            Writing::Enciphered => {
                let process = self.challenge()?;
                let long = |_| CardError::Script("the data does not fit a command".to_owned());
                let blocks = cipher::lengthened(&data, self.algorithm.block()).map_err(long)?;
                let enciphered = self.encipher(process, &blocks)?;
                self.secured(FILES, secured, vars.with("value", &enciphered), process)
            }
        }
    }
}

/// The places of a file that are written, and what goes there.
fn changes(file: &File, generation: u8, update: &Update<'_>) -> Result<Values, CardError> {
    let most = match file.writing {
        Writing::Plain => PLAIN,
        Writing::Mac => WITH_MAC,
        Writing::Enciphered => ENCIPHERED,
    };
    match (update, file.structure) {
        (Update::Items(items), Structure::Linear) => items
            .iter()
            .map(|(tag, text)| {
                let name = Place::Record(*tag).name(&file.name);
                let item = file.items_of(generation).find(|item| item.tag == Some(*tag));
                // Which of several under one tag is meant, no command can say.
                let item = item.filter(|item| item.count == 1).ok_or(CardError::UnknownItem(name.clone()))?;
                let value = encode(item, text).map_err(|why| CardError::NewValue { item: name.clone(), why })?;
                if value.len() + 2 > most {
                    return Err(CardError::NewValue { item: name, why: super::ValueError::Long(item.length) });
                }
                Ok((Place::Record(*tag), value))
            })
            .collect(),
        (Update::Bytes(bytes), Structure::Transparent { size }) if bytes.len() <= usize::from(size) => {
            let pieces = bytes.chunks(most).scan(0_u16, |offset, piece| {
                let at = *offset;
                // All of them together are no longer than the file.
                *offset += piece.len() as u16;
                Some((Place::Bytes(at), Zeroizing::new(piece.to_vec())))
            });
            Ok(pieces.collect())
        }
        _ => Err(CardError::UnknownItem(file.name.to_string())),
    }
}

fn stopped(error: CardError) -> Stopped {
    match error.of_use() {
        // A card that was reset has lost its rights, and keys that are away cannot put back what was there: either way the
        // rest waits for the next time.
        error @ (CardError::Transport(_) | CardError::Key(KeyError::Transport(_) | KeyError::Link(_))) => {
            Stopped::Torn(error)
        }
        error => Stopped::Refused(error),
    }
}

fn torn(error: CardError) -> CardError {
    CardError::WriteTorn(Box::new(error))
}

impl fmt::Debug for Update<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Items(items) => write!(f, "Items({})", items.len()),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
        }
    }
}
