//! Cards that are refused: the list that the back office signed (`docs/blacklist.md`, card-facts §9), millions of entries.
//!
//! The store's row of the list in force (`store::lists`) has the key of the hashes that stand for single cards: the file
//! alone names none. Ranges cannot be hashed and are in the clear; a range names nobody.

mod format;
mod read;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use ring::hmac;
use rusqlite::OptionalExtension as _;
use serde::{Deserialize, Serialize};

use super::Store;
use super::errors::{LIST_BUSY, LIST_DAMAGED, LIST_FILE, LIST_FORM, LIST_OLDER, LIST_UNSIGNED};
use super::lists::{self, Imported, ListCodes, ListError, ListFile, ListInfo, ListKind, Lists, Step, read_whole};
use crate::value::{CardIdentifier, CardNumber};
use crate::wire::Digest;
use crate::wire::detached::{PublicKey, Signed};

/// How many bytes of the keyed hash stand for a card.
const TAG: usize = 16;

/// What a list's signature is of.
pub const LIST: Signed = Signed {
    domain: "sbkd-blacklist-1",
    name: "list",
    comment: "黑名单签名，随名单存放；改动名单任何字节即失效 / The signature of a blacklist: it holds for these bytes alone.",
};

/// Lists of cards that are refused, as a kind of list.
#[derive(Debug)]
pub struct Cards;

impl ListKind for Cards {
    const SIGNED: Signed = LIST;
    const NAME: &'static str = "blacklist";
    const CODES: ListCodes = ListCodes {
        file: &LIST_FILE,
        form: &LIST_FORM,
        unsigned: &LIST_UNSIGNED,
        older: &LIST_OLDER,
        busy: &LIST_BUSY,
        damaged: &LIST_DAMAGED,
    };
    const ENTRIES: &'static str = include_str!("entries.sql");
    const KEY: usize = 32;
    const LONGEST_LINE: usize = format::LONGEST_LINE;
    type Info = BlacklistInfo;
}

/// Why a list is not taken in, or not used.
pub type BlacklistError = ListError<Cards>;

/// The list in force, looked up and replaced. Shared; one caller at a time looks up.
pub struct Blacklist(Lists<Cards>);

/// What is told of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Blacklist)]
pub struct BlacklistInfo {
    /// Its serial, which grows from list to list.
    pub serial: u64,
    /// When the back office made it.
    #[schema(value_type = String, format = DateTime)]
    pub issued: Timestamp,
    /// When this terminal took it in.
    #[schema(value_type = String, format = DateTime)]
    pub taken_at: Timestamp,
    /// How many single cards are in it.
    pub cards: u64,
    /// How many ranges of card numbers.
    pub ranges: u64,
    /// The id of the key that signed it.
    pub signed_by: String,
    /// SHA-256 of the signed file.
    pub sha256: Digest,
}

impl ListInfo for BlacklistInfo {
    fn serial(&self) -> u64 {
        self.serial
    }

    fn issued(&self) -> Timestamp {
        self.issued
    }

    fn sha256(&self) -> Digest {
        self.sha256
    }
}

/// A list without mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Its serial.
    pub serial: u64,
    /// When it was made.
    pub issued: Timestamp,
    /// How many single cards are in it.
    pub cards: u64,
    /// How many ranges.
    pub ranges: u64,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// An entry that a card is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// What the back office says of it, where it says something.
    pub label: Option<String>,
}

/// What the list in force says of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The list.
    pub list: BlacklistInfo,
    /// The entry, where the card is in one.
    pub hit: Option<Hit>,
}

impl Blacklist {
    /// The list of a store, whose entries are in `folder`.
    pub fn new(folder: &Path, store: Arc<Store>) -> Self {
        Self(Lists::new(folder, store))
    }

    /// What the list in force says of a card; `None` while none was taken in. A single card is found by its 卡识别码, which
    /// names one card whatever its 卡号 says; a range by 卡号.
    ///
    /// # Errors
    /// When the list is damaged, or cannot be read: then nothing is known of the card.
    pub fn look(
        &self,
        identifier: &CardIdentifier,
        number: Option<&CardNumber>,
    ) -> Result<Option<Looked>, BlacklistError> {
        self.0.with(|open| Ok(Looked { hit: find(open, identifier, number)?, list: open.row.info.clone() }))
    }

    /// The list in force, proved; `None` while none was taken in.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub fn in_force(&self) -> Result<Option<BlacklistInfo>, BlacklistError> {
        self.0.in_force()
    }

    /// Takes a list in: proves its signature, reads it line by line, and puts it in force once it is whole and on the
    /// disk. Blocks, for seconds where it has millions of entries; who looks a card up meanwhile does so in the list of
    /// before.
    ///
    /// # Errors
    /// What is wrong with the list, or with the disk. Then the list of before is in force.
    pub fn import(
        &self,
        list: &mut ListFile,
        keys: &[PublicKey],
        now: Timestamp,
    ) -> Result<Imported<BlacklistInfo>, BlacklistError> {
        self.imported(list, keys, now, &mut || Ok(()))
    }

    fn imported(
        &self,
        list: &mut ListFile,
        keys: &[PublicKey],
        now: Timestamp,
        step: Step<'_, Cards>,
    ) -> Result<Imported<BlacklistInfo>, BlacklistError> {
        self.0.import(list, keys, now, step)
    }

    /// Reads all of a list, without a look at its signature.
    ///
    /// # Errors
    /// The first mistake, by its place.
    pub fn check(list: &mut ListFile) -> Result<Checked, BlacklistError> {
        let name = list.name.clone();
        let of = |error| ListError::of(&name, error);
        let mut lines = list.lines()?;
        let header = format::Header::read(&mut lines).map_err(of)?;
        let mut entries = format::Entries::new(&mut lines, header);
        while entries.entry().map_err(of)?.is_some() {}
        let format::Header { serial, issued, cards, ranges } = header;
        Ok(Checked { serial, issued, cards, ranges, sha256: read_whole(lines) })
    }
}

fn find(
    open: &lists::Open<Cards>,
    identifier: &CardIdentifier,
    number: Option<&CardNumber>,
) -> Result<Option<Hit>, BlacklistError> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &open.row.key);
    let single = "SELECT text FROM card LEFT JOIN label ON label.id = card.label WHERE tag = ?1";
    let mut single = open.db.prepare_cached(single)?;
    let found = single.query_row([tag(&key, identifier)], |row| row.get(0)).optional()?;
    if let (None, Some(number)) = (&found, number) {
        // Ranges do not overlap: only the last that begins at or before the number can have it.
        let range = "SELECT last, text FROM span LEFT JOIN label ON label.id = span.label
             WHERE first <= ?1 ORDER BY first DESC LIMIT 1";
        let mut range = open.db.prepare_cached(range)?;
        let row = range.query_row([number.position()], |row| Ok((row.get::<_, u64>(0)?, row.get(1)?))).optional()?;
        let inside = row.filter(|(last, _)| number.position() <= *last);
        return Ok(inside.map(|(_, label)| Hit { label }));
    }
    Ok(found.map(|label| Hit { label }))
}

fn tag(key: &hmac::Key, identifier: &CardIdentifier) -> [u8; TAG] {
    let hash = hmac::sign(key, identifier.as_bytes());
    let mut tag = [0; TAG];
    tag.copy_from_slice(&hash.as_ref()[..TAG]);
    tag
}
