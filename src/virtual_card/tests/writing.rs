//! Writing: who may, with what proof, into which structure; blocking for good.

use proptest::prelude::*;

use super::*;

const ID: &str = "0020000003123456";

fn selected(name: &str) -> Talk {
    let mut talk = Talk::with(name);
    talk.fetch(SELECT_SSSE);
    talk
}

/// The card in DF04 with its PIN verified and UK1, UK2 proven.
fn writable(card: &str) -> Talk {
    let mut talk = selected(card);
    talk.fetch("00A4000002DF04");
    assert_eq!(talk.status(ID), "9000");
    assert_eq!(prove_by(&mut talk, card, "uk1df04", 0x85, 0), "9000");
    assert_eq!(prove_by(&mut talk, card, "uk2df04", 0x86, 0), "9000");
    talk
}

#[test]
fn a_record_is_written_after_its_key_and_not_before() {
    for card in ["v2-full", "v3-full"] {
        let mut talk = selected(card);
        talk.fetch("00A4000002DF04");
        assert_eq!(talk.status(ID), "9000");
        assert_eq!(talk.status("00DC8428058403440104"), "6982", "{card}");
        assert_eq!(prove_by(&mut talk, card, "rk1df04", 0x84, 0), "9000");
        assert_eq!(talk.status("00DC8428058403440104"), "6982", "the key that reads does not write");
        assert_eq!(prove_by(&mut talk, card, "uk1df04", 0x85, 0), "9000");
        assert_eq!(talk.status("00DC8428058403440104"), "9000");
        assert_eq!(talk.read("00B2842805"), [0x84, 3, 0x44, 0x01, 0x04]);
        assert_eq!(talk.status("00DC022C058403440105"), "9000", "by number");
        assert_eq!(talk.status("00DC0004058403440106"), "9000", "the current record");
        assert_eq!(talk.read("00B2842805")[4], 0x06);
    }
}

#[test]
fn public_drivers_forms_of_update_are_taken() {
    let mut talk = selected("v2-full");
    assert_eq!(prove_by(&mut talk, "v2-full", "ukssse", 0x04, 0), "9000");
    // SFI 05 by tag and SFI 06 by tag (card-facts §3).
    assert_eq!(talk.status("00DC052806050420240101"), "9000");
    assert_eq!(talk.read("00B2052806")[2..], [0x20, 0x24, 0x01, 0x01]);
    let name = format!("00DC083014{}", "0812343430313034313937303031303130303136");
    assert_eq!(talk.status(&name), "9000");
    assert_eq!(talk.read("00B2083014")[2..], *b"440104197001010016");
}

#[test]
fn a_mac_is_checked_whole() {
    for card in ["v2-full", "v3-full"] {
        let mut talk = writable(card);
        let record = [0x84, 3, 0x44, 0x01, 0x07];
        let update = secured(&mut talk, card, "stkdf04", "04DC8428", &record, false);
        let mut wrong = update.clone().into_bytes();
        let last = wrong.len() - 1;
        wrong[last] = if wrong[last] == b'0' { b'1' } else { b'0' };
        assert_eq!(talk.status(std::str::from_utf8(&wrong).unwrap()), "6988", "{card}");
        assert_eq!(talk.status(&update), "6984", "{card}: the challenge was used up");
        let update = secured(&mut talk, card, "stkdf04", "04DC8428", &record, false);
        // Another record under the same MAC.
        assert_eq!(talk.status(&update.replacen("440107", "440108", 1)), "6988");
        assert_eq!(talk.read("00B2842805")[4], 0x03, "nothing was written");
        let update = secured(&mut talk, card, "stkdf04", "04DC8428", &record, false);
        assert_eq!(talk.status(&update), "9000");
        assert_eq!(talk.read("00B2842805")[4], 0x07);
        let foreign = secured(&mut talk, card, "stk", "04DC8428", &record, false);
        assert_eq!(talk.status(&foreign), "6988", "the environment's key is not this directory's");
        assert_eq!(talk.status("04DC842803840344"), "6700");
    }
}

