//! Images: the files of `fixtures/cards/`, and mistakes in one.

use super::*;
use crate::failure::Explain;
use crate::value::{CardIdentifier, CardNumber, PersonName, SocialSecurityNumber};
use crate::virtual_card::ImageError;

#[test]
fn every_image_loads() {
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.extension().is_some_and(|ending| ending == "toml") && name != "demonstration-keys" {
            let mut chip = Image::load(&path).unwrap().chip(Arc::new(SystemRandom::default()));
            chip.reset();
            let atr = chip.atr();
            assert_eq!(atr.first(), Some(&0x3B), "{name}");
            if !name.ends_with("contactless") {
                assert_eq!((atr.len(), &atr[..4]), (17, &[0x3B, 0x6D, 0, 0][..]), "{name}");
            }
            names.push(name);
        }
    }
    assert!(names.len() >= 26, "{names:?}");
    assert!(image("psam").is_psam() && !image("v3-sm4").is_psam());
    // A card names its PSAM, also through the image it extends.
    assert!(image("v3-expired").psam().unwrap().is_psam());
    assert!(image("psam").psam().is_none());
}

/// The records of both files as the card gives them.
fn holder(name: &str) -> (Vec<crate::apdu::tlv::Record>, Vec<crate::apdu::tlv::Record>) {
    let mut talk = Talk::with(name);
    talk.fetch(SELECT_SSSE);
    if name.starts_with("v3") {
        assert_eq!(prove_external(&mut talk, name, 0), "9000");
    }
    let mut file = |sfi: u8| {
        let right = talk.send(&format!("00B201{:02X}00", sfi << 3 | 0b101)).1.right_le().unwrap();
        let bytes = talk.read(&format!("00B201{:02X}{right:02X}", sfi << 3 | 0b101));
        crate::apdu::tlv::records(&bytes).unwrap()
    };
    (file(5), file(6))
}

#[test]
fn made_up_people_have_right_check_digits() {
    for name in ["v1-3des", "v2-3des", "v3-sm4", "v3-long-name", "v3-expired", "v3-wrong-le"] {
        let (card, person) = holder(name);
        let value = |records: &[crate::apdu::tlv::Record], tag| {
            records.iter().find(|record| record.tag == tag).unwrap().value.to_vec()
        };
        assert!(CardNumber::parse(&value(&card, 0x07)).is_ok(), "{name}");
        assert_eq!(CardIdentifier::parse(&value(&card, 0x01)).unwrap().city(), [0x44, 0x01, 0x00]);
        let number = SocialSecurityNumber::parse(&value(&person, 0x08)).unwrap().unwrap();
        let born = crate::value::bcd::date(&value(&person, 0x0D)).unwrap();
        assert_eq!(number.birth_date(), born, "{name}");
        let sex = number.sex().unwrap();
        assert_eq!(crate::value::Sex::from_code(value(&person, 0x0A)[0].into()), sex, "{name}");
    }
}

#[test]
fn the_long_name_is_cut_within_a_character() {
    let (_, person) = holder("v3-long-name");
    let [name, extension] = [0x09, 0x4E].map(|tag| person.iter().find(|record| record.tag == tag).unwrap());
    assert!(PersonName::parse(&name.value, &[]).is_err(), "half a character stands at the end of 09");
    let whole = PersonName::parse(&name.value, &extension.value).unwrap().unwrap();
    assert_eq!(whole.reveal(), "阿依古丽帕夏.买买提艾力吐尔逊江");
}

#[test]
fn the_bad_name_and_the_garbled_record_are_bad() {
    let (_, person) = holder("v3-bad-name");
    assert!(PersonName::parse(&person[1].value, &person[2].value).is_err());
    let mut talk = Talk::with("v3-garbled-record");
    talk.fetch(SELECT_SSSE);
    prove_external(&mut talk, "v3-garbled-record", 0);
    assert!(crate::apdu::tlv::records(&talk.read("00B201355B")).is_err());
}

/// Loads `text` as an image beside the fixtures' keys.
fn load(text: &str) -> Result<Image, ImageError> {
    let dir = tempfile::tempdir().unwrap();
    for file in ["v3-sm4.toml", "psam.toml", "demonstration-keys.toml"] {
        std::fs::copy(folder().join(file), dir.path().join(file)).unwrap();
    }
    let path = dir.path().join("image.toml");
    std::fs::write(&path, text).unwrap();
    Image::load(&path)
}

