//! Which notices a holder was given. None is ever deleted: a transaction is told of by its header, which stays in the
//! journal when the rest of it is erased, and one that a damaged journal lost is there again once a copy is put back.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use rusqlite::params;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::value::Fen;
use crate::wire::Digest;

/// That a holder was told how a transaction came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told<'a> {
    /// The transaction.
    pub id: Uuid,
    /// After so many revisions of its figures.
    pub revision: u32,
    /// The holder, as a keyed hash.
    pub holder: Digest,
    /// Who told them.
    pub operator: &'a str,
    /// Their shift.
    pub shift: &'a str,
    /// What was to be paid in cash by it, beyond what was told before; less than nothing was to be paid back. None where
    /// that is not known any more.
    pub cash: Option<Fen>,
    /// When.
    pub at: Timestamp,
}

/// What holders were told of transactions that were carried out before, in a shift.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ToldInShift {
    /// How many times one was told.
    pub count: u64,
    /// What they were told to pay in cash by that, less what was to be paid back to them; none where that is not known of
    /// one of them.
    #[schema(required)]
    pub cash: Option<Fen>,
}

impl Store {
    /// A holder was told; once is enough.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn acknowledge(&self, told: &Told<'_>) -> Result<(), StoreError> {
        let Told { id, revision, holder, operator, shift, cash, at } = told;
        self.durably(
            "INSERT OR IGNORE INTO told (id, what, holder, operator, shift, cash, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                id.as_bytes(),
                text(*revision),
                holder.0,
                operator,
                shift,
                cash.map(|cash| cash.0),
                at.as_millisecond()
            ],
        )
    }

    /// The transactions that a holder was told of, each with the revisions that it had then, and what was to be paid by
    /// that.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn acknowledged(&self, holder: Digest) -> Result<BTreeMap<(Uuid, u32), Option<Fen>>, StoreError> {
        let db = self.db();
        let mut statement = db.prepare_cached("SELECT id, what, cash FROM told WHERE holder = ?1")?;
        let told = statement.query_map([holder.0], |row| {
            let key = (Uuid::from_bytes(row.get(0)?), revision(&row.get::<_, String>(1)?));
            Ok((key, row.get::<_, Option<i64>>(2)?.map(Fen)))
        })?;
        Ok(told.collect::<Result<_, _>>()?)
    }

    /// Who told a holder of a transaction as it stood after so many revisions; `None` where nobody did.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn told_by(&self, id: Uuid, revisions: u32) -> Result<Option<String>, StoreError> {
        let db = self.db();
        let mut statement = db.prepare_cached("SELECT what, operator FROM told WHERE id = ?1")?;
        let mut rows = statement.query([id.as_bytes()])?;
        while let Some(row) = rows.next()? {
            if revision(&row.get::<_, String>(0)?) == revisions {
                return Ok(Some(row.get(1)?));
            }
        }
        Ok(None)
    }

    /// What was told in a shift.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn told_in(&self, shift: &str) -> Result<ToldInShift, StoreError> {
        let db = self.db();
        let mut statement = db.prepare_cached("SELECT count(*), sum(cash), count(cash) FROM told WHERE shift = ?1")?;
        Ok(statement.query_row([shift], |row| {
            let (count, sum, known): (u64, Option<i64>, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(ToldInShift { count, cash: (known == count).then(|| Fen(sum.unwrap_or_default())) })
        })?)
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
        let told = |revision, shift, cash| Told {
            id,
            revision,
            holder,
            operator: "0001",
            shift,
            cash,
            at: Timestamp::UNIX_EPOCH,
        };
        for one in [told(0, "S1", Some(Fen(500))), told(12, "S1", Some(Fen(-700))), told(0, "S2", None)] {
            Store::open(&path).unwrap().acknowledge(&one).unwrap();
        }
        let store = Store::open(&path).unwrap();
        let both = BTreeMap::from([((id, 0), Some(Fen(500))), ((id, 12), Some(Fen(-700)))]);
        assert_eq!(store.acknowledged(holder).unwrap(), both);
        assert_eq!(store.told_by(id, 12).unwrap().as_deref(), Some("0001"));
        assert_eq!(store.told_by(id, 1).unwrap(), None);
        assert_eq!(store.told_in("S1").unwrap(), ToldInShift { count: 2, cash: Some(Fen(-200)) });
        assert_eq!(store.told_in("S2").unwrap(), ToldInShift { count: 0, cash: Some(Fen(0)) }, "once is enough");
        store.acknowledge(&Told { id: Uuid::from_u128(8), ..told(0, "S1", None) }).unwrap();
        assert_eq!(store.told_in("S1").unwrap(), ToldInShift { count: 3, cash: None });
        assert_eq!(store.all_acknowledged().unwrap(), [(id, 12), (Uuid::from_u128(8), 0)].into());
        assert_eq!(revision("2015-08-03 1.00"), 1, "from before they were counted");
        assert!(store.acknowledged(Digest([9; 32])).unwrap().is_empty());
    }
}
