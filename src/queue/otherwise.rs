//! What came out otherwise than its holder was told: refused by the centre later, or settled with other figures, or with
//! nobody there to be shown it. They are to be told.

use uuid::Uuid;

use super::entry::{COLUMNS, bad, names};
use super::{Queue, QueueError, Row, State};
use crate::value::Protocol;
use crate::wire::Digest;

/// As it stands in the schema, for its index.
pub(super) const OTHERWISE: &str = "differs IS NOT NULL OR state = 'refused' AND online = 0";

/// All of them, the latest first. They grow with the journal, and it is asked all the time: an index has all of it.
pub(super) const ALL: &str = "SELECT id, online, differs, state FROM entries INDEXED BY entries_otherwise \
     WHERE differs IS NOT NULL OR state = 'refused' AND online = 0 ORDER BY sequence DESC";

/// One of them, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Otherwise {
    /// Which.
    pub id: Uuid,
    /// How often figures were taken over since it was settled ([`Row::revision`]).
    pub revision: u32,
    /// Nobody was shown its outcome yet ([`Row::is_untold`]).
    pub is_untold: bool,
    /// How it goes upstream.
    pub protocol: Protocol,
    /// Where it stands.
    pub state: State,
}

impl Queue {
    /// A holder's, oldest first; what is damaged is left out, and told of in [`Queue::stats`].
    ///
    /// # Errors
    /// What the storage may do.
    pub fn otherwise(&self, holder: Digest) -> Result<Vec<Row>, QueueError> {
        let db = self.reader();
        let sql = format!("SELECT {COLUMNS} FROM entries WHERE holder = ?1 AND ({OTHERWISE}) ORDER BY sequence");
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query([holder.0])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.extend(self.whole_row(row)?);
        }
        Ok(out)
    }

    /// Everybody's, the latest first, as the index tells it: none of them is read, or proved.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn all_otherwise(&self) -> Result<Vec<Otherwise>, QueueError> {
        let db = self.reader();
        let mut statement = db.prepare_cached(ALL)?;
        let found = statement.query_map([], |row| {
            let differs = names(row, 2)?;
            let state: String = row.get(3)?;
            Ok(Otherwise {
                id: Uuid::from_bytes(row.get(0)?),
                revision: Row::revision_of(&differs),
                is_untold: Row::tells_untold(&differs),
                protocol: if row.get(1)? { Protocol::Online } else { Protocol::StoreAndForward },
                state: State::of_name(&state).ok_or_else(|| bad(3, "not a state"))?,
            })
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Note;
    use crate::queue::tests::{draft, online, open, receipt, settings};
    use crate::wire::Outcome;

    /// The end of a transaction, with what differs where it was accepted.
    fn ended(queue: &Queue, draft: crate::queue::Draft, outcome: Outcome, differs: &[&str]) -> Row {
        let row = queue.commit(draft).unwrap().row;
        if row.state == State::Pending {
            queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
        }
        let to = if outcome == Outcome::Accepted { State::Acked } else { State::Refused };
        let differs = differs.iter().map(|name| (*name).to_owned()).collect();
        queue.advance(row.id, to, Note::Receipt(Box::new(receipt(&row, outcome)), differs)).unwrap()
    }

    #[test]
    fn what_came_out_otherwise_is_told_of_everybody_the_latest_first() {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let no = || Outcome::Refused { code: "C-1".into(), text: "no".into() };
        ended(&queue, draft("as told"), Outcome::Accepted, &[]);
        ended(&queue, online("refused while its holder waited"), no(), &[]);
        let refused = ended(&queue, draft("refused"), no(), &[]);
        let other = crate::queue::Draft { holder: b"another".to_vec().into(), ..draft("other figures") };
        let other = ended(&queue, other, Outcome::Accepted, &["psn_cash_pay", "reconciled-3"]);
        let unseen = ended(&queue, online("unseen"), Outcome::Accepted, &[Row::OUTCOME]);
        let short = |row: &Row| {
            let (revision, is_untold, protocol) = (row.revision(), row.is_untold(), row.protocol());
            Otherwise { id: row.id, revision, is_untold, protocol, state: row.state }
        };
        assert_eq!(queue.all_otherwise().unwrap(), [&unseen, &other, &refused].map(short));
        assert_eq!((short(&other).revision, short(&unseen).is_untold), (3, true));
        queue.shown(unseen.id).unwrap();
        assert_eq!(queue.all_otherwise().unwrap(), [&other, &refused].map(short));
    }

    #[test]
    fn what_came_out_otherwise_is_read_from_its_index_alone_and_a_holders_by_theirs() {
        let dir = tempfile::tempdir().unwrap();
        let _queue = open(dir.path());
        let db = super::super::open::reader(&settings(dir.path()).path).unwrap();
        let plan = |sql: &str| -> Vec<String> {
            let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            plan.query_map([], |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        assert_eq!(plan(ALL), ["SCAN entries USING COVERING INDEX entries_otherwise"]);
        let theirs = plan(&format!("SELECT * FROM entries WHERE holder = x'00' AND ({OTHERWISE}) ORDER BY sequence"));
        assert!(theirs[0].contains("INDEX entries_holder"), "{theirs:?}");
    }
}
