//! Readers in this process, and that a lease on one sees what a PC/SC lease would.

use std::time::Duration;

use super::*;
use crate::apdu::Command;
use crate::reader::{Interface, Lease, PadOutcome, PinEntry, PinLength, ReaderEvent, Readers, Role, TransportError};
use crate::virtual_card::{Prompt, Torn, Typed, VirtualReaders};

const WITHIN: Duration = Duration::from_secs(5);

fn readers() -> Arc<VirtualReaders> {
    let readers = VirtualReaders::new(&[("Card", Some(Role::Holder)), ("SAM", None)]);
    readers.insert("Card", chip("v3-sm4"));
    readers.insert("SAM", chip("psam"));
    readers
}

fn send(lease: &mut Lease, apdu: &str) -> Result<String, TransportError> {
    let command = Command::parse(&hex::decode(apdu).unwrap()).unwrap();
    lease.send(&command).map(|response| response.status().to_string())
}

#[test]
fn a_role_is_configured_or_found() {
    let readers = readers();
    let roles = |readers: &VirtualReaders| readers.list().iter().map(|reader| reader.role).collect::<Vec<_>>();
    assert_eq!(roles(&readers), [Some(Role::Holder), Some(Role::Psam)]);
    readers.insert("SAM", chip("psam-none"));
    readers.insert("Card", chip("psam"));
    assert_eq!(roles(&readers), [Some(Role::Holder), Some(Role::Holder)], "a configured role stays");
}

#[test]
fn coming_and_going_is_told() {
    let readers = VirtualReaders::new(&[("SAM", None)]);
    let mut events = readers.watch();
    readers.insert("SAM", chip("psam"));
    assert!(readers.remove("SAM").is_some());
    assert!(readers.remove("SAM").is_none());
    readers.service(false);
    readers.service(true);
    assert_eq!(events.try_recv().unwrap(), ReaderEvent::RoleFound("SAM".into(), Role::Psam));
    assert!(matches!(events.try_recv().unwrap(), ReaderEvent::CardIn(name, _) if name == "SAM"));
    assert_eq!(events.try_recv().unwrap(), ReaderEvent::CardOut("SAM".into()));
    assert_eq!(events.try_recv().unwrap(), ReaderEvent::ServiceAway);
    assert_eq!(events.try_recv().unwrap(), ReaderEvent::ServiceBack);
    assert!(events.try_recv().is_err());
}

#[test]
fn one_lease_at_a_time() {
    let readers = readers();
    let lease = readers.lease("Card", WITHIN).unwrap();
    assert_eq!(readers.lease("Card", WITHIN).unwrap_err(), TransportError::Busy(None));
    assert!(readers.lease("SAM", WITHIN).is_ok(), "another reader is free");
    drop(lease);
    assert!(readers.lease("Card", WITHIN).is_ok());
    assert_eq!(readers.lease("None", WITHIN).unwrap_err(), TransportError::NoReader("None".into()));
    readers.remove("Card");
    assert_eq!(readers.lease("Card", WITHIN).unwrap_err(), TransportError::NoCard("Card".into()));
}

#[test]
fn another_program_is_named() {
    let readers = readers();
    readers.hold("Card", Some(Some("other".into())));
    assert!(readers.list()[0].busy);
    assert_eq!(readers.lease("Card", WITHIN).unwrap_err(), TransportError::Busy(Some("other".into())));
    readers.hold("Card", None);
    assert!(readers.lease("Card", WITHIN).is_ok());
}

#[test]
fn a_lease_ends_its_rights_with_a_reset() {
    let readers = readers();
    let mut lease = readers.lease("Card", WITHIN).unwrap();
    send(&mut lease, SELECT_SSSE).unwrap();
    let challenge = Command::parse(&[0, 0x84, 0, 0, 8]).unwrap();
    let process: [u8; 8] = lease.send(&challenge).unwrap().data().try_into().unwrap();
    let data = proof(Algorithm::Sm4, "rkssse", "v3-sm4", process, [0; 8]);
    let external = format!("0082000A10{}{}", hex::encode(data), "00".repeat(8));
    assert_eq!(send(&mut lease, &external).unwrap(), "9000");
    assert_eq!(send(&mut lease, "00B201355B").unwrap(), "9000");
    drop(lease);
    let mut next = readers.lease("Card", WITHIN).unwrap();
    assert_eq!(send(&mut next, "00B2010C12").unwrap(), "6A82", "nothing is selected any more");
    send(&mut next, SELECT_SSSE).unwrap();
    assert_eq!(send(&mut next, "00B201355B").unwrap(), "6982");
}

#[test]
fn the_card_is_pulled_at_the_nth_tpdu() {
    for n in 1..=4 {
        let readers = readers();
        let mut events = readers.watch();
        readers.pull_at("Card", n);
        let mut lease = readers.lease("Card", WITHIN).unwrap();
        let mut sent = 1;
        while send(&mut lease, "0084000008").is_ok() {
            assert!(!readers.pulled("Card"));
            sent += 1;
        }
        assert_eq!(sent, n);
        assert!(readers.pulled("Card") && !readers.list()[0].card);
        assert_eq!(readers.exchanges("Card"), n);
        assert_eq!(events.try_recv().unwrap(), ReaderEvent::CardOut("Card".into()));
        // A card put in again does not bring the old lease back.
        readers.insert("Card", chip("v3-sm4"));
        assert_eq!(send(&mut lease, "0084000008"), Err(TransportError::Removed));
        drop(lease);
        assert!(send(&mut readers.lease("Card", WITHIN).unwrap(), "0084000008").is_ok());
    }
}

