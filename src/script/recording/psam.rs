//! What the PSAM was given to work on: randoms stay, everything else is told by what was sent to the card.

use zeroize::Zeroizing;

use super::exchange::Exchange;
use super::pins::Pins;
use super::place::Place;
use super::redact::{Holders, records};
use super::rules::Rule;
use super::swaps::Swaps;
use super::{Event, madeup};
use crate::script::RecordError;

/// What of a session with the card is known when its PSAM is looked at.
pub(super) struct Known<'a> {
    pub(super) holders: &'a Holders,
    pub(super) swaps: &'a Swaps,
    /// Both randoms of each authentication, and those that the program took.
    pub(super) randoms: Vec<Zeroizing<Vec<u8>>>,
    /// What a MAC may be made of: headers and data of commands to the card, as they are in the recording.
    pub(super) sealed: Vec<Zeroizing<Vec<u8>>>,
    /// The amounts of each purchase, as they are in the recording.
    pub(super) purchases: Vec<Vec<u8>>,
}

impl Known<'_> {
    /// Replaces in commands and answers of the PSAM.
    ///
    /// # Errors
    /// Data of which nobody can say what it is.
    pub(super) fn redact(&self, psam: &[Exchange], pins: &mut Pins, events: &mut [Event]) -> Result<(), RecordError> {
        let mut rest = psam;
        while let Some((exchange, after)) = rest.split_first() {
            let mut answer = exchange.data.clone();
            self.swaps.apply(&mut answer);
            let refused = RecordError::Command { ins: exchange.command.ins() };
            match exchange.rule {
                Rule::Cipher if exchange.command.p1() == 0 => {
                    exchange.put_sent(events, &self.enciphered(exchange.command.data(), pins));
                }
                Rule::Cipher => {
                    // A MAC over more than one command carries goes on in the next.
                    let more = |next: &&Exchange| next.rule == Rule::Cipher && next.command.p1() != 0;
                    let stream: Vec<&Exchange> =
                        std::iter::once(exchange).chain(after.iter().take_while(more)).collect();
                    let whole = self.swaps.apply_across(&stream, events);
                    if !holds(&whole, self.sealed.iter().map(|known| known.as_slice())) {
                        return Err(refused);
                    }
                    rest = &rest[stream.len()..];
                    continue;
                }
                Rule::Purchase => {
                    let whole = self.swaps.apply_across(&[exchange], events);
                    if !holds(&whole, self.purchases.iter().map(Vec::as_slice)) {
                        return Err(refused);
                    }
                }
                _ => {}
            }
            exchange.put_back(events, &answer);
            rest = after;
        }
        Ok(())
    }

    /// A block to be enciphered.
    fn enciphered(&self, data: &[u8], pins: &mut Pins) -> Zeroizing<Vec<u8>> {
        let random = |random: &Zeroizing<Vec<u8>>| {
            data.strip_prefix(random.as_slice()).is_some_and(|padding| padding.iter().all(|byte| *byte == 0))
        };
        if self.randoms.iter().any(random) {
            return Zeroizing::new(data.to_vec());
        }
        if let Some(block) = pins.block(data) {
            return block;
        }
        // What is written enciphered: its length, itself, padding (card-facts §3.2).
        let mut made_up = Zeroizing::new(data.to_vec());
        match made_up.split_first_mut() {
            Some((length, rest)) if usize::from(*length) <= rest.len() => {
                let (plain, padding) = rest.split_at_mut(usize::from(*length));
                records(Place::START, plain, self.holders);
                let end = padding.first().is_none_or(|byte| matches!(byte, 0x80 | 0x00));
                if !end || padding.iter().skip(1).any(|byte| *byte != 0) {
                    madeup::filler(padding, 0);
                }
            }
            _ => madeup::filler(&mut made_up, 0),
        }
        made_up
    }
}

fn holds<'k>(bytes: &[u8], mut known: impl Iterator<Item = &'k [u8]>) -> bool {
    known.any(|known| !known.is_empty() && bytes.windows(known.len()).any(|window| window == known))
}
