//! What its holder was shown of a transaction that was settled. Until they were it says so itself: whoever dies between the
//! settlement and the counter leaves something to be told.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::entry::{differs, one_row};
use super::journal::Context;
use super::{Note, Queue, QueueError, Row, State};
use crate::value::Protocol;

impl Queue {
    /// The holder is shown that this was settled, now: [`Row::OUTCOME`] goes. Its state and the time of it stay. Blocks.
    ///
    /// # Errors
    /// [`QueueError::Move`] when it was settled online and does not stand, [`QueueError::NotFound`], and what the storage may
    /// do: they are told another time then.
    pub fn shown(&self, id: Uuid) -> Result<Row, QueueError> {
        self.advance(id, State::Acked, Note::Shown)
    }
}

impl Context {
    pub(super) fn shown(&self, db: &Connection, id: Uuid) -> Result<Row, QueueError> {
        let mut entry = self.find(db, "id", id.as_bytes())?.ok_or(QueueError::NotFound)?;
        // What was settled alone was settled at its commit, whatever the centre says later.
        if entry.row.protocol() == Protocol::Online && entry.row.state != State::Acked {
            return Err(QueueError::Move { from: entry.row.state, to: State::Acked });
        }
        entry.row.differs.retain(|name| name != Row::OUTCOME);
        entry.state_mac = self.state_mac(&entry);
        let mut update = db.prepare_cached("UPDATE entries SET state_mac = ?2, differs = ?3 WHERE sequence = ?1")?;
        let row = &entry.row;
        one_row(update.execute(params![row.sequence, entry.state_mac.0, differs(row)])?, row.sequence)?;
        Ok(entry.row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Draft;
    use crate::queue::tests::{draft, open, receipt};
    use crate::value::Kind;
    use crate::wire::Outcome;

    #[test]
    fn what_stands_is_shown_and_nothing_else_of_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let online = Draft { kind: Kind::Settle, state: State::Sending, ..draft("a") };
        let row = queue.commit(online).unwrap().row;
        let early = QueueError::Move { from: State::Sending, to: State::Acked };
        assert_eq!(queue.shown(row.id).unwrap_err(), early);
        assert_eq!(queue.shown(Uuid::nil()).unwrap_err(), QueueError::NotFound);
        let names = ["psn_cash_pay", Row::OUTCOME].map(str::to_owned).into();
        let note = Note::Receipt(Box::new(receipt(&row, Outcome::Accepted)), names);
        let acked = queue.advance(row.id, State::Acked, note).unwrap();
        assert!(acked.is_untold());
        // Once more changes nothing more.
        for _ in 0..2 {
            let shown = queue.shown(row.id).unwrap();
            assert_eq!(shown, Row { differs: vec!["psn_cash_pay".into()], ..acked.clone() });
        }
        queue.verify().unwrap();
    }
}
