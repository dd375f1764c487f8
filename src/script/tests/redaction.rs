//! What a recording holds of PINs, of what is written, of the account, of the bank's application and of other files. Each
//! session is carried out once with what is real and once more, from its recording, with what is made up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::apdu::Command;
use crate::reader::{Atr, Interface, Lease, Protocol, Transport, TransportError};
use crate::script::{RecordError, Recorder, Recording};
use crate::world::SystemClock;

/// A chip that gives these answers, one after the other.
struct Scripted {
    answers: Arc<Mutex<VecDeque<Vec<u8>>>>,
    protocol: Protocol,
    interface: Interface,
    atr: Atr,
}

impl Transport for Scripted {
    fn exchange(&mut self, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        self.answers.lock().unwrap().pop_front().map(Zeroizing::new).ok_or(TransportError::Removed)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        Ok(())
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

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap_or_else(|_| panic!("{text}"))
}

fn chip(atr: &str, answers: &[&str]) -> Scripted {
    let answers = Arc::new(Mutex::new(answers.iter().map(|answer| hex(answer)).collect()));
    let atr = Atr::parse(&hex(atr)).unwrap();
    Scripted { answers, protocol: Protocol::T1, interface: Interface::Contact, atr }
}

const CARD: &str = "3B6D000086035342440003440130000003";
const PSAM: &str = "3B6D000086995053414D01440190000001";

fn lease(transport: Box<dyn Transport>) -> Lease {
    Lease::new("test", transport, Instant::now() + Duration::from_secs(60))
}

/// Sends a command; the data of its answer.
fn send(lease: &mut Lease, command: &str) -> Vec<u8> {
    lease.send(&Command::parse(&hex(command)).unwrap()).unwrap().data().to_vec()
}

/// A session with a card and a PSAM.
type Session<'s> = &'s dyn Fn(&mut Lease, &mut Lease);

fn recorded(card: Scripted, psam: &[&str], session: Session<'_>) -> Result<Recording, RecordError> {
    let recorder = Recorder::new(&SystemClock);
    let mut card = lease(recorder.card("r", Box::new(card)));
    let mut psam = lease(recorder.psam("s", Box::new(chip(PSAM, psam))));
    session(&mut card, &mut psam);
    drop((card, psam));
    recorder.finish("r.apdu")
}

/// Goes through the recording with the same session, given other values: every byte has to be the recorded one.
fn replayed(recording: &Recording, session: Session<'_>) {
    let replay = recording.replay();
    let (mut card, mut psam) = (lease(replay.card().1), lease(replay.psam().unwrap().1));
    session(&mut card, &mut psam);
    drop((card, psam));
    replay.finish().unwrap();
}

/// What must not be in it, in hex.
fn holds_none(recording: &Recording, real: &[&str]) {
    let text = recording.to_string();
    for real in real {
        assert!(!text.contains(&real.replace(' ', "")), "{real} in {text}");
    }
}

/// The card's own diversification factor (card-facts §4.1).
fn factors(card: &Lease) -> String {
    hex::encode(&card.atr().historical()[5..13])
}

const SEALED: &str = "A1A2A3A4A5A6A7A8";

/// Verifies a PIN, changes it, and reloads it with secure messaging.
fn pins(card: &mut Lease, psam: &mut Lease, pin: &str, new: &str, reloaded: &str) {
    send(card, "00A404000F7378312E73682EC9E7BBE1B1A3D5CF");
    send(card, "0020000000");
    send(card, &format!("0020000003{pin}"));
    send(card, &format!("805E010007{pin}FF{new}"));
    send(psam, &format!("BFDE481010{} 0102030405060708", factors(card)));
    let sealed = hex::encode(send(psam, &format!("80FA000008 03{reloaded}80000000 08")));
    let mac = hex::encode(send(psam, &format!("80FA050018 0000000000000000 842400010C{sealed}800000 08")));
    send(card, &format!("842400010C{sealed}{}", &mac[..8]));
}

#[test]
fn a_pin_becomes_a_made_up_one_that_replays() {
    let card = chip(CARD, &["6F00 9000", "63C3", "9000", "9000", "9000"]);
    let psam = ["9000", &format!("{SEALED} 9000"), "1122334455667788 9000"];
    let recording = recorded(card, &psam, &|card, psam| pins(card, psam, "654321", "707172", "998877")).unwrap();
    holds_none(&recording, &["654321", "707172", "998877", SEALED]);
    replayed(&recording, &|card, psam| pins(card, psam, "135791", "246802", "357913"));
    let wrong = std::panic::catch_unwind(|| {
        replayed(&recording, &|card, psam| pins(card, psam, "135792", "246802", "357913"));
    });
    assert!(wrong.is_err());
}

#[test]
fn a_pin_where_no_rule_looks_is_found() {
    let card = chip(CARD, &["9000", "0365432100 9000"]);
    let refused = recorded(card, &[], &|card, _| {
        send(card, "0020000003654321");
        send(card, "00A404000101");
    });
    assert_eq!(refused, Err(RecordError::Left { what: "a PIN" }));
}

/// Reads the holder's name, and writes another with a MAC, then a photo's first bytes and an enciphered record.
fn writes(card: &mut Lease, psam: &mut Lease, name: &str, sealed_plain: &str) {
    send(card, "00A404000F7378312E73682EC9E7BBE1B1A3D5CF");
    send(card, "00B2093400");
    send(psam, &format!("BFDE480910{} 0102030405060708", factors(card)));
    // The stream is cut at the cipher's blocks, within the name.
    let (first, last) = name.split_at(2);
    send(psam, &format!("80FA010010 0000000000000000 04DC09340A0904 {first}"));
    let mac = hex::encode(send(psam, &format!("80FA050008 {last}8000000000 08")));
    send(card, &format!("04DC09340A 0904{name} {}", &mac[..8]));
    // A replay is given what the recording holds.
    let photo = if name == "C0EED7D3" { "424D36" } else { "000000" };
    send(card, &format!("00D6880003 {photo}"));
    send(psam, &format!("BFDE480910{} 0102030405060708", factors(card)));
    let sealed = hex::encode(send(psam, &format!("80FA000008 {sealed_plain} 08")));
    let mac = hex::encode(send(psam, &format!("80FA050018 0000000000000000 04DC0A340C{sealed}800000 08")));
    send(card, &format!("04DC0A340C{sealed}{}", &mac[..8]));
    send(card, "00B2093400");
}

#[test]
fn what_is_written_is_made_up_on_both_sides() {
    let name = "C0EED7D3";
    let card = ["6F00 9000", &format!("0904{name} 9000"), "9000", "9000", "9000", &format!("0904{name} 9000")];
    let psam = ["9000", "9000", "1122334455667788 9000", "9000", &format!("{SEALED} 9000"), "0102030405060708 9000"];
    let session: Session<'_> = &|card, psam| writes(card, psam, name, "030A013280000000");
    let recording = recorded(chip(CARD, &card), &psam, session).unwrap();
    holds_none(&recording, &[name, SEALED, "424D36", "030A0132"]);
    let text = recording.to_string();
    assert!(text.contains("> 00D68800 [000000]"), "{text}");
    // Read, written, read again; where the MAC is made of it, it is cut.
    assert_eq!(text.matches("B2E2CAD4").count(), 3, "{text}");
    assert!(text.contains("[000000000000000004DC09340A0904B2]") && text.contains("[E2CAD48000000000]"), "{text}");
    // Sex was never read: what was written enciphered becomes nothing.
    replayed(&recording, &|card, psam| writes(card, psam, "B2E2CAD4", "030A010080000000"));
}

/// Asks for the balance, pays, and asks again.
fn pays(card: &mut Lease, psam: &mut Lease, amounts: &str) {
    send(card, "00A4040006D15600000503");
    send(card, "B026000104");
    let answer = hex::encode(send(card, &format!("B028010113 01 {amounts} 440100000001 16")));
    let (sequence, random) = (&answer[28..32], &answer[36..44]);
    let factors = factors(card);
    let time = "20260131080000";
    let data = format!("{random}{sequence}{amounts}32{time}0101{factors}");
    let mac = hex::encode(send(psam, &format!("8070010024{data} 08")));
    let debit = format!("B02C01000F {}{time}{} 08", &mac[..8], &mac[8..]);
    let proof = hex::encode(send(card, &debit));
    send(psam, &format!("8072000004 {}", &proof[8..]));
    send(card, "B026000104");
    send(card, "00B201441C");
}

#[test]
fn the_account_is_made_up_and_still_adds_up() {
    let amounts = "000004D20000000000000063";
    let log = format!("0007 32 440100000001 20260131080000 {amounts} 9000");
    let answers = [
        "6F00 9000",
        "00003039 9000",
        "00003039 00000000 00000BB8 07EA 0007 01 01 AABBCCDD 9000",
        "11223344 55667788 9000",
        "00002B67 9000",
        &log,
    ];
    let psam = ["00000009 99887766 9000", "9000"];
    let recording = recorded(chip(CARD, &answers), &psam, &|card, psam| pays(card, psam, amounts)).unwrap();
    holds_none(&recording, &["00003039", "00002B67", "00000BB8", amounts]);
    replayed(&recording, &|card, psam| pays(card, psam, "00000064000000000000012C"));
    // Amounts that the PSAM is given and the card was not.
    let refused = recorded(chip(CARD, &answers), &psam, &|_, psam| {
        send(psam, &format!("8070010024 AABBCCDD0007 {amounts} 32 20260131080000 0101 0003440130000003 08"));
    });
    assert_eq!(refused, Err(RecordError::Command { ins: 0x70 }));
}

#[test]
fn a_bank_account_is_made_up() {
    let track = "6222021234567890128D30122201234567890F";
    let record = format!("7022 5712{track} 5F200A574F4E4720584941205941 9000");
    let answers = ["6F1A840E315041592E5359532E4444463031A5088801015F2D027A68 9000", "7700 9000", &record];
    let session: Session<'_> = &|card, _| {
        send(card, "00A404000E315041592E5359532E444446303100");
        send(card, "80A8000002830000");
        send(card, "00B2010C00");
    };
    let recording = recorded(chip(CARD, &answers), &[], session).unwrap();
    holds_none(&recording, &["62220212345678", "574F4E47"]);
    replayed(&recording, session);
    // The number in an answer that has no such rule.
    let planted = [answers[0], "7700 9000", &record, "6F08 6222021234567890 9000"];
    let refused = recorded(chip(CARD, &planted), &[], &|card, psam| {
        session(card, psam);
        send(card, "00A404000101");
    });
    assert_eq!(refused, Err(RecordError::Left { what: "the bank account's number" }));
}

