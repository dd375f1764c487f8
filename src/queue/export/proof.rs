//! Proves an export with the public key: the lines are laid into a database that is gone afterwards, where the chain is
//! proved as in a journal.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use ring::digest;
use rusqlite::{Connection, params};

use super::{End, Exported, FORMAT, Line, Record, about, is_signed};
use crate::queue::lost::Lost;
use crate::queue::proof::{self, Anchored, Bare, Proof, Terms};
use crate::queue::{QueueError, anchor, chain, open, seal};
use crate::wire::{ChainHead, Digest};

/// The longest line that is read: a record's has about two thousand bytes.
const LONGEST: u64 = 1 << 20;

/// Proves an export. `anchor` is a file that has the head.
pub(in crate::queue) fn prove(path: &Path, key: &[u8; 32], anchor: Option<&Path>) -> Result<Proof, QueueError> {
    let mut lines = Lines { file: BufReader::new(File::open(path).map_err(open::io)?), digest: hasher() };
    let (head, bound) = head(lines.next()?.unwrap_or_default(), key)?;
    let anchored = match anchor {
        None => Anchored::NotAsked,
        Some(path) => anchor::peek(path, &anchor::Proof::Public(key), &head.terminal).map_err(open::io)?.into(),
    };
    let laid = Laid::read(&mut lines, key, &head, bound)?;
    let terms = Terms {
        terminal: &head.terminal,
        key,
        start: head.after,
        lost: &laid.lost,
        anchor: anchored,
        last: None,
        cut: laid.end.is_none(),
    };
    let proved = proof::prove(&laid.db, &terms, &mut Bare);
    // A record whose line was changed comes before one whose header does not hold; of one and the same the header tells.
    match (proved, laid.changed) {
        (Err(QueueError::Damaged { record, what }), Some(changed)) if record <= changed || record == 0 => {
            Err(proof::damaged(record, what))
        }
        (_, Some(record)) => Err(proof::damaged(record, "changed: its line is not what was signed")),
        (Err(error), None) => Err(error),
        (Ok(proof), None) => laid.end.map_or_else(
            || Err(proof::damaged(laid.last + 1, "cut off: the export's end is missing")),
            |end| end.check(laid.last).map(|()| proof),
        ),
    }
}

/// The first line, whose key is the one that was given.
fn head(line: Vec<u8>, key: &[u8; 32]) -> Result<(Exported, Digest), QueueError> {
    let no_export = || proof::damaged(0, "it is neither a journal nor an export of one");
    let line: Line<'_> = serde_json::from_slice(&line).map_err(|_| no_export())?;
    let text = line.head.ok_or_else(no_export)?.get();
    let head: Exported = serde_json::from_str(text).map_err(|_| no_export())?;
    if head.format != FORMAT {
        return Err(no_export());
    }
    if head.key.0 != *key {
        return Err(QueueError::WrongKeys);
    }
    if !is_signed(key, &head.terminal, "head", Digest::default(), text, line.signature.as_deref()) {
        return Err(proof::damaged(0, "changed: the head of the export is not what was signed"));
    }
    let signature = hex::decode(&head.after_signature).unwrap_or_default();
    let after = &head.after;
    let begins = *after == ChainHead::default()
        || seal::head_is_signed(key, &head.terminal, after.sequence, &after.hash, &signature);
    match begins {
        true => Ok((head.clone(), about(text))),
        false => Err(proof::damaged(0, "changed: what the first record follows is not signed")),
    }
}

/// The lines between head and end, laid into a database.
struct Laid {
    db: Connection,
    /// The place of the last record that is there.
    last: u64,
    lost: Lost,
    /// The first record whose line was changed.
    changed: Option<u64>,
    /// `None` when the file ends before.
    end: Option<Ending>,
}

/// The last line, and what was read before it.
struct Ending {
    told: Option<End>,
    read: Digest,
    /// Nothing stands behind it. Whoever reads the lines would count what does.
    is_last: bool,
}

impl Ending {
    fn check(&self, last: u64) -> Result<(), QueueError> {
        let Some(told) = &self.told else {
            return Err(proof::damaged(0, "changed: the end of the export is not what was signed"));
        };
        if told.last > last {
            return Err(proof::damaged(last + 1, format!("cut off: the export went on to record {}", told.last)));
        }
        if told.sha256 != self.read {
            return Err(proof::damaged(0, "changed: lines beside the records were changed, removed or inserted"));
        }
        match self.is_last {
            true => Ok(()),
            false => Err(proof::damaged(last + 1, "inserted: it stands behind the export's end")),
        }
    }
}

