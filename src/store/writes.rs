//! What was begun on cards and not yet seen to end: writes, and transactions on their accounts. What each is stands
//! sealed by whoever began it: here is only which card it is on, by a keyed hash that differs with the kind.

use rusqlite::{Connection, Row, params};

use super::errors::LOST_WRITES;
use super::{Store, StoreError};

/// A write that was begun.
pub struct OpenWrite {
    /// Its number.
    pub id: i64,
    /// What stands for its card.
    pub card: [u8; 32],
    /// What it is, sealed.
    pub sealed: Vec<u8>,
}

/// What is undertaken on a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undertaking {
    /// A write to its files.
    Write,
    /// A transaction on its medical account.
    Account,
}

impl Undertaking {
    /// What stands for the keys in the name of a card by itself.
    fn name(self) -> &'static [u8] {
        match self {
            Self::Write => b"writes",
            Self::Account => b"account",
        }
    }
}

/// What stands for the card of a write that nobody can find any more, since what its card was named by is lost.
const NOBODY: &str = "zeroblob(32)";

/// What was begun before the salt was made belongs to cards that have other names now.
pub(super) fn orphan_writes(db: &Connection) -> rusqlite::Result<()> {
    let lost = db.execute(&format!("UPDATE writes SET card = {NOBODY} WHERE card != {NOBODY}"), [])?;
    if lost > 0 {
        tracing::error!(
            code = LOST_WRITES.code,
            lost,
            "the cards of writes and transactions that are open are not known any more"
        );
    }
    Ok(())
}

/// There may have been one that could not be read.
pub(super) fn lose_write(db: &Connection) -> rusqlite::Result<()> {
    db.execute(&format!("INSERT INTO writes (card, sealed) VALUES ({NOBODY}, x'')"), []).map(drop)
}

/// How much was begun and not seen to end, on all cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenCount {
    /// All of it.
    pub open: u64,
    /// Of it what no card will be found to have.
    pub lost: u64,
}

impl Store {
    /// How much was begun on cards and not seen to end.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn count_writes(&self) -> Result<OpenCount, StoreError> {
        // Where the salt is gone, that is found out here.
        self.pair(Undertaking::Write.name(), &[0; 16])?;
        let count = format!("SELECT count(*), coalesce(sum(card = {NOBODY}), 0) FROM writes");
        let db = self.db();
        Ok(db.query_row(&count, [], |row| Ok(OpenCount { open: row.get(0)?, lost: row.get(1)? }))?)
    }

    /// Forgets what no card will be found to have; how much it was.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn discard_lost_writes(&self) -> Result<u64, StoreError> {
        let lost = self.count_writes()?.lost;
        self.execute(&format!("DELETE FROM writes WHERE card = {NOBODY}"), [])?;
        Ok(lost)
    }

    /// Keeps a write before it is begun: on the disk when this returns, since a card may be pulled at any moment.
    ///
    /// # Errors
    /// When it cannot be written: then nothing may be written to the card.
    pub fn begin_write(&self, what: Undertaking, card: &[u8; 16], sealed: &[u8]) -> Result<i64, StoreError> {
        let card = self.pair(what.name(), card)?;
        self.durably("INSERT INTO writes (card, sealed) VALUES (?1, ?2)", params![card, sealed])?;
        let newest = "SELECT max(id) FROM writes WHERE card = ?1";
        Ok(self.db().prepare_cached(newest)?.query_row(params![card], |row| row.get(0))?)
    }

    /// The writes on a card that were not seen to end, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open_writes(&self, what: Undertaking, card: &[u8; 16]) -> Result<Vec<OpenWrite>, StoreError> {
        let card = self.pair(what.name(), card)?;
        let db = self.db();
        let mut statement = db.prepare_cached("SELECT id, card, sealed FROM writes WHERE card = ?1 ORDER BY id")?;
        let rows = statement.query_map(params![card], open)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Those of all cards, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn all_open_writes(&self) -> Result<Vec<OpenWrite>, StoreError> {
        let db = self.db();
        let mut statement = db.prepare_cached("SELECT id, card, sealed FROM writes ORDER BY id")?;
        let rows = statement.query_map([], open)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What stands for a card in the rows of what is undertaken on it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn card_of(&self, what: Undertaking, card: &[u8; 16]) -> Result<[u8; 32], StoreError> {
        self.pair(what.name(), card)
    }

    /// Puts something else in a row's place: on the disk when this returns.
    ///
    /// # Errors
    /// When the store cannot be written: what stood there stands there still.
    pub fn change_write(&self, id: i64, sealed: &[u8]) -> Result<(), StoreError> {
        self.durably("UPDATE writes SET sealed = ?2 WHERE id = ?1", params![id, sealed])
    }

    /// A write has ended: nothing of it stays in the file, nor in its log once that is written back, which is done here
    /// unless the disk fails just then.
    ///
    /// # Errors
    /// When the store cannot be written: the write is then looked at again when the card comes next.
    pub fn end_write(&self, id: i64) -> Result<(), StoreError> {
        self.execute("DELETE FROM writes WHERE id = ?1", params![id])?;
        if let Err(error) = self.db().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!(%error, "the store's log is written back later");
        }
        Ok(())
    }
}

