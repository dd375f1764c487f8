//! Directories and files: that each is found in every way, and holds what the image says.

use super::*;
use crate::profile::{Profile, Structure};

/// The cards with every directory, and the generation of each.
const FULL: [(&str, u8); 3] = [("v1-full", 1), ("v2-full", 2), ("v3-full", 3)];

const DF04: &str = "00A4040006D15600000503";
const DF01: &str = "00A4040006D15600000500";

/// A full card with its environment selected and its PIN verified.
fn identified(name: &str) -> Talk {
    let mut talk = Talk::with(name);
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.status("0020000003123456"), "9000");
    talk
}

#[test]
fn directories_are_selected_by_name_and_by_identifier() {
    let mut talk = Talk::with("v3-full");
    let by_name = talk.fetch(DF04);
    assert_eq!(hex::encode_upper(&by_name), "6F088406D15600000503");
    assert_eq!(talk.fetch("00A4000002DF04"), by_name, "from the directory itself");
    assert_eq!(talk.fetch("00A4010002DF03"), talk.fetch("00A4040006D15600000502"), "as one city does");
    assert_eq!(hex::encode_upper(talk.fetch("00A4000002DF05")), "6F048302DF05", "it has no name");
    assert_eq!(talk.status("00A4000002DF08"), "6A82");
    assert_eq!(talk.fetch("00A4000002DDF1").len(), 0x1E);
    talk.fetch("00A4000000");
    assert_eq!(talk.status("00A4000002DF04"), "6A82", "from the MF only the environment is seen");
    assert_eq!(talk.fetch("00A4000002DDF1").len(), 0x1E);
}

#[test]
fn the_next_directory_of_a_name_is_found_from_the_current_one() {
    let mut talk = Talk::with("v2-full");
    let mut names = vec![talk.fetch("00A4040005D156000005")];
    loop {
        match talk.send("00A4040205D156000005").1 {
            status if status.more().is_some() => {
                let length = status.more().unwrap();
                names.push(talk.read(&format!("00C00000{length:02X}")));
            }
            status => {
                assert_eq!(status.to_string(), "6A82");
                break;
            }
        }
    }
    let last: Vec<u8> = names.iter().map(|fci| *fci.last().unwrap()).collect();
    assert_eq!(last, [0x00, 0x01, 0x02, 0x03, 0x04], "DF01 to DF04, DF07");
}

#[test]
fn the_list_of_applications_names_each_that_can_be_named() {
    let mut talk = Talk::with("v3-full");
    talk.fetch(SELECT_SSSE);
    let first = talk.asked("00B201F4");
    assert_eq!(first[..10], [0x61, first.len() as u8 - 2, 0x4F, 6, 0xD1, 0x56, 0, 0, 5, 0]);
    assert_eq!(first[10], 0x50);
    let (label, _, _) = encoding_rs::GB18030.decode(&first[12..]);
    assert_eq!(label, "公共应用信息区");
    assert!(talk.send("00B205F400").1.right_le().is_some());
    assert_eq!(talk.status("00B206F400"), "6A83");
}

#[test]
fn certificates_lie_in_an_application_of_their_own() {
    let mut talk = Talk::with("v3-full");
    talk.fetch("00A404000C504B492EC9E7BBE1B1A3D5CF");
    talk.fetch("00A404000C53532E434552542E41444631");
    assert_eq!(talk.status("00A40200020018"), "9000");
    assert_eq!(talk.read("00B0000006"), hex::decode("308201020304").unwrap());
    assert_eq!(talk.read("00B0920004"), hex::decode("04A1A2A3").unwrap());
    // The environment's keys are not there.
    assert_eq!(talk.status(&format!("0088000010{}", "00".repeat(16))), "6A88");
    assert_eq!(talk.status(&format!("0082000610{}", "00".repeat(16))), "6A88");
    assert_eq!(talk.status("00A4020002EF05"), "6A82");
}

/// Proves what a file of the profile asks for besides the PIN.
fn right_to(talk: &mut Talk, card: &str, profile: &Profile, file: &crate::profile::File, generation: u8) {
    let Some(role) = file.read.at(generation).key() else { return };
    let key = profile.key(role).unwrap();
    if let Some(reference) = key.reference {
        assert_eq!(prove_by(talk, card, &role.name().to_lowercase(), reference, 0), "9000", "{card} {}", file.name);
    }
}