#[test]
fn a_mistake_is_named_with_its_place() {
    let base = "extends = \"v3-sm4.toml\"\n";
    let cases = [
        ("[quirks]\nno_4f = true\n", 3, 1, "unknown field"),
        ("[holder]\nbirth_date = \"1988/06/12\"\n", 3, 14, "YYYY-MM-DD"),
        ("[card]\nidentifier = \"4401\"\n", 3, 14, "hexadecimal"),
        ("[card]\nalgorithm = \"AES\"\n", 3, 13, "unknown variant"),
        ("[quirks]\nunpersonalised = [\"0B\", \"0\"]\n", 3, 25, "a tag"),
        ("[raw]\n09 = \"zz\"\n", 3, 6, "hexadecimal"),
        ("[faults]\nstatus = { at = 1, sw = \"6A8\" }\n", 3, 25, "status word"),
        ("[pin]\ndigits = \"12\"\n", 3, 10, "a PIN"),
        ("[holder]\nname = \"一二三四五六七八九十一二三四五六七八九十一二三四五六\"\n", 3, 8, "fits"),
        ("chip = \n", 2, 8, ""),
        ("[raw]\n4F = \"00\"\n", 3, 1, "a tag of EF05 or EF06"),
        ("[quirks]\ngarbled = [\"09\", \"0E\"]\n", 3, 18, "a tag of EF05 or EF06"),
        ("[quirks]\nmissing = [\"00\"]\n", 3, 12, "a tag of EF05 or EF06"),
        ("[quirks]\npadding = \"30\"\n", 3, 11, "00, 20 or FF"),
        ("[card]\nnumber_length = 8\n", 3, 17, "9 to 253"),
        ("[card]\nnumber_length = 254\n", 3, 17, "9 to 253"),
        ("[card]\nkey_tries = 16\n", 3, 13, "0 to 15"),
        ("[pin]\ntries = 300\n", 3, 9, "0 to 15"),
        ("[pin]\ntries = \"3\"\n", 3, 9, "0 to 15"),
        ("[faults]\nstatus = { at = -1, sw = \"6A81\" }\n", 3, 17, ""),
        ("[faults]\ntorn = \"half\"\n", 3, 8, "unknown variant"),
        ("[faults]\ntorn = { within = 256 }\n", 3, 19, ""),
        ("[faults]\nanswer = { at = 1, data = \"6\" }\n", 3, 27, "hexadecimal"),
        ("[files.\"DF04\"]\n", 2, 8, "the name of a file"),
        ("[files.\"DF04/EF05\"]\n810 = \"1\"\n", 3, 1, "neither a tag nor one of"),
        ("[files.\"DF04/EF05\"]\n81 = 1\n", 3, 6, "a value"),
        ("[files.\"DF04/EF05\"]\nmissing = [\"8\"]\n", 3, 12, "two hexadecimal digits"),
        ("[files.\"DF04/EF05\"]\nmessaging = \"none\"\n", 3, 13, "unknown variant"),
        ("[files.\"SSSE/EF08\"]\nbytes = \"0\"\n", 3, 9, "hexadecimal"),
        ("[references]\nRK1DF01 = \"88\"\n", 3, 1, "small letters"),
        ("[quirks]\ndir = \"full\"\n", 3, 7, "unknown variant"),
        ("interface = \"both\"\n", 2, 13, "unknown variant"),
        ("extends = 1\n", 2, 1, ""),
    ];
    for (text, at_line, at_column, says) in cases {
        match load(&format!("{base}{text}")) {
            Err(ImageError::Invalid { file, line, column, message }) => {
                assert!(file.ends_with("image.toml") && message.contains(says), "{text}: {message}");
                assert_eq!((line, column), (at_line, at_column), "{text}: {message}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn what_cannot_be_a_chip_is_refused() {
    let error = |text: &str| load(text).unwrap_err();
    assert!(matches!(error("chip = \"card\"\n"), ImageError::Missing { what: "historical", .. }));
    assert!(matches!(error("extends = \"image.toml\"\n"), ImageError::Unreadable { .. }));
    assert!(matches!(error("extends = \"none.toml\"\n"), ImageError::Unreadable { .. }));
    assert!(matches!(error("extends = \"v3-sm4.toml\"\npsam_image = \"none.toml\"\n"), ImageError::Unreadable { .. }));
    let detail = |text: &str| error(&format!("extends = \"v3-sm4.toml\"\n{text}")).detail().unwrap();
    assert!(detail("[faults]\nstatus = { at = 1 }\n").ends_with("image.toml: faults.status.sw is missing"));
    assert!(detail("[faults]\nstatus = { sw = \"6A81\" }\n").ends_with("image.toml: faults.status.at is missing"));
    for (settings, list) in
        [("[raw]\n4E = \"00\"\n", "raw"), ("", "quirks.garbled"), ("", "quirks.missing"), ("", "quirks.unpersonalised")]
    {
        let quirk = list.strip_prefix("quirks.").map(|quirk| format!("{quirk} = [\"4E\"]\n")).unwrap_or_default();
        let told = detail(&format!("{settings}[quirks]\n{quirk}no_4e = true\n"));
        assert!(told.ends_with(&format!("image.toml: {list}: the card has no record 4E")), "{told}");
    }
    for (settings, told) in [
        ("[faults]\nanswer = { at = 1 }\n", "faults.answer.data is missing"),
        ("[files.\"DF04/EF05\"]\n82 = \"1\"\n", "files.\"DF04/EF05\".82: the file has no such item"),
        ("[files.\"DF04/EF05\"]\nmissing = [\"82\"]\n", "files.\"DF04/EF05\".82: the file has no such item"),
        ("[files.\"DF04/EF05\"]\n81 = \"123456789\"\n", "files.\"DF04/EF05\".81: not as long as the item"),
        ("[files.\"DF04/EF05\"]\n84 = \"44O1\"\n", "files.\"DF04/EF05\".84: not hexadecimal"),
        ("[files.\"DF04/EF05\"]\n84 = [\"4401\", \"4402\"]\n", "files.\"DF04/EF05\".84: more often than it is there"),
        ("[files.\"DF04/EF05\"]\n84 = { 01 = \"4401\" }\n", "a value of another shape than the item's"),
        ("[files.\"DF04/EF05\"]\nbytes = \"00\"\n", "files.\"DF04/EF05\".bytes: what another structure has"),
        ("[files.\"DF04/EF15\"]\nunpersonalised = [\"81\"]\n", "files.\"DF04/EF15\".items: what another structure has"),
        ("[files.\"SSSE/EF08\"]\ncapacity = 9\n", "files.\"SSSE/EF08\".capacity: what another structure has"),
        (
            "[quirks]\nno_4e = true\n[files.\"SSSE/EF06\"]\n4E = \"1\"\n",
            "files.\"SSSE/EF06\".4E: the file has no such item",
        ),
        ("[files.\"DF04/EF15\"]\nrecords = [\"00\"]\n", "records 1: not as long as its records"),
        (
            "[files.\"DF04/EF15\"]\nrecords = [[\"0001\"]]\n",
            "records 1: as many values as the file has items, or bytes",
        ),
        ("[files.\"DF01/EF15\"]\n40 = [{ 99 = \"1\" }]\n", "files.\"DF01/EF15\".40.99: the item has no such part"),
        ("[files.\"DF04/EF09\"]\n", "files.\"DF04/EF09\": the profile has no such file"),
        ("directories = [\"DF09\"]\n", "directories \"DF09\": the profile has no such directory"),
        ("[references]\nrk9df01 = \"88\"\n", "rk9df01: the profile has no such key"),
        ("[atr]\ncontactless = \"00112233445566778899AABBCCDDEEFF\"\n", ""),
        (
            "interface = \"contactless\"\n[atr]\ncontactless = \"00112233445566778899AABBCCDDEEFF\"\n",
            "atr.contactless: more than 15 bytes",
        ),
    ] {
        let loaded = load(&format!("extends = \"v3-sm4.toml\"\n{settings}"));
        match told {
            "" => assert!(loaded.is_ok(), "{settings}"),
            told => {
                let detail = loaded.unwrap_err().detail().unwrap();
                assert!(detail.ends_with(told), "{settings}: {detail}");
            }
        }
    }
    let ssf33 = error("extends = \"v3-sm4.toml\"\n[card]\nalgorithm = \"SSF33\"\n");
    assert_eq!(ssf33.entry().code, "E-VCARD-ALGORITHM");
    assert!(ssf33.detail().unwrap().contains("image.toml"));
}

#[test]
fn nothing_of_an_image_is_printed() {
    assert_eq!(format!("{:?}", image("v3-sm4")), "Image { chip: \"card\", .. }");
    assert_eq!(format!("{:?}", answer(&[0x12, 0x90, 0x00])), "Answer(3 bytes)");
}

#[test]
fn each_fault_happens_where_it_should() {
    let faulty = |fault: &str| {
        load(&format!("extends = \"v3-sm4.toml\"\n[faults]\n{fault}\n"))
            .unwrap()
            .chip(Arc::new(SystemRandom::default()))
    };
    let challenge = [0x00, 0x84, 0x00, 0x00, 0x08];

    let mut status = faulty("status = { at = 2, sw = \"6581\" }");
    assert!(matches!(status.answer(&challenge), Reaction::Answer(bytes) if bytes.len() == 10));
    assert_eq!(status.answer(&challenge), answer(&[0x65, 0x81]));
    assert!(matches!(status.answer(&challenge), Reaction::Answer(bytes) if bytes.len() == 10));

    let mut removed = faulty("remove_at = 2");
    assert!(matches!(removed.answer(&challenge), Reaction::Answer(_)));
    removed.reset();
    assert_eq!(removed.answer(&challenge), Reaction::Removed);
    assert_eq!(removed.answer(&challenge), Reaction::Removed, "it stays out");

    let mut nonsense = faulty("answer = { at = 2, data = \"0102\" }");
    nonsense.answer(&challenge);
    assert_eq!(nonsense.answer(&challenge), answer(&[1, 2]));

    let mut late = faulty("late_ms = 30");
    let before = std::time::Instant::now();
    late.answer(&challenge);
    assert!(before.elapsed() >= std::time::Duration::from_millis(30));
}
