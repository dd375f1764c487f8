//! Files are written, read back, and torn at every TPDU: the card holds what it did or what it is to hold, and which of
//! them is known.

use zeroize::Zeroizing;

use super::open::{at_every_tpdu, inserted, inserted_with};
use super::*;
use crate::card::{Contents, HolderPin, Journal, Mended, Update, Written};
use crate::failure::Explain as _;
use crate::profile::{FileName, ItemAddress, ItemName};

pub(super) const KEY: [u8; 32] = [7; 32];
pub(super) const FILE: &str = "DF04/EF05";

pub(super) fn file(name: &str) -> FileName {
    name.parse().unwrap()
}

pub(super) fn items(values: &[(u8, &str)]) -> Vec<(ItemAddress, Zeroizing<String>)> {
    values.iter().map(|(tag, value)| (ItemAddress::of(*tag), Zeroizing::new((*value).to_owned()))).collect()
}

/// A desk whose card type, store and journal stay from one session to the next.
pub(super) fn desk(card: &str) -> Desk {
    Desk { soft: true, ..Desk::new(card).with_store() }
}

/// The profile that ships, with one file written in another way.
pub(super) fn written(name: &str, writing: &str) -> Profile {
    let text = include_str!("../../../config/card/files.toml");
    let line = format!("name = \"{name}\"");
    let text = text.replace(&line, &format!("{line}\nwriting = \"{writing}\""));
    Profile::load([None, Some(("files.toml", &text)), None]).unwrap()
}

pub(super) fn write(
    desk: &Desk,
    lease: Lease,
    name: &str,
    values: &[(u8, &str)],
    pin: Option<HolderPin>,
) -> Result<Written, CardError> {
    let (store, random) = (desk.store.clone().unwrap(), SystemRandom::default());
    let journal = Journal::new(&store, &KEY, &random);
    desk.on(lease, |card| card.write(&journal, &file(name), &Update::Items(None, &items(values)), &mut { pin }))
}

pub(super) fn mend(desk: &Desk, lease: Lease) -> Result<Vec<(FileName, Mended)>, CardError> {
    let (store, random) = (desk.store.clone().unwrap(), SystemRandom::default());
    let journal = Journal::new(&store, &KEY, &random);
    desk.on(lease, |card| card.mend(&journal, &mut None))
}

/// The values of these items, as text.
pub(super) fn held(desk: &Desk, lease: Lease, name: &str, tags: &[u8]) -> Vec<String> {
    let names: Vec<ItemName> = tags.iter().map(|tag| ItemName { file: file(name), tag: Some(*tag) }).collect();
    let files = desk.on(lease, |card| card.read(&names, None)).unwrap().to_json(true);
    let items = files["files"][0]["items"].as_array().unwrap().clone();
    let of = |tag: &u8| items.iter().find(|item| item["tag"] == format!("{tag:02X}")).unwrap()["value"].clone();
    tags.iter().map(|tag| of(tag).as_str().unwrap_or_default().to_owned()).collect()
}

const TAGS: [u8; 3] = [0x81, 0x84, 0x8F];
const NEW: [(u8, &str); 3] = [(0x81, "31"), (0x84, "440105"), (0x8F, "2")];

#[test]
fn items_are_written_plain_with_a_mac_and_enciphered() {
    for (card, writing) in [
        ("v2-full", "plain"),
        ("v2-full", "mac"),
        ("v3-full", "plain"),
        ("v3-full", "mac"),
        ("v3-enciphered", "enciphered"),
    ] {
        let desk = Desk { profile: written(FILE, writing), ..desk(card) };
        let insert = inserted(&desk.card);
        let before = held(&desk, insert(), FILE, &TAGS);
        assert_eq!(
            write(&desk, insert(), FILE, &NEW, None),
            Ok(Written { file: file(FILE), changed: 3 }),
            "{card} {writing}"
        );
        assert_eq!(held(&desk, insert(), FILE, &TAGS), ["31", "440105", "2"], "{card} {writing}");
        assert_ne!(before, ["31", "440105", "2"]);
        // What is there already is not written again.
        assert_eq!(write(&desk, insert(), FILE, &NEW, None).unwrap().changed, 0);
        assert_eq!(mend(&desk, insert()), Ok(vec![]));
    }
}

#[test]
fn a_card_that_wants_more_protection_says_so_and_is_as_it_was() {
    for writing in ["plain", "mac"] {
        let desk = Desk { profile: written(FILE, writing), ..desk("v3-enciphered") };
        let insert = inserted(&desk.card);
        let before = held(&desk, insert(), FILE, &TAGS);
        let error = write(&desk, insert(), FILE, &NEW, None).unwrap_err();
        assert!(["E-CARD-PROTECTION", "E-CARD-STATUS"].contains(&error.entry().code), "{writing}: {error:?}");
        assert_eq!(held(&desk, insert(), FILE, &TAGS), before);
        assert_eq!(mend(&desk, insert()), Ok(vec![]), "nothing is left to mend");
    }
}

