//! Cold and warm resets, cards that answer badly to them, and cards that are slow, through a real pcscd.

use sbkd::reader::{Interface, PcscReaders, Readers as _, Role, RoleRule, TransportError};

use crate::rig::{HOLDER, PATIENCE, Rig, image};
use crate::{alone, alone_in, failed, leased, selects};

#[test]
fn a_card_is_reset_with_and_without_its_power() {
    alone_in("resets::a_card_is_reset_with_and_without_its_power", with_card, |rig| {
        let readers = PcscReaders::start(Vec::new());
        let mut lease = leased(&*readers);
        let before = rig.reader().heard().len();
        assert!(selects(&mut lease).is_ok());
        assert_eq!(lease.reset(), Ok(()));
        assert!(selects(&mut lease).is_ok());
        assert_eq!(lease.cold_reset(), Ok(()));
        assert!(selects(&mut lease).is_ok());
        assert_eq!(rig.reader().heard()[before..], ["warm reset", "cold reset"]);
    });
}

#[test]
fn a_card_that_answers_badly_to_a_cold_reset_gets_one_warm_reset() {
    alone_in("resets::a_card_that_answers_badly_to_a_cold_reset_gets_one_warm_reset", Rig::start_with_pad, |rig| {
        let readers = PcscReaders::start(vec![RoleRule::new(HOLDER, Role::Holder)]);
        for wrong in ["none", "check"] {
            rig.reader().says("cold", &[wrong]);
            rig.insert_alone(&image("v3-sm4"));
            let before = warm_resets(rig);
            let mut lease = readers.lease(HOLDER, PATIENCE).unwrap();
            assert_eq!(lease.atr().historical().len(), 13, "{wrong}");
            assert!(selects(&mut lease).is_ok(), "{wrong}");
            assert_eq!(warm_resets(rig) - before, 1, "{wrong}");
            drop(lease);
            rig.pull();
        }
    });
}

#[test]
fn a_card_that_answers_badly_twice_is_given_up() {
    alone_in("resets::a_card_that_answers_badly_twice_is_given_up", Rig::start_with_pad, |rig| {
        let readers = PcscReaders::start(vec![RoleRule::new(HOLDER, Role::Holder)]);
        for wrong in ["none", "check"] {
            for kind in ["cold", "warm"] {
                rig.reader().says(kind, &[wrong]);
            }
            rig.insert_alone(&image("v3-sm4"));
            let before = warm_resets(rig);
            assert_eq!(failed(readers.lease(HOLDER, PATIENCE)), TransportError::Mute, "{wrong}");
            assert_eq!(warm_resets(rig) - before, 1, "{wrong}: and no further one");
            rig.pull();
        }
        for kind in ["cold", "warm"] {
            rig.reader().says(kind, &[]);
        }
        rig.insert_alone(&image("v3-sm4"));
        assert!(selects(&mut readers.lease(HOLDER, PATIENCE).unwrap()).is_ok(), "the next card is another one");
    });
}

#[test]
fn a_contactless_card_is_told_by_its_answer_to_reset_or_by_a_rule() {
    alone_in("resets::a_contactless_card_is_told_by_its_answer_to_reset_or_by_a_rule", Rig::start_with_pad, |rig| {
        for (answer, says, interface) in [
            (&[][..], None, Interface::Contact),
            (&[], Some(Interface::Contactless), Interface::Contactless),
            (&["radio"], None, Interface::Contactless),
            (&["radio"], Some(Interface::Contact), Interface::Contact),
        ] {
            rig.reader().says("cold", answer);
            rig.insert_alone(&image("v3-sm4"));
            let rule = RoleRule { interface: says, ..RoleRule::new(HOLDER, Role::Holder) };
            let readers = PcscReaders::start(vec![rule]);
            assert_eq!(readers.lease(HOLDER, PATIENCE).unwrap().interface(), interface, "{answer:?} {says:?}");
            rig.pull();
        }
        rig.reader().says("cold", &[]);
        rig.insert_alone(&image("v3-contactless"));
        let readers = PcscReaders::start(vec![RoleRule::new(HOLDER, Role::Holder)]);
        let mut lease = readers.lease(HOLDER, PATIENCE).unwrap();
        assert_eq!(lease.interface(), Interface::Contactless);
        assert!(selects(&mut lease).is_ok(), "and whole commands go to it");
    });
}

#[test]
fn a_slow_card_is_waited_for_as_long_as_its_lease_lasts() {
    alone("resets::a_slow_card_is_waited_for_as_long_as_its_lease_lasts", |rig| {
        // Longer than another program is waited for, and than pcscd takes to see a card go.
        let slow = rig.dir().join("slow.toml");
        let text = format!("extends = {:?}\n[faults]\nlate_ms = 900\n", image("v3-sm4"));
        std::fs::write(&slow, text).unwrap();
        rig.insert(&slow);
        let readers = PcscReaders::start(Vec::new());
        // The monitor's own question is as slow, and the lease waits for it.
        let mut lease = readers.lease(HOLDER, PATIENCE).unwrap();
        assert!(selects(&mut lease).is_ok());
        assert!(selects(&mut lease).is_ok());
    });
}

fn warm_resets(rig: &Rig) -> usize {
    rig.reader().heard().iter().filter(|line| *line == "warm reset").count()
}

fn with_card() -> Rig {
    let mut rig = Rig::start_with_pad();
    rig.insert(&image("v3-sm4"));
    rig
}
