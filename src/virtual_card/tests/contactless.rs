//! A card in a reader's field, and answers to reset that are not the usual one.

use super::*;
use crate::reader::{Atr, Interface, Protocol};

#[test]
fn whole_commands_are_answered_whole() {
    let mut talk = Talk::with("v3-contactless");
    assert_eq!((talk.0.protocol(), talk.0.interface()), (Protocol::T1, Interface::Contactless));
    let fci = talk.read(&format!("{SELECT_SSSE}00"));
    assert_eq!(fci, Talk::with("v3-full").fetch(SELECT_SSSE));
    assert_eq!(talk.read("00B2012D00").len(), 0x40, "no 6Cxx");
    assert_eq!(talk.read("00B2012DFF").len(), 0x40);
    assert_eq!(talk.read("00B2012D02").len(), 2);
    let data = format!("{}{}", "11".repeat(8), "22".repeat(8));
    let expected = proof(Algorithm::Sm4, "irk", "v3-full", [0x11; 8], [0x22; 8]);
    assert_eq!(talk.read(&format!("0088000010{data}00")), expected, "no 61xx");
    assert_eq!(talk.send(&format!("0088000010{data}")), (vec![], StatusWord::OK), "nothing was asked for");
    assert_eq!(talk.status("00C0000008"), "6D00");
    assert_eq!(prove_external(&mut talk, "v3-full", 0), "9000");
    assert_eq!(talk.read("00B0880000").len(), 256);
    assert_eq!(talk.read("00B2013500").len(), 0x5B);
}

#[test]
fn the_next_record_is_found_without_knowing_its_length() {
    let mut talk = Talk::with("v3-contactless");
    talk.read(&format!("{SELECT_SSSE}00"));
    talk.read("00A4000002DF0100");
    assert_eq!(talk.status("0020000003123456"), "9000");
    assert_eq!(talk.read("00B240A800")[4..7], *b"080");
    assert_eq!(talk.read("00B240AA00")[4..7], *b"081");
}

#[test]
fn its_answer_to_reset_is_as_a_reader_makes_it() {
    let chip = chip("v3-contactless");
    let atr = Atr::parse(&chip.atr()).unwrap();
    let contact = Atr::parse(&super::chip("v3-full").atr()).unwrap();
    assert_eq!(atr.historical(), contact.historical());
    let bytes = atr.as_bytes();
    assert_eq!((bytes[0], bytes[1], bytes[2], bytes[3], bytes.len()), (0x3B, 0x8D, 0x80, 0x01, 18));
    assert_eq!(bytes[1..].iter().fold(0, |check, byte| check ^ byte), 0, "the check byte");
}

#[test]
fn its_historical_bytes_may_be_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image.toml");
    let base = folder().join("v3-contactless.toml");
    std::fs::write(&path, format!("extends = {base:?}\n[atr]\ncontactless = \"0102\"\n")).unwrap();
    let mut talk = Talk::to(Image::load(&path).unwrap().chip(Arc::new(SystemRandom::default())));
    assert_eq!(talk.0.atr().as_bytes(), hex::decode("3B828001010200").unwrap());
    talk.read(&format!("{SELECT_SSSE}00"));
    assert_eq!(prove_external(&mut talk, "v3-full", 0), "9000", "its keys are those of its contacts");
}

#[test]
fn a_card_that_answers_a_warm_reset_only_is_reset_warm() {
    let mut cold = chip("v2-warm");
    cold.power_on();
    assert!(Atr::parse(&cold.atr()).is_err());
    cold.reset();
    assert_eq!(cold.atr(), chip("v2-3des").atr());
    let mut talk = Talk::to(cold);
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.read("00B2012D40").len(), 0x40);
}

#[test]
fn a_warm_reset_may_answer_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image.toml");
    let base = folder().join("v2-3des.toml");
    std::fs::write(&path, format!("extends = {base:?}\n[atr]\nwarm = \"3B020102\"\n")).unwrap();
    let mut talk = Talk::to(Image::load(&path).unwrap().chip(Arc::new(SystemRandom::default())));
    assert_eq!(talk.0.atr().historical().len(), 13);
    talk.0.reset().unwrap();
    assert_eq!(talk.0.atr().historical(), [1, 2]);
}
