//! Faults of an image: what goes wrong between a chip and its reader.

use std::time::Duration;

use zeroize::Zeroizing;

use super::chip::{Chip, Reaction};
use crate::apdu::StatusWord;
use crate::reader::{Interface, Protocol};

/// What became of a command that was cut off: it took effect whole, not at all, or, of one that writes, in part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Torn {
    /// The chip was gone before it carried the command out.
    #[default]
    Before,
    /// It carried it out, and was gone before it could say so.
    After,
    /// It wrote so many bytes of what was to be written, and what stood there before stayed behind them. A command that
    /// writes nothing to a file is carried out.
    Within(u8),
}

/// What goes wrong; TPDUs are counted from 1, over resets.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// The chip is pulled before it answers this one, and stays out.
    pub(super) remove_at: Option<u32>,
    /// Whether it carried that one out before.
    pub(super) torn: Torn,
    /// Every answer is this late.
    pub(super) late: Option<Duration>,
    /// This one is answered by a status word, and not carried out.
    pub(super) status: Option<(u32, StatusWord)>,
    /// This one is carried out, and answered by these bytes.
    pub(super) answer: Option<(u32, Zeroizing<Vec<u8>>)>,
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
        match self.faults.remove_at {
            Some(at) if self.count > at => return Reaction::Removed,
            Some(at) if self.count == at => {
                match self.faults.torn {
                    Torn::Before => {}
                    Torn::After => drop(self.chip.answer(tpdu)),
                    Torn::Within(bytes) => drop(self.chip.cut_off(tpdu, bytes)),
                }
                return Reaction::Removed;
            }
            _ => {}
        }
        if let Some(late) = self.faults.late {
            std::thread::sleep(late);
        }
        match self.faults.status {
            Some((at, status)) if at == self.count => return Reaction::Answer(status.0.to_be_bytes().to_vec()),
            _ => {}
        }
        let reaction = self.chip.answer(tpdu);
        match &self.faults.answer {
            Some((at, bytes)) if *at == self.count => Reaction::Answer(bytes.to_vec()),
            _ => reaction,
        }
    }

    fn cut_off(&mut self, tpdu: &[u8], bytes: u8) -> Reaction {
        self.chip.cut_off(tpdu, bytes)
    }

    fn power_on(&mut self) {
        self.chip.power_on();
    }

    fn reset(&mut self) {
        self.chip.reset();
    }

    fn atr(&self) -> Vec<u8> {
        self.chip.atr()
    }

    fn protocol(&self) -> Protocol {
        self.chip.protocol()
    }

    fn interface(&self) -> Interface {
        self.chip.interface()
    }
}
