//! The holder's card.

use proptest::prelude::*;

use super::*;

const EF05: &str = "00B2012D40";
const EF06: &str = "00B201355B";

#[test]
fn the_environment_is_selected_by_name_and_by_fid() {
    let mut talk = Talk::with("v3-sm4");
    let fci = talk.fetch(SELECT_SSSE);
    // The answer seen in the field (card-facts §1.1).
    assert_eq!(hex::encode_upper(&fci), "6F1C840F7378312E73682EC9E7BBE1B1A3D5CFA50988011E9F0C03860103");
    assert_eq!(talk.fetch("00A4000002DDF1"), fci);
    assert_eq!(talk.status("00A4000000"), "6106");
    assert_eq!(talk.status("00A40000023F00"), "6106");
    assert_eq!(talk.status("00A4040006D15600000590"), "6A82");
    assert_eq!(talk.status("00A4000002DF09"), "6A82");
    assert_eq!(talk.status("00A4070002DDF1"), "6A86");
    assert_eq!(talk.status("00A4000001DD"), "6700");
}

#[test]
fn each_version_names_its_algorithm() {
    for (name, id) in [("v1-3des", 1), ("v2-3des", 1), ("v3-sm4", 3)] {
        assert_eq!(Talk::with(name).fetch(SELECT_SSSE).last(), Some(&id), "{name}");
    }
    let fci = Talk::with("v2-no-algorithm").fetch(SELECT_SSSE);
    assert_eq!(hex::encode_upper(fci), "6F16840F7378312E73682EC9E7BBE1B1A3D5CFA50388011E");
}

#[test]
fn nothing_can_be_read_before_the_environment_is_selected() {
    let mut talk = Talk::with("v2-3des");
    assert_eq!(talk.status(EF05), "6A82");
    assert_eq!(talk.status("00B2010412"), "6986");
    assert_eq!(talk.status("00A4020002EF05"), "6A82");
    assert_eq!(talk.status(&format!("0088000010{}", "00".repeat(16))), "6A88");
    assert_eq!(talk.status(&format!("0082000A10{}", "00".repeat(16))), "6A88");
}

#[test]
fn whole_files_have_the_lengths_of_their_version() {
    for (name, ef06) in [("v1-3des", "00B2013545"), ("v2-3des", EF06), ("v2-no-4e", "00B2013545")] {
        let mut talk = Talk::with(name);
        talk.fetch(SELECT_SSSE);
        assert_eq!(talk.read(EF05).len(), 0x40, "{name}");
        assert_eq!(talk.read(ef06).len(), ef06_length(ef06), "{name}");
    }
}

fn ef06_length(command: &str) -> usize {
    usize::from_str_radix(&command[8..], 16).unwrap()
}

#[test]
fn records_are_found_in_every_way_of_the_standard() {
    let mut talk = Talk::with("v2-3des");
    talk.fetch(SELECT_SSSE);
    let number = talk.read("00B2072C0B");
    assert_eq!((number[0], number[1], &number[2..]), (0x07, 9, &b"A10000023"[..]));
    // By tag: first, last; then next and previous from there; then the current record.
    assert_eq!(talk.read("00B207280B"), number);
    assert_eq!(talk.read("00B207290B"), number);
    assert_eq!(talk.status("00B207020B"), "6A83");
    assert_eq!(talk.read("00B2060306")[0], 0x06);
    assert_eq!(talk.read("00B207020B"), number);
    assert_eq!(talk.read("00B200040B"), number);
    // The last two records, from the last down.
    let down = talk.read("00B2062E11");
    assert_eq!((&down[..11], down[11]), (&number[..], 0x06));
    assert_eq!(talk.read("00B2062D11")[..2], [0x06, 4]);
    assert_eq!(talk.status("00B208040B"), "6A83");
    assert_eq!(talk.status("00B2072F0B"), "6A86");
    // DIR is there and empty, no other file is.
    assert_eq!(talk.status("00B201F400"), "6A83");
    assert_eq!(talk.status("00B2013C00"), "6A82");
    assert_eq!(talk.status("00B0850000"), "6981");
}

