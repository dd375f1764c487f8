//! Which notices a holder was given.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::params;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::wire::Digest;

impl Store {
    /// A holder was told how a transaction came out; once is enough. `what` tells apart what there was to tell.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn acknowledge(
        &self,
        (id, what): (Uuid, &str),
        holder: Digest,
        operator: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.durably(
            "INSERT OR IGNORE INTO told VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id.as_bytes(), what, holder.0, operator, at.as_millisecond()],
        )
    }

    /// The transactions that a holder was told of, and what of each.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn acknowledged(&self, holder: Digest) -> Result<BTreeSet<(Uuid, String)>, StoreError> {
        let db = self.db();
        let mut statement = db.prepare_cached("SELECT id, what FROM told WHERE holder = ?1")?;
        let told = statement.query_map([holder.0], |row| Ok((Uuid::from_bytes(row.get(0)?), row.get(1)?)))?;
        Ok(told.collect::<Result<_, _>>()?)
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
        for what in ["", "2015-08-03 1.00", ""] {
            Store::open(&path).unwrap().acknowledge((id, what), holder, "0001", Timestamp::UNIX_EPOCH).unwrap();
        }
        let store = Store::open(&path).unwrap();
        let told = ["", "2015-08-03 1.00"].map(|what| (id, what.to_owned()));
        assert_eq!(store.acknowledged(holder).unwrap(), BTreeSet::from(told));
        assert!(store.acknowledged(Digest([8; 32])).unwrap().is_empty());
    }
}
