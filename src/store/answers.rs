//! What the centre answered to a lookup: kept sealed, until it may be shown no more.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::{Store, StoreError};
use crate::wire::Digest;

/// Which answer: of whom, to which part of a scenario, to what it asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The keyed hash of the holder.
    pub holder: Digest,
    /// The part of a scenario that asks.
    pub part: &'a str,
    /// The keyed hash of what is asked, which may be personal.
    pub question: Digest,
}

/// An answer that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// When it was asked for, by this terminal's clock.
    pub asked: Timestamp,
    /// When the centre had read what it says.
    pub as_of: Timestamp,
    /// What it says, as whoever keeps it has sealed it.
    pub sealed: Vec<u8>,
}

impl Store {
    /// Keeps an answer, unless the one that is kept is newer.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn keep_answer(&self, to: Question<'_>, answer: &KeptAnswer) -> Result<(), StoreError> {
        let KeptAnswer { asked, as_of, sealed } = answer;
        self.execute(
            "INSERT INTO answers (holder, part, question, asked, as_of, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET asked = excluded.asked, as_of = excluded.as_of, sealed = excluded.sealed
             WHERE excluded.as_of >= as_of",
            params![to.holder.0, to.part, to.question.0, asked.as_millisecond(), as_of.as_millisecond(), sealed],
        )
    }

    /// The answer that is kept to a question.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn kept_answer(&self, to: Question<'_>) -> Result<Option<KeptAnswer>, StoreError> {
        let db = self.db();
        let mut kept = db.prepare_cached(
            "SELECT asked, as_of, sealed FROM answers WHERE holder = ?1 AND part = ?2 AND question = ?3",
        )?;
        let row = kept
            .query_row(params![to.holder.0, to.part, to.question.0], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get(2)?))
            })
            .optional()?;
        let time = |millis| Timestamp::from_millisecond(millis).map_err(|error| StoreError::Failed(error.to_string()));
        row.map(|(asked, as_of, sealed)| Ok(KeptAnswer { asked: time(asked)?, as_of: time(as_of)?, sealed }))
            .transpose()
    }

    /// Forgets for good the answers of which `is_over` says so, by the part that asked and when; how many those were. One
    /// of no time is over.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn forget_answers(&self, is_over: impl Fn(&str, Timestamp) -> bool) -> Result<usize, StoreError> {
        let db = self.db();
        let mut kept = db.prepare_cached("SELECT DISTINCT part, asked FROM answers")?;
        let kept = kept.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
        let kept = kept.collect::<Result<Vec<_>, _>>()?;
        let mut forgotten = 0;
        for (part, asked) in kept {
            if Timestamp::from_millisecond(asked).map_or(true, |asked| is_over(&part, asked)) {
                let mut forget = db.prepare_cached("DELETE FROM answers WHERE part = ?1 AND asked = ?2")?;
                forgotten += forget.execute(params![part, asked])?;
            }
        }
        if forgotten > 0 {
            // As with all that is forgotten: nothing of it stays in the log either.
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        Ok(forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(part: &str, question: u8) -> Question<'_> {
        Question { holder: Digest([7; 32]), part, question: Digest([question; 32]) }
    }

    fn answer(asked: &str, sealed: u8) -> KeptAnswer {
        let asked = asked.parse().unwrap();
        KeptAnswer { asked, as_of: asked, sealed: vec![sealed] }
    }

    #[test]
    fn an_answer_is_kept_to_its_question_and_the_newest_stays() {
        let store = Store::in_memory().unwrap();
        let (early, late) = (answer("2015-08-03T01:00:00Z", 1), answer("2015-08-03T02:00:00Z", 2));
        for kept in [&early, &late, &early] {
            store.keep_answer(to("q", 1), kept).unwrap();
        }
        assert_eq!(store.kept_answer(to("q", 1)).unwrap(), Some(late));
        let another = Question { holder: Digest([8; 32]), ..to("q", 1) };
        for none in [to("q", 2), to("r", 1), another] {
            assert_eq!(store.kept_answer(none).unwrap(), None);
        }
    }

    #[test]
    fn what_is_over_is_forgotten_and_nothing_else() {
        let store = Store::in_memory().unwrap();
        store.keep_answer(to("q", 1), &answer("2015-08-03T01:00:00Z", 1)).unwrap();
        store.keep_answer(to("q", 2), &answer("2015-08-03T01:00:00.001Z", 2)).unwrap();
        store.keep_answer(to("r", 1), &answer("2015-08-03T01:00:00Z", 3)).unwrap();
        store.keep_answer(to("q", 3), &answer("2015-08-03T01:00:00Z", 4)).unwrap();
        store.execute("UPDATE answers SET asked = ?1 WHERE sealed = x'04'", [i64::MAX]).unwrap();
        let hour: Timestamp = "2015-08-03T01:00:00Z".parse().unwrap();
        assert_eq!(store.forget_answers(|part, asked| part == "q" && asked <= hour).unwrap(), 2);
        let kept = [to("q", 1), to("q", 2), to("r", 1)].map(|one| store.kept_answer(one).unwrap().is_some());
        assert_eq!(kept, [false, true, true]);
        assert!(store.kept_answer(to("q", 3)).unwrap().is_none());
    }

    #[test]
    fn what_was_kept_among_the_accumulators_is_forgotten_and_they_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let mut old = rusqlite::Connection::open(&path).unwrap();
        rusqlite_migration::Migrations::from_slice(super::super::STEPS).to_version(&mut old, 10).unwrap();
        for scope in ["q/found/00", "310/2015"] {
            old.execute("INSERT INTO accumulators VALUES (?1, ?2, 0, '{}')", params![[7_u8; 32], scope]).unwrap();
        }
        drop(old);
        let store = Store::open(&path).unwrap();
        let left: Vec<String> = {
            let db = store.db();
            let mut scopes = db.prepare("SELECT scope FROM accumulators").unwrap();
            let scopes = scopes.query_map([], |row| row.get(0)).unwrap();
            scopes.collect::<Result<_, _>>().unwrap()
        };
        assert_eq!(left, ["310/2015"]);
    }
}
