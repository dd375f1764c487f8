//! Records and items that are no single record with a tag: one of several under a tag, a part of an item, a record of a
//! fixed file, one that is added to a cyclic file. Each is written once, whatever happens.

use super::open::{at_every_tpdu, inserted, inserted_with};
use super::write::{KEY, desk, mend};
use super::*;
use crate::card::{HolderPin, Journal, Mended, Pin, Update, Written};
use crate::failure::Explain as _;
use crate::profile::{Address, ItemAddress, Row};
use crate::virtual_card::Torn;

fn pin() -> Option<HolderPin> {
    Some(Pin::parse("123456").unwrap().into())
}

/// Writes `DF02/EF15`, or `DF02/EF07:+`.
fn put(desk: &Desk, lease: Lease, name: &str, values: &[(&str, &str)]) -> Result<Written, CardError> {
    let Address { file, row, .. } = name.parse().unwrap();
    let values: Vec<(ItemAddress, Zeroizing<String>)> =
        values.iter().map(|(at, text)| (at.parse().unwrap(), Zeroizing::new((*text).to_owned()))).collect();
    let (store, random) = (desk.store.clone().unwrap(), SystemRandom::default());
    let journal = Journal::new(&store, &KEY, &random);
    desk.on(lease, |card| card.write(&journal, &file, &Update::Items(row, &values), &mut pin()))
}

/// What the card has there, as `sbkd card file` tells it.
fn shown(desk: &Desk, lease: Lease, name: &str) -> serde_json::Value {
    let name = name.parse().unwrap();
    desk.on(lease, |card| card.read(&[name], pin())).unwrap().to_json(true)["files"][0].clone()
}

/// The values of the records of a file without tags, as text.
fn records(desk: &Desk, lease: Lease, name: &str) -> Vec<Vec<String>> {
    let shown = shown(desk, lease, name);
    let text = |value: &serde_json::Value| value["value"].as_str().map_or(value["value"].to_string(), str::to_owned);
    let items = |record: &serde_json::Value| record["items"].as_array().map(|all| all.iter().map(text).collect());
    shown["records"].as_array().unwrap().iter().filter_map(items).collect()
}

#[test]
fn one_of_several_items_is_written_and_a_part_of_one() {
    for card in ["v2-full", "v3-full"] {
        let desk = desk(card);
        let insert = inserted(&desk.card);
        let values = |nth: usize| {
            let shown = shown(&desk, insert(), "DF01/EF15/40");
            let parts = shown["items"][nth - 1]["value"].clone();
            let text = |at: usize| parts[at]["value"].as_str().unwrap_or_default().to_owned();
            [text(0), text(1), text(2)]
        };
        let (first, second) = (values(1), values(2));
        let done = put(&desk, insert(), "DF01/EF15", &[("40:2/57", "082"), ("40:2/58", "440103"), ("2A", "11")]);
        assert_eq!(done.unwrap().changed, 2, "{card}");
        assert_eq!(values(2), ["082".to_owned(), "440103".to_owned(), second[2].clone()], "the rest stays");
        assert_eq!(values(1), first);
        // The third was never written: what is not named of it is left blank.
        put(&desk, insert(), "DF01/EF15", &[("40:3/59", "样例学校")]).unwrap();
        assert_eq!((values(3), values(1)), ([String::new(), String::new(), "样例学校".to_owned()], first));
        assert_eq!(put(&desk, insert(), "DF01/EF15", &[("40:3/59", "样例学校")]).unwrap().changed, 0);
        assert_eq!(mend(&desk, insert()), Ok(vec![]));
    }
}

#[test]
fn a_record_of_a_fixed_file_is_written_in_its_place() {
    let desk = desk("v3-full");
    let insert = inserted(&desk.card);
    let before = shown(&desk, insert(), "DF03/EF19")["records"].clone();
    assert_eq!(put(&desk, insert(), "DF03/EF19:2", &[("79/18", "390"), ("79/1A", "20200102")]).unwrap().changed, 1);
    let after = shown(&desk, insert(), "DF03/EF19")["records"].clone();
    let parts = &after[1]["items"][0]["value"];
    assert_eq!((parts[0]["value"].as_str(), parts[2]["value"].as_str()), (Some("390"), Some("20200102")));
    for other in [0, 2, 3] {
        assert_eq!(before[other], after[other]);
    }
}

