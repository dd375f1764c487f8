//! `make demo` as its script: it shows what it promises, ends by itself or by Ctrl-C, can be run again and beside others,
//! and says why not.

mod rig;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use rig::http::Client;
use rig::ports::free_block;
use rig::{Child, Ran, program, tree};

/// A demonstration's own place and ports, so that it neither meets one that a person has started, nor another test's.
struct Place {
    dir: tempfile::TempDir,
    ports: String,
}

impl Place {
    fn new() -> Self {
        // A script looks upwards for free ones, so that there is room before another test's: here for two side by side.
        let block = free_block(16);
        Self { dir: tempfile::tempdir().unwrap(), ports: format!("{block} {} {}", block + 8, block + 12) }
    }

    /// Where it keeps its files.
    fn demo(&self) -> PathBuf {
        self.dir.path().join("demo")
    }

    /// The script, with `once` as its `ONCE`. Ctrl-C ends it whoever started this test: a shell lets its background
    /// jobs ignore that.
    fn script(&self, once: &str) -> Command {
        let mut command = Command::new("env");
        command.arg("--default-signal=INT").arg(tree("tools/demo")).env("ONCE", once).env("SBKD", program());
        command.env("DEMO_DIR", self.demo()).env("DEMO_PORTS", &self.ports).env("TMPDIR", self.dir.path());
        command
    }

    /// Once, to its end.
    fn once(&self) -> Ran {
        Ran::of(self.script("1"))
    }
}

#[test]
fn it_shows_both_scenarios_from_card_to_acknowledgement_twice() {
    let place = Place::new();
    for _ in 0..2 {
        let ran = place.once();
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
        let mut rest = ran.stdout.as_str();
        // Each after the one before it.
        for part in [
            "external-authenticated",
            "结论：可以办理",
            "统筹基金支付",
            "中心已结算",
            "中心断开",
            "签到月份",
            "送达前的队列",
            " pending ",
            "中心恢复",
            " acked ",
            "centre_no",
        ] {
            let at = rest.find(part).unwrap_or_else(|| panic!("{part} is not shown in its place:\n{}", ran.stdout));
            rest = &rest[at + part.len()..];
        }
        assert!(!ran.stdout.contains("440103198806120021"), "the holder is shown masked:\n{}", ran.stdout);
    }
}

/// What stands before the transcript in the README.
const TRANSCRIPT: &str = "`make demo ONCE=1`, whole and as it came:\n```\n";

/// With `SBKD_WRITE=1` the README gets the transcript of this day; the usual place and ports must then be free.
#[test]
fn the_readme_shows_what_it_shows() {
    let write = std::env::var_os("SBKD_WRITE").is_some();
    let place = Place::new();
    let mut script = place.script("1");
    if write {
        script.env_remove("DEMO_DIR").env_remove("DEMO_PORTS");
    }
    let shown = Ran::of(script);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let shown = shown.stdout.replace(place.demo().to_str().unwrap(), "target/demo");
    let page = fs::read_to_string(tree("README.md")).unwrap();
    let (before, rest) = page.split_once(TRANSCRIPT).expect("the transcript in README.md");
    let (kept, after) = rest.split_once("```\n").expect("its end");
    if write {
        return fs::write(tree("README.md"), [before, TRANSCRIPT, shown.trim_start(), "```\n", after].concat())
            .unwrap();
    }
    let lines = |text: &str| text.trim().lines().map(same_every_time).collect::<Vec<_>>();
    let (kept, shown) = (lines(kept), lines(&shown));
    let differs =
        kept.iter().zip(&shown).position(|(kept, shown)| kept != shown).unwrap_or(kept.len().min(shown.len()));
    let around = |lines: &[String]| lines.iter().skip(differs).take(5).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        kept == shown,
        "README.md is of another day (SBKD_WRITE=1 cargo test --test demo). Line {}, it has:\n{}\nand this is shown:\n{}",
        differs + 1,
        around(&kept),
        around(&shown)
    );
}

/// A line without what each run makes anew: ports, times, hashes, numbers and ids.
fn same_every_time(line: &str) -> String {
    const BEFORE: [&str; 9] = [
        "its own, ports ",
        "http://127.0.0.1:",
        "验真码",
        "打印时间",
        "created_at ",
        "updated_at ",
        "header_hash ",
        "msgid ",
        "shift ",
    ];
    if let Some(end) = BEFORE.iter().find_map(|label| line.find(label).map(|at| at + label.len())) {
        return line[..end].to_owned();
    }
    let same = |word| if uuid::Uuid::try_parse(word).is_ok() { "(id)" } else { word };
    line.split(' ').map(same).collect::<Vec<_>>().join(" ")
}

