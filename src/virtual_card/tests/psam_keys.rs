//! What a PSAM does with its keys: MACs, enciphered blocks, and the half of a purchase that is its own.

use proptest::prelude::*;

use super::*;
use crate::cipher::Suite;

const CARD: &str = "v3-sm4";
const AMOUNTS: &str = "000003E80000000A0000000B";
const TIME: &str = "20260302093000";

fn in_application(name: &str, algorithm: Algorithm) -> Talk {
    ready(Talk::with(name), algorithm)
}

fn ready(mut talk: Talk, algorithm: Algorithm) -> Talk {
    talk.fetch(&format!("00A404000F7378{:02X}2E73682EC9E7BBE1B1A3D5CF", 0x30 + algorithm.id()));
    talk.fetch("00A4040006D15600000590");
    talk
}

fn card_of(algorithm: Algorithm) -> &'static str {
    if algorithm == Algorithm::Sm4 { CARD } else { "v2-3des" }
}

fn process(algorithm: Algorithm, role: &str) -> cipher::SessionKey {
    Suite::of(algorithm).unwrap().session(&card_key(card_of(algorithm), role), [0x11; 8])
}

fn deliver(algorithm: Algorithm, usage: u8, id: u8) -> String {
    let factors = factors(card_of(algorithm)).for_command(usage >> 5).concat();
    let data = format!("{}{}{}", hex::encode(factors), "11".repeat(8), "00".repeat(algorithm.block() - 8));
    format!("BFDE{usage:02X}{id:02X}{:02X}{data}", data.len() / 2)
}

/// An exchange that a DES environment lets one fetch and the others answer at once.
fn either(talk: &mut Talk, algorithm: Algorithm, tpdu: &str) -> Vec<u8> {
    if algorithm == Algorithm::TripleDes { talk.fetch(tpdu) } else { talk.read(tpdu) }
}

fn cipher_data(p1: u8, data: &[u8]) -> String {
    format!("80FA{p1:02X}00{:02X}{}", data.len(), hex::encode(data))
}

#[test]
fn a_key_of_messaging_makes_the_macs_that_the_card_checks() {
    for algorithm in [Algorithm::TripleDes, Algorithm::Sm4] {
        let mut talk = in_application("psam", algorithm);
        let block = algorithm.block();
        for (usage, id, role) in [(0x48, 0x09, "stk"), (0x46, 0x20, "stkdf01")] {
            let command = hex::decode("04DC052C0A0506").unwrap();
            let data = [&vec![0; block], &cipher::pad_80(&command, block)[..]].concat();
            assert_eq!(talk.status(&deliver(algorithm, usage, id)), "9000", "{role}");
            let made = either(&mut talk, algorithm, &cipher_data(0x05, &data));
            assert_eq!(made, cipher::mac(&process(algorithm, role), [0; 8], &command), "{role}");
        }
    }
}

#[test]
fn a_key_that_enciphers_takes_every_block_of_the_data() {
    for algorithm in [Algorithm::TripleDes, Algorithm::Sm4] {
        let mut talk = in_application("psam", algorithm);
        let plain = b"what a file is to hold, of more than two blocks";
        let data = cipher::lengthened(plain, algorithm.block()).unwrap();
        assert_eq!(talk.status(&deliver(algorithm, 0x48, 0x12)), "9000");
        let made = either(&mut talk, algorithm, &cipher_data(0x00, &data));
        assert_eq!(made, *cipher::encipher(&process(algorithm, "ukssse"), plain).unwrap());
    }
}

#[test]
fn a_key_does_what_its_type_is_for() {
    let mut talk = in_application("psam", Algorithm::Sm4);
    let one = cipher_data(0x00, &[0; 16]);
    let two = cipher_data(0x05, &[0; 32]);
    // Type 7 enciphers, type 6 makes MACs, type 8 does both.
    for (usage, id, enciphers, macs) in [(0x47, 0x0A, true, false), (0x46, 0x20, false, true), (0x48, 0x12, true, true)]
    {
        for (command, may) in [(&one, enciphers), (&two, macs)] {
            assert_eq!(talk.status(&deliver(Algorithm::Sm4, usage, id)), "9000");
            assert_eq!(talk.status(command), if may { "9000" } else { "6985" }, "{usage:02X} {command}");
        }
    }
    assert_eq!(talk.status(&deliver(Algorithm::Sm4, 0x47, 0x12)), "6A88", "another type than the key's");
    talk.status(&deliver(Algorithm::Sm4, 0x48, 0x12));
    assert_eq!(talk.status(&cipher_data(0x05, &[0; 16])), "6700", "an initial vector and nothing");
    for p1 in [0x04, 0x06, 0x08, 0x85] {
        assert_eq!(talk.status(&cipher_data(p1, &[0; 32])), "6A86", "{p1:02X}");
    }
}

