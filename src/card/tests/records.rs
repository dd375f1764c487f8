//! Cards whose records are odd: what is left empty is `null`, what cannot be is an error that names the record.

use super::*;
use crate::card::Warning;
use crate::failure::Explain as _;
use crate::keys::{KeyError, Soft};

/// The image `base` with some settings of its own.
pub(super) fn desk(base: &str, settings: &str) -> Desk {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("card.toml");
    let base = folder().join(base).with_extension("toml");
    std::fs::write(&file, format!("extends = {:?}\npsam_image = \"psam.toml\"\n{settings}", base.display())).unwrap();
    std::fs::copy(folder().join("psam.toml"), dir.path().join("psam.toml")).unwrap();
    std::fs::copy(folder().join("demonstration-keys.toml"), dir.path().join("demonstration-keys.toml")).unwrap();
    Desk { card: Image::load(&file).unwrap(), ..Desk::new("v3-sm4") }
}

fn error(base: &str, settings: &str) -> CardError {
    desk(base, settings).read().outcome.unwrap_err()
}

/// The image with the value of one record replaced.
fn with_record(tag: &str, value: &str) -> Result<Reading, CardError> {
    desk("v3-sm4", &format!("[raw]\n{tag} = \"{value}\"\n")).read().outcome
}

#[test]
fn a_wrong_check_character_is_an_error() {
    let code = |tag, value: &str| with_record(tag, &hex::encode(value)).unwrap_err().entry().code;
    assert_eq!(code("07", "A10000032"), "E-CARD-NUMBER");
    assert_eq!(code("07", "A1000003"), "E-CARD-NUMBER");
    assert_eq!(code("08", "440103198806120022"), "E-CARD-HOLDER-NUMBER");
    assert_eq!(code("08", "44010319881306002X"), "E-CARD-HOLDER-NUMBER");
    assert_eq!(code("08", "中"), "E-CARD-HOLDER-NUMBER");
}

#[test]
fn a_record_that_cannot_be_names_itself() {
    for (tag, value) in [
        ("02", "0133"),
        ("04", "9156"),
        ("05", "20200631"),
        ("06", "2040"),
        ("0A", "3132"),
        ("0B", "0A"),
        ("0B", "0101"),
        ("0C", "44010A"),
        ("0C", "4401"),
        ("0D", "19880631"),
        ("0D", "1988FFFF"),
    ] {
        let error = with_record(tag, value).unwrap_err();
        let expected = u8::from_str_radix(tag, 16).unwrap();
        assert!(matches!(error, CardError::Garbled { tag, .. } if tag == expected), "{tag}={value}: {error:?}");
        assert!(!error.to_string().contains(value), "{error}");
    }
}

#[test]
fn what_was_left_at_ff_or_00_is_null() {
    for (tag, part, name) in SHOWN {
        let length = match tag {
            "02" | "0A" | "0B" => 1,
            "04" => 12,
            "0C" => 3,
            "07" => 9,
            "08" => 18,
            _ => 4,
        };
        for fill in ["FF", "00"] {
            let reading = with_record(tag, &fill.repeat(length)).unwrap();
            assert!(reading.to_json(true)[part][name].is_null(), "{tag} at {fill}");
        }
    }
    let reading = desk("v3-sm4", "[quirks]\nunpersonalised = [\"09\", \"4E\"]\n").read().outcome.unwrap();
    assert!(reading.to_json(true)["holder"]["name"].is_null());
}

/// Where each record of the two files shows in what is printed.
const SHOWN: [(&str, &str, &str); 10] = [
    ("02", "card", "category"),
    ("04", "card", "issuer"),
    ("05", "card", "issued"),
    ("06", "card", "expires"),
    ("07", "card", "number"),
    ("08", "holder", "social_security_number"),
    ("0A", "holder", "sex"),
    ("0B", "holder", "ethnicity"),
    ("0C", "holder", "birth_place"),
    ("0D", "holder", "birth_date"),
];

