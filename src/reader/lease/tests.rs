//! What a lease speaks, keeps and gives back, on cards and pads of the tests' own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::apdu::StatusWord;
use crate::reader::TransportError::Mute;
use crate::reader::{PadAbilities, PinEntry, PinLength};

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

/// A card behind a pad at which the entries end like this, one after the other.
struct Padded {
    card: Scripted,
    entries: VecDeque<Result<PadOutcome, TransportError>>,
}

impl Transport for Padded {
    fn exchange(&mut self, tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        self.card.exchange(tpdu)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        self.card.reset()
    }

    fn pin_pad(&mut self) -> Result<Option<&mut dyn PinPad>, TransportError> {
        Ok(Some(self))
    }

    fn atr(&self) -> &Atr {
        self.card.atr()
    }

    fn protocol(&self) -> Protocol {
        self.card.protocol()
    }
}

impl PinPad for Padded {
    fn abilities(&self) -> PadAbilities {
        PadAbilities { verify: true, change: true }
    }

    fn verify(&mut self, _: PinEntry) -> Result<PadOutcome, TransportError> {
        self.entries.pop_front().unwrap()
    }

    fn change(&mut self, _: PinLength, _: Duration) -> Result<PadOutcome, TransportError> {
        self.entries.pop_front().unwrap()
    }
}

fn padded(entries: &[Result<PadOutcome, TransportError>]) -> (Lease, Arc<Mutex<Vec<String>>>) {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let atr = Atr::parse(&[0x3B, 0x00]).unwrap();
    let card = Scripted { answers: VecDeque::new(), sent: sent.clone(), protocol: Protocol::T0, atr };
    let pad = Padded { card, entries: entries.iter().cloned().collect() };
    (Lease::new("R", Box::new(pad), Instant::now() + Duration::from_secs(60)), sent)
}

fn six() -> PinEntry {
    PinEntry::of(PinLength::SIX, Duration::from_secs(20))
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
fn what_was_gained_at_a_pad_is_taken_back_by_a_reset() {
    let refused = TransportError::PadRefused("why".to_owned());
    let answered = |status| Ok(PadOutcome::Answered(StatusWord(status)));
    for (entry, resets, commands) in [
        (answered(0x9000), 1, 1),
        (answered(0x63C2), 0, 1),
        (Ok(PadOutcome::Cancelled), 0, 0),
        (Ok(PadOutcome::TimedOut), 0, 0),
        (Err(refused), 1, 0),
        (Err(TransportError::NoPinPad), 0, 0),
    ] {
        for change in [false, true] {
            let (mut lease, sent) = padded(std::slice::from_ref(&entry));
            let outcome = match change {
                true => lease.change_by_pad(PinLength::SIX, Duration::from_secs(20)),
                false => lease.verify_by_pad(six()),
            };
            assert_eq!((outcome, lease.counts().commands), (entry.clone(), commands));
            drop(lease);
            assert_eq!(sent.lock().unwrap().len(), resets, "{entry:?}");
        }
    }
    let (mut lease, sent) = padded(&[answered(0x9000), Ok(PadOutcome::Cancelled)]);
    assert!(lease.verify_by_pad(six()).unwrap().is_ok());
    lease.verify_by_pad(six()).unwrap();
    drop(lease);
    assert_eq!(*sent.lock().unwrap(), ["reset"], "what was gained before stays gained");
}

#[test]
fn the_persons_time_at_a_pad_is_not_the_cards() {
    let (mut lease, _) = padded(&[]);
    let deadline = lease.deadline;
    let mut taken = Duration::ZERO;
    let entry = lease.at_pad(ins::VERIFY, |_| {
        let began = Instant::now();
        while taken.is_zero() {
            taken = began.elapsed();
        }
        Ok(PadOutcome::TimedOut)
    });
    assert_eq!(entry, Ok(PadOutcome::TimedOut));
    assert!(lease.deadline >= deadline + taken);
    lease.deadline = Instant::now();
    assert_eq!(lease.verify_by_pad(six()), Err(TransportError::Deadline), "once it is over nobody is asked");
}

#[test]
fn without_a_pad_it_is_said_and_nothing_sent() {
    let (mut lease, sent) = card(Protocol::T0, &[]);
    assert_eq!(lease.pad(), Ok(PadAbilities::default()));
    assert_eq!(lease.verify_by_pad(six()), Err(TransportError::NoPinPad));
    drop(lease);
    assert!(sent.lock().unwrap().is_empty());
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
