//! The rig of the end-to-end tests: a real pcscd with virtual readers, in a namespace of its own, so that the machine's
//! pcscd is left alone and any number of rigs run side by side, as root or as an ordinary user.
//!
//! Everything that runs is a child process of the test and ends with it. Nothing sleeps to wait: what gives no event is
//! asked again until it is ready or [`PATIENCE`] is over.
#![allow(dead_code)] // each test file uses the part it needs

pub mod http;
pub mod page;
pub mod ports;
mod process;
pub mod reader;
pub mod search;
mod tree;
pub mod walk;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ports::free_ports;
pub use process::{Child, Ran};
use reader::Reader;
use sbkd::queue::QueueKeys;
use sbkd::world::SystemRandom;
pub use tree::tree;

/// How long the rig waits for anything. Far above what a busy machine of two cores needs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The reader with the holder's card.
pub const HOLDER: &str = "Virtual PCD 00 00";
/// The reader with the PSAM.
pub const PSAM: &str = "Virtual PCD 00 01";

const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";

/// Asks `ready` again and again until it gives something; fails the test, naming `what`, when it does not.
#[track_caller]
pub fn until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ready() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The `sbkd` program of this build.
pub fn program() -> PathBuf {
    let beside = || std::env::current_exe().expect("the path of this program").with_file_name("sbkd");
    option_env!("CARGO_BIN_EXE_sbkd").map_or_else(beside, PathBuf::from)
}

/// A path where nothing is, and where not even root can make anything.
pub const NOWHERE: &str = "/dev/null/nowhere";

/// `sbkd` that finds nothing of this machine's own: no configuration, no state, no pcscd, no service manager.
pub fn bare() -> Command {
    let mut command = Command::new(program());
    command.current_dir(tree("")).stdin(Stdio::null());
    for variable in ["SBKD_CONFIG", "XDG_STATE_HOME", "PCSCLITE_CSOCK_NAME"] {
        command.env(variable, NOWHERE);
    }
    command.env_remove("NOTIFY_SOCKET");
    command
}

/// A card image of `fixtures/cards`, by its name without the ending.
pub fn image(name: &str) -> PathBuf {
    tree("fixtures/cards").join(name).with_extension("toml")
}

/// A pcscd with two virtual readers.
pub struct Rig {
    dir: tempfile::TempDir,
    port: u16,
    pcscd: Option<Child>,
    card: Option<Child>,
    /// A PSAM that stays when cards come and go.
    psam: Option<Child>,
    /// The driver before vpcd's, where there is one.
    reader: Option<Reader>,
    /// The level of the virtual cards' log.
    pub log: Option<&'static str>,
}

impl Rig {
    /// A pcscd with empty readers.
    pub fn start() -> Self {
        Self::start_behind(|_| None)
    }

    /// A pcscd with empty readers, behind a driver of the tests' own: see [`reader`](Self::reader).
    pub fn start_with_pad() -> Self {
        Self::start_behind(|dir| Some(Reader::build(dir, DRIVER)))
    }

    fn start_behind(reader: impl FnOnce(&Path) -> Option<Reader>) -> Self {
        require_rig();
        let dir = tempfile::Builder::new().prefix("sbkd-rig-").tempdir().expect("a temporary directory");
        fs::create_dir_all(dir.path().join("run/pcscd")).expect("the rig's /run");
        fs::create_dir_all(dir.path().join("conf")).expect("the rig's readers");
        let reader = reader(dir.path());
        let mut rig = Self { dir, port: 0, pcscd: None, card: None, psam: None, reader, log: None };
        // Another program may take the ports between the look and the listening: then others are tried.
        for _ in 0..5 {
            rig.port = free_ports();
            rig.write_readers();
            if rig.try_start_pcscd() {
                return rig;
            }
        }
        panic!("pcscd does not start; it says:\n{}", rig.log("pcscd"));
    }

    /// A pcscd with `image` and its PSAM in the readers, seen by pcscd.
    pub fn with_card(image: &Path) -> Self {
        let mut rig = Self::start();
        rig.insert(image);
        rig
    }

    /// What the driver of the tests' own does and hears.
    pub fn reader(&self) -> &Reader {
        self.reader.as_ref().expect("a rig that was started with a pad")
    }

