//! Who a terminal is: its key, bound to its certificate.

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
        Some(known) if known.key == *key && known.certificate.as_ref() == certificate => return Ok(()),
        Some(_) if !replace => {
            return Err(CenterError::Enrol("the terminal is enrolled with another key or certificate"));
        }
        Some(known) => {
            tracing::warn!(terminal, %key, "a terminal's key and certificate are replaced");
            if known.key != *key {
                put_aside(db, terminal)?;
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

/// A journal keeps its key: another key's is another journal, which counts from one. What came of the earlier one stays
/// under a name that no terminal can have; its transactions are known by their ids as before.
fn put_aside(db: &Connection, terminal: &str) -> Result<(), CenterError> {
    const KEPT: [&str; 4] = ["chain", "groups", "holes", "transactions"];
    // Each of them may have rows of a journal of which the others have none.
    let names =
        KEPT.map(|table| format!("SELECT terminal FROM {table} WHERE terminal LIKE ?1 || '~%'")).join(" UNION ");
    let before: u32 = db.query_row(&format!("SELECT count(*) FROM ({names})"), [terminal], |row| row.get(0))?;
    let aside = format!("{terminal}~{}", before + 1);
    for table in KEPT {
        let rename = format!("UPDATE {table} SET terminal = ?2 WHERE terminal = ?1");
        db.execute(&rename, [terminal, &aside])?;
    }
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
mod tests {
    use super::*;

    #[test]
    fn each_journal_of_a_terminal_is_put_aside_under_a_name_of_its_own() {
        let db = super::super::db::open(None).unwrap();
        let code = "H44010099999";
        // There are no headers of any of them.
        let transaction = |id: u8| {
            let sql = "INSERT INTO transactions (id, terminal, sequence, header_hash, content, scenario, accepted, receipt, detail, times)
                       VALUES (?1, ?2, 1, x'00', x'00', 's', 1, '', '', 1)";
            db.execute(sql, params![[id; 16], code]).unwrap();
        };
        for id in 1..=3 {
            transaction(id);
            put_aside(&db, code).unwrap();
        }
        let mut read = db.prepare("SELECT terminal FROM transactions ORDER BY number").unwrap();
        let names: Vec<String> = read.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(names, ["H44010099999~1", "H44010099999~2", "H44010099999~3"]);
    }
}
