//! The centre's figures in place of those a settled transaction was answered with: what reconciliation found, taken over
//! by an operator.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::entry::{about_answer, differs, one_row};
use super::journal::{Context, json};
use super::{Note, Queue, QueueError, Row, State};
use crate::wire::Receipt;

impl Queue {
    /// Keeps another answer to an accepted transaction, with the names of the figures in which it is not what the holder
    /// was told. Its state and the time of it stay, and so does whether it was shown: a counter may have asked since
    /// `differs` was read, so that [`Row::OUTCOME`] among them counts for nothing. Blocks.
    ///
    /// # Errors
    /// [`QueueError::Move`] when it does not stand, [`QueueError::NotFound`], and what the storage may do.
    pub fn adopt(&self, id: Uuid, answer: Receipt, differs: Vec<String>) -> Result<Row, QueueError> {
        self.advance(id, State::Acked, Note::Adopted(Box::new(answer), differs))
    }
}

impl Context {
    pub(super) fn adopt(
        &self,
        db: &Connection,
        id: Uuid,
        answer: &Receipt,
        names: &[String],
    ) -> Result<Row, QueueError> {
        let mut entry = self.find(db, "id", id.as_bytes())?.ok_or(QueueError::NotFound)?;
        if entry.row.state != State::Acked {
            return Err(QueueError::Move { from: entry.row.state, to: State::Acked });
        }
        entry.answer = Some(self.crypto.seal(&json(answer), &about_answer(&entry.row.header_hash), &*self.random)?);
        let untold = entry.row.is_untold();
        entry.row.differs_by(names, untold);
        entry.state_mac = self.state_mac(&entry);
        let sql = "UPDATE entries SET answer = ?2, state_mac = ?3, differs = ?4 WHERE sequence = ?1";
        let values = params![entry.row.sequence, entry.answer, entry.state_mac.0, differs(&entry.row)];
        one_row(db.prepare_cached(sql)?.execute(values)?, entry.row.sequence)?;
        Ok(entry.row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::tests::{online, open, receipt};
    use crate::wire::Outcome;

    #[test]
    fn figures_that_are_taken_over_leave_it_as_it_is_whether_it_was_shown() {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let row = queue.commit(online("a")).unwrap().row;
        let answer = || receipt(&row, Outcome::Accepted);
        queue.advance(row.id, State::Acked, Note::Receipt(Box::new(answer()), vec![Row::OUTCOME.into()])).unwrap();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        // Whoever takes them over has read the row, and then asked the centre for a while.
        let read = names(&["psn_cash_pay", Row::RECONCILED, Row::OUTCOME]);
        for differs in [read.clone(), names(&["psn_cash_pay", Row::RECONCILED])] {
            assert_eq!(queue.adopt(row.id, answer(), differs).unwrap().differs, read);
        }
        queue.shown(row.id).unwrap();
        let adopted = queue.adopt(row.id, answer(), read).unwrap();
        assert_eq!(adopted.differs, ["psn_cash_pay", Row::RECONCILED], "what was shown stays shown");
        assert_eq!(queue.get(row.id).unwrap().unwrap(), adopted);
        queue.verify().unwrap();
    }

    #[test]
    fn a_transaction_is_read_with_the_answer_that_it_has_then() {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let row = queue.commit(online("a")).unwrap().row;
        assert_eq!(queue.with_answer(row.id).unwrap().unwrap(), (row.clone(), Ok(None)));
        let answer = |nth: u32| Receipt { output: nth.into(), ..receipt(&row, Outcome::Accepted) };
        queue.advance(row.id, State::Acked, answer(0).into()).unwrap();
        std::thread::scope(|scope| {
            let adopting = scope.spawn(|| {
                for nth in 1..=300 {
                    queue.adopt(row.id, answer(nth), vec![format!("{}-{nth}", Row::RECONCILED)]).unwrap();
                }
            });
            while !adopting.is_finished() {
                let (row, answer) = queue.with_answer(row.id).unwrap().unwrap();
                assert_eq!(answer.unwrap().unwrap().output, row.revision());
            }
        });
        assert!(queue.with_answer(Uuid::nil()).unwrap().is_none());
    }
}