#[test]
fn the_photo_is_written_in_pieces_and_only_those_that_differ() {
    let desk = desk("v3-full");
    let insert = inserted(&desk.card);
    let (store, random) = (desk.store.clone().unwrap(), SystemRandom::default());
    let journal = Journal::new(&store, &KEY, &random);
    let photo: Vec<u8> = (0..1000_u16).map(|n| n.to_be_bytes()[1]).collect();
    let put = |bytes: &[u8]| {
        desk.on(insert(), |card| card.write(&journal, &file("SSSE/EF08"), &Update::Bytes(bytes), &mut None))
    };
    assert_eq!(put(&photo).unwrap().changed, 5);
    let other: Vec<u8> = photo.iter().enumerate().map(|(at, byte)| if at == 600 { !byte } else { *byte }).collect();
    assert_eq!(put(&other).unwrap().changed, 1);
    let read = desk.on(insert(), |card| card.read(&["SSSE/EF08".parse().unwrap()], None)).unwrap();
    let Contents::Bytes(bytes) = &read.files[0].contents else { panic!("no bytes") };
    assert_eq!(&bytes[..1000], other.as_slice());
    assert_eq!(put(&[0; 4097]).unwrap_err().entry().code, "E-CARD-UNKNOWN-ITEM", "longer than the file");
}

#[test]
fn what_cannot_be_written_says_why_before_anything_is() {
    let desk = desk("v3-full");
    let insert = inserted_with(&desk.card);
    for (name, tag, value, code) in [
        (FILE, 0x81, "123456789", "E-CARD-NEW-VALUE"),
        (FILE, 0x84, "44010X", "E-CARD-NEW-VALUE"),
        (FILE, 0x99, "1", "E-CARD-UNKNOWN-ITEM"),
        ("DF04/EF99", 0x81, "1", "E-CARD-UNKNOWN-ITEM"),
        ("DF04/EF08", 0x81, "1", "E-CARD-UNKNOWN-ITEM"),
        ("DF04/EF06", 0x90, "1", "E-CARD-PIN-NEEDED"),
        ("DF02/EF05", 0x44, "3303313233", "E-CARD-UNKNOWN-ITEM"),
    ] {
        let (lease, wire) = insert(None);
        assert_eq!(
            write(&desk, lease, name, &[(tag, value)], None).unwrap_err().entry().code,
            code,
            "{name}/{tag:02X}"
        );
        assert_eq!(wire.lock().unwrap().count(0xDC), 0);
    }
}

#[test]
fn a_write_that_is_torn_at_any_tpdu_is_completed_or_undone() {
    for (card, writing) in [("v2-full", "plain"), ("v3-full", "mac"), ("v3-enciphered", "enciphered")] {
        for fault in [Fault::Removed, Fault::Lost, Fault::Reset] {
            let (mut completed, mut undone) = (0, 0);
            at_every_tpdu(|n| {
                let desk = Desk { profile: written(FILE, writing), ..desk(card) };
                let insert = inserted_with(&desk.card);
                let before = held(&desk, insert(None).0, FILE, &TAGS);
                let (lease, wire) = insert(Some((n, fault.clone())));
                let outcome = write(&desk, lease, FILE, &NEW, None);
                let sent = wire.lock().unwrap().sent.len();
                if n > sent {
                    assert!(outcome.is_ok(), "{outcome:?}");
                    return sent;
                }
                let error = outcome.unwrap_err();
                let torn = desk.on(insert(None).0, |card| Ok::<_, CardError>(card.torn_writes())).unwrap();
                assert_eq!(matches!(error, CardError::WriteTorn(_)), torn == 1, "{card}, {fault:?} at {n}: {error:?}");
                if torn == 1 {
                    let refused = write(&desk, insert(None).0, FILE, &NEW, None);
                    assert_eq!(refused, Err(CardError::WriteOpen), "nothing is written over it");
                }
                let mended = mend(&desk, insert(None).0).unwrap();
                let now = held(&desk, insert(None).0, FILE, &TAGS);
                match mended.as_slice() {
                    [] => assert_eq!((torn, &now), (0, &before), "{card}, {fault:?} at {n}"),
                    [(_, Mended::Completed)] => {
                        assert_eq!(now, ["31", "440105", "2"], "{card}, {fault:?} at {n}");
                        completed += 1;
                    }
                    [(_, Mended::Undone)] => {
                        assert_eq!(now, before, "{card}, {fault:?} at {n}");
                        undone += 1;
                    }
                    more => panic!("{more:?}"),
                }
                assert_eq!(mend(&desk, insert(None).0), Ok(vec![]), "once");
                sent
            });
            // What was lost had been carried out: only where a challenge was lost is the card as it was.
            let undoes = undone >= 1 || matches!(fault, Fault::Lost);
            assert!(completed >= 3 && undoes, "{card}, {fault:?}: {completed} completed, {undone} undone");
        }
    }
}