#[test]
fn a_record_is_added_to_a_cyclic_file_and_the_oldest_goes() {
    let desk = desk("v3-full");
    let insert = inserted(&desk.card);
    let mut expected = records(&desk, insert(), "DF02/EF07");
    for number in 1..=5 {
        let code = format!("202020{number}");
        let values = [("@1", code.as_str()), ("@2", "20240101"), ("@4", "样例商店")];
        assert_eq!(put(&desk, insert(), "DF02/EF07:+", &values).unwrap().changed, 1);
        expected.insert(0, vec![code, "20240101".to_owned(), "null".to_owned(), "样例商店".to_owned()]);
        expected.truncate(4);
        assert_eq!(records(&desk, insert(), "DF02/EF07"), expected);
    }
    // The same once more is another record.
    let last = [("@1", "2020205"), ("@2", "20240101"), ("@4", "样例商店")];
    assert_eq!(put(&desk, insert(), "DF02/EF07:+", &last).unwrap().changed, 1);
    let now = records(&desk, insert(), "DF02/EF07");
    assert_eq!((&now[0], &now[1], &now[2]), (&expected[0], &expected[0], &expected[1]));
}

const ADDED: [(&str, &str); 2] = [("@1", "00AA"), ("@2", "3")];

#[test]
fn a_record_whose_adding_is_torn_at_any_tpdu_is_added_once_or_not_at_all() {
    for fault in [Fault::Removed, Fault::Lost, Fault::Status(0x6581), Fault::Answer(vec![0x65, 0x81])] {
        for full in [false, true] {
            let mut completed = 0;
            at_every_tpdu(|n| {
                let desk = desk("v3-full");
                let insert = inserted_with(&desk.card);
                for number in 0..if full { 9 } else { 1 } {
                    // The last of them is what is added then.
                    let number = format!("00A{:X}", 2 + number);
                    put(&desk, insert(None).0, "DF04/EF15:+", &[("@1", &number), ("@2", "3")]).unwrap();
                }
                let before = records(&desk, insert(None).0, "DF04/EF15");
                let (lease, wire) = insert(Some((n, fault.clone())));
                let outcome = put(&desk, lease, "DF04/EF15:+", &ADDED);
                let sent = wire.lock().unwrap().sent.len();
                let mended = mend(&desk, insert(None).0).unwrap();
                let now = records(&desk, insert(None).0, "DF04/EF15");
                let added: Vec<_> =
                    std::iter::once(vec!["170".to_owned(), "3".to_owned()]).chain(before.clone()).take(8).collect();
                match (&outcome, mended.as_slice()) {
                    (Ok(_), []) | (_, [(_, Mended::Completed)]) => {
                        completed += 1;
                        assert_eq!(now, added, "{fault:?} at {n}: {outcome:?}");
                    }
                    (Err(_), [] | [(_, Mended::Undone)]) => assert_eq!(now, before, "{fault:?} at {n}: {outcome:?}"),
                    other => panic!("{other:?}"),
                }
                sent
            });
            assert!(completed >= 1, "{fault:?}");
        }
    }
}

#[test]
fn what_is_torn_inside_such_a_record_is_completed() {
    for (name, values) in [
        ("DF04/EF15:+", ADDED.as_slice()),
        ("DF03/EF19:2", &[("79/18", "390"), ("79/1A", "20201231")]),
        ("DF01/EF15", &[("40:2/59", "某某大学"), ("40:2/57", "AB1")]),
    ] {
        let desk = Desk::new("v3-full");
        let memory = || {
            let memory = desk.card.memory().unwrap();
            for number in 1..=8 {
                let lease = placed(&desk.card, &memory);
                put(&again(), lease, "DF04/EF15:+", &[("@1", &format!("{number:04X}")), ("@2", "1")]).unwrap();
            }
            memory
        };
        let memory_of_trial = memory();
        let trial = desk.card.chip_with(&memory_of_trial, Arc::new(SystemRandom::default()));
        let (lease, wire) = lease_on(InProcess::new(trial).unwrap(), Interface::Contact, None);
        put(&again(), lease, name, values).unwrap();
        let at = wire.lock().unwrap().sent.iter().position(|tpdu| tpdu[1] == 0xDC).unwrap() as u32 + 1;
        let whole = name.split_once(':').map_or(name, |(file, _)| file);
        let expected = shown(&again(), placed(&desk.card, &memory_of_trial), whole);
        for bytes in [1, 2, 5, 9, 20] {
            let (desk, memory) = (again(), memory());
            let torn = desk.card.clone().removed_at(at).torn(Torn::Within(bytes));
            let outcome = put(&desk, placed(&torn, &memory), name, values);
            assert!(matches!(outcome, Err(CardError::WriteTorn(_))), "{name} {bytes}: {outcome:?}");
            let (store, random) = (desk.store.clone().unwrap(), SystemRandom::default());
            let journal = Journal::new(&store, &KEY, &random);
            let mended = desk.on(placed(&desk.card, &memory), |card| card.mend(&journal, &mut pin())).unwrap();
            let now = shown(&desk, placed(&desk.card, &memory), whole);
            match mended[0].1 {
                Mended::Completed => assert_eq!(now, expected, "{name} {bytes}"),
                Mended::Undone => assert!(bytes < 9 && now != expected, "{name} {bytes}"),
            }
        }
    }
}

