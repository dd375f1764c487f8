//! Keys and cards held apart: a card that refused a terminal's keys once is not tried with them again, since a few more
//! tries would lock it. A technician releases them.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use rusqlite::{OptionalExtension as _, params};

use super::{Store, StoreError, logged};

impl Store {
    /// Whether this card refused these keys before. `keys` names the keys (a PSAM's serial number), `card` is 卡识别码.
    /// Of a store that cannot be read, what this program itself held is known.
    pub fn pair_held(&self, keys: &[u8], card: &[u8; 16]) -> bool {
        let held = self.pair(keys, card).and_then(|pair| {
            if self.unkept().contains(&pair) {
                return Ok(true);
            }
            let db = self.db();
            let mut statement = db.prepare_cached("SELECT 1 FROM held_pairs WHERE pair = ?1")?;
            Ok(statement.exists(params![pair])?)
        });
        logged(held).unwrap_or(false)
    }

    /// Holds keys and card apart from now on; where it cannot be written, as long as this program runs: on a full disk
    /// as well a few more tries would lock the card.
    pub fn hold_pair(&self, keys: &[u8], card: &[u8; 16]) {
        let Some(pair) = logged(self.pair(keys, card)) else { return };
        if logged(self.execute("INSERT OR IGNORE INTO held_pairs VALUES (?1)", params![pair])).is_none() {
            self.unkept().insert(pair);
        }
    }

    /// Releases every pair and says how many there were.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn release_pairs(&self) -> Result<usize, StoreError> {
        let kept = self.db().execute("DELETE FROM held_pairs", [])?;
        Ok(kept + std::mem::take(&mut *self.unkept()).len())
    }

    /// The map is whole at every moment, also after a panic elsewhere.
    fn unkept(&self) -> MutexGuard<'_, BTreeSet<[u8; 32]>> {
        self.unkept_pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pair's name: a keyed hash, so that the file names no card.
    fn pair(&self, keys: &[u8], card: &[u8; 16]) -> Result<[u8; 32], StoreError> {
        let salt = hmac::Key::new(hmac::HMAC_SHA256, &self.salt()?);
        // The card's length is fixed, so where the keys' name ends cannot be mistaken.
        let tag = hmac::sign(&salt, &[card.as_slice(), keys].concat());
        tag.as_ref().try_into().map_err(|_| StoreError("a hash of another length".to_owned()))
    }

    /// This store's own salt, made when it is first needed; where it cannot be written, this program's own.
    fn salt(&self) -> Result<[u8; 32], StoreError> {
        if let Some(salt) = self.salt.get() {
            return Ok(*salt);
        }
        let mut fresh = [0; 32];
        SystemRandom::new().fill(&mut fresh).map_err(|_| StoreError("no random bytes".to_owned()))?;
        let salt = logged(self.kept_salt(&fresh)).unwrap_or(fresh);
        Ok(*self.salt.get_or_init(|| salt))
    }

    /// The salt in the file; `fresh`, if there was none.
    fn kept_salt(&self, fresh: &[u8; 32]) -> Result<[u8; 32], StoreError> {
        let db = self.db();
        let mut kept = db.prepare_cached("SELECT salt FROM salt")?;
        if let Some(salt) = kept.query_row([], |row| row.get(0)).optional()? {
            return Ok(salt);
        }
        // Another process may have been quicker: its salt stays.
        db.prepare_cached("INSERT OR IGNORE INTO salt VALUES (1, ?1)")?.execute(params![fresh])?;
        Ok(kept.query_row([], |row| row.get(0))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_held_until_it_is_released() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let (card, other) = ([7; 16], [8; 16]);
        Store::open(&path).unwrap().hold_pair(b"psam", &card);
        let store = Store::open(&path).unwrap();
        assert!(store.pair_held(b"psam", &card));
        assert!(!store.pair_held(b"psam", &other));
        assert!(!store.pair_held(b"another", &card));
        store.hold_pair(b"psam", &card);
        assert_eq!(store.release_pairs().unwrap(), 1);
        assert!(!store.pair_held(b"psam", &card));
    }

    #[test]
    fn a_pair_that_cannot_be_written_is_held_all_the_same() {
        let store = Store::in_memory().unwrap();
        store.db().execute_batch("PRAGMA query_only = ON").unwrap();
        store.hold_pair(b"psam", &[7; 16]);
        assert!(store.pair_held(b"psam", &[7; 16]));
        assert!(!store.pair_held(b"psam", &[8; 16]));
        assert!(store.release_pairs().is_err(), "nothing is released that could not be written");
        store.db().execute_batch("PRAGMA query_only = OFF").unwrap();
        assert_eq!(store.release_pairs().unwrap(), 1);
        assert!(!store.pair_held(b"psam", &[7; 16]));
    }

    #[test]
    fn the_file_names_no_card() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let card = *b"D1560000053000AB";
        {
            let store = Store::open(&path).unwrap();
            store.hold_pair(b"psam", &card);
        }
        let plain = ring::digest::digest(&ring::digest::SHA256, &card);
        let file = std::fs::read(&path).unwrap();
        assert!(file.windows(7).any(|part| part == b"held_pa"), "the search finds what is there");
        for secret in [card.as_slice(), plain.as_ref()] {
            assert!(!file.windows(secret.len()).any(|part| part == secret));
        }
    }
}
