//! The journal of writes to cards: what a card held and what it is to hold, sealed, from before the first command until
//! the card is seen to hold one or the other. It lies in the store, beside what else is known of cards: the queue's
//! journal is of transactions, which a torn write is none of. The card is a keyed hash there; what is personal is sealed
//! with a key that does not lie beside it, and opens only for the card it is of.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::CardError;
use crate::profile::FileName;
use crate::store::{Store, StoreError};
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
    /// `None` where the card had no such record.
    pub(super) old: Option<Zeroizing<Vec<u8>>>,
    pub(super) new: Zeroizing<Vec<u8>>,
}

/// A place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    /// The value of the first record with this tag.
    Record(u8),
    /// Bytes from this offset on.
    Bytes(u16),
}

impl Place {
    /// How it is named to a person.
    pub(super) fn name(self, file: &FileName) -> String {
        match self {
            Self::Record(tag) => format!("{file}/{tag:02X}"),
            Self::Bytes(_) => file.to_string(),
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

/// What a sealed write is told to be of: it opens for no other card.
const ABOUT: &[u8] = b"sbkd-card-write-1";

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

    /// Keeps a write before it is begun.
    pub(super) fn begin(&self, card: &CardIdentifier, kept: &Kept) -> Result<i64, CardError> {
        let sealed = self.seal(card, kept)?;
        self.store.begin_write(card.as_bytes(), &sealed).map_err(unknown)
    }

    /// The writes on a card that were not seen to end, with their numbers.
    pub(super) fn open(&self, card: &CardIdentifier) -> Result<Vec<(i64, Kept)>, CardError> {
        let open = self.store.open_writes(card.as_bytes()).map_err(unknown)?;
        let unsealed = |sealed| self.unseal(card, sealed).ok_or_else(|| CardError::WritesUnknown(SEALED.to_owned()));
        open.into_iter().map(|open| Ok((open.id, unsealed(open.sealed)?))).collect()
    }

    /// A write has ended. One that cannot be taken out is looked at again when its card comes next.
    pub(super) fn end(&self, id: i64) -> Result<(), CardError> {
        self.store.end_write(id).map_err(unknown)
    }

    pub(super) fn discard(&self, card: &CardIdentifier) -> Result<usize, CardError> {
        let open = self.store.open_writes(card.as_bytes()).map_err(unknown)?;
        open.iter().try_for_each(|open| self.end(open.id))?;
        Ok(open.len())
    }

    fn seal(&self, card: &CardIdentifier, kept: &Kept) -> Result<Vec<u8>, CardError> {
        let change =
            |change: &Change| (change.place, change.old.as_deref().map(|old| Secret::of(old)), Secret::of(&change.new));
        let form = Form { file: kept.file.to_string(), changes: kept.changes.iter().map(change).collect() };
        let failed = || CardError::WritesUnknown("it could not be sealed".to_owned());
        // All the room at once: growing would leave copies behind that nobody wipes.
        let room = kept
            .changes
            .iter()
            .map(|change| 4 * change.new.len() + 2 * change.old.as_ref().map_or(0, |old| old.len()) + 64);
        let mut body = Zeroizing::new(Vec::with_capacity(64 + room.sum::<usize>()));
        serde_json::to_writer(&mut *body, &form).map_err(|_| failed())?;
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce)?;
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(about(card)), &mut body)
            .map_err(|_| failed())?;
        Ok([&nonce, body.as_slice(), tag.as_ref()].concat())
    }

    fn unseal(&self, card: &CardIdentifier, sealed: Vec<u8>) -> Option<Kept> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = Zeroizing::new(body.to_vec());
        let plain = self.key.open_in_place(nonce, Aad::from(about(card)), &mut body).ok()?;
        let form: Form = serde_json::from_slice(plain).ok()?;
        let change = |(place, old, new): (Place, Option<Secret>, Secret)| {
            let old = match old {
                None => None,
                Some(old) => Some(old.bytes()?),
            };
            Some(Change { place, old, new: new.bytes()? })
        };
        let changes = form.changes.into_iter().map(change).collect::<Option<_>>()?;
        Some(Kept { file: form.file.parse().ok()?, changes })
    }
}

/// Why a sealed write is of no use.
const SEALED: &str = "it was sealed by another key, or is damaged";

fn about(card: &CardIdentifier) -> Vec<u8> {
    [ABOUT, card.as_bytes().as_slice()].concat()
}

fn unknown(error: StoreError) -> CardError {
    CardError::WritesUnknown(error.into_what())
}
