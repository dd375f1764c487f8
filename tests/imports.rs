//! Logs of other programs made into recordings.

mod rig;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rig::search::{forms_of_bytes, forms_of_text, found_in};
use rig::{HOLDER, PSAM, Ran, Rig, image};
use serde_json::{Value, json};

/// The logs that the project keeps, each a session with the demonstration card of that generation.
const KEPT: [&[&str]; 4] = [
    &["v3-sm4.pcsc-spy.log"],
    &["v3-sm4.card.apdu4j.log", "v3-sm4.psam.apdu4j.log"],
    &["v3-sm4.card.apdu4j.dump", "v3-sm4.psam.apdu4j.dump"],
    &["v2-3des.pcsc-spy.log"],
];

fn kept(name: &str) -> PathBuf {
    rig::tree("fixtures/imports").join(name)
}

fn sbkd(args: &[&str]) -> Ran {
    let mut command = rig::bare();
    command.args(args);
    Ran::of(command)
}

/// Imports logs into a new file.
fn imported(logs: &[PathBuf], out: &Path, more: &[&str]) -> Ran {
    let logs: Vec<&str> = logs.iter().map(|log| log.to_str().unwrap()).collect();
    let out = out.to_str().unwrap();
    sbkd(&[&["script", "import", "--json", "--out", out][..], &logs, more].concat())
}

/// What the demonstration cards' holder would be found by.
fn holds_nobody(text: &str, name: &str) {
    let mut needles = Vec::new();
    for (what, real) in [("name", "王小雅"), ("number", "440103198806120021"), ("birth", "19880612")] {
        needles.extend(forms_of_text(what, real));
    }
    needles.extend(forms_of_bytes("historical bytes", &[0x44, 0x01, 0x30, 0x00, 0x00, 0x03]));
    needles.retain(|needle| needle.bytes.len() > 5);
    assert_eq!(found_in(text.as_bytes(), &needles), Vec::<String>::new(), "{name}");
}

/// The recording replays as the made-up holder's card.
fn replays(out: &Path, version: &str) {
    let reading = sbkd(&["replay", "--json", "--unmask", out.to_str().unwrap()]).success();
    assert_eq!(reading["version"], version);
    assert_eq!(reading["holder"]["social_security_number"], "100000197001010012");
    assert_eq!(reading["authenticated"]["internal"], true);
}

#[test]
fn each_kept_log_becomes_a_recording_that_replays() {
    let dir = tempfile::tempdir().unwrap();
    for (nth, logs) in KEPT.into_iter().enumerate() {
        let out = dir.path().join(format!("{nth}.apdu"));
        let paths: Vec<PathBuf> = logs.iter().map(|log| kept(log)).collect();
        let told = imported(&paths, &out, &["--clock", "2026-01-31T08:00:00Z"]).success();
        assert_eq!((&told["replayed"], &told["differs"]), (&Value::from(true), &Value::Null), "{logs:?}: {told}");
        let text = fs::read_to_string(&out).unwrap();
        assert!(text.contains("\nclock 2026-01-31T08:00:00Z\n"));
        holds_nobody(&text, logs[0]);
        replays(&out, if logs[0].starts_with("v2") { "2.00" } else { "3.00" });
        // Never overwritten.
        assert_eq!(imported(&paths, &out, &[]).error_code(), "E-CLI-EXISTS");
    }
}

#[test]
fn a_log_that_cannot_be_a_session_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.apdu");
    let refused = |text: &str, more: &[&str]| {
        let log = dir.path().join("a.log");
        fs::write(&log, text).unwrap();
        let ran = imported(&[log], &out, more);
        assert!(!out.exists());
        let error = ran.json()["error"].clone();
        (ran.error_code(), error["diagnostics"][0]["line"].as_u64().unwrap_or_default())
    };
    let log = fs::read_to_string(kept("v3-sm4.pcsc-spy.log")).unwrap();
    let mistake = |line| ("E-SCRIPT-MISTAKE".to_owned(), line);
    assert_eq!(refused("hello\n", &[]), mistake(1));
    assert_eq!(refused("7F3A@>|1700000000|5|SCardTransmit\n", &[]), mistake(1));
    let at = |what: &str| log.lines().position(|line| line.contains(what)).unwrap() as u64 + 1;
    // A row of bytes that is cut off.
    let cut = log.replacen(" i  0000 00 A4 04", " i  0000 00 A4 0", 1);
    assert_eq!(refused(&cut, &[]), mistake(at(" i  0000 00 A4 04")));
    // No card is that reader's.
    assert_eq!(refused(&log, &["--reader", "Nobody"]).0, "E-SCRIPT-NOT-RECORDED");
    // A command that no rule is known for.
    let unknown = log.replacen("0000 00 84 00 00 08", "0000 00 CA 00 00 08", 1);
    assert_eq!(refused(&unknown, &[]).0, "E-SCRIPT-NOT-RECORDED");
}

