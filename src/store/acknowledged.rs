//! Which notices a holder was given.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use rusqlite::params;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::wire::Digest;

impl Store {
    /// A holder was told how a transaction came out, after so many revisions; once is enough.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn acknowledge(
        &self,
        (id, revision): (Uuid, u32),
        holder: Digest,
        operator: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.durably(
            "INSERT OR IGNORE INTO told VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id.as_bytes(), text(revision), holder.0, operator, at.as_millisecond()],
        )
    }

    /// The transactions that a holder was told of, each with the revisions that it had then.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn acknowledged(&self, holder: Digest) -> Result<BTreeSet<(Uuid, u32)>, StoreError> {
        let db = self.db();
        let mut statement = db.prepare_cached("SELECT id, what FROM told WHERE holder = ?1")?;
        let told = statement
            .query_map([holder.0], |row| Ok((Uuid::from_bytes(row.get(0)?), revision(&row.get::<_, String>(1)?))))?;
        Ok(told.collect::<Result<_, _>>()?)
    }

    /// All transactions that their holders were told of, each with the most revisions that it had then.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn all_acknowledged(&self) -> Result<HashMap<Uuid, u32>, StoreError> {
        let db = self.db();
        let mut statement = db.prepare_cached("SELECT id, what FROM told")?;
        let mut rows = statement.query([])?;
        let mut told = HashMap::new();
        while let Some(row) = rows.next()? {
            let (id, revision) = (Uuid::from_bytes(row.get(0)?), revision(&row.get::<_, String>(1)?));
            told.entry(id).and_modify(|most: &mut u32| *most = (*most).max(revision)).or_insert(revision);
        }
        Ok(told)
    }
}

/// As it stands in the column: nothing where nothing was revised.
fn text(revision: u32) -> String {
    if revision == 0 { String::new() } else { revision.to_string() }
}

/// Read again; what was written before revisions were counted has the figures that were taken over.
fn revision(text: &str) -> u32 {
    text.parse().unwrap_or(u32::from(!text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_holder_was_told_is_theirs_and_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let (id, holder) = (Uuid::from_u128(7), Digest([7; 32]));
        for revision in [0, 12, 0] {
            Store::open(&path).unwrap().acknowledge((id, revision), holder, "0001", Timestamp::UNIX_EPOCH).unwrap();
        }
        let store = Store::open(&path).unwrap();
        assert_eq!(store.acknowledged(holder).unwrap(), BTreeSet::from([(id, 0), (id, 12)]));
        store.acknowledge((Uuid::from_u128(8), 0), Digest([8; 32]), "0001", Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(store.all_acknowledged().unwrap(), [(id, 12), (Uuid::from_u128(8), 0)].into());
        assert_eq!(revision("2015-08-03 1.00"), 1, "from before they were counted");
        assert!(store.acknowledged(Digest([9; 32])).unwrap().is_empty());
    }
}
