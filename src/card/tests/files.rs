//! Files and items by name, on cards that have every directory.

use serde_json::{Value as Json, json};

use super::open::at_every_tpdu;
use super::*;
use crate::card::{Contents, Files, HolderPin, Pin};
use crate::failure::Explain as _;
use crate::profile::ItemName;

fn names(names: &[&str]) -> Vec<ItemName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn pin() -> Option<HolderPin> {
    Some(Pin::parse("123456").unwrap().into())
}

fn read(desk: &Desk, wanted: &[&str], pin: Option<HolderPin>) -> Result<Files, CardError> {
    desk.used(|card| card.read(&names(wanted), pin)).outcome
}

/// The values of a file's items, by their tags.
fn values(files: &Files, at: usize) -> Vec<(String, Json)> {
    let shown = files.to_json(true);
    let items = shown["files"][at]["items"].as_array().unwrap().clone();
    items.into_iter().map(|item| (item["tag"].as_str().unwrap_or_default().to_owned(), item["value"].clone())).collect()
}

/// What was sent to the card after it was opened, GET RESPONSE not counted, as hexadecimal.
fn sent(desk: &Desk, wanted: &[&str], with: Option<HolderPin>) -> Vec<String> {
    let opened = desk.used(|_| Ok(())).card.lock().unwrap().sent.len();
    let used = desk.used(|card| card.read(&names(wanted), with));
    used.outcome.unwrap();
    let wire = used.card.lock().unwrap();
    wire.sent[opened..].iter().filter(|tpdu| tpdu[1] != 0xC0).map(hex::encode_upper).collect()
}

#[test]
fn a_linear_file_behind_the_pin_is_read_whole() {
    for card in ["v1-full", "v2-full", "v3-full"] {
        let files = read(&Desk::new(card), &["DF01/EF05"], pin()).unwrap();
        let expected = [("20", "11"), ("21", "广东省广州市荔湾区试验路1号"), ("0E", "440103")];
        assert_eq!(values(&files, 0), expected.map(|(tag, value)| (tag.to_owned(), json!(value))), "{card}");
        assert!(files.pin && files.keys.is_empty());
    }
}

#[test]
fn every_file_that_the_pin_opens_is_read_in_one_session() {
    let wanted = [
        "DF01/EF05",
        "DF02/EF05",
        "DF02/EF07",
        "DF02/EF15",
        "DF02/EF16",
        "DF03/EF06",
        "DF03/EF19",
        "DF04/EF05",
        "DF04/EF08",
        "DF01/EF15",
        "DF01/EF16",
        "SSSE/EF05",
    ];
    for card in ["v1-full", "v2-full", "v3-full"] {
        let used = Desk::new(card).used(|card| card.read(&names(&wanted), pin()));
        let shown = used.outcome.unwrap().to_json(true);
        let file = |name: &str| {
            shown["files"]
                .as_array()
                .unwrap()
                .iter()
                .find(|file| file["file"] == name)
                .unwrap_or_else(|| panic!("{name}"))
        };
        let order: Vec<&str> =
            shown["files"].as_array().unwrap().iter().map(|file| file["file"].as_str().unwrap()).collect();
        assert_eq!(order, wanted, "as they were asked for");
        assert_eq!(file("DF02/EF07")["records"][0]["items"][3]["value"], "试验单位有限公司");
        assert_eq!(file("DF02/EF07")["records"][1]["items"][1]["value"], "20150101");
        let parts = file("DF02/EF05")["items"].as_array().unwrap().iter().filter(|item| item["tag"] == "44");
        let ends: Vec<&Json> = parts.map(|item| &item["value"][1]["value"]).collect();
        assert_eq!(ends, [&json!("试验职务"), &json!("样例职务")], "two under one tag");
        assert_eq!(file("DF03/EF06")["items"][7]["value"][4]["value"], "广州市样例鉴定委员会");
        assert_eq!(file("DF01/EF16")["size"], 296);
        assert_eq!(&file("DF01/EF16")["bytes"].as_str().unwrap()[..8], "01020304");
        let wire = used.card.lock().unwrap();
        // One SELECT to open the card, one a directory; the PIN once.
        assert_eq!((wire.count(0xA4), wire.count(0x20)), (5, 1), "{card}");
    }
}

#[test]
fn what_needs_no_right_takes_none_and_what_was_read_takes_no_command() {
    let desk = Desk::new("v3-full");
    assert_eq!(sent(&desk, &["SSSE/EF05"], None), Vec::<String>::new());
    let none = desk.used(|card| card.read(&names(&["DF01/EF16"]), pin()));
    none.outcome.unwrap();
    assert_eq!(none.card.lock().unwrap().count(0x20), 0, "a PIN that is not needed is not tried");
}

