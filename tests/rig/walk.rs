//! The whole walk as it stands at a counter: a rig's pcscd, the reference centre and the daemon, each a process of its
//! own that can be killed and started again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::{Value, json};

use super::http::Client;
use super::ports::free_ports;
use super::{Child, HOLDER, PSAM, Ran, Rig, tree, until};

/// Opens what the centre holds.
const LEDGER: &str = "a token of whoever looks on";

/// The states of a case after which nothing happens to it.
const FINAL: [&str; 6] = ["done", "provisional-done", "referred", "refused", "cancelled", "failed"];

/// The directory of the centre's database.
pub const CENTRE: &str = "centre";

/// What differs from test to test.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The centre's people; the built-in ones when `None`.
    pub seed: Option<PathBuf>,
    /// The level of both logs.
    pub log: &'static str,
    /// How often the idle daemon asks whether the centre is there, in seconds.
    pub heartbeat: u32,
    /// Lines at the end of the configuration.
    pub lines: &'static str,
    /// The holder's reader has a PIN pad.
    pub pad: bool,
}

impl Default for Setting {
    fn default() -> Self {
        Self { seed: None, log: "info", heartbeat: 30, lines: "", pad: false }
    }
}

/// A terminal with its centre. Everything it writes is below [`Rig::dir`].
pub struct Walk {
    /// The card service and the cards.
    pub rig: Rig,
    /// The local interface, with every permission.
    pub http: Client,
    setting: Setting,
    centre_port: u16,
    centre: Option<Child>,
    daemon: Option<Child>,
}

impl Walk {
    /// Empty readers, the centre and the daemon, ready.
    pub fn start(setting: Setting) -> Self {
        let mut walk = Self::without_processes(setting);
        walk.start_centre();
        walk.start_daemon();
        walk
    }

    /// The rig and the files only.
    pub fn without_processes(setting: Setting) -> Self {
        let mut rig = if setting.pad { Rig::start_with_pad() } else { Rig::start() };
        rig.log = Some(setting.log);
        let port = free_ports();
        let token = "a token of the local interface";
        for (name, text) in [
            ("token", token.to_owned()),
            ("uplink-token", "a token of the terminal at the centre".to_owned()),
            ("ledger-token", LEDGER.to_owned()),
            ("sbkd.toml", configuration(port, setting.heartbeat) + setting.lines),
        ] {
            fs::write(rig.dir().join(name), text).expect("a file in the rig's directory");
        }
        let http = Client::tcp(&format!("127.0.0.1:{port}")).token(token);
        Self { rig, http, setting, centre_port: port + 1, centre: None, daemon: None }
    }

    /// Starts the centre; a second time on the same database.
    pub fn start_centre(&mut self) {
        self.start_centre_with("");
    }

    /// The same, with what it does wrong on purpose, as TOML (`sbkd center --faults`).
    pub fn start_centre_with(&mut self, faults: &str) {
        fs::write(self.file("faults.toml"), faults).expect("a file in the rig's directory");
        let mut command = self.rig.command("center");
        command.args(["--demo", "--log", self.setting.log, "--listen", &format!("127.0.0.1:{}", self.centre_port)]);
        command
            .arg("--token-file")
            .arg(self.file("uplink-token"))
            .arg("--database")
            .arg(self.file(CENTRE).join("centre.db"));
        command.arg("--ledger-token-file").arg(self.file("ledger-token"));
        command.arg("--faults").arg(self.file("faults.toml"));
        if let Some(seed) = &self.setting.seed {
            command.arg("--seed").arg(seed);
        }
        fs::create_dir_all(self.file(CENTRE)).expect("the centre's directory");
        self.centre = Some(self.rig.spawn("centre", command));
        let client = Client::tcp(&format!("127.0.0.1:{}", self.centre_port));
        until("the centre answers", || client.try_request("GET", "/", None).ok().map(drop));
    }

    /// Ends the centre as a power cut would.
    pub fn kill_centre(&mut self) {
        self.centre.take().expect("a running centre").kill();
    }

    /// What the centre holds, by its own account.
    #[track_caller]
    pub fn ledger(&self) -> Value {
        let centre = Client::tcp(&format!("127.0.0.1:{}", self.centre_port));
        let ledger = centre.token(LEDGER).get("/v1/ledger").success();
        assert!(ledger.get("next").is_none(), "one page has all of a test's");
        ledger
    }