#[test]
fn a_record_that_the_card_does_not_have_is_null_in_either_way_of_reading() {
    let all = desk("v3-sm4", "").read().outcome.unwrap().to_json(true);
    for quirks in ["", "no_whole_file = true\n", "wrong_le = true\n"] {
        for (tag, part, name) in SHOWN.into_iter().chain([("09", "holder", "name")]) {
            let mut desk = desk("v3-sm4", &format!("[quirks]\nmissing = [\"{tag}\"]\n{quirks}")).with_store();
            for interface in [Interface::Contact, Interface::Contactless, Interface::Contact] {
                desk.interface = interface;
                let reading = desk.read().outcome.unwrap_or_else(|error| panic!("{tag}, {quirks}: {error}"));
                let got = reading.to_json(true);
                assert!(got[part][name].is_null(), "{tag}, {quirks}");
                let mut expected = all.clone();
                expected[part][name] = serde_json::Value::Null;
                assert_eq!((&got["card"], &got["holder"]), (&expected["card"], &expected["holder"]), "{tag}, {quirks}");
                let most = if quirks == "no_whole_file = true\n" { 19 } else { 7 };
                assert!(reading.apdus().card <= most, "{tag}, {quirks}: {}", reading.apdus().card);
            }
        }
    }
}

#[test]
fn a_card_without_a_record_unteaches_no_other() {
    let store = Arc::new(Store::in_memory().unwrap());
    let desks = ["", "[quirks]\nmissing = [\"0D\"]\n"]
        .map(|settings| Desk { store: Some(store.clone()), ..desk("v3-sm4", settings) });
    for n in [1, 0, 1, 0, 0] {
        let reading = desks[n].read().outcome.unwrap();
        assert_eq!(reading.holder().birth_date.is_none(), n == 1);
        assert_eq!(reading.apdus().card, [6, 7][n]);
    }
}

#[test]
fn what_a_reading_cannot_stand_without_is_an_error_in_either_way_of_reading() {
    for whole in ["", "no_whole_file = true\n"] {
        let without = |tags: &str| error("v3-sm4", &format!("[quirks]\nmissing = [{tags}]\n{whole}"));
        for (tags, missing) in [("\"01\"", 0x01), ("\"03\"", 0x03), ("\"01\", \"02\"", 0x01)] {
            assert!(matches!(without(tags), CardError::Garbled { file: "EF05", tag, .. } if tag == missing), "{tags}");
        }
    }
    for whole in ["", "no_whole_file = true\n"] {
        let none = error(
            "v3-sm4",
            &format!("[quirks]\nmissing = [\"08\", \"09\", \"4E\", \"0A\", \"0B\", \"0C\", \"0D\"]\n{whole}"),
        );
        assert!(matches!(none, CardError::Garbled { file: "EF06", .. }), "{none:?}");
    }
}

#[test]
fn an_extension_without_a_name_is_no_name() {
    for quirk in ["missing", "unpersonalised"] {
        let reading = desk("v3-long-name", &format!("[quirks]\n{quirk} = [\"09\"]\n")).read().outcome.unwrap();
        assert_eq!(reading.holder().name, None, "{quirk}");
    }
}

#[test]
fn a_card_that_was_never_personalised_is_an_error() {
    assert_eq!(error("v3-sm4", "[quirks]\nunpersonalised = [\"01\"]\n"), CardError::Identifier);
    assert_eq!(error("v3-sm4", "[quirks]\nunpersonalised = [\"03\"]\n"), CardError::Version);
    assert_eq!(error("v3-sm4", "[card]\nversion = \"4.00\"\n"), CardError::Version);
    assert_eq!(error("v3-sm4", "[card]\nversion = \"新卡\"\n"), CardError::Version);
}

#[test]
fn versions_are_decided_by_their_first_character() {
    let reading = desk("v2-3des", "[card]\nversion = \"2.01\"\n").read().outcome.unwrap();
    assert_eq!(reading.card().version, "2.01");
}