#[test]
fn files_of_other_directories_keep_their_form_and_no_value() {
    let answers = ["6F00 9000", "81083434303132333435 8403440100 9000", "0102030405 9000"];
    let session: Session<'_> = &|card, _| {
        send(card, "00A4040006D15600000503");
        send(card, "00B2012D00");
        send(card, "00B0880005");
    };
    let recording = recorded(chip(CARD, &answers), &[], session).unwrap();
    let text = recording.to_string();
    assert!(text.contains("< 810830303030303030308403303000 9000"), "{text}");
    assert!(text.contains("< 0000000000 9000"), "{text}");
    replayed(&recording, session);
    let planted = ["6F0A 3434303132333435 0000 9000", answers[1], answers[2]];
    let refused = recorded(chip(CARD, &planted), &[], session);
    assert_eq!(refused, Err(RecordError::Left { what: "a value of a file" }));
}

#[test]
fn what_is_written_is_another_value_than_was_there() {
    let answers = ["63C3", "9000", "8F0131 9000", "9000", "8F0133 9000", "9000", "8F0131 9000"];
    let session = |value: &'static str, before: &'static str| {
        move |card: &mut Lease, _: &mut Lease| {
            // Its tries are asked for without data.
            send(card, "00200000");
            send(card, "00A4040006D15600000503");
            for value in [value, before] {
                send(card, "00B28F2803");
                send(card, &format!("00DC8F2803 8F01{value}"));
            }
            send(card, "00B28F2803");
        }
    };
    let recording = recorded(chip(CARD, &answers), &[], &session("33", "31")).unwrap();
    let text = recording.to_string();
    let values: Vec<&str> = text.match_indices("8F01").map(|(at, _)| &text[at + 4..at + 6]).collect();
    // What was there before is written as well, in the end.
    assert_eq!(values, ["32", "31", "31", "32", "32"], "{text}");
    replayed(&recording, &session("31", "32"));
}