    /// Puts the card of `image` and its PSAM in; returns once the daemon sees them, which is a moment after pcscd does.
    pub fn insert(&mut self, image: &Path) {
        self.rig.insert(image);
        for reader in [HOLDER, PSAM] {
            self.until_seen(reader);
        }
    }

    /// The same without the PSAM.
    pub fn insert_alone(&mut self, image: &Path) {
        self.rig.insert_alone(image);
        self.until_seen(HOLDER);
    }

    fn until_seen(&self, reader: &str) {
        until(&format!("the daemon sees the card in {reader}"), || self.card_seen(reader).filter(|seen| *seen));
    }

    /// Whether the daemon sees a card in `reader`; `None` when it has no such reader.
    pub fn card_seen(&self, reader: &str) -> Option<bool> {
        let readers = self.http.get("/v1/readers").success();
        readers.as_array()?.iter().find(|found| found["name"] == reader)?["card"].as_bool()
    }

    /// Starts the daemon and waits until it answers.
    pub fn start_daemon(&mut self) {
        self.start_daemon_by(self.daemon_command());
    }

    /// The same, with what it keeps on an empty file system of `size` bytes that it alone sees.
    pub fn start_daemon_on_a_disk_of(&mut self, size: &str) {
        let (state, daemon) = (self.file("state"), self.daemon_command());
        fs::create_dir_all(&state).expect("the daemon's directory");
        let mut unshare = Command::new("unshare");
        let script = r#"mount -t tmpfs -o size="$1",mode=0700 tmpfs "$2" && shift 2 && exec "$@""#;
        unshare.args(["-rm", "sh", "-c", script, "sh", size]).arg(state);
        unshare.arg(daemon.get_program()).args(daemon.get_args());
        unshare.current_dir(daemon.get_current_dir().expect("where it works"));
        unshare.envs(daemon.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.start_daemon_by(unshare);
    }

    fn daemon_command(&self) -> Command {
        let mut command = self.rig.command("run");
        command.args(["--log", self.setting.log, "--config"]).arg(self.file("sbkd.toml"));
        command
    }

    fn start_daemon_by(&mut self, command: Command) {
        let mut daemon = self.rig.spawn("daemon", command);
        until("the daemon answers", || {
            assert!(!daemon.ended(), "the daemon ended instead, saying:\n{}", self.rig.log("daemon"));
            self.http.try_request("GET", "/v1/health", None).ok().filter(|answer| answer.status == 200)
        });
        self.daemon = Some(daemon);
    }

    /// Ends the daemon as a power cut would.
    pub fn kill_daemon(&mut self) {
        self.daemon.take().expect("a running daemon").kill();
    }

    /// Asks the daemon to end, and gives its exit status.
    pub fn stop_daemon(&mut self) -> Option<i32> {
        self.daemon.take().expect("a running daemon").terminate()
    }

    /// The daemon's process id; it is the one that was started, so it never stopped in between.
    pub fn daemon_id(&mut self) -> u32 {
        let daemon = self.daemon.as_mut().expect("a running daemon");
        assert!(!daemon.ended(), "the daemon stopped, saying:\n{}", self.rig.log("daemon"));
        daemon.id()
    }

    /// A file of this walk.
    pub fn file(&self, name: &str) -> PathBuf {
        self.rig.dir().join(name)
    }

    /// The daemon's Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.file("sbkd.sock")
    }

    /// Runs `sbkd` with these arguments as a client of this daemon.
    pub fn sbkd(&self, args: &[&str]) -> Ran {
        let mut command = self.rig.command(args[0]);
        command.args(&args[1..]).arg("--config").arg(self.file("sbkd.toml"));
        Ran::of(command)
    }

    /// Opens a case over HTTP; gives its id.
    #[track_caller]
    pub fn open(&self, scenario: &str, input: &Value) -> String {
        let case = json!({"scenario": scenario, "operator": "clerk-7", "input": input});
        let view = self.http.post("/v1/cases", &case).success();
        view["id"].as_str().expect("the id of a case").to_owned()
    }

    /// The case as it stands.
    #[track_caller]
    pub fn case(&self, id: &str) -> Value {
        self.http.get(&format!("/v1/cases/{id}")).success()
    }

