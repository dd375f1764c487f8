//! Files by a key of the caller's own HSM.

use sbkd::keys::Soft;

use super::Hall;
use super::files::{INFO, call};
use super::module::{Program, bas, bas_by, proof, wrong};
use super::rig::{HOLDER, image, tree, until};

const ADDRESSES: &str = "[driver]\naddresses = { RKSSSE = \"000A\", RK1DF04 = \"0145\", UK1DF04 = \"0149\", \
                         UKSSSE = \"0112\", STK = \"0173\" }\n";
/// Two items of a file that RK1DF04 reads and UK1DF04 writes.
const FILE: &str = "DF04EF05|84|8F|$";

fn hall(lines: &'static str) -> Hall {
    let mut hall = Hall::with(lines);
    hall.walk.insert_alone(&image("v3-full"));
    hall
}

#[test]
fn a_file_is_read_by_one_key_once_the_card_proved_itself() {
    let mut hall = hall(ADDRESSES);
    let mut program = Program::start(&hall, None);
    let step1 = |program: &mut Program, address: &str| program.call(&["iReadCard_HSM_Step1", "1", INFO, address]);
    let (code, text) = step1(&mut program, FILE);
    assert_eq!((code, text.contains("iReadCardBas_HSM")), (-21, true), "it has not: {text}");
    program.reads_the_card();
    let (code, asked) = step1(&mut program, FILE);
    assert!(code == 0 && asked.starts_with("03|0145|") && asked.len() == 42, "{code} {asked}");
    assert_eq!(call(&hall, &[], &["iReadCard_HSM_Step2", &"0".repeat(32)]).0, -12, "another program");
    assert_eq!(call(&hall, &[], &["iReadCardBas", "1"]).0, -11, "it is held");
    let read = program.gives(&["iReadCard_HSM_Step2", &proof(&asked, "0145", "RK1DF04")]);
    assert_eq!(read, "DF04EF05|440103|1|$");
    let asked = step1(&mut program, "SSSEEF06|09|$").1;
    let read = program.gives(&["iReadCard_HSM_Step2", &proof(&asked, "000A", "RKSSSE")]);
    assert_eq!(read, "SSSEEF06|王小雅|$");
    for (info, address, code) in [
        (INFO, "SSSEEF05|07|$", -2204),
        (INFO, "DF04EF05|84|$SSSEEF06|09|$", -14),
        (INFO, "DF04EF06|90|$", -27010),
        (INFO, "DF03EF06|45|$", -13),
        (INFO, "DF09EF05|07|$", -14),
        ("440100D15600000530000003FFFFFFFE|A10000031|", FILE, -22),
        ("44|A10000031|", FILE, -20),
    ] {
        let (given, text) = program.call(&["iReadCard_HSM_Step1", "1", info, address]);
        assert_eq!(given, code, "{address}: {text}");
    }
    // Out and in again it has not proved itself, and no key is asked for.
    hall.walk.insert_alone(&image("v3-full"));
    assert_eq!(step1(&mut program, FILE).0, -21);
}

#[test]
fn a_card_that_goes_between_the_steps_takes_nothing_with_it() {
    let mut hall = hall(ADDRESSES);
    let mut program = Program::start(&hall, None);
    let step1 = ["iReadCard_HSM_Step1", "1", INFO, FILE];
    program.reads_the_card();
    let asked = program.gives(&step1);
    hall.walk.rig.pull();
    assert_eq!(program.call(&["iReadCard_HSM_Step2", &proof(&asked, "0145", "RK1DF04")]).0, -2);
    // Another card, and a copy that cannot prove itself.
    for other in ["v3-expired", "v3-forged"] {
        hall.walk.insert_alone(&image("v3-full"));
        program.reads_the_card();
        let asked = program.gives(&step1);
        hall.walk.insert_alone(&image(other));
        let (code, text) = program.call(&["iReadCard_HSM_Step2", &proof(&asked, "0145", "RK1DF04")]);
        assert_eq!(code, -2, "{other}: {text}");
        assert_eq!(program.call(&step1).0, -21, "{other}");
    }
}

