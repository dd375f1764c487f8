//! The lease: exclusive, owned, with a deadline, given back or lost.

use std::time::Instant;

use zeroize::Zeroizing;

use super::held::{Held, Recall};
use super::{Atr, Interface, PadOutcome, PinPad, Protocol, Transport, TransportError};
use crate::apdu::{Command, Response, StatusWord, ins};

/// No answer of a card is longer in all its pieces (256 bytes, card-facts §8); four times that is patience enough.
const LONGEST_ANSWER: usize = 1024;
/// Nor does it come in more pieces than this.
const MOST_PIECES: usize = 32;

/// Whether a command of this instruction gains a right where the card accepts it: its lease then ends with a reset.
pub fn grants(instruction: u8) -> bool {
    matches!(instruction, ins::VERIFY | ins::CHANGE_PIN | ins::EXTERNAL_AUTHENTICATE | ins::DELIVERY_SESSION_KEY)
}

/// What a lease sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Commands on the wire, repeats after 6Cxx included, GET RESPONSE not.
    pub commands: u32,
    /// GET RESPONSE commands, which T=0 needs to fetch an answer.
    pub get_responses: u32,
}

/// The only way to a card. One program part holds it at a time; when it is dropped the card is reset if it gave any
/// right, so that whoever comes next inherits none.
pub struct Lease {
    reader: String,
    card: Held,
    atr: Atr,
    interface: Interface,
    deadline: Instant,
    counts: Counts,
    gained_rights: bool,
}

impl Lease {
    /// A lease on `transport` until `deadline`.
    pub fn new(reader: impl Into<String>, transport: Box<dyn Transport>, deadline: Instant) -> Self {
        let (atr, interface) = (transport.atr().clone(), transport.interface());
        let (card, counts) = (Held::new(transport), Counts::default());
        Self { reader: reader.into(), card, atr, interface, deadline, counts, gained_rights: false }
    }

    /// A way to end this lease from outside, should it last too long.
    pub fn recall(&self) -> Recall {
        self.card.recall()
    }

    /// What is sent next gains a right, though its instruction does not say so: the lease ends with a reset.
    pub fn gains_a_right(&mut self) {
        self.gained_rights = true;
    }

    /// Sends a command and returns the card's whole answer: 61xx is followed by GET RESPONSE, 6Cxx by the same
    /// command with the length the card asked for. The status word is the last one.
    ///
    /// # Errors
    /// When the card or the way to it is gone, or the deadline has passed.
    pub fn send(&mut self, command: &Command) -> Result<Response, TransportError> {
        let before = self.gained_rights;
        let grants = grants(command.ins());
        // Until the card has said no: an answer that is lost may have been a yes.
        self.gained_rights |= grants;
        let mut response = self.exchange(command)?;
        if let Some(le) = response.status().right_le().filter(|_| self.sends_le(command)) {
            response = self.exchange(&command.clone().with_le(le))?;
        }
        let whole = self.rest_of(response)?;
        self.gained_rights = before || (grants && whole.status().is_ok());
        Ok(whole)
    }

    /// Whether another Le makes another command of it: in T=0 data goes without Le, and what was a proof or a PIN must not
    /// be sent twice.
    fn sends_le(&self, command: &Command) -> bool {
        let in_t1 = || self.card.with(|transport| Ok(transport.protocol() == Protocol::T1));
        command.data().is_empty() || (command.le().is_some() && in_t1() == Ok(true))
    }

    /// Fetches what 61xx announces, piece by piece. A card that announces without end is one that cannot be understood.
    fn rest_of(&mut self, first: Response) -> Result<Response, TransportError> {
        let Some(mut more) = first.status().more() else { return Ok(first) };
        let mut data = Zeroizing::new(Vec::with_capacity(LONGEST_ANSWER));
        data.extend_from_slice(first.data());
        for _ in 0..MOST_PIECES {
            let mut next = self.get_response(more)?;
            if let Some(le) = next.status().right_le() {
                next = self.get_response(le)?;
            }
            data.extend_from_slice(next.data());
            match next.status().more() {
                Some(announced) if data.len() <= LONGEST_ANSWER => more = announced,
                Some(_) => break,
                // What was announced did not come. The command itself was carried out: no status word of this one is its.
                None if !has_come(next.status()) => break,
                None => return Ok(Response::new(std::mem::take(&mut data), next.status())),
            }
        }
        Err(TransportError::Mute)
    }

    fn exchange(&mut self, command: &Command) -> Result<Response, TransportError> {
        self.counts.commands += 1;
        self.raw(command)
    }