    /// Waits until a case is in one of `states`; any other state that is final fails the test.
    #[track_caller]
    pub fn until_case(&self, id: &str, states: &[&str]) -> Value {
        until(&format!("case {id} is {states:?}"), || {
            let view = self.case(id);
            let state = view["state"].as_str().unwrap_or_default();
            if states.contains(&state) {
                return Some(view);
            }
            assert!(!FINAL.contains(&state), "the case ended otherwise than {states:?}: {view:#}");
            None
        })
    }

    /// Opens a case, agrees to its result, and gives the case once it is in one of `states`.
    #[track_caller]
    pub fn carry_out(&self, scenario: &str, input: &Value, states: &[&str]) -> Value {
        let id = self.open(scenario, input);
        self.until_case(&id, &["waiting-confirmation"]);
        self.http.post(&format!("/v1/cases/{id}/confirm"), &json!({})).success();
        self.until_case(&id, states)
    }

    /// Waits until the transaction is in `state`.
    #[track_caller]
    pub fn until_transaction(&self, id: &str, state: &str) -> Value {
        until(&format!("transaction {id} is {state}"), || {
            let row = self.http.get(&format!("/v1/transactions/{id}")).success();
            (row["state"] == state).then_some(row)
        })
    }

    /// Every transaction of the queue, newest first.
    #[track_caller]
    pub fn transactions(&self) -> Vec<Value> {
        self.http.get("/v1/transactions?limit=1000").success().as_array().expect("a list of transactions").clone()
    }

    /// Collects the daemon's events from now on.
    #[track_caller]
    pub fn watch(&self) -> Watch {
        let events = self.http.events("/v1/events").expect("the stream of events");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&seen);
        // Ends with the stream, at the latest when the daemon ends.
        std::thread::spawn(move || {
            for (_, event) in events {
                into.lock().expect("nobody panics with it").push((Instant::now(), event));
            }
        });
        Watch { seen }
    }

    /// Whether a condition of the terminal holds, as `/v1/health` tells it.
    #[track_caller]
    pub fn condition(&self, name: &str) -> bool {
        let health = self.http.get("/v1/health").success();
        health["conditions"].as_array().is_some_and(|all| all.iter().any(|condition| condition == name))
    }
}

/// The events of a daemon since [`Walk::watch`].
pub struct Watch {
    seen: Arc<Mutex<Vec<(Instant, Value)>>>,
}

impl Watch {
    /// Waits for an event that `fits`; with the moment at which it came.
    #[track_caller]
    pub fn until(&self, what: &str, fits: impl Fn(&Value) -> bool) -> (Instant, Value) {
        until(what, || self.seen.lock().expect("nobody panics with it").iter().find(|(_, event)| fits(event)).cloned())
    }

    /// All that has come so far.
    pub fn all(&self) -> Vec<Value> {
        self.seen.lock().expect("nobody panics with it").iter().map(|(_, event)| event.clone()).collect()
    }
}

/// The form of a month's sign-in: that of the demonstration.
pub fn sign_in() -> Value {
    form("unemployment-sign-in")
}

/// The form of a bill: that of the demonstration.
pub fn bill() -> Value {
    form("medical-settlement")
}

fn form(scenario: &str) -> Value {
    let text = fs::read_to_string(tree("fixtures/demo").join(scenario).with_extension("json"));
    serde_json::from_str(&text.expect("the demonstration's form")).expect("JSON")
}

/// A demonstration terminal with its interface at `port` and its centre at the next one.
fn configuration(port: u16, heartbeat: u32) -> String {
    format!(
        r#"
mode = "demo"
terminal = "H44010099999"
state = "state"
business_date = 2015-08-03

[readers]
rule = [{{ pattern = "{PSAM}", role = "psam" }}, {{ pattern = "Virtual PCD *", role = "holder" }}]

[keys]
source = "psam"

[api]
listen = "127.0.0.1:{port}"
socket = "sbkd.sock"
origins = ["http://127.0.0.1:{port}"]

[[api.client]]
name = "test"
token_file = "token"
permissions = ["read", "operate", "unmask"]

[uplink]
url = "http://127.0.0.1:{centre}"
token_file = "uplink-token"
heartbeat_secs = {heartbeat}

[limits]
amount = "50000.00"
person_day = "80000.00"
count = 200
age_hours = 72
"#,
        centre = port + 1
    )
}

/// Whether `path` lies below a directory of this name.
pub fn below(path: &Path, name: &str) -> bool {
    path.iter().any(|part| part == name)
}