#[test]
fn a_selected_file_is_the_current_one() {
    let mut talk = Talk::with("v2-3des");
    talk.fetch(SELECT_SSSE);
    for select in ["00A4020002EF06", "00A4000002EF06"] {
        assert_eq!(talk.status(select), "9000");
        assert_eq!(talk.read("00B2080014")[..2], [0x08, 18]);
        assert_eq!(talk.read("00B2070406")[..2], [0x0D, 4]);
    }
}

#[test]
fn le_is_corrected_as_t0_does() {
    let mut talk = Talk::with("v2-3des");
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.status("00B2012D00"), "6C40");
    assert_eq!(talk.status("00B2012D"), "6C40");
    assert_eq!(talk.status("00B2012DFF"), "6C40");
    assert_eq!(talk.read("00B2072C09").len(), 9);

    let mut exact = Talk::with("v3-wrong-le");
    exact.fetch(SELECT_SSSE);
    assert_eq!(exact.status("00B2072C09"), "6C1B");
    assert_eq!(exact.status("00B2072C00"), "6C1B");
    assert_eq!(exact.status(EF05), "6C50");
    assert_eq!(exact.read("00B2012D50").len(), 0x50);
}

#[test]
fn get_response_gives_what_waits_and_nothing_else() {
    let mut talk = Talk::with("v2-3des");
    assert_eq!(talk.status("00C0000010"), "6F00");
    assert_eq!(talk.status(SELECT_SSSE), "611E");
    assert_eq!(talk.status("00C0000000"), "6C1E");
    assert_eq!(talk.status("00C00000FF"), "6C1E");
    let (part, status) = talk.send("00C000001A");
    assert_eq!((part.len(), status.to_string().as_str()), (0x1A, "6104"));
    assert_eq!(talk.read("00C0000004").len(), 4);
    assert_eq!(talk.status("00C0000004"), "6F00");
    assert_eq!(talk.status(SELECT_SSSE), "611E");
    assert_eq!(talk.read("0084000008").len(), 8);
    assert_eq!(talk.status("00C000001E"), "6F00", "another command lets the answer go");
}

#[test]
fn the_card_proves_itself() {
    for (name, algorithm) in
        [("v1-3des", Algorithm::TripleDes), ("v2-3des", Algorithm::TripleDes), ("v3-sm4", Algorithm::Sm4)]
    {
        let mut talk = Talk::with(name);
        talk.fetch(SELECT_SSSE);
        let data = format!("{}{}", "11".repeat(8), "22".repeat(8));
        let expected = proof(algorithm, "irk", name, [0x11; 8], [0x22; 8]);
        assert_eq!(talk.fetch(&format!("0088000010{data}")), expected, "{name}");
        assert_eq!(talk.fetch(&format!("0088000011{data}01")), expected, "{name}, with a key version");
        assert_eq!(talk.status(&format!("008800000F{}", &data[2..])), "6700");
        assert_eq!(talk.status(&format!("0088000510{data}")), "6A88");
        assert_eq!(talk.status(&format!("0088010010{data}")), "6A86");
    }
}

#[test]
fn a_forged_card_cannot() {
    let mut talk = Talk::with("v3-forged");
    talk.fetch(SELECT_SSSE);
    let answer = talk.fetch(&format!("0088000010{}{}", "11".repeat(8), "22".repeat(8)));
    assert_ne!(answer, proof(Algorithm::Sm4, "irk", "v3-forged", [0x11; 8], [0x22; 8]));
}

#[test]
fn the_holder_of_a_30_card_is_read_only_after_external_authentication() {
    let mut talk = Talk::with("v3-sm4");
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.read(EF05).len(), 0x40);
    assert_eq!(talk.status(EF06), "6982");
    assert_eq!(prove_external(&mut talk, "v3-sm4", 0), "9000");
    assert_eq!(talk.read(EF06).len(), 0x5B);
    // The same application keeps the right, another one and a reset take it back (card-facts §2.1).
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.read(EF06).len(), 0x5B);
    talk.fetch("00A40000023F00");
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.status(EF06), "6982");
    assert_eq!(prove_external(&mut talk, "v3-sm4", 0), "9000");
    talk.0.reset().unwrap();
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.status(EF06), "6982");
}

