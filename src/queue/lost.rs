//! Records that were lost to damage. The terminal signs the list of them, so that a hole in the chain is one that it
//! knows of, or damage.

use ring::signature::{ED25519, UnparsedPublicKey};
use rusqlite::{Connection, OptionalExtension as _};

use super::seal::Crypto;
use super::{QueueError, proof};
use crate::wire::ChainHead;
use crate::wire::headers::Hole;

const FORMAT: &str = "sbkd-lost-1";

/// All that a journal has lost, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lost(Vec<Hole>);

impl From<Vec<Hole>> for Lost {
    fn from(holes: Vec<Hole>) -> Self {
        Self(holes)
    }
}

impl Lost {
    /// What a journal says it has lost, whoever says it.
    pub(super) fn read(db: &Connection) -> Result<Self, QueueError> {
        let Some((text, _)) = kept(db)? else { return Ok(Self::default()) };
        serde_json::from_str(&text).map(Self).map_err(|_| not_signed())
    }

    /// The same, as this terminal signed it.
    pub(super) fn proved(db: &Connection, key: &[u8; 32], terminal: &str) -> Result<Self, QueueError> {
        let Some((text, signature)) = kept(db)? else { return Ok(Self::default()) };
        Self::of_text(&text, &signature, key, terminal)
    }

    /// A list as it was signed.
    pub(super) fn of_text(text: &str, signature: &[u8], key: &[u8; 32], terminal: &str) -> Result<Self, QueueError> {
        let holds = UnparsedPublicKey::new(&ED25519, key).verify(&signed(terminal, text), signature).is_ok();
        let holes: Option<Vec<Hole>> = serde_json::from_str(text).ok();
        let in_order = |hole: &Hole| hole.after.sequence < hole.until.sequence;
        match holes.filter(|holes| holds && holes.iter().all(in_order)) {
            Some(holes) => Ok(Self(holes)),
            None => Err(not_signed()),
        }
    }

    /// The list and its signature as they are kept; `None` where nothing was lost.
    pub(super) fn kept(db: &Connection) -> Result<Option<(String, Vec<u8>)>, QueueError> {
        kept(db)
    }

    /// Signs the list and keeps it.
    pub(super) fn write(&self, db: &Connection, crypto: &Crypto, terminal: &str) -> Result<(), QueueError> {
        // Invariant: numbers and hashes always have a JSON form.
        let text = serde_json::to_string(&self.0).expect("a list of holes has a JSON form");
        let signature = crypto.sign_bytes(&signed(terminal, &text));
        let mut insert = db.prepare("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?;
        insert.execute(("lost", text.as_bytes()))?;
        insert.execute(("lost-signature", signature))?;
        Ok(())
    }

    /// The hole that begins after `head`.
    pub(super) fn after(&self, head: &ChainHead) -> Option<&Hole> {
        self.0.iter().find(|hole| hole.after == *head)
    }

    /// Whether a hole ends with `head`.
    pub(super) fn ends_with(&self, head: &ChainHead) -> bool {
        self.0.iter().any(|hole| hole.until == *head)
    }

    /// The hole that a head lies in, short of its end: of such a record nothing is known any more.
    pub(super) fn around(&self, head: &ChainHead) -> Option<&Hole> {
        let inside = |hole: &&Hole| (hole.after.sequence + 1..hole.until.sequence).contains(&head.sequence);
        self.0.iter().find(inside)
    }

    /// The hole before the record of a number.
    pub(super) fn before(&self, sequence: u64) -> Option<&Hole> {
        self.0.iter().find(|hole| hole.until.sequence + 1 == sequence)
    }

    /// The hole at the end, where the last record has this number.
    pub(super) fn beyond(&self, sequence: u64) -> Option<&Hole> {
        self.0.last().filter(|hole| hole.until.sequence > sequence)
    }

    /// The end of the last one.
    pub(super) fn end(&self) -> Option<ChainHead> {
        self.0.last().map(|hole| hole.until)
    }

    /// How many records that came after the one of this number are lost.
    pub(super) fn since(&self, sequence: u64) -> u64 {
        self.0.iter().map(|hole| hole.until.sequence.saturating_sub(hole.after.sequence.max(sequence))).sum()
    }

    pub(super) fn holes(&self) -> &[Hole] {
        &self.0
    }
}

fn kept(db: &Connection) -> Result<Option<(String, Vec<u8>)>, QueueError> {
    let mut read = db.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    let mut value = |name: &str| read.query_row([name], |row| row.get::<_, Vec<u8>>(0)).optional();
    let (Some(text), signature) = (value("lost")?, value("lost-signature")?) else { return Ok(None) };
    let text = String::from_utf8(text).map_err(|_| not_signed())?;
    Ok(Some((text, signature.unwrap_or_default())))
}

fn signed(terminal: &str, text: &str) -> Vec<u8> {
    format!("{FORMAT}\n{terminal}\n{text}").into_bytes()
}

fn not_signed() -> QueueError {
    proof::damaged(0, "changed: the list of lost records is not what was signed")
}
