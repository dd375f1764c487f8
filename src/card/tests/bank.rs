//! The bank application of every image that has one, by contacts and by radio.

use super::*;
use crate::card::bank::{self, BankCard, BankError, TokenKey};
use crate::failure::Explain as _;
use crate::world::FixedClock;

fn read_on(mut lease: Lease, key: Option<&TokenKey>) -> Result<BankCard, BankError> {
    bank::read(bank::Parts {
        lease: &mut lease,
        scripts: &Library::builtin(),
        clock: &FixedClock("2026-01-31T08:00:00Z".parse().unwrap()),
        random: &SystemRandom::default(),
        token_key: key,
    })
}

fn read_of(card: &str, fault: Option<(usize, Fault)>) -> (Result<BankCard, BankError>, Arc<Mutex<Wire>>) {
    let (lease, wire) = lease(&image(card), Interface::Contact, fault);
    (read_on(lease, Some(&TokenKey::new(&[5; 32]))), wire)
}

#[test]
fn a_bank_card_is_told_by_a_mask_and_a_token() {
    for (card, masked, expires) in [
        ("v3-money", "621626*********0018", "2033-12"),
        ("v2-money", "621626******0007", "2031-06"),
        ("v3-money-contactless", "621626*********0018", "2033-12"),
    ] {
        let found = read_of(card, None).0.unwrap();
        assert_eq!((found.masked.as_str(), found.expires.unwrap().to_string().as_str()), (masked, expires), "{card}");
        assert_eq!(found.token, read_of(card, None).0.unwrap().token, "{card}");
        let other = read_on(lease(&image(card), Interface::Contact, None).0, Some(&TokenKey::new(&[6; 32]))).unwrap();
        assert_ne!(found.token, other.token);
        let json = found.to_json().to_string();
        assert!(!json.contains("6216261000000000018") && !json.contains("6216260000000007"), "{json}");
        assert!(!format!("{found:?}").contains("0000000000"), "{found:?}");
    }
    assert_eq!(read_on(lease(&image("v3-money"), Interface::Contact, None).0, None).unwrap().token, None);
}

#[test]
fn a_card_without_a_bank_says_so() {
    for card in ["v3-full", "v3-sm4", "not-social-security", "psam"] {
        let error = read_of(card, None).0.unwrap_err();
        assert_eq!(error.entry().code, "E-CARD-BANK-NONE", "{card}: {error:?}");
    }
}

#[test]
fn a_blocked_application_hides_no_other() {
    let sent = |wire: &Mutex<Wire>| wire.lock().unwrap().sent.clone();
    let (first, wire) = read_of("v2-money", None);
    assert_eq!(hex::encode(first.unwrap().application), "a000000333010101");
    let options = sent(&wire).iter().position(|tpdu| tpdu[1] == 0xA8).unwrap() + 1;
    // The debit application's SELECT, and what it is asked for its options.
    for (at, statuses) in [(1, &[0x6283_u16, 0x6A81, 0x6985, 0x9303][..]), (options, &[0x6985, 0x9303])] {
        for status in statuses {
            let fault = Fault::Answer(status.to_be_bytes().to_vec());
            let found = read_of("v2-money", Some((at, fault.clone()))).0.unwrap();
            assert_eq!(hex::encode(found.application), "a000000333010102", "{status:04X} at {at}");
            // A card with that one alone says what it is, and not that it has none.
            let only = read_of("v3-money", Some((at, fault))).0;
            assert!(matches!(only, Err(BankError::Blocked(_)) | Ok(_)), "{status:04X} at {at}: {only:?}");
        }
    }
}

#[test]
fn whatever_goes_wrong_at_any_command_is_told_and_no_number_with_it() {
    let sent = read_of("v3-money", None).1.lock().unwrap().sent.len();
    let wrong = [0x6283_u16, 0x6700, 0x6985, 0x6A81, 0x6A82, 0x6A83, 0x6D00, 0x6E00, 0x6F00, 0x9303];
    for n in 1..=sent {
        for status in wrong {
            match read_of("v3-money", Some((n, Fault::Answer(status.to_be_bytes().to_vec())))).0 {
                // Another application, or another record, had it.
                Ok(found) => assert_eq!(found.masked, "621626*********0018"),
                Err(error) => {
                    let code = error.entry().code;
                    let known = code.starts_with("E-CARD-") || code.starts_with("E-READER-");
                    assert!(known, "{status:04X} at {n}: {error:?}");
                }
            }
        }
        for garbled in [&[0x6F, 0x90, 0x00][..], &[0x70, 0x05, 0x5A, 0x90, 0x00], &[0x77, 0x02, 0x94, 0x00, 0x90, 0x00]]
        {
            let outcome = read_of("v3-money", Some((n, Fault::Answer(garbled.to_vec())))).0;
            assert!(outcome.is_ok_and(|found| found.masked == "621626*********0018") || n > 0);
        }
        let removed = read_of("v3-money", Some((n, Fault::Removed))).0.unwrap_err();
        assert_eq!(removed.entry().code, "E-READER-CARD-REMOVED", "{n}");
    }
}
