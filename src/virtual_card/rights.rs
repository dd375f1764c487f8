//! What a card's user has proven since it was powered, and what that opens (card-facts §2.1).

use std::collections::BTreeSet;

use crate::apdu::StatusWord;

/// What must be proven before a file is read or written; a key is its place among the image's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Free,
    Never,
    Pin,
    Key(usize),
    PinOrKey(usize),
    PinAndKey(usize),
}

/// The rights of one power-up.
#[derive(Default)]
pub(super) struct Rights {
    /// Keys proven by external authentication since the current directory was selected.
    keys: BTreeSet<usize>,
    /// PINs verified, by their place in the memory.
    pins: BTreeSet<usize>,
}

impl Rights {
    /// Whether `condition` is met where the PIN is the one at `pin`.
    pub(super) fn meet(&self, condition: Condition, pin: usize) -> bool {
        let pin = self.pins.contains(&pin);
        match condition {
            Condition::Free => true,
            Condition::Never => false,
            Condition::Pin => pin,
            Condition::Key(key) => self.key(key),
            Condition::PinOrKey(key) => pin || self.key(key),
            Condition::PinAndKey(key) => pin && self.key(key),
        }
    }

    /// Whether the key was proven.
    pub(super) fn key(&self, key: usize) -> bool {
        self.keys.contains(&key)
    }

    pub(super) fn proved_key(&mut self, key: usize) {
        self.keys.insert(key);
    }

    pub(super) fn verified_pin(&mut self, pin: usize) {
        self.pins.insert(pin);
    }

    /// Another directory is selected: what keys gave goes, the PIN lasts until power off (STD-7).
    pub(super) fn leave(&mut self) {
        self.keys.clear();
    }
}

/// A counter of failures that a success resets and nothing else does.
#[derive(Clone)]
pub(super) struct Tries {
    left: u8,
    limit: u8,
}

impl Tries {
    /// `limit` is at most 15.
    pub(super) fn new(limit: u8) -> Self {
        Self { left: limit, limit }
    }

    /// Counts one try: 9000, or 63Cx with what is left.
    pub(super) fn count(&mut self, right: bool) -> StatusWord {
        if right {
            self.restore();
            return StatusWord::OK;
        }
        self.left = self.left.saturating_sub(1);
        self.status()
    }

    /// All tries again.
    pub(super) fn restore(&mut self) {
        self.left = self.limit;
    }

    pub(super) fn locked(&self) -> bool {
        self.left == 0
    }

    /// 63Cx with the tries that are left.
    pub(super) fn status(&self) -> StatusWord {
        StatusWord(0x63C0 | u16::from(self.left))
    }
}