#[test]
fn a_card_may_take_nothing_without_a_mac_or_in_clear() {
    let card = "v3-enciphered";
    let mut talk = writable(card);
    let record = [0x84, 3, 0x44, 0x01, 0x07];
    assert_eq!(talk.status("00DC8428058403440107"), "6988");
    let clear = secured(&mut talk, card, "stkdf04", "04DC8428", &record, false);
    assert_eq!(talk.status(&clear), "6988");
    let enciphered = secured(&mut talk, card, "stkdf04", "04DC8428", &record, true);
    assert_eq!(talk.status(&enciphered), "9000");
    assert_eq!(talk.read("00B2842805"), record);
    // The environment's files want the MAC alone.
    talk.fetch(SELECT_SSSE);
    assert_eq!(prove_by(&mut talk, card, "ukssse", 0x04, 0), "9000");
    assert_eq!(talk.status("00DC052806050420240101"), "6988");
    let with_mac = secured(&mut talk, card, "stk", "04DC0528", &hex::decode("050420240101").unwrap(), false);
    assert_eq!(talk.status(&with_mac), "9000");
    let photo = secured(&mut talk, card, "stk", "04D68810", &[7; 16], false);
    assert_eq!(talk.status(&photo), "9000");
    assert_eq!(prove_by(&mut talk, card, "rkssse", 0x0A, 0), "9000");
    assert_eq!(talk.read("00B0881010"), [7; 16]);
}

#[test]
fn a_linear_file_takes_what_it_has_room_for() {
    let card = "v3-full";
    let mut talk = selected(card);
    assert_eq!(prove_by(&mut talk, card, "rkssse", 0x0A, 0), "9000");
    assert_eq!(prove_by(&mut talk, card, "ukssse", 0x04, 0), "9000");
    assert_eq!(talk.status("00DC0A30030A0132"), "9000");
    assert_eq!(talk.status("00DC0A30040A023132"), "6A84", "the file is full to the byte");
    assert_eq!(talk.status("00DC4F30034F0131"), "6A84", "as for another record");
    assert_eq!(talk.status("00DC0A30030A0232"), "6A85", "the record's length is not Lc's");
    assert_eq!(talk.status("00DC0A30020A32"), "6A85");
    assert_eq!(talk.status("00DC0A30030B0101"), "6A80", "another tag than P1's");
    assert_eq!(talk.status("00DC0834030A0132"), "6A84", "number 8 would be a new one");
    assert_eq!(talk.status("00DC0934030A0132"), "6A83", "number 9 is beyond it");
    assert_eq!(talk.status("00DC0A37030A0132"), "6A86");
    assert_eq!(talk.status("00DC0135030A0132"), "6A86");
    assert_eq!(talk.status("00D6860001FF"), "6981");
    // A card that has no 4E has room for it.
    let card = "v2-no-4e";
    let mut talk = selected(card);
    assert_eq!(prove_by(&mut talk, card, "ukssse", 0x04, 0), "9000");
    assert_eq!(talk.status("00B24E3016"), "6A83");
    let extension = format!("00DC4E30164E14{}", "00".repeat(20));
    assert_eq!(talk.status(&extension), "9000");
    assert_eq!(talk.read("00B2073416")[..2], [0x4E, 20], "it is the last one");
}

#[test]
fn repeated_records_are_written_one_by_one() {
    let card = "v3-full";
    let mut talk = selected(card);
    talk.fetch("00A4000002DF01");
    assert_eq!(talk.status(ID), "9000");
    assert_eq!(prove_by(&mut talk, card, "uk6df01", 0x89, 0), "9000");
    let mut second = talk.read("00B240A836");
    second[4..7].copy_from_slice(b"099");
    // First, then next.
    talk.read("00B240A836");
    assert_eq!(talk.status(&format!("00DC40AA36{}", hex::encode(&second))), "9000");
    assert_eq!(talk.read("00B240A836")[4..7], *b"080");
    assert_eq!(talk.read("00B240AA36")[4..7], *b"099");
    second[4..7].copy_from_slice(b"077");
    assert_eq!(talk.status(&format!("00DC40A936{}", hex::encode(&second))), "9000", "the last");
    assert_eq!(talk.read("00B240A936")[4..7], *b"077");
}