#[test]
fn older_cards_let_the_holder_be_read() {
    for name in ["v1-3des", "v2-3des"] {
        let mut talk = Talk::with(name);
        talk.fetch(SELECT_SSSE);
        assert_eq!(talk.read("00B2013414")[..2], [0x08, 18], "{name}");
    }
}

#[test]
fn failures_are_counted_down_to_the_lock_and_over_resets() {
    let mut talk = Talk::with("v3-sm4");
    talk.fetch(SELECT_SSSE);
    assert_eq!(prove_external(&mut talk, "v3-sm4", 1), "63C2");
    assert_eq!(prove_external(&mut talk, "v3-sm4", 0), "9000");
    assert_eq!(prove_external(&mut talk, "v3-sm4", 1), "63C2");
    assert_eq!(talk.read(EF06).len(), 0x5B, "a later failure takes no right back");
    talk.0.reset().unwrap();
    talk.fetch(SELECT_SSSE);
    assert_eq!(prove_external(&mut talk, "v3-sm4", 1), "63C1");
    assert_eq!(prove_external(&mut talk, "v3-sm4", 1), "63C0");
    assert_eq!(prove_external(&mut talk, "v3-sm4", 0), "6983");
    talk.0.reset().unwrap();
    talk.fetch(SELECT_SSSE);
    assert_eq!(prove_external(&mut talk, "v3-sm4", 0), "6983");
}

#[test]
fn a_challenge_serves_once_and_only_the_last_one() {
    let mut talk = Talk::with("v3-sm4");
    talk.fetch(SELECT_SSSE);
    let external = |process: &[u8]| {
        let process: [u8; 8] = process.try_into().unwrap();
        let data = proof(Algorithm::Sm4, "rkssse", "v3-sm4", process, [0; 8]);
        format!("0082000A10{}{}", hex::encode(data), "00".repeat(8))
    };
    let first = talk.read("0084000008");
    assert_eq!(talk.status(&external(&first)), "9000");
    assert_eq!(talk.status(&external(&first)), "6984");
    let old = talk.read("0084000008");
    let new = talk.read("0084000008");
    assert_ne!(old, new);
    assert_eq!(talk.status(&external(&old)), "63C2");
    assert_eq!(talk.status(&external(&new)), "6984", "a failure uses the challenge up");
    let lost = talk.read("0084000008");
    talk.fetch("00A40000023F00");
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.status(&external(&lost)), "6984", "another application forgets it");
    let process = talk.read("0084000008");
    talk.read("0084000004");
    assert_eq!(talk.status(&external(&process)), "6984", "four bytes are no process factor");
    assert_eq!(talk.status("0082000710".to_owned().as_str()), "6700");
    assert_eq!(talk.status(&format!("0082000710{}", "00".repeat(16))), "6A88");
}

#[test]
fn challenges_have_three_lengths() {
    let mut talk = Talk::with("v3-sm4");
    for length in [4, 8, 16] {
        assert_eq!(talk.read(&format!("00840000{length:02X}")).len(), length);
    }
    assert_eq!(talk.status("0084000000"), "6C08");
    assert_eq!(talk.status("0084000007"), "6700");
    assert_eq!(talk.status("0084010008"), "6A86");
    let mut dry = Talk::to(image("v3-sm4").chip(Arc::new(NoMore)));
    assert_eq!(dry.status("0084000008"), "6F00");
}

