//! The transactions of a stretch of the journal: those of a shift, those the centre settled on a day.

use std::ops::ControlFlow;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Params, params};
use uuid::Uuid;

use super::entry::COLUMNS;
use super::lost::Lost;
use super::{Queue, QueueError, Row, State, open};
use crate::wire::Digest;

/// How many are read at once: nobody else reads meanwhile.
const PAGE: usize = 200;

/// Worth something, in a state (`?1`), and in it since a moment (`?2`, and beyond number `?3` of it).
pub(super) const ACCEPTED: &str =
    "state = ?1 AND updated_at >= ?2 AND (updated_at, sequence) > (?2, ?3) AND amount IS NOT NULL";

impl Queue {
    /// The place of the last transaction in the chain; 0 when there is none.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn last_sequence(&self) -> Result<u64, QueueError> {
        Ok(open::head(&self.reader())?.sequence)
    }

    /// When the first transaction of the chain was committed.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn begun(&self) -> Result<Option<Timestamp>, QueueError> {
        let first: Option<i64> = self
            .reader()
            .prepare_cached("SELECT created_at FROM entries ORDER BY sequence LIMIT 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        Ok(first.and_then(|millis| Timestamp::from_millisecond(millis).ok()))
    }

    /// Each transaction of a shift, oldest first; what is damaged is left out, and told of in [`Queue::stats`]. `after` is
    /// the last sequence number from before the shift. With how many since then could not be read or were lost: whose shift
    /// they are of is not known.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn each_of_shift(&self, shift: &str, after: u64, mut take: impl FnMut(Row)) -> Result<u64, QueueError> {
        let lost = Lost::read(&self.reader())?.since(after);
        let unreadable = self.pages("sequence > ?1", after, |row| {
            if row.shift.as_deref() == Some(shift) {
                take(row);
            }
        })?;
        Ok(lost + unreadable)
    }

    /// Each transaction that is worth something and that the centre has accepted since a moment, by this terminal's clock,
    /// oldest first. However late: what was accepted after a long absence is of the day on which the centre settled it. A
    /// page is read where the one before it ended, by the index of the times.
    ///
    /// # Errors
    /// As [`Queue::each_of_shift`].
    pub fn each_accepted_since(&self, since: Timestamp, mut take: impl FnMut(Row)) -> Result<(), QueueError> {
        let sql = format!("SELECT {COLUMNS} FROM entries WHERE {ACCEPTED} ORDER BY updated_at, sequence LIMIT ?4");
        let mut found = Vec::new();
        for state in [State::Acked, State::Cancelling, State::Cancelled] {
            let mut after = (since.as_millisecond(), 0_u64);
            loop {
                let bound = params![state.name(), after.0, after.1, PAGE];
                let page = self.page(&sql, bound, |row| Ok((row.get("updated_at")?, row.get("sequence")?)))?;
                found.extend(page.rows);
                match page.next {
                    Some(last) => after = last,
                    None => break,
                }
            }
        }
        found.sort_by_key(|row| row.sequence);
        found.into_iter().for_each(&mut take);
        Ok(())
    }

    /// Each transaction that is worth something and that the centre has accepted, what was cancelled since as well, the last
    /// of the chain first, until it is enough. The chain's order is that of their commits, whatever the clock was then.
    ///
    /// # Errors
    /// As [`Queue::each_of_shift`].
    pub fn each_accepted_backwards(&self, mut take: impl FnMut(Row) -> ControlFlow<()>) -> Result<(), QueueError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM entries WHERE sequence < ?1 AND state IN ('acked', 'cancelling', 'cancelled') \
             AND amount IS NOT NULL ORDER BY sequence DESC LIMIT ?2"
        );
        let mut before = i64::MAX;
        loop {
            let page = self.page(&sql, params![before, PAGE], |row| row.get("sequence"))?;
            let is_enough = page.rows.into_iter().try_for_each(&mut take).is_break();
            match page.next {
                Some(last) if !is_enough => before = last,
                _ => return Ok(()),
            }
        }
    }

    /// The transaction of a message id.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn by_msgid(&self, msgid: &str) -> Result<Option<Row>, QueueError> {
        let found: Option<Vec<u8>> = self
            .reader()
            .prepare_cached("SELECT id FROM entries WHERE msgid = ?1")?
            .query_row([msgid], |row| row.get(0))
            .optional()?;
        let id = found.and_then(|id| Uuid::from_slice(&id).ok());
        id.map_or(Ok(None), |id| self.get(id))
    }

    /// The keyed hash of a transaction's holder.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn holder_of(&self, id: Uuid) -> Result<Option<Digest>, QueueError> {
        Ok(self.inner.context.find(&self.reader(), "id", id.as_bytes())?.map(|entry| entry.holder))
    }

    /// A row; `None` for one that is damaged, which is told of.
    pub(super) fn whole_row(&self, sql: &rusqlite::Row<'_>) -> Result<Option<Row>, QueueError> {
        match self.inner.context.read(sql).inspect_err(|error| self.tell(error)) {
            Ok(entry) => Ok(Some(entry.row)),
            Err(QueueError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Those that are whole, a page at a time; with how many are not.
    fn pages(&self, which: &str, mut after: u64, mut take: impl FnMut(Row)) -> Result<u64, QueueError> {
        let mut unreadable = 0;
        let sql = format!("SELECT {COLUMNS} FROM entries WHERE {which} ORDER BY sequence LIMIT ?2");
        loop {
            let page = self.page(&sql, params![after, PAGE], |row| row.get("sequence"))?;
            unreadable += page.unreadable;
            page.rows.into_iter().for_each(&mut take);
            match page.next {
                Some(last) => after = last,
                None => return Ok(unreadable),
            }
        }
    }

    /// A page; `place` tells where one of its rows stands, in the order in which they are read.
    fn page<P>(
        &self,
        sql: &str,
        bound: impl Params,
        place: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<P>,
    ) -> Result<Page<P>, QueueError> {
        let mut page = Page { rows: Vec::with_capacity(PAGE), unreadable: 0, next: None };
        let mut read = 0;
        let db = self.reader();
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query(bound)?;
        while let Some(row) = rows.next()? {
            read += 1;
            page.next = Some(place(row)?).filter(|_| read == PAGE);
            match self.whole_row(row)? {
                Some(row) => page.rows.push(row),
                None => page.unreadable += 1,
            }
        }
        Ok(page)
    }
}

/// Some of many rows.
struct Page<P> {
    /// Those that are whole.
    rows: Vec<Row>,
    /// How many are not.
    unreadable: u64,
    /// Where the last one stands, if there may be more behind it.
    next: Option<P>,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::queue::tests::{Hands, draft, keys, online, open, receipt, settings};
    use crate::queue::{Draft, Note, State};
    use crate::wire::Outcome;
    use crate::world::{Clock as _, SystemRandom};

    fn of_shift(key: &str, shift: &str) -> Draft {
        Draft { shift: Some(shift.into()), ..draft(key) }
    }

    fn accepted(queue: &Queue, draft: Draft) -> Row {
        let row = queue.commit(draft).unwrap().row;
        if row.state == State::Pending {
            queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
        }
        queue.advance(row.id, State::Acked, receipt(&row, Outcome::Accepted).into()).unwrap()
    }

    #[test]
    fn a_shift_has_its_own_transactions_and_none_from_before() {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        queue.commit(of_shift("before", "1")).unwrap();
        let after = queue.last_sequence().unwrap();
        // More than are read at once, those of two shifts mixed.
        for n in 0..PAGE as u64 + 3 {
            queue.commit(of_shift(&n.to_string(), if n % 2 == 0 { "1" } else { "2" })).unwrap();
        }
        let mut found = Vec::new();
        assert_eq!(queue.each_of_shift("1", after, |row| found.push(row.sequence)).unwrap(), 0);
        assert_eq!(found.len(), PAGE / 2 + 2);
        assert!(found.is_sorted() && found.iter().all(|sequence| *sequence > after && sequence % 2 == 0));
        // Two are damaged, on two pages; one from before the shift is none of its.
        let db = rusqlite::Connection::open(dir.path().join("queue.db")).unwrap();
        let damage = "UPDATE entries SET attempts = 7 WHERE sequence IN (1, 2, ?1)";
        assert_eq!(db.execute(damage, [PAGE + 2]), Ok(3));
        let mut whole = 0;
        assert_eq!(queue.each_of_shift("1", after, |_| whole += 1).unwrap(), 2);
        assert_eq!(whole, found.len() - 2);
    }

    #[test]
    fn what_was_accepted_within_a_stretch_is_found_a_page_at_a_time_by_its_index() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Hands::at("2015-08-01T02:00:00Z");
        let open = Queue::open(settings(dir.path()), keys(), clock.clone(), Arc::new(SystemRandom::default()));
        let queue = open.unwrap();
        accepted(&queue, draft("before"));
        clock.add(1);
        let since = clock.now();
        // More than two pages, many of one moment.
        let wanted = 2 * PAGE + 5;
        for n in 0..wanted {
            clock.add(i64::from(n % 150 == 0));
            accepted(&queue, draft(&n.to_string()));
        }
        queue.commit(draft("open")).unwrap();
        clock.add(1);
        let mut found = Vec::new();
        queue.each_accepted_since(since, |row| found.push(row.sequence)).unwrap();
        assert_eq!(found, (2..2 + wanted as u64).collect::<Vec<_>>());
        for last in [0, 1, wanted as u64] {
            let mut found = Vec::new();
            let take = |row: Row| {
                found.push(row.sequence);
                if row.sequence == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            queue.each_accepted_backwards(take).unwrap();
            assert_eq!(found, (last.max(1)..2 + wanted as u64).rev().collect::<Vec<_>>());
        }

        let db = open::reader(&settings(dir.path()).path).unwrap();
        let sql =
            format!("EXPLAIN QUERY PLAN SELECT amount FROM entries WHERE {ACCEPTED} ORDER BY updated_at, sequence");
        let plan = db
            .prepare(&sql)
            .unwrap()
            .query_map(params!["acked", 0, 0], |row| row.get::<_, String>(3))
            .unwrap()
            .collect::<Result<Vec<_>, _>>()
            .unwrap()
            .join("; ");
        assert!(plan.contains("entries_state") && !plan.contains("TEMP B-TREE"), "{plan}");
    }

    #[test]
    fn another_answer_is_adopted_by_what_stands_and_the_journal_stays_whole() {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let row = accepted(&queue, online("a"));
        let mut answer = receipt(&row, Outcome::Accepted);
        answer.output = json!({ "setlinfo": { "psn_cash_pay": "1.00" } });
        let adopted = queue.adopt(row.id, answer.clone(), vec!["psn_cash_pay".into()]).unwrap();
        assert_eq!((adopted.state, adopted.updated_at), (State::Acked, row.updated_at), "it was accepted when it was");
        assert_eq!(adopted.differs, ["psn_cash_pay"]);
        assert!(queue.answer(row.id).unwrap().unwrap().output == answer.output);
        let open_one = queue.commit(online("b")).unwrap().row;
        let refused = queue.adopt(open_one.id, answer, Vec::new()).unwrap_err();
        assert_eq!(refused, QueueError::Move { from: State::Sending, to: State::Acked });
        assert_eq!(queue.verify().unwrap().rows, 2);
    }

    #[test]
    fn what_came_out_otherwise_is_found_by_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let tag = queue.holder_tag(&draft("a").holder);
        accepted(&queue, draft("as told"));
        let refused = queue.commit(draft("refused")).unwrap().row;
        queue.advance(refused.id, State::Sending, Note::Nothing).unwrap();
        let no = Outcome::Refused { code: "C-1".into(), text: "no".into() };
        queue.advance(refused.id, State::Refused, receipt(&refused, no).into()).unwrap();
        let other = accepted(&queue, online("adopted"));
        queue.adopt(other.id, receipt(&other, Outcome::Accepted), vec!["acct_pay".into()]).unwrap();
        let found: Vec<Uuid> = queue.otherwise(tag).unwrap().into_iter().map(|row| row.id).collect();
        assert_eq!(found, [refused.id, other.id]);
        assert!(queue.otherwise(queue.holder_tag(b"another")).unwrap().is_empty());
        assert_eq!(queue.holder_of(other.id).unwrap(), Some(tag));
        assert_eq!(queue.by_msgid(&other.msgid).unwrap().map(|row| row.id), Some(other.id));
        assert_eq!(queue.by_msgid("M").unwrap(), None);
    }
}
