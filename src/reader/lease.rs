//! The lease: exclusive, owned, with a deadline, given back or lost.

use std::time::Instant;

use zeroize::Zeroizing;

use super::held::{Held, Recall};
use super::{Atr, Interface, Protocol, Transport, TransportError};
use crate::apdu::{Command, Response, ins};

/// No answer of a card is longer in all its pieces (256 bytes, card-facts §8); four times that is patience enough.
const LONGEST_ANSWER: usize = 1024;
/// Nor does it come in more pieces than this.
const MOST_PIECES: usize = 32;

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

    /// Sends a command and returns the card's whole answer: 61xx is followed by GET RESPONSE, 6Cxx by the same
    /// command with the length the card asked for. The status word is the last one.
    ///
    /// # Errors
    /// When the card or the way to it is gone, or the deadline has passed.
    pub fn send(&mut self, command: &Command) -> Result<Response, TransportError> {
        let before = self.gained_rights;
        let grants = matches!(command.ins(), ins::VERIFY | ins::EXTERNAL_AUTHENTICATE | ins::DELIVERY_SESSION_KEY);
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

    /// Whether there is time left to send anything, and the card still ours.
    ///
    /// # Errors
    /// [`TransportError::Deadline`] when there is none.
    pub fn in_time(&self) -> Result<(), TransportError> {
        if Instant::now() < self.deadline { self.card.with(|_| Ok(())) } else { Err(TransportError::Deadline) }
    }

    /// Resets the card, which takes back every right it gave.
    ///
    /// # Errors
    /// When the card is gone.
    pub fn reset(&mut self) -> Result<(), TransportError> {
        let (atr, interface) = self.card.with(|transport| {
            transport.reset()?;
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
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::apdu::StatusWord;
    use crate::reader::TransportError::Mute;

    /// A card that gives these answers, and remembers what it was sent; "reset" for a reset.
    struct Scripted {
        answers: VecDeque<Vec<u8>>,
        sent: Arc<Mutex<Vec<String>>>,
        protocol: Protocol,
        atr: Atr,
    }

    impl Transport for Scripted {
        fn exchange(&mut self, tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
            self.sent.lock().unwrap().push(hex::encode_upper(tpdu));
            self.answers.pop_front().map(Zeroizing::new).ok_or(TransportError::Removed)
        }

        fn reset(&mut self) -> Result<(), TransportError> {
            self.sent.lock().unwrap().push("reset".to_owned());
            Ok(())
        }

        fn atr(&self) -> &Atr {
            &self.atr
        }

        fn protocol(&self) -> Protocol {
            self.protocol
        }
    }

    fn card(protocol: Protocol, answers: &[&[u8]]) -> (Lease, Arc<Mutex<Vec<String>>>) {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let atr = Atr::parse(&[0x3B, 0x00]).unwrap();
        let answers = answers.iter().map(|answer| answer.to_vec()).collect();
        let card = Scripted { answers, sent: sent.clone(), protocol, atr };
        (Lease::new("R", Box::new(card), Instant::now() + Duration::from_secs(60)), sent)
    }

    fn read() -> Command {
        Command::new(0x00, ins::READ_BINARY, 0x85, 0x00).with_le(0x10)
    }

    #[test]
    fn what_is_announced_is_fetched_in_as_many_pieces_as_it_takes() {
        let (mut lease, sent) = card(Protocol::T0, &[&[1, 0x61, 0x02], &[2, 3, 0x61, 0x01], &[4, 0x90, 0x00]]);
        let answer = lease.send(&read()).unwrap();
        assert_eq!((answer.data(), answer.status()), ([1, 2, 3, 4].as_slice(), StatusWord::OK));
        assert_eq!(*sent.lock().unwrap(), ["00B0850010", "00C0000002", "00C0000001"]);
        assert_eq!(lease.counts(), Counts { commands: 1, get_responses: 2 });
    }

    #[test]
    fn a_wrong_length_is_put_right_once() {
        let (mut lease, sent) = card(Protocol::T0, &[&[0x6C, 0x03], &[1, 2, 3, 0x90, 0x00]]);
        assert_eq!(lease.send(&read()).unwrap().data(), [1, 2, 3]);
        assert_eq!(*sent.lock().unwrap(), ["00B0850010", "00B0850003"]);
        assert_eq!(lease.counts(), Counts { commands: 2, get_responses: 0 });
        let (mut lease, _) = card(Protocol::T0, &[&[0x6C, 0x03], &[0x6C, 0x04]]);
        assert_eq!(lease.send(&read()).unwrap().status(), StatusWord(0x6C04), "not for ever");
    }

    #[test]
    fn a_command_that_would_be_the_same_again_is_not_repeated() {
        let prove = || Command::new(0x00, ins::EXTERNAL_AUTHENTICATE, 0, 0x0A).with_data(&[7; 16]).unwrap();
        let select = || Command::new(0x00, ins::SELECT, 4, 0).with_data(&[7]).unwrap().with_le(0);
        for (protocol, command, times) in [
            (Protocol::T0, prove(), 1),
            (Protocol::T1, prove(), 1),
            (Protocol::T0, select(), 1),
            (Protocol::T1, select(), 2),
        ] {
            let (mut lease, sent) = card(protocol, &[&[0x6C, 0x08], &[0x90, 0x00]]);
            lease.send(&command).unwrap();
            let sent = sent.lock().unwrap().iter().filter(|what| *what != "reset").count();
            assert_eq!(sent, times, "{protocol:?} {command:?}");
        }
    }

    #[test]
    fn a_wrong_length_of_get_response_is_put_right_too() {
        let (mut lease, sent) = card(Protocol::T0, &[&[0x61, 0x00], &[0x6C, 0x01], &[7, 0x90, 0x00]]);
        assert_eq!(lease.send(&read()).unwrap().data(), [7]);
        assert_eq!(*sent.lock().unwrap(), ["00B0850010", "00C0000000", "00C0000001"]);
    }

    #[test]
    fn a_card_that_announces_without_end_is_given_up() {
        let nothing: Vec<&[u8]> = vec![&[0x61, 0x01]; 1000];
        let (mut lease, sent) = card(Protocol::T0, &nothing);
        assert_eq!(lease.send(&read()), Err(Mute));
        assert!(sent.lock().unwrap().len() <= MOST_PIECES + 1);
        let mut much = vec![0; 256];
        much.extend([0x61, 0x00]);
        let (mut lease, sent) = card(Protocol::T0, &vec![much.as_slice(); 1000]);
        assert_eq!(lease.send(&read()), Err(Mute));
        assert!(sent.lock().unwrap().len() < 10);
    }

    #[test]
    fn data_and_an_expected_length_go_together_only_in_t1() {
        let select = Command::new(0x00, ins::SELECT, 4, 0).with_data(&[0xA0]).unwrap().with_le(0);
        for (protocol, bytes) in [(Protocol::T0, "00A4040001A0"), (Protocol::T1, "00A4040001A000")] {
            let (mut lease, sent) = card(protocol, &[&[0x90, 0x00]]);
            lease.send(&select).unwrap();
            assert_eq!(*sent.lock().unwrap(), [bytes]);
        }
    }

    #[test]
    fn a_right_that_was_gained_is_taken_back_by_a_reset() {
        let authenticate = Command::new(0x00, ins::EXTERNAL_AUTHENTICATE, 0, 0).with_data(&[0; 16]).unwrap();
        for (status, resets) in [([0x90, 0x00], 1), ([0x63, 0xC2], 0)] {
            let (mut lease, sent) = card(Protocol::T0, &[&status]);
            lease.send(&authenticate).unwrap();
            drop(lease);
            assert_eq!(sent.lock().unwrap().iter().filter(|what| *what == "reset").count(), resets, "{status:?}");
        }
        let (mut lease, sent) = card(Protocol::T0, &[]);
        assert!(lease.send(&authenticate).is_err());
        drop(lease);
        assert_eq!(sent.lock().unwrap().len(), 2, "the answer that was lost may have been a yes");
        let (mut lease, sent) = card(Protocol::T0, &[&[0x90, 0x00]]);
        lease.send(&authenticate).unwrap();
        lease.reset().unwrap();
        drop(lease);
        assert_eq!(sent.lock().unwrap().len(), 2, "not twice");
    }

    #[test]
    fn a_lease_that_lasts_too_long_is_taken_back_and_its_card_reset() {
        let (mut lease, sent) = card(Protocol::T0, &[&[0x90, 0x00], &[0x90, 0x00]]);
        lease.send(&read()).unwrap();
        let recall = lease.recall();
        let under_way = lease.card.with(|_| Ok(recall.end()));
        assert_eq!(under_way, Ok(false), "not in the middle of a command");
        assert!(recall.end());
        assert_eq!(lease.send(&read()), Err(TransportError::Deadline));
        drop(lease);
        assert!(recall.end(), "a lease that has ended holds nothing");
        assert_eq!(*sent.lock().unwrap(), ["00B0850010", "reset"]);
    }

    #[test]
    fn after_the_deadline_nothing_is_sent() {
        let (mut lease, sent) = card(Protocol::T0, &[&[0x90, 0x00]]);
        lease.deadline = Instant::now();
        assert_eq!(lease.send(&read()), Err(TransportError::Deadline));
        assert!(sent.lock().unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn whatever_a_card_answers_it_comes_to_an_end(answers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 0..80)) {
            let answers: Vec<&[u8]> = answers.iter().map(Vec::as_slice).collect();
            let (mut lease, _) = card(Protocol::T0, &answers);
            if let Ok(answer) = lease.send(&read()) {
                prop_assert!(answer.status().more().is_none());
            }
        }
    }
}
