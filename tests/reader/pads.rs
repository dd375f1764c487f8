//! PIN pads through a real pcscd, with a driver that does what a pad does (`rig/reader.c`).

use std::time::Duration;

use sbkd::apdu::{Command, StatusWord};
use sbkd::reader::{
    Lease, PadAbilities, PadOutcome, PcscReaders, PinEntry, PinLength, PinPadUse, Role, RoleRule, TransportError,
};

use crate::rig::{HOLDER, PATIENCE, Rig, image};
use crate::{alone_in, leased, selects};

const TWENTY: Duration = Duration::from_secs(20);
const ALL: PadAbilities = PadAbilities { verify: true, change: true };
const NONE: PadAbilities = PadAbilities { verify: false, change: false };

/// The card's PIN, which the image sets.
const RIGHT: &str = "123456";
const WRONG: &str = "654321";

#[test]
fn a_pin_is_typed_at_the_pad_and_each_entry_is_one_try() {
    alone_in("pads::a_pin_is_typed_at_the_pad_and_each_entry_is_one_try", with_card, |rig| {
        let readers = PcscReaders::start(Vec::new());
        let mut lease = leased(&*readers);
        assert!(selects(&mut lease).is_ok());
        assert_eq!(lease.pad(), Ok(ALL));
        assert_eq!(tries(&mut lease), 0x63C3);
        rig.reader().person(WRONG);
        assert_eq!(verify(&mut lease), Ok(PadOutcome::Answered(StatusWord(0x63C2))));
        assert_eq!(tries(&mut lease), 0x63C2, "one try, and one only");
        for (does, outcome) in [
            ("cancel", PadOutcome::Cancelled),
            ("away", PadOutcome::TimedOut),
            ("12345", PadOutcome::Length),
            ("1234567", PadOutcome::Length),
        ] {
            rig.reader().person(does);
            assert_eq!(verify(&mut lease), Ok(outcome), "{does}");
            assert_eq!(tries(&mut lease), 0x63C2, "{does}: the card heard of nothing");
        }
        rig.reader().person(RIGHT);
        assert_eq!(verify(&mut lease), Ok(PadOutcome::Answered(StatusWord::OK)));
        assert_eq!(tries(&mut lease), 0x63C3);
        assert_eq!(rig.reader().sent(), ["sent 20 of 8"; 2]);
        let heard = rig.reader().heard();
        assert!(heard.iter().filter(|line| *line == "features").count() == 1, "asked once a lease: {heard:?}");
        let structures: Vec<_> = heard.iter().filter_map(|line| line.strip_prefix("verify ")).collect();
        assert_eq!(structures, ["141481030006060201040800000000080000000020000003FFFFFF"; 6]);
    });
}

#[test]
fn a_pin_of_any_length_is_stated_by_the_pad() {
    alone_in("pads::a_pin_of_any_length_is_stated_by_the_pad", with_card, |rig| {
        let readers = PcscReaders::start(Vec::new());
        let mut lease = leased(&*readers);
        assert!(selects(&mut lease).is_ok());
        let entry = PinEntry::between(PinLength::LEAST, PinLength::new(12).unwrap(), TWENTY);
        for (does, answer) in [("12345678", 0x63C2), ("1234567", 0x63C1), (RIGHT, 0x9000)] {
            rig.reader().person(does);
            let outcome = lease.verify_by_pad(entry);
            assert_eq!(outcome, Ok(PadOutcome::Answered(StatusWord(answer))), "{does}");
        }
        assert_eq!(rig.reader().sent(), ["sent 20 of 9", "sent 20 of 9", "sent 20 of 8"]);
    });
}

#[test]
fn what_a_pin_at_the_pad_gained_ends_with_the_lease() {
    alone_in("pads::what_a_pin_at_the_pad_gained_ends_with_the_lease", with_card, |rig| {
        let readers = PcscReaders::start(Vec::new());
        let resets = |rig: &Rig| rig.reader().heard().iter().filter(|line| *line == "warm reset").count();
        for (does, reset) in [("cancel", 0), (WRONG, 0), (RIGHT, 1)] {
            let mut lease = leased(&*readers);
            assert!(selects(&mut lease).is_ok());
            let before = resets(rig);
            rig.reader().person(does);
            verify(&mut lease).unwrap();
            drop(lease);
            assert_eq!(resets(rig) - before, reset, "{does}");
        }
    });
}

