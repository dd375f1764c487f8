//! `sbkd run` as a process: ready at once, heard by the service manager, ended in order.

mod rig;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rig::http::Client;
use rig::{Child, PATIENCE, Ran, until};
use serde_json::Value;

/// Writes a configuration and its token; the daemon's own files go beside it.
fn configure(dir: &Path) {
    let text = "mode = \"demo\"\nterminal = \"H44010099999\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n\
                [api]\nlisten = \"127.0.0.1:0\"\nsocket = \"sbkd.sock\"\n\
                [[api.client]]\nname = \"test\"\ntoken_file = \"token\"\npermissions = [\"read\"]\n";
    fs::write(dir.join("sbkd.toml"), text).unwrap();
    fs::write(dir.join("token"), "a token that is long enough").unwrap();
}

/// `sbkd …` in `dir` with its configuration, where no pcscd is.
fn sbkd(dir: &Path, args: &[&str]) -> Command {
    let mut command = rig::bare();
    command.args(args).args(["--config", "sbkd.toml", "--json"]).current_dir(dir);
    command.env("PCSCLITE_CSOCK_NAME", dir.join("no.comm"));
    command
}

fn ready(daemon: &mut Child) -> Value {
    daemon.line("the daemon is ready", |line| {
        let value: Value = serde_json::from_str(line).ok()?;
        (value["ready"] == true).then_some(value)
    })
}

#[test]
fn it_is_ready_though_pcscd_is_away_and_ends_in_order() {
    let dir = tempfile::tempdir().unwrap();
    configure(dir.path());
    let mut daemon = Child::spawn("daemon", sbkd(dir.path(), &["run"]), dir.path());
    let told = ready(&mut daemon);
    assert_eq!(told["pid"], daemon.id());
    let client = Client::tcp(told["url"].as_str().unwrap()).token("a token that is long enough");
    until("the daemon sees that pcscd is away", || {
        let health = client.get("/v1/health").success();
        health["conditions"].as_array().unwrap().contains(&"card-service-away".into()).then_some(())
    });
    let report = Ran::of(sbkd(dir.path(), &["doctor"]));
    assert_eq!((report.code, report.error_code().as_str()), (Some(1), "E-CLI-UNWELL"));
    let report = report.json();
    assert_eq!(report["daemon"], true);
    let names: Vec<&str> = report["checks"].as_array().unwrap().iter().filter_map(|c| c["check"].as_str()).collect();
    let wanted =
        ["config", "daemon", "policy", "rights", "pcscd", "readers", "psam", "clock", "disk", "queue", "upstream"];
    assert_eq!(names, wanted);
    assert_eq!(daemon.terminate(), Some(0));
    assert!(!dir.path().join("sbkd.sock").exists());
    // The same place serves the next one.
    let mut again = Child::spawn("again", sbkd(dir.path(), &["run"]), dir.path());
    ready(&mut again);
    assert_eq!(again.terminate(), Some(0));
}