#[test]
fn the_photo_is_read_in_the_largest_pieces() {
    let commands = sent(&Desk::new("v3-full"), &["SSSE/EF08"], None);
    assert_eq!(commands.len(), 18, "challenge, proof, 16 pieces of 256: {commands:?}");
    assert!(commands[0].starts_with("0084") && commands[1].starts_with("0082000A"));
    assert_eq!((commands[2].as_str(), commands[3].as_str()), ("00B0880000", "00B0010000"));
    let files = read(&Desk::new("v3-full"), &["SSSE/EF08", "SSSE/EF07"], None).unwrap();
    let Contents::Bytes(photo) = &files.files[0].contents else { panic!("no bytes") };
    assert_eq!((photo.len(), &photo[..2]), (4096, b"BM".as_slice()));
    assert_eq!(files.to_json(false)["files"][0]["bytes"], Json::Null);
}

#[test]
fn one_item_is_read_by_its_tag_and_several_with_the_file() {
    let desk = Desk::new("v3-full");
    let select = "00A4040006D15600000503";
    let verify = "0020000003123456";
    assert_eq!(sent(&desk, &["DF04/EF05/81"], pin()), [select, verify, "00B281280A"]);
    assert_eq!(sent(&desk, &["DF04/EF05/81", "DF04/EF05/84"], pin()).len(), 3);
    let files = read(&desk, &["DF04/EF05/84", "DF04/EF05/81"], pin()).unwrap();
    let tags: Vec<String> = values(&files, 0).into_iter().map(|(tag, _)| tag).collect();
    assert_eq!(tags, ["81", "84"], "and nothing else of the file");
}

#[test]
fn a_type_that_was_seen_takes_the_fewest_commands() {
    let wanted = ["DF04/EF05", "DF04/EF08"];
    for (card, first, later) in [("v3-full", None, None), ("v2-full", None, None)] {
        let desk = Desk::new(card).with_store();
        let counts = [0; 3].map(|_| sent(&desk, &wanted, pin()).len());
        assert!(counts[1] <= counts[0] && counts[2] == counts[1], "{card}: {counts:?}");
        assert!(
            first.is_none_or(|first: usize| first == counts[0]) && later.is_none_or(|later: usize| later == counts[1])
        );
    }
}

#[test]
fn a_1_0_card_says_which_meaning_a_reused_tag_has() {
    let files = read(&Desk::new("v1-full"), &["DF01/EF0A", "DF02/EF06"], pin()).unwrap();
    let shown = files.to_json(true);
    let item = |file: usize, tag: &str| {
        shown["files"][file]["items"].as_array().unwrap().iter().find(|item| item["tag"] == tag).unwrap().clone()
    };
    assert_eq!((item(0, "37")["value"].as_str(), item(0, "37").get("former")), (Some("15"), None));
    assert_eq!(item(0, "39").get("former"), None, "it follows 38, which is marked");
    assert_eq!(item(1, "50")["former"], true, "without a marker it has its old meaning");
    // 39 alone is told by 38, which is read with it.
    let alone = read(&Desk::new("v1-full"), &["DF01/EF0A/39"], pin()).unwrap().to_json(true);
    assert_eq!(alone["files"][0]["items"].as_array().unwrap().len(), 1);
    assert_eq!(alone["files"][0]["items"][0].get("former"), None);
}

#[test]
fn what_cannot_be_read_says_why() {
    let code = |desk: &Desk, name: &str, pin| read(desk, &[name], pin).unwrap_err().entry().code;
    let desk = Desk::new("v3-full");
    assert_eq!(code(&desk, "DF04/EF08", None), "E-CARD-PIN-NEEDED");
    assert_eq!(code(&desk, "DF04/EF99", None), "E-CARD-UNKNOWN-ITEM");
    assert_eq!(code(&desk, "DF04/EF05/99", None), "E-CARD-UNKNOWN-ITEM");
    assert_eq!(code(&desk, "DF04/EF08/01", None), "E-CARD-UNKNOWN-ITEM");
    assert_eq!(code(&desk, "DF04/EF08", Some(Pin::parse("654321").unwrap().into())), "E-CARD-PIN-WRONG");
    assert_eq!(code(&Desk::new("v3-sm4"), "DF04/EF08", pin()), "E-CARD-NO-FILE", "a card without the directory");
}

#[test]
fn nothing_of_a_person_is_printed_or_shown_masked() {
    let files = read(&Desk::new("v3-full"), &["DF01/EF05", "DF02/EF05", "DF02/EF07"], pin()).unwrap();
    for shown in [format!("{files:?}"), files.to_json(false).to_string()] {
        for secret in ["试验路", "440103", "样例", "20200101"] {
            assert!(!shown.contains(secret), "{secret}");
        }
    }
    assert!(files.to_json(true).to_string().contains("试验路"), "the search finds what is there");
}

