//! A card that the back office does not want used: read as ever, and nothing on it is changed. A card that refused a key:
//! shown it by nobody again.

use std::fs;

use serde_json::json;

use super::Hall;
use super::files::{INFO, asker, call};
use super::rig::http::Client;
use super::rig::{Ran, bare, image, tree};
use super::{module, steps};

/// What is called with `v3-money`, each call of which changes something on it, or has it sign.
const CHANGES: [&[&str]; 6] = [
    &["iDoDebit", "1", INFO, "1.00|"],
    &["iWriteCard", "1", INFO, "DF04EF05|8F|$", "DF04EF05|2|$"],
    &["iChangePIN", "1"],
    &["iReloadPIN", "1", INFO],
    &["iUnblockPIN", "1", INFO],
    &["PKI_SignData", "123456", "00", "1"],
];

/// The first of the steps that change something on it.
const STEPS: [&[&str]; 4] = [
    &["iDoDebit_HSM_Step1", "1", INFO, "1.00|"],
    &["iWriteCard_HSM_Step1", "1", INFO, "DF04EF05|8F|$"],
    &["iReloadPIN_HSM_Step1", "1", INFO],
    &["iUnblockPIN_HSM_Step1", "1", INFO],
];

/// A daemon that takes in the lists of a key, and that key beside its configuration.
fn hall() -> Hall {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("own.key");
    let mut keygen = bare();
    keygen.args(["policy", "keygen", "--json", "--out"]).arg(&key);
    let made = Ran::of(keygen).success()["key"].as_str().unwrap().to_owned();
    let lines = format!(
        "[card.blacklist]\nkeys = [\"{made}\"]\n[driver]\npay_fields = [\"account-yuan\"]\ndebit_fields = [\"balance\"]\n\
         [driver.pki]\ndata = \"hex\"\nencoding = \"hex\"\nsignature = \"raw\"\nhash = \"terminal\"\npin = \"digits\"\n\
         [paths]\nscripts = \"{}\"\n\
         [driver.addresses]\nPUK = \"0090\"\nSTK = \"0173\"\nUK1DF04 = \"0149\"\n\
         [driver.dialect.debit]\nstep2 = \"{{terminal-sequence}}{{mac1}}\"\n\
         step1 = \"{{random}}{{sequence}}{{account}}{{self-pay}}{{pool}}{{type}}{{terminal}}{{time}}\"\n",
        tree("fixtures/pki/scripts").display()
    );
    // The daemon's setting lives as long as the test.
    let mut hall = Hall::with(lines.leak());
    fs::copy(key, hall.walk.file("own.key")).unwrap();
    hall.walk.rig.keep_psam(&image("psam"));
    hall.walk.insert(&image("v3-money"));
    hall
}

/// Signs a list with one entry and takes it in, beside the daemon.
fn take_in(hall: &Hall, serial: u32, entry: &str) {
    let (list, key) = (hall.walk.file("list.txt"), hall.walk.file("own.key"));
    let text =
        format!("sbkd-blacklist-1\nserial {serial}\nissued 2026-01-01T00:00:00+08:00\ncards 1\nranges 0\n{entry}\n");
    fs::write(&list, text).unwrap();
    let [list, key] = [list, key].map(|path| path.display().to_string());
    let config = hall.walk.file("sbkd.toml").display().to_string();
    let run = |words: &[&str]| hall.walk.rig.sbkd(&[words, &["--json", "--config", &config]].concat()).success();
    run(&["blacklist", "sign", "--key", &key, &list]);
    run(&["blacklist", "import", &list]);
}

#[track_caller]
fn all_refused(hall: &Hall, wanted: (i32, &str)) {
    let program = asker(hall, "case $1 in *新*) echo 654321;; *) echo 123456;; esac");
    for arguments in CHANGES {
        let (code, text) = call(hall, &[("SBKD_DRIVER_PIN_PROGRAM", &program)], arguments);
        assert!(code == wanted.0 && text.contains(wanted.1), "{arguments:?}: {code} {text}");
    }
    // Before anybody is asked for a PIN, who is not here, or the caller's module for a key.
    for arguments in STEPS {
        let (code, text) = call(hall, &[], arguments);
        assert!(code == wanted.0 && text.contains(wanted.1), "{arguments:?}: {code} {text}");
    }
}

#[test]
fn a_card_of_the_list_is_read_and_not_changed() {
    let hall = hall();
    all_refused(&hall, (-999, "E-CARD-BLACKLIST-NONE"));
    take_in(&hall, 1, "card 440100D15600000530000003FFFFFFFF A10000031 挂失");
    all_refused(&hall, (-27013, "E-CARD-BLACKLISTED"));
    // Who only reads is exempt; the PIN and all its tries are as they were.
    assert_eq!(call(&hall, &[], &["iReadCardBas", "1"]).0, 0);
    let program = asker(&hall, "echo 123456");
    let holder = [("SBKD_DRIVER_PIN_PROGRAM", program.as_str())];
    assert_eq!(call(&hall, &holder, &["iVerifyPIN", "1"]).0, 0);
    take_in(&hall, 2, "card 440100D15600000530000009FFFFFFFF - 挂失");
    assert_eq!(call(&hall, &holder, CHANGES[0]), (0, "149900|".to_owned()), "all of it was there");
}

#[test]
fn a_key_of_the_callers_hsm_that_the_card_refused_is_not_tried_by_the_psam() {
    let mut hall = Hall::open();
    hall.walk.insert_alone(&image("v3-sm4"));
    let socket = Client::unix(hall.walk.socket());
    let begun = steps::call(&socket, "iReadCardBas_HSM_Step1", &json!({"iType": "1"}), None);
    let right = module::bas(begun["output"].as_str().unwrap());
    // The card's own proof, and another one than the terminal's.
    let (internal, external) = right.trim_end_matches('|').split_once('|').unwrap();
    let wrong = format!("{internal}|{}{}|", "0".repeat(16), &external[16..]);
    let ended = steps::call(&socket, "iReadCardBas_HSM_Step2", &json!({"pKey": wrong}), begun["session"].as_str());
    assert_eq!(ended["code"], -25538, "{ended}");

    hall.walk.rig.keep_psam(&image("psam"));
    let mut read = |card: &str| {
        hall.walk.insert(&image(card));
        call(&hall, &[], &["iReadCardBas", "1"])
    };
    let (code, text) = read("v3-sm4");
    assert!(code == -27010 && text.contains("E-CARD-PAIR-HELD"), "{code} {text}");
    assert_eq!(read("v3-long-name").0, 0, "another card is another's matter");
    let config = hall.walk.file("sbkd.toml").display().to_string();
    let released = hall.walk.rig.sbkd(&["card", "release", "--json", "--config", &config]).success();
    assert_eq!(released["released"], 1);
    hall.walk.insert(&image("v3-sm4"));
    assert_eq!(call(&hall, &[], &["iReadCardBas", "1"]).0, 0);
}