#[test]
fn a_session_that_is_another_programs_own_is_kept_and_does_not_replay() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("own.log");
    // A driver that reads record by record, and verifies a PIN.
    let text = "\
# SCardConnect(\"Some Reader 0\", T=*) -> T=0, 3B6D000086035342440003440130000003
A>> T=0 (4+0015) 00A40400 0F 7378312E73682EC9E7BBE1B1A3D5CF
A<< (0030+2) (12ms) 6F1C840F7378312E73682EC9E7BBE1B1A3D5CFA50988011E9F0C03860103 9000
A>> T=0 (4+0000) 00B20800 14
A<< (0020+2) (9ms) 0812343430313033313938383036313230303231 9000
A>> T=0 (4+0003) 00200000 03 654321
A<< (0000+2) (9ms) 9000
# SCardDisconnect(\"Some Reader 0\", true) tx:40/rx:60 in 1s5ms
";
    fs::write(&log, text).unwrap();
    let out = dir.path().join("own.apdu");
    let told = imported(&[log], &out, &[]).success();
    assert_eq!((&told["exchanges"], &told["replayed"]), (&json!(3), &json!(false)), "{told}");
    assert!(told["differs"]["code"].is_string(), "{told}");
    let text = fs::read_to_string(&out).unwrap();
    assert!(text.contains("> 00200000 [135791]\n< 9000\nreset\n"), "{text}");
    assert!(!text.contains("654321"));
    holds_nobody(&text, "own");
    let checked = sbkd(&["script", "check", "--json", out.to_str().unwrap()]).success();
    assert_eq!(checked["recordings"].as_array().unwrap().len(), 1);
}

/// libpcscspy of Debian 12 looks into the protocol header of an answer, which a program may leave out, as ours does: one
/// is put in.
const HEADER: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <PCSC/winscard.h>
LONG SCardTransmit(SCARDHANDLE card, const SCARD_IO_REQUEST *to, LPCBYTE sent, DWORD length, SCARD_IO_REQUEST *from,
                   LPBYTE answer, LPDWORD room) {
    LONG (*next)(SCARDHANDLE, const SCARD_IO_REQUEST *, LPCBYTE, DWORD, SCARD_IO_REQUEST *, LPBYTE, LPDWORD);
    SCARD_IO_REQUEST own = *to;
    *(void **)&next = dlsym(RTLD_NEXT, "SCardTransmit");
    return next(card, to, sent, length, from ? from : &own, answer, room);
}
"#;

/// The library that puts it in.
fn header(rig: &Rig) -> PathBuf {
    let (source, library) = (rig.dir().join("header.c"), rig.dir().join("header.so"));
    fs::write(&source, HEADER).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-I/usr/include/PCSC", "-o"]).arg(&library).arg(&source).arg("-ldl");
    let made = cc.stdin(Stdio::null()).output().expect("a C compiler");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    library
}

/// What pcsc-spy makes of what a command does with the rig's readers.
fn spied(rig: &Rig, subcommand: &str, args: &[&str]) -> String {
    let raw = rig.dir().join("pcsc-spy");
    // libpcscspy writes to this file of the home directory, and makes none itself.
    fs::write(&raw, "").unwrap();
    let mut command = rig.command(subcommand);
    let preloaded = format!("{} libpcscspy.so.0", header(rig).display());
    // Nothing is known of card types: what was learned of one makes the next reading shorter than its replay.
    let state = tempfile::tempdir_in(rig.dir()).unwrap();
    command.args(args).env("LD_PRELOAD", preloaded).env("HOME", rig.dir()).env("XDG_STATE_HOME", state.path());
    let ran = Ran::of(command);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let spy = Command::new("pcsc-spy").arg("--nocolor").arg(&raw).stdin(Stdio::null()).output();
    let spy = spy.expect("pcsc-spy, of libpcsclite-dev: run tools/install (make test does)");
    let text = String::from_utf8(spy.stdout).unwrap();
    assert!(text.contains("SCardTransmit"), "{text}\n{}", String::from_utf8_lossy(&spy.stderr));
    text
}

#[test]
fn a_session_that_pcsc_spy_saw_becomes_a_recording_that_replays() {
    let mut rig = Rig::start();
    for (name, version) in [("v1-3des", "1.00"), ("v2-3des", "2.00"), ("v3-sm4", "3.00")] {
        rig.insert(&image(name));
        let text = spied(&rig, "card", &["read", "--direct", "--reader", HOLDER, "--psam-reader", PSAM, "--json"]);
        let log = rig.dir().join(format!("{name}.log"));
        fs::write(&log, &text).unwrap();
        if std::env::var_os("SBKD_WRITE").is_some() {
            fs::write(kept(&format!("{name}.pcsc-spy.log")), &text).unwrap();
        }
        let out = rig.dir().join(format!("{name}.apdu"));
        let told = imported(&[log], &out, &[]).success();
        assert_eq!(told["replayed"], true, "{told}");
        holds_nobody(&fs::read_to_string(&out).unwrap(), name);
        replays(&out, version);
    }
}