#[test]
fn a_refused_key_is_held_and_nonsense_costs_no_try() {
    let hall = hall(ADDRESSES);
    let mut program = Program::start(&hall, None);
    program.reads_the_card();
    let step1 = ["iReadCard_HSM_Step1", "1", INFO, FILE];
    for nonsense in ["", "nonsense", &"0".repeat(32), &"0".repeat(34)] {
        program.gives(&step1);
        assert_eq!(program.call(&["iReadCard_HSM_Step2", nonsense]).0, -23, "{nonsense}");
        assert_eq!(program.call(&["iReadCard_HSM_Step2", nonsense]).0, -12, "the steps are over");
    }
    let asked = program.gives(&step1);
    let right = proof(&asked, "0145", "RK1DF04");
    let (code, text) = program.call(&["iReadCard_HSM_Step2", &wrong(&right)]);
    assert_eq!(code, -25538, "all its tries but this one are left: {text}");
    assert_eq!(program.call(&step1).0, -27010, "it is not tried again");
    let other = program.gives(&["iReadCard_HSM_Step1", "1", INFO, "SSSEEF06|09|$"]);
    program.gives(&["iReadCard_HSM_Step2", &proof(&other, "000A", "RKSSSE")]);
}

#[test]
fn who_does_not_go_on_in_time_loses_the_card() {
    let hall = hall("[driver]\naddresses = { RK1DF04 = \"0145\" }\n[cases]\nreading_secs = 2\n");
    let (mut program, mut other) = (Program::start(&hall, None), Program::start(&hall, None));
    program.reads_the_card();
    let asked = program.gives(&["iReadCard_HSM_Step1", "1", INFO, FILE]);
    until("the steps' time is over", || {
        let (code, _) = other.call(&["iReadCard_HSM_Step1", "1", INFO, FILE]);
        (code == 0).then_some(())
    });
    assert_eq!(program.call(&["iReadCard_HSM_Step2", &proof(&asked, "0145", "RK1DF04")]).0, -12);
}

#[test]
fn the_terminals_own_keys_prove_the_card_where_there_are_any() {
    let mut hall = Hall::with(ADDRESSES);
    hall.walk.rig.keep_psam(&image("psam"));
    hall.walk.insert(&image("v3-forged"));
    let mut program = Program::start(&hall, None);
    let step1 = ["iReadCard_HSM_Step1", "1", INFO, FILE];
    let (code, text) = program.call(&step1);
    assert!(code == -21 && text.contains("E-CARD-NOT-GENUINE"), "{code} {text}");
    hall.walk.insert(&image("v3-full"));
    let asked = program.gives(&step1);
    program.gives(&["iReadCard_HSM_Step2", &proof(&asked, "0145", "RK1DF04")]);
}

#[test]
fn a_card_that_only_the_callers_module_calls_genuine_is_shown_none_of_the_terminals_keys() {
    let mut hall = Hall::with(ADDRESSES);
    hall.walk.rig.keep_psam(&image("psam"));
    // A card with an IRK that is not the issuer's, and a module that has it as well.
    let (other, card) = (hall.walk.file("other-keys.toml"), hall.walk.file("other-card.toml"));
    let irk = "irk = \"000102030405060708090A0B0C0D0E0F\"";
    let is_irk = |line: &&str| line.starts_with("irk = ");
    let text = std::fs::read_to_string(tree("fixtures/cards/demonstration-keys.toml")).unwrap();
    let lines: Vec<&str> = text.lines().map(|line| if is_irk(&line) { irk } else { line }).collect();
    std::fs::write(&other, lines.join("\n")).unwrap();
    std::fs::write(&card, format!("extends = \"{}\"\n[keys.SM4]\n{irk}\n", image("v3-full").display())).unwrap();
    hall.walk.insert(&card);
    let mut program = Program::start(&hall, None);
    let asked = program.gives(&["iReadCardBas_HSM_Step1", "1"]);
    program.gives(&["iReadCardBas_HSM_Step2", &bas_by(&mut Soft::load(&other, true).unwrap(), &asked)]);
    program.gives(&["iReadCard_HSM_Step1", "1", INFO, FILE]);
    for arguments in [&["iWriteCard_HSM_Step1", "1", INFO, FILE][..], &["iReadCardBas", "1"]] {
        let (code, text) = program.call(arguments);
        assert!(code == -21 && text.contains("E-CARD-NOT-GENUINE"), "{arguments:?}: {code} {text}");
    }
}

