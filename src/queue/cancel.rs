//! A cancellation and what it takes back: two transactions that move together, in one SQLite transaction. With the commit
//! of the one the other is being cancelled; it is cancelled when that is accepted, and stands again when that came to
//! nothing.

use std::collections::HashSet;

use rusqlite::Connection;

use super::entry::{COLUMNS, Entry};
use super::journal::Context;
use super::{Draft, QueueError, Row, State};
use crate::wire::Digest;

impl Context {
    /// What a draft is to take back, as it is to be: of the same holder, accepted, with all that it was still there, and no
    /// cancellation itself. `None` for a draft that takes back nothing.
    pub(super) fn to_cancel(
        &self,
        db: &Connection,
        draft: &Draft,
        holder: Digest,
    ) -> Result<Option<Entry>, QueueError> {
        let Some(id) = draft.cancels else { return Ok(None) };
        let entry = self.find(db, "id", id.as_bytes())?.ok_or(QueueError::NotFound)?;
        if entry.row.state != State::Acked {
            return Err(QueueError::Move { from: entry.row.state, to: State::Cancelling });
        }
        if entry.holder != holder || entry.row.cancels.is_some() || entry.row.erased {
            return Err(QueueError::Draft("what it takes back is another's, a cancellation, or erased"));
        }
        Ok(Some(entry))
    }

    /// It is being cancelled from now on.
    pub(super) fn begin_cancelling(&self, db: &Connection, entry: Option<Entry>) -> Result<Option<Row>, QueueError> {
        entry.map(|entry| self.moved(db, entry, State::Cancelling)).transpose()
    }

    /// What a row that goes to `to` takes back, where that ends with it. What was lost or is damaged meanwhile keeps the
    /// cancellation from nothing.
    pub(super) fn to_follow(&self, db: &Connection, row: &Row, to: State) -> Option<(Entry, State)> {
        let (cancels, follows) = (row.cancels?, follows(to)?);
        match self.find(db, "id", cancels.as_bytes()) {
            Ok(entry) => entry.filter(|entry| entry.row.state == State::Cancelling).map(|entry| (entry, follows)),
            Err(error) => {
                tracing::error!(id = %cancels, %error, "what was cancelled cannot be read");
                None
            }
        }
    }

    /// It ends with its cancellation.
    pub(super) fn follow(&self, db: &Connection, followed: Option<(Entry, State)>) -> Result<Option<Row>, QueueError> {
        followed.map(|(entry, to)| self.moved(db, entry, to)).transpose()
    }

    /// What is being cancelled by nothing that is under way ends. Where its cancellation was accepted it is cancelled: it
    /// could not be read when it was to follow. Else it stands again: what cancelled it was lost, and nothing would ever
    /// end it. Whether the centre has it cancelled is not known here.
    pub(super) fn stand_again(&self, db: &Connection) -> Result<(), QueueError> {
        let (mut cancelling, mut under_way) = (Vec::new(), HashSet::new());
        self.each(db, "open = 1", |entry| {
            under_way.extend(entry.row.cancels);
            if entry.row.state == State::Cancelling {
                cancelling.push(entry);
            }
        })?;
        cancelling.retain(|entry| !under_way.contains(&entry.row.id));
        if cancelling.is_empty() {
            return Ok(());
        }
        let mut taken_back = HashSet::new();
        self.each(db, "state = 'acked'", |entry| taken_back.extend(entry.row.cancels))?;
        for entry in cancelling {
            let id = entry.row.id;
            if taken_back.contains(&id) {
                tracing::warn!(%id, "it did not follow its cancellation, which was accepted: it is cancelled");
                self.moved(db, entry, State::Cancelled)?;
            } else {
                tracing::warn!(%id, "what cancelled it is lost: it stands again, whatever the centre has");
                self.moved(db, entry, State::Acked)?;
            }
        }
        Ok(())
    }

    /// Each of these rows; `which` is one of this file's own conditions.
    fn each(&self, db: &Connection, which: &str, mut take: impl FnMut(Entry)) -> Result<(), QueueError> {
        let mut statement = db.prepare(&format!("SELECT {COLUMNS} FROM entries WHERE {which}"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            take(self.read(row)?);
        }
        Ok(())
    }

    fn moved(&self, db: &Connection, mut entry: Entry, to: State) -> Result<Row, QueueError> {
        entry.row.state = to;
        entry.row.updated_at = self.now();
        entry.row.reason = None;
        self.write_state(db, entry)
    }
}

/// Where what is cancelled goes when its cancellation has come to this.
fn follows(cancellation: State) -> Option<State> {
    match cancellation {
        State::Acked => Some(State::Cancelled),
        State::Refused | State::Void | State::Reversed => Some(State::Acked),
        _ => None,
    }
}