    fn get_response(&mut self, le: u8) -> Result<Response, TransportError> {
        self.counts.get_responses += 1;
        self.raw(&Command::new(0x00, ins::GET_RESPONSE, 0, 0).with_le(le))
    }

    fn raw(&mut self, command: &Command) -> Result<Response, TransportError> {
        self.in_time()?;
        let started = Instant::now();
        let (sent, answer) = self.card.with(|transport| {
            let bytes = match transport.protocol() {
                Protocol::T0 => command.to_tpdu(),
                Protocol::T1 => command.to_bytes(),
            };
            Ok((bytes.len(), transport.exchange(&bytes)?))
        })?;
        let response = Response::parse(&answer).map_err(|_| TransportError::Mute)?;
        // Never the data: it may be the holder's, or a proof.
        tracing::trace!(
            reader = %self.reader,
            ins = format_args!("{:02X}", command.ins()),
            sent,
            received = answer.len(),
            status = %response.status(),
            micros = started.elapsed().as_micros(),
            "APDU"
        );
        Ok(response)
    }

    /// Has a person asked at the reader's PIN pad, once. Their time is not the card's, so the deadline moves by it.
    pub(super) fn at_pad(
        &mut self,
        ins: u8,
        enter: impl FnOnce(&mut dyn PinPad) -> Result<PadOutcome, TransportError>,
    ) -> Result<PadOutcome, TransportError> {
        self.in_time()?;
        let before = self.gained_rights;
        // Until the card has said no: an answer that is lost may have been a yes.
        self.gained_rights = true;
        let started = Instant::now();
        let outcome = self.card.with(|transport| enter(transport.pin_pad()?.ok_or(TransportError::NoPinPad)?));
        self.deadline += started.elapsed();
        self.counts.commands += u32::from(matches!(outcome, Ok(PadOutcome::Answered(_))));
        let granted = match &outcome {
            Ok(outcome) => outcome.is_ok(),
            Err(error) => *error != TransportError::NoPinPad,
        };
        self.gained_rights = before || granted;
        tracing::trace!(reader = %self.reader, ins = format_args!("{ins:02X}"), ?outcome, "PIN pad");
        outcome
    }

    /// Does something with the transport that sends nothing to the card.
    pub(super) fn with<T>(
        &self,
        action: impl FnOnce(&mut dyn Transport) -> Result<T, TransportError>,
    ) -> Result<T, TransportError> {
        self.card.with(action)
    }

    /// Whether there is time left to send anything, and the card still there and ours. Sends it nothing.
    ///
    /// # Errors
    /// [`TransportError::Deadline`] when there is no time left; when the card is gone, as far as the system has seen it.
    pub fn there(&self) -> Result<(), TransportError> {
        self.in_time()?;
        self.card.with(|card| card.there())
    }

    fn in_time(&self) -> Result<(), TransportError> {
        if Instant::now() < self.deadline { Ok(()) } else { Err(TransportError::Deadline) }
    }

    /// Resets the card, which takes back every right it gave.
    ///
    /// # Errors
    /// When the card is gone.
    pub fn reset(&mut self) -> Result<(), TransportError> {
        self.begin_anew(|transport| transport.reset())
    }

    /// As [`reset`](Self::reset), by taking the card's power away for a moment.
    ///
    /// # Errors
    /// As [`reset`](Self::reset).
    pub fn cold_reset(&mut self) -> Result<(), TransportError> {
        self.begin_anew(|transport| transport.cold_reset())
    }

    fn begin_anew(
        &mut self,
        reset: impl FnOnce(&mut dyn Transport) -> Result<(), TransportError>,
    ) -> Result<(), TransportError> {
        let (atr, interface) = self.card.with(|transport| {
            reset(transport)?;
            Ok((transport.atr().clone(), transport.interface()))
        })?;
        (self.atr, self.interface, self.gained_rights) = (atr, interface, false);
        Ok(())
    }

    /// The reader's PC/SC name.
    pub fn reader(&self) -> &str {
        &self.reader
    }

    /// The card's answer to reset.
    pub fn atr(&self) -> &Atr {
        &self.atr
    }

    /// Contact or contactless.
    pub fn interface(&self) -> Interface {
        self.interface
    }

    /// What was sent so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

/// Whether an answer came: well, or with a warning (ISO/IEC 7816-4).
fn has_come(status: StatusWord) -> bool {
    status.is_ok() || matches!(status.sw1(), 0x62 | 0x63)
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.gained_rights && self.card.with(|transport| transport.end()).is_err() {
            // A card that cannot be reset is gone or unpowered, and its rights with it.
            tracing::debug!(reader = %self.reader, "the card went before it could be reset");
        }
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("reader", &self.reader).field("counts", &self.counts).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
