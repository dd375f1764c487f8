//! The holder's card: an image, the memory it keeps without power, and what it is in the middle of.

use std::sync::Arc;

use super::chip::{Chip, Framing, Reaction};
use super::image::CardImage;
use super::memory::Memory;
use super::powered::{Powered, Session};
use crate::reader::{Interface, Protocol};
use crate::world::Random;

/// `sx1.sh.社会保障` in GBK, the name of the social security environment.
pub(super) const SSSE: &[u8] = b"sx1.sh.\xC9\xE7\xBB\xE1\xB1\xA3\xD5\xCF";

/// A social security card.
pub struct VirtualCard {
    image: Arc<CardImage>,
    memory: Memory,
    random: Arc<dyn Random>,
    atrs: Atrs,
    framing: Framing,
    session: Session,
}

/// The answers to a cold and to a warm reset.
#[derive(Clone)]
pub(super) struct Atrs {
    pub(super) cold: Vec<u8>,
    pub(super) warm: Vec<u8>,
    /// The last reset was a warm one.
    pub(super) is_warm: bool,
}

impl VirtualCard {
    /// The card of `memory`, which was made of the same image.
    pub(super) fn new(image: Arc<CardImage>, memory: Memory, atrs: Atrs, random: Arc<dyn Random>) -> Self {
        let framing = Framing::of(image.interface);
        Self { image, memory, random, atrs, framing, session: Session::default() }
    }

    fn forget(&mut self) {
        self.session = Session::default();
        self.framing.reset();
    }
}

impl Chip for VirtualCard {
    fn answer(&mut self, tpdu: &[u8]) -> Reaction {
        let Self { image, memory, random, framing, session, .. } = self;
        let mut cells = memory.lock();
        let mut powered = Powered { card: image, memory: &mut cells, session, random: &**random };
        framing.answer(tpdu, |command| powered.run(command))
    }

    fn cut_off(&mut self, tpdu: &[u8], bytes: u8) -> Reaction {
        self.session.power_for = Some(bytes);
        let reaction = self.answer(tpdu);
        self.session.power_for = None;
        reaction
    }

    fn power_on(&mut self) {
        self.atrs.is_warm = false;
        self.forget();
    }

    fn reset(&mut self) {
        self.atrs.is_warm = true;
        self.forget();
    }

    fn atr(&self) -> Vec<u8> {
        let Atrs { cold, warm, is_warm } = &self.atrs;
        if *is_warm { warm.clone() } else { cold.clone() }
    }

    fn protocol(&self) -> Protocol {
        match self.image.interface {
            Interface::Contact => Protocol::T0,
            Interface::Contactless => Protocol::T1,
        }
    }

    fn interface(&self) -> Interface {
        self.image.interface
    }
}
