//! A write that is torn inside a record, and one after which somebody else wrote: ours is completed or undone, nobody
//! else's is written over.

use super::open::inserted_with;
use super::write::{FILE, KEY, desk, file, held, mend, write, written};
use super::*;
use crate::card::{Journal, Mended, Update};
use crate::failure::Explain as _;
use crate::virtual_card::{Memory, Torn};

/// At which TPDU of writing these the first record is written.
fn update_at(desk: &Desk, values: &[(u8, &str)]) -> u32 {
    let (lease, wire) = inserted_with(&desk.card)(None);
    let other = Desk { card: desk.card.clone(), profile: desk.profile.clone(), ..super::write::desk("v3-full") };
    write(&other, lease, FILE, values, None).unwrap();
    let wire = wire.lock().unwrap();
    let at = wire.sent.iter().position(|tpdu| tpdu[1] == 0xDC).unwrap() + 1;
    at.try_into().unwrap()
}

/// The card, pulled at this TPDU with so many bytes of it written, if at all.
fn put(desk: &Desk, memory: &Memory, torn: Option<(u32, u8)>) -> Lease {
    let image = match torn {
        Some((at, bytes)) => desk.card.clone().removed_at(at).torn(Torn::Within(bytes)),
        None => desk.card.clone(),
    };
    let chip = image.chip_with(memory, Arc::new(SystemRandom::default()));
    lease_on(InProcess::new(chip).unwrap(), Interface::Contact, None).0
}

#[test]
fn a_record_that_is_torn_at_any_byte_is_completed_or_undone() {
    // An item of characters, one of digits, and one whose record grew or shrank, so that its length does not fit either.
    for (card, writing, old, tag, new) in [
        ("v3-full", "mac", "", 0x8B, "样例医院二科室三"),
        ("v2-full", "plain", "", 0x80, "20231231"),
        ("v3-enciphered", "enciphered", "", 0x8B, "AB"),
        ("v3-full", "mac", "84 = \"hex:4401020304\"", 0x84, "440105"),
        ("v3-full", "mac", "84 = \"hex:4401\"", 0x84, "440105"),
    ] {
        let desk = Desk {
            card: super::records::desk(card, &format!("[files.\"{FILE}\"]\n{old}\n")).card,
            profile: written(FILE, writing),
            ..desk(card)
        };
        let at = update_at(&desk, &[(tag, new)]);
        let (mut completed, mut undone) = (0, 0);
        for bytes in (0..=12).chain([20, 31, 32]) {
            let desk = Desk { store: Some(Arc::new(Store::in_memory().unwrap())), ..again(&desk) };
            let memory = desk.card.memory().unwrap();
            let before = desk.on(put(&desk, &memory, None), |card| card.read(&[item(tag)], None));
            let torn = write(&desk, put(&desk, &memory, Some((at, bytes))), FILE, &[(tag, new)], None);
            assert!(matches!(torn, Err(CardError::WriteTorn(_))), "{card} {tag:02X} at {bytes}: {torn:?}");
            match mend(&desk, put(&desk, &memory, None)).unwrap().as_slice() {
                [(_, Mended::Completed)] => {
                    completed += 1;
                    assert_eq!(held(&desk, put(&desk, &memory, None), FILE, &[tag]), [new], "{card} at {bytes}");
                }
                [(_, Mended::Undone)] => {
                    undone += 1;
                    let now = desk.on(put(&desk, &memory, None), |card| card.read(&[item(tag)], None));
                    assert_eq!(now.map(|now| now.files).ok(), before.map(|before| before.files).ok());
                }
                other => panic!("{card} {tag:02X} at {bytes}: {other:?}"),
            }
            assert_eq!(mend(&desk, put(&desk, &memory, None)), Ok(vec![]), "once");
        }
        assert!(completed > 0 && undone > 0, "{card} {tag:02X}: {completed} completed, {undone} undone");
    }
}

fn item(tag: u8) -> crate::profile::ItemName {
    format!("{FILE}/{tag:02X}").parse().unwrap()
}

fn again(desk: &Desk) -> Desk {
    Desk { card: desk.card.clone(), profile: desk.profile.clone(), ..super::write::desk("v3-full") }
}

