//! The daemon carries a task out at one of its readers.

use std::sync::Arc;
use std::time::Duration;

use super::call::{Ask, CardAnswer, CardCall, Secret, Typed};
use super::{CardTask, Desk, Entered, asks_pin, is_typed_at};
use crate::card::{Card, CardError, HolderPin, Journal, Pin};
use crate::failure::{Explain as _, Failure};
use crate::reader::{PadAbilities, PinEntry, PinLength};
use crate::terminal::conditions::Condition;
use crate::terminal::driver::Asked;
use crate::terminal::inner::Inner;
use crate::terminal::reading::{InUse, apart};

impl Desk for Inner {
    fn journal(&self) -> Result<Journal<'_>, CardError> {
        Ok(self.card_journal())
    }

    fn patience(&self) -> Duration {
        self.parts.config.readers.pin
    }
}

impl Inner {
    /// Carries a task out at the reader that is meant. Blocks.
    pub(in crate::terminal) fn carry_out<T: CardTask>(
        self: &Arc<Self>,
        call: CardCall<T>,
    ) -> Result<CardAnswer<T::Done>, Failure> {
        let CardCall { task, reader, entered: typed } = call;
        let (reader, _in_use) = self.take_holders_reader(reader.as_deref())?;
        let asks = task.asks();
        let outcome = self.at_card(&reader, |lease, keys| {
            let mut card = self.open_card(lease, keys, &mut |_| {})?;
            let pad = card.pad()?;
            let mut entered = match &typed {
                None => Entered::default(),
                // What was entered for one card is tried on no other.
                Some(typed) if !self.is_card(&typed.card, &reader, &card) => return Err(CardError::Swapped),
                Some(typed) => self.entered(typed, pad, asks.unwrap_or(Asked::Pin))?,
            };
            let ask = |card: &Card<'_>, what| {
                CardAnswer::asking(Ask { what, card: self.card_name(&reader, card), pad: is_typed_at(pad, what) })
            };
            if let Some(what) = asks.filter(|what| !entered.has(*what)) {
                return Ok(Ok(ask(&card, what)));
            }
            match task.carry_out(&mut card, &**self, &mut entered) {
                Err(error) if asks_pin(&error) && typed.is_none() => Ok(Ok(ask(&card, Asked::Pin))),
                outcome => apart(outcome.map(CardAnswer::done)),
            }
        });
        outcome.map_err(|unread| unread.failure())?.map_err(|error| error.failure())
    }

    /// Takes the holder's reader that is meant, unless the terminal stops.
    pub(super) fn take_holders_reader(self: &Arc<Self>, wanted: Option<&str>) -> Result<(String, InUse), Failure> {
        if self.conditions().contains(&Condition::Draining) {
            return Err(self.why(Condition::Draining));
        }
        let reader = self.reader_meant(wanted)?;
        let in_use = self.take_reader(&reader)?;
        Ok((reader, in_use))
    }

    /// What was entered, as the card takes it. What a caller sends where there is a pad is not used.
    fn entered(&self, typed: &Typed, pad: PadAbilities, asked: Asked) -> Result<Entered, CardError> {
        if is_typed_at(pad, asked) {
            let entry = PinEntry::of(PinLength::SIX, self.patience());
            return Ok(Entered { pin: Some(HolderPin::AtPad(entry)), new_pin: None });
        }
        let pin = |secret: &Option<Secret>| secret.as_ref().map(|text| Pin::parse(&text.0)).transpose();
        Ok(Entered { pin: pin(&typed.pin)?.map(Into::into), new_pin: pin(&typed.new_pin)? })
    }
}

impl<T> CardAnswer<T> {
    fn done(done: T) -> Self {
        Self { done: Some(done), ask: None }
    }

    fn asking(ask: Ask) -> Self {
        Self { done: None, ask: Some(ask) }
    }
}
