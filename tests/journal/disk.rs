//! A disk that loses its power: what it may hold then, of all that was written to it.
//!
//! The model: a file's bytes are there once a sync of that file that began after them is over; its name, once such a
//! sync of the folder is. Of what was written since, anything may be there: nothing, the earlier part, or any sectors of
//! 512 bytes in any order. Names that were not synced come and go in their order, as a file system's own journal keeps
//! them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::trace::Event;

const SECTOR: usize = 512;

/// What becomes of that which no sync has taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// All of it is there: the process died, and not the disk.
    Kept,
    /// None of it is there.
    Lost,
    /// Of each file the earlier part is there, the last write of it torn.
    Earlier,
    /// Any sectors of it are there, written in any order.
    Any,
}

impl Fate {
    pub const ALL: [Self; 4] = [Self::Kept, Self::Lost, Self::Earlier, Self::Any];
}

/// The disk after some events.
#[derive(Default)]
pub struct Disk {
    /// Every file there ever was.
    files: Vec<File>,
    /// The names as the running process sees them.
    seen: BTreeMap<String, usize>,
    /// The names that are on the disk.
    synced: BTreeMap<String, usize>,
    /// What happened to names since, and when.
    names: Vec<(u64, String, Option<usize>)>,
    /// Syncs that are under way, by thread: when each began.
    syncing: BTreeMap<u32, u64>,
    now: u64,
}

#[derive(Default)]
struct File {
    synced: Vec<u8>,
    since: Vec<(u64, Change)>,
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

impl Disk {
    /// Lets one more event happen.
    pub fn take(&mut self, event: &Event) {
        self.now += 1;
        match event {
            Event::Create(name) if !self.seen.contains_key(name) => {
                let file = self.files.len();
                self.files.push(File::default());
                self.seen.insert(name.clone(), file);
                self.names.push((self.now, name.clone(), Some(file)));
            }
            Event::Remove(name) => {
                self.seen.remove(name);
                self.names.push((self.now, name.clone(), None));
            }
            Event::Write(name, at, bytes) => self.change(name, Change::Write(*at, bytes.clone())),
            Event::Truncate(name, length) => self.change(name, Change::Truncate(*length)),
            Event::SyncBegins(thread, _) => drop(self.syncing.insert(*thread, self.now)),
            Event::SyncEnds(thread, name) => self.sync(*thread, name),
            Event::Create(_) | Event::Answers(_) => {}
        }
    }

    fn change(&mut self, name: &str, change: Change) {
        let file = self.seen.get(name).unwrap_or_else(|| panic!("{name} was never made"));
        self.files[*file].since.push((self.now, change));
    }

    fn sync(&mut self, thread: u32, name: &str) {
        let began = self.syncing.remove(&thread).expect("a sync that began");
        if name.is_empty() {
            for (_, name, file) in self.names.extract_if(.., |(when, ..)| *when < began) {
                name_it(&mut self.synced, name, file);
            }
        } else if let Some(file) = self.seen.get(name) {
            let File { synced, since } = &mut self.files[*file];
            for (_, change) in since.extract_if(.., |(when, _)| *when < began) {
                change.apply(synced, |_| true);
            }
        }
    }

    /// Writes what is there after the power is cut now into `dir`.
    pub fn cut(&self, fate: Fate, dice: &mut Dice, dir: &Path) {
        let mut names = self.synced.clone();
        let kept = match fate {
            Fate::Kept => self.names.len(),
            Fate::Lost => 0,
            Fate::Earlier | Fate::Any => dice.below(self.names.len() + 1),
        };
        for (_, name, file) in &self.names[..kept] {
            name_it(&mut names, name.clone(), *file);
        }
        for (name, file) in names {
            std::fs::write(dir.join(name), self.files[file].cut(fate, dice)).expect("a file of the disk");
        }
    }
}

fn name_it(names: &mut BTreeMap<String, usize>, name: String, file: Option<usize>) {
    match file {
        Some(file) => drop(names.insert(name, file)),
        None => drop(names.remove(&name)),
    }
}

impl File {
    fn cut(&self, fate: Fate, dice: &mut Dice) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        let mut order: Vec<usize> = (0..self.since.len()).collect();
        match fate {
            Fate::Kept => {}
            Fate::Lost => return bytes,
            Fate::Earlier => order.truncate(dice.below(order.len() + 1)),
            Fate::Any => {
                for at in 1..order.len() {
                    order.swap(at, dice.below(at + 1));
                }
                order.truncate(dice.below(order.len() + 1));
            }
        }
        let torn = order.last().copied();
        for at in order {
            let tear = fate == Fate::Any && dice.below(2) == 0 || fate == Fate::Earlier && torn == Some(at);
            self.since[at].1.apply(&mut bytes, |_| !tear || dice.below(2) == 0);
        }
        bytes
    }
}

impl Change {
    /// Makes the change, as far as `lands` says so of each sector.
    fn apply(&self, bytes: &mut Vec<u8>, mut lands: impl FnMut(usize) -> bool) {
        let length = |length: u64| usize::try_from(length).expect("a file that fits into memory");
        match self {
            Self::Truncate(to) => bytes.resize(length(*to), 0),
            Self::Write(at, new) => {
                let (mut at, mut rest) = (length(*at), &new[..]);
                while !rest.is_empty() {
                    let (now, later) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
                    if lands(at / SECTOR) {
                        bytes.resize(bytes.len().max(at + now.len()), 0);
                        bytes[at..at + now.len()].copy_from_slice(now);
                    }
                    (at, rest) = (at + now.len(), later);
                }
            }
        }
    }
}

/// Chance that is the same each time (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    /// A number from 0 to one below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ mixed >> 31) % end as u64).expect("below a size")
    }
}

#[test]
fn what_is_synced_stays_and_the_rest_may_go() {
    let name = || "f".to_owned();
    let event = |at, byte| Event::Write(name(), at, vec![byte; 1024]);
    let mut disk = Disk::default();
    let steps = [
        Event::Create(name()),
        event(0, 1),
        Event::SyncBegins(1, name()),
        event(1024, 2),
        Event::SyncEnds(1, name()),
        Event::SyncBegins(1, String::new()),
        Event::SyncEnds(1, String::new()),
        event(2048, 3),
    ];
    let mut found = std::collections::BTreeSet::new();
    for (count, step) in steps.iter().enumerate() {
        disk.take(step);
        for seed in 0..200 {
            for fate in Fate::ALL {
                let dir = tempfile::tempdir().unwrap();
                disk.cut(fate, &mut Dice(seed), dir.path());
                let bytes = std::fs::read(dir.path().join("f")).ok();
                if count == steps.len() - 1 {
                    let bytes = bytes.unwrap();
                    assert_eq!(bytes[..1024], [1; 1024], "what was written before the sync began");
                    assert!(fate != Fate::Lost || bytes.len() == 1024);
                    found.insert((bytes.get(1024).copied(), bytes.get(2048).copied(), bytes.get(2560).copied()));
                } else if count < 6 {
                    assert!(fate != Fate::Lost || bytes.is_none(), "its folder was not synced");
                }
            }
        }
    }
    // The rest: neither, each, both, and half a write.
    for rest in [
        (None, None, None),
        (Some(2), None, None),
        (Some(0), Some(3), Some(3)),
        (Some(2), Some(3), Some(3)),
        (Some(2), Some(3), None),
        (Some(2), Some(0), Some(3)),
    ] {
        assert!(found.contains(&rest), "{rest:?} of {found:?}");
    }
}
