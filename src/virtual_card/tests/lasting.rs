//! What a card keeps without power, and what becomes of a command that was cut off.

use std::time::Duration;

use super::*;
use crate::apdu::Command;
use crate::reader::{Lease, Readers, Role, TransportError};
use crate::virtual_card::{Memory, Torn, VirtualReaders};

const WITHIN: Duration = Duration::from_secs(5);

fn again(image: &Image, memory: &Memory) -> Talk {
    let mut talk = Talk::to(image.chip_with(memory, Arc::new(SystemRandom::default())));
    talk.fetch(SELECT_SSSE);
    talk
}

#[test]
fn files_pin_and_tries_are_kept_without_power() {
    let (card, image) = ("v3-full", image("v3-full"));
    let memory = image.memory().unwrap();
    let mut talk = again(&image, &memory);
    assert_eq!(talk.status("805E010007123456FF654321"), "9000");
    assert_eq!(talk.status("0020000003123456"), "63C2");
    assert_eq!(prove_by(&mut talk, card, "rkssse", 0x0A, 1), "63C2");
    assert_eq!(prove_by(&mut talk, card, "ukssse", 0x04, 0), "9000");
    assert_eq!(talk.status("00DC052806050420240101"), "9000");
    let mut talk = again(&image, &memory);
    assert_eq!(talk.status("0020000000"), "63C2");
    assert_eq!(talk.read("00B2052806")[2..], [0x20, 0x24, 0x01, 0x01]);
    assert_eq!(prove_by(&mut talk, card, "rkssse", 0x0A, 1), "63C1");
    assert_eq!(talk.status("0020000003654321"), "9000");
    // Another card of the same image is as it was issued.
    let mut other = again(&image, &image.memory().unwrap());
    assert_eq!(other.read("00B2052806")[2..], [0x20, 0x20, 0x06, 0x01]);
    assert_eq!(other.status("0020000003123456"), "9000");
}

#[test]
fn rights_and_challenge_are_not_kept() {
    let (card, image) = ("v3-full", image("v3-full"));
    let memory = image.memory().unwrap();
    let mut talk = again(&image, &memory);
    assert_eq!(talk.status("0020000003123456"), "9000");
    assert_eq!(prove_by(&mut talk, card, "rkssse", 0x0A, 0), "9000");
    let process: [u8; 8] = talk.read("0084000008").try_into().unwrap();
    let mut talk = again(&image, &memory);
    assert_eq!(talk.status("00B201355B"), "6982");
    let data = proof(Algorithm::Sm4, "rkssse", card, process, [5; 8]);
    assert_eq!(talk.status(&format!("0082000A10{}{}", hex::encode(data), "05".repeat(8))), "6984");
}

/// The exchange that the card is pulled in, and whether the record was written then.
fn cut(torn: Torn, by_fault: bool) -> Vec<u8> {
    let card = "v3-full";
    let issued = image(card);
    let memory = issued.memory().unwrap();
    // SELECT, its answer, challenge, authentication, and then the update.
    let at = 5;
    let image = if by_fault { issued.clone().removed_at(at).torn(torn) } else { issued.clone() };
    let readers = VirtualReaders::new(&[("Card", Some(Role::Holder))]);
    readers.insert("Card", image.chip_with(&memory, Arc::new(SystemRandom::default())));
    if !by_fault {
        readers.tear("Card", at, torn);
    }
    let mut lease = readers.lease("Card", WITHIN).unwrap();
    let mut send = |apdu: &str| send(&mut lease, apdu);
    send(SELECT_SSSE).unwrap();
    let process: [u8; 8] = send("0084000008").unwrap().try_into().unwrap();
    let data = proof(Algorithm::Sm4, "ukssse", card, process, [5; 8]);
    send(&format!("0082000410{}{}", hex::encode(data), "05".repeat(8))).unwrap();
    assert_eq!(send("00DC052806050420240101"), Err(TransportError::Removed));
    again(&issued, &memory).read("00B2052806")
}

