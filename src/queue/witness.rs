//! Proves a file: the journal of a terminal beside its daemon, a copy of one, or an export of a day. It is only read.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::journal::Context;
use super::lost::Lost;
use super::proof::{self, Anchored, Mirrored, Opened, Proof, Terms};
use super::{QueueError, QueueKeys, anchor, export, look, open, owner, seal};
use crate::wire::ChainHead;
use crate::world::{SystemClock, SystemRandom};

/// What a file is proved with.
#[derive(Debug, Clone, Copy)]
pub enum Witness<'a> {
    /// The public key: the chain, the signatures, the anchor; of an export all there is.
    Public(&'a [u8; 32]),
    /// The terminal's own keys and its code: states, answers and payloads as well.
    Keys(&'a QueueKeys, &'a str),
}

/// Proves the file at `path`, with the head that the file `anchor` has if it is to be held against that.
///
/// # Errors
/// [`QueueError::Damaged`], naming the first record that is wrong; [`QueueError::Newer`] when this program does not know
/// its schema; [`QueueError::WrongKeys`] when the file says that it
/// is another key's; what the storage may do.
pub fn prove(path: &Path, witness: Witness<'_>, anchor: Option<&Path>) -> Result<Proof, QueueError> {
    let is_journal = look::is_database(path)?;
    match witness {
        Witness::Public(key) if !is_journal => export::prove(path, key, anchor),
        Witness::Keys(keys, _) if !is_journal => export::prove(path, &keys.public_key(), anchor),
        Witness::Public(key) => journal(path, |db, anchored| public(db, key, anchored), anchor),
        Witness::Keys(keys, terminal) => {
            let context = Context::to_read(keys, terminal.to_owned());
            journal(path, |db, anchored| opened(db, &context, anchored), anchor)
        }
    }
}

/// Reads the anchor for a terminal of this name, as far as these keys prove it.
pub(super) type ReadAnchor<'a> = dyn Fn(&anchor::Proof<'_>, &str) -> Result<Anchored, QueueError> + 'a;

fn journal(
    path: &Path,
    prove: impl Fn(&Connection, &ReadAnchor<'_>) -> Result<Proof, QueueError>,
    anchor: Option<&Path>,
) -> Result<Proof, QueueError> {
    let read_anchor = |proof: &anchor::Proof<'_>, terminal: &str| match anchor {
        None => Ok(Anchored::NotAsked),
        Some(path) => Ok(anchor::peek(path, proof, terminal).map_err(open::io)?.into()),
    };
    let prove = |db: &Connection| {
        open::version(db)?;
        prove(db, &read_anchor)
    };
    if !look::is_held(path)? {
        match prove(&look::still(path)?) {
            // Whoever began to write it meanwhile may have changed it under the reader's eyes.
            Err(_) if look::is_held(path)? => {}
            proved => return proved,
        }
    }
    prove(&open::reader(path)?)
}

pub(super) fn public(db: &Connection, key: &[u8; 32], anchor: &ReadAnchor<'_>) -> Result<Proof, QueueError> {
    let terminal = owner(db, key)?;
    let anchor = anchor(&anchor::Proof::Public(key), &terminal)?;
    // One snapshot: another process may be writing.
    let snapshot = db.unchecked_transaction()?;
    let (start, lost) = (ChainHead::default(), Lost::proved(&snapshot, key, &terminal)?);
    let terms = Terms { terminal: &terminal, key, start, lost: &lost, anchor, last: None, cut: false };
    let proof = proof::prove(&snapshot, &terms, &mut Mirrored)?;
    open::check_file(&snapshot)?;
    Ok(proof)
}

fn opened(db: &Connection, context: &Context, anchor: &ReadAnchor<'_>) -> Result<Proof, QueueError> {
    let anchor = anchor(&anchor::Proof::Keys(&context.crypto), &context.terminal)?;
    owner::check(db, context)?;
    with_keys(&*db.unchecked_transaction()?, context, anchor)
}

/// Proves a snapshot of a journal with its keys. The anchor must have been read before it.
pub(super) fn with_keys(snapshot: &Connection, context: &Context, anchor: Anchored) -> Result<Proof, QueueError> {
    let key = &context.crypto.public_key;
    let (terminal, start) = (&context.terminal, ChainHead::default());
    let lost = &Lost::proved(snapshot, key, terminal)?;
    let terms = Terms { terminal, key, start, lost, anchor, last: None, cut: false };
    let proof = proof::prove(snapshot, &terms, &mut Opened::with(context))?;
    open::check_file(snapshot)?;
    Ok(proof)
}

/// Whose journal it says it is, if it says that it is this key's.
fn owner(db: &Connection, key: &[u8; 32]) -> Result<String, QueueError> {
    let kept = |name: &str| -> Result<Vec<u8>, QueueError> {
        db.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).map_err(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => proof::damaged(0, "changed: it does not say whose it is"),
            error => error.into(),
        })
    };
    if kept("public-key")? != key {
        return Err(QueueError::WrongKeys);
    }
    String::from_utf8(kept("terminal")?).map_err(|_| proof::damaged(0, "changed: it does not say whose it is"))
}

impl Context {
    /// For whoever only reads; what it signs has the time of the system.
    pub(super) fn to_read(keys: &QueueKeys, terminal: String) -> Self {
        Self {
            terminal,
            demo: false,
            crypto: seal::Crypto::new(keys),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::default()),
        }
    }
}
