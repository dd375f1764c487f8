//! Reused tags of a card of 1.0, written with their meaning of 2.0.

use super::open::{inserted, inserted_with};
use super::write::{desk, file, held, written};
use super::*;
use crate::card::{HolderPin, Pin};
use crate::failure::Explain as _;

fn pin() -> Option<HolderPin> {
    Some(Pin::parse("123456").unwrap().into())
}

/// A card of 1.0 with these in a file.
fn desk_with(name: &str, settings: &str) -> Desk {
    let card = super::records::desk("v1-full", &format!("[files.\"{name}\"]\n{settings}\n")).card;
    Desk { card, profile: written(name, "plain"), ..desk("v1-full") }
}

fn write(desk: &Desk, lease: Lease, name: &str, values: &[(u8, &str)]) -> Result<usize, CardError> {
    super::write::write(desk, lease, name, values, pin()).map(|written| written.changed)
}

fn read(desk: &Desk, lease: Lease, name: &str, tags: &[u8]) -> Vec<serde_json::Value> {
    let names: Vec<_> = tags.iter().map(|tag| crate::profile::ItemName { file: file(name), tag: Some(*tag) }).collect();
    let read = desk.on(lease, |card| card.read(&names, pin())).unwrap().to_json(true);
    let items = read["files"][0]["items"].as_array().unwrap().clone();
    tags.iter().map(|tag| items.iter().find(|item| item["tag"] == format!("{tag:02X}")).unwrap().clone()).collect()
}

#[test]
fn a_reused_tag_is_written_with_its_marker_and_read_back_with_its_new_meaning() {
    // Medical insurance: characters with room for the marker, and digits without.
    let desk = desk_with("DF04/EF05", "");
    let insert = inserted_with(&desk.card);
    assert_eq!(read(&desk, insert(None).0, "DF04/EF05", &[0x81])[0]["former"], true);
    let (lease, wire) = insert(None);
    assert_eq!(write(&desk, lease, "DF04/EF05", &[(0x81, "11"), (0x87, "样例"), (0x8C, "21")]), Ok(3));
    let sent = wire.lock().unwrap().sent.iter().map(|tpdu| hex::encode_upper(tpdu.as_slice())).collect::<Vec<_>>();
    assert!(sent.iter().any(|tpdu| tpdu.ends_with("81083131EEEEEEEEEEEE")), "{sent:?}");
    assert_eq!(held(&desk, insert(None).0, "DF04/EF05", &[0x81, 0x87, 0x8C]), ["11", "样例", "21"]);
    assert!(read(&desk, insert(None).0, "DF04/EF05", &[0x81])[0]["former"].is_null());
    assert_eq!(write(&desk, insert(None).0, "DF04/EF05", &[(0x81, "11")]), Ok(0));
    for (tag, value) in [(0x81, "12345678"), (0x84, "440105"), (0x84, "44010")] {
        let refused = write(&desk, insert(None).0, "DF04/EF05", &[(tag, value)]).unwrap_err();
        assert!(refused.to_string().contains("no room for the marker"), "{refused}");
        assert_eq!(refused.entry().code, "E-CARD-NEW-VALUE");
    }
    // A card of 2.0 has no marker.
    let newer = Desk { profile: written("DF04/EF05", "plain"), ..super::write::desk("v2-full") };
    let insert = inserted(&newer.card);
    assert_eq!(write(&newer, insert(), "DF04/EF05", &[(0x81, "12345678"), (0x84, "440105")]), Ok(2));
}

#[test]
fn digits_of_an_odd_number_end_in_the_markers_nibble() {
    let desk = desk_with("DF04/EF05", "");
    let insert = inserted_with(&desk.card);
    let (lease, wire) = insert(None);
    write(&desk, lease, "DF04/EF05", &[(0x84, "440")]).unwrap();
    let sent = wire.lock().unwrap().sent.iter().map(|tpdu| hex::encode_upper(tpdu.as_slice())).collect::<Vec<_>>();
    assert!(sent.iter().any(|tpdu| tpdu.ends_with("8403440EEE")), "{sent:?}");
    assert_eq!(held(&desk, insert(None).0, "DF04/EF05", &[0x84]), ["440"]);
}

#[test]
fn what_gets_its_meaning_with_another_item_is_written_with_it() {
    let name = "DF01/EF0A";
    // Neither has its new meaning yet.
    let former = desk_with(name, "remade = []\n38 = \"13\"\n39 = \"20100701\"");
    let insert = inserted_with(&former.card);
    for (values, why) in [(&[(0x39, "20200101")], "where 38 has"), (&[(0x38, "1")], "39 would get")] {
        let (lease, wire) = insert(None);
        let refused = write(&former, lease, name, values).unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
        assert_eq!(wire.lock().unwrap().count(0xDC), 0);
    }
    assert_eq!(write(&former, insert(None).0, name, &[(0x38, "1"), (0x39, "20200101")]), Ok(2));
    let both = read(&former, insert(None).0, name, &[0x38, 0x39]);
    assert_eq!((both[0]["value"].as_str(), both[1]["value"].as_str()), (Some("1"), Some("20200101")));
    // Now that the one has it, each is written by itself.
    assert_eq!(write(&former, insert(None).0, name, &[(0x39, "20210101")]), Ok(1));
    assert_eq!(write(&former, insert(None).0, name, &[(0x38, "2")]), Ok(1));
    assert_eq!(read(&former, insert(None).0, name, &[0x39])[0]["value"], "20210101");
    // One that was never written follows by itself.
    let unwritten = desk_with(name, "remade = []\n38 = \"13\"\nunpersonalised = [\"39\"]");
    assert_eq!(write(&unwritten, inserted(&unwritten.card)(), name, &[(0x38, "1")]), Ok(1));
}
