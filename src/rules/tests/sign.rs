//! Signatures of packs: whose hold, and what is told of those that do not.

use crate::rules::{Packs, PublicKey, SigningKey, Source, Trust, sign_pack};
use crate::world::{NoRandom, Random};

/// The first key of RFC 8032's test vectors.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "D75A980182B10AB7D54BFED3C964073A0EE172F3DAA62325AF021A68F707511A";
/// `openssl pkeyutl -sign -rawin` with that key over what is signed of the seven bytes `a pack\n`.
const BY_OPENSSL: &str = "4DAFFECAD9EB093FA67A08CF4AD57A3AB3BDCE411ED27D353A6B2D2839C75AA4\
                          543D760B971E21F16E622988D45C97E0747925BDC8970AED0E1C8C9D3AA7400E";

/// Gives the same bytes again and again.
struct Fixed(Vec<u8>);

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        bytes.iter_mut().zip(self.0.iter().cycle()).for_each(|(byte, fixed)| *byte = *fixed);
        Ok(())
    }
}

fn key(seed: &str) -> SigningKey {
    let made = SigningKey::make(&Fixed(hex::decode(seed).unwrap())).unwrap();
    SigningKey::read(&made).unwrap()
}

fn source(text: &str, signature: Option<String>) -> Source {
    Source { file: "p.toml".to_owned(), text: text.to_owned(), signature }
}

#[test]
fn a_signature_is_what_another_program_makes_of_the_same_key() {
    let key = key(SEED);
    assert_eq!(key.public().to_string(), PUBLIC);
    assert_eq!(key.public().id(), "21FE31DFA154A261");
    assert_eq!(PUBLIC.to_lowercase().parse::<PublicKey>().unwrap(), key.public());
    let signed = sign_pack(&key, b"a pack\n");
    assert!(signed.contains(&format!("signature = \"{BY_OPENSSL}\"\n")), "{signed}");
    assert_eq!(format!("{key:?}"), "SigningKey(…)");
    for wrong in ["", "D75A", &PUBLIC[1..], &format!("{PUBLIC}00"), &PUBLIC.replace('D', "X")] {
        assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
    }
    assert!(SigningKey::read(b"").is_err() && SigningKey::read(&[0x30; 48]).is_err());
}

#[test]
fn a_pack_says_who_signed_it_where_keys_are_trusted() {
    let text = super::ACCUMULATING;
    let (one, other) = (key(SEED), key(&SEED.replace('9', "8")));
    let signed_by = |signature: Option<String>, keys: &[PublicKey], required| {
        let trust = Trust { keys: keys.to_vec(), required };
        Packs::load_signed(&[source(text, signature)], &trust).map(|packs| packs.list()[0].pack.signed_by.clone())
    };
    let by_one = sign_pack(&one, text.as_bytes());
    let keys = [other.public(), one.public()];
    assert_eq!(signed_by(Some(by_one.clone()), &keys, true), Ok(Some(one.public().id())));
    assert_eq!(signed_by(None, &keys, false), Ok(None), "a signature is not required");
    assert_eq!(signed_by(Some("nonsense".to_owned()), &[], false), Ok(None), "nobody is trusted: nobody looks");

    let told = |signature: Option<String>, keys: &[PublicKey], required| {
        signed_by(signature, keys, required).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(told(None, &keys, true), ["p.toml:1:1: the pack is not signed: there is no p.toml.sig"]);
    assert_eq!(told(None, &[], true), told(None, &keys, true), "who trusts nobody takes nothing");
    for required in [false, true] {
        let unknown = told(Some(by_one.clone()), &[other.public()], required);
        assert_eq!(unknown, ["p.toml.sig:4:7: the key 21FE31DFA154A261 is not trusted here"]);
        let of_another = told(Some(sign_pack(&one, b"another pack")), &keys, required);
        assert_eq!(of_another, ["p.toml.sig:5:13: the signature is not the key 21FE31DFA154A261's over this pack"]);
        // The other's signature under this one's name.
        let id = |key: &SigningKey| key.public().id();
        let lent = told(Some(sign_pack(&other, text.as_bytes()).replace(&id(&other), &id(&one))), &keys, required);
        assert_eq!(lent, of_another);
    }
}

#[test]
fn any_byte_of_the_pack_counts() {
    let text = super::ACCUMULATING;
    let key = key(SEED);
    let trust = Trust { keys: vec![key.public()], required: true };
    let signature = sign_pack(&key, text.as_bytes());
    for changed in [text.replacen("累计", "累記", 1), format!("{text}\n"), text.replacen('\n', "\r\n", 1)] {
        let mistakes = Packs::load_signed(&[source(&changed, Some(signature.clone()))], &trust).unwrap_err();
        assert!(mistakes[0].message.starts_with("the signature is not"), "{mistakes:?}");
    }
}

#[test]
fn a_file_that_is_no_signature_is_told_by_its_place_and_its_pack_is_not_read() {
    let key = key(SEED);
    let trust = Trust { keys: vec![key.public()], required: false };
    let good = sign_pack(&key, b"not a pack");
    for (from, to, told) in [
        ("version = 1", "version = 2", "p.toml.sig:2:11: version 1 is known here"),
        ("\"Ed25519\"", "\"RSA\"", "p.toml.sig:3:13: the algorithm is \"Ed25519\""),
        ("version = 1\n", "", "p.toml.sig:1:1: missing field `version`"),
        ("version = 1\n", "version = 1\nversion = 1\n", "p.toml.sig:3:1: duplicate key"),
        ("version = 1\n", "version = 1\nmore = 1\n", "p.toml.sig:3:1: unknown field `more`"),
        ("signature = \"", "signature = \"0", "p.toml.sig:5:13: a signature is 128 hex digits"),
        ("signature = \"", "signature = \"00", "p.toml.sig:5:13: a signature is 128 hex digits"),
        ("# ", &format!("# {} ", "x".repeat(4096)), "p.toml.sig:1:1: a signature's file has at most 4096 bytes"),
    ] {
        let changed = good.replacen(from, to, 1);
        let mistakes = Packs::load_signed(&[source("not a pack", Some(changed))], &trust).unwrap_err();
        assert_eq!(mistakes.len(), 1, "the pack itself is not told of: {mistakes:?}");
        assert!(mistakes[0].to_string().starts_with(told), "{}, not {told}", mistakes[0]);
    }
}
