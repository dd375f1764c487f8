//! What is kept beside the queue, in a database of its own. All of it can be lost: it is learned again.

pub mod errors;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use errors::StoreError;

use crate::wire::Digest;

/// A type of card: what decides which commands it takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CardType {
    /// Bytes 1–7 of the historical bytes: no card's own.
    pub type_bytes: [u8; 7],
    /// How it is read, as `card` names it: `contact`, `contactless`.
    pub interface: String,
    /// Its version, `3.00`.
    pub version: String,
}

/// What a card type was seen to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capability {
    /// All of EF05 in one command, with this length; `None`: record by record.
    pub whole_ef05: Option<u8>,
    /// All of EF06 in one command, with this length; `None`: record by record.
    pub whole_ef06: Option<u8>,
    /// Lengths of single records where they were seen, by `file/record` (`06/4E`).
    pub records: BTreeMap<String, u8>,
}

/// A holder's accumulators as the centre last told them.
#[derive(Debug, Clone, PartialEq)]
pub struct Accumulators {
    /// The values, as the rules take them.
    pub values: Map<String, Value>,
    /// When the centre told them: what is decided on them is an estimate from then on.
    pub as_of: Timestamp,
}

/// The store.
pub struct Store {}

#[allow(clippy::todo, unused_variables, reason = "the first landing is the shape of the room only")]
impl Store {
    /// Opens the store, or makes a new one.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        todo!()
    }

    /// A store that is gone with the process.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn in_memory() -> Result<Self, StoreError> {
        todo!()
    }

    /// What is remembered of a card type. A failing store knows nothing.
    pub fn capability(&self, card: &CardType) -> Option<Capability> {
        todo!()
    }

    /// Remembers what a card type can do. A failing store only costs commands next time.
    pub fn remember(&self, card: &CardType, capability: &Capability) {
        todo!()
    }

    /// The diversification level (1 to 3) that worked for a key of a PSAM.
    pub fn psam_level(&self, psam: &[u8], key: &str) -> Option<u8> {
        todo!()
    }

    /// Remembers the level that worked.
    pub fn remember_psam_level(&self, psam: &[u8], key: &str, level: u8) {
        todo!()
    }

    /// A holder's accumulators in a scope (`310/2015`), by the keyed hash of the holder.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn accumulators(&self, holder: Digest, scope: &str) -> Result<Option<Accumulators>, StoreError> {
        todo!()
    }

    /// Keeps what the centre told.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn remember_accumulators(
        &self,
        holder: Digest,
        scope: &str,
        accumulators: &Accumulators,
    ) -> Result<(), StoreError> {
        todo!()
    }
}