#[test]
fn every_file_of_the_profile_has_its_items_in_their_order_and_length() {
    let profile = Profile::builtin();
    for (card, generation) in FULL {
        let mut talk = identified(card);
        let mut seen = 0;
        for file in profile.files() {
            let directory = profile.directory(file.name.directory()).unwrap();
            if generation == 1 && directory.name == "DF07" {
                continue;
            }
            talk.fetch(&format!(
                "00A40400{:02X}{}",
                directory.aid.as_ref().unwrap().len(),
                hex::encode(directory.aid.as_ref().unwrap())
            ));
            right_to(&mut talk, card, &profile, file, generation);
            let sfi = file.name.sfi().unwrap();
            let numbered = |number: u8| format!("00B2{number:02X}{:02X}", sfi << 3 | 0b100);
            let mut lengths = Vec::new();
            while let Some(length) = talk.send(&format!("{}00", numbered(lengths.len() as u8 + 1))).1.right_le() {
                lengths.push((talk.read(&format!("{}{length:02X}", numbered(lengths.len() as u8 + 1)))[0], length));
            }
            let items = file.items_of(generation).filter(|item| item.tag != Some(0x60) || directory.name == "DF02");
            let wanted: Vec<(u8, u8)> = items
                .filter_map(|item| Some(vec![(item.tag?, item.length + 2); item.count.into()]))
                .flatten()
                .collect();
            match file.structure {
                Structure::Linear | Structure::Fixed(_) if lengths.len() == wanted.len() && generation == 1 => {
                    // What is marked may be longer.
                    assert!(lengths.iter().zip(&wanted).all(|(had, asked)| had.0 == asked.0 && had.1 >= asked.1));
                }
                Structure::Linear | Structure::Fixed(_) => assert_eq!(lengths, wanted, "{card} {}", file.name),
                Structure::Cyclic(repeats) => {
                    assert!((1..=2).contains(&lengths.len()), "{card} {}", file.name);
                    assert!(lengths.iter().all(|(_, length)| *length == repeats.length));
                }
                Structure::Transparent { size } => {
                    assert!(lengths.is_empty());
                    assert_eq!(talk.read(&format!("00B0{:02X}0001", 0x80 | sfi)).len(), 1, "{card} {}", file.name);
                    assert_eq!(talk.status(&format!("00B0{:04X}01", size)), "6B00", "{card} {}", file.name);
                    assert_eq!(talk.read(&format!("00B0{:04X}01", size - 1)), [0]);
                }
            }
            seen += 1;
        }
        assert_eq!(seen, if generation == 1 { 35 } else { 38 }, "{card}");
    }
}

#[test]
fn values_are_laid_out_by_their_form() {
    let mut talk = identified("v3-full");
    talk.fetch(DF04);
    // an, filled with 00; cn.
    assert_eq!(talk.read("00B281280A"), *b"\x81\x0811\0\0\0\0\0\0");
    assert_eq!(talk.read("00B2842805"), [0x84, 3, 0x44, 0x01, 0x03]);
    talk.fetch(DF01);
    // B-TLV: the first, the next, and one that nothing was written into.
    let first = talk.read("00B240A836");
    assert_eq!(first[..12], [0x40, 0x34, 0x57, 3, b'0', b'8', b'0', 0x58, 3, 0x44, 0, 0]);
    assert_eq!((first[12], first[13]), (0x59, 40));
    assert_eq!(talk.read("00B240AA36")[4..7], *b"081");
    let third = talk.read("00B240AA36");
    assert_eq!(third[2..7], [0x57, 3, 0xFF, 0xFF, 0xFF]);
    assert_eq!(talk.status("00B240AA36"), "6A83");
    assert_eq!(talk.read("00B240AB36")[4..7], *b"081", "the previous one");
    talk.fetch("00A4000002DF02");
    // Digits that do not fill their bytes would be filled with F; a cyclic record has no tags.
    let newest = talk.read("00B2013C55");
    assert_eq!(newest[..15], *b"2020100\x20\x20\x01\x01\x20\x23\x12\x31");
    assert_eq!(talk.read("00B2023C55")[..7], *b"2020200");
    assert_eq!(talk.status("00B2033C55"), "6A83");
    assert_eq!(talk.status("00B2323855"), "6A86", "there is no tag to find it by");
}

