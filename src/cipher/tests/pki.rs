//! Signatures and certificates that OpenSSL made (`fixtures/pki/`), and the example of the standard.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;

use crate::cipher::{Certificate, Issuer, LONGEST_USER_ID, PkiError, Sm2Key, Sm2Secret, Sm2Signature, USER_ID};

/// 2026-01-01.
const NOW: Duration = Duration::from_secs(1_767_225_600);

fn known() -> Value {
    serde_json::from_str(include_str!("../../../fixtures/pki/known-answers.json")).unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn certificate(name: &str) -> Vec<u8> {
    hex(&known()["certificates"][name])
}

fn secret() -> Sm2Secret {
    Sm2Secret::from_bytes(&hex(&known()["secret"]).try_into().unwrap()).unwrap()
}

#[test]
fn what_openssl_signed_verifies_and_nothing_else_does() {
    let known = known();
    let key = Sm2Key::from_point(&hex(&known["point"])).unwrap();
    assert_eq!(secret().public(), key);
    let signatures = known["signatures"].as_array().unwrap();
    assert!(signatures.len() > 6 && signatures.iter().any(|one| hex(&one["der"]).len() < 70));
    for one in signatures {
        let (id, message) = (one["user_id"].as_str().unwrap(), hex(&one["message"]));
        let signature = Sm2Signature::from_der(&hex(&one["der"])).unwrap();
        assert_eq!(Sm2Signature::from_raw(&hex(&one["raw"])), Ok(signature), "two forms of one");
        assert_eq!((signature.to_der(), signature.to_raw()), (hex(&one["der"]), hex(&one["raw"])));
        assert_eq!(key.verify(id, &message, &signature), Ok(()));
        let other = if id == USER_ID { "1234567812345679" } else { USER_ID };
        assert_eq!(key.verify(other, &message, &signature), Err(PkiError::Differs), "of another signer");
        assert_eq!(key.verify(id, &[&message[..], b"0"].concat(), &signature), Err(PkiError::Differs));
        let stranger = Certificate::from_der(&certificate("enciphering")).unwrap();
        assert_eq!(stranger.key().verify(id, &message, &signature), Err(PkiError::Differs));
    }
}

/// GB/T 32918.5 (GM/T 0003.5), annex A.
#[test]
fn the_standards_example_comes_out() {
    let point = "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020\
                 CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13";
    let signature = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3\
                     B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA";
    let key = Sm2Key::from_point(&hex::decode(point).unwrap()).unwrap();
    let digest = key.digest(USER_ID, b"message digest").unwrap();
    assert_eq!(hex::encode_upper(digest), "F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640");
    let signature = Sm2Signature::from_raw(&hex::decode(signature).unwrap()).unwrap();
    assert_eq!(key.verify(USER_ID, b"message digest", &signature), Ok(()));
}

#[test]
fn what_a_virtual_card_signs_verifies() {
    let secret = secret();
    for message in [&b""[..], b"message digest", &[7; 3000]] {
        let signature = secret.sign(&secret.public().digest(USER_ID, message).unwrap()).unwrap();
        assert_eq!(secret.public().verify(USER_ID, message, &signature), Ok(()));
    }
    assert_eq!(Sm2Secret::from_bytes(&[0; 32]).unwrap_err(), PkiError::Key);
    assert_eq!(Sm2Secret::from_bytes(&[0xFF; 32]).unwrap_err(), PkiError::Key);
    assert_eq!(format!("{secret:?}"), "Sm2Secret(..)");
}

#[test]
fn numbers_that_cannot_be_are_no_signature_and_no_key() {
    let (zero, order) = ([0; 32], "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123");
    let (one, order) = ([&[0; 31][..], &[1]].concat(), hex::decode(order).unwrap());
    for (r, s) in [(&zero[..], &one[..]), (&one, &zero), (&one, &order), (&order, &one)] {
        assert_eq!(Sm2Signature::from_raw(&[r, s].concat()), Err(PkiError::Signature));
    }
    assert!(Sm2Signature::from_raw(&[&one[..], &one].concat()).is_ok());
    // Below zero, longer than it need be, without its end, with more behind.
    for der in
        ["3006020181020101", "300702020001020101", "30060201010201", "300602010102010100", "3006020100020101", ""]
    {
        assert_eq!(Sm2Signature::from_der(&hex::decode(der).unwrap()), Err(PkiError::Signature), "{der}");
    }
    assert!(Sm2Signature::from_der(&hex::decode("3006020101020101").unwrap()).is_ok());
    let off_the_curve = [&[4][..], &[1; 64]].concat();
    for point in [&[][..], &[0], &[4; 33], &off_the_curve] {
        assert_eq!(Sm2Key::from_point(point), Err(PkiError::Key));
    }
    let key = secret().public();
    assert!(key.digest(&"i".repeat(LONGEST_USER_ID), b"").is_ok());
    assert_eq!(key.digest(&"i".repeat(LONGEST_USER_ID + 1), b""), Err(PkiError::UserId));
}

#[test]
fn a_certificate_is_taken_by_who_issued_it_and_what_it_says() {
    let authority = [Issuer::from_der(&certificate("authority")).unwrap()];
    let told = |name: &str, now| Certificate::from_der(&certificate(name)).unwrap().vouched_for(&authority, now);
    let untrusted = |why| Err(PkiError::Untrusted(why));
    for name in ["card", "without_usage"] {
        assert_eq!(told(name, NOW), Ok(()), "{name}");
    }
    let (stranger, time) = ("no trusted certificate issued it", "it, or its issuer's, is not valid now");
    for (name, why) in [
        ("by_stranger", stranger),
        ("by_card", stranger),
        ("stranger", stranger),
        ("over", time),
        ("to_come", time),
        ("enciphering", "its key is not for signatures"),
        ("authority", "its key is not for signatures"),
        ("demanding", "it has a critical extension that is not known here"),
    ] {
        assert_eq!(told(name, NOW), untrusted(why), "{name}");
    }
    assert_eq!(told("card", Duration::ZERO), untrusted(time), "before all of them");
    let nobody = Certificate::from_der(&certificate("card")).unwrap().vouched_for(&[], NOW);
    assert_eq!(nobody, untrusted(stranger));
}

#[test]
fn a_changed_certificate_is_nobodys() {
    let authority = [Issuer::from_der(&certificate("authority")).unwrap()];
    let good = certificate("card");
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1;
        // What the last byte of a signature's NULL or of a length was may make it none at all.
        if let Ok(certificate) = Certificate::from_der(&changed) {
            assert!(certificate.vouched_for(&authority, NOW).is_err(), "byte {at}");
        }
    }
}