#[test]
fn both_pins_of_a_change_are_typed_at_the_pad() {
    alone_in("pads::both_pins_of_a_change_are_typed_at_the_pad", with_card, |rig| {
        let readers = PcscReaders::start(Vec::new());
        let mut lease = leased(&*readers);
        assert!(selects(&mut lease).is_ok());
        let change = |lease: &mut Lease, does: &str| {
            rig.reader().person(does);
            lease.change_by_pad(PinLength::SIX, TWENTY)
        };
        assert_eq!(change(&mut lease, "123456 111111 222222"), Ok(PadOutcome::Differ));
        assert_eq!(change(&mut lease, "123456 11111 11111"), Ok(PadOutcome::Length));
        assert_eq!(change(&mut lease, "cancel"), Ok(PadOutcome::Cancelled));
        assert!(rig.reader().sent().is_empty());
        assert_eq!(change(&mut lease, "654321 111111 111111"), Ok(PadOutcome::Answered(StatusWord(0x63C2))));
        assert_eq!(change(&mut lease, "123456 111111 111111"), Ok(PadOutcome::Answered(StatusWord::OK)));
        assert_eq!(rig.reader().sent(), ["sent 5E of 12"; 2]);
        rig.reader().person("111111");
        assert_eq!(verify(&mut lease), Ok(PadOutcome::Answered(StatusWord::OK)), "it is the new one");
        let heard = rig.reader().heard();
        let told = heard.iter().find_map(|line| line.strip_prefix("modify ")).unwrap();
        assert_eq!(told, "14148103000004060603020304080001020000000C000000805E010007FFFFFFFFFFFFFF");
    });
}

#[test]
fn a_rule_overrides_what_the_reader_says() {
    alone_in("pads::a_rule_overrides_what_the_reader_says", with_card, |rig| {
        for (pin_pad, abilities) in [
            (PinPadUse::Auto, ALL),
            (PinPadUse::Verify, PadAbilities { change: false, ..ALL }),
            (PinPadUse::None, NONE),
        ] {
            let rule = RoleRule { pin_pad, ..RoleRule::new(HOLDER, Role::Holder) };
            let readers = PcscReaders::start(vec![rule.clone()]);
            let mut lease = leased(&*readers);
            assert_eq!(lease.pad(), Ok(abilities), "{pin_pad:?}");
            for (can, done) in [
                (abilities.verify, verify(&mut lease)),
                (abilities.change, lease.change_by_pad(PinLength::SIX, TWENTY)),
            ] {
                let expected = if can { Ok(PadOutcome::TimedOut) } else { Err(TransportError::NoPinPad) };
                assert_eq!(done, expected, "{pin_pad:?}");
            }
            drop(lease);
            let alone = sbkd::reader::open_direct_by(&[rule], Some(HOLDER), PATIENCE).unwrap();
            assert_eq!(alone.pad(), Ok(abilities), "{pin_pad:?}, by a command of its own");
        }
        assert!(rig.reader().sent().is_empty());
    });
}

#[test]
fn a_reader_without_a_pad_says_so() {
    alone_in("pads::a_reader_without_a_pad_says_so", Rig::start, |rig| {
        rig.insert(&image("v3-sm4"));
        let readers = PcscReaders::start(Vec::new());
        let mut lease = leased(&*readers);
        assert_eq!(lease.pad(), Ok(NONE));
        assert_eq!(verify(&mut lease), Err(TransportError::NoPinPad));
        assert!(selects(&mut lease).is_ok(), "and the card is there as before");
    });
}

#[test]
fn a_pad_that_fails_at_what_it_claims_is_told_and_no_try_is_lost() {
    alone_in("pads::a_pad_that_fails_at_what_it_claims_is_told_and_no_try_is_lost", with_card, |rig| {
        let readers = PcscReaders::start(Vec::new());
        let mut lease = leased(&*readers);
        assert!(selects(&mut lease).is_ok());
        rig.reader().says("deaf", &["yes"]);
        assert!(matches!(verify(&mut lease), Err(TransportError::PadRefused(_))));
        assert_eq!(tries(&mut lease), 0x63C3);
        rig.reader().says("deaf", &[]);
        rig.reader().person(RIGHT);
        assert_eq!(verify(&mut lease), Ok(PadOutcome::Answered(StatusWord::OK)));
        // The card goes while somebody stands at the pad.
        rig.pull();
        rig.reader().person(RIGHT);
        assert_eq!(verify(&mut lease), Err(TransportError::Removed));
    });
}

/// A rig whose reader has a pad, with a card in it.
fn with_card() -> Rig {
    let mut rig = Rig::start_with_pad();
    rig.reader().says("features", &["verify", "modify"]);
    rig.insert(&image("v3-sm4"));
    rig
}

fn verify(lease: &mut Lease) -> Result<PadOutcome, TransportError> {
    lease.verify_by_pad(PinEntry::of(PinLength::SIX, TWENTY))
}

/// What the card says of the tries that are left; asking costs none.
fn tries(lease: &mut Lease) -> u16 {
    let ask = Command::new(0x00, 0x20, 0x00, 0x00);
    lease.send(&ask).unwrap().status().0
}