#[test]
fn the_pin_is_counted_and_asked_for_without_counting() {
    let mut talk = Talk::with("v3-sm4");
    assert_eq!(talk.status("0020000000"), "63C3");
    assert_eq!(talk.status("0020000003111111"), "63C2");
    assert_eq!(talk.status("0020000003123456"), "9000");
    assert_eq!(talk.status("0020000000"), "63C3");
    assert_eq!(talk.status("002000000112"), "6700");
    for left in ["63C2", "63C1", "63C0", "6983"] {
        assert_eq!(talk.status("0020000003111111"), left);
    }
    assert_eq!(talk.status("0020000003123456"), "6983");
    talk.0.reset().unwrap();
    assert_eq!(talk.status("0020000003123456"), "6983");
}

#[test]
fn classes_and_instructions_that_are_not_there() {
    let mut talk = Talk::with("v2-3des");
    assert_eq!(talk.status("80CA000000"), "6E00");
    assert_eq!(talk.status("00FF000000"), "6D00");
    assert_eq!(talk.status("00A40400"), "6A82");
    assert_eq!(talk.status("00"), "6700");
    assert_eq!(talk.status("00A4040005AA"), "6700");
}

#[test]
fn a_blocked_card_and_a_locked_application_say_so() {
    let mut blocked = Talk::with("v3-card-blocked");
    for command in [SELECT_SSSE, EF05, "0084000008", "80CA000000"] {
        assert_eq!(blocked.status(command), "6A81");
    }
    let mut locked = Talk::with("v3-app-locked");
    assert_eq!(locked.status(SELECT_SSSE), "9303");
    assert_eq!(locked.status(EF05), "9303");
    assert_eq!(locked.status("00A40000023F00"), "6106");
    assert_eq!(Talk::with("not-social-security").status(SELECT_SSSE), "6A82");
}

#[test]
fn a_card_without_whole_files_still_gives_each_record() {
    let mut talk = Talk::with("v2-no-whole-file");
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.status(EF05), "6A86");
    assert_eq!(talk.status("00B2012E40"), "6A86");
    assert_eq!(talk.read("00B2012C12").len(), 0x12);
}

#[test]
fn records_show_their_quirks() {
    let record = |name: &str, command: &str| {
        let mut talk = Talk::with(name);
        talk.fetch(SELECT_SSSE);
        talk.read(command)
    };
    // 陈志明 in GBK is six bytes.
    for (name, padding) in [("v2-3des", 0x00), ("v2-pad-20", 0x20), ("v2-pad-ff", 0xFF)] {
        assert_eq!(record(name, "00B2093020")[8..], [padding; 24], "{name}");
        assert_eq!(record(name, "00B24E3016")[2..], [padding; 20], "{name}");
    }
    assert_eq!(record("v2-unpersonalised", "00B20B3003"), [0x0B, 1, 0xFF]);
    assert_eq!(record("v2-unpersonalised", "00B20D3006"), [0x0D, 4, 0xFF, 0xFF, 0xFF, 0xFF]);
    let mut talk = Talk::with("v2-no-4e");
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.status("00B24E3016"), "6A83");
}

proptest! {
    #[test]
    fn any_bytes_are_answered(commands in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..280), 1..8)) {
        for name in ["v1-3des", "v3-sm4", "v3-garbled-record", "v2-pin-per-directory", "v3-full", "v3-contactless"] {
            let mut chip = chip(name);
            for command in &commands {
                let Reaction::Answer(answer) = chip.answer(command) else { panic!("no answer") };
                prop_assert!((2..=258).contains(&answer.len()));
            }
        }
    }

    #[test]
    fn any_read_within_the_environment_is_answered(p1: u8, p2: u8, le: Option<u8>, ins in prop_oneof![Just(0xB2u8), Just(0xB0), Just(0xA4), Just(0x84), Just(0x20)]) {
        let mut chip = chip("v2-3des");
        chip.answer(&hex::decode(SELECT_SSSE).unwrap());
        for _ in 0..3 {
            let command: Vec<u8> = [0x00, ins, p1, p2].into_iter().chain(le).collect();
            prop_assert!(matches!(chip.answer(&command), Reaction::Answer(_)));
        }
    }
}