#[test]
fn a_file_is_written_by_the_callers_key_and_read_back_by_the_terminals() {
    let mut hall = Hall::with(ADDRESSES);
    hall.walk.rig.keep_psam(&image("psam"));
    hall.walk.insert(&image("v3-full"));
    let mut program = Program::start(&hall, None);
    let step1 = ["iWriteCard_HSM_Step1", "1", INFO, FILE];
    let held = |hall: &Hall| call(hall, &[], &["iReadCard", "1", "2", INFO, FILE]).1;
    for (data, code) in [
        ("DF04EF05|440105|$", -23),
        ("DF04EF06|440105|2|$", -23),
        ("DF04EF05|4401x5|2|$", -41),
        ("DF04EF05|440105440105|2|$", -42),
    ] {
        let asked = program.gives(&step1);
        let (given, text) = program.call(&["iWriteCard_HSM_Step2", &proof(&asked, "0149", "UK1DF04"), data]);
        assert_eq!(given, code, "{data}: {text}");
    }
    program.gives(&step1);
    assert_eq!(program.call(&["iWriteCard_HSM_Step2", "nonsense", "DF04EF05|440105|2|$"]).0, -23);
    assert_eq!(held(&hall), "DF04EF05|440103|1|$", "nothing was written");
    let asked = program.gives(&step1);
    let written = program.gives(&["iWriteCard_HSM_Step2", &proof(&asked, "0149", "UK1DF04"), "DF04EF05|440105|2|$"]);
    assert_eq!((written.as_str(), held(&hall).as_str()), ("", "DF04EF05|440105|2|$"));
    for (address, code) in [("DF04EF05|84|$SSSEEF05|02|$", -14), ("DF04EF08|$", -13), ("DF03EF06|45|$", -13)] {
        let (given, text) = program.call(&["iWriteCard_HSM_Step1", "1", INFO, address]);
        assert_eq!(given, code, "{address}: {text}");
    }
    let asked = program.gives(&step1);
    let right = proof(&asked, "0149", "UK1DF04");
    let (code, text) = program.call(&["iWriteCard_HSM_Step2", &wrong(&right), "DF04EF05|440103|1|$"]);
    assert_eq!(code, -25538, "{text}");
    assert_eq!(program.call(&step1).0, -27010, "held");
    assert_eq!(held(&hall), "DF04EF05|440105|2|$");
}

#[test]
fn without_keys_of_its_own_the_terminal_writes_nothing_that_it_could_not_protect_or_read_back() {
    let hall = hall(ADDRESSES);
    let mut program = Program::start(&hall, None);
    program.reads_the_card();
    let (code, text) = program.call(&["iWriteCard_HSM_Step1", "1", INFO, FILE]);
    assert!(code == -2201 && text.contains("E-KEYS-NO-PSAM"), "what reads it back: {code} {text}");
    let asked = program.gives(&["iWriteCard_HSM_Step1", "1", INFO, "SSSEEF05|02|$"]);
    let step2 = ["iWriteCard_HSM_Step2", &proof(&asked, "0112", "UKSSSE"), "SSSEEF05|1|$"];
    let (code, text) = program.call(&step2);
    assert!(code == -2201 && text.contains("E-KEYS-NO-PSAM"), "the MAC: {code} {text}");
}