#[test]
fn a_fixed_file_keeps_number_and_length() {
    let card = "v3-full";
    let mut talk = selected(card);
    talk.fetch("00A4000002DF03");
    assert_eq!(talk.status(ID), "9000");
    assert_eq!(prove_by(&mut talk, card, "uk8df03", 0x8D, 0), "9000");
    let mut record = talk.read("00B202CC29");
    record[6] = b'9';
    assert_eq!(talk.status(&format!("00DC02CC29{}", hex::encode(&record))), "9000");
    assert_eq!(talk.read("00B202CC29"), record);
    assert_eq!(talk.status(&format!("00DC05CC29{}", hex::encode(&record))), "6A83", "there is no fifth");
    assert_eq!(talk.status("00DC02CC03790131"), "6700");
}

#[test]
fn a_cyclic_file_drops_its_oldest_record() {
    let card = "v3-full";
    let mut talk = writable(card);
    for number in 1..=9u8 {
        assert_eq!(talk.status(&format!("00DC00AB03{number:02X}0139")), "9000");
        assert_eq!(talk.read("00B201AC03"), [number, 0x01, 0x39], "the newest is number 1");
    }
    assert_eq!(talk.read("00B208AC03")[0], 2);
    assert_eq!(talk.status("00B209AC03"), "6A83");
    assert_eq!(talk.status("00DC01AC03000139"), "6A86", "no record is written over");
    assert_eq!(talk.status("00DC01AB03000139"), "6A86");
    assert_eq!(talk.status("00DC00AB020001"), "6700");
    assert_eq!(talk.status(&format!("00DC00431C{}", "00".repeat(28))), "6982", "only the card writes its log");
}

#[test]
fn bytes_are_written_within_their_file() {
    let card = "v3-full";
    let mut talk = selected(card);
    assert_eq!(talk.status("00D688000142"), "6982");
    assert_eq!(prove_by(&mut talk, card, "ukssse", 0x04, 0), "9000");
    assert_eq!(prove_by(&mut talk, card, "rkssse", 0x0A, 0), "9000");
    assert_eq!(talk.status("00D688000177"), "9000");
    // The current file from here on.
    assert_eq!(talk.status("00D60FFE02AABB"), "9000");
    assert_eq!(talk.read("00B00FFE02"), [0xAA, 0xBB]);
    assert_eq!(talk.status("00D60FFF02AABB"), "6A84");
    assert_eq!(talk.status("00D6100001AA"), "6B00");
    assert_eq!(talk.status("00DC014403AABBCC"), "6981");
    assert_eq!(talk.status("00D6A80001AA"), "6A86");
    assert_eq!(talk.read("00B0880001"), [0x77]);
}

#[test]
fn an_application_is_blocked_for_good() {
    let card = "v3-full";
    let image = image(card);
    let memory = image.memory().unwrap();
    let mut talk = Talk::to(image.chip_with(&memory, Arc::new(SystemRandom::default())));
    talk.fetch(SELECT_SSSE);
    talk.fetch("00A4000002DF04");
    let block = secured(&mut talk, card, "stkdf04", "841E0001", &[], false);
    assert_eq!(talk.status(&block), "6982", "the lock key was not proven");
    assert_eq!(prove_by(&mut talk, card, "lkdf04", 0x83, 0), "9000");
    let block = secured(&mut talk, card, "stkdf04", "841E0001", &[], false);
    assert_eq!(talk.status(&format!("{}00000000", &block[..10])), "6988");
    let block = secured(&mut talk, card, "stkdf04", "841E0001", &[], false);
    assert_eq!(talk.status(&block), "9000");
    assert_eq!(talk.status("00B2842805"), "9303");
    let mut again = Talk::to(image.chip_with(&memory, Arc::new(SystemRandom::default())));
    again.fetch(SELECT_SSSE);
    assert_eq!(again.status("00A4000002DF04"), "9303");
    assert_eq!(again.status("0084000008"), "9303");
    again.fetch("00A4000002DF03");
    assert_eq!(again.read("0084000008").len(), 8, "another application is not");
}

