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
    /// was told. Its state and the time of it stay. Blocks.
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
        entry.row.differs = names.to_vec();
        entry.state_mac = self.state_mac(&entry);
        let sql = "UPDATE entries SET answer = ?2, state_mac = ?3, differs = ?4 WHERE sequence = ?1";
        let values = params![entry.row.sequence, entry.answer, entry.state_mac.0, differs(&entry.row)];
        one_row(db.prepare_cached(sql)?.execute(values)?, entry.row.sequence)?;
        Ok(entry.row)
    }
}
