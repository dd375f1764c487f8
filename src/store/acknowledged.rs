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

    /// Forgets what the centre told of persons before a moment and never again since; how many records that were. What
    /// is counted in a year or an admission is told anew as long as anybody asks for it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn forget_told_before(&self, moment: Timestamp) -> Result<usize, StoreError> {
        let db = self.db();
        Ok(db.prepare_cached("DELETE FROM accumulators WHERE as_of < ?1")?.execute([moment.as_millisecond()])?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::store::Accumulators;

    #[test]
    fn what_was_told_long_ago_is_forgotten() {
        let store = Store::in_memory().unwrap();
        let holder = Digest([7; 32]);
        let told = |scope: &str, as_of: &str| {
            let as_of: Timestamp = as_of.parse().unwrap();
            let told = Accumulators { values: Map::new(), as_of, asked: as_of };
            store.remember_accumulators(holder, scope, &told).unwrap();
        };
        told("310/year/2014", "2014-12-30T00:00:00Z");
        told("310/year/2015", "2015-08-01T00:00:00Z");
        assert_eq!(store.forget_told_before("2015-01-01T00:00:00Z".parse().unwrap()).unwrap(), 1);
        assert_eq!(store.accumulators(holder, "310/year/2014").unwrap(), None);
        assert!(store.accumulators(holder, "310/year/2015").unwrap().is_some());
    }

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