#[test]
fn a_3_0_card_without_the_extension_is_read_whole_or_by_record() {
    for quirks in ["no_4e = true", "no_4e = true\nno_whole_file = true"] {
        let reading = desk("v3-sm4", &format!("[quirks]\n{quirks}\n")).read().outcome.unwrap();
        assert_eq!(reading.holder().name.as_ref().unwrap().reveal(), "王小雅");
        assert_eq!(reading.holder().sex, Some('2'));
    }
}

#[test]
fn every_padding_behind_a_name_goes_on_every_generation() {
    for base in ["v1-3des", "v2-3des", "v3-sm4", "v3-long-name"] {
        let name = |settings: &str| desk(base, settings).read().outcome.unwrap().holder().name.clone().unwrap();
        for padding in ["00", "20", "FF"] {
            assert_eq!(name(&format!("[quirks]\npadding = \"{padding}\"\n")), name(""), "{base}, {padding}");
        }
    }
}

#[test]
fn a_garbled_record_is_an_error_in_either_way_of_reading() {
    for tag in ["01", "04", "07", "08", "09", "4E", "0D"] {
        for whole in ["", "no_whole_file = true\n"] {
            let error = error("v3-sm4", &format!("[quirks]\ngarbled = [\"{tag}\"]\n{whole}"));
            assert_eq!(error.entry().code, "E-CARD-GARBLED", "{tag}: {error:?}");
        }
    }
}

/// Where the n-th READ RECORD stands among the TPDUs.
fn read_record(desk: &Desk, n: usize) -> usize {
    let went = desk.read();
    let wire = went.card.lock().unwrap();
    let reads = wire.sent.iter().enumerate().filter(|(_, tpdu)| tpdu[1] == 0xB2);
    reads.map(|(at, _)| at + 1).nth(n).unwrap()
}

#[test]
fn a_card_that_cannot_read_a_whole_file_may_say_so_in_many_ways() {
    let desk = Desk::new("v3-sm4");
    let whole = desk.read().outcome.unwrap();
    let same = |fault: Fault, at: usize, commands: u32| {
        let reading =
            desk.read_with(Some((at, fault.clone())), None).outcome.unwrap_or_else(|e| panic!("{fault:?}: {e}"));
        assert_eq!((reading.card(), reading.holder()), (whole.card(), whole.holder()), "{fault:?}");
        assert_eq!(reading.apdus().card, commands, "{fault:?}");
    };
    for file in 0..2 {
        let at = read_record(&desk, file);
        for status in [0x6700_u16, 0x6981, 0x6985, 0x6A80, 0x6A81, 0x6A83, 0x6A86, 0x6B00, 0x6D00] {
            // Seven records more; EF06 is not even asked for whole once EF05 could not be read so.
            let commands = if file == 0 { 6 + 7 + 7 - 1 } else { 6 + 7 };
            same(Fault::Answer(status.to_be_bytes().to_vec()), at, commands);
        }
        same(Fault::Status(0x6282), at, 6);
    }
}

#[test]
fn a_card_that_cannot_select_what_is_named_is_of_another_kind() {
    for status in [0x6A82_u16, 0x6999, 0x6D00, 0x6E00] {
        let fault = Fault::Answer(status.to_be_bytes().to_vec());
        let error = Desk::new("v3-sm4").read_with(Some((1, fault)), None).outcome.unwrap_err();
        assert_eq!(error.entry().code, "E-CARD-WRONG-TYPE", "{status:04X}");
    }
}

#[test]
fn a_number_field_longer_than_the_standards_is_read_by_record() {
    let desk = desk("v3-no-whole-file", "[card]\nnumber_length = 25\n").with_store();
    let counts = [0; 2].map(|_| {
        let reading = desk.read().outcome.unwrap();
        assert_eq!(reading.card().number.as_ref().unwrap().reveal(), "A10000031");
        reading.apdus().card
    });
    // The first of its type: the whole file asked for in vain, and one length learned.
    assert_eq!(counts, [20, 18]);
}

