//! The holder signs: the PIN is tried once and late, and what does not verify is not given out.

use super::open::{at_every_tpdu, inserted};
use super::*;
use crate::card::Pin;
use crate::card::pki::{HashedBy, PinCode, SignError, Signed, SigningPin, ToSign, is_known};
use crate::cipher::{Certificate, USER_ID};
use crate::failure::Explain as _;

const SCRIPT: &str = include_str!("../../../fixtures/pki/scripts/pki.apdu");
const VERIFY: u8 = 0x20;

/// A desk with the card that signs, and a script for it.
fn desk_by(card: Image, script: &str) -> Desk {
    let mut desk = Desk::new("v3-pki");
    desk.card = card;
    desk.scripts = Arc::new(Library::over_builtin(&[("pki.apdu".to_owned(), script.to_owned())]).unwrap());
    desk
}

fn desk() -> Desk {
    desk_by(image("v3-pki"), SCRIPT)
}

/// The card with other lines in its image.
fn card_with(lines: &str, edit: impl Fn(&str) -> String) -> Image {
    let base = edit(&std::fs::read_to_string(folder().join("../pki/card.toml")).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("card.toml");
    let extends = folder().join("v3-sm4.toml");
    std::fs::write(&file, format!("extends = \"{}\"\n{base}\n{lines}\n", extends.display())).unwrap();
    Image::load(&file).unwrap()
}

fn pin(digits: &str) -> SigningPin {
    SigningPin::parse(digits, PinCode::Digits).unwrap()
}

const AGREED: ToSign<'static> = ToSign { message: b"agreed", user_id: USER_ID, hash: HashedBy::Terminal };

/// Whether a signature is what it should be.
fn is_of(signed: &Signed, what: &ToSign<'_>) -> bool {
    let certificate = Certificate::from_der(&signed.certificate).unwrap();
    certificate.key().verify(what.user_id, what.message, &signed.signature).is_ok()
}

fn signed(desk: &Desk, lease: Lease, digits: &str, what: &ToSign<'_>) -> Result<Signed, SignError> {
    desk.on(lease, |card| card.sign(pin(digits), what))
}

#[test]
fn a_signature_verifies_whoever_makes_the_digest() {
    let by_card = desk_by(card_with("", |card| card.replace("\n\n[app", "\nhash = \"card\"\n\n[app")), SCRIPT);
    let long = [7; 3000];
    for (desk, hash, message, user_id) in [
        (&desk(), HashedBy::Terminal, &b"agreed"[..], USER_ID),
        (&desk(), HashedBy::Terminal, b"", "another"),
        (&desk(), HashedBy::Terminal, &long, USER_ID),
        (&by_card, HashedBy::Card, b"agreed", USER_ID),
        (&by_card, HashedBy::Card, &long[..255], USER_ID),
    ] {
        let what = ToSign { message, user_id, hash };
        let signed = signed(desk, inserted(&desk.card)(), "123456", &what).unwrap();
        assert!(is_of(&signed, &what), "{hash:?}");
        assert_eq!(format!("{signed:?}"), "Signed(…)");
    }
    assert!(is_known(&desk().scripts) && !is_known(&Library::builtin()));
}

#[test]
fn the_pin_is_tried_once_and_the_card_reset() {
    let desk = desk();
    let insert = inserted(&desk.card);
    for left in [2, 1, 0] {
        let wrong = signed(&desk, insert(), "111111", &AGREED).unwrap_err();
        assert_eq!(wrong, SignError::Card(CardError::PinWrong { left }));
    }
    assert_eq!(signed(&desk, insert(), "123456", &AGREED).unwrap_err(), SignError::Card(CardError::PinLocked));
    let used = desk.used(|card| Ok(card.sign(pin("123456"), &AGREED).map(drop)));
    assert_eq!(used.outcome, Ok(Ok(())));
    let wire = used.card.lock().unwrap();
    assert_eq!((wire.count(VERIFY), wire.resets), (1, 1));
}

#[test]
fn whatever_the_card_verifies_by_it_is_reset() {
    // A command of the card's own, which nobody knows to give a right.
    let script = SCRIPT.replace("> 00200000 [{pin}]", "> 80420000 [{pin}]").replace("63Cx|6983", "63Cx|6983|6E00");
    let used = desk_by(image("v3-pki"), &script).used(|card| Ok(card.sign(pin("123456"), &AGREED).is_err()));
    assert_eq!((used.outcome, used.card.lock().unwrap().resets), (Ok(true), 1));
}

#[test]
fn no_try_is_lost_where_nothing_can_be_signed() {
    let (long, none) = ([7; 256], Vec::new());
    let without = |fid: &str| card_with("", |card| card.replace(&format!("{fid} = "), "0011 = "));
    let nist: serde_json::Value =
        serde_json::from_str(include_str!("../../../fixtures/pki/known-answers.json")).unwrap();
    let nist = nist["certificates"]["nist"].as_str().unwrap();
    let other_key = card_with("", |card| {
        let line = |line: &str| if line.starts_with("0018") { format!("0018 = \"{nist}\"") } else { line.to_owned() };
        card.lines().map(|text| line(text) + "\n").collect()
    });
    let garbled = card_with("", |card| card.replace("0018 = \"30", "0018 = \"31"));
    let mut initial = desk();
    initial.initial_pins = InitialPins::parse(["123456"]).unwrap();
    let hashing = |message| ToSign { message, user_id: USER_ID, hash: HashedBy::Card };
    for (desk, what, code) in [
        (desk_by(image("v3-sm4"), SCRIPT), AGREED, "E-CARD-PKI-NONE"),
        (desk_by(without("0018"), SCRIPT), AGREED, "E-CARD-STATUS"),
        (desk_by(other_key, SCRIPT), AGREED, "E-CARD-PKI-CERTIFICATE"),
        (desk_by(garbled, SCRIPT), AGREED, "E-CARD-PKI-CERTIFICATE"),
        (desk(), hashing(&long), "E-CARD-PKI-LENGTH"),
        (desk(), hashing(&none), "E-CARD-PKI-LENGTH"),
        (initial, AGREED, "E-CARD-PIN-INITIAL"),
    ] {
        let used = desk.used(|card| Ok(card.sign(pin("123456"), &what).unwrap_err().entry().code));
        assert_eq!(used.outcome, Ok(code));
        assert_eq!(used.card.lock().unwrap().count(VERIFY), 0, "{code}");
    }
}

#[test]
fn what_does_not_verify_by_the_cards_certificate_is_not_given_out() {
    let other_key = card_with("", |card| {
        let line = |line: &str| match line.starts_with("signing_key") {
            true => format!("signing_key = \"{}\"\n", "11".repeat(32)),
            false => format!("{line}\n"),
        };
        card.lines().map(line).collect()
    });
    let hashes = card_with("", |card| card.replace("\n\n[app", "\nhash = \"card\"\n\n[app"));
    let short = SCRIPT.replace("< {signature:*} 9000", "< {_:1}{signature:*} 9000");
    for (desk, what) in [
        (desk_by(other_key, SCRIPT), "of another key"),
        (desk_by(hashes, SCRIPT), "of the digest's digest"),
        (desk_by(image("v3-pki"), &short), "no signature"),
    ] {
        let error = signed(&desk, inserted(&desk.card)(), "123456", &AGREED).unwrap_err();
        assert_eq!(error, SignError::Differs, "{what}");
    }
}

#[test]
fn a_certificate_that_the_card_shows_to_its_holder_alone_is_read_behind_the_pin() {
    let desk = desk();
    let sent = desk.used(|card| Ok(card.sign(pin("123456"), &AGREED).is_ok())).card;
    let first = sent.lock().unwrap().sent.iter().position(|tpdu| tpdu[1] == 0xB0 && tpdu[2] == 0).unwrap() + 1;
    let refused = Fault::Answer(vec![0x69, 0x82]);
    let used = desk.used_with(Some((first, refused)), |card| Ok(card.sign(pin("123456"), &AGREED)));
    assert!(is_of(&used.outcome.unwrap().unwrap(), &AGREED));
    assert_eq!(used.card.lock().unwrap().count(VERIFY), 1);
}

#[test]
fn whatever_goes_wrong_at_any_command_is_told_and_no_pin_is_tried_twice() {
    let desk = desk();
    let faults =
        [Fault::Removed, Fault::Lost, Fault::Reset, Fault::Answer(vec![0x6F, 0x00]), Fault::Answer(Vec::new())];
    for fault in faults {
        let fired = at_every_tpdu(|n| {
            let used = desk.used_with(Some((n, fault.clone())), |card| Ok(card.sign(pin("123456"), &AGREED)));
            let wire = used.card.lock().unwrap();
            assert!(wire.count(VERIFY) <= 1, "{fault:?} at {n}");
            if let Ok(Ok(signed)) = used.outcome {
                assert!(is_of(&signed, &AGREED) && wire.sent.len() < n, "{fault:?} at {n}");
            }
            wire.sent.len()
        });
        assert!(fired > 12, "{fault:?}: {fired}");
    }
}

#[test]
fn pins_are_of_the_form_that_is_set() {
    for (code, text, sent) in [
        (PinCode::Digits, "123456", Some("123456")),
        (PinCode::Digits, "12345", Some("12345f")),
        (PinCode::Digits, "12345a", None),
        (PinCode::Digits, "123", None),
        (PinCode::Characters, "1234", Some("31323334")),
        (PinCode::Characters, "Ab#4", Some("41622334")),
        (PinCode::Characters, "123", None),
        (PinCode::Characters, "12345678901234567", None),
        (PinCode::Characters, "1234 6", None),
        (PinCode::Characters, "密码密码", None),
        (PinCode::Characters, "", None),
    ] {
        let pin = SigningPin::parse(text, code);
        assert_eq!(pin.as_ref().ok().map(|pin| hex::encode(&pin.sent)).as_deref(), sent, "{code:?} {text}");
        assert!(!format!("{pin:?}").contains("123"));
    }
    // The PIN of six characters is one of twelve digits to the card.
    let desk = desk_by(card_with("[pin]\ndigits = \"313233343536\"", str::to_owned), SCRIPT);
    let characters = || SigningPin::parse("123456", PinCode::Characters).unwrap();
    assert!(desk.on(inserted(&desk.card)(), |card| card.sign(characters(), &AGREED)).is_ok());
    let mut desk = desk;
    desk.initial_pins = InitialPins::parse(["123456"]).unwrap();
    let initial = desk.on(inserted(&desk.card)(), |card| card.sign(characters(), &AGREED)).unwrap_err();
    assert_eq!(initial, SignError::Card(CardError::PinInitial));
    assert!(Pin::parse("123456").is_ok());
}