#[test]
fn a_file_that_is_written_plain_and_read_freely_takes_the_callers_key_alone() {
    let profile = tempfile::tempdir().unwrap();
    for name in ["keys.toml", "files.toml", "account.toml"] {
        let text = std::fs::read_to_string(tree("config/card").join(name)).unwrap();
        let plain = text.replace("\nwriting = \"mac\"\n", "\nwriting = \"plain\"\n");
        assert_eq!(plain != text, name == "files.toml");
        std::fs::write(profile.path().join(name), plain).unwrap();
    }
    let lines = format!("{ADDRESSES}[paths]\ncard = \"{}\"\n", profile.path().display());
    let hall = hall(lines.leak());
    let mut program = Program::start(&hall, None);
    program.reads_the_card();
    let address = "SSSEEF05|02|06|$";
    for data in ["SSSEEF05|1|20390531|$", "SSSEEF05|4|20380531|$"] {
        let asked = program.gives(&["iWriteCard_HSM_Step1", "1", INFO, address]);
        assert_eq!(program.gives(&["iWriteCard_HSM_Step2", &proof(&asked, "0112", "UKSSSE"), data]), "");
        // The valid days are the ninth field of the eleven.
        let asked = program.gives(&["iReadCardBas_HSM_Step1", "1"]);
        let fields = program.gives(&["iReadCardBas_HSM_Step2", &bas(&asked)]);
        assert_eq!(fields.split('|').nth(8), data.split('|').nth(2), "{fields}");
    }
}

#[test]
fn a_write_that_is_torn_is_mended_by_the_next_with_the_callers_key() {
    let mut hall = Hall::with(ADDRESSES);
    hall.walk.rig.keep_psam(&image("psam"));
    hall.walk.insert(&image("v3-full"));
    let mut program = Program::start(&hall, None);
    let write = |program: &mut Program, value: &str| {
        let (code, asked) = program.call(&["iWriteCard_HSM_Step1", "1", INFO, FILE]);
        if code != 0 {
            return (code, asked);
        }
        let data = format!("DF04EF05|440105|{value}|$");
        program.call(&["iWriteCard_HSM_Step2", &proof(&asked, "0149", "UK1DF04"), &data])
    };
    assert_eq!(write(&mut program, "2").0, 0);
    let log = hall.walk.rig.log("daemon");
    let sent = log.lines().filter(|line| line.contains("APDU") && line.contains(HOLDER));
    let update = 1 + sent.take_while(|line| !line.contains("ins=DC")).count();
    // Pulled there, or a little later: somebody may have asked the card meanwhile what it is.
    let torn = (update..update + 8).any(|at| {
        let pulled = hall.walk.file("pulled.toml");
        let extends = image("v3-full");
        let text = format!("extends = \"{}\"\n[faults]\nremove_at = {at}\ntorn = \"after\"\n", extends.display());
        std::fs::write(&pulled, text).unwrap();
        hall.walk.insert(&pulled);
        let (code, text) = write(&mut program, "2");
        assert!(code == -2 || code == 0, "{code} {text}");
        text.contains("E-CARD-WRITE-TORN")
    });
    assert!(torn, "pulled from {update} on");
    // Its keys are not to be had, and those of another file say nothing of it.
    hall.walk.rig.drop_psam();
    hall.walk.insert_alone(&image("v3-full"));
    program.reads_the_card();
    let (code, text) = program.call(&["iWriteCard_HSM_Step1", "1", INFO, "SSSEEF05|02|$"]);
    assert!(code == -999 && text.contains("E-CARD-WRITE-OPEN") && text.contains("DF04"), "{code} {text}");
    hall.walk.rig.keep_psam(&image("psam"));
    hall.walk.insert(&image("v3-full"));
    let (code, text) = write(&mut program, "1");
    assert_eq!((code, text.as_str()), (0, ""));
    assert_eq!(call(&hall, &[], &["iReadCard", "1", "2", INFO, FILE]).1, "DF04EF05|440105|1|$");
}