#[test]
fn a_file_longer_than_an_answer_is_read_by_record() {
    let reading = desk("v3-sm4", "[card]\nnumber_length = 253\n").read().outcome.unwrap();
    assert_eq!(reading.card().number.as_ref().unwrap().reveal(), "A10000031");
}

#[test]
fn what_contradicts_the_citizen_number_is_a_warning() {
    let warnings = |settings: &str| desk("v3-sm4", settings).read().outcome.unwrap().warnings();
    assert_eq!(warnings(""), []);
    assert_eq!(warnings("[holder]\nsex = \"1\"\n"), [Warning::SexDiffers]);
    assert_eq!(warnings("[holder]\nsex = \"9\"\n"), []);
    assert_eq!(warnings("[holder]\nbirth_date = \"1988-06-13\"\n"), [Warning::BirthDateDiffers]);
}

/// The answer to SELECT replaced, which T=0 fetches with the second TPDU.
fn with_fci(fci: &str) -> Result<Reading, CardError> {
    let answer = hex::decode(format!("{fci}9000")).unwrap();
    let mut desk = Desk::new("v3-sm4");
    desk.default_algorithm = Some(Algorithm::Sm4);
    let mut keys = Soft::load(&folder().join("demonstration-keys.toml"), true).unwrap();
    desk.read_by(&mut keys, Some((2, Fault::Answer(answer)))).outcome
}

#[test]
fn an_fci_that_names_no_algorithm_of_ours_is_an_error() {
    let ssf33 = with_fci("6F1C840F7378312E73682EC9E7BBE1B1A3D5CFA50988011E9F0C03860102");
    assert_eq!(ssf33, Err(CardError::Key(KeyError::NoAlgorithm(Algorithm::Ssf33))));
    let unknown = with_fci("6F1C840F7378312E73682EC9E7BBE1B1A3D5CFA50988011E9F0C03860107");
    assert_eq!(unknown, Err(CardError::UnknownAlgorithm(7)));
    for garbled in ["6F", "6F05", "6F1C840F7378", "6F08A5069F0C03860501"] {
        assert_eq!(with_fci(garbled).unwrap_err().entry().code, "E-CARD-GARBLED", "{garbled}");
    }
}

#[test]
fn an_issuer_may_put_its_own_bytes_around_the_algorithm() {
    for (before, after) in [("8702AABB", ""), ("", "AABBCCDDEE"), ("", "0000"), ("8700", "86")] {
        let issuer = hex::decode(format!("{before}860103{after}")).unwrap();
        let inner = [vec![0x9F, 0x0C], tlv(&issuer)].concat();
        let fci = [vec![0x6F], tlv(&[vec![0xA5], tlv(&inner)].concat())].concat();
        assert_eq!(with_fci(&hex::encode(fci)).unwrap().algorithm(), Algorithm::Sm4, "{before} {after}");
    }
}

/// A length and what it is the length of.
fn tlv(value: &[u8]) -> Vec<u8> {
    [&[value.len() as u8], value].concat()
}

#[test]
fn a_generation_is_added_by_a_script() {
    let text = include_str!("../../../apdu-scripts/ssc-3.0.apdu");
    let mut desk = desk("v3-sm4", "[card]\nversion = \"4.00\"\n");
    desk.scripts = Arc::new(Library::over_builtin(&[("ssc-4.0.apdu".to_owned(), text.to_owned())]).unwrap());
    let reading = desk.read().outcome.unwrap();
    assert_eq!(reading.card().version, "4.00");
    assert!(reading.authenticated().external);
}

#[test]
fn a_script_of_ones_own_takes_the_place_of_the_built_in_one() {
    let text = include_str!("../../../apdu-scripts/ssc-2.0.apdu").replace("< {proof:8} 9000", "< {proof:8} 9001");
    let mut desk = Desk::new("v2-3des");
    desk.scripts = Arc::new(Library::over_builtin(&[("own/ssc-2.0.apdu".to_owned(), text)]).unwrap());
    let refused = CardError::Status { step: "internal-authenticate", status: crate::apdu::StatusWord::OK };
    assert_eq!(desk.read().outcome, Err(refused));
}