#[test]
fn it_stays_up_until_ctrl_c_and_leaves_nothing_running() {
    let place = Place::new();
    let mut script = place.script("");
    script.process_group(0);
    let mut demo = Child::spawn("out", script, place.dir.path());
    let after = |line: &str, what: &str| line.split_once(what).map(|(_, rest)| rest.trim().to_owned());
    let url = demo.line("the URL is shown", |line| after(line, "local interface: "));
    let url = url.split_whitespace().next().unwrap().to_owned();
    let token = demo.line("the token is shown", |line| after(line, "Authorization: Bearer $(cat "));
    let token = fs::read_to_string(token.trim_end_matches(')')).unwrap();
    let client = Client::tcp(&url).token(&token);
    assert!(client.get("/openapi.json").success()["paths"].is_object());
    assert_eq!(client.get("/v1/readers").success().as_array().map(Vec::len), Some(2));

    // Meanwhile its place is taken, and no other.
    let second = place.once();
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("another demo is running in"), "{}", second.stderr);
    let beside = Place { dir: tempfile::tempdir().unwrap(), ports: place.ports.clone() }.once();
    assert_eq!(beside.code, Some(0), "{beside:?}");
    client.get("/openapi.json").success();

    let group = demo.id();
    demo.interrupt();
    assert_eq!(demo.wait(), Some(0), "{}", fs::read_to_string(place.dir.path().join("out.err")).unwrap());
    assert_eq!(processes_of(group), Vec::<String>::new());
    assert!(client.try_request("GET", "/openapi.json", None).is_err(), "nobody answers any more");
    let mut left: Vec<_> = fs::read_dir(place.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["demo", "demo.lock", "out.err", "out.out"]);
}

/// A program in the place of `sbkd` that has another one listen first, once, where the centre and where the daemon is to.
const QUICKER: &str = r#"#!/bin/sh
steal() {
  [ ! -e "$THEFT.$1" ] || return 0
  touch "$THEFT.$1"
  python3 -c 'import socket, sys, time
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
open(sys.argv[2], "w").close()
time.sleep(60)' "$2" "$THEFT.$1.done" </dev/null >/dev/null 2>&1 9>&- &
  echo $! >>"$THEFT.pids"
  until [ -e "$THEFT.$1.done" ]; do sleep 0.05; done
}
case $1 in
  center) steal center "$(echo "$*" | sed 's/.*127.0.0.1:\([0-9]*\).*/\1/')" ;;
  run) steal run "$(sed -n 's/^listen = "127.0.0.1:\([0-9]*\)"/\1/p' "$4")" ;;
esac
exec "$REAL" "$@"
"#;

#[test]
fn where_another_program_was_quicker_the_next_port_is_taken() {
    let place = Place::new();
    let (wrapper, theft) = (place.dir.path().join("sbkd"), place.dir.path().join("theft"));
    fs::write(&wrapper, QUICKER).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    let mut script = place.script("1");
    script.env("SBKD", &wrapper).env("REAL", program()).env("THEFT", &theft);
    let ran = Ran::of(script);
    for thief in fs::read_to_string(theft.with_extension("pids")).unwrap().lines() {
        Command::new("kill").arg(thief).status().unwrap();
    }
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
    for stolen in ["center", "run"] {
        assert!(theft.with_extension(format!("{stolen}.done")).exists(), "{stolen}: its port was taken");
    }
    let mut ports = place.ports.split(' ').skip(1).map(|port| port.parse::<u16>().unwrap() + 1);
    let [daemon, centre] = [ports.next().unwrap(), ports.next().unwrap()];
    assert!(ran.stdout.contains(&format!("daemon: http://127.0.0.1:{daemon} ")), "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("centre: http://127.0.0.1:{centre}")), "{}", ran.stdout);
}

#[test]
fn it_says_why_not() {
    let place = Place::new();
    let mut without = place.script("1");
    without.env("SBKD", "/nonexistent/sbkd");
    let failed = Ran::of(without);
    assert_eq!(failed.code, Some(1));
    assert!(failed.stderr.contains("✘ demo: 没有 /nonexistent/sbkd"), "{}", failed.stderr);
    // A directory of somebody's own is not emptied.
    fs::create_dir(place.demo()).unwrap();
    fs::write(place.demo().join("letter"), "").unwrap();
    let failed = place.once();
    assert_eq!(failed.code, Some(1));
    assert!(failed.stderr.contains("holds other files") && place.demo().join("letter").exists(), "{}", failed.stderr);
}

/// What still runs in a process group.
fn processes_of(group: u32) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("stat"));
    let stats = all.filter_map(|stat| fs::read_to_string(stat).ok());
    // `PID (NAME) STATE PARENT GROUP …`, and the name may hold anything.
    let of = |stat: &str| stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(2)?.parse().ok());
    stats.filter(|stat| of(stat) == Some(group)).collect()
}
