//! Files, and the holder's PIN.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::rig::http::Client;
use super::rig::image;
use super::rig::walk::Setting;
use super::{Hall, library};

/// `pCardInfo` of the full card.
pub const INFO: &str = "440100D15600000530000003FFFFFFFF|A10000031|";
/// Calls a function by its name with numbers and texts in UTF-8, and prints code and output.
const CALL: &str = r#"
import ctypes, signal, sys
signal.signal(signal.SIGALRM, lambda *_: None)
driver = ctypes.CDLL(sys.argv[1])
function, out = getattr(driver, sys.argv[2]), ctypes.create_string_buffer(16384)
function.restype = ctypes.c_long
code = function(*[int(a) if len(a) == 1 else a.encode() for a in sys.argv[3:]], out)
sys.stdout.buffer.write(b"%d %s" % (code, out.value))
"#;

/// What a program is given that calls the library, with these settings in its environment.
pub fn call(hall: &Hall, settings: &[(&str, &str)], arguments: &[&str]) -> (i32, String) {
    given(&calling(hall, settings, arguments).output().expect("python3"))
}

/// The program.
pub fn calling(hall: &Hall, settings: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut python = Command::new("python3");
    python.args(["-c", CALL]).arg(library()).args(arguments).stdin(Stdio::null());
    python.env("SBKD_DRIVER_CONFIG", hall.walk.file("driver.toml")).env("SBKD_DRIVER_CHARSET", "utf-8");
    python.envs(settings.iter().copied());
    python
}

/// What it was given: code and output.
pub fn given(output: &Output) -> (i32, String) {
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    let (code, text) = said.split_once(' ').unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (code.parse().unwrap(), text.to_owned())
}

/// What the socket answers, with this PIN once it is asked for.
pub fn with_pin(socket: &Client, function: &str, parameters: &Value, pin: &str) -> Value {
    let call = |body: Value| socket.post(&format!("/v1/driver/{function}"), &body).success();
    let asked = call(json!({"parameters": parameters}));
    if asked["ask"].is_null() {
        return asked;
    }
    call(json!({"parameters": parameters, "pin": pin, "card": asked["card"]}))
}

fn full(lines: &'static str) -> Hall {
    let mut hall = Hall::with(lines);
    hall.walk.rig.keep_psam(&image("psam"));
    hall.walk.insert(&image("v3-full"));
    hall
}

/// A program that asks for a PIN and is told this one.
pub fn asker(hall: &Hall, lines: &str) -> String {
    asker_named(hall, "asker", lines)
}

/// The same, beside another.
pub fn asker_named(hall: &Hall, name: &str, lines: &str) -> String {
    let path = hall.walk.file(name);
    std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path.display().to_string()
}

#[test]
fn items_come_in_the_shape_they_are_asked_for() {
    let hall = full("");
    let read = |info: &str, address: &str| call(&hall, &[], &["iReadCard", "1", "2", info, address]);
    for (address, wanted) in [
        ("SSSEEF05|03|07|$", "SSSEEF05|3.00|A10000031|$"),
        ("SSSEEF06|09|08|$SSSEEF05|05|$", "SSSEEF06|王小雅|440103198806120021|$SSSEEF05|20200601|$"),
    ] {
        assert_eq!(read(INFO, address), (0, wanted.to_owned()));
        assert_eq!(read(INFO.trim_end_matches('|'), address), (0, wanted.to_owned()));
    }
    for (info, address, code) in [
        ("440100D15600000530000003FFFFFFFE|A10000031|", "SSSEEF05|07|$", -22),
        ("440100D15600000530000003FFFFFFFF|D2143569X|", "SSSEEF05|07|$", -22),
        ("44|A10000031|", "SSSEEF05|07|$", -20),
        ("", "SSSEEF05|07|$", -23),
        (INFO, "SSSEEF05|07|", -14),
        (INFO, "DF09EF05|07|$", -14),
        (INFO, "DF02EF15|99:01|$", -13),
        (INFO, "DF04EF08|$", -13),
        (INFO, "DF01EF15|40|$", -13),
        (INFO, "DF01EF07|29|$", -27010),
    ] {
        assert_eq!(read(info, address).0, code, "{info} {address}");
    }
    assert_eq!(call(&hall, &[], &["iReadCard", "1", "3", INFO, "SSSEEF05|07|$"]).0, -14, "iAuthType");
}

