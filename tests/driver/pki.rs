//! The card's signature, and what verifies it.

use std::process::Command;

use serde_json::{Value, json};

use super::Hall;
use super::files::call;
use super::rig::http::Client;
use super::rig::{image, tree};

/// How the virtual card signs, and strings in base64.
const SIGNS: &str = concat!(
    "[paths]\nscripts = \"",
    env!("CARGO_MANIFEST_DIR"),
    "/fixtures/pki/scripts\"\n[driver.pki]\ndata = \"utf-8\"\nencoding = \"base64\"\nsignature = \"der\"\n\
     hash = \"terminal\"\npin = \"digits\"\nsign_fields = [\"signature\", \"certificate\"]\n"
);
/// Strings in hexadecimal, and whom to trust.
const VERIFIES: &str = concat!(
    "[driver.pki]\ndata = \"hex\"\nencoding = \"hex\"\nsignature = \"raw\"\nroots = \"",
    env!("CARGO_MANIFEST_DIR"),
    "/fixtures/pki/authority.pem\"\n"
);
/// All that is set beside the commands.
const UNSCRIPTED: &str = "[driver.pki]\ndata = \"hex\"\nencoding = \"hex\"\nsignature = \"raw\"\n\
    hash = \"card\"\npin = \"characters\"\n";
const PIN: &str = "123456";
/// As long as nothing else in a log is by chance.
const WRONG: &str = "987654321012";
const TEXT: &str = "本人确认以上内容";

/// What OpenSSL made.
fn known() -> Value {
    serde_json::from_str(&std::fs::read_to_string(tree("fixtures/pki/known-answers.json")).unwrap()).unwrap()
}

fn with_card(lines: &'static str, card: &str) -> Hall {
    let mut hall = Hall::with(lines);
    hall.walk.rig.keep_psam(&image("psam"));
    hall.walk.insert(&image(card));
    hall
}

#[test]
fn what_the_card_signed_verifies_here_and_by_openssl() {
    let hall = with_card(SIGNS, "v3-pki");
    let raised = [("SBKD_DRIVER_LARGEST_OUTPUT", "4096")];
    let (code, text) = call(&hall, &raised, &["PKI_SignData", PIN, TEXT, "1"]);
    assert_eq!(code, 0, "{text}");
    let fields: Vec<&str> = text.split('|').collect();
    let [signature, certificate, ""] = fields[..] else { panic!("{text}") };
    let verify = |certificate: &str, text: &str, signature: &str, kind: &str| {
        call(&hall, &[], &["PKI_VerifySign", "none", certificate, text, signature, kind])
    };
    assert_eq!(verify(certificate, TEXT, signature, "1"), (0, String::new()));
    let (code, text) = verify(certificate, "本人不确认以上内容", signature, "1");
    assert!(code == -15 && text.contains("E-CIPHER-SIGNATURE-DIFFERS"), "{code} {text}");
    for (certificate, signature, kind, code) in [
        (certificate, signature, "5", -14),
        (certificate, certificate, "1", -23),
        (signature, signature, "1", -23),
        (certificate, "!!", "1", -23),
        ("", signature, "1", -23),
    ] {
        assert_eq!(verify(certificate, TEXT, signature, kind).0, code);
    }
    // By another program, and nobody's PIN was needed for it.
    let file = |name: &str, bytes: &[u8]| {
        std::fs::write(hall.walk.file(name), bytes).unwrap();
        hall.walk.file(name)
    };
    let decoded = |text: &str| data_encoding::BASE64.decode(text.as_bytes()).unwrap();
    let (certificate, signature) = (file("c.der", &decoded(certificate)), file("s.der", &decoded(signature)));
    let text = file("text", TEXT.as_bytes());
    let key = Command::new("openssl").args(["x509", "-noout", "-pubkey", "-in"]).arg(certificate).output().unwrap();
    let key = file("key.pem", &key.stdout);
    let mut openssl = Command::new("openssl");
    openssl.args(["pkeyutl", "-verify", "-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678", "-pubin"]);
    let said = openssl.arg("-inkey").arg(key).arg("-in").arg(text).arg("-sigfile").arg(signature).output().unwrap();
    assert!(said.status.success(), "{said:?}");
}

#[test]
fn one_call_is_one_try_and_none_is_made_in_vain() {
    let mut hall = with_card(SIGNS, "v3-pki");
    let raised = [("SBKD_DRIVER_LARGEST_OUTPUT", "4096")];
    let sign = |hall: &Hall, pin: &str| call(hall, &raised, &["PKI_SignData", pin, TEXT, "1"]).0;
    for (pin, code) in [("123", -33), ("", -33), ("12345x", -33), (WRONG, -51), (WRONG, -51), (PIN, 0)] {
        assert_eq!(sign(&hall, pin), code, "{pin}");
    }
    for code in [-51, -51, -51, -52] {
        assert_eq!(sign(&hall, WRONG), code);
    }
    assert_eq!(sign(&hall, PIN), -52);
    let log = hall.walk.rig.log("daemon");
    assert!(
        log.contains("PKI_SignData") && !log.contains(WRONG) && !log.contains(TEXT),
        "what is signed, and by which PIN"
    );
    hall.walk.insert(&image("v3-sm4"));
    assert_eq!(sign(&hall, PIN), -27266, "a card without certificates");
    hall.walk.rig.pull();
    assert_eq!(sign(&hall, PIN), -2);
}

#[test]
fn certificates_are_held_to_whom_the_terminal_trusts() {
    let hall = Hall::with(VERIFIES);
    let (known, socket) = (known(), Client::unix(hall.walk.socket()));
    let one = known["signatures"].as_array().unwrap().iter().find(|one| one["user_id"] == "1234567812345678");
    let one = one.unwrap();
    for (certificate, code, why) in [
        ("card", 0, ""),
        ("without_usage", 0, ""),
        ("over", -23, "E-CIPHER-UNTRUSTED"),
        ("by_stranger", -23, "E-CIPHER-UNTRUSTED"),
        ("demanding", -23, "E-CIPHER-UNTRUSTED"),
        ("enciphering", -23, "E-CIPHER-UNTRUSTED"),
        ("nist", -23, "E-CIPHER-CERTIFICATE-KEY"),
    ] {
        let parameters = json!({
            "pUserPin": "", "pCert": known["certificates"][certificate], "pClearText": one["message"],
            "pSignature": one["raw"], "iType": "3",
        });
        let said = socket.post("/v1/driver/PKI_VerifySign", &json!({"parameters": parameters})).success();
        let text = said["output"].as_str().unwrap();
        assert!(said["code"] == code && text.contains(why), "{certificate}: {said}");
    }
}

#[test]
fn what_is_not_public_is_set_or_nothing_is_signed() {
    // Without strings neither is carried out; without a script, or what goes with it, nothing is signed.
    for (lines, sign, verify) in [
        ("", -13, -13),
        ("[driver.pki]\ndata = \"hex\"\nencoding = \"hex\"\nsignature = \"raw\"\n", -13, -23),
        (UNSCRIPTED, -13, -23),
    ] {
        let hall = Hall::with(lines);
        assert_eq!(call(&hall, &[], &["PKI_SignData", PIN, "00", "1"]).0, sign, "{lines}");
        assert_eq!(call(&hall, &[], &["PKI_VerifySign", PIN, "00", "00", "00", "1"]).0, verify, "{lines}");
    }
}
