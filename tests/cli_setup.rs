//! What a terminal would work by is checked by `config check` and by the doctor as the daemon does it at its start.

mod rig;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rig::{Child, Ran, program};
use serde_json::Value;

/// A configuration with these lines in `[paths]`.
fn configure(dir: &Path, paths: &str) {
    let text = format!(
        "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n\
         [api]\nsocket = \"sbkd.sock\"\n[paths]\n{paths}\n"
    );
    fs::write(dir.join("sbkd.toml"), text).unwrap();
}

/// `sbkd …` in `dir` with its configuration, where no pcscd is.
fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(args).args(["--config", "sbkd.toml", "--json"]).current_dir(dir).stdin(Stdio::null());
    command.env("PCSCLITE_CSOCK_NAME", dir.join("no.comm")).env_remove("NOTIFY_SOCKET");
    command
}

/// The doctor's line of that name.
fn line(dir: &Path, check: &str) -> Value {
    let report = Ran::of(command(dir, &["doctor"])).json();
    report["checks"].as_array().unwrap().iter().find(|line| line["check"] == check).unwrap().clone()
}

#[test]
fn check_and_doctor_find_what_the_daemon_does_not_start_on() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (folder, file) in [("empty", "README.md"), ("bad", "pack.toml"), ("bad", "ssc.apdu"), ("bad", "table.toml")] {
        fs::create_dir_all(dir.join(folder)).unwrap();
        fs::write(dir.join(folder).join(file), "flow = [\n").unwrap();
    }
    for (paths, code, at) in [
        ("policy = \"empty\"", "E-TERM-SETUP", "empty: no *.toml"),
        ("scenarios = \"empty\"", "E-TERM-SETUP", "empty: no *.toml"),
        ("scripts = \"empty\"", "E-TERM-SETUP", "empty: no *.apdu"),
        ("policy = \"bad\"", "E-TERM-SETUP", "bad/pack.toml:1:"),
        ("scenarios = \"bad\"", "E-SCN-DEFINITION", "bad/pack.toml:1:"),
        ("scripts = \"bad\"", "E-TERM-SETUP", "bad/ssc.apdu:1:"),
        ("conditions = \"bad/table.toml\"", "E-TERM-SETUP", "bad/table.toml:1:"),
    ] {
        configure(dir, paths);
        for args in [&["config", "check"][..], &["run"]] {
            let ran = Ran::of(command(dir, args));
            assert_eq!((ran.code, ran.error_code().as_str()), (Some(7), code), "{paths} {args:?}");
            let error = &ran.json()["error"];
            assert!(error["detail"].as_str().unwrap().contains(at), "{paths} {args:?}: {error}");
            let listed = error["diagnostics"].as_array().and_then(|mistakes| mistakes.first());
            assert_eq!(listed.is_some(), args.len() == 2 && at.ends_with(':'), "{paths} {args:?}: {error}");
        }
        let found = line(dir, "config");
        assert_eq!(found["status"], "failed", "{paths}");
        assert!(found["found"]["en"].as_str().unwrap().contains(at), "{paths}: {found}");
    }
    assert!(!dir.join("state").exists(), "nothing is made for a terminal that does not start");
}

#[test]
fn the_doctor_looks_at_the_keys_as_the_journal_does() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    configure(dir, "");
    let mut daemon = Child::spawn("daemon", command(dir, &["run"]), dir);
    daemon.line("the daemon is ready", |line| line.contains("\"ready\"").then_some(()));
    assert_eq!(line(dir, "rights")["status"], "ok");
    assert_eq!(daemon.terminate(), Some(0));
    let key = dir.join("state/keys/seal.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = Ran::of(command(dir, &["run"]));
    assert_eq!((refused.code, refused.error_code().as_str()), (Some(6), "E-QUEUE-KEYS"));
    let found = line(dir, "rights");
    assert_eq!(found["status"], "failed");
    assert!(found["found"]["en"].as_str().unwrap().contains("seal.key"), "{found}");
}