#[test]
fn a_photo_needs_a_buffer_that_was_agreed_on() {
    let hall = full("");
    for address in ["SSSEEF08|$", "SSSEEF08|01|$"] {
        let (code, text) = call(&hall, &[], &["iReadCard", "1", "2", INFO, address]);
        assert!(code == -42 && text.contains("largest_output") && text.len() < 1024, "{code} {text}");
        let raised = [("SBKD_DRIVER_LARGEST_OUTPUT", "16384")];
        let (code, text) = call(&hall, &raised, &["iReadCard", "1", "2", INFO, address]);
        assert!(code == 0 && text.starts_with("SSSEEF08|424D46") && text.ends_with("|$"), "{code} {text}");
        assert_eq!(text.len(), "SSSEEF08||$".len() + 2 * 4096);
    }
}

#[test]
fn what_is_not_published_is_read_by_the_syntax_that_is_set() {
    let hall = full("[driver]\nsyntax = \"jiangsu\"\n");
    let program = asker(&hall, "echo 123456");
    let asker = [("SBKD_DRIVER_PIN_PROGRAM", program.as_str())];
    let (code, text) = call(&hall, &asker, &["iReadCard", "1", "1", INFO, "MFEF05|07|$DF01EF15|2A|40:01|$"]);
    assert!(code == 0 && text.starts_with("MFEF05|A10000031|$DF01EF15|"), "{code} {text}");
    assert_eq!(text.matches(',').count(), 2, "three parts: {text}");
}

#[test]
fn the_holder_is_asked_by_a_program_where_there_is_no_pad() {
    let hall = full("");
    let with =
        |lines: &str, arguments: &[&str]| call(&hall, &[("SBKD_DRIVER_PIN_PROGRAM", &asker(&hall, lines))], arguments);
    let change = "case $1 in *新*) echo 654321;; *) echo 123456;; esac";
    for (lines, arguments, code) in [
        ("echo 123456", &["iVerifyPIN", "1"][..], 0),
        ("exit 1", &["iVerifyPIN", "1"], -31),
        ("echo 123", &["iVerifyPIN", "1"], -33),
        ("echo 111111", &["iVerifyPIN", "1"], -51),
        (change, &["iChangePIN", "1"], 0),
        ("echo 123456", &["iVerifyPIN", "1"], -51),
        ("echo 654321", &["iVerifyPIN", "1"], 0),
        ("echo 654321", &["iReadCard", "1", "1", INFO, "DF01EF07|29|$"], 0),
    ] {
        let (given, text) = with(lines, arguments);
        assert_eq!(given, code, "{arguments:?}: {text}");
        assert!(code == 0 || !text.is_empty(), "it is described");
    }
    assert_eq!(call(&hall, &[], &["iVerifyPIN", "1"]).0, -13, "nobody can be asked");
    for (address, text) in [("SSSEEF05|07|$", "SSSEEF05|A10000031|$"), ("SSSEEF06|09|$", "SSSEEF06|王小雅|$")] {
        let read = call(&hall, &[], &["iReadCard", "1", "1", INFO, address]);
        assert_eq!(read, (0, text.to_owned()), "nobody need be");
    }
    // The program that calls gets a signal while it waits for the one that asks.
    let signals = "until grep -q 'State:.S' /proc/$PPID/status; do :; done; kill -ALRM $PPID; echo 654321";
    assert_eq!(with(signals, &["iVerifyPIN", "1"]), (0, String::new()));
    assert!(!hall.walk.rig.log("daemon").contains("654321"), "no PIN is logged");
}

#[test]
fn the_holder_types_at_the_readers_pad_where_there_is_one() {
    let mut hall = Hall::of(Setting { log: "trace", pad: true, ..Setting::default() });
    hall.walk.rig.reader().says("features", &["verify", "modify"]);
    hall.walk.rig.keep_psam(&image("psam"));
    hall.walk.insert(&image("v3-full"));
    // One that would be believed, were it asked.
    let program = asker(&hall, "echo 123456");
    for (does, arguments, code) in [
        ("111111", &["iVerifyPIN", "1"][..], -51),
        ("cancel", &["iVerifyPIN", "1"], -31),
        ("away", &["iVerifyPIN", "1"], -32),
        ("12345", &["iVerifyPIN", "1"], -33),
        ("123456", &["iVerifyPIN", "1"], 0),
        ("123456 222222 333333", &["iChangePIN", "1"], -34),
        ("123456 654321 654321", &["iChangePIN", "1"], 0),
        ("654321", &["iReadCard", "1", "1", INFO, "DF01EF07|29|$"], 0),
    ] {
        hall.walk.rig.reader().person(does);
        let (given, text) = call(&hall, &[("SBKD_DRIVER_PIN_PROGRAM", &program)], arguments);
        assert_eq!(given, code, "{does}: {text}");
    }
    let sent = hall.walk.rig.reader().sent();
    assert_eq!(sent, ["sent 20 of 8", "sent 20 of 8", "sent 5E of 12", "sent 20 of 8"]);
}