#[test]
fn a_write_that_is_refused_at_any_tpdu_leaves_the_card_as_it_was_or_is_reported() {
    for status in
        [0x6581, 0x6700, 0x6982, 0x6984, 0x6985, 0x6988, 0x6A80, 0x6A82, 0x6A83, 0x6A84, 0x6A85, 0x6B00, 0x6D00, 0x9302]
    {
        at_every_tpdu(|n| {
            let desk = desk("v3-full");
            let insert = inserted_with(&desk.card);
            let before = held(&desk, insert(None).0, FILE, &TAGS);
            let (lease, wire) = insert(Some((n, Fault::Answer(u16::to_be_bytes(status).to_vec()))));
            let outcome = write(&desk, lease, FILE, &NEW, None);
            let wire = wire.lock().unwrap();
            assert!(wire.count(0x82) <= 2, "{status:04X} at {n}: a key is proven once");
            let torn = desk.on(insert(None).0, |card| Ok::<_, CardError>(card.torn_writes())).unwrap();
            let now = held(&desk, insert(None).0, FILE, &TAGS);
            match outcome {
                Ok(_) => assert_eq!((now, torn), (["31", "440105", "2"].map(str::to_owned).to_vec(), 0)),
                Err(CardError::HalfWritten(_) | CardError::WriteTorn(_)) => assert_eq!(torn, 1, "{status:04X} at {n}"),
                Err(error) => assert_eq!((now, torn), (before, 0), "{status:04X} at {n}: {error:?}"),
            }
            wire.sent.len()
        });
    }
}

#[test]
fn another_card_is_not_the_one_that_was_read() {
    let desk = desk("v3-full");
    let identifier = desk.used(|card| Ok(card.identifier().clone())).outcome.unwrap();
    assert_eq!(desk.used(|card| card.must_be(&identifier)).outcome, Ok(()));
    assert_eq!(Desk::new("v2-full").used(|card| card.must_be(&identifier)).outcome, Err(CardError::Swapped));
}

#[test]
fn what_another_key_sealed_is_told_and_can_be_discarded() {
    let desk = desk("v3-full");
    let insert = inserted_with(&desk.card);
    let sent = {
        let (lease, wire) = insert(None);
        write(&desk, lease, FILE, &NEW[..1], None).unwrap();
        let sent = wire.lock().unwrap().sent.iter().position(|tpdu| tpdu[1] == 0xDC).unwrap();
        sent + 1
    };
    let torn = write(&desk, insert(Some((sent, Fault::Removed))).0, FILE, &[(0x81, "11")], None);
    assert!(matches!(torn, Err(CardError::WriteTorn(_))), "{torn:?}");
    let (store, random) = (desk.store.clone().unwrap(), SystemRandom::default());
    let other = Journal::new(&store, &[8; 32], &random);
    let refused = desk.on(insert(None).0, |card| card.mend(&other, &mut None));
    assert_eq!(refused.unwrap_err().entry().code, "E-CARD-WRITES-UNKNOWN");
    assert_eq!(desk.on(insert(None).0, |card| card.discard_writes(&other)), Ok(1));
    assert_eq!(desk.on(insert(None).0, |card| card.mend(&other, &mut None)), Ok(vec![]));
}

#[test]
fn no_card_is_written_while_it_is_not_known_whose_a_torn_write_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let desk = Desk { store: Some(Arc::new(Store::open(&path).unwrap())), ..desk("v3-full") };
    let card = desk.card.clone();
    let insert = inserted_with(&card);
    let sent = {
        let (lease, wire) = insert(None);
        write(&desk, lease, FILE, &NEW[..1], None).unwrap();
        wire.lock().unwrap().sent.iter().position(|tpdu| tpdu[1] == 0xDC).unwrap() + 1
    };
    let torn = write(&desk, insert(Some((sent, Fault::Removed))).0, FILE, &[(0x81, "11")], None);
    assert!(matches!(torn, Err(CardError::WriteTorn(_))), "{torn:?}");
    rusqlite::Connection::open(&path).unwrap().execute("DELETE FROM salt", []).unwrap();
    let desk = Desk { store: Some(Arc::new(Store::open(&path).unwrap())), ..desk };
    for told in [write(&desk, insert(None).0, FILE, &NEW, None).map(drop), mend(&desk, insert(None).0).map(drop)] {
        assert_eq!(told.unwrap_err().entry().code, "E-STORE-LOST-WRITES");
    }
    assert_eq!(desk.read().outcome.unwrap().warnings(), [crate::card::Warning::WritesLost]);
    assert_eq!(desk.store.as_ref().unwrap().discard_lost_writes().unwrap(), 1);
    write(&desk, insert(None).0, FILE, &NEW, None).unwrap();
}
