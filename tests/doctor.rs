//! `sbkd doctor` without a daemon, against a real pcscd.

mod rig;

use std::fs;

use rig::{HOLDER, PSAM, Rig, image};

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

#[test]
fn the_doctor_says_what_pads_there_are_and_how_it_stands_with_the_blacklist() {
    let mut rig = Rig::start_with_pad();
    rig.reader().says("features", &["verify"]);
    rig.insert(&image("v3-sm4"));
    let path = |name: &str| rig.dir().join(name).display().to_string();
    let (key, list, config) = (path("own.key"), path("list.txt"), path("sbkd.toml"));
    let made = rig.sbkd(&["policy", "keygen", "--json", "--out", &key]).success();
    fs::create_dir(path("state-of-it")).unwrap();
    let text = format!(
        "mode = \"demo\"\nterminal = \"H44010099999\"\nstate = \"state-of-it\"\n[keys]\nsource = \"psam\"\n\
         [api]\nsocket = \"nobody.sock\"\n[card.blacklist]\nkeys = [{}]\nmax_age_hours = 24\n\
         [[readers.rule]]\npattern = \"{HOLDER}\"\nrole = \"holder\"\npin_pad = \"none\"\n",
        made["key"]
    );
    fs::write(&config, text).unwrap();
    let told = |check: &str| {
        let report = rig.sbkd(&["doctor", "--json", "--config", &config]).json();
        let found = report["checks"].as_array().unwrap().iter().find(|c| c["check"] == check).cloned().unwrap();
        (found["status"].as_str().unwrap().to_owned(), found["found"]["en"].as_str().unwrap().to_owned())
    };
    let (status, pads) = told("pads");
    assert!(
        status == "ok" && pads.contains(&format!("{HOLDER}: a pad that verifies (pin_pad = none)")),
        "{status} {pads}"
    );
    let (status, found) = told("blacklist");
    assert!(status == "failed" && found.contains("no blacklist"), "{status} {found}");
    fs::write(&list, "sbkd-blacklist-1\nserial 7\nissued 2026-01-01T00:00:00+08:00\ncards 0\nranges 0\n").unwrap();
    rig.sbkd(&["blacklist", "sign", "--key", &key, &list, "--json"]).success();
    rig.sbkd(&["blacklist", "import", &list, "--json", "--config", &config]).success();
    let (status, found) = told("blacklist");
    assert!(status == "failed" && found.contains("too old") && found.contains("serial 7"), "{status} {found}");
}
