//! Values by their form, and back.

use proptest::prelude::*;

use crate::card::value::{Content, Value, ValueError, encode};
use crate::profile::{FileName, Form, Item, Profile};

fn item(name: &str, tag: u8) -> Item {
    let file: FileName = name.parse().unwrap();
    Profile::builtin().file(&file).unwrap().item(tag).unwrap().clone()
}

fn read(name: &str, tag: u8, hex: &str) -> Result<Content, ValueError> {
    Value::read(&item(name, tag), &hex::decode(hex).unwrap()).map(|value| value.content)
}

fn text(text: &str) -> Content {
    Content::Text(text.to_owned().into())
}

fn digits(text: &str) -> Content {
    Content::Digits(text.to_owned().into())
}

#[test]
fn each_form_is_read_by_its_rules() {
    for (name, tag, hex, expected) in [
        ("DF04/EF05", 0x81, "3131000000000000", text("11")),
        ("DF01/EF05", 0x21, "B1B1BEA9CAD020202020FFFF", text("北京市")),
        ("DF04/EF05", 0x81, "0000000000000000", Content::Empty),
        ("DF04/EF05", 0x81, "FFFFFFFFFFFFFFFF", Content::Empty),
        ("DF04/EF05", 0x84, "440103", digits("440103")),
        ("DF04/EF05", 0x80, "20150FFF", digits("20150")),
        ("DF04/EF05", 0x80, "FFFFFFFF", Content::Empty),
    ] {
        assert_eq!(read(name, tag, hex).unwrap(), expected, "{name}/{tag:02X}");
    }
    assert_eq!(read("DF04/EF05", 0x81, "80"), Err(ValueError::Text));
    assert_eq!(read("DF04/EF05", 0x81, "3107"), Err(ValueError::Text), "a control character");
    for hex in ["44010A", "44F103", "F40103"] {
        assert_eq!(read("DF04/EF05", 0x84, hex), Err(ValueError::Digits), "{hex}");
    }
    let balance = Item { form: Form::B, length: 4, ..item("DF04/EF05", 0x80) };
    assert_eq!(Value::read(&balance, &[0, 1, 0x86, 0xA0]).unwrap().content, Content::Number(100_000));
}

/// BER would take 33 to 36 for constructed tags, and 5A would be one byte too short for it.
#[test]
fn the_parts_of_an_item_have_tags_of_one_byte() {
    let part = |tag: u8, name: &str, content| Value { tag: Some(tag), name: Some(name.to_owned()), content };
    let Content::Parts(parts) = read("DF02/EF05", 0x44, "3303313233340441424344350420150831FFFFFF").unwrap() else {
        panic!("no parts");
    };
    let contents: Vec<Content> = parts.iter().map(|part| part.content.clone()).collect();
    assert_eq!(contents, [text("123"), text("ABCD"), digits("20150831"), Content::Empty]);
    assert_eq!(parts.iter().map(|part| part.tag).collect::<Vec<_>>(), [0x33, 0x34, 0x35, 0x36].map(Some));
    assert_eq!(part(0x33, "", Content::Empty).tag, Some(0x33));

    for (hex, why) in [
        ("330531323334", "a part longer than the rest"),
        ("33", "a tag alone"),
        ("33FF31", "an overlong part"),
        ("370131", "a tag that is not the item's"),
        ("33033132333702AABB", "another one behind"),
        ("3302303344013107", "nested where nothing nests"),
    ] {
        assert!(read("DF02/EF05", 0x44, hex).is_err(), "{why}");
    }
    assert_eq!(read("DF02/EF05", 0x44, "00000000").unwrap(), Content::Empty);
}

#[test]
fn a_tag_of_a_1_0_card_has_its_new_meaning_where_its_value_is_marked() {
    let revised = |name: &str, tag, hex: &str, remade| {
        Value::read_revised(&item(name, tag), &hex::decode(hex).unwrap(), remade).unwrap().content
    };
    assert_eq!(revised("DF04/EF05", 0x81, "313100EEEEEEEEEE", true), text("11"));
    assert_eq!(revised("DF04/EF05", 0x84, "44EE", true), digits("44"));
    // Five digits leave half of the marker in their last byte.
    assert_eq!(revised("DF04/EF05", 0x84, "44010EEE", true), digits("44010"));
    assert_eq!(revised("DF04/EF05", 0x84, "EEEEEE", true), Content::Empty);
    let former = revised("DF04/EF05", 0x81, "3131000000000000", false);
    assert_eq!(former, Content::Former(hex::decode("3131000000000000").unwrap().into()));
    assert_eq!(revised("DF04/EF05", 0x81, "FFFFFFFFFFFFFFFF", false), Content::Empty);
}

#[test]
fn what_is_shown_is_starred_and_what_is_printed_has_no_value() {
    let value = Value::read(&item("DF04/EF05", 0x81), b"AB12\0\0\0\0").unwrap();
    assert_eq!(value.to_json(false), serde_json::json!({ "tag": "81", "name": null, "value": "****" }));
    assert_eq!(value.to_json(true)["value"], "AB12");
    assert!(!format!("{value:?}").contains("AB12"));
    let number = Content::Number(31);
    assert!(!format!("{number:?}").contains("31"));
}

#[test]
fn what_is_written_is_filled_to_the_items_length() {
    let written =
        |name: &str, tag, text: &str| encode(&item(name, tag), 3, text).map(|bytes| hex::encode_upper(&*bytes));
    assert_eq!(written("DF04/EF05", 0x81, "11").unwrap(), "3131000000000000");
    assert_eq!(written("DF04/EF05", 0x80, "20150").unwrap(), "20150FFF");
    assert_eq!(written("DF04/EF05", 0x81, "").unwrap(), "0000000000000000");
    assert_eq!(written("DF04/EF05", 0x81, "123456789"), Err(ValueError::Long(8)));
    assert_eq!(written("DF04/EF05", 0x81, "a\u{7}"), Err(ValueError::Text));
    assert_eq!(written("DF04/EF05", 0x84, "4401O3"), Err(ValueError::Digits));
    assert_eq!(written("DF02/EF05", 0x44, "3303313233").unwrap().len(), 2 * 101);
    assert_eq!(written("DF02/EF05", 0x44, "3304313233"), Err(ValueError::Parts));
    assert_eq!(written("DF02/EF05", 0x44, "zz"), Err(ValueError::Hex));
}

proptest! {
    #[test]
    fn any_bytes_are_a_value_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120), which in 0..200_usize, remade: bool) {
        let profile = Profile::builtin();
        let items: Vec<&Item> = profile.files().iter().flat_map(|file| &file.items).collect();
        let item = items[which % items.len()];
        let _ = Value::read(item, &bytes);
        let _ = Value::read_revised(item, &bytes, remade);
    }

    #[test]
    fn what_is_written_is_read(which in 0..200_usize, text in "[0-9]{1,3}") {
        let profile = Profile::builtin();
        let items: Vec<&Item> = profile.files().iter().flat_map(|file| &file.items).filter(|item| item.parts.is_empty() && item.form != Form::B && item.length > 2).collect();
        let item = items[which % items.len()];
        let read = Value::read(item, &encode(item, 3, &text).unwrap()).unwrap().content;
        let expected = if item.form == Form::An { Content::Text(text.into()) } else { Content::Digits(text.into()) };
        prop_assert_eq!(read, expected);
    }
}