#[test]
fn a_removal_by_the_images_fault_is_a_removal() {
    let readers = readers();
    readers.insert("Card", image("v3-sm4").removed_at(1).chip(Arc::new(SystemRandom::default())));
    let mut lease = readers.lease("Card", WITHIN).unwrap();
    assert_eq!(send(&mut lease, SELECT_SSSE), Err(TransportError::Removed));
    assert!(!readers.list()[0].card);
}

#[test]
fn a_foreign_reset_is_learned_and_can_be_mended() {
    let readers = readers();
    let mut lease = readers.lease("Card", WITHIN).unwrap();
    assert_eq!(send(&mut lease, SELECT_SSSE).unwrap(), "9000");
    readers.reset_by_another("Card");
    assert_eq!(send(&mut lease, "00B2012D40"), Err(TransportError::Reset));
    lease.reset().unwrap();
    assert_eq!(send(&mut lease, "00B2012D40").unwrap(), "6A82", "it must be selected again");
}

#[test]
fn while_the_service_is_away_nothing_works() {
    let readers = readers();
    let mut lease = readers.lease("Card", WITHIN).unwrap();
    readers.service(false);
    assert_eq!(send(&mut lease, SELECT_SSSE), Err(TransportError::ServiceAway));
    assert_eq!(readers.lease("SAM", WITHIN).unwrap_err(), TransportError::ServiceAway);
    readers.service(true);
    assert!(send(&mut lease, SELECT_SSSE).is_err(), "no handle outlives the service");
    drop(lease);
    assert!(readers.lease("Card", WITHIN).is_ok());
}

#[test]
fn a_card_in_the_field_is_leased_as_one() {
    let readers = readers();
    readers.insert("Card", chip("v3-contactless"));
    let mut lease = readers.lease("Card", WITHIN).unwrap();
    assert_eq!(lease.interface(), Interface::Contactless);
    assert_eq!(send(&mut lease, &format!("{SELECT_SSSE}00")).unwrap(), "9000");
    assert_eq!(send(&mut lease, "00B2012D00").unwrap(), "9000");
    assert_eq!((lease.counts().commands, lease.counts().get_responses), (2, 0), "whole commands, whole answers");
}

#[test]
fn a_torn_command_was_carried_out_or_was_not() {
    for (torn, left) in [(Torn::Before, "63C3"), (Torn::After, "63C2")] {
        let (readers, image) = (readers(), image("v3-sm4"));
        let memory = image.memory().unwrap();
        let insert = || readers.insert("Card", image.chip_with(&memory, Arc::new(SystemRandom::default())));
        insert();
        readers.tear("Card", 1, torn);
        let wrong_pin = send(&mut readers.lease("Card", WITHIN).unwrap(), "0020000003111111");
        assert_eq!(wrong_pin, Err(TransportError::Removed));
        assert!(readers.pulled("Card"));
        insert();
        assert_eq!(send(&mut readers.lease("Card", WITHIN).unwrap(), "0020000000").unwrap(), left);
    }
}

#[test]
fn counters_stay_on_the_card_from_lease_to_lease() {
    let readers = readers();
    for left in ["63C2", "63C1"] {
        let mut lease = readers.lease("Card", WITHIN).unwrap();
        assert_eq!(send(&mut lease, "0020000003111111").unwrap(), left);
    }
    let card = readers.remove("Card").unwrap();
    readers.insert("Card", card);
    assert_eq!(send(&mut readers.lease("Card", WITHIN).unwrap(), "0020000000").unwrap(), "63C1");
}

#[test]
fn a_person_types_at_a_readers_pad() {
    let readers = readers();
    let keys = Arc::new(std::sync::Mutex::new(Vec::new()));
    let stands = {
        let keys = Arc::clone(&keys);
        move |prompt: Prompt| {
            let digits = |digits: &str| Typed::digits(digits);
            keys.lock().unwrap().push(prompt);
            match (prompt, keys.lock().unwrap().len()) {
                (Prompt::Pin, 1) => digits("000000"),
                (Prompt::Pin, 2) => Typed::Cancel,
                (Prompt::Pin, 3) => digits("12345"),
                (Prompt::Pin, 4) => Typed::Nothing,
                (Prompt::Pin | Prompt::Old, _) => digits("123456"),
                (Prompt::New, _) => digits("111111"),
                (Prompt::Again, _) => digits("222222"),
            }
        }
    };
    readers.pin_pad("Card", Some(Arc::new(stands)));
    let mut lease = readers.lease("Card", WITHIN).unwrap();
    send(&mut lease, SELECT_SSSE).unwrap();
    let six = PinEntry::of(PinLength::SIX, WITHIN);
    let answered = |status| PadOutcome::Answered(StatusWord(status));
    for outcome in [answered(0x63C2), PadOutcome::Cancelled, PadOutcome::Length, PadOutcome::TimedOut, answered(0x9000)]
    {
        assert_eq!(lease.verify_by_pad(six), Ok(outcome));
    }
    assert_eq!(lease.change_by_pad(PinLength::SIX, WITHIN), Ok(PadOutcome::Differ));
    assert_eq!(*keys.lock().unwrap(), [vec![Prompt::Pin; 5], vec![Prompt::Old, Prompt::New, Prompt::Again]].concat());
    drop(lease);
    readers.pin_pad("Card", None);
    assert_eq!(readers.lease("Card", WITHIN).unwrap().verify_by_pad(six), Err(TransportError::NoPinPad));
}
