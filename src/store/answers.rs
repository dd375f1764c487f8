//! What the centre answered to a lookup: kept among the accumulators, in a scope of its own, until it may be shown no more.

use jiff::Timestamp;
use rusqlite::params;

use super::{Store, StoreError};

impl Store {
    /// Forgets, for good, what is kept in scopes that have `part` in them, where `is_over` says so of its scope and of
    /// when it was asked for; how many records that were. What does not tell when it was asked for is over.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn forget_answers(&self, part: &str, is_over: impl Fn(&str, Timestamp) -> bool) -> Result<usize, StoreError> {
        let db = self.db();
        let mut kept = db.prepare_cached(
            "SELECT holder, scope, CASE WHEN json_valid(accumulators) THEN json_extract(accumulators, '$.asked') END
             FROM accumulators WHERE instr(scope, ?1) > 0",
        )?;
        let mut rows = kept.query([part])?;
        let mut over: Vec<(Vec<u8>, String)> = Vec::new();
        while let Some(row) = rows.next()? {
            let (scope, asked): (String, Option<String>) = (row.get(1)?, row.get(2)?);
            let asked = asked.and_then(|asked| asked.parse().ok());
            if asked.is_none_or(|asked| is_over(&scope, asked)) {
                over.push((row.get(0)?, scope));
            }
        }
        drop(rows);
        for (holder, scope) in &over {
            db.prepare_cached("DELETE FROM accumulators WHERE holder = ?1 AND scope = ?2")?
                .execute(params![holder, scope])?;
        }
        if !over.is_empty() {
            // As with all that is forgotten: nothing of it stays in the log either.
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        Ok(over.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Accumulators;
    use crate::wire::Digest;

    #[test]
    fn what_is_over_is_forgotten_and_nothing_else() {
        let store = Store::in_memory().unwrap();
        let holder = Digest([7; 32]);
        let keep = |scope: &str, asked: &str| {
            let asked = asked.parse().unwrap();
            let told = Accumulators { values: serde_json::Map::new(), as_of: asked, asked, place: None };
            store.remember_accumulators(holder, scope, &told).unwrap();
        };
        keep("q/found/1", "2015-08-03T01:00:00Z");
        keep("q/found/2", "2015-08-03T01:00:00.001Z");
        keep("310/2015", "2015-08-01T00:00:00Z");
        store.execute("INSERT INTO accumulators VALUES (?1, 'q/found/3', 0, 'none')", params![holder.0]).unwrap();
        let hour: Timestamp = "2015-08-03T01:00:00Z".parse().unwrap();
        assert_eq!(
            store.forget_answers("/found/", |scope, asked| scope.starts_with("q/") && asked <= hour).unwrap(),
            2
        );
        let is_kept = |scope| store.accumulators(holder, scope).unwrap().is_some();
        let kept = ["q/found/1", "q/found/2", "q/found/3", "310/2015"].map(is_kept);
        assert_eq!(kept, [false, true, false, true]);
    }
}