#[test]
fn a_second_daemon_names_the_first_and_leaves_it_alone() {
    let dir = tempfile::tempdir().unwrap();
    configure(dir.path());
    let mut daemon = Child::spawn("daemon", sbkd(dir.path(), &["run"]), dir.path());
    ready(&mut daemon);
    let second = Ran::of(sbkd(dir.path(), &["run"]));
    assert_eq!((second.code, second.error_code().as_str()), (Some(7), "E-API-IN-USE"));
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    configure(&elsewhere);
    let socket = dir.path().join("sbkd.sock");
    let third = Ran::of(sbkd(&elsewhere, &["run", "--socket", socket.to_str().unwrap()]));
    assert_eq!((third.code, third.error_code().as_str()), (Some(7), "E-API-IN-USE"));
    let detail = third.json()["error"]["detail"].as_str().unwrap().to_owned();
    assert!(detail.ends_with(&format!("sbkd {}", daemon.id())), "{detail}");
    Client::unix(socket).get("/v1/health").success();
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn the_service_manager_hears_of_ready_watchdog_and_stopping() {
    let dir = tempfile::tempdir().unwrap();
    configure(dir.path());
    let manager = UnixDatagram::bind(dir.path().join("notify")).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let hear = |wanted: &str| loop {
        let mut text = [0; 256];
        let length = manager.recv(&mut text).unwrap_or_else(|error| panic!("{wanted} never comes: {error}"));
        if String::from_utf8_lossy(&text[..length]).lines().any(|line| line == wanted) {
            break;
        }
    };
    let mut command = sbkd(dir.path(), &["run"]);
    command.env("NOTIFY_SOCKET", dir.path().join("notify"));
    command.env("WATCHDOG_USEC", Duration::from_millis(300).as_micros().to_string());
    let mut daemon = Child::spawn("daemon", command, dir.path());
    hear("READY=1");
    ready(&mut daemon);
    hear("WATCHDOG=1");
    hear("WATCHDOG=1");
    assert_eq!(daemon.terminate(), Some(0));
    hear("STOPPING=1");
}

#[test]
fn what_others_may_not_see_is_kept_from_them() {
    let dir = tempfile::tempdir().unwrap();
    let text = "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \"new/state\"\n[keys]\nsource = \"psam\"\n\
                [api]\nsocket = \"sbkd.sock\"\n[uplink]\nurl = \"http://127.0.0.1:9\"\ntoken_file = \"uplink\"\n";
    fs::write(dir.path().join("sbkd.toml"), text).unwrap();
    let token = dir.path().join("uplink");
    fs::write(&token, "the token of the terminal at the centre").unwrap();
    let rights = |rights| fs::set_permissions(&token, fs::Permissions::from_mode(rights)).unwrap();
    rights(0o644);
    let refused = Ran::of(sbkd(dir.path(), &["run"]));
    assert_eq!((refused.code, refused.error_code().as_str()), (Some(7), "E-TERM-SETUP"));
    assert!(refused.json()["error"]["detail"].as_str().unwrap().ends_with("uplink: mode 0644"), "{refused:?}");
    rights(0o640);
    let mut daemon = Child::spawn("daemon", sbkd(dir.path(), &["run"]), dir.path());
    ready(&mut daemon);
    let mode = |path: &str| fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("new/state"), mode("sbkd.sock")), (0o700, 0o660));
    let state: Vec<_> = fs::read_dir(dir.path().join("new/state")).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(state.iter().all(|entry| entry.metadata().unwrap().permissions().mode() & 0o077 == 0), "{state:?}");
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_daemon_that_hangs_is_not_waited_for_without_end() {
    let dir = tempfile::tempdir().unwrap();
    configure(dir.path());
    // It takes connections, and says nothing.
    let _hangs = UnixListener::bind(dir.path().join("sbkd.sock")).unwrap();
    std::thread::scope(|threads| {
        for command in [&["queue", "list"][..], &["case", "run", "medical-settlement"]] {
            let dir = dir.path();
            threads.spawn(move || assert_silent(&Ran::of(sbkd(dir, command))));
        }
        let report = Ran::of(sbkd(dir.path(), &["doctor"]));
        assert_eq!((report.code, report.error_code().as_str()), (Some(1), "E-CLI-UNWELL"));
        let report = report.json();
        assert_eq!(report["daemon"], false);
        let daemon = report["checks"].as_array().unwrap().iter().find(|check| check["check"] == "daemon").unwrap();
        assert_eq!(daemon["status"], "failed", "one that was stopped on purpose leaves no such socket");
        assert!(daemon["found"]["en"].as_str().unwrap().starts_with("the daemon does not answer"), "{daemon}");
    });
}

#[track_caller]
fn assert_silent(ran: &Ran) {
    assert_eq!((ran.code, ran.error_code().as_str()), (Some(8), "E-CLI-DAEMON-SILENT"));
}

