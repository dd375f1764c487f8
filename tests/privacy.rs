//! No personal data leaves the walk: not in logs, databases, recordings, masked output or debug output, in no encoding.

mod rig;

use std::fs;

use rig::search::{Needle, forms_of_bytes, forms_of_text, found_below, found_in};

/// The positive control: what is planted in any form is found, so that "nothing found" means something.
#[test]
fn the_search_finds_what_is_planted_in_every_form() {
    let mut needles = forms_of_text("name", "欧阳海棠");
    needles.extend(forms_of_text("number", "110105194912310021"));
    needles.extend(forms_of_bytes("serial", &[0x44, 0x01, 0xFE, 0x77, 0x10, 0x9A]));
    let noise: Vec<u8> = (0..10_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
    assert_eq!(found_in(&noise, &needles), Vec::<String>::new(), "noise holds nothing");
    let dir = tempfile::tempdir().unwrap();
    for needle in &needles {
        let mut planted = noise.clone();
        planted.splice(4321..4321, needle.bytes.iter().copied());
        assert!(found_in(&planted, &needles).contains(&needle.what), "{} is not found", needle.what);
        let file = dir.path().join("deep/er/file.bin");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &planted).unwrap();
        assert!(!found_below(dir.path(), &needles, |_| false).is_empty(), "{} is not found on disk", needle.what);
    }
}

/// The forms are what other tools make of the same data, not only what this search makes of it.
#[test]
fn the_forms_are_those_of_other_tools() {
    let found = |text: &str, hay: &str| {
        let needles: Vec<Needle> = forms_of_text("it", text);
        found_in(hay.as_bytes(), &needles)
    };
    // echo -n 张三 | base64; the same behind one and two other bytes; | iconv -t GBK | base64; | sha256sum
    for hay in [
        "5byg5LiJ",
        "eOW8oOS4iQ==",
        "eHjlvKDkuIk=",
        "1cXI/Q==",
        "d5c5",
        "\\u5f20\\u4e09",
        "%e5%bc%a0%e4%b8%89",
        "d5c5c8fd",
    ] {
        let hit = !found("张三", hay).is_empty();
        assert_eq!(hit, hay != "d5c5", "{hay}");
    }
    let sha = "1d841bc0ee98309cb7916670b7f0fdef5f4c35150711a41405ef3633b56322cf";
    assert!(!found("张三", sha).is_empty(), "sha256");
    assert!(!found("19491231", "\u{19}I\u{12}1").is_empty(), "BCD");
}
