//! The PSAM.

use proptest::prelude::*;

use super::*;

const SELECT_APPLICATION: &str = "00A4040006D15600000590";

fn environment(algorithm: Algorithm) -> String {
    format!("00A404000F7378{:02X}2E73682EC9E7BBE1B1A3D5CF", 0x30 + algorithm.id())
}

fn in_application(name: &str, algorithm: Algorithm) -> Talk {
    let mut talk = Talk::with(name);
    talk.fetch(&environment(algorithm));
    talk.fetch(SELECT_APPLICATION);
    talk
}

/// DELIVERY SESSION KEY for a card of `levels` factors.
fn deliver(algorithm: Algorithm, card: &str, levels: u8, key: u8) -> String {
    let factors = factors(card).for_command(levels).concat();
    let tail = if algorithm == Algorithm::Sm4 { "00".repeat(8) } else { String::new() };
    let data = format!("{}{}{tail}", hex::encode(factors), "11".repeat(8));
    format!("BFDE{:02X}{key:02X}{:02X}{data}", levels << 5 | 7, data.len() / 2)
}

/// CIPHER DATA and what the host makes of its answer.
fn authentication_data(talk: &mut Talk, algorithm: Algorithm) -> [u8; 8] {
    match algorithm {
        Algorithm::Sm4 => {
            let block = talk.read(&format!("80FA000010{}{}", "22".repeat(8), "00".repeat(8)));
            cipher::fold(&block.try_into().unwrap())
        }
        _ => talk.fetch(&format!("80FA000008{}", "22".repeat(8))).try_into().unwrap(),
    }
}

#[test]
fn psam_and_card_have_the_same_keys_at_every_level() {
    let levels = [("psam", 3, 2), ("psam-level-1", 1, 1), ("psam-level-2", 2, 2), ("psam-level-3", 3, 3)];
    for (name, irk, rkssse) in levels {
        for (card, algorithm) in [("v2-3des", Algorithm::TripleDes), ("v3-sm4", Algorithm::Sm4)] {
            let mut talk = in_application(name, algorithm);
            for (id, key, levels) in [(0x08, "irk", irk), (0x0A, "rkssse", rkssse)] {
                assert_eq!(talk.status(&deliver(algorithm, card, levels, id)), "9000", "{name} {key}");
                let expected = proof(algorithm, key, card, [0x11; 8], [0x22; 8]);
                assert_eq!(authentication_data(&mut talk, algorithm), expected, "{name} {card} {key}");
            }
        }
    }
}

#[test]
fn a_level_that_is_not_the_keys_is_wrong_data() {
    let mut talk = in_application("psam", Algorithm::Sm4);
    for levels in [1, 3] {
        assert_eq!(talk.status(&deliver(Algorithm::Sm4, "v3-sm4", levels, 0x0A)), "6A80");
    }
    // The usage byte and the factors must both fit.
    let three = deliver(Algorithm::Sm4, "v3-sm4", 3, 0x0A);
    assert_eq!(talk.status(&three.replacen("BFDE67", "BFDE47", 1)), "6A80");
    let two = deliver(Algorithm::Sm4, "v3-sm4", 2, 0x0A);
    assert_eq!(talk.status(&two.replacen("BFDE47", "BFDE46", 1)), "6A88");
    assert_eq!(talk.status("BFDE470A03AABBCC"), "6700");
    assert_eq!(talk.status(&deliver(Algorithm::TripleDes, "v3-sm4", 2, 0x0A)), "6A80", "without the eight 00");
    let filled = two.strip_suffix("00").map(|start| format!("{start}01")).unwrap();
    assert_eq!(talk.status(&filled), "6A80");
}