    /// vpcd's ports: the holder's reader and the PSAM's.
    pub fn ports(&self) -> [u16; 2] {
        [self.port, self.port + 1]
    }

    /// Puts the PSAM of `image` into its reader for good; from now on only the holder's card comes and goes.
    pub fn keep_psam(&mut self, image: &Path) {
        self.pull();
        let mut vcard = self.vcard(image);
        vcard.args(["--psam-port", &(self.port + 1).to_string()]);
        self.psam = Some(Child::spawn("vpsam", vcard, self.dir()));
        until("pcscd sees the PSAM", || (self.card_seen(PSAM) == Some(true)).then_some(()));
    }

    /// Takes the PSAM of [`keep_psam`](Self::keep_psam) out again.
    pub fn drop_psam(&mut self) {
        self.pull();
        if self.psam.take().is_some() {
            until("pcscd sees the PSAM go", || (self.card_seen(PSAM) == Some(false)).then_some(()));
        }
    }

    /// The rig's own directory: databases, logs and sockets go there.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Puts the card of `image`, and its PSAM, into the readers in place of what is there; returns once pcscd sees them.
    pub fn insert(&mut self, image: &Path) {
        self.insert_without_waiting(image);
        self.wait_for_cards(true);
    }

    /// As [`insert`](Self::insert), for an image that does not fill both readers.
    pub fn insert_without_waiting(&mut self, image: &Path) {
        self.put(image, self.psam.is_none());
    }

    /// As [`insert`](Self::insert), with the PSAM's reader left empty.
    pub fn insert_alone(&mut self, image: &Path) {
        self.put(image, false);
        self.wait_for_cards(true);
    }

    fn put(&mut self, image: &Path, with_psam: bool) {
        self.pull();
        let mut vcard = self.vcard(image);
        vcard.args(["--card-port", &self.port.to_string(), "--psam-port", &(self.port + 1).to_string()]);
        if !with_psam {
            vcard.arg("--no-psam");
        }
        self.card = Some(Child::spawn("vcard", vcard, self.dir()));
    }

    /// Pulls what [`insert`](Self::insert) put in; returns once pcscd sees that it is gone.
    pub fn pull(&mut self) {
        if self.card.take().is_some() {
            self.wait_for_cards(false);
        }
    }

    /// Waits until pcscd sees the holder's card come (or go).
    pub fn wait_for_cards(&self, there: bool) {
        until(if there { "pcscd sees the cards" } else { "pcscd sees the cards go" }, || {
            let seen = self.card_seen(HOLDER);
            (seen == Some(there)).then_some(())
        });
    }

    /// Whether pcscd sees a card in `reader`; `None` when it has no such reader.
    pub fn card_seen(&self, reader: &str) -> Option<bool> {
        let ran = self.sbkd(&["readers", "--direct", "--json"]);
        let list = serde_json::from_str::<serde_json::Value>(&ran.stdout).ok()?;
        let list = list.as_array().cloned().or_else(|| list["readers"].as_array().cloned())?;
        list.iter().find(|r| r["name"] == reader).and_then(|r| r["card"].as_bool())
    }

    /// Runs `sbkd` with these arguments to its end.
    pub fn sbkd(&self, args: &[&str]) -> Ran {
        let mut command = self.command(args[0]);
        command.args(&args[1..]);
        Ran::of(command)
    }

    /// A terminal's own configuration, with the keys that the first start of its daemon makes.
    pub fn configuration(&self) -> PathBuf {
        let file = self.dir().join("terminal.toml");
        if !file.exists() {
            let text =
                "mode = \"demo\"\nterminal = \"H44010000001\"\nstate = \"terminal\"\n[keys]\nsource = \"psam\"\n";
            std::fs::write(&file, text).unwrap();
            QueueKeys::load_or_create(&self.dir().join("terminal/keys"), &SystemRandom::default()).unwrap();
        }
        file
    }

