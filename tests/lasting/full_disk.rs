//! The daemon on a disk that is full: it says so, refuses what it could not keep, loses nothing, and heals by itself.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::rig::http::Client;
use crate::rig::walk::{Setting, Walk, bill, sign_in};
use crate::rig::{self, Child, PATIENCE, Ran, image, until};

#[test]
fn a_full_disk_is_a_condition_a_reason_and_over_when_there_is_room() {
    let mut walk = Walk::without_processes(Setting::default());
    walk.start_centre();
    walk.start_daemon_on_a_disk_of("4m");
    walk.rig.keep_psam(&image("psam"));
    walk.rig.insert(&image("v3-sm4"));
    let daemon = walk.daemon_id();
    let signed = walk.carry_out("unemployment-sign-in", &sign_in(), &["done"]);
    walk.until_transaction(signed["transaction"]["id"].as_str().unwrap(), "acked");

    // Of the daemon's disk only its own namespace has a view.
    let inside = walk.file("state").join("ballast");
    let ballast = PathBuf::from(format!("/proc/{daemon}/root")).join(inside.strip_prefix("/").unwrap());
    drop(fs::write(&ballast, vec![0; 4 << 20]).unwrap_err());
    let refused = walk.open("medical-settlement", &bill());
    let refused = walk.until_case(&refused, &["failed", "refused"]);
    assert_eq!(refused["failure"]["code"], "E-TERM-STORAGE", "{refused:#}");
    for part in ["message", "cause", "remedy", "actor"] {
        assert!(refused["failure"][part].as_str().is_some_and(|text| !text.is_empty()), "{part}: {refused:#}");
    }
    assert!(walk.condition("storage"));
    let kept = walk.transactions();
    assert_eq!((kept.len(), &kept[0]["state"]), (1, &json!("acked")), "{kept:?}");

    fs::remove_file(&ballast).unwrap();
    until("the daemon notices that there is room", || (!walk.condition("storage")).then_some(()));
    walk.carry_out("medical-settlement", &bill(), &["done"]);
    assert_eq!(walk.transactions().len(), 2);
    assert_eq!(walk.daemon_id(), daemon, "nothing of this stopped the daemon");
    assert_eq!(walk.stop_daemon(), Some(0));
}

/// A daemon whose state is on a disk of its own, and the service manager that hears of it.
struct Starting {
    dir: tempfile::TempDir,
    manager: UnixDatagram,
}

/// Makes a disk of 4 MiB at $1 with what is in $2, and something besides that fills it.
const FULL: &str = r#"mount -t tmpfs -o size=4m,mode=0700 tmpfs "$1" && cp -a "$2"/. "$1" && { head -c 8388608 /dev/zero >"$1/ballast" 2>/dev/null || true; }"#;
/// Makes one that is read only.
const READ_ONLY: &str =
    r#"mount -t tmpfs -o size=20m,mode=0700 tmpfs "$1" && cp -a "$2"/. "$1" && mount -o remount,ro "$1""#;

