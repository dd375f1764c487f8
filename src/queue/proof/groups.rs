//! The signatures of the commit groups, in their order.

use rusqlite::Rows;

use super::{Anchored, Terms, damaged};
use crate::queue::{QueueError, seal};
use crate::wire::{ChainHead, Digest};

/// A signature and what it is over.
#[derive(Clone)]
pub(super) struct Group {
    pub(super) head: ChainHead,
    signature: Vec<u8>,
}

impl Group {
    /// Reads the columns `sequence`, `head` and `signature`.
    pub(super) fn read(row: &rusqlite::Row<'_>) -> Result<Self, QueueError> {
        Ok(Self { head: ChainHead { sequence: row.get(0)?, hash: Digest(row.get(1)?) }, signature: row.get(2)? })
    }

    pub(super) fn holds(&self, terms: &Terms<'_>) -> bool {
        seal::head_is_signed(terms.key, terms.terminal, self.head.sequence, &self.head.hash, &self.signature)
    }
}

/// Goes through them beside the records.
pub(super) struct Groups<'a> {
    rows: Rows<'a>,
    pub(super) next: Option<Group>,
    count: u64,
    /// The last record that a signature covers.
    pub(super) signed: u64,
}

impl<'a> Groups<'a> {
    pub(super) fn of(rows: Rows<'a>, start: u64) -> Result<Self, QueueError> {
        let mut groups = Self { rows, next: None, count: 0, signed: start };
        groups.step()?;
        Ok(groups)
    }

    /// Whether the signature that ends at `head`, if there is one, is over it and holds.
    pub(super) fn check(&mut self, head: &ChainHead, terms: &Terms<'_>) -> Result<bool, QueueError> {
        let Some(group) = self.next.as_ref().filter(|group| group.head.sequence == head.sequence) else {
            return Ok(true);
        };
        if group.head.hash != head.hash || !group.holds(terms) {
            return Ok(false);
        }
        self.signed = head.sequence;
        self.count += 1;
        self.step()?;
        Ok(true)
    }

    /// How many there were; all records are signed, and no other was.
    pub(super) fn end(self, head: &ChainHead, terms: &Terms<'_>) -> Result<u64, QueueError> {
        // The list of what was lost is signed, and says what it follows.
        if self.signed != head.sequence && !terms.cut && terms.lost.after(head).is_none() {
            let anchored = matches!(terms.anchor, Anchored::At(anchored) if anchored == *head);
            let what = match anchored {
                true => "changed: its signature was removed",
                false => "inserted: it is not signed, unless its signature was removed",
            };
            return Err(damaged(self.signed + 1, what));
        }
        match self.next {
            None => Ok(self.count),
            Some(_) => Err(damaged(head.sequence + 1, "cut off: it was signed")),
        }
    }

    fn step(&mut self) -> Result<(), QueueError> {
        self.next = self.rows.next()?.map(Group::read).transpose()?;
        Ok(())
    }
}