#[test]
fn who_may_not_issue_is_not_trusted_to() {
    let not_one = PkiError::Untrusted("it is not an authority's");
    for name in ["card", "without_usage"] {
        assert_eq!(Issuer::from_der(&certificate(name)).unwrap_err(), not_one, "{name}");
    }
    assert_eq!(Certificate::from_der(&certificate("nist")).unwrap_err(), PkiError::CertificateKey);
    let card = certificate("card");
    for der in [&card[..card.len() - 1], &[&card[..], &[0]].concat(), &[], b"-----BEGIN CERTIFICATE-----"] {
        assert_eq!(Certificate::from_der(der).unwrap_err(), PkiError::Certificate);
    }
    let shown = format!("{:?}", Certificate::from_der(&card).unwrap());
    assert_eq!(shown, "Certificate(..)");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (Sm2Signature::from_der(&bytes).is_ok(), Sm2Signature::from_raw(&bytes).is_ok());
        let _ = (Sm2Key::from_point(&bytes).is_ok(), Certificate::from_der(&bytes).is_ok());
    }

    #[test]
    fn no_certificate_panics(edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = certificate("card");
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let authority = [Issuer::from_der(&certificate("authority")).unwrap()];
        let _ = Certificate::from_der(&bytes).map(|certificate| certificate.vouched_for(&authority, NOW).is_ok());
        let _ = Issuer::from_der(&bytes).is_ok();
    }
}