impl Laid {
    fn read(lines: &mut Lines, key: &[u8; 32], head: &Exported, bound: Digest) -> Result<Self, QueueError> {
        // Without a name it is a file that nobody sees and that is gone with the connection.
        let db = Connection::open("")?;
        db.execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
             CREATE TABLE entries (sequence INTEGER PRIMARY KEY, header BLOB, header_hash BLOB) STRICT;
             CREATE TABLE groups (sequence INTEGER, head BLOB, signature BLOB) STRICT;
             BEGIN",
        )?;
        let mut laid = Self { db, last: head.after.sequence, lost: Lost::default(), changed: None, end: None };
        loop {
            let read = lines.hash();
            let Some(text) = lines.next()? else { break };
            let line: Option<Line<'_>> = serde_json::from_slice(&text).ok();
            let Some(line) = line else {
                if !text.ends_with(b"\n") {
                    // It ends within a line.
                    break;
                }
                // Whatever it was, it stands in a record's place.
                laid.record(&text)?;
                continue;
            };
            let signature = line.signature.as_deref();
            let signed = |part: &str, text: &str| is_signed(key, &head.terminal, part, bound, text, signature);
            if let Some(text) = line.record {
                let record: Option<Record<'_>> = serde_json::from_str(text.get()).ok();
                laid.record(record.as_ref().map_or(&[][..], |record| record.header.get().as_bytes()))?;
                let hash = record.as_ref().map(|record| chain::hash_bytes(record.header.get().as_bytes()));
                let same = hash.is_some() && hash == record.map(|record| record.header_hash);
                if laid.changed.is_none() && !(same && signed("record", text.get())) {
                    laid.changed = Some(laid.last);
                }
            } else if let Some(header) = line.header {
                laid.record(header.get().as_bytes())?;
            } else if let Some(text) = line.lost {
                let signature = signature.and_then(|signature| hex::decode(signature).ok()).unwrap_or_default();
                laid.lost = Lost::of_text(text.get(), &signature, key, &head.terminal)?;
            } else if let Some(group) = line.group {
                laid.group(group, signature)?;
            } else if let Some(text) = line.end {
                let told = signed("end", text.get()).then(|| serde_json::from_str(text.get()).ok()).flatten();
                laid.end = Some(Ending { told, read, is_last: lines.next()?.is_none() });
                break;
            } else {
                laid.record(&text)?;
            }
        }
        laid.db.execute_batch("COMMIT; CREATE INDEX by_sequence ON groups (sequence)")?;
        Ok(laid)
    }

    fn record(&mut self, header: &[u8]) -> Result<(), QueueError> {
        // What was lost had its places.
        let hole = self.lost.holes().iter().find(|hole| hole.after.sequence == self.last);
        self.last = hole.map_or(self.last, |hole| hole.until.sequence) + 1;
        let hash = chain::hash_bytes(header).0;
        self.db.prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3)")?.execute(params![self.last, header, hash])?;
        Ok(())
    }

    fn group(&self, head: ChainHead, signature: Option<&str>) -> Result<(), QueueError> {
        let signature = signature.and_then(|signature| hex::decode(signature).ok()).unwrap_or_default();
        self.db.prepare_cached("INSERT INTO groups VALUES (?1, ?2, ?3)")?.execute(params![
            head.sequence,
            head.hash.0,
            signature
        ])?;
        Ok(())
    }
}

/// The lines of a file, and the hash of what was read.
struct Lines {
    file: BufReader<File>,
    digest: digest::Context,
}

impl Lines {
    fn next(&mut self) -> Result<Option<Vec<u8>>, QueueError> {
        let mut line = Vec::new();
        let read = io::Read::by_ref(&mut self.file).take(LONGEST).read_until(b'\n', &mut line).map_err(open::io)?;
        self.digest.update(&line);
        match read {
            0 => Ok(None),
            _ => Ok(Some(line)),
        }
    }

    fn hash(&self) -> Digest {
        let mut out = [0; 32];
        out.copy_from_slice(self.digest.clone().finish().as_ref());
        Digest(out)
    }
}

fn hasher() -> digest::Context {
    digest::Context::new(&digest::SHA256)
}