fn send(lease: &mut Lease, apdu: &str) -> Result<Vec<u8>, TransportError> {
    let command = Command::parse(&hex::decode(apdu).unwrap()).unwrap();
    lease.send(&command).map(|response| response.data().to_vec())
}

#[test]
fn a_command_that_was_cut_off_took_effect_or_did_not() {
    for by_fault in [true, false] {
        assert_eq!(cut(Torn::Before, by_fault)[2..], [0x20, 0x20, 0x06, 0x01]);
        assert_eq!(cut(Torn::After, by_fault)[2..], [0x20, 0x24, 0x01, 0x01]);
    }
}

#[test]
fn a_record_that_was_cut_off_has_the_beginning_of_the_new_one_and_the_end_of_the_old_one() {
    for by_fault in [true, false] {
        for (bytes, value) in [(0, "20200601"), (2, "20200601"), (4, "20240601"), (5, "20240101"), (255, "20240101")] {
            assert_eq!(hex::encode(&cut(Torn::Within(bytes), by_fault)[2..]), value, "{bytes}");
        }
    }
}

#[test]
fn a_cyclic_file_whose_new_record_was_cut_off_has_it_in_the_place_of_the_oldest() {
    let (card, issued) = ("v3-full", image("v3-full"));
    let memory = issued.memory().unwrap();
    let opened = |image: &Image| {
        let mut talk = again(image, &memory);
        talk.fetch("00A4000002DF04");
        assert_eq!(talk.status("0020000003123456"), "9000");
        talk
    };
    let mut talk = opened(&issued);
    assert_eq!(prove_by(&mut talk, card, "uk2df04", 0x86, 0), "9000");
    for number in 1..=8 {
        assert_eq!(talk.status(&format!("00DC00AB0300{number:02X}31")), "9000");
    }
    let records = |talk: &mut Talk| hex::encode(talk.read("00B201AD18"));
    let before = records(&mut talk);
    // Selected twice with an answer to fetch each, the PIN, the key: two of the three bytes that the eighth TPDU brings.
    let mut talk = opened(&issued.clone().removed_at(8).torn(Torn::Within(2)));
    assert_eq!(prove_by(&mut talk, card, "uk2df04", 0x86, 0), "9000");
    let added = talk.0.exchange(&hex::decode("00DC00AB03AABB39").unwrap());
    assert_eq!(added.err(), Some(TransportError::Removed));
    assert_eq!(records(&mut opened(&issued)), format!("{}aabb31", &before[..42]));
}

#[test]
fn a_card_pulled_at_any_point_of_a_pin_change_has_the_old_pin_or_the_new_one() {
    let issued = image("v2-full");
    for torn in [Torn::Before, Torn::After] {
        for at in 1..=2 {
            let memory = issued.memory().unwrap();
            let mut chip =
                issued.clone().removed_at(at).torn(torn).chip_with(&memory, Arc::new(SystemRandom::default()));
            let sent = ["0020000003123456", "805E010007123456FF654321"];
            let reactions = sent.map(|command| chip.answer(&hex::decode(command).unwrap()));
            assert_eq!(reactions[at as usize - 1], Reaction::Removed);
            let changed = at == 2 && torn == Torn::After;
            let mut talk = again(&issued, &memory);
            assert_eq!(talk.status("0020000000"), "63C3");
            assert_eq!(talk.status(if changed { "0020000003654321" } else { "0020000003123456" }), "9000");
        }
    }
}

#[test]
fn an_image_that_is_no_card_has_no_memory() {
    assert!(image("psam").memory().is_none());
    let memory = image("v3-sm4").memory().unwrap();
    assert_eq!(format!("{memory:?}"), "Memory(..)");
    // A PSAM keeps nothing of it.
    let mut psam = Talk::to(image("psam").chip_with(&memory, Arc::new(SystemRandom::default())));
    assert_eq!(psam.status("00A4000000"), "6113");
}
