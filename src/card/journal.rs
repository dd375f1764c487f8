//! The journal of what is undertaken on cards: what a card held and what it is to hold, or what is moved on its account,
//! sealed, from before the first command until the end is seen. It lies in the store, beside what else is known of cards: the queue's
//! journal is of transactions, which a torn write is none of. The card is a keyed hash there; what is personal is sealed
//! with a key that does not lie beside it, and opens only for the card it is of.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::CardError;
use crate::profile::FileName;
use crate::store::{Store, StoreError, Undertaking};
use crate::value::CardIdentifier;
use crate::world::Random;

/// Where writes are kept, and by which key they are sealed.
pub struct Journal<'j> {
    store: &'j Store,
    key: LessSafeKey,
    random: &'j dyn Random,
}

/// A write that is kept.
pub(super) struct Kept {
    pub(super) file: FileName,
    pub(super) changes: Vec<Change>,
}

/// One place of a file, what was there, and what is to be.
pub(super) struct Change {
    pub(super) place: Place,
    /// `None` where the card had no such record, or none that could be read.
    pub(super) old: Option<Zeroizing<Vec<u8>>>,
    pub(super) new: Zeroizing<Vec<u8>>,
    /// What was there could not be read, and still is as it was where it cannot. Not kept: after a tear it may as well be
    /// ours.
    pub(super) was_garbled: bool,
}

/// A place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    /// The value of the first record with this tag.
    Record(u8),
    /// Bytes from this offset on.
    Bytes(u16),
    /// The value of one of several records with a tag.
    Several {
        /// The tag.
        tag: u8,
        /// Which of them, from 1.
        nth: u8,
        /// The record's number in its file, which stays whatever becomes of its tag.
        number: u8,
    },
    /// A record of a fixed file by its number.
    Numbered(u8),
    /// A record that is added to a cyclic file. What was there before are all records of the file one behind the other,
    /// the newest first: adding one again is seen by them.
    Added,
}

impl Place {
    /// How it is named to a person.
    pub(super) fn name(self, file: &FileName) -> String {
        match self {
            Self::Record(tag) => format!("{file}/{tag:02X}"),
            Self::Bytes(_) => file.to_string(),
            Self::Several { tag, nth, .. } => format!("{file}/{tag:02X}:{nth}"),
            Self::Numbered(number) => format!("{file}:{number}"),
            Self::Added => format!("{file}:+"),
        }
    }
}

/// As it is sealed.
#[derive(Serialize, Deserialize)]
struct Form {
    file: String,
    changes: Vec<(Place, Option<Secret>, Secret)>,
}

/// Bytes as hexadecimal, wiped on drop.
#[derive(Serialize, Deserialize, ZeroizeOnDrop)]
struct Secret(String);

impl Secret {
    fn of(bytes: &[u8]) -> Self {
        Self(hex::encode(bytes))
    }

    fn bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        hex::decode(&self.0).ok().map(Zeroizing::new)
    }
}

