//! Which notices a holder was given.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::params;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::wire::Digest;

impl Store {
    /// A holder was told how a transaction came out; once is enough.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn acknowledge(&self, id: Uuid, holder: Digest, operator: &str, at: Timestamp) -> Result<(), StoreError> {
        self.durably(
            "INSERT OR IGNORE INTO acknowledged VALUES (?1, ?2, ?3, ?4)",
            params![id.as_bytes(), holder.0, operator, at.as_millisecond()],
        )
    }

    /// The transactions that a holder was told of.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn acknowledged(&self, holder: Digest) -> Result<BTreeSet<Uuid>, StoreError> {
        let db = self.db();
        let mut statement = db.prepare_cached("SELECT id FROM acknowledged WHERE holder = ?1")?;
        let ids = statement.query_map([holder.0], |row| row.get(0).map(Uuid::from_bytes))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_holder_was_told_is_theirs_and_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let (id, holder) = (Uuid::from_u128(7), Digest([7; 32]));
        for _ in 0..2 {
            Store::open(&path).unwrap().acknowledge(id, holder, "0001", Timestamp::UNIX_EPOCH).unwrap();
        }
        let store = Store::open(&path).unwrap();
        assert_eq!(store.acknowledged(holder).unwrap(), BTreeSet::from([id]));
        assert!(store.acknowledged(Digest([8; 32])).unwrap().is_empty());
    }
}
