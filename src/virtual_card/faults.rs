//! Faults of an image: what goes wrong between a chip and its reader.

use std::time::Duration;

use super::chip::{Chip, Reaction};
use crate::apdu::StatusWord;

/// What goes wrong; TPDUs are counted from 1, over resets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// The chip is pulled before it answers this one, and stays out.
    pub(super) remove_at: Option<u32>,
    /// Every answer is this late.
    pub(super) late: Option<Duration>,
    /// This one is answered by a status word, and not carried out.
    pub(super) status: Option<(u32, StatusWord)>,
}

/// A chip with faults.
pub(super) struct Faulty {
    chip: Box<dyn Chip>,
    faults: Faults,
    count: u32,
}

impl Faulty {
    pub(super) fn new(chip: Box<dyn Chip>, faults: Faults) -> Self {
        Self { chip, faults, count: 0 }
    }
}

impl Chip for Faulty {
    fn answer(&mut self, tpdu: &[u8]) -> Reaction {
        self.count = self.count.saturating_add(1);
        if self.faults.remove_at.is_some_and(|at| self.count >= at) {
            return Reaction::Removed;
        }
        if let Some(late) = self.faults.late {
            std::thread::sleep(late);
        }
        match self.faults.status {
            Some((at, status)) if at == self.count => Reaction::Answer(status.0.to_be_bytes().to_vec()),
            _ => self.chip.answer(tpdu),
        }
    }

    fn reset(&mut self) {
        self.chip.reset();
    }

    fn atr(&self) -> Vec<u8> {
        self.chip.atr()
    }
}
