//! What a holder did here that the centre has not counted. Told by the place in the chain at which the centre was asked:
//! a clock may be set.

use rusqlite::params;
use serde_json::Value;

use super::entry::COLUMNS;
use super::lost::Lost;
use super::{Queue, QueueError, Row, open};
use crate::wire::{ChainHead, Digest};

/// A holder's after a place, that stand or may. What was cancelled is among them: its cancellation, which comes after it,
/// is counted against it.
pub(super) const UNCOUNTED: &str = "holder = ?1 AND +sequence > ?2 AND (open = 1 OR state IN ('acked', 'cancelled'))";

/// A holder's that are not at their end, or came after a place.
pub(super) const IN_DOUBT: &str = "holder = ?1 AND (open = 1 OR +sequence > ?2)";

/// A holder's that are worth something and not at their end.
pub(super) const UNSETTLED: &str = "holder = ?1 AND open = 1 AND amount IS NOT NULL";

impl Queue {
    /// The last record of the chain; 0 and zeros when there is none.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn head(&self) -> Result<ChainHead, QueueError> {
        open::head(&self.reader())
    }

    /// Whether this chain was at that place, and lost nothing since: what was done after it is all here. Another journal,
    /// or an older copy of this one, was not.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn is_whole_since(&self, place: ChainHead) -> Result<bool, QueueError> {
        let db = self.reader();
        let lost = Lost::read(&db)?;
        if lost.end().is_some_and(|end| end.sequence > place.sequence) {
            return Ok(false);
        }
        if place == ChainHead::default() || lost.ends_with(&place) {
            return Ok(true);
        }
        let mut record = db.prepare_cached("SELECT 1 FROM entries WHERE sequence = ?1 AND header_hash = ?2")?;
        Ok(record.exists(params![place.sequence, place.hash.0])?)
    }

    /// A holder's transactions that are worth something and not at their end, oldest first.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn unsettled(&self, holder: Digest) -> Result<Vec<Row>, QueueError> {
        let sql = format!("SELECT {COLUMNS} FROM entries WHERE {UNSETTLED} ORDER BY sequence");
        Ok(self.whole(&sql, &[&holder.0])?.into_iter().map(|entry| entry.row).collect())
    }

    /// A holder's transactions of which nobody can say whether the centre counts them when it tells what was asked of it
    /// at this place, and answered only now: they are not at their end, or were committed since. Where there are none at
    /// the place itself, and none now, it has counted all up to it that stand, and none after.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn in_doubt(&self, holder: Digest, place: u64) -> Result<Vec<Row>, QueueError> {
        let sql = format!("SELECT {COLUMNS} FROM entries WHERE {IN_DOUBT}");
        Ok(self.whole(&sql, &[&holder.0, &place])?.into_iter().map(|entry| entry.row).collect())
    }

    /// A holder's transactions after a place that stand, or may, oldest first, with their opened payloads; `None` for one
    /// whose payload was erased. What was cancelled comes with its cancellation ([`Row::cancels`]): what is added up of
    /// both is nothing, and where the centre had counted the one, the other is against that. The centre, asked at that place while nothing of the holder was in doubt, had counted none
    /// of them.
    ///
    /// # Errors
    /// [`QueueError::Damaged`] when one is, and what the storage may do.
    pub fn uncounted(&self, holder: Digest, place: u64) -> Result<Vec<(Row, Option<Value>)>, QueueError> {
        let sql = format!("SELECT {COLUMNS} FROM entries WHERE {UNCOUNTED} ORDER BY sequence");
        let entries = self.whole(&sql, &[&holder.0, &place])?.into_iter();
        let opened = entries.map(|entry| self.plain(&entry).map(|payload| (entry.row, payload)));
        opened.collect::<Result<_, _>>().inspect_err(|error| self.tell(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::tests::{draft, lose, online, open, receipt};
    use crate::queue::{Note, State};
    use crate::wire::Outcome;

    fn acked(queue: &Queue, key: &str) -> Row {
        let row = queue.commit(online(key)).unwrap().row;
        queue.advance(row.id, State::Acked, receipt(&row, Outcome::Accepted).into()).unwrap()
    }

    fn sequences(rows: Vec<Row>) -> Vec<u64> {
        rows.into_iter().map(|row| row.sequence).collect()
    }

    #[test]
    fn what_is_open_or_came_since_is_in_doubt() {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let holder = queue.holder_tag(&draft("").holder);
        let in_doubt = |place| sequences(queue.in_doubt(holder, place).unwrap());
        acked(&queue, "a");
        assert_eq!((in_doubt(1), in_doubt(0)), (vec![], vec![1]));
        // Not sent yet; who looks later cannot tell that it was not, then.
        let open = queue.commit(draft("b")).unwrap().row;
        assert_eq!((in_doubt(1), in_doubt(2)), (vec![2], vec![2]));
        queue.advance(open.id, State::Sending, Note::Nothing).unwrap();
        assert_eq!(in_doubt(2), [2]);
        let refused = Outcome::Refused { code: "E-1".into(), text: "不符合条件".into() };
        queue.advance(open.id, State::Refused, receipt(&open, refused).into()).unwrap();
        assert_eq!((in_doubt(1), in_doubt(2)), (vec![2], vec![]));
        assert_eq!(queue.in_doubt(queue.holder_tag(b"another"), 0).unwrap(), []);
    }

    #[test]
    fn what_stands_after_a_place_is_uncounted_whatever_the_clock_said() {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let holder = queue.holder_tag(&draft("").holder);
        for key in ["a", "b"] {
            acked(&queue, key);
        }
        let void = queue.commit(online("c")).unwrap().row;
        queue.advance(void.id, State::Void, Note::Nothing).unwrap();
        queue.commit(draft("d")).unwrap();
        let uncounted = |place| {
            let rows = queue.uncounted(holder, place).unwrap().into_iter();
            sequences(rows.map(|(row, payload)| payload.map(|_| row).unwrap()).collect())
        };
        assert_eq!((uncounted(0), uncounted(1), uncounted(4)), (vec![1, 2, 4], vec![2, 4], vec![]));
    }

    #[test]
    fn a_place_is_of_this_chain_and_tells_what_was_lost_since() {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let mut places = vec![queue.head().unwrap()];
        assert_eq!(places[0], ChainHead::default());
        for key in ["a", "b", "c"] {
            queue.commit(draft(key)).unwrap();
            places.push(queue.head().unwrap());
        }
        let whole = |queue: &Queue| [0, 1, 2, 3].map(|n| queue.is_whole_since(places[n]).unwrap());
        assert_eq!(whole(&queue), [true; 4]);
        let elsewhere = tempfile::tempdir().unwrap();
        let other = open(elsewhere.path());
        for key in ["x", "y", "z"] {
            other.commit(draft(key)).unwrap();
        }
        assert_eq!(whole(&other), [true, false, false, false], "another chain, as long");
        queue.close();
        drop(queue);
        let queue = lose(dir.path(), "2");
        assert_eq!(whole(&queue), [false, false, true, true], "what the second was nobody knows");
    }
}
