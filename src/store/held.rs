//! What is held on from a damaged store: what is nowhere else, as far as it can be read.

use std::path::Path;

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, Error, ErrorCode, params_from_iter};

use super::writes::lose_write;
use super::{BUSY, Store, StoreError, not_newer};

/// Where something is that is nowhere else, and which table takes it.
struct Source {
    from: &'static str,
    columns: &'static str,
    /// In whose order it is read, from either end. Something has that order, so that nothing has to be sorted first.
    by: &'static str,
    into: &'static str,
}

/// A card costs a try each time that the pairs are forgotten, a holder who was told is told, and pays, once more, and what
/// is handed over is not known. The rest is asked for again.
const SOURCES: [Source; 11] = [
    Source { from: "salt", columns: "*", by: "id", into: "salt" },
    Source { from: "held_pairs", columns: "*", by: "pair", into: "held_pairs" },
    Source { from: "open_tries", columns: "*", by: "pair", into: "open_tries" },
    // By the salt, which is before them, a card finds its own again.
    Source { from: "writes", columns: "*", by: "id", into: "writes" },
    Source { from: "told", columns: "*", by: "id", into: "told" },
    // What an earlier program has in place of it.
    Source { from: "acknowledged", columns: "id, '' AS what, holder, operator, at", by: "id", into: "told" },
    Source { from: "shifts", columns: "*", by: "number", into: "shifts" },
    Source { from: "reconciliations", columns: "*", by: "date", into: "reconciliations" },
    Source { from: "differences", columns: "*", by: "id", into: "differences" },
    // Below its serial no list is taken in.
    Source { from: "blacklist", columns: "*", by: "id", into: "blacklist" },
    Source { from: "catalogue", columns: "*", by: "id", into: "catalogue" },
];

/// Who was told of what is in an index as well: of what cannot be read in the table, what it came to is not known any more,
/// nor who told it, and nobody is told once more.
const NAMES: Source = Source {
    from: "told INDEXED BY told_holder",
    columns: "id, what, holder, '' AS operator, 0 AS at",
    by: "holder",
    into: "told",
};

/// What was held on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// How many records were kept.
    pub(super) kept: u64,
    /// How many could not be read; none where nobody can tell.
    pub(super) lost: Option<u64>,
}

/// What was read from one end of a table.
#[derive(Default)]
struct Read {
    rows: u64,
    kept: u64,
    /// It came to the other end.
    whole: bool,
}

impl Store {
    /// Takes over what can be read of what is nowhere else: on the disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written, or a newer program wrote the damaged one.
    pub(super) fn hold_on(&self, damaged: &Path) -> Result<Held, StoreError> {
        let old = Connection::open(damaged)?;
        old.busy_timeout(BUSY)?;
        if let Err(newer @ StoreError::Newer(_)) = not_newer(&old) {
            return Err(newer);
        }
        let mut db = self.db();
        db.execute_batch("PRAGMA synchronous = FULL")?;
        let new = db.transaction()?;
        let mut all = Held { kept: 0, lost: Some(0) };
        for source in &SOURCES {
            let held = source.hold_on(&old, &new)?;
            if source.into == "writes" && held.lost != Some(0) {
                lose_write(&new)?;
            }
            all.kept += held.kept;
            all.lost = all.lost.zip(held.lost).map(|(all, lost)| all + lost);
        }
        NAMES.hold_on(&old, &new)?;
        new.commit()?;
        Ok(all)
    }
}

impl Source {
    /// From both ends: what cannot be read keeps nothing from what is behind it.
    fn hold_on(&self, old: &Connection, new: &Connection) -> Result<Held, StoreError> {
        let first = self.read(old, new, "ASC")?;
        if first.whole {
            return Ok(Held { kept: first.kept, lost: Some(first.rows - first.kept) });
        }
        let kept = first.kept + self.read(old, new, "DESC")?.kept;
        let count = format!("SELECT count(*) FROM {}", self.from);
        // An index of the table may tell.
        let rows: Option<u64> = old.query_row(&count, [], |row| row.get(0)).ok();
        let lost = rows.map(|rows| rows.saturating_sub(kept));
        tracing::error!(table = self.from, kept, lost, "a table of the damaged store cannot be read wholly");
        Ok(Held { kept, lost })
    }

