//! The anchor: the chain's head kept outside the database, so that a cut tail shows.
//!
//! Two slots of one sector each are written in turn and synced, so that a torn write leaves the other one whole. It is
//! written after each commit, on a thread of its own: it may be two commit groups behind the journal, and is never ahead.
//! While it cannot be written, none is committed beyond these.
//!
//! A slot has the head, a keyed hash of it, and the signature of its commit group, by which an outsider proves it too.
//! Slots of the first format have no signature; they are read with the keys, and the next write replaces them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::seal::{self, Crypto};
use super::{QueueError, open, place};
use crate::wire::{ChainHead, Digest};

const SLOT: usize = 512;

pub(super) struct Anchor {
    path: PathBuf,
    file: File,
    turn: u64,
    /// The last write failed: the file may be one that nothing can be written to any more.
    failed: bool,
}

impl Anchor {
    /// Opens the anchor or makes an empty one.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        if file.metadata()?.len() == 0 {
            file.sync_all()?;
            place::sync(place::folder_of(path))?;
        }
        Ok(Self { path: path.to_owned(), file, turn: 0, failed: false })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the head and syncs it: into the file that is at the path now, whatever became of the one that was.
    pub(super) fn write(&mut self, crypto: &Crypto, terminal: &str, head: &ChainHead) -> io::Result<()> {
        if self.failed || !self.is_there()? {
            if !self.failed {
                tracing::error!(path = %self.path.display(), "the anchor was taken away or replaced: it is written anew");
            }
            self.failed = true;
            *self = Self::open(&self.path)?;
            self.read(crypto, terminal)?;
        }
        let written = self.put(crypto, terminal, head);
        self.failed = written.is_err();
        written
    }

    /// Whether the file that is open is the one at the path.
    fn is_there(&self) -> io::Result<bool> {
        let own = self.file.metadata()?;
        match std::fs::metadata(&self.path) {
            Ok(there) => Ok((there.dev(), there.ino()) == (own.dev(), own.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn put(&mut self, crypto: &Crypto, terminal: &str, head: &ChainHead) -> io::Result<()> {
        let signature = hex::encode_upper(crypto.sign(terminal, head.sequence, &head.hash));
        let tag = mac(crypto, terminal, head);
        let mut slot = format!("sbkd-anchor-2 {} {} {tag} {signature}\n", head.sequence, head.hash);
        slot.extend(std::iter::repeat_n(' ', SLOT.saturating_sub(slot.len() + 1)));
        slot.push('\n');
        self.file.write_all_at(slot.as_bytes(), self.turn % 2 * SLOT as u64)?;
        self.file.sync_data()?;
        self.turn += 1;
        Ok(())
    }

    /// The highest head that is whole; the next write goes to the other slot. `None` when there is none.
    pub(super) fn read(&mut self, crypto: &Crypto, terminal: &str) -> io::Result<Option<ChainHead>> {
        let heads = slots(&self.file, &Proof::Keys(crypto), terminal)?;
        let best = highest(heads);
        self.turn = u64::from(best.is_some() && best == heads[0]);
        Ok(best)
    }
}

/// What an anchor is held against.
pub(super) enum Proof<'a> {
    /// The terminal's keys: hash and signature hold.
    Keys(&'a Crypto),
    /// Its public key: the signature holds.
    Public(&'a [u8; 32]),
}

/// The anchored head of a file that someone else may be writing. `None` when there is none.
pub(super) fn peek(path: &Path, proof: &Proof<'_>, terminal: &str) -> io::Result<Option<ChainHead>> {
    let file = File::open(path)?;
    Ok(highest(slots(&file, proof, terminal)?))
}

/// [`peek`]; `None` also where there is no file.
pub(super) fn peek_if_there(path: &Path, proof: &Proof<'_>, terminal: &str) -> Result<Option<ChainHead>, QueueError> {
    match peek(path, proof, terminal) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map_err(open::io),
    }
}

fn slots(file: &File, proof: &Proof<'_>, terminal: &str) -> io::Result<[Option<ChainHead>; 2]> {
    let mut heads = [None; 2];
    for (index, head) in heads.iter_mut().enumerate() {
        let mut slot = [0; SLOT];
        let mut filled = 0;
        while filled < SLOT {
            match file.read_at(&mut slot[filled..], (index * SLOT + filled) as u64)? {
                0 => break,
                n => filled += n,
            }
        }
        *head = parse(&slot).filter(|slot| slot.holds(proof, terminal)).map(|slot| slot.head);
    }
    Ok(heads)
}

fn highest(heads: [Option<ChainHead>; 2]) -> Option<ChainHead> {
    heads.into_iter().flatten().max_by_key(|head| head.sequence)
}

struct Slot {
    head: ChainHead,
    tag: Digest,
    /// Missing in the first format.
    signature: Option<Vec<u8>>,
}

impl Slot {
    fn holds(&self, proof: &Proof<'_>, terminal: &str) -> bool {
        let signed = |key: &[u8; 32], signature: &[u8]| {
            seal::head_is_signed(key, terminal, self.head.sequence, &self.head.hash, signature)
        };
        match (proof, &self.signature) {
            (Proof::Keys(crypto), signature) => {
                mac(crypto, terminal, &self.head) == self.tag
                    && signature.as_ref().is_none_or(|signature| signed(&crypto.public_key, signature))
            }
            (Proof::Public(key), Some(signature)) => signed(key, signature),
            (Proof::Public(_), None) => false,
        }
    }
}

fn parse(slot: &[u8]) -> Option<Slot> {
    let line = std::str::from_utf8(slot).ok()?.lines().next()?;
    let words: Vec<&str> = line.trim_end().split(' ').collect();
    let (sequence, hash, tag, signature) = match words[..] {
        ["sbkd-anchor-1", sequence, hash, tag] => (sequence, hash, tag, None),
        ["sbkd-anchor-2", sequence, hash, tag, signature] => (sequence, hash, tag, Some(hex::decode(signature).ok()?)),
        _ => return None,
    };
    let digest = |text: &str| {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok().map(|()| Digest(bytes))
    };
    let head = ChainHead { sequence: sequence.parse().ok()?, hash: digest(hash)? };
    Some(Slot { head, tag: digest(tag)?, signature })
}

fn mac(crypto: &Crypto, terminal: &str, head: &ChainHead) -> Digest {
    crypto.authenticate(b"anchor", &[terminal.as_bytes(), &head.sequence.to_be_bytes(), &head.hash.0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::tests::keys;

    fn head(sequence: u64) -> ChainHead {
        ChainHead { sequence, hash: Digest([sequence as u8; 32]) }
    }

    #[test]
    fn a_torn_write_leaves_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("anchor");
        let crypto = Crypto::new(&keys());
        let mut anchor = Anchor::open(&path).unwrap();
        assert_eq!(anchor.read(&crypto, "T").unwrap(), None);
        for sequence in 1..=5 {
            anchor.write(&crypto, "T", &head(sequence)).unwrap();
            assert_eq!(peek(&path, &Proof::Keys(&crypto), "T").unwrap(), Some(head(sequence)));
        }
        // The fifth write went to the first slot; the sixth must not touch it.
        let mut again = Anchor::open(&path).unwrap();
        assert_eq!(again.read(&crypto, "T").unwrap(), Some(head(5)));
        again.file.write_all_at(b"sbkd-anchor-2 6 torn", again.turn % 2 * SLOT as u64).unwrap();
        assert_eq!(peek(&path, &Proof::Keys(&crypto), "T").unwrap(), Some(head(5)));
    }

    #[test]
    fn what_is_written_is_in_the_file_that_is_at_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("anchor");
        let crypto = Crypto::new(&keys());
        let there = || peek(&path, &Proof::Keys(&crypto), "T").unwrap();
        let mut anchor = Anchor::open(&path).unwrap();
        anchor.write(&crypto, "T", &head(1)).unwrap();
        std::fs::remove_file(&path).unwrap();
        anchor.write(&crypto, "T", &head(2)).unwrap();
        assert_eq!(there(), Some(head(2)), "it was taken away");
        let copy = dir.path().join("copy");
        std::fs::copy(&path, &copy).unwrap();
        std::fs::rename(&copy, &path).unwrap();
        anchor.write(&crypto, "T", &head(3)).unwrap();
        assert_eq!(there(), Some(head(3)), "it was replaced");
        // A file that nothing can be written to any more, as after a disk that came back.
        anchor.file = File::open(&path).unwrap();
        anchor.write(&crypto, "T", &head(4)).unwrap_err();
        anchor.write(&crypto, "T", &head(5)).unwrap();
        assert_eq!(there(), Some(head(5)));
    }

    #[test]
    fn an_anchor_made_without_the_key_or_for_another_terminal_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("anchor");
        let crypto = Crypto::new(&keys());
        Anchor::open(&path).unwrap().write(&crypto, "T", &head(3)).unwrap();
        assert_eq!(peek(&path, &Proof::Keys(&crypto), "U").unwrap(), None);
        let text = std::fs::read_to_string(&path).unwrap().replacen(" 3 ", " 4 ", 1);
        std::fs::write(&path, text).unwrap();
        assert_eq!(peek(&path, &Proof::Keys(&crypto), "T").unwrap(), None);
    }

    #[test]
    fn the_public_key_proves_an_anchor_and_the_first_format_needs_the_keys() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("anchor");
        let crypto = Crypto::new(&keys());
        let public = |path: &Path, key: &[u8; 32]| peek(path, &Proof::Public(key), "T").unwrap();
        Anchor::open(&path).unwrap().write(&crypto, "T", &head(3)).unwrap();
        assert_eq!(public(&path, &crypto.public_key), Some(head(3)));
        assert_eq!(public(&path, &[9; 32]), None);
        let text = std::fs::read_to_string(&path).unwrap();
        // The hash alone does not make an anchor where a signature stands.
        let (_, signature) = text.trim_end().rsplit_once(' ').unwrap();
        std::fs::write(&path, text.replace(signature, &"0".repeat(128))).unwrap();
        assert_eq!(peek(&path, &Proof::Keys(&crypto), "T").unwrap(), None);

        let first = format!("sbkd-anchor-1 3 {} {}\n", head(3).hash, mac(&crypto, "T", &head(3)));
        std::fs::write(&path, first).unwrap();
        assert_eq!(peek(&path, &Proof::Keys(&crypto), "T").unwrap(), Some(head(3)));
        assert_eq!(public(&path, &crypto.public_key), None);
    }
}
