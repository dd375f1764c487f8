//! Files of the card are written: with the protection that the profile asks for, checked by reading back, and kept in a
//! journal from before the first command until it is seen what the card holds (see [`mend`](super::mend)).

use std::fmt;

use zeroize::Zeroizing;

use super::edit::{At, Wish, wishes};
use super::journal::{Change, Journal, Kept, Place};
use super::open::Card;
use super::place::{Held, Whose};
use super::repeats::NUMBER;
use super::session::FILES;
use super::{CardError, HolderPin};
use crate::apdu::tlv;
use crate::cipher;
use crate::keys::KeyError;
use crate::profile::{Access, File, FileName, ItemAddress, Row, Writing};
use crate::script::Vars;
use crate::value::CardIdentifier;

/// P2 of UPDATE RECORD in its low three bits: P1 is a tag (card-facts §3).
const BY_TAG: u8 = 0b000;
/// The same: the record before the first one, which adds one to a cyclic file.
const PREVIOUS: u8 = 0b011;
/// What is to be written into a file.
pub enum Update<'u> {
    /// Items, or parts of them, each with its new value as text; an item with parts, and one that is binary, as
    /// hexadecimal. Of a linear file where no record is named, of one record of a fixed or cyclic file otherwise. What is not
    /// named stays as it is, or is left blank in a record that is new.
    Items(Option<Row>, &'u [(ItemAddress, Zeroizing<String>)]),
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

/// Whether the card answered, and with what, where a write did not go through.
enum Stopped {
    /// It is gone: nobody knows what it holds.
    Torn(CardError),
    /// It refused, or holds something else than was written.
    Refused(CardError),
}

/// Which of a change's two values is written.
#[derive(Clone, Copy)]
enum Way {
    Forward,
    Back,
}

impl Way {
    fn value(self, change: &Change) -> Option<&[u8]> {
        match self {
            Self::Forward => Some(&change.new),
            Self::Back => change.old.as_deref().map(Vec::as_slice),
        }
    }

    fn whose(self) -> Whose {
        match self {
            Self::Forward => Whose::New,
            Self::Back => Whose::Old,
        }
    }
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
        let wishes = wishes(found, self.generation(), update)?;
        let mut changed = 0;
        self.visit(&self.to_write(found), pin, |card, _| {
            let mut changes = Vec::new();
            for wish in &wishes {
                changes.extend(card.change(found, wish).map_err(CardError::of_use)?);
            }
            card.keeps_meanings(found, &wishes, &changes).map_err(CardError::of_use)?;
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

    /// What a wish comes to on this card; nothing where the card holds that already.
    fn change(&mut self, file: &File, wish: &Wish<'_>) -> Result<Option<Change>, CardError> {
        let place = match wish.at {
            At::Place(place) => place,
            At::Several { tag, nth } => self.locate(file, tag, nth)?,
        };
        let held = self.held(file, place, wish.length())?;
        let was_garbled = matches!(held, Held::Garbled);
        let old = held.into_bytes();
        let new = wish.value(old.as_deref().map(Vec::as_slice))?;
        let change = Change { place, old, new, was_garbled };
        Ok(if change.is_none(file) { None } else { Some(change) })
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
        let error = match self.put(file, &kept.changes, Way::Forward) {
            Ok(()) => {
                journal.end_done(id);
                return Ok(());
            }
            Err(Stopped::Torn(error)) => return Err(torn(error)),
            Err(Stopped::Refused(error)) => error,
        };
        // What the card did not have before cannot be taken away from it.
        let goes_back = kept.changes.iter().all(Change::goes_back);
        let undone = match self.untouched(file, kept) {
            Ok(true) => Ok(()),
            Err(stopped) => Err(stopped),
            Ok(false) if goes_back => self.put(file, &kept.changes, Way::Back),
            Ok(false) => Err(Stopped::Refused(error.clone())),
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

    /// Writes all of it forward or back, and reads each back.
    fn put(&mut self, file: &File, changes: &[Change], way: Way) -> Result<(), Stopped> {
        for change in changes {
            if let Some(value) = way.value(change) {
                self.update(file, change.place, value).map_err(stopped)?;
            }
        }
        for change in changes {
            let held = self.held(file, change.place, change.new.len()).map_err(stopped)?;
            if change.whose(&held) != way.whose() {
                return Err(Stopped::Refused(CardError::NotWritten(change.place.name(&file.name))));
            }
        }
        Ok(())
    }

    /// Whether the card still holds what it did before.
    fn untouched(&mut self, file: &File, kept: &Kept) -> Result<bool, Stopped> {
        for change in &kept.changes {
            let held = self.held(file, change.place, change.new.len()).map_err(stopped)?;
            if change.whose(&held) != Whose::Old {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One UPDATE, protected as the profile says.
    fn update(&mut self, file: &File, place: Place, value: &[u8]) -> Result<(), CardError> {
        let sfi = self.reach(&file.name)?;
        let by = |which: u8, mode: u8| Vars::new().with("which", &[which]).with("p2", &[sfi << 3 | mode]);
        let (record, record_secured) = ("update-record", "update-record-secured");
        let (plain, secured, vars, data) = match place {
            Place::Record(tag) => {
                (record, record_secured, by(tag, BY_TAG), Zeroizing::new(tlv::record_bytes(tag, value)))
            }
            Place::Several { tag, number, .. } => {
                (record, record_secured, by(number, NUMBER), Zeroizing::new(tlv::record_bytes(tag, value)))
            }
            Place::Numbered(number) => (record, record_secured, by(number, NUMBER), Zeroizing::new(value.to_vec())),
            Place::Added => {
                let vars = Vars::new().with("p2", &[sfi << 3 | PREVIOUS]).with("file", &[sfi << 3]);
                ("append-record", "append-record-secured", vars, Zeroizing::new(value.to_vec()))
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
            Self::Items(row, items) => write!(f, "Items({row:?}, {})", items.len()),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
        }
    }
}
