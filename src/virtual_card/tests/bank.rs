//! The bank application.

use proptest::prelude::*;

use super::*;

const SELECT_PSE: &str = "00A404000E315041592E5359532E4444463031";
const SELECT_PPSE: &str = "00A404000E325041592E5359532E4444463031";
const SELECT_DEBIT: &str = "00A4040008A000000333010101";
const NO_DATA: &str = "80A80000028300";

/// The value of the first data object under a tag, wherever it is nested.
fn find(bytes: &[u8], tag: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes;
    while let [first, ..] = rest {
        let length = if first & 0x1F == 0x1F { 2 } else { 1 };
        let (own, after) = rest.split_at(length);
        let (value, next) = after.get(1..)?.split_at_checked(usize::from(after[0]))?;
        if own == tag {
            return Some(value.to_vec());
        }
        if let Some(found) = (first & 0x20 != 0).then(|| find(value, tag)).flatten() {
            return Some(found);
        }
        rest = next;
    }
    None
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(digit - b'0')) {
            (0, digit) => digit,
            (_, digit) => 2 * digit / 10 + 2 * digit % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// A record by the length the card tells.
fn record(talk: &mut Talk, number: u8, sfi: u8) -> Vec<u8> {
    let header = format!("00B2{number:02X}{:02X}", sfi << 3 | 0b100);
    let length = talk.send(&format!("{header}00")).1.right_le().unwrap();
    talk.read(&format!("{header}{length:02X}"))
}

#[test]
fn the_payment_environment_names_each_application() {
    let mut talk = Talk::with("v2-money");
    let fci = talk.fetch(SELECT_PSE);
    assert_eq!(find(&fci, &[0x84]).unwrap(), b"1PAY.SYS.DDF01");
    let sfi = find(&fci, &[0x88]).unwrap()[0];
    let names = [1, 2].map(|number| {
        let record = record(&mut talk, number, sfi);
        assert_eq!((record[0], find(&record, &[0x87]).unwrap()), (0x70, vec![number]));
        hex::encode_upper(find(&record, &[0x4F]).unwrap())
    });
    assert_eq!(names, ["A000000333010101", "A000000333010102"]);
    assert_eq!(talk.status(&format!("00B203{:02X}00", sfi << 3 | 0b100)), "6A83");
    assert_eq!(talk.status("00B2011400"), "6A82");
    assert_eq!(talk.status(SELECT_PPSE), "6A82");
}

#[test]
fn pan_and_track_2_lie_where_the_locator_says() {
    let mut talk = Talk::with("v3-money");
    talk.fetch(SELECT_DEBIT);
    let options = talk.fetch(NO_DATA);
    assert_eq!(options[0], 0x80, "format 1");
    let locator = options[4..].to_vec();
    let files: Vec<[u8; 4]> = locator.chunks(4).map(|entry| entry.try_into().unwrap()).collect();
    let mut all = Vec::new();
    for [sfi, first, last, _] in files {
        for number in first..=last {
            let record = record(&mut talk, number, sfi >> 3);
            assert_eq!(record[0], 0x70);
            all.extend(record);
        }
    }
    let pan = hex::encode_upper(find(&all, &[0x5A]).unwrap());
    assert_eq!(pan, "6216261000000000018F");
    assert!(luhn(pan.trim_end_matches('F')) && !luhn("6216261000000000017"));
    let track_2 = hex::encode_upper(find(&all, &[0x57]).unwrap());
    assert_eq!(track_2, "6216261000000000018D331222000000");
    assert_eq!(hex::encode(find(&all, &[0x5F, 0x24]).unwrap()), "331231");
}

#[test]
fn an_application_that_asks_for_data_gets_as_much_as_it_asked() {
    let mut talk = Talk::with("v2-money");
    let fci = talk.fetch(SELECT_DEBIT);
    assert_eq!(hex::encode_upper(find(&fci, &[0x9F, 0x38]).unwrap()), "9F02069F1A02");
    assert_eq!(find(&fci, &[0x50]).unwrap(), *b"\xD1\xF9\xC0\xFD\xD2\xF8\xD0\xD0", "GBK");
    assert_eq!(talk.status(NO_DATA), "6700");
    assert_eq!(talk.status("80A8000003830100"), "6700");
    assert_eq!(talk.status("80A80000020000"), "6A80");
    let options = talk.fetch(&format!("80A800000A8308{}0156", "00".repeat(6)));
    assert_eq!(options[0], 0x77, "format 2");
    assert_eq!(find(&options, &[0x82]).unwrap().len(), 2);
    assert_eq!(find(&options, &[0x94]).unwrap().len(), 8);
}

#[test]
fn records_come_after_the_options_and_the_options_once() {
    let mut talk = Talk::with("v3-money");
    assert_eq!(talk.status(NO_DATA), "6E00", "nothing of the bank's is selected");
    talk.fetch(SELECT_PSE);
    assert_eq!(talk.status(NO_DATA), "6985", "the environment has no options");
    talk.fetch(SELECT_DEBIT);
    assert_eq!(talk.status("00B2010C00"), "6985");
    talk.fetch(NO_DATA);
    assert_eq!(talk.status(NO_DATA), "6985");
    record(&mut talk, 1, 1);
    for (command, status) in [
        ("00B2020C00", "6A83"),
        ("00B2011C00", "6A82"),
        ("00B2010800", "6A86"),
        ("0084000008", "6D00"),
        ("B026000104", "6E00"),
    ] {
        assert_eq!(talk.status(command), status, "{command}");
    }
    talk.0.reset().unwrap();
    assert_eq!(talk.status("00B2010C00"), "6A82");
}

#[test]
fn a_part_of_the_name_finds_one_application_after_the_other() {
    let mut talk = Talk::with("v2-money");
    let name = |fci: Vec<u8>| hex::encode_upper(find(&fci, &[0x84]).unwrap());
    assert_eq!(name(talk.fetch("00A4040005A000000333")), "A000000333010101");
    assert_eq!(name(talk.fetch("00A4040205A000000333")), "A000000333010102");
    assert_eq!(talk.status("00A4040205A000000333"), "6A82");
    assert_eq!(name(talk.fetch("00A4040008A000000333010102")), "A000000333010102");
    assert_eq!(Talk::with("v3-money").status("00A4040008A000000333010102"), "6A82", "a debit card alone");
    assert_eq!(Talk::with("v3-full").status(SELECT_PSE), "6A82", "a card without a bank");
}

#[test]
fn a_firewall_is_between_the_bank_and_the_environment() {
    let mut talk = Talk::with("v3-money");
    talk.fetch(SELECT_SSSE);
    assert_eq!(prove_external(&mut talk, "v3-money", 0), "9000");
    talk.read("00B2013414");
    talk.fetch(SELECT_DEBIT);
    assert_eq!(talk.status("00B2013414"), "6985");
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.status("00B2013414"), "6982", "what was proven is gone");
    assert_eq!(talk.status(NO_DATA), "6E00");
}

