//! Commands on the wire, GET RESPONSE not counted: what the first card of a type takes, and every later one.

use super::*;

fn counts(desk: &Desk) -> [u32; 2] {
    [0; 2].map(|_| desk.read().outcome.unwrap().apdus().card)
}

#[test]
fn a_3_0_card_takes_six_commands_or_eighteen() {
    assert_eq!(counts(&Desk::new("v3-sm4").with_store()), [6, 6]);
    assert_eq!(counts(&Desk::new("v3-no-whole-file").with_store()), [19, 18]);
    // One more for the length of 卡号, which is not the standard's, and none once it is known.
    assert_eq!(counts(&Desk::new("v3-wrong-le").with_store()), [7, 6]);
}

#[test]
fn older_cards_take_no_external_authentication() {
    for card in ["v1-3des", "v2-3des", "v2-pad-20", "v2-unpersonalised"] {
        assert_eq!(counts(&Desk::new(card).with_store()), [4, 4], "{card}");
    }
    assert_eq!(counts(&Desk::new("v2-no-4e").with_store()), [5, 4]);
    assert_eq!(counts(&Desk::new("v2-no-whole-file").with_store()), [17, 16]);
}

#[test]
fn what_a_type_can_do_is_known_for_each_way_to_read_it() {
    let mut desk = Desk::new("v3-no-whole-file").with_store();
    assert_eq!(counts(&desk), [19, 18]);
    desk.interface = Interface::Contactless;
    assert_eq!(counts(&desk), [19, 18], "by radio it may do other things");
    desk.interface = Interface::Contact;
    assert_eq!(desk.read().outcome.unwrap().apdus().card, 18);
}

#[test]
fn what_is_counted_is_what_was_sent() {
    for card in ["v1-3des", "v3-sm4", "v3-no-whole-file", "v3-wrong-le"] {
        let went = Desk::new(card).with_store().read();
        let reading = went.outcome.unwrap();
        for (wire, counted) in [(&went.card, reading.apdus().card), (&went.psam, reading.apdus().psam)] {
            let wire = wire.lock().unwrap();
            assert_eq!(wire.sent.len() - wire.count(0xC0), counted as usize, "{card}");
        }
    }
}

#[test]
fn a_length_remembered_too_short_is_noticed() {
    use crate::store::{Capability, CardType};
    let desk = Desk::new("v2-3des").with_store();
    let whole = desk.read().outcome.unwrap();
    let type_bytes = whole.atr().historical()[..7].try_into().unwrap();
    for length in 1..=0x5A {
        for version in ["", "2.00"] {
            let card = CardType { type_bytes, interface: Interface::Contact, version: version.into() };
            // EF05 has 40 bytes in all, in hex.
            let whole_ef05 = Some(length.min(0x40));
            let wrong = Capability { whole_ef05, whole_ef06: Some(length), ..Capability::default() };
            desk.store.as_ref().unwrap().remember(&card, &wrong);
        }
        let again = desk.read().outcome.unwrap();
        assert_eq!((again.card(), again.holder()), (whole.card(), whole.holder()), "remembered {length}");
        assert!(again.apdus().card <= 8);
        assert_eq!(desk.read().outcome.unwrap().apdus().card, 4, "learned anew");
    }
}

/// Cards of one type with and without 4E, or with fields of 卡号 of two lengths, one after the other.
#[test]
fn cards_of_one_type_that_come_in_turn_do_not_unteach_each_other() {
    let turns = |base: &str, settings: [&str; 2]| {
        let store = Arc::new(Store::in_memory().unwrap());
        let desks = settings.map(|settings| Desk { store: Some(store.clone()), ..records::desk(base, settings) });
        (0..4).map(|_| [0, 1].map(|n: usize| desks[n].read().outcome.unwrap().apdus().card)).collect::<Vec<_>>()
    };
    let (whole, cut) = ("", "[quirks]\nno_4e = true\n");
    assert_eq!(turns("v3-sm4", [whole, cut]), [[6, 7]; 4]);
    assert_eq!(turns("v3-sm4", [cut, whole])[1..], [[7, 6]; 3]);
    let long = "[card]\nnumber_length = 25\n";
    assert_eq!(turns("v3-sm4", [long, cut])[1..], [[6, 8]; 3], "one more for each file that is shorter");
    assert_eq!(turns("v3-no-whole-file", [long, whole])[1..], [[18, 19]; 3]);
}

#[test]
fn a_length_remembered_too_long_costs_one_command() {
    use crate::store::{Capability, CardType};
    let desk = Desk::new("v2-3des").with_store();
    let whole = desk.read().outcome.unwrap();
    let type_bytes = whole.atr().historical()[..7].try_into().unwrap();
    for length in [0x41, 0x5A, 0xFF, 0x00] {
        let card = CardType { type_bytes, interface: Interface::Contact, version: String::new() };
        let wrong = Capability { whole_ef05: Some(length), ..Capability::default() };
        desk.store.as_ref().unwrap().remember(&card, &wrong);
        let again = desk.read().outcome.unwrap();
        assert_eq!((again.card(), again.apdus().card), (whole.card(), 5), "remembered {length}");
    }
}

#[test]
fn a_card_that_was_refused_teaches_nothing() {
    let desk = Desk::new("v3-forged").with_store();
    desk.read().outcome.unwrap_err();
    let type_bytes = *b"\x86\x03\x53\x42\x44\x00\x03";
    for version in ["", "3.00"] {
        let card = crate::store::CardType { type_bytes, interface: Interface::Contact, version: version.into() };
        assert_eq!(desk.store.as_ref().unwrap().capability(&card), None);
    }
}