impl<'j> Journal<'j> {
    /// The journal in `store`, sealed by a key of 32 bytes.
    ///
    /// # Panics
    /// Never: AES-256 takes any 32 bytes.
    pub fn new(store: &'j Store, key: &[u8; 32], random: &'j dyn Random) -> Self {
        // Invariant: AES-256 takes any 32 bytes.
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("an AES-256 key is 32 bytes"));
        Self { store, key, random }
    }

    pub(super) fn store(&self) -> &Store {
        self.store
    }

    /// Keeps a write before it is begun.
    pub(super) fn begin(&self, card: &CardIdentifier, kept: &Kept) -> Result<i64, CardError> {
        let change =
            |change: &Change| (change.place, change.old.as_deref().map(|old| Secret::of(old)), Secret::of(&change.new));
        let form = Form { file: kept.file.to_string(), changes: kept.changes.iter().map(change).collect() };
        let room = |change: &Change| 4 * change.new.len() + 2 * change.old.as_ref().map_or(0, |old| old.len()) + 64;
        self.keep(Undertaking::Write, card, &form, 64 + kept.changes.iter().map(room).sum::<usize>())
    }

    /// The writes on a card that were not seen to end, with their numbers.
    pub(super) fn open(&self, card: &CardIdentifier) -> Result<Vec<(i64, Kept)>, CardError> {
        let kept = |(id, form): (i64, Form)| Some((id, form.kept()?));
        self.kept(Undertaking::Write, card)?.into_iter().map(|one| kept(one).ok_or_else(unreadable)).collect()
    }

    /// What was begun has ended. Where it cannot be taken out it is looked at again when its card comes next.
    pub(super) fn end(&self, id: i64) -> Result<(), CardError> {
        self.store.end_write(id).map_err(unknown)
    }

    /// As [`end`](Self::end), of what the card has carried out: whoever did it is told so, whatever becomes of the row. One
    /// that stays is found done when its card comes next.
    pub(super) fn end_done(&self, id: i64) {
        if let Err(error) = self.end(id) {
            tracing::warn!(%error, "what was done on a card is looked at again when it comes next");
        }
    }

    /// Takes out all that was begun on a card and not seen to end, readable or not; how much it was.
    pub(super) fn discard(&self, what: Undertaking, card: &CardIdentifier) -> Result<usize, CardError> {
        let open = self.store.open_writes(what, card.as_bytes()).map_err(unknown)?;
        open.iter().try_for_each(|open| self.end(open.id))?;
        Ok(open.len())
    }

    /// Seals and keeps; `room` is the most bytes that it takes as JSON.
    fn keep(
        &self,
        what: Undertaking,
        card: &CardIdentifier,
        form: &impl Serialize,
        room: usize,
    ) -> Result<i64, CardError> {
        let sealed = self.seal(&about(what, card), form, room)?;
        self.store.begin_write(what, card.as_bytes(), &sealed).map_err(unknown)
    }

    /// Seals a form as what it is told to be; `room` is the most bytes that it takes as JSON.
    pub(super) fn seal(&self, about: &[u8], form: &impl Serialize, room: usize) -> Result<Vec<u8>, CardError> {
        let failed = || CardError::WritesUnknown("it could not be sealed".to_owned());
        // All the room at once: growing would leave copies behind that nobody wipes.
        let mut body = Zeroizing::new(Vec::with_capacity(room));
        serde_json::to_writer(&mut *body, form).map_err(|_| failed())?;
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce)?;
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(about), &mut body)
            .map_err(|_| failed())?;
        Ok([&nonce, body.as_slice(), tag.as_ref()].concat())
    }

    /// Whether all is known that is open on a card.
    ///
    /// # Errors
    /// [`CardError::WritesLost`]: any card may be the one that something lost was on.
    pub(super) fn none_lost(&self) -> Result<(), CardError> {
        match self.store.count_writes().map_err(unknown)?.lost {
            0 => Ok(()),
            lost => Err(CardError::WritesLost(lost)),
        }
    }

    fn kept<T: DeserializeOwned>(&self, what: Undertaking, card: &CardIdentifier) -> Result<Vec<(i64, T)>, CardError> {
        self.none_lost()?;
        let open = self.store.open_writes(what, card.as_bytes()).map_err(unknown)?;
        let unsealed = |sealed: &[u8]| self.unseal(&about(what, card), sealed).ok_or_else(unreadable);
        open.into_iter().map(|open| Ok((open.id, unsealed(&open.sealed)?))).collect()
    }

    /// A form that was sealed as this, and as nothing else.
    pub(super) fn unseal<T: DeserializeOwned>(&self, about: &[u8], sealed: &[u8]) -> Option<T> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = Zeroizing::new(body.to_vec());
        let plain = self.key.open_in_place(nonce, Aad::from(about), &mut body).ok()?;
        serde_json::from_slice(plain).ok()
    }
}

impl Form {
    fn kept(self) -> Option<Kept> {
        let change = |(place, old, new): (Place, Option<Secret>, Secret)| {
            let old = match old {
                None => None,
                Some(old) => Some(old.bytes()?),
            };
            Some(Change { place, old, new: new.bytes()?, was_garbled: false })
        };
        let changes = self.changes.into_iter().map(change).collect::<Option<_>>()?;
        Some(Kept { file: self.file.parse().ok()?, changes })
    }
}

pub(super) fn unreadable() -> CardError {
    CardError::WritesUnknown("it was sealed by another key, or is damaged".to_owned())
}

/// What a sealed undertaking is told to be: it opens as nothing else and for no other card.
pub(super) fn about(what: Undertaking, card: &CardIdentifier) -> Vec<u8> {
    let domain: &[u8] = match what {
        Undertaking::Write => b"sbkd-card-write-1",
        Undertaking::Account => b"sbkd-card-account-1",
    };
    [domain, card.as_bytes()].concat()
}

pub(super) fn unknown(error: StoreError) -> CardError {
    CardError::WritesUnknown(error.into_what())
}