#[test]
fn the_doctor_sees_a_pcscd_that_hangs_with_the_daemon_and_without() {
    let dir = tempfile::tempdir().unwrap();
    configure(dir.path());
    // It takes connections, and says nothing.
    let _hangs = UnixListener::bind(dir.path().join("no.comm")).unwrap();
    let examine = |running: bool| {
        let report = Ran::of(sbkd(dir.path(), &["doctor"]));
        assert_eq!((report.code, report.error_code().as_str()), (Some(1), "E-CLI-UNWELL"));
        let report = report.json();
        assert_eq!(report["daemon"], running);
        let pcscd =
            report["checks"].as_array().unwrap().iter().find(|check| check["check"] == "pcscd").cloned().unwrap();
        assert_eq!((&pcscd["status"], &pcscd["found"]["en"]), (&"failed".into(), &"pcscd does not answer".into()));
    };
    examine(false);
    let mut daemon = Child::spawn("daemon", sbkd(dir.path(), &["run"]), dir.path());
    ready(&mut daemon);
    examine(true);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_mistake_in_any_file_of_a_terminal_is_told_by_its_place_and_nothing_runs() {
    let broken = |path: &str, from: &str, to: &str| {
        let text = fs::read_to_string(rig::tree(path)).unwrap();
        assert!(text.contains(from), "{path}: {from}");
        text.replacen(from, to, 1)
    };
    let policy = broken("config/policy/guangzhou-2015/unemployment-sign-in.toml", "\nversion =", "\nversoin =");
    let line = policy.lines().position(|line| line.starts_with("versoin")).unwrap() + 1;
    let mistyped = format!("own/pack.toml:{line}:1: ");
    let scenario = broken("config/scenarios/unemployment.toml", "\nkind =", "\nknid =");
    let at = scenario.lines().position(|line| line.starts_with("knid")).unwrap() + 1;
    let mistyped_scenario = format!("own/unemployment.toml:{at}:1: ");
    let conditions = broken("config/conditions.toml", "= \"carry-out\"", "= \"carry-in\"");
    let script = "# Too long a beginning.\nflow read\n  send 00 A4\n".to_owned();
    let nothing = String::new;
    for (setting, file, text, code, place) in [
        ("policy = \"own\"", "own/pack.toml", policy, "E-TERM-SETUP", mistyped.as_str()),
        ("scripts = \"own\"", "own/ssc-3.0.apdu", script, "E-TERM-SETUP", "own/ssc-3.0.apdu:3:3: "),
        ("scenarios = \"own\"", "own/unemployment.toml", scenario, "E-SCN-DEFINITION", mistyped_scenario.as_str()),
        ("conditions = \"own.toml\"", "own.toml", conditions, "E-TERM-SETUP", "own.toml:9:15: "),
        ("conditions = \"none.toml\"", "own.toml", nothing(), "E-TERM-SETUP", "none.toml: "),
        ("policy = \"none\"", "own.toml", nothing(), "E-TERM-SETUP", "none: "),
        ("mood = \"fine\"", "own.toml", nothing(), "E-CFG-INVALID", "sbkd.toml:14:1: "),
        ("policy = [", "own.toml", nothing(), "E-CFG-INVALID", "sbkd.toml:14:11: "),
    ] {
        let dir = tempfile::tempdir().unwrap();
        configure(dir.path());
        let config = fs::read_to_string(dir.path().join("sbkd.toml")).unwrap();
        fs::write(dir.path().join("sbkd.toml"), format!("{config}[paths]\n{setting}\n")).unwrap();
        let file = dir.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        let ended = Child::spawn("daemon", sbkd(dir.path(), &["run"]), dir.path()).wait();
        let told = fs::read_to_string(dir.path().join("daemon.out")).unwrap();
        let ran = Ran { code: ended, stdout: told, stderr: String::new() };
        assert_eq!((ran.code, ran.error_code().as_str()), (Some(7), code), "{setting}");
        let detail = ran.json()["error"]["detail"].as_str().unwrap().to_owned();
        assert!(detail.lines().any(|line| line.starts_with(place)), "{setting}: {place} is not in: {detail}");
        assert!(!dir.path().join("sbkd.sock").exists() && !dir.path().join("state").exists(), "{setting}");
    }
}

#[test]
fn the_files_of_an_installation_are_what_their_owners_take() {
    let checked = Ran::of(Command::new(rig::tree("tools/check-udev")));
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
    // What could not be asked here is said, not passed over.
    for file in ["sbkd.service", "70-sbkd.rules", "50-sbkd-pcscd.rules"] {
        assert!(checked.stdout.contains(file), "{file}: {}", checked.stdout);
    }
}
