//! Keys and cards held apart: a card that refused one of a terminal's keys once is not tried with it again, since a few more
//! tries would lock it. A technician releases them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};

use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use rusqlite::{OptionalExtension as _, params};

use super::writes::orphan_writes;
use super::{Store, StoreError, logged};

const HELD: &str = "SELECT 1 FROM held_pairs WHERE pair = ?1";
const HOLD: &str = "INSERT OR IGNORE INTO held_pairs VALUES (?1)";
const OPEN: &str = "SELECT 1 FROM open_tries WHERE pair = ?1";
const BEGIN: &str = "INSERT OR IGNORE INTO open_tries VALUES (?1)";

impl Store {
    /// Whether these keys are not to be tried on this card. `keys` names which: one of the card's keys, or whose keys (by a
    /// PSAM's serial number) they are. `card` is 卡识别码.
    ///
    /// # Errors
    /// When the store cannot be read and this program itself did not hold the pair: it may be held.
    pub fn pair_held(&self, keys: &[u8], card: &[u8; 16]) -> Result<bool, StoreError> {
        let pair = self.pair(keys, card)?;
        let here = self.held_here().get(&pair).copied();
        if here == Some(false) {
            // The disk may have room by now: once it is in the file, whoever releases pairs there releases this one.
            if logged(self.change(HOLD, &pair)).is_some() {
                self.held_here().insert(pair, true);
            }
            return Ok(true);
        }
        // Asked of the file even where it is known here: another program may have released it since.
        match self.in_file(HELD, &pair) {
            Err(error) if here.is_some() => {
                tracing::warn!(%error, "the store");
                Ok(true)
            }
            found => found,
        }
    }

    /// Notes that these keys are about to be tried on this card. A try of which it was never seen how it ended (the card
    /// pulled, the program killed, an answer that is neither yes nor no) may have been a refusal. It is forgiven once, so
    /// that a card that was merely pulled is read when it is put in again. The second of them in a row is held like a
    /// refusal until it ends well: whatever happens, these keys cost a card two tries at most.
    ///
    /// # Errors
    /// When it cannot be written: it is known as long as this program runs, and no longer.
    pub fn begin_try(&self, keys: &[u8], card: &[u8; 16]) -> Result<(), StoreError> {
        let pair = self.pair(keys, card)?;
        let begun = self.change(BEGIN, &pair);
        let in_file = match &begun {
            Ok(rows) => *rows == 0,
            // One that cannot be read either may have been begun.
            Err(_) => self.in_file(OPEN, &pair).unwrap_or(true),
        };
        if in_file || self.open_here().contains(&pair) {
            let held = self.change(HOLD, &pair);
            self.held_here().insert(pair, held.is_ok());
            return held.map(drop);
        }
        if begun.is_err() {
            self.open_here().insert(pair);
        }
        begun.map(drop)
    }

    /// What was begun under one name counts under another from now on.
    pub fn rename_try(&self, from: &[u8], to: &[u8], card: &[u8; 16]) {
        let renamed = self.pair(from, card).and_then(|from| {
            let to = self.pair(to, card)?;
            let rename = "UPDATE OR REPLACE open_tries SET pair = ?2 WHERE pair = ?1";
            Ok(self.db().prepare_cached(rename)?.execute(params![from, to])?)
        });
        logged(renamed);
    }

    /// The try that was begun ended well.
    pub fn end_try(&self, keys: &[u8], card: &[u8; 16]) {
        let Some(pair) = logged(self.pair(keys, card)) else { return };
        self.open_here().remove(&pair);
        // What cannot be deleted now counts as a try that was never seen to end, which the next one that does puts right.
        logged(self.change("DELETE FROM open_tries WHERE pair = ?1", &pair));
        if self.held_here().remove(&pair).is_some() {
            logged(self.change("DELETE FROM held_pairs WHERE pair = ?1", &pair));
        }
    }

    /// Holds keys and card apart from now on; where it cannot be written, as long as this program runs: on a full disk
    /// as well a few more tries would lock the card.
    pub fn hold_pair(&self, keys: &[u8], card: &[u8; 16]) {
        let Some(pair) = logged(self.pair(keys, card)) else { return };
        let kept = logged(self.change(HOLD, &pair)).is_some();
        self.held_here().insert(pair, kept);
    }