    /// The rows from one end up to the first that cannot be read. One that is none of the table's keeps nothing from the
    /// others.
    fn read(&self, old: &Connection, new: &Connection, way: &str) -> Result<Read, StoreError> {
        let Self { from, columns, by, into } = self;
        let mut read = Read::default();
        let mut select = match old.prepare(&format!("SELECT {columns} FROM {from} ORDER BY {by} {way}")) {
            // An earlier version does not have it.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => {
                return Ok(Read { whole: true, ..read });
            }
            Err(error) if is_unreadable(&error) => return Ok(read),
            select => select?,
        };
        // Nor all of its columns.
        let names = select.column_names().join(", ");
        let width = select.column_count();
        let places = vec!["?"; width].join(", ");
        let mut insert = new.prepare(&format!("INSERT OR IGNORE INTO {into} ({names}) VALUES ({places})"))?;
        let mut rows = select.query([])?;
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(Read { whole: true, ..read }),
                Err(error) if is_unreadable(&error) => return Ok(read),
                Err(error) => return Err(error.into()),
            };
            read.rows += 1;
            // As it is, also where a text is none.
            let values: Result<Vec<_>, _> = (0..width).map(|nth| row.get_ref(nth).map(ToSqlOutput::Borrowed)).collect();
            match insert.execute(params_from_iter(values?)) {
                Ok(kept) => read.kept += kept as u64,
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn is_unreadable(error: &Error) -> bool {
    use ErrorCode::{DatabaseCorrupt, NotADatabase, SystemIoFailure};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase | SystemIoFailure))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::FileExt as _;

    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::store::shifts::tests::shift;
    use crate::store::{Renewed, Told};
    use crate::value::Fen;
    use crate::wire::Digest;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;
    const HOLDER: Digest = Digest([7; 32]);

    /// The page at which a table begins.
    pub(in crate::store) fn root(path: &Path, table: &str) -> u64 {
        let db = Connection::open(path).unwrap();
        db.query_row("SELECT rootpage FROM sqlite_master WHERE name = ?1", [table], |row| row.get(0)).unwrap()
    }

    pub(in crate::store) fn ruin(path: &Path, page: u64) {
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        file.write_all_at(&[0xFF; 64], (page - 1) * PAGE).unwrap();
    }

    /// SQLite's pages, in bytes.
    const PAGE: u64 = 4096;

    /// The pages below the first one of a table, in the order of its rows.
    fn below(path: &Path, table: &str) -> Vec<u64> {
        let file = std::fs::read(path).unwrap();
        let page = &file[usize::try_from((root(path, table) - 1) * PAGE).unwrap()..];
        let number = |at: usize| u64::from(u32::from_be_bytes(page[at..at + 4].try_into().unwrap()));
        let short = |at: usize| usize::from(u16::from_be_bytes([page[at], page[at + 1]]));
        assert!(matches!(page[0], 2 | 5), "there are none");
        (0..short(3)).map(|nth| number(short(12 + 2 * nth))).chain([number(8)]).collect()
    }

    /// A holder was told 2000 times, which takes some forty pages.
    fn told_often(path: &Path) {
        let told = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000)
             INSERT INTO told SELECT CAST(printf('%016d', n) AS BLOB), '', ?1, '1', 0, 'S1', 100 FROM n";
        Store::open(path).unwrap().execute(told, [HOLDER.0]).unwrap();
    }

    fn renewed(path: &Path) -> (Store, Renewed) {
        let (store, renewed) = Store::open_or_renew(path, AT).unwrap();
        (store, renewed.unwrap())
    }

    #[test]
    fn each_table_is_held_on_or_is_learned_again() {
        let store = Store::in_memory().unwrap();
        let db = store.db();
        let mut tables =
            db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'").unwrap();
        let tables: BTreeSet<String> =
            tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        let learned_again = ["card_types", "psam_levels", "accumulators", "answers"];
        let held = SOURCES.iter().map(|source| source.into);
        assert_eq!(tables, held.chain(learned_again).map(str::to_owned).collect());
    }

    #[test]
    fn what_is_nowhere_else_and_can_be_read_in_a_damaged_store_is_held_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let (keys, card) = ([7; 10], [8; 16]);
        let store = Store::open(&path).unwrap();
        store.hold_pair(&keys, &card);
        let id = Uuid::from_u128(7);
        let told = Told { id, revision: 2, holder: HOLDER, operator: "1", shift: "S1", cash: Some(Fen(-480)), at: AT };
        store.acknowledge(&told).unwrap();
        let shift = shift("2015080308000000", "0001");
        store.keep_shift(&shift).unwrap();
        drop(store);
        ruin(&path, root(&path, "accumulators"));
        let (store, what) = renewed(&path);
        assert_eq!((what.kept, what.lost), (Some(4), Some(0)), "with the salt");
        assert!(store.pair_held(&keys, &card).unwrap() && !store.pair_held(&keys, &[9; 16]).unwrap());
        assert_eq!(store.acknowledged(HOLDER).unwrap(), [((id, 2), Some(Fen(-480)))].into());
        assert_eq!(store.told_in("S1").unwrap().cash, Some(Fen(-480)));
        assert_eq!(store.open_shifts().unwrap(), [shift]);
    }

    #[test]
    fn a_page_that_is_ruined_keeps_nothing_from_what_is_before_and_behind_it() {
        for leaf in [0, 1, 17] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("store.db");
            told_often(&path);
            ruin(&path, below(&path, "told")[leaf]);
            let (store, what) = renewed(&path);
            let (kept, lost) = (what.kept.unwrap(), what.lost.unwrap());
            assert!((1..100).contains(&lost) && kept + lost == 2000, "leaf {leaf}: {kept} kept, {lost} lost");
            let told = store.acknowledged(HOLDER).unwrap();
            assert_eq!(told.len(), 2000, "nobody is told once more");
            assert_eq!(
                told.values().filter(|cash| cash.is_none()).count() as u64,
                lost,
                "what it came to is not known"
            );
            assert_eq!(store.told_in("S1").unwrap().count, kept);
        }
    }

    #[test]
    fn who_was_told_is_known_where_nothing_of_the_table_can_be_read_and_where_nothing_of_its_index_can() {
        for (name, cash, counts) in
            [("told", None, (Some(0), Some(2000))), ("told_holder", Some(Fen(100)), (Some(2000), Some(0)))]
        {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("store.db");
            told_often(&path);
            ruin(&path, root(&path, name));
            let (store, what) = renewed(&path);
            let told = store.acknowledged(HOLDER).unwrap();
            assert!(told.len() == 2000 && told.values().all(|found| *found == cash), "{name}: {}", told.len());
            assert_eq!((what.kept, what.lost), counts, "{name}");
        }
    }

    #[test]
    fn what_an_earlier_program_kept_of_it_is_held_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let old = Connection::open(&path).unwrap();
        for step in [
            include_str!("schema/v1.sql"),
            include_str!("schema/v2.sql"),
            include_str!("schema/v3.sql"),
            include_str!("schema/v4.sql"),
            include_str!("schema/v5.sql"),
            include_str!("schema/v6.sql"),
        ] {
            old.execute_batch(step).unwrap();
        }
        let id = Uuid::from_u128(7);
        old.execute("INSERT INTO acknowledged VALUES (?1, ?2, '1', 0)", (id.as_bytes(), HOLDER.0)).unwrap();
        old.execute_batch("PRAGMA user_version = 6").unwrap();
        drop(old);
        ruin(&path, root(&path, "accumulators"));
        let (store, what) = renewed(&path);
        assert_eq!((what.kept, what.lost), (Some(1), Some(0)));
        assert_eq!(store.acknowledged(HOLDER).unwrap(), [((id, 0), None)].into());
    }

    #[test]
    fn what_is_no_text_any_more_is_held_on_as_it_is_and_what_is_none_of_the_tables_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let old = Connection::open(&path).unwrap();
        let tables = "CREATE TABLE reconciliations (date TEXT PRIMARY KEY, run); CREATE TABLE accumulators (as_of);
            INSERT INTO reconciliations VALUES ('2015-08-01', CAST(x'FF' AS TEXT)), ('2015-08-02', x'FF'), ('2015-08-03', '{}');
            PRAGMA user_version = 8;";
        old.execute_batch(tables).unwrap();
        drop(old);
        ruin(&path, root(&path, "accumulators"));
        let (store, what) = renewed(&path);
        assert_eq!((what.kept, what.lost), (Some(2), Some(1)));
        let days = "SELECT group_concat(date, ' ') FROM reconciliations";
        let days: String = store.db().query_row(days, [], |row| row.get(0)).unwrap();
        assert_eq!(days, "2015-08-01 2015-08-03");
    }

    #[test]
    fn what_cannot_be_written_is_no_store_that_was_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        told_often(&path);
        let new = Store::in_memory().unwrap();
        new.db().execute_batch("PRAGMA query_only = ON").unwrap();
        assert!(new.hold_on(&path).is_err());
    }
}
