//! Known answers of another tool, and what the formulas promise beside them.

mod account;
mod pki;
mod secure;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::value;

const KNOWN: &str = include_str!("../../../fixtures/cipher/known-answers.json");

fn known(part: &str) -> Vec<Value> {
    let known: Value = serde_json::from_str(KNOWN).unwrap();
    let cases = known[part].as_array().unwrap().clone();
    assert!(cases.len() > 3, "{part}");
    cases
}

/// The cases of every suite, the stand-in's too.
fn ciphers() -> Vec<Value> {
    let known_all: Value = serde_json::from_str(KNOWN).unwrap();
    let stand_in = known_all["stand_in"].as_array().unwrap().clone();
    assert!(!stand_in.is_empty());
    [known("cipher"), stand_in].concat()
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    hex::decode(case[field].as_str().unwrap()).unwrap()
}

fn eight(case: &Value, field: &str) -> [u8; 8] {
    bytes(case, field).try_into().unwrap()
}

/// The cipher a case is of: that of an algorithm, or the stand-in.
fn suite(case: &Value) -> Suite {
    match case["algorithm"].as_str() {
        Some("ssf33-stand-in") => Suite::simulated(Algorithm::Ssf33),
        _ => Suite::of(serde_json::from_value(case["algorithm"].clone()).unwrap()).unwrap(),
    }
}

fn key(case: &Value, field: &str) -> Key16 {
    Key16::from_hex(case[field].as_str().unwrap()).unwrap()
}

fn start(case: &Value) -> (Suite, Key16) {
    (suite(case), key(case, "key"))
}

fn session(case: &Value) -> SessionKey {
    let (suite, key) = start(case);
    suite.session(&key, eight(case, "process"))
}

fn card_factors(case: &Value) -> Factors {
    let city = hex::decode(case["city"].as_str().unwrap()).unwrap().try_into().unwrap();
    Factors::new(city, bytes(case, "historical")[5..13].try_into().unwrap())
}

#[test]
fn diversification_is_as_known() {
    for case in ciphers() {
        let (suite, mut key) = start(&case);
        for (step, factor) in case["diversification"].as_array().unwrap().iter().zip(card_factors(&case).descending()) {
            assert_eq!(factor, eight(step, "factor"));
            key = suite.diversify(&key, factor);
            assert_eq!(key.bytes().to_vec(), bytes(step, "child"));
        }
    }
}

#[test]
fn authentication_data_is_as_known() {
    for case in ciphers() {
        let (suite, root) = start(&case);
        let (process, original) = (eight(&case, "process"), eight(&case, "original"));
        let mut block = bytes(&case, "session_block");
        assert_eq!(*session(&case).encrypt(&original), block);
        block.truncate(session(&case).block());
        assert_eq!(session(&case).decrypt(&block)[..8], original);
        assert_eq!(suite.authentication_data(&root, process, original), eight(&case, "authentication_data"));
        let card = suite.diversify_by(&root, &card_factors(&case).descending());
        assert_eq!(suite.authentication_data(&card, process, original), eight(&case, "card_authentication_data"));
    }
}

#[test]
fn an_algorithm_is_computed_as_its_suite() {
    for case in &known("cipher") {
        let algorithm: Algorithm = serde_json::from_value(case["algorithm"].clone()).unwrap();
        let (root, process, original) = (key(case, "key"), eight(case, "process"), eight(case, "original"));
        let factors = card_factors(case).descending();
        assert_eq!(
            diversify(algorithm, &root, factors[0]).unwrap().bytes().to_vec(),
            bytes(&case["diversification"][0], "child")
        );
        let card = diversify_by(algorithm, &root, &factors).unwrap();
        let proof = authentication_data(algorithm, &card, process, original).unwrap();
        assert_eq!(proof, eight(case, "card_authentication_data"));
        assert!(SessionKey::derive(algorithm, &root, process).unwrap() == session(case));
    }
}

#[test]
fn the_fold_of_the_psams_block_is_the_authentication_data() {
    for case in known("cipher").iter().filter(|case| case["algorithm"] == "SM4") {
        assert_eq!(fold(&bytes(case, "session_block").try_into().unwrap()), eight(case, "authentication_data"));
    }
}

#[test]
fn macs_are_as_known() {
    for case in ciphers() {
        let session = session(&case);
        for one in case["macs"].as_array().unwrap() {
            assert_eq!(mac(&session, eight(one, "iv"), &bytes(one, "data")).to_vec(), bytes(one, "mac"), "{one}");
        }
    }
}