fn again() -> Desk {
    desk("v3-full")
}

fn placed(image: &Image, memory: &crate::virtual_card::Memory) -> Lease {
    let chip = image.chip_with(memory, Arc::new(SystemRandom::default()));
    lease_on(InProcess::new(chip).unwrap(), Interface::Contact, None).0
}

#[test]
fn a_record_that_others_added_since_is_seen() {
    let at = {
        let desk = again();
        let (lease, wire) = inserted_with(&desk.card)(None);
        put(&desk, lease, "DF04/EF15:+", &ADDED).unwrap();
        let wire = wire.lock().unwrap();
        wire.sent.iter().position(|tpdu| tpdu[1] == 0xDC).unwrap() + 1
    };
    for (fault, mended) in [(Fault::Lost, Ok(Mended::Completed)), (Fault::Removed, Err("E-CARD-CHANGED-ELSEWHERE"))] {
        let ours = again();
        let insert = inserted_with(&ours.card);
        put(&ours, insert(Some((at, fault))).0, "DF04/EF15:+", &ADDED).unwrap_err();
        put(&again(), insert(None).0, "DF04/EF15:+", &[("@1", "0001"), ("@2", "9")]).unwrap();
        let theirs = records(&ours, insert(None).0, "DF04/EF15");
        let became = mend(&ours, insert(None).0).map(|all| all[0].1).map_err(|error| error.entry().code);
        assert_eq!(became, mended);
        assert_eq!(records(&ours, insert(None).0, "DF04/EF15"), theirs, "nothing is added to it");
    }
}

#[test]
fn what_is_no_such_place_says_so_before_anything_is_sent() {
    let desk = again();
    let insert = inserted_with(&desk.card);
    for (name, at, value, code) in [
        ("DF04/EF08:+", "@2", "1", "E-CARD-NEVER"),
        ("DF04/EF08:1", "@2", "1", "E-CARD-UNKNOWN-ITEM"),
        ("DF04/EF15:1", "@1", "0001", "E-CARD-UNKNOWN-ITEM"),
        ("DF04/EF15", "@1", "0001", "E-CARD-UNKNOWN-ITEM"),
        ("DF04/EF15:+", "@3", "1", "E-CARD-UNKNOWN-ITEM"),
        ("DF04/EF15:+", "81", "1", "E-CARD-UNKNOWN-ITEM"),
        ("DF04/EF15:+", "@1:2", "0001", "E-CARD-UNKNOWN-ITEM"),
        ("DF04/EF15:+", "@1", "1", "E-CARD-NEW-VALUE"),
        ("DF03/EF19:5", "79/18", "1", "E-CARD-UNKNOWN-ITEM"),
        ("DF03/EF19:+", "79/18", "1", "E-CARD-UNKNOWN-ITEM"),
        ("DF03/EF19:1", "79/20", "1", "E-CARD-UNKNOWN-ITEM"),
        ("DF02/EF15", "99", "1003303031", "E-CARD-UNKNOWN-ITEM"),
        ("DF02/EF15", "99:5/10", "001", "E-CARD-UNKNOWN-ITEM"),
        ("DF02/EF15", "99:1/10", "0001", "E-CARD-NEW-VALUE"),
        ("DF04/EF05:1", "84", "440105", "E-CARD-UNKNOWN-ITEM"),
    ] {
        let (lease, wire) = insert(None);
        assert_eq!(put(&desk, lease, name, &[(at, value)]).unwrap_err().entry().code, code, "{name} {at}");
        assert_eq!(wire.lock().unwrap().count(0xDC), 0);
    }
    let twice = put(&desk, insert(None).0, "DF04/EF05", &[("84", "440105"), ("84", "440106")]).unwrap_err();
    assert_eq!(twice.entry().code, "E-CARD-NEW-VALUE");
    let none = put(&desk, insert(None).0, "DF04/EF15:+", &[]).unwrap_err();
    assert_eq!(none, CardError::UnknownItem("DF04/EF15:+".to_owned()));
    assert!(matches!("DF04/EF15:+".parse::<Address>().unwrap().row, Some(Row::New)));
}
