//! The journal that is being written, proved whole.

use std::sync::atomic::Ordering;

use rusqlite::Connection;

use super::lost::Lost;
use super::proof::{self, Anchored, Opened, Proof, Terms};
use super::writer::Job;
use super::{Queue, QueueError, Verified, anchor, open};
use crate::wire::ChainHead;

/// About how many records are proved in one snapshot: one that stays open keeps the writer from clearing its log away.
const PART: u64 = 1000;

impl Queue {
    /// Proves the journal whole: chain, signatures, states, payloads, anchor, schema, indexes. The writer goes on meanwhile. What
    /// it finds stands until the next proof ([`Queue::damage`]). An anchor that is missing is written anew.
    ///
    /// # Errors
    /// [`QueueError::Damaged`] naming the first record that is wrong, as two proofs found it; [`QueueError::Replaced`]
    /// when it is not the one at its path; [`QueueError::Closed`] when it is closed before it was all proved.
    pub fn verify(&self) -> Result<Verified, QueueError> {
        // What is under way gets its anchor first; what cannot or may not be written can still be proved.
        match self.probe() {
            Err(error) if !error.is_storage() && !matches!(error, QueueError::Damaged { .. }) => return Err(error),
            _ => {}
        }
        // A disk that failed once tells of damage as well: each proof reads by a connection of its own.
        let proved = match self.verify_own() {
            Err(error @ QueueError::Damaged { .. }) => {
                tracing::warn!(%error, "the journal is proved once more");
                self.verify_own()
            }
            proved => proved,
        };
        match &proved {
            Ok(_) => self.found_whole()?,
            Err(error @ QueueError::Damaged { record, what }) => {
                self.tell(error);
                self.found_damaged(*record, what);
            }
            // Nothing was proved.
            Err(_) => {}
        }
        proved
    }

    /// What is anchored. While the journal is open its writer knows the head: an anchor that is missing or not this
    /// terminal's is no damage, and is written anew.
    fn anchored(&self) -> Result<Option<ChainHead>, QueueError> {
        let (context, settings) = (&self.inner.context, &self.inner.settings);
        let peek = || anchor::peek_if_there(&settings.anchor, &anchor::Proof::Keys(&context.crypto), &context.terminal);
        if let Some(head) = peek()? {
            return Ok(Some(head));
        }
        tracing::error!("the anchor of the journal is missing or not this terminal's: it is written anew");
        match self.wait(Job::Anchor) {
            // A disk that cannot be written is the storage's condition, and no damage of the records.
            Err(error) if !error.is_storage() => Err(error),
            _ => peek(),
        }
    }

    /// What is proved is the journal that is open, and no other that lies at its path.
    fn verify_own(&self) -> Result<Verified, QueueError> {
        self.inner.files.are_there()?;
        let proved = self.verify_parts();
        self.inner.files.are_there()?;
        proved
    }

    fn verify_parts(&self) -> Result<Verified, QueueError> {
        let (context, settings) = (&self.inner.context, &self.inner.settings);
        let anchored = self.anchored()?.map_or(Anchored::NotAsked, Anchored::At);
        let mut db = open::reader(&settings.path)?;
        let mut whole = Verified::default();
        let mut start = ChainHead::default();
        loop {
            let snapshot = db.transaction()?;
            let last = group_end(&snapshot, start.sequence + PART)?;
            // The anchor is looked for in the whole journal, once its end is reached.
            let anchor = if last.is_some() { Anchored::NotAsked } else { anchored };
            let key = &context.crypto.public_key;
            let lost = &Lost::proved(&snapshot, key, &context.terminal)?;
            let terms = Terms { terminal: &context.terminal, key, start, lost, anchor, last, cut: false };
            let mut contents = Opened::until(context, &self.inner.closed);
            whole.add(&proof::prove(&snapshot, &terms, &mut contents)?);
            match last {
                None => {
                    open::check_file(&snapshot)?;
                    return Ok(whole);
                }
                Some(sequence) => start = ChainHead { sequence, hash: whole.head },
            }
        }
    }

    /// Nothing is proved any more.
    pub(super) fn stop_proving(&self) {
        self.inner.closed.store(true, Ordering::Relaxed);
    }
}

impl Verified {
    fn add(&mut self, part: &Proof) {
        self.rows += part.rows;
        self.groups += part.groups;
        self.head = part.head;
        self.anchor_behind = part.anchor_behind.unwrap_or_default();
        self.payloads += part.payloads.unwrap_or_default();
    }
}

/// The end of the commit group that a record is in; `None` when none reaches so far.
fn group_end(db: &Connection, record: u64) -> Result<Option<u64>, QueueError> {
    let sql = "SELECT min(sequence) FROM groups WHERE sequence >= ?1";
    Ok(db.prepare_cached(sql)?.query_row([record], |row| row.get(0))?)
}
