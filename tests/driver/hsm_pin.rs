//! The PIN set anew and unblocked with the caller's own HSM.

use super::Hall;
use super::files::{INFO, asker, asker_named, call};
use super::module::{Program, proof, sealed, wrong};
use super::rig::image;
use super::rig::search::{forms_of_text, found_below};

const ADDRESSES: &str = "[driver]\naddresses = { PUK = \"0090\", STK = \"0173\" }\n\
                         [card]\ninitial_pins = [\"888888\"]\n";
/// The PIN that the card gets: long enough that nothing else looks like it.
const NEW: &str = "739105846271";
const OTHER_CARD: &str = "440100D15600000530000003FFFFFFFE|A10000031|";

fn hall() -> Hall {
    let mut hall = Hall::with(ADDRESSES);
    hall.walk.rig.keep_psam(&image("psam"));
    hall.walk.insert(&image("v3-full"));
    hall
}

/// The code of iVerifyPIN with this PIN.
fn verified(hall: &Hall, pin: &str) -> i32 {
    let program = asker_named(hall, "verifier", &format!("echo {pin}"));
    call(hall, &[("SBKD_DRIVER_PIN_PROGRAM", &program)], &["iVerifyPIN", "1"]).0
}

/// The first two steps, up to the string that asks for the command.
#[track_caller]
fn secured(program: &mut Program, group: &str) -> String {
    let asked = program.gives(&[&format!("{group}_Step1"), "1", INFO]);
    assert!(asked.starts_with("03|0090|"), "{asked}");
    program.gives(&[&format!("{group}_Step2"), &proof(&asked, "0090", "PUK")])
}

#[test]
fn a_new_pin_is_asked_for_before_the_card_is_held_and_set_in_three_steps() {
    let hall = hall();
    let holder = asker(&hall, &format!("echo {NEW}"));
    let mut program = Program::start(&hall, Some(&holder));
    for form in [0, 1] {
        let asked = secured(&mut program, "iReloadPIN_HSM");
        let (begin, end) = ("03|0173|", format!("|8424000114|{NEW}|"));
        assert!(asked.starts_with(begin) && asked.ends_with(&end) && asked.len() == 24 + end.len(), "{asked}");
        assert_eq!(program.gives(&["iReloadPIN_HSM_Step3", &sealed(&asked)[form]]), "");
    }
    // Neither the PIN nor a string of the steps is anywhere, but where the test put it.
    let strings = program.strings.iter().flat_map(|string| string.split('|')).filter(|field| field.len() >= 16);
    let mut needles = forms_of_text("the PIN", NEW);
    needles.extend(strings.flat_map(|field| forms_of_text("a string", field)));
    assert!(needles.len() > 20, "the strings are searched for");
    assert!(!found_below(hall.walk.rig.dir(), &needles, |path| !path.ends_with("asker")).is_empty(), "it finds");
    let found = found_below(hall.walk.rig.dir(), &needles, |path| path.ends_with("asker"));
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(verified(&hall, NEW), 0);
    assert_eq!(verified(&hall, "123456"), -51);
}

#[test]
fn a_pin_is_not_set_by_what_is_wrong() {
    let mut hall = hall();
    let mut program = Program::start(&hall, Some(&asker(&hall, &format!("echo {NEW}"))));
    assert_eq!(program.call(&["iReloadPIN_HSM_Step1", "1", OTHER_CARD]).0, -22);
    assert_eq!(program.call(&["iReloadPIN_HSM_Step2", "00"]).0, -12, "no first step");
    for nonsense in ["nonsense", &"0".repeat(38), &"0".repeat(50)] {
        secured(&mut program, "iReloadPIN_HSM");
        assert_eq!(program.call(&["iReloadPIN_HSM_Step3", nonsense]).0, -23, "{nonsense}");
    }
    let asked = secured(&mut program, "iReloadPIN_HSM");
    let (code, text) = program.call(&["iReloadPIN_HSM_Step3", &wrong(&sealed(&asked)[1])]);
    assert!([-27016, -37634].contains(&code), "the MAC: {code} {text}");
    let asked = secured(&mut program, "iReloadPIN_HSM");
    let right = sealed(&asked);
    hall.walk.rig.pull();
    assert_eq!(program.call(&["iReloadPIN_HSM_Step3", &right[1]]).0, -2, "pulled");
    hall.walk.insert(&image("v3-full"));
    assert_eq!(verified(&hall, "123456"), 0, "it is as it was");
    let asked = program.gives(&["iReloadPIN_HSM_Step1", "1", INFO]);
    let right = proof(&asked, "0090", "PUK");
    assert_eq!(program.call(&["iReloadPIN_HSM_Step2", &wrong(&right)]).0, -25538);
    assert_eq!(program.call(&["iReloadPIN_HSM_Step1", "1", INFO]).0, -27010, "PUK is not tried again");
    assert_eq!(program.call(&["iUnblockPIN_HSM_Step1", "1", INFO]).0, -27010, "nor for this");
}

#[test]
fn nobody_is_asked_for_a_pin_in_vain_and_the_initial_one_is_none() {
    let mut hall = hall();
    let step1 = ["iReloadPIN_HSM_Step1", "1", INFO];
    for (lines, code) in [
        (None, -13),
        (Some("exit 1"), -31),
        (Some("echo 123"), -33),
        (Some("echo 888888"), -36),
        (Some("case $1 in *再*) echo 111111;; *) echo 222222;; esac"), -34),
    ] {
        let asker = lines.map(|lines| asker(&hall, lines));
        assert_eq!(Program::start(&hall, asker.as_deref()).call(&step1).0, code, "{lines:?}");
    }
    hall.walk.rig.pull();
    let mut program = Program::start(&hall, Some(&asker(&hall, "touch \"$0.asked\"; echo 654321")));
    assert_eq!(program.call(&step1).0, -2);
    assert!(!hall.walk.file("asker.asked").exists(), "nobody was asked without a card");
}

#[test]
fn a_locked_pin_is_unblocked_in_three_steps() {
    let hall = hall();
    for code in [-51, -51, -51, -52] {
        assert_eq!(verified(&hall, "111111"), code);
    }
    let mut program = Program::start(&hall, None);
    let asked = secured(&mut program, "iUnblockPIN_HSM");
    assert!(asked.starts_with("03|0173|") && asked.ends_with("|8424000004|"), "{asked}");
    assert_eq!(program.call(&["iUnblockPIN_HSM_Step3", &wrong(&sealed(&asked)[1])]).0, -27016);
    let asked = secured(&mut program, "iUnblockPIN_HSM");
    assert_eq!(program.gives(&["iUnblockPIN_HSM_Step3", &sealed(&asked)[0]]), "");
    assert_eq!(verified(&hall, "123456"), 0);
}

#[test]
fn what_the_settings_do_not_name_is_not_asked_for() {
    let mut hall = Hall::with("[driver]\naddresses = { PUK = \"0090\" }\n");
    hall.walk.insert_alone(&image("v3-full"));
    let mut program = Program::start(&hall, None);
    let (code, text) = program.call(&["iUnblockPIN_HSM_Step1", "1", INFO]);
    assert!(code == -13 && text.contains("E-KEYS-UNPLACED"), "{code} {text}");
}