/// One of each structure.
const EACH: [&str; 5] = ["DF01/EF05", "DF02/EF05", "DF02/EF07", "DF03/EF19", "DF01/EF16"];

#[test]
fn a_card_pulled_or_reset_at_any_tpdu_is_a_typed_error() {
    for (fault, expected) in [(Fault::Removed, TransportError::Removed), (Fault::Reset, TransportError::Reset)] {
        let desk = Desk::new("v3-full");
        let fired = at_every_tpdu(|n| {
            let used = desk.used_with(Some((n, fault.clone())), |card| card.read(&names(&EACH), pin()));
            let count = used.card.lock().unwrap().sent.len();
            if n <= count {
                assert_eq!(used.outcome.unwrap_err(), CardError::Transport(expected.clone()), "at {n}");
            }
            count
        });
        assert!(fired > 20, "{fired}");
    }
}

#[test]
fn a_wrong_answer_at_any_tpdu_never_gives_another_value_and_never_costs_a_second_try() {
    let whole = read(&Desk::new("v3-full"), &EACH, pin()).unwrap();
    let statuses = [
        0x6281, 0x63C2, 0x6581, 0x6700, 0x6901, 0x6981, 0x6982, 0x6983, 0x6984, 0x6985, 0x6986, 0x6988, 0x6A80, 0x6A81,
        0x6A82, 0x6A83, 0x6A84, 0x6A86, 0x6A88, 0x6B00, 0x6D00, 0x6E00, 0x6F00, 0x9302, 0x9303, 0x9403,
    ];
    let empty = vec![vec![0x90, 0x00], vec![0x90], vec![0xAB; 258], vec![0x01, 0xFE, 0x90, 0x00]];
    let answers = statuses.iter().map(|status: &u16| status.to_be_bytes().to_vec()).chain(empty);
    for answer in answers {
        let desk = Desk::new("v3-full");
        at_every_tpdu(|n| {
            let fault = Some((n, Fault::Answer(answer.clone())));
            // Other bytes of a transparent file are not to be told from its own.
            let each = if answer.len() > 2 { &EACH[..4] } else { &EACH[..] };
            let used = desk.used_with(fault, |card| card.read(&names(each), pin()));
            let wire = used.card.lock().unwrap();
            assert!(wire.count(0x20) <= 1 && wire.count(0x82) <= 4, "{answer:02X?} at {n}");
            match &used.outcome {
                Err(error) => assert!(!error.failure().entry.code.is_empty()),
                Ok(files) => same_or_absent(files, &whole, &answer, n),
            }
            wire.sent.len()
        });
    }
}

/// Every value is the card's own, or missing where the card said that it has no such record.
fn same_or_absent(files: &Files, whole: &Files, answer: &[u8], n: usize) {
    let (now, then) = (files.to_json(true), whole.to_json(true));
    let absent = answer == [0x6A, 0x83] || answer == [0x6B, 0x00] || answer == [0x62, 0x81];
    for (now, then) in now["files"].as_array().unwrap().iter().zip(then["files"].as_array().unwrap()) {
        assert!(now == then || absent, "{answer:02X?} at {n}: {}", now["file"]);
    }
}

#[test]
fn what_a_key_opens_is_read_without_a_pin_each_key_proven_once() {
    let desk = Desk { soft: true, ..Desk::new("v3-full") };
    let wanted = ["DF04/EF05", "DF04/EF15", "DF03/EF05", "DF03/EF07", "DF07/EF05", "DF07/EF07", "SSSE/EF06"];
    let used = desk.used(|card| card.read(&names(&wanted), None));
    let files = used.outcome.unwrap();
    let keys: Vec<&str> = files.keys.iter().map(|role| role.name()).collect();
    assert_eq!(keys, ["RKSSSE", "RK1DF04", "RK2DF03", "RK1DF03", "RK1DF07", "RK3DF07"]);
    let wire = used.card.lock().unwrap();
    assert_eq!((wire.count(0x82), wire.count(0x20)), (6, 0));
    // RK1DF01 has no publicly known reference: there the PIN is asked for, and a key that is both is none.
    assert_eq!(read(&desk, &["DF01/EF05"], None).unwrap_err(), CardError::PinNeeded);
    let both = desk.used(|card| card.read(&names(&["DF04/EF06", "DF04/EF05"]), pin()));
    let files = both.outcome.unwrap();
    assert_eq!((files.keys.len(), files.pin, both.card.lock().unwrap().count(0x82)), (1, true, 1));
}