#[test]
fn padding_is_as_known() {
    for case in known("padding") {
        let block = case["block"].as_u64().unwrap() as usize;
        assert_eq!(*pad_80(&bytes(&case, "data"), block), bytes(&case, "padded"));
    }
}

#[test]
fn check_characters_are_as_known() {
    let text = |case: &Value, field: &str| case[field].as_str().unwrap().as_bytes().to_vec();
    for case in known("card_number") {
        assert_eq!(value::check_character(&text(&case, "body")), Some(text(&case, "check")[0]), "{case}");
    }
    for case in known("citizen_number") {
        assert_eq!(value::check_digit(&text(&case, "body")), Some(text(&case, "check")[0]), "{case}");
    }
}

#[test]
fn the_standards_example_of_sm4_holds() {
    let known: Value = serde_json::from_str(KNOWN).unwrap();
    let example = &known["standard"]["sm4"];
    let key: [u8; 16] = bytes(example, "key").try_into().unwrap();
    let out = block::sm4(&key, bytes(example, "plain").try_into().unwrap());
    assert_eq!(out.to_vec(), bytes(example, "cipher"));
}

#[test]
fn the_factors_of_a_command_are_card_city_province() {
    let factors = Factors::new([0x44, 0x01, 0x00], [7; 8]);
    assert_eq!(factors.for_command(1), [[7; 8]]);
    assert_eq!(factors.for_command(3), [[7; 8], *b"440100sx", *b"440000sh"]);
}

#[test]
fn ssf33_is_refused() {
    let (key, no) = (Key16::new([1; 16]), Unsupported(Algorithm::Ssf33));
    assert_eq!(diversify(Algorithm::Ssf33, &key, [0; 8]), Err(no));
    assert_eq!(authentication_data(Algorithm::Ssf33, &key, [0; 8], [0; 8]), Err(no));
    assert_eq!(SessionKey::derive(Algorithm::Ssf33, &key, [0; 8]), Err(no));
    assert_eq!(Suite::of(Algorithm::Ssf33), Err(no));
}

#[test]
fn the_stand_in_is_neither_of_the_others() {
    let (key, factor) = (Key16::new([7; 16]), [3; 8]);
    let stand_in = Suite::simulated(Algorithm::Ssf33);
    assert_ne!(stand_in.diversify(&key, factor), Suite::simulated(Algorithm::Sm4).diversify(&key, factor));
    for algorithm in [Algorithm::TripleDes, Algorithm::Sm4] {
        assert_eq!(Suite::simulated(algorithm), Suite::of(algorithm).unwrap());
        assert_ne!(Suite::simulated(algorithm), stand_in);
    }
    assert_eq!(stand_in.block(), 16);
}

#[test]
fn keys_print_nothing() {
    let key = Key16::from_hex("000102030405060708090A0B0C0D0E0F").unwrap();
    assert_eq!(
        format!("{key:?} {:?}", SessionKey::derive(Algorithm::Sm4, &key, [0; 8]).unwrap()),
        "Key16(..) SessionKey(..)"
    );
    assert_eq!(Key16::from_hex("00"), Err(KeyError::Form));
    assert!(!format!("{:?}", Factors::new([0x44, 1, 0], [0xAB; 8])).contains("171"));
}

proptest! {
    #[test]
    fn padding_is_whole_blocks_and_can_be_taken_off(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        for block in [8, 16] {
            let padded = pad_80(&data, block);
            prop_assert_eq!(padded.len() % block, 0);
            prop_assert!(padded.len() > data.len() && padded.len() <= data.len() + block);
            let end = padded.iter().rposition(|byte| *byte == 0x80).unwrap();
            prop_assert_eq!(&padded[..end], &data[..]);
        }
    }

    #[test]
    fn a_flipped_bit_changes_the_proof(key: [u8; 16], process: [u8; 8], original: [u8; 8], bit in 0usize..64) {
        let key = Key16::new(key);
        let mut flipped = original;
        flipped[bit / 8] ^= 1 << (bit % 8);
        for algorithm in [Algorithm::TripleDes, Algorithm::Sm4] {
            let proof = authentication_data(algorithm, &key, process, original).unwrap();
            prop_assert_ne!(proof, authentication_data(algorithm, &key, process, flipped).unwrap());
        }
    }

    #[test]
    fn any_text_is_a_key_or_refused(text in ".{0,40}") {
        let _ = Key16::from_hex(&text);
    }
}
