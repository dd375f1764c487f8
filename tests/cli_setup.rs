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

/// No pack that ships holds in the year in which this runs, and a production terminal has no other business date.
#[test]
fn a_terminal_whose_packs_have_run_out_is_told_which_scenarios_it_cannot_carry_out() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let only = |ids: &str| configure(dir, &format!("[scenarios]\nonly = [{ids}]"));
    let listed = || Ran::of(command(dir, &["scenario", "list"])).success();
    let marked = |mark: char| {
        let mut command = Command::new(program());
        command.args(["scenario", "list", "--config", "sbkd.toml"]).current_dir(dir);
        Ran::of(command).stdout.lines().filter(|line| line.contains(mark)).count()
    };

    configure(dir, "");
    let found = line(dir, "policy");
    assert_eq!(found["status"], "warning", "{found}");
    assert!(found["found"]["en"].as_str().unwrap().contains("; 77 scenarios have no pack for today: "), "{found}");
    assert!(found["remedy"]["en"].as_str().unwrap().contains("docs/own-scenario.md"), "{found}");
    assert_eq!(marked('○'), 77);

    only("\"unemployment-sign-in\", \"medical-settlement\"");
    let found = line(dir, "policy");
    let told = "; 2 scenarios have no pack for today: medical-settlement, unemployment-sign-in";
    assert!(found["found"]["en"].as_str().unwrap().ends_with(told), "{found}");
    let listed = listed();
    let states: Vec<_> = listed.as_array().unwrap().iter().filter(|line| line["no_pack_today"] == true).collect();
    let states: Vec<_> = states.iter().map(|line| (line["id"].as_str().unwrap(), &line["available"])).collect();
    assert_eq!(states, [("medical-settlement", &Value::Bool(true)), ("unemployment-sign-in", &Value::Bool(false))]);
}

#[test]
fn the_catalogue_that_is_listed_is_that_of_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (file, to) in [
        ("config/scenarios/unemployment.toml", "scenarios/unemployment.toml"),
        ("config/policy/guangzhou-2015/unemployment-sign-in.toml", "policy/sign-in.toml"),
    ] {
        let to = dir.join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, fs::read_to_string(rig::tree(file)).unwrap().replace("领取失业金人员签到", "本局签到")).unwrap();
    }
    let only = "[scenarios]\nonly = [\"unemployment-sign-in\"]";
    fs::write(
        dir.join("sbkd.toml"),
        format!(
            "mode = \"demo\"\nbusiness_date = 2015-08-03\nterminal = \"H44010099999\"\n[keys]\nsource = \"psam\"\n\
             [paths]\nscenarios = \"scenarios\"\npolicy = \"policy\"\n{only}\n"
        ),
    )
    .unwrap();
    for args in [&["scenario", "list"][..], &["scenario", "check"]] {
        let listed = Ran::of(command(dir, args)).success();
        let there: Vec<_> = listed.as_array().unwrap().iter().filter(|line| line["available"] == true).collect();
        assert_eq!(there.len(), 1, "{args:?}: {there:?}");
        assert_eq!((&there[0]["id"], &there[0]["no_pack_today"]), (&"unemployment-sign-in".into(), &false.into()));
    }
    let shown = Ran::of(command(dir, &["scenario", "show", "unemployment-sign-in"])).success();
    assert!(shown["rules"][0]["file"].as_str().unwrap().ends_with("policy/sign-in.toml"), "{}", shown["rules"][0]);
    assert!(shown["parts"][0]["title"]["zh"].as_str().unwrap().contains("本局签到"), "{}", shown["parts"][0]);
    // Who names files means these and nothing else.
    let listed = Ran::of(command(dir, &["scenario", "list", "--scenarios", "scenarios"])).success();
    let there = listed.as_array().unwrap().iter().filter(|line| line["available"] == true);
    assert_eq!(there.count(), 77);
    // A configuration by which no daemon starts is told by its mistake.
    fs::write(dir.join("policy/sign-in.toml"), "[pack\n").unwrap();
    let ran = Ran::of(command(dir, &["scenario", "list"]));
    assert_eq!((ran.code, ran.error_code().as_str()), (Some(7), "E-TERM-SETUP"));
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
