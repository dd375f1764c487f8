//! `sbkd doctor` without a daemon, against a real pcscd.

mod rig;

use std::fs;

use rig::{PSAM, Rig, image};

#[test]
fn the_doctor_finds_readers_and_psam_by_itself() {
    let mut rig = Rig::with_card(&image("v3-sm4"));
    let config = rig.dir().join("sbkd.toml");
    let text = "mode = \"demo\"\nterminal = \"H44010099999\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n\
                [api]\nsocket = \"nobody.sock\"\n";
    fs::write(&config, text).unwrap();
    let status = |rig: &Rig, check: &str| {
        let report = rig.sbkd(&["doctor", "--json", "--config", config.to_str().unwrap()]).json();
        let found = report["checks"].as_array().unwrap().iter().find(|c| c["check"] == check).cloned().unwrap();
        (found["status"].as_str().unwrap().to_owned(), found["found"]["en"].as_str().unwrap().to_owned())
    };
    assert_eq!(status(&rig, "pcscd").0, "ok");
    assert_eq!(status(&rig, "readers").0, "ok");
    assert_eq!(status(&rig, "psam"), ("ok".to_owned(), PSAM.to_owned()));
    rig.pull();
    assert_eq!(status(&rig, "psam").0, "failed");
    rig.kill_pcscd();
    assert_eq!(status(&rig, "pcscd").0, "failed");
}
