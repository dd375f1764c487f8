//! A chip in the same process as a [`Transport`], and the slot it sits in.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::chip::{Chip, Reaction};
use super::faults::Torn;
use crate::reader::{Atr, Interface, Protocol, Transport, TransportError};

/// A slot that a chip can be put in, pulled out of, and reached through by one transport at a time.
#[derive(Default)]
pub(super) struct Slot(Mutex<Content>);

/// What is in a slot and what is to happen to it.
#[derive(Default)]
pub(super) struct Content {
    pub(super) chip: Option<Box<dyn Chip>>,
    /// The chip is with the transport, which waits for its answer: a slow one does not keep others from looking.
    answering: bool,
    /// Changes whenever a chip comes or goes, so that a transport of the one before knows.
    pub(super) generation: u64,
    pub(super) leased: bool,
    /// Counts down to the TPDU at which the chip is pulled, before or after it carried it out.
    pub(super) pull_in: Option<(u32, Torn)>,
    pub(super) pulled: bool,
    /// Another program reset the chip and the transport has not learned it yet.
    pub(super) foreign_reset: bool,
    pub(super) away: bool,
    pub(super) exchanges: u32,
}

impl Slot {
    /// A panic of another thread leaves the slot as usable as the chip is.
    pub(super) fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    pub(super) fn put(&mut self, mut chip: Box<dyn Chip>) {
        power_on(&mut *chip);
        self.chip = Some(chip);
        self.generation += 1;
        self.foreign_reset = false;
    }

    /// Whether there is a chip.
    pub(super) fn card(&self) -> bool {
        self.chip.is_some() || self.answering
    }

    /// Pulls the chip out; one that is just answering is lost.
    pub(super) fn pull(&mut self) -> Option<Box<dyn Chip>> {
        self.pull_in = None;
        self.generation += 1;
        self.answering = false;
        self.chip.take()
    }

    fn due(&mut self) -> Option<Torn> {
        let (left, torn) = self.pull_in.as_mut()?;
        *left = left.saturating_sub(1);
        (*left == 0).then_some(*torn)
    }
}

/// As readers power a card: a cold reset, and one warm one when its answer is none (card-facts §8).
fn power_on(chip: &mut dyn Chip) {
    chip.power_on();
    if Atr::parse(&chip.atr()).is_err() {
        chip.reset();
    }
}

/// Called when the chip was removed in the middle of an exchange.
type OnRemoved = Box<dyn Fn() + Send>;

/// One chip as a [`Transport`]: the same bytes as over vpcd.
pub struct InProcess {
    slot: Arc<Slot>,
    generation: u64,
    atr: Atr,
    protocol: Protocol,
    interface: Interface,
    on_removed: OnRemoved,
}

impl InProcess {
    /// The way to `chip`, freshly reset.
    ///
    /// # Errors
    /// When its answer to reset is none.
    pub fn new(chip: Box<dyn Chip>) -> Result<Self, TransportError> {
        let slot = Arc::new(Slot::default());
        slot.lock().put(chip);
        Self::open(slot, "in process", Box::new(|| ()))
    }

    /// The way to the chip in `slot`, if no other transport has it.
    pub(super) fn open(slot: Arc<Slot>, reader: &str, on_removed: OnRemoved) -> Result<Self, TransportError> {
        let mut content = slot.lock();
        if content.leased {
            return Err(TransportError::Busy(None));
        }
        let Some(chip) = &content.chip else {
            return Err(TransportError::NoCard(reader.to_owned()));
        };
        let atr = Atr::parse(&chip.atr()).map_err(|_| TransportError::Mute)?;
        let (protocol, interface) = (chip.protocol(), chip.interface());
        content.leased = true;
        content.foreign_reset = false;
        let generation = content.generation;
        drop(content);
        Ok(Self { slot, generation, atr, protocol, interface, on_removed })
    }

    fn present(&self, content: &Content) -> Result<(), TransportError> {
        if content.away {
            return Err(TransportError::ServiceAway);
        }
        if content.generation != self.generation {
            return Err(TransportError::Removed);
        }
        Ok(())
    }
}

impl Transport for InProcess {
    fn exchange(&mut self, tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let mut content = self.slot.lock();
        self.present(&content)?;
        if content.foreign_reset {
            return Err(TransportError::Reset);
        }
        content.exchanges += 1;
        let due = content.due();
        let reaction = match content.chip.take() {
            Some(mut chip) if due != Some(Torn::Before) => {
                content.answering = true;
                drop(content);
                let mut reaction = match due {
                    Some(Torn::Within(bytes)) => chip.cut_off(tpdu, bytes),
                    _ => chip.answer(tpdu),
                };
                if due.is_some() {
                    reaction = Reaction::Removed;
                }
                content = self.slot.lock();
                if content.generation == self.generation {
                    content.answering = false;
                    content.chip = Some(chip);
                }
                self.present(&content)?;
                reaction
            }
            chip => {
                content.chip = chip;
                Reaction::Removed
            }
        };
        match reaction {
            Reaction::Answer(bytes) => Ok(Zeroizing::new(bytes)),
            Reaction::Mute => Err(TransportError::Mute),
            Reaction::Removed => {
                content.pulled |= due.is_some();
                content.pull();
                drop(content);
                (self.on_removed)();
                Err(TransportError::Removed)
            }
        }
    }

    fn there(&mut self) -> Result<(), TransportError> {
        let content = self.slot.lock();
        self.present(&content)?;
        if content.foreign_reset { Err(TransportError::Reset) } else { Ok(()) }
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        self.begin_anew(|chip| chip.reset())
    }

    fn cold_reset(&mut self) -> Result<(), TransportError> {
        self.begin_anew(power_on)
    }

    fn atr(&self) -> &Atr {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn interface(&self) -> Interface {
        self.interface
    }
}

impl InProcess {
    fn begin_anew(&mut self, reset: impl FnOnce(&mut dyn Chip)) -> Result<(), TransportError> {
        let mut content = self.slot.lock();
        self.present(&content)?;
        content.foreign_reset = false;
        match &mut content.chip {
            Some(chip) => {
                reset(&mut **chip);
                self.atr = Atr::parse(&chip.atr()).map_err(|_| TransportError::Mute)?;
                Ok(())
            }
            None => Err(TransportError::Removed),
        }
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.slot.lock().leased = false;
    }
}
