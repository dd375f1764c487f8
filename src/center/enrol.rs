//! Who a terminal is: its key, bound to its certificate.

pub(super) mod aside;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::errors::CenterError;
use crate::wire::Digest;
use crate::wire::signature::{self, Purpose, Signature};

/// Who a message says it is of, and what proves that.
#[derive(Clone)]
pub(super) struct Caller {
    /// The terminal's code.
    pub(super) terminal: String,
    /// Its public key.
    pub(super) key: Digest,
    /// What it came with besides.
    pub(super) proof: Proof,
}

/// What a message came with besides its signature.
#[derive(Clone, Copy)]
pub(super) enum Proof {
    /// The certificate of its connection, SHA-256 of the DER form; none where it came without TLS or without one.
    Certificate(Option<Digest>),
    /// The word of a broker that lets a terminal send in its own name only.
    Broker,
}

impl Caller {
    /// The caller of a message whose parts say so, and whose signature holds.
    ///
    /// # Errors
    /// Why it is not proved, a sentence.
    pub(super) fn proved(
        parts: [Option<&str>; 3],
        proof: Proof,
        purpose: Purpose,
        body: &[u8],
    ) -> Result<Self, &'static str> {
        let [Some(terminal), Some(key), Some(signature)] = parts else {
            return Err("the message is not signed");
        };
        let key: Option<Digest> = key.parse().ok();
        let signature: Option<Signature> = signature.parse().ok();
        let (Some(key), Some(signature)) = (key, signature) else {
            return Err("its key or its signature is none");
        };
        if !signature::holds(&key, &signature::question(terminal, purpose, body), &signature) {
            return Err("its signature does not hold");
        }
        Ok(Self { terminal: terminal.to_owned(), key, proof })
    }
}

/// A terminal that is enrolled.
struct Enrolled {
    key: Digest,
    certificate: Option<Digest>,
}

/// The caller is the terminal in whose name the message is, with the key and the certificate that it was enrolled with.
/// A demo centre enrols at first contact whom it does not know.
pub(super) fn check(db: &Connection, caller: &Caller, named: &str, demo: bool) -> Result<(), CenterError> {
    if named != caller.terminal {
        return Err(CenterError::Enrol("the message is in another terminal's name"));
    }
    match (find(db, named)?, caller.proof) {
        (Some(Enrolled { key, .. }), _) if key != caller.key => Err(CenterError::Enrol("the terminal has another key")),
        // Enrolled with a certificate, it comes with none but that; without one, with none.
        (Some(known), Proof::Certificate(shown)) if known.certificate != shown => {
            Err(CenterError::Enrol("the terminal has another certificate"))
        }
        (Some(_), _) => Ok(()),
        (None, _) if !demo => Err(CenterError::Enrol("the terminal is not enrolled")),
        (None, Proof::Certificate(shown)) => enrol(db, named, &caller.key, shown.as_ref(), false),
        (None, Proof::Broker) => enrol(db, named, &caller.key, None, false),
    }
}

/// Enrols a terminal; the same again is no change. Another key or certificate than it has is only taken to `replace` them.
pub(super) fn enrol(
    db: &Connection,
    terminal: &str,
    key: &Digest,
    certificate: Option<&Digest>,
    replace: bool,
) -> Result<(), CenterError> {
    match find(db, terminal)? {
        Some(known) if !replace && known.key == *key && known.certificate.as_ref() == certificate => return Ok(()),
        Some(_) if !replace => {
            return Err(CenterError::Enrol("the terminal is enrolled with another key or certificate"));
        }
        Some(known) => {
            tracing::warn!(terminal, %key, "a terminal's key and certificate are replaced");
            // A journal keeps its key: another key's is another journal, which counts from one.
            if known.key != *key {
                aside::put_aside(db, terminal, &known.key)?;
            }
        }
        None => tracing::info!(terminal, %key, "a terminal is enrolled"),
    }
    db.execute(
        "INSERT INTO terminals VALUES (?1, ?2, ?3)
         ON CONFLICT (terminal) DO UPDATE SET key = excluded.key, certificate = excluded.certificate",
        params![terminal, key.0, certificate.map(|certificate| certificate.0)],
    )?;
    Ok(())
}

/// Whether a terminal is enrolled.
pub(super) fn is_enrolled(db: &Connection, terminal: &str) -> Result<bool, CenterError> {
    Ok(find(db, terminal)?.is_some())
}

fn find(db: &Connection, terminal: &str) -> Result<Option<Enrolled>, CenterError> {
    let found = db
        .prepare_cached("SELECT key, certificate FROM terminals WHERE terminal = ?1")?
        .query_row([terminal], |row| {
            Ok(Enrolled { key: Digest(row.get(0)?), certificate: row.get::<_, Option<[u8; 32]>>(1)?.map(Digest) })
        })
        .optional()?;
    Ok(found)
}

#[cfg(test)]
mod tests;