    /// Releases every pair and says how many there were.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn release_pairs(&self) -> Result<usize, StoreError> {
        let kept = {
            let db = self.db();
            db.execute("DELETE FROM open_tries", [])?;
            db.execute("DELETE FROM held_pairs", [])?
        };
        self.open_here().clear();
        let here = std::mem::take(&mut *self.held_here());
        Ok(kept + here.values().filter(|kept| !**kept).count())
    }

    fn in_file(&self, sql: &str, pair: &[u8; 32]) -> Result<bool, StoreError> {
        let db = self.db();
        let mut statement = db.prepare_cached(sql)?;
        Ok(statement.exists(params![pair])?)
    }

    /// Carries out a change that is about one value; how many rows it made or took.
    fn change(&self, sql: &str, value: &[u8; 32]) -> Result<usize, StoreError> {
        Ok(self.db().prepare_cached(sql)?.execute(params![value])?)
    }

    /// As [`held_here`](Self::held_here).
    fn open_here(&self) -> MutexGuard<'_, BTreeSet<[u8; 32]>> {
        self.open_here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The map is whole at every moment, also after a panic elsewhere.
    fn held_here(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], bool>> {
        self.held_here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pair's name: a keyed hash, so that the file names no card.
    pub(super) fn pair(&self, keys: &[u8], card: &[u8; 16]) -> Result<[u8; 32], StoreError> {
        let salt = hmac::Key::new(hmac::HMAC_SHA256, &self.salt()?);
        // The card's length is fixed, so where the keys' name ends cannot be mistaken.
        let tag = hmac::sign(&salt, &[card.as_slice(), keys].concat());
        tag.as_ref().try_into().map_err(|_| StoreError::Failed("a hash of another length".to_owned()))
    }

    /// This store's own salt, made when it is first needed. Where there is none and it cannot be written, no pair can be
    /// in the file, and this program's own serves; one that cannot be read would make the file's pairs strangers.
    fn salt(&self) -> Result<[u8; 32], StoreError> {
        if let Some(salt) = self.salt.get() {
            return Ok(*salt);
        }
        let salt = match self.kept_salt()? {
            Some(salt) => salt,
            None => {
                let mut fresh = [0; 32];
                SystemRandom::new().fill(&mut fresh).map_err(|_| StoreError::Failed("no random bytes".to_owned()))?;
                logged(self.keep_salt(&fresh)).unwrap_or(fresh)
            }
        };
        Ok(*self.salt.get_or_init(|| salt))
    }

    fn kept_salt(&self) -> Result<Option<[u8; 32]>, StoreError> {
        Ok(self.db().prepare_cached("SELECT salt FROM salt")?.query_row([], |row| row.get(0)).optional()?)
    }

    /// Writes the salt, unless another process was quicker: then its salt stays. The one in the file. What is there of
    /// cards before their salt was made, was kept by one that is lost: no card finds it again.
    fn keep_salt(&self, fresh: &[u8; 32]) -> Result<[u8; 32], StoreError> {
        {
            let db = self.db();
            let both = db.unchecked_transaction()?;
            if both.execute("INSERT OR IGNORE INTO salt VALUES (1, ?1)", params![fresh])? == 1 {
                orphan_writes(&both)?;
            }
            both.commit()?;
        }
        self.kept_salt()?.ok_or_else(|| StoreError::Failed("the salt is gone".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: [u8; 16] = [7; 16];

    fn held(store: &Store) -> bool {
        store.pair_held(b"psam", &CARD).unwrap()
    }

    #[test]
    fn a_pair_is_held_until_it_is_released() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        Store::open(&path).unwrap().hold_pair(b"psam", &CARD);
        let store = Store::open(&path).unwrap();
        assert!(held(&store));
        assert!(!store.pair_held(b"psam", &[8; 16]).unwrap());
        assert!(!store.pair_held(b"another", &CARD).unwrap());
        store.hold_pair(b"psam", &CARD);
        // By another program, as a technician does beside a daemon.
        assert_eq!(Store::open(&path).unwrap().release_pairs().unwrap(), 1);
        assert!(!held(&store));
    }

    #[test]
    fn a_try_that_was_never_seen_to_end_is_forgiven_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        // Each time another program, since the one before was killed.
        let tried = || {
            let store = Store::open(&path).unwrap();
            store.begin_try(b"psam", &CARD).unwrap();
            store
        };
        drop(tried());
        assert!(!held(&Store::open(&path).unwrap()));
        drop(tried());
        assert!(held(&Store::open(&path).unwrap()), "the second in a row");
        assert_eq!(Store::open(&path).unwrap().release_pairs().unwrap(), 1);

        drop(tried());
        // The second ends well, and nothing of the first is left.
        tried().end_try(b"psam", &CARD);
        drop(tried());
        assert!(!held(&Store::open(&path).unwrap()));
        assert_eq!(Store::open(&path).unwrap().release_pairs().unwrap(), 0);
    }

    #[test]
    fn a_try_under_a_name_of_before_counts_as_the_first_of_two() {
        let store = Store::in_memory().unwrap();
        store.begin_try(b"before", &CARD).unwrap();
        store.rename_try(b"before", b"psam", &CARD);
        store.rename_try(b"before", b"psam", &CARD);
        assert!(!held(&store));
        store.begin_try(b"psam", &CARD).unwrap();
        assert!(held(&store));
    }

    #[test]
    fn a_pair_that_cannot_be_written_is_held_all_the_same() {
        let store = Store::in_memory().unwrap();
        assert!(!held(&store));
        store.db().execute_batch("PRAGMA query_only = ON").unwrap();
        store.hold_pair(b"psam", &CARD);
        assert!(held(&store));
        assert!(!store.pair_held(b"psam", &[8; 16]).unwrap());
        assert!(store.release_pairs().is_err(), "nothing is released that could not be written");
        store.db().execute_batch("PRAGMA query_only = OFF").unwrap();
        assert_eq!(store.release_pairs().unwrap(), 1);
        assert!(!held(&store));
    }

    #[test]
    fn a_pair_that_could_not_be_written_is_released_by_another_program_once_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let store = Store::open(&path).unwrap();
        assert!(!held(&store));
        store.db().execute_batch("PRAGMA query_only = ON").unwrap();
        store.hold_pair(b"psam", &CARD);
        store.db().execute_batch("PRAGMA query_only = OFF").unwrap();
        assert!(held(&store), "and written, now that there is room");
        assert_eq!(Store::open(&path).unwrap().release_pairs().unwrap(), 1);
        assert!(!held(&store));
    }

    #[test]
    fn a_try_that_cannot_be_written_is_told_and_counts_all_the_same() {
        let store = Store::in_memory().unwrap();
        assert!(!held(&store));
        let write = |may: bool| store.db().execute_batch(&format!("PRAGMA query_only = {}", !may)).unwrap();
        let begin = || store.begin_try(b"psam", &CARD).is_ok();
        write(false);
        assert!(!begin() && !held(&store));
        assert!(!begin() && held(&store), "the second in a row");
        store.end_try(b"psam", &CARD);
        assert!(!held(&store));
        // Begun on a full disk, and again on one that has room.
        assert!(!begin());
        write(true);
        assert!(begin() && held(&store));
        assert_eq!(store.release_pairs().unwrap(), 1);
        // And the other way round.
        assert!(begin());
        write(false);
        assert!(!begin() && held(&store));
        write(true);
        assert_eq!(store.release_pairs().unwrap(), 1);
    }

    #[test]
    fn a_store_that_could_never_be_written_holds_as_long_as_it_is_open() {
        let store = Store::in_memory().unwrap();
        store.db().execute_batch("PRAGMA query_only = ON").unwrap();
        assert!(!held(&store));
        assert!(store.begin_try(b"psam", &CARD).is_err());
        store.hold_pair(b"psam", &CARD);
        assert!(held(&store));
    }

    #[test]
    fn a_store_that_cannot_be_read_knows_what_this_program_held_and_says_so_of_the_rest() {
        let store = Store::in_memory().unwrap();
        store.hold_pair(b"psam", &CARD);
        store.db().execute_batch("ALTER TABLE held_pairs RENAME TO elsewhere").unwrap();
        assert!(held(&store));
        assert!(store.pair_held(b"psam", &[8; 16]).is_err());
        let other = Store::in_memory().unwrap();
        other.db().execute_batch("DROP TABLE salt").unwrap();
        assert!(other.pair_held(b"psam", &CARD).is_err());
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
