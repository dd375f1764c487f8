//! The application of certificates: its files, and what it signs.

use super::*;
use crate::cipher::{Certificate, Sm2Signature, USER_ID};

const SELECT: &str = "00A404000C53532E434552542E41444631";
const SIGN: &str = "002A9E9A";

/// The image `v3-pki` with these lines of the application in place of its key's.
fn with(lines: &str) -> Talk {
    let card = std::fs::read_to_string(folder().join("../pki/card.toml")).unwrap();
    let card: String = card
        .lines()
        .map(|line| if line.starts_with("signing_key") { lines.replace("KEY", line) } else { line.to_owned() } + "\n")
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("card.toml");
    let base = folder().join("v3-sm4.toml");
    std::fs::write(&file, format!("extends = \"{}\"\n{card}", base.display())).unwrap();
    Talk::to(Image::load(&file).unwrap().chip(Arc::new(SystemRandom::default())))
}

/// The certificate in file 0018.
fn certificate(talk: &mut Talk) -> Certificate {
    assert_eq!(talk.status("00A40200020018"), "9000");
    let mut file = talk.read("00B0000000");
    file.extend(talk.asked("00B00100"));
    Certificate::at_start(&file).unwrap().0
}

fn sign(talk: &mut Talk, data: &[u8]) -> Sm2Signature {
    let signature = talk.fetch(&format!("{SIGN}{:02X}{}", data.len(), hex::encode(data)));
    Sm2Signature::from_raw(&signature).unwrap()
}

#[test]
fn a_digest_is_signed_once_the_pin_was_verified() {
    let mut talk = Talk::with("v3-pki");
    let digest = format!("{SIGN}20{}", "07".repeat(32));
    assert_eq!(talk.status(&digest), "6D00", "the environment signs nothing");
    talk.fetch("00A404000C504B492EC9E7BBE1B1A3D5CF");
    assert_eq!(talk.status(&digest), "6D00", "nor that of certificates");
    talk.fetch(SELECT);
    let certificate = certificate(&mut talk);
    assert_eq!(talk.status(&digest), "6982");
    assert_eq!(talk.status("0020000003111111"), "63C2");
    assert_eq!(talk.status(&digest), "6982");
    assert_eq!(talk.status("0020000003123456"), "9000");
    for (tpdu, status) in [(format!("{SIGN}1F{}", "07".repeat(31)), "6700"), (digest.replace("9E9A", "9E9B"), "6A86")] {
        assert_eq!(talk.status(&tpdu), status);
    }
    let signature = sign(&mut talk, &certificate.key().digest(USER_ID, b"agreed").unwrap());
    assert_eq!(certificate.key().verify(USER_ID, b"agreed", &signature), Ok(()));
    talk.0.reset().unwrap();
    talk.fetch(SELECT);
    assert_eq!(talk.status(&digest), "6982", "a reset takes the right back");
}

#[test]
fn a_card_may_make_the_digest_itself() {
    let mut talk = with("KEY\nhash = \"card\"");
    talk.fetch(SELECT);
    let certificate = certificate(&mut talk);
    assert_eq!(talk.status("0020000003123456"), "9000");
    for message in [&b"agreed"[..], &[7; 255]] {
        assert_eq!(certificate.key().verify(USER_ID, message, &sign(&mut talk, message)), Ok(()));
    }
}

#[test]
fn an_application_without_a_key_signs_nothing() {
    let mut talk = with("");
    talk.fetch(SELECT);
    assert_eq!(talk.status("0020000003123456"), "9000");
    assert_eq!(talk.status(&format!("{SIGN}20{}", "07".repeat(32))), "6D00");
}
