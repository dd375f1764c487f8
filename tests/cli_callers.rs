//! Who may do what at the command line, and what is told to one who may not; and arguments that no command takes.

mod rig;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use rig::{Child, Ran, program};
use serde_json::Value;

/// `sbkd … --json` in `dir`, where no pcscd is, with a home of its own.
fn sbkd(dir: &Path, program: Command, line: &str) -> Command {
    let mut command = program;
    command.args(line.split(' ')).arg("--json").current_dir(dir).stdin(Stdio::null());
    command.env("PCSCLITE_CSOCK_NAME", dir.join("no.comm")).env_remove("NOTIFY_SOCKET");
    command.env("SBKD_CONFIG", rig::NOWHERE);
    command.env("HOME", dir.join("home")).env_remove("XDG_STATE_HOME");
    command
}

fn ran(dir: &Path, line: &str) -> Ran {
    Ran::of(sbkd(dir, Command::new(program()), line))
}

/// The same by one whom the files' rights bind, which they do not bind root.
fn bound(dir: &Path, line: &str) -> Ran {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return ran(dir, line);
    }
    let without = "-dac_override,-dac_read_search";
    let mut command = Command::new("setpriv");
    command.arg(format!("--bounding-set={without}")).arg(format!("--inh-caps={without}")).arg(program());
    Ran::of(sbkd(dir, command, line))
}

/// Closed to those whom rights bind, until dropped.
struct Closed<'a>(&'a Path);

impl<'a> Closed<'a> {
    fn new(path: &'a Path) -> Self {
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
        Self(path)
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        let _ = fs::set_permissions(self.0, fs::Permissions::from_mode(0o700));
    }
}

fn configure(dir: &Path) {
    let text = "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n\
                [api]\nsocket = \"sbkd.sock\"\n\
                [[api.client]]\nname = \"counter\"\ntoken_file = \"tokens/counter\"\npermissions = [\"read\"]\n";
    fs::write(dir.join("sbkd.toml"), text).unwrap();
    fs::create_dir(dir.join("tokens")).unwrap();
    fs::write(dir.join("tokens/counter"), "a token that is long enough").unwrap();
    fs::set_permissions(dir.join("tokens/counter"), fs::Permissions::from_mode(0o640)).unwrap();
}

#[test]
fn the_doctor_of_a_sound_terminal_finds_no_fault_with_it_for_a_clerk() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    configure(dir);
    let run = sbkd(dir, Command::new(program()), "run --config sbkd.toml");
    let mut daemon = Child::spawn("daemon", run, dir);
    daemon.line("the daemon is ready", |line| line.contains("\"ready\"").then_some(()));
    let rights = || -> Value {
        let report = bound(dir, "doctor --config sbkd.toml").json();
        report["checks"].as_array().unwrap().iter().find(|line| line["check"] == "rights").unwrap().clone()
    };
    let (keys, tokens) = (dir.join("state/keys"), dir.join("tokens"));
    let closed = [Closed::new(&keys), Closed::new(&tokens)];
    let with = rights();
    assert_eq!(with["status"], "ok", "{with}");
    assert!(with["found"]["en"].as_str().unwrap().contains("tokens/counter"), "{with}");
    assert_eq!(daemon.terminate(), Some(0));
    let without = rights();
    assert_eq!(without["status"], "warning", "{without}");
    assert!(without["remedy"]["en"].as_str().unwrap().contains("as root"), "{without}");
    drop(closed);
    assert_eq!(rights()["status"], "ok");
}

#[test]
fn held_pairs_are_released_by_whom_the_store_belongs_to() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    configure(dir);
    let state = dir.join("state");
    fs::create_dir(&state).unwrap();
    drop(sbkd::store::Store::open(&state.join("store.db")).unwrap());
    {
        let _closed = Closed::new(&state);
        let refused = bound(dir, "card release --config sbkd.toml");
        assert_eq!((refused.code, refused.error_code().as_str()), (Some(6), "E-STORE-RIGHTS"), "{refused:?}");
        let error = &refused.json()["error"];
        assert!(error["detail"].as_str().unwrap().contains("state/store.db"), "{error}");
        assert!(error["en"]["remedy"].as_str().unwrap().contains("do not delete"), "{error}");
    }
    assert_eq!(bound(dir, "card release --config sbkd.toml").success()["released"], 0);
}

#[test]
fn who_may_not_connect_is_told_to_join_the_group() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("sbkd.sock");
    let _listens = UnixListener::bind(&socket).unwrap();
    let _closed = Closed::new(&socket);
    for line in ["readers", "queue list", "case run medical-settlement"] {
        let ran = bound(dir.path(), &format!("{line} --socket sbkd.sock"));
        assert_eq!((ran.code, ran.error_code().as_str()), (Some(8), "E-CLI-NOT-LET-IN"), "{line}: {ran:?}");
        assert!(ran.json()["error"]["remedy"].as_str().unwrap().contains("usermod -aG sbkd"), "{line}");
    }
}

#[test]
fn what_no_command_takes_is_told_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for limit in ["0", "1001", "5000", "-1"] {
        let ran = ran(dir, &format!("queue list --limit={limit}"));
        assert_eq!((ran.code, ran.error_code().as_str()), (Some(2), "E-CLI-USAGE"), "{limit}: {ran:?}");
    }
    fs::write(dir.join("kept"), "a recording of a card").unwrap();
    let again = ran(dir, "record --direct --out kept");
    assert_eq!((again.code, again.error_code().as_str()), (Some(2), "E-CLI-EXISTS"), "{again:?}");
    assert_eq!(fs::read_to_string(dir.join("kept")).unwrap(), "a recording of a card");
    fs::write(dir.join("form.json"), "{\"acc026\": true,\n \"acc026\": false}").unwrap();
    let twice = ran(dir, "case run unemployment-sign-in --input form.json");
    assert_eq!((twice.code, twice.error_code().as_str()), (Some(2), "E-CLI-JSON"), "{twice:?}");
    let detail = twice.json()["error"]["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("form.json:2:") && detail.ends_with("a member is there twice"), "{detail}");
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let centre = ran(dir, &format!("center --demo --listen {address} --token-file kept"));
    assert_eq!((centre.code, centre.error_code().as_str()), (Some(7), "E-CLI-CENTER"), "{centre:?}");
    assert!(centre.json()["error"]["detail"].as_str().unwrap().contains(&address), "{centre:?}");
}

#[test]
fn a_centre_is_a_demonstration_only_where_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fs::write(dir.join("token"), "a token of the tests, no secret").unwrap();
    fs::set_permissions(dir.join("token"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(dir.join("faults.toml"), "fail = 1").unwrap();
    let faults = ran(dir, "center --token-file token --faults faults.toml");
    assert_eq!((faults.code, faults.error_code().as_str()), (Some(2), "E-CLI-USAGE"), "{faults:?}");
    // Where real people are, nobody else may read the token.
    let real = ran(dir, "center --listen 127.0.0.1:0 --token-file token");
    assert_eq!((real.code, real.error_code().as_str()), (Some(7), "E-CLI-CENTER"), "{real:?}");
    assert!(real.json()["error"]["detail"].as_str().unwrap().ends_with("mode 0644"), "{real:?}");
}