#[test]
fn a_contactless_card_is_recorded_as_one() {
    // What PC/SC makes up for a contactless card, with its check byte.
    let atr = "3B8D8001 86035342440003440130000003";
    let whole = hex(atr);
    let check = whole[1..].iter().fold(0, |check, byte| check ^ byte);
    let mut card =
        chip(&format!("{atr}{check:02X}"), &["6F00 9000", "08 12 343430313033313938383036313230303231 9000"]);
    card.interface = Interface::Contactless;
    let session: Session<'_> = &|card, _| {
        send(card, "00A404000F7378312E73682EC9E7BBE1B1A3D5CF00");
        send(card, "00B2083014");
    };
    let recording = recorded(card, &[], session).unwrap();
    let text = recording.to_string();
    assert!(text.contains("card \"r\" T1 contactless 3B8D8001860353424400030000000000"), "{text}");
    holds_none(&recording, &["343430313033", "440130000003"]);
    // Le goes with the data in T=1, and stays.
    assert!(text.contains("D5CF] 00"), "{text}");
    let replay = recording.replay();
    let card = replay.card().1;
    assert_eq!((card.protocol(), card.interface()), (Protocol::T1, Interface::Contactless));
    replayed(&recording, session);
}

#[test]
fn a_mac_of_what_was_never_sent_is_refused() {
    let refused = recorded(chip(CARD, &[]), &["1122334455667788 9000"], &|_, psam| {
        send(psam, "80FA050010 0000000000000000 0812343430313033 08");
    });
    // The card had no part in it.
    assert!(matches!(refused, Err(RecordError::Command { ins: 0xFA })), "{refused:?}");
}