#[test]
fn what_somebody_else_wrote_since_is_not_written_over() {
    let ours = desk("v3-full");
    let memory = ours.card.memory().unwrap();
    let new = [(0x84, "440105"), (0x8F, "2")];
    let at = update_at(&ours, &new);
    let torn = write(&ours, put(&ours, &memory, Some((at, 0))), FILE, &new, None);
    assert!(matches!(torn, Err(CardError::WriteTorn(_))), "{torn:?}");
    // Another terminal, with a store of its own.
    let theirs = desk("v3-full");
    write(&theirs, put(&theirs, &memory, None), FILE, &[(0x84, "440106")], None).unwrap();
    let told = mend(&ours, put(&ours, &memory, None)).unwrap_err();
    assert_eq!(told, CardError::ChangedElsewhere(format!("{FILE}/84")));
    assert_eq!(told.entry().code, "E-CARD-CHANGED-ELSEWHERE");
    assert_eq!(held(&ours, put(&ours, &memory, None), FILE, &[0x84, 0x8F])[0], "440106");
    assert_eq!(write(&ours, put(&ours, &memory, None), FILE, &new, None), Err(CardError::WriteOpen));
    let (store, random) = (ours.store.clone().unwrap(), SystemRandom::default());
    let journal = Journal::new(&store, &KEY, &random);
    assert_eq!(ours.on(put(&ours, &memory, None), |card| card.discard_writes(&journal)), Ok(1));
    write(&ours, put(&ours, &memory, None), FILE, &new, None).unwrap();
    assert_eq!(held(&ours, put(&ours, &memory, None), FILE, &[0x84, 0x8F]), ["440105", "2"]);
}

#[test]
fn a_record_that_is_garbled_is_written_over_where_nothing_of_ours_is_open() {
    let image = super::records::desk("v3-full", &format!("[files.\"{FILE}\"]\ngarbled = [\"84\"]\n")).card;
    let desk = Desk { card: image, ..desk("v3-full") };
    let memory = desk.card.memory().unwrap();
    let at = update_at(&desk, &[(0x84, "440105")]) as usize;
    // Refused, it is as unreadable as it was, and nothing of ours is half written.
    let refused = inserted_with(&desk.card)(Some((at, Fault::Answer(vec![0x69, 0x82])))).0;
    let refused = write(&desk, refused, FILE, &[(0x84, "440105")], None).unwrap_err();
    assert!(matches!(refused, CardError::NotAllowed { .. }), "{refused:?}");
    assert_eq!(mend(&desk, put(&desk, &memory, None)), Ok(vec![]));
    write(&desk, put(&desk, &memory, None), FILE, &[(0x84, "440105")], None).unwrap();
    assert_eq!(held(&desk, put(&desk, &memory, None), FILE, &[0x84]), ["440105"]);
}

#[test]
fn a_photo_that_is_torn_inside_a_piece_is_completed() {
    let desk = desk("v3-full");
    let photo: Vec<u8> = (0..500_u16).map(|n| n.to_be_bytes()[1] ^ 0x5A).collect();
    let (store, random) = (desk.store.clone().unwrap(), SystemRandom::default());
    let journal = Journal::new(&store, &KEY, &random);
    let memory = desk.card.memory().unwrap();
    let write = |lease: Lease| {
        desk.on(lease, |card| card.write(&journal, &file("SSSE/EF08"), &Update::Bytes(&photo), &mut None))
    };
    let at = {
        let (lease, wire) = inserted_with(&desk.card)(None);
        write(lease).unwrap();
        let wire = wire.lock().unwrap();
        wire.sent.iter().rposition(|tpdu| tpdu[1] == 0xD6).unwrap() as u32 + 1
    };
    assert!(matches!(write(put(&desk, &memory, Some((at, 20)))), Err(CardError::WriteTorn(_))));
    assert_eq!(mend(&desk, put(&desk, &memory, None)).unwrap()[0].1, Mended::Completed);
    assert_eq!(write(put(&desk, &memory, None)).unwrap().changed, 0);
}