#[test]
fn a_mac_is_made_over_several_commands_as_over_one() {
    for algorithm in [Algorithm::TripleDes, Algorithm::Sm4] {
        let mut talk = in_application("psam", algorithm);
        let block = algorithm.block();
        let data = [&vec![0; block], &cipher::pad_80(&[0x5A; 70], block)[..]].concat();
        let whole = cipher::mac(&process(algorithm, "stk"), [0; 8], &[0x5A; 70]);
        for cuts in [vec![2], vec![2, 3], vec![3, 4, 5]] {
            assert_eq!(talk.status(&deliver(algorithm, 0x48, 0x09)), "9000");
            let places: Vec<usize> = [0].into_iter().chain(cuts).map(|blocks| blocks * block).collect();
            for (at, ends) in places.windows(2).enumerate() {
                let first = cipher_data(if at == 0 { 0x07 } else { 0x03 }, &data[ends[0]..ends[1]]);
                assert_eq!(talk.status(&first), "9000");
            }
            let last = cipher_data(0x01, &data[places[places.len() - 1]..]);
            assert_eq!(either(&mut talk, algorithm, &last), whole, "{places:?}");
            assert_eq!(talk.status(&last), "6985", "it serves one MAC");
        }
        // 02: more blocks follow that are enciphered with the same key.
        let blocks = [0x33; 64];
        talk.status(&deliver(algorithm, 0x48, 0x12));
        let mut made = either(&mut talk, algorithm, &cipher_data(0x02, &blocks[..32]));
        made.extend(either(&mut talk, algorithm, &cipher_data(0x00, &blocks[32..])));
        let key = process(algorithm, "ukssse");
        assert_eq!(made, blocks.chunks(block).flat_map(|block| key.encrypt(block).to_vec()).collect::<Vec<u8>>());
    }
}

#[test]
fn nothing_is_gone_on_with_that_was_not_begun() {
    let mut talk = in_application("psam", Algorithm::Sm4);
    for (first, then) in [(0x07, 0x05), (0x07, 0x07), (0x07, 0x00), (0x02, 0x01), (0x02, 0x05)] {
        talk.status(&deliver(Algorithm::Sm4, 0x48, 0x12));
        assert_eq!(talk.status(&cipher_data(first, &[0; 32])), "9000");
        assert_eq!(talk.status(&cipher_data(then, &[0; 32])), "6985", "{first:02X} {then:02X}");
    }
    for p1 in [0x01, 0x03] {
        talk.status(&deliver(Algorithm::Sm4, 0x48, 0x12));
        assert_eq!(talk.status(&cipher_data(p1, &[0; 32])), "6985", "{p1:02X}");
    }
}

#[test]
fn an_image_may_give_ids_to_keys_that_have_none() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("extends = {:?}\n[psam.ids]\ndlk = \"4970\"\ndtk = \"4C71\"\n", folder().join("psam.toml"));
    std::fs::write(dir.path().join("loads.toml"), text).unwrap();
    let image = Image::load(&dir.path().join("loads.toml")).unwrap();
    let mut talk = ready(Talk::to(image.chip(Arc::new(SystemRandom::default()))), Algorithm::Sm4);
    for (usage, id, role) in [(0x49, 0x70, "dlk"), (0x4C, 0x71, "dtk")] {
        assert_eq!(talk.status(&deliver(Algorithm::Sm4, usage, id)), "9000", "{role}");
        let data = [&[0; 16][..], &cipher::pad_80(b"a load", 16)].concat();
        let made = talk.read(&cipher_data(0x05, &data));
        assert_eq!(made, cipher::mac(&process(Algorithm::Sm4, role), [0; 8], b"a load"), "{role}");
    }
    assert_eq!(in_application("psam", Algorithm::Sm4).status(&deliver(Algorithm::Sm4, 0x49, 0x70)), "6A88");
}

