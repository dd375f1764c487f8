//! The lease: exclusive, owned, with a deadline, given back or lost.

use std::time::Instant;

use super::{Atr, Interface, Transport, TransportError};
use crate::apdu::{Command, Response, StatusWord, ins};

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
    transport: Box<dyn Transport>,
    deadline: Instant,
    counts: Counts,
    gained_rights: bool,
}

impl Lease {
    /// A lease on `transport` until `deadline`.
    pub fn new(reader: impl Into<String>, transport: Box<dyn Transport>, deadline: Instant) -> Self {
        Self { reader: reader.into(), transport, deadline, counts: Counts::default(), gained_rights: false }
    }

    /// Sends a command and returns the card's whole answer: 61xx is followed by GET RESPONSE, 6Cxx by the same
    /// command with the length the card asked for. The status word is the last one.
    ///
    /// # Errors
    /// When the card or the way to it is gone, or the deadline has passed.
    pub fn send(&mut self, command: &Command) -> Result<Response, TransportError> {
        let mut response = self.exchange(command)?;
        if let Some(le) = response.status().right_le() {
            response = self.exchange(&command.clone().with_le(le))?;
        }
        let mut data = response.data().to_vec();
        let mut status = response.status();
        while let Some(more) = status.more() {
            let next = self.get_response(more)?;
            data.extend_from_slice(next.data());
            status = next.status();
        }
        self.note_rights(command, status);
        Ok(Response::new(data, status))
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
        if Instant::now() >= self.deadline {
            return Err(TransportError::Deadline);
        }
        let bytes = match self.transport.protocol() {
            super::Protocol::T0 => command.to_tpdu(),
            super::Protocol::T1 => command.to_bytes(),
        };
        let started = Instant::now();
        let answer = self.transport.exchange(&bytes)?;
        let response = Response::parse(&answer).map_err(|_| TransportError::Mute)?;
        // Never the data: it may be the holder's, or a proof.
        tracing::trace!(
            reader = %self.reader,
            ins = format_args!("{:02X}", command.ins()),
            sent = bytes.len(),
            received = answer.len(),
            status = %response.status(),
            micros = started.elapsed().as_micros(),
            "APDU"
        );
        Ok(response)
    }

    fn note_rights(&mut self, command: &Command, status: StatusWord) {
        let grants = matches!(command.ins(), ins::VERIFY | ins::EXTERNAL_AUTHENTICATE | ins::DELIVERY_SESSION_KEY);
        self.gained_rights |= grants && status.is_ok();
    }

    /// Resets the card, which takes back every right it gave.
    ///
    /// # Errors
    /// When the card is gone.
    pub fn reset(&mut self) -> Result<(), TransportError> {
        self.transport.reset()?;
        self.gained_rights = false;
        Ok(())
    }

    /// The reader's PC/SC name.
    pub fn reader(&self) -> &str {
        &self.reader
    }

    /// The card's answer to reset.
    pub fn atr(&self) -> &Atr {
        self.transport.atr()
    }

    /// Contact or contactless.
    pub fn interface(&self) -> Interface {
        self.transport.interface()
    }

    /// What was sent so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.gained_rights && self.transport.end().is_err() {
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