impl Starting {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = "mode = \"demo\"\nterminal = \"H44010099999\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n\
                    [api]\nsocket = \"sbkd.sock\"\n";
        fs::write(dir.path().join("sbkd.toml"), text).unwrap();
        for folder in ["state", "before"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let manager = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        manager.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { dir, manager }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `sbkd run`, started by another program.
    fn run(&self, name: &str, mut by: Command) -> Child {
        let daemon = rig::bare();
        by.arg(daemon.get_program()).args(["run", "--config", "sbkd.toml", "--json"]).current_dir(self.dir.path());
        by.envs(daemon.get_envs().filter_map(|(name, value)| Some((name, value?))));
        by.env("NOTIFY_SOCKET", self.path("notify")).env("PCSCLITE_CSOCK_NAME", self.path("no.comm"));
        Child::spawn(name, by, self.dir.path())
    }

    /// The same on a disk that a script makes, in a namespace of its own.
    fn run_on(&self, disk: &str) -> Child {
        let mut unshare = Command::new("unshare");
        unshare.args(["-rm", "sh", "-c", &format!("{disk} && shift 2 && exec \"$@\""), "sh"]);
        unshare.args([self.path("state"), self.path("before")]);
        self.run("daemon", unshare)
    }

    /// A daemon was there before, and what it left is on the disk.
    fn with_a_journal() -> Self {
        let starting = Self::new();
        let daemon = starting.run("first", Command::new("env"));
        starting.hear("READY=1");
        assert_eq!(daemon.terminate(), Some(0));
        starting.hear("STOPPING=1");
        fs::remove_dir(starting.path("before")).unwrap();
        // With the index of its log in place SQLite needs no room before it writes: the start would succeed, and the
        // terminal say then that its disk is full.
        for file in fs::read_dir(starting.path("state")).unwrap() {
            let file = file.unwrap().path();
            if file.to_str().unwrap().ends_with("-shm") {
                fs::remove_file(file).unwrap();
            }
        }
        fs::rename(starting.path("state"), starting.path("before")).unwrap();
        fs::create_dir(starting.path("state")).unwrap();
        starting
    }

    /// Waits for what begins so, and gives all of it.
    #[track_caller]
    fn hear(&self, wanted: &str) -> String {
        loop {
            let mut text = [0; 1024];
            let length = self.manager.recv(&mut text).unwrap_or_else(|error| {
                let told = fs::read_to_string(self.path("daemon.err")).unwrap_or_default();
                panic!("{wanted} never comes: {error}\n{told}")
            });
            let text = String::from_utf8_lossy(&text[..length]).into_owned();
            if let Some(line) = text.lines().find(|line| line.starts_with(wanted)) {
                return line.to_owned();
            }
        }
    }

    /// It waits, says why, once, and has no door open.
    #[track_caller]
    fn assert_waits(&self, code: &str) {
        let status = self.hear("STATUS=");
        assert!(status.ends_with(code) && status.contains("state/queue.db"), "{status}");
        // It tries again and again, and asks for the time that it takes.
        for _ in 0..2 {
            self.hear("EXTEND_TIMEOUT_USEC=");
        }
        assert!(!self.path("sbkd.sock").exists(), "a door is open");
        let log = fs::read_to_string(self.path("daemon.err")).unwrap();
        assert_eq!(log.lines().filter(|line| line.contains(code)).count(), 1, "{log}");
        assert_eq!(fs::read_to_string(self.path("daemon.out")).unwrap(), "");
    }

    /// It has started, and nothing is wrong with its disk.
    #[track_caller]
    fn assert_starts(&self) {
        self.hear("READY=1");
        let health: Value = Client::unix(self.path("sbkd.sock")).get("/v1/health").success();
        assert!(!health["conditions"].as_array().unwrap().contains(&"storage".into()), "{health:#}");
    }
}

#[test]
fn a_start_on_a_full_disk_waits_for_room() {
    // Without anything, the keys are the first that finds no room; with a journal, SQLite's own files.
    for (starting, code) in
        [(Starting::new(), "E-QUEUE-STORAGE-FULL"), (Starting::with_a_journal(), "E-QUEUE-STORAGE-FULL")]
    {
        let daemon = starting.run_on(FULL);
        starting.assert_waits(code);
        let ballast = starting.path("state").join("ballast");
        let seen = Path::new("/proc").join(daemon.id().to_string()).join("root");
        fs::remove_file(seen.join(ballast.strip_prefix("/").unwrap())).unwrap();
        starting.assert_starts();
        assert_eq!(daemon.terminate(), Some(0));
    }
}

#[test]
fn a_start_on_a_read_only_disk_waits_until_it_is_mounted_for_writing() {
    let starting = Starting::with_a_journal();
    let daemon = starting.run_on(READ_ONLY);
    starting.assert_waits("E-QUEUE-DISK-READ-ONLY");
    let inside = |program: &str| {
        let mut enter = Command::new("nsenter");
        enter.args(["--preserve-credentials", "-U", "-m", "-t", &daemon.id().to_string(), program]);
        enter
    };
    let mut doctor = inside(rig::program().to_str().unwrap());
    doctor.args(["doctor", "--json", "--config"]).arg(starting.path("sbkd.toml"));
    let report = Ran::of(doctor).json();
    let disk = report["checks"].as_array().unwrap().iter().find(|check| check["check"] == "disk").unwrap();
    assert!(disk["found"]["en"].as_str().unwrap().ends_with("/state is read only"), "{disk:#}");
    let mut remount = inside("mount");
    remount.args(["-o", "remount,rw"]).arg(starting.path("state"));
    assert!(remount.status().unwrap().success());
    starting.assert_starts();
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_start_that_waits_for_its_disk_ends_when_it_is_told_to() {
    let starting = Starting::with_a_journal();
    let daemon = starting.run_on(FULL);
    starting.assert_waits("E-QUEUE-STORAGE-FULL");
    assert_eq!(daemon.terminate(), Some(0));
}