#[test]
fn a_card_in_the_field_lists_its_applications_at_once() {
    let mut talk = Talk::with("v3-money-contactless");
    assert_eq!(talk.status(&format!("{SELECT_PSE}00")), "6A82");
    let fci = talk.read(&format!("{SELECT_PPSE}00"));
    assert_eq!(find(&fci, &[0x84]).unwrap(), b"2PAY.SYS.DDF01");
    let listed = find(&fci, &[0xBF, 0x0C]).unwrap();
    assert_eq!(hex::encode_upper(find(&listed, &[0x4F]).unwrap()), "A000000333010101");
    talk.read(&format!("{SELECT_DEBIT}00"));
    assert_eq!(talk.read(&format!("{NO_DATA}00"))[0], 0x80);
    assert_eq!(talk.read("00B2010C00")[0], 0x70);
}

#[test]
fn an_image_may_say_what_a_record_holds() {
    let dir = tempfile::tempdir().unwrap();
    let base = folder().join("v3-money.toml");
    let text = format!("extends = {base:?}\n[bank]\nlocator = \"08010100\"\nrecords = {{ 0101 = \"7005571234\" }}\n");
    std::fs::write(dir.path().join("cut.toml"), text).unwrap();
    let image = Image::load(&dir.path().join("cut.toml")).unwrap();
    let mut talk = Talk::to(image.chip(Arc::new(SystemRandom::default())));
    talk.fetch(SELECT_DEBIT);
    assert_eq!(hex::encode(talk.fetch(NO_DATA)), "8006180008010100");
    assert_eq!(hex::encode(record(&mut talk, 1, 1)), "7005571234");
}

proptest! {
    #[test]
    fn any_bytes_are_answered(commands in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..8)) {
        let mut chip = chip("v3-money");
        chip.answer(&hex::decode(SELECT_DEBIT).unwrap());
        for command in &commands {
            prop_assert!(matches!(chip.answer(command), Reaction::Answer(answer) if answer.len() >= 2));
        }
    }
}