fn init(algorithm: Algorithm, levels: u8) -> String {
    let factors = hex::encode(factors(card_of(algorithm)).for_command(levels).concat());
    let request = format!("AABBCCDD0005{AMOUNTS}32{TIME}01{:02X}{factors}", algorithm.id());
    format!("80700100{:02X}{request}", request.len() / 2)
}

/// MAC1 and MAC2 of the purchase of [`init`], by other means than the PSAM's.
fn macs(algorithm: Algorithm, sequence: [u8; 4]) -> (Vec<u8>, String) {
    let factor = [0xAA, 0xBB, 0xCC, 0xDD, 0, 5, sequence[2], sequence[3]];
    let session = Suite::of(algorithm).unwrap().session(&card_key(card_of(algorithm), "dpk"), factor);
    let mac = |text: &str| cipher::mac(&session, [0; 8], &hex::decode(text).unwrap());
    (mac(&format!("{AMOUNTS}32440100000001{TIME}")).to_vec(), hex::encode(mac(AMOUNTS)))
}

#[test]
fn each_purchase_has_a_number_of_its_own_that_outlives_resets() {
    for algorithm in [Algorithm::TripleDes, Algorithm::Sm4] {
        let mut talk = in_application("psam", algorithm);
        for number in 1..=3u8 {
            let given = either(&mut talk, algorithm, &init(algorithm, 2));
            let (mac1, mac2) = macs(algorithm, [0, 0, 0, number]);
            assert_eq!((&given[..4], &given[4..]), (&[0, 0, 0, number][..], &mac1[..]));
            assert_eq!(talk.status(&format!("8072000004{mac2}")), "9000");
            talk.0.reset().unwrap();
            talk = ready(talk, algorithm);
            assert_eq!(talk.read("00B0990004"), [0, 0, 0, number + 1]);
        }
    }
}

#[test]
fn a_purchase_that_cannot_be_is_refused() {
    let mut talk = in_application("psam", Algorithm::Sm4);
    let right = init(Algorithm::Sm4, 2);
    assert_eq!(talk.status("807200000400000000"), "6901", "none was begun");
    let wrong = [
        (right.replacen("80700100", "80700000", 1), "6A86"),
        (init(Algorithm::Sm4, 1), "6A80"),
        (init(Algorithm::Sm4, 3), "6A80"),
        (right.replacen(&format!("32{TIME}0103"), &format!("31{TIME}0103"), 1), "6A80"),
        (right.replacen(&format!("32{TIME}0103"), &format!("32{TIME}0101"), 1), "6A80"),
        (right.replacen(&format!("32{TIME}0103"), &format!("32{TIME}0203"), 1), "9403"),
        ("8070010003AABBCC".to_owned(), "6700"),
    ];
    for (command, status) in wrong {
        assert_eq!(talk.status(&command), status, "{command}");
    }
    assert_eq!(talk.read("00B0990004"), [0, 0, 0, 1], "nothing was counted");
    talk.read(&right);
    assert_eq!(talk.status("807200000400000000"), "9302");
    assert_eq!(talk.status(&format!("8072000004{}", macs(Algorithm::Sm4, [0, 0, 0, 1]).1)), "6901", "it is over");
    talk.read(&right);
    talk.read("00B0960006");
    assert_eq!(
        talk.status(&format!("8072000004{}", macs(Algorithm::Sm4, [0, 0, 0, 2]).1)),
        "6901",
        "a command between"
    );
    assert_eq!(Talk::with("psam").status(&right), "9403", "no application is selected");
}

#[test]
fn a_psam_without_the_purchase_key_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("extends = {:?}\n[psam.SM4]\nwithout = [\"dpk\"]\n", folder().join("psam.toml"));
    std::fs::write(dir.path().join("poor.toml"), text).unwrap();
    let image = Image::load(&dir.path().join("poor.toml")).unwrap();
    let mut talk = ready(Talk::to(image.chip(Arc::new(SystemRandom::default()))), Algorithm::Sm4);
    assert_eq!(talk.status(&init(Algorithm::Sm4, 2)), "9403");
}

proptest! {
    #[test]
    fn any_request_for_a_purchase_is_answered(p1: u8, data in proptest::collection::vec(any::<u8>(), 1..60)) {
        let mut talk = in_application("psam", Algorithm::Sm4);
        let tpdu = format!("8070{p1:02X}00{:02X}{}", data.len(), hex::encode(data));
        prop_assert!(matches!(talk.0.exchange(&hex::decode(tpdu).unwrap()), Ok(answer) if answer.len() >= 2));
    }
}