#[test]
fn a_card_is_blocked_for_good() {
    let card = "v2-full";
    let image = image(card);
    let memory = image.memory().unwrap();
    let mut talk = Talk::to(image.chip_with(&memory, Arc::new(SystemRandom::default())));
    talk.fetch(SELECT_SSSE);
    assert_eq!(prove_by(&mut talk, card, "bk", 0x05, 0), "9000");
    let block = secured(&mut talk, card, "stk", "84160000", &[], false);
    assert_eq!(talk.status("841600000400000000"), "6988");
    assert_eq!(talk.status(&block), "6984");
    let block = secured(&mut talk, card, "stk", "84160000", &[], false);
    assert_eq!(talk.status(&block), "9000");
    let mut again = Talk::to(image.chip_with(&memory, Arc::new(SystemRandom::default())));
    for command in [SELECT_SSSE, "0084000008", ID] {
        assert_eq!(again.status(command), "6A81");
    }
}

#[test]
fn every_status_word_of_the_standard_can_be_provoked() {
    // Card-facts §3.1.
    let words = [
        "61FF", "63C0", "6581", "6700", "6901", "6981", "6982", "6983", "6984", "6985", "6986", "6988", "6A80", "6A81",
        "6A82", "6A83", "6A84", "6A85", "6A86", "6A88", "6B00", "6CFF", "6D00", "6E00", "6F00", "9302", "9303", "9401",
        "9402", "9403", "9406",
    ];
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image.toml");
    let base = folder().join("v3-full.toml");
    for word in words {
        std::fs::write(&path, format!("extends = {base:?}\n[faults]\nstatus = {{ at = 2, sw = {word:?} }}\n")).unwrap();
        let mut talk = Talk::to(Image::load(&path).unwrap().chip(Arc::new(SystemRandom::default())));
        talk.status(SELECT_SSSE);
        assert_eq!(talk.status("00B2012D40"), word);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_not_authorised_writes_nothing(
        commands in proptest::collection::vec(
            (
                prop_oneof![Just(0x00u8), Just(0x04), Just(0x80), Just(0x84)],
                prop_oneof![Just(0xDCu8), Just(0xD6), Just(0x16), Just(0x1E), Just(0x24), Just(0x84), Just(0xA4)],
                any::<u8>(),
                any::<u8>(),
                proptest::collection::vec(any::<u8>(), 1..40),
            ),
            1..40,
        )
    ) {
        let image = image("v3-full");
        let memory = image.memory().unwrap();
        let before = whole(&image, &memory);
        let mut chip = image.chip_with(&memory, Arc::new(SystemRandom::default()));
        for (cla, ins, p1, p2, data) in commands {
            let command = [&[cla, ins, p1, p2, data.len() as u8], &data[..]].concat();
            let Reaction::Answer(answer) = chip.answer(&command) else { panic!("no answer") };
            prop_assert!((2..=258).contains(&answer.len()));
        }
        prop_assert_eq!(before, whole(&image, &memory));
    }
}

/// What can be read of a card with its PIN and RKSSSE, and its tries.
fn whole(image: &Image, memory: &crate::virtual_card::Memory) -> Vec<Vec<u8>> {
    let mut talk = Talk::to(image.chip_with(memory, Arc::new(SystemRandom::default())));
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.status("0020000000"), "63C3");
    assert_eq!(talk.status(ID), "9000");
    assert_eq!(prove_external(&mut talk, "v3-full", 0), "9000");
    let mut whole = vec![talk.read("00B2012D40"), talk.read("00B201355B"), talk.read("00B0880000")];
    talk.fetch("00A4000002DF04");
    whole.push(talk.read("00B2842805"));
    whole.push(talk.read("00B201AC03"));
    talk.0.reset().unwrap();
    whole
}
