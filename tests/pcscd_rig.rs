//! The rig itself: several pcscd side by side, each ending with its test.

mod rig;

use std::net::TcpListener;

use rig::{HOLDER, NOWHERE, PSAM, Rig, image};

#[test]
fn two_rigs_run_side_by_side_and_leave_nothing_behind() {
    let (one, mut two) = (Rig::start(), Rig::start());
    assert_ne!(one.dir(), two.dir());
    two.kill_pcscd();
    two.restart_pcscd();
    let dirs = [one.dir().to_owned(), two.dir().to_owned()];
    drop((one, two));
    for dir in dirs {
        assert!(!dir.exists(), "{} is left", dir.display());
    }
}

#[test]
fn a_rig_finds_nothing_of_the_machines_own() {
    let rig = Rig::start();
    let named = rig.sbkd(&["config", "check", "--json"]);
    assert_eq!(named.error_code(), "E-CFG-UNREADABLE");
    assert!(named.stdout.contains(NOWHERE), "{}", named.stdout);
    // Not even one held pair of a real terminal: the store is the rig's own.
    rig.sbkd(&["card", "release", "--json"]).success();
}

#[test]
fn a_port_that_another_program_has_is_no_reader() {
    let mut rig = Rig::start();
    rig.kill_pcscd();
    for port in rig.ports() {
        let other = TcpListener::bind(("0.0.0.0", port)).unwrap();
        assert!(!rig.try_start_pcscd(), "the card would go to whoever listens there");
        drop(other);
    }
    rig.restart_pcscd();
    rig.insert(&image("v3-sm4"));
}

#[test]
fn cards_come_and_go_while_the_psam_stays() {
    let mut rig = Rig::start();
    rig.keep_psam(&image("psam"));
    for name in ["v3-sm4", "v1-3des"] {
        rig.insert(&image(name));
        assert_eq!((rig.card_seen(HOLDER), rig.card_seen(PSAM)), (Some(true), Some(true)), "{name}");
    }
    rig.kill_pcscd();
    assert_eq!(rig.card_seen(HOLDER), None, "nobody is asked");
    rig.restart_pcscd();
    rig.wait_for_cards(true);
    rig.pull();
    assert_eq!((rig.card_seen(HOLDER), rig.card_seen(PSAM)), (Some(false), Some(true)));
}