fn open(row: &Row<'_>) -> rusqlite::Result<OpenWrite> {
    Ok(OpenWrite { id: row.get(0)?, card: row.get(1)?, sealed: row.get(2)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::held::tests::{root, ruin};

    #[test]
    fn a_write_is_kept_until_it_has_ended_and_names_no_card() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let (card, other) = (*b"D1560000053000AB", [8; 16]);
        let first = Store::open(&path).unwrap().begin_write(Undertaking::Write, &card, b"sealed-first").unwrap();
        let store = Store::open(&path).unwrap();
        let second = store.begin_write(Undertaking::Write, &card, b"sealed-second").unwrap();
        let open =
            |card| store.open_writes(Undertaking::Write, card).unwrap().into_iter().map(|open| (open.id, open.sealed));
        let expected = [(first, b"sealed-first".to_vec()), (second, b"sealed-second".to_vec())];
        assert!(open(&card).eq(expected.clone()) && open(&other).next().is_none());
        store.end_write(first).unwrap();
        assert!(open(&card).eq([expected[1].clone()]));
        let file = std::fs::read(&path).unwrap();
        let has = |what: &[u8]| file.windows(what.len()).any(|part| part == what);
        assert!(has(b"sealed-second"), "the search finds what is there");
        assert!(!has(b"sealed-first") && !has(&card));
    }

    #[test]
    fn a_write_that_cannot_be_kept_is_told() {
        let store = Store::in_memory().unwrap();
        store.open_writes(Undertaking::Account, &[7; 16]).unwrap();
        store.db().execute_batch("PRAGMA query_only = ON").unwrap();
        assert!(store.begin_write(Undertaking::Write, &[7; 16], b"sealed").is_err());
    }

    #[test]
    fn what_was_begun_under_a_salt_that_is_lost_is_counted_until_it_is_discarded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let store = Store::open(&path).unwrap();
        store.begin_write(Undertaking::Write, &[7; 16], b"sealed").unwrap();
        store.begin_write(Undertaking::Account, &[8; 16], b"sealed").unwrap();
        assert_eq!(store.count_writes().unwrap(), OpenCount { open: 2, lost: 0 });
        store.db().execute("DELETE FROM salt", []).unwrap();
        drop(store);
        let store = Store::open(&path).unwrap();
        assert_eq!(store.count_writes().unwrap(), OpenCount { open: 2, lost: 2 });
        store.begin_write(Undertaking::Write, &[7; 16], b"another").unwrap();
        assert_eq!(store.count_writes().unwrap(), OpenCount { open: 3, lost: 2 });
        assert_eq!((store.discard_lost_writes().unwrap(), store.discard_lost_writes().unwrap()), (2, 0));
        assert_eq!(store.open_writes(Undertaking::Write, &[7; 16]).unwrap().len(), 1);
    }

    #[test]
    fn what_a_damaged_store_held_of_them_is_not_silently_gone() {
        for (table, lost) in [("salt", 1), ("writes", 1), ("accumulators", 0)] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("store.db");
            Store::open(&path).unwrap().begin_write(Undertaking::Write, &[7; 16], b"sealed").unwrap();
            ruin(&path, root(&path, table));
            let (store, renewed) = Store::open_or_renew(&path, jiff::Timestamp::UNIX_EPOCH).unwrap();
            assert!(renewed.is_some(), "{table}");
            assert_eq!(store.count_writes().unwrap(), OpenCount { open: 1, lost }, "{table}");
        }
    }
}
