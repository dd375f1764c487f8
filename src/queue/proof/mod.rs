//! The proof that records are whole: each header follows the one before, the signatures of the commit groups cover
//! them, and the last one that was anchored is among them. The public key is enough for that; the terminal's keys prove
//! what changes as well.

mod contents;
mod diagnosis;
mod groups;
mod link;

use rusqlite::Connection;
use serde::Serialize;

pub(super) use contents::{Bare, Contents, Mirrored, Opened};
use groups::Groups;
use link::Link;

use super::QueueError;
use super::lost::Lost;
use crate::wire::headers::Hole;
use crate::wire::{ChainHead, Digest};

/// What records are proved against.
pub(super) struct Terms<'a> {
    /// Whose they are: the signatures cover the name.
    pub(super) terminal: &'a str,
    /// The public key.
    pub(super) key: &'a [u8; 32],
    /// What the first record follows.
    pub(super) start: ChainHead,
    /// What the terminal knows it has lost.
    pub(super) lost: &'a Lost,
    /// The anchored head.
    pub(super) anchor: Anchored,
    /// The last record that is proved here; the last there is where it is `None`.
    pub(super) last: Option<u64>,
    /// Whether what comes after the last signature was cut off, which is the caller's to tell.
    pub(super) cut: bool,
}

/// What is known of the head from outside the records.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchored {
    /// Nobody asked.
    NotAsked,
    /// There is no anchor that holds.
    Missing,
    /// This head was anchored.
    At(ChainHead),
}

impl From<Option<ChainHead>> for Anchored {
    fn from(head: Option<ChainHead>) -> Self {
        head.map_or(Self::Missing, Self::At)
    }
}

/// What was proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Whose records they are.
    pub terminal: String,
    /// The public key that proves them.
    pub key: Digest,
    /// How many records there are.
    pub rows: u64,
    /// The first one's place in the chain; the next free one where there is none.
    pub first: u64,
    /// What was lost to damage, and is known to be.
    pub lost: Vec<Hole>,
    /// How many signed commit groups.
    pub groups: u64,
    /// The hash of the last header; zeros when there is none.
    pub head: Digest,
    /// How many records the anchor is behind; `None` where it was not asked for, or lies outside an export.
    pub anchor_behind: Option<u64>,
    /// States, operators, amounts and answers are what the terminal wrote. Without its keys a journal cannot tell; an
    /// export is signed line by line.
    pub states: bool,
    /// How many payloads are there, each what its header commits to; `None` where that was not proved.
    pub payloads: Option<u64>,
}

impl Proof {
    /// The last place of the chain that was proved, lost ones counted; the one before the first where there is none.
    pub fn last(&self) -> u64 {
        let lost: u64 = self.lost.iter().map(Hole::records).sum();
        self.first + self.rows + lost - 1
    }
}

/// Reads all records of one snapshot; the anchor must have been read before it.
pub(super) fn prove(db: &Connection, terms: &Terms<'_>, contents: &mut dyn Contents) -> Result<Proof, QueueError> {
    let mut head = terms.start;
    let mut lost = Vec::new();
    let columns = contents.columns(db)?;
    let mut signatures = db.prepare(
        "SELECT sequence, head, signature FROM groups WHERE sequence > ?1 AND sequence <= ?2 ORDER BY sequence",
    )?;
    let last = terms.last.unwrap_or(i64::MAX as u64);
    let mut groups = Groups::of(signatures.query([head.sequence, last])?, head.sequence)?;
    // Nothing stands before the first record of all.
    let sql =
        format!("SELECT {columns} FROM entries WHERE (sequence > ?1 OR ?1 = 0) AND sequence <= ?2 ORDER BY sequence");
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query([head.sequence, last])?;
    while let Some(row) = rows.next()? {
        let link = Link::read(row)?;
        // The record after a hole follows the last one that was in it.
        let hole = terms.lost.after(&head).filter(|hole| link.place > hole.until.sequence);
        let before = hole.map_or(head, |hole| hole.until);
        match link.follow(&before, terms.terminal) {
            Some(next) => {
                head = next;
                lost.extend(hole);
            }
            None => return Err(diagnosis::broken(db, terms, contents.has_all(), &before)?),
        }
        contents.check(row)?;
        if !groups.check(&head, terms)? {
            return Err(diagnosis::unsigned(db, terms, &groups, &head)?);
        }
    }
    let count = groups.end(&head, terms)?;
    if let (None, Some(hole)) = (terms.last, terms.lost.after(&head)) {
        lost.push(*hole);
        head = hole.until;
    }
    let gone: u64 = lost.iter().map(Hole::records).sum();
    Ok(Proof {
        terminal: terms.terminal.to_owned(),
        key: Digest(*terms.key),
        rows: head.sequence - terms.start.sequence - gone,
        first: terms.start.sequence + 1,
        lost,
        groups: count,
        head: head.hash,
        anchor_behind: check_anchor(db, terms, contents, &head)?,
        states: contents.proves_states(),
        payloads: contents.payloads(),
    })
}

/// How far the anchor is behind.
fn check_anchor(
    db: &Connection,
    terms: &Terms<'_>,
    contents: &dyn Contents,
    head: &ChainHead,
) -> Result<Option<u64>, QueueError> {
    let anchored = match terms.anchor {
        Anchored::NotAsked => return Ok(None),
        Anchored::Missing if head.sequence == 0 => ChainHead::default(),
        Anchored::Missing => return Err(damaged(0, "the anchor is missing or not this terminal's")),
        Anchored::At(head) => head,
    };
    let within = terms.start.sequence + 1..=head.sequence;
    if !contents.has_all() && !within.contains(&anchored.sequence) {
        return Ok(None);
    }
    super::open::check_anchor(db, terms.lost, &anchored, head)?;
    Ok(Some(head.sequence - anchored.sequence))
}

pub(super) fn damaged(record: u64, what: impl Into<String>) -> QueueError {
    QueueError::Damaged { record, what: what.into() }
}
