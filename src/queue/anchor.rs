//! The anchor: the chain's head kept outside the database, so that a cut tail shows.
//!
//! Two slots of one sector each are written in turn and synced, so that a torn write leaves the other one whole. It is
//! written after each commit and before the next: it may be one commit group behind the journal, and is never ahead.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::seal::Crypto;
use crate::wire::{ChainHead, Digest};

const SLOT: usize = 512;

pub(super) struct Anchor {
    file: File,
    turn: u64,
}

impl Anchor {
    /// Opens the anchor or makes an empty one.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        if file.metadata()?.len() == 0 {
            file.sync_all()?;
            if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
                File::open(dir)?.sync_all()?;
            }
        }
        Ok(Self { file, turn: 0 })
    }

    /// Writes the head and syncs it.
    pub(super) fn write(&mut self, crypto: &Crypto, terminal: &str, head: &ChainHead) -> io::Result<()> {
        let mut slot = format!("sbkd-anchor-1 {} {} {}\n", head.sequence, head.hash, mac(crypto, terminal, head));
        slot.extend(std::iter::repeat_n(' ', SLOT.saturating_sub(slot.len() + 1)));
        slot.push('\n');
        self.file.write_all_at(slot.as_bytes(), self.turn % 2 * SLOT as u64)?;
        self.file.sync_data()?;
        self.turn += 1;
        Ok(())
    }

    /// The highest head that is whole; the next write goes to the other slot. `None` when there is none.
    pub(super) fn read(&mut self, crypto: &Crypto, terminal: &str) -> io::Result<Option<ChainHead>> {
        let heads = slots(&self.file, crypto, terminal)?;
        let best = highest(heads);
        self.turn = u64::from(best.is_some() && best == heads[0]);
        Ok(best)
    }
}

/// The anchored head of a file that someone else may be writing. `None` when there is none.
pub(super) fn peek(path: &Path, crypto: &Crypto, terminal: &str) -> io::Result<Option<ChainHead>> {
    let file = File::open(path)?;
    Ok(highest(slots(&file, crypto, terminal)?))
}

fn slots(file: &File, crypto: &Crypto, terminal: &str) -> io::Result<[Option<ChainHead>; 2]> {
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
        *head = parse(&slot).filter(|(head, tag)| mac(crypto, terminal, head) == *tag).map(|(head, _)| head);
    }
    Ok(heads)
}

fn highest(heads: [Option<ChainHead>; 2]) -> Option<ChainHead> {
    heads.into_iter().flatten().max_by_key(|head| head.sequence)
}

fn parse(slot: &[u8]) -> Option<(ChainHead, Digest)> {
    let line = std::str::from_utf8(slot).ok()?.lines().next()?;
    let mut words = line.split(' ');
    if words.next()? != "sbkd-anchor-1" {
        return None;
    }
    let sequence = words.next()?.parse().ok()?;
    let mut digest = || {
        let mut bytes = [0; 32];
        hex::decode_to_slice(words.next()?, &mut bytes).ok()?;
        Some(Digest(bytes))
    };
    let (hash, tag) = (digest()?, digest()?);
    Some((ChainHead { sequence, hash }, tag))
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
            assert_eq!(peek(&path, &crypto, "T").unwrap(), Some(head(sequence)));
        }
        // The fifth write went to the first slot; the sixth must not touch it.
        let mut again = Anchor::open(&path).unwrap();
        assert_eq!(again.read(&crypto, "T").unwrap(), Some(head(5)));
        again.file.write_all_at(b"sbkd-anchor-1 6 torn", again.turn % 2 * SLOT as u64).unwrap();
        assert_eq!(peek(&path, &crypto, "T").unwrap(), Some(head(5)));
    }

    #[test]
    fn an_anchor_made_without_the_key_or_for_another_terminal_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("anchor");
        let crypto = Crypto::new(&keys());
        Anchor::open(&path).unwrap().write(&crypto, "T", &head(3)).unwrap();
        assert_eq!(peek(&path, &crypto, "U").unwrap(), None);
        let text = std::fs::read_to_string(&path).unwrap().replacen(" 3 ", " 4 ", 1);
        std::fs::write(&path, text).unwrap();
        assert_eq!(peek(&path, &crypto, "T").unwrap(), None);
    }
}