#[test]
fn a_process_key_serves_once() {
    let mut talk = in_application("psam", Algorithm::TripleDes);
    let cipher_data = format!("80FA000008{}", "22".repeat(8));
    assert_eq!(talk.status(&cipher_data), "6985");
    assert_eq!(talk.status(&deliver(Algorithm::TripleDes, "v2-3des", 2, 0x0A)), "9000");
    assert_eq!(talk.status(&cipher_data), "6108");
    assert_eq!(talk.status(&cipher_data), "6985");
    for forget in [SELECT_APPLICATION, &environment(Algorithm::TripleDes)] {
        talk.fetch(SELECT_APPLICATION);
        talk.status(&deliver(Algorithm::TripleDes, "v2-3des", 2, 0x0A));
        talk.fetch(forget);
        assert_eq!(talk.status(&cipher_data), "6985");
    }
    talk.fetch(SELECT_APPLICATION);
    talk.status(&deliver(Algorithm::TripleDes, "v2-3des", 2, 0x0A));
    assert_eq!(talk.status("80FA00000711223344556677"), "6700");
    assert_eq!(talk.status(&format!("80FA050008{}", "22".repeat(8))), "6985");
    assert_eq!(talk.status(&format!("80FA040008{}", "22".repeat(8))), "6A86");
}

#[test]
fn what_a_psam_lacks_it_says() {
    assert_eq!(Talk::with("psam-no-sm4").status(&environment(Algorithm::Sm4)), "6A82");
    assert_eq!(Talk::with("psam").status(&environment(Algorithm::Ssf33)), "6A82");
    assert_eq!(Talk::with("psam").status("00A4000002DDF1"), "6A82");
    for algorithm in [Algorithm::TripleDes, Algorithm::Sm4] {
        let mut talk = in_application("psam-no-rk", algorithm);
        assert_eq!(talk.status(&deliver(algorithm, "v3-sm4", 2, 0x0A)), "6A88");
        assert_eq!(talk.status(&deliver(algorithm, "v3-sm4", 3, 0x08)), "9000");
    }
    let mut none = Talk::with("psam-none");
    assert_eq!(none.status(SELECT_APPLICATION), "6A82");
    assert_eq!(none.status("80FA000000"), "6E00");
    let mut early = Talk::with("psam");
    assert_eq!(early.status(&deliver(Algorithm::Sm4, "v3-sm4", 2, 0x0A)), "6A88", "no application selected");
}

#[test]
fn its_files_are_read_in_the_application() {
    let mut talk = Talk::with("psam");
    assert_eq!(talk.status("00B0960006"), "6A82");
    talk.fetch("00A40000023F00");
    talk.fetch("00A4000002DF01");
    assert_eq!(talk.read("00B0960006"), hex::decode("440100000001").unwrap());
    assert_eq!(talk.status("00B0960000"), "6C06");
    assert_eq!(talk.read("00B0960402"), [0x00, 0x01]);
    assert_eq!(talk.status("00B0960601"), "6B00");
    assert_eq!(talk.read("00B095000F").len(), 15);
    assert_eq!(talk.status("00A40200020016"), "9000");
    assert_eq!(talk.read("00B0000204"), [0x00, 0x00, 0x00, 0x01]);
    assert_eq!(talk.status("00A4020002001A"), "6A82");
    talk.0.reset().unwrap();
    assert_eq!(talk.status("00B0000006"), "6986");
}

#[test]
fn its_application_is_found_straight_after_a_reset() {
    for name in ["psam", "psam-no-sm4"] {
        let mut talk = Talk::with(name);
        let fci = talk.fetch(SELECT_APPLICATION);
        assert_eq!(hex::encode_upper(fci), "6F088406D15600000590");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_answered(commands in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..280), 1..8)) {
        let mut chip = chip("psam");
        for command in &commands {
            prop_assert!(matches!(chip.answer(command), Reaction::Answer(answer) if answer.len() >= 2));
        }
    }

    #[test]
    fn any_key_request_is_answered(usage: u8, id in 6u8..12, data in proptest::collection::vec(any::<u8>(), 1..60)) {
        let mut chip = chip("psam");
        chip.answer(&hex::decode(SELECT_APPLICATION).unwrap());
        let command = [&[0xBF, 0xDE, usage, id, data.len() as u8], &data[..]].concat();
        prop_assert!(matches!(chip.answer(&command), Reaction::Answer(answer) if answer.len() == 2));
    }
}
