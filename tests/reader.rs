//! Readers and cards through a real pcscd.

mod rig;

use rig::{HOLDER, PSAM, Rig, image};

#[test]
fn the_readers_are_listed_with_and_without_cards() {
    let mut rig = Rig::start();
    assert_eq!(rig.card_seen(HOLDER), Some(false));
    rig.insert(&image("v3-sm4"));
    assert_eq!(rig.card_seen(HOLDER), Some(true));
    assert_eq!(rig.card_seen("Virtual PCD 00 02"), None);
    let list = rig.sbkd(&["readers", "--direct", "--json"]).success();
    let names: Vec<_> = list.as_array().unwrap().iter().map(|reader| reader["name"].as_str().unwrap()).collect();
    assert_eq!(names, [HOLDER, PSAM]);
}

#[test]
fn without_the_service_the_error_says_so() {
    let mut rig = Rig::start();
    rig.kill_pcscd();
    assert_eq!(rig.sbkd(&["readers", "--direct", "--json"]).error_code(), "E-READER-SERVICE");
    rig.restart_pcscd();
    rig.sbkd(&["readers", "--direct", "--json"]).success();
}