#[test]
fn nobody_is_asked_without_a_card_and_the_door_says_what_to_ask() {
    let mut hall = full("");
    let socket = Client::unix(hall.walk.socket());
    let call = |body: Value| socket.post("/v1/driver/iVerifyPIN", &body).success();
    let asked = call(json!({"parameters": {"iType": "1"}}));
    assert_eq!((&asked["code"], &asked["ask"]), (&json!(-31), &json!("pin")));
    let unasked = call(json!({"parameters": {"iType": "1"}, "pin": "123456"}));
    assert_eq!(unasked, asked, "a PIN that names no card was asked for by nobody");
    let verified = call(json!({"parameters": {"iType": "1"}, "pin": "123456", "card": asked["card"]}));
    assert_eq!((&verified["code"], &verified["ask"], &verified["output"]), (&json!(0), &Value::Null, &json!("")));
    hall.walk.rig.pull();
    assert_eq!(call(json!({"parameters": {"iType": "1"}}))["code"], -2);
    hall.walk.insert(&image("v3-contactless"));
    for (kind, code) in [("1", -2), ("2", 0), ("3", 0), ("4", 0)] {
        let verified = with_pin(&socket, "iVerifyPIN", &json!({"iType": kind}), "123456");
        assert_eq!(verified["code"], code, "iType {kind}");
    }
}

#[test]
fn what_is_written_is_read_back_and_another_card_is_not_written() {
    let hall = full("");
    let address = "DF04EF05|84|8F|$SSSEEF08|$";
    let photo = format!("SSSEEF08|{}|$", "FFD8".repeat(2048));
    let write = |info: &str, data: &str| call(&hall, &[], &["iWriteCard", "1", info, address, data]);
    let read = |address: &str| {
        let raised = [("SBKD_DRIVER_LARGEST_OUTPUT", "16384")];
        call(&hall, &raised, &["iReadCard", "1", "2", INFO, address])
    };
    let before = read(address);
    for (info, data, code) in [
        ("440100D15600000530000003FFFFFFFE|A10000031|", &*format!("DF04EF05|440105|2|${photo}"), -22),
        (INFO, &format!("DF04EF05|440105|${photo}"), -23),
        (INFO, &format!("DF04EF05|4401x5|2|${photo}"), -41),
        (INFO, &format!("DF04EF05|440105440105|2|${photo}"), -42),
        (INFO, "DF04EF05|440105|2|$SSSEEF08|FFD|$", -41),
    ] {
        assert_eq!(write(info, data).0, code, "{data:.60}");
        assert_eq!(read(address), before, "nothing was written");
    }
    assert_eq!(write(INFO, &format!("DF04EF05|440105|2|${photo}")), (0, String::new()));
    assert_eq!(read(address), (0, format!("DF04EF05|440105|2|${photo}")));
}

#[test]
fn a_locked_pin_is_told_given_its_tries_and_set_anew() {
    let hall = full("[card]\ninitial_pins = [\"888888\"]\n");
    let with = |lines: &str, arguments: &[&str]| {
        call(&hall, &[("SBKD_DRIVER_PIN_PROGRAM", &asker(&hall, lines))], arguments).0
    };
    for (lines, arguments, code) in [
        ("echo 888888", &["iVerifyPIN", "1"][..], -35),
        ("case $1 in *新*) echo 888888;; *) echo 123456;; esac", &["iChangePIN", "1"], -36),
        ("case $1 in *再*) echo 111111;; *) echo 123456;; esac", &["iChangePIN", "1"], -34),
        ("echo 111111", &["iVerifyPIN", "1"], -51),
        ("echo 111111", &["iVerifyPIN", "1"], -51),
        ("echo 111111", &["iVerifyPIN", "1"], -51),
        ("echo 123456", &["iVerifyPIN", "1"], -52),
        ("exit 1", &["iUnblockPIN", "1", "440100D15600000530000003FFFFFFFE|A10000031|"], -22),
        ("exit 1", &["iUnblockPIN", "1", INFO], 0),
        ("echo 123456", &["iVerifyPIN", "1"], 0),
        ("echo 654321", &["iReloadPIN", "1", INFO], 0),
        ("echo 654321", &["iVerifyPIN", "1"], 0),
        ("echo 123456", &["iVerifyPIN", "1"], -51),
    ] {
        assert_eq!(with(lines, arguments), code, "{lines} {arguments:?}");
    }
}