#[test]
fn a_record_longer_than_an_answer_is_never_promised() {
    let mut talk = identified("v3-full");
    talk.fetch("00A4000002DF02");
    // 442 bytes in DF02/EF05: no length that 6Cxx could tell.
    assert_eq!(talk.status("00B2012D00"), "6700");
    assert_eq!(talk.status("00B2062D00"), "6C67");
}

#[test]
fn bytes_are_read_by_short_identifier_and_by_offset() {
    let mut talk = identified("v3-full");
    assert_eq!(talk.status("00B0880010"), "6982", "the photo asks for RKSSSE");
    assert_eq!(prove_external(&mut talk, "v3-full", 0), "9000");
    let photo = talk.read("00B0880000");
    assert_eq!((photo.len(), &photo[..2]), (256, &b"BM"[..]));
    // The file is the current one now: 15 bits of offset.
    assert_eq!(talk.read("00B000F010"), photo[0xF0..]);
    assert_eq!(talk.read("00B00F0000").len(), 256);
    assert_eq!(talk.status("00B00FF000"), "6C10");
    assert_eq!(talk.status("00B00FF011"), "6C10");
    assert_eq!(talk.status("00B0100001"), "6B00");
    assert_eq!(talk.status("00B0A80001"), "6A86");
    assert_eq!(talk.status("00B0860001"), "6981");
    assert_eq!(talk.status("00B2014400"), "6981");
    assert_eq!(talk.status("00B0830001"), "6A82");
    talk.0.reset().unwrap();
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.status("00B0000001"), "6986");
}

#[test]
fn older_cards_of_10_mark_what_was_written_with_the_meaning_of_20() {
    let mut talk = identified("v1-full");
    talk.fetch(DF01);
    let marked = talk.asked("00B23750");
    assert_eq!(marked[2..], [b'1', b'5', 0xEE]);
    let full = talk.asked("00B23248");
    assert_eq!(full[1..], [3, b'1', b'0', 0xEE], "a value that fills its item has the mark behind it");
}

#[test]
fn files_are_there_when_the_image_speaks_of_them() {
    let mut talk = Talk::with("v3-sm4");
    talk.fetch(SELECT_SSSE);
    for missing in ["00B0880001", "00B0870001", "00B2EA6803"] {
        assert_eq!(talk.status(missing), "6A82", "{missing}");
    }
    assert_eq!(talk.status(DF04), "6A82");
    assert_eq!(talk.status("00A4000002DF04"), "6A82");
}

/// The card of an image that extends `base` by `text`.
fn extended(base: &str, text: &str) -> Talk {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image.toml");
    std::fs::write(&path, format!("extends = {:?}\n{text}", folder().join(base).with_extension("toml"))).unwrap();
    Talk::to(Image::load(&path).unwrap().chip(Arc::new(SystemRandom::default())))
}

#[test]
fn an_image_says_of_a_file_what_differs() {
    let mut talk = extended(
        "v2-full",
        "[files.\"SSSE/EF06\"]\n0A = \"hex:31FF\"\nunpersonalised = [\"0B\"]\ngarbled = [\"0D\"]\nmissing = [\"0C\"]\n\
         [files.\"DF04/EF05\"]\nabsent = true\n[files.\"DF04/EF15\"]\nrecords = [\"00FF32\"]\n",
    );
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.read("00B20A3004"), [0x0A, 2, 0x31, 0xFF]);
    assert_eq!(talk.read("00B20B3003"), [0x0B, 1, 0xFF]);
    assert_eq!(talk.read("00B20D3006")[..2], [0x0D, 0xF0]);
    assert_eq!(talk.status("00B20C3005"), "6A83");
    assert_eq!(talk.read("00B2083014")[..2], [0x08, 18], "the rest is as it was");
    talk.fetch(DF04);
    assert_eq!(talk.status("0020000003123456"), "9000");
    assert_eq!(talk.status("00B2842805"), "6A82");
    assert_eq!(talk.read("00B201AC03"), [0x00, 0xFF, 0x32]);
    let mut talk = extended("v2-3des", "[files.\"SSSE/EF06\"]\nabsent = true\n[quirks]\ndir = \"absent\"\n");
    assert_eq!(hex::encode_upper(talk.fetch(SELECT_SSSE)), "6F19840F7378312E73682EC9E7BBE1B1A3D5CFA5069F0C03860101");
    assert_eq!(talk.status("00B2083014"), "6A82");
    assert_eq!(talk.status("00B201F400"), "6A82");
}