    /// `sbkd SUBCOMMAND`, which will find this rig's pcscd and nothing of the machine's own configuration.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = bare();
        command.arg(subcommand).env("PCSCLITE_CSOCK_NAME", self.socket()).env("RUST_BACKTRACE", "1");
        // What a command remembers of cards when no configuration says where.
        command.env("XDG_STATE_HOME", self.dir().join("state"));
        command
    }

    /// Starts another child that ends with the rig's user.
    pub fn spawn(&self, name: &str, command: Command) -> Child {
        Child::spawn(name, command, self.dir())
    }

    /// Ends pcscd as a crash would.
    pub fn kill_pcscd(&mut self) {
        self.pcscd = None;
        // What a killed pcscd leaves behind: the socket stays, and nobody answers.
    }

    /// Starts pcscd again after [`kill_pcscd`](Self::kill_pcscd); the cards come back by themselves.
    pub fn restart_pcscd(&mut self) {
        until("pcscd starts again on the same ports", || self.try_start_pcscd().then_some(()));
    }

    /// The output so far of the child `name`, both streams.
    pub fn log(&self, name: &str) -> String {
        process::output(self.dir(), name)
    }

    /// Where a PC/SC client finds this rig's pcscd, as the value of `PCSCLITE_CSOCK_NAME`.
    pub fn socket(&self) -> PathBuf {
        self.dir().join("run/pcscd/pcscd.comm")
    }

    fn vcard(&self, image: &Path) -> Command {
        let mut command = self.command("vcard");
        command.arg("--image").arg(image).args(self.log.map(|level| ["--log", level]).into_iter().flatten());
        command
    }

    fn write_readers(&self) {
        let driver = self.reader.as_ref().map_or_else(|| PathBuf::from(DRIVER), Reader::library);
        let text = format!(
            "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x{0:04X}\nLIBPATH {1}\nCHANNELID 0x{0:04X}\n",
            self.port,
            driver.display()
        );
        fs::write(self.dir().join("conf/vpcd"), text).expect("the rig's readers");
    }

    /// One try: true when pcscd listens and its own vpcd waits for cards at the rig's ports.
    pub fn try_start_pcscd(&mut self) -> bool {
        let _ = fs::remove_file(self.socket());
        let _ = fs::remove_file(self.dir().join("run/pcscd/pcscd.pid"));
        let mut command = Command::new("unshare");
        // The death signal is asked for inside, since entering a namespace clears it. An ordinary user's PATH on Debian
        // leaves out the directory that pcscd is in.
        let script = r#"PATH=$PATH:/usr/sbin
            mount --bind "$1/run" /run && exec setpriv --pdeathsig KILL pcscd --foreground --config "$1/conf""#;
        command.args(["-rm", "sh", "-c", script, "sh"]).arg(self.dir()).env(reader::PLACE, self.dir().join("reader"));
        let mut child = Child::spawn("pcscd", command, self.dir());
        let started = until("pcscd starts", || {
            if child.ended() {
                return Some(false);
            }
            // pcscd opens its readers first, and goes on without one whose port another program has.
            self.socket().exists().then(|| self.ports().iter().all(|port| listens(child.id(), *port)))
        });
        self.pcscd = started.then_some(child);
        started
    }
}

/// Whether the process listens on this port, without connecting to it: to vpcd a connection is a card.
fn listens(process: u32, port: u16) -> bool {
    let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let open: Vec<_> = files.filter_map(|file| fs::read_link(file.path()).ok()).collect();
    let wanted = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|table| {
        fs::read_to_string(table).unwrap_or_default().lines().skip(1).any(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, state, _, _, _, _, _, inode, ..] = columns[..] else { return false };
            local.ends_with(&wanted) && state == "0A" && open.contains(&PathBuf::from(format!("socket:[{inode}]")))
        })
    })
}

/// Says plainly what the machine lacks, before anything fails in a less plain way.
fn require_rig() {
    assert!(Path::new(DRIVER).exists(), "{DRIVER} is missing: run tools/install (make test does)");
    let unshare = Command::new("unshare").args(["-rm", "true"]).stdin(Stdio::null()).output();
    let permitted = unshare.as_ref().is_ok_and(|out| out.status.success());
    assert!(
        permitted,
        "this machine does not permit `unshare -rm` ({unshare:?}), which these tests need for a pcscd of their own; \
         allow user namespaces: sysctl kernel.unprivileged_userns_clone=1, or in a container: --security-opt seccomp=unconfined"
    );
}
