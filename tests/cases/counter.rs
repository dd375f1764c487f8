//! A counter to test at: readers, a terminal, a centre.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sbkd::center::{self, Running};
use sbkd::config::Config;
use sbkd::failure::Failure;
use sbkd::queue::{self, Faults, Filter, Point, Queue, QueueKeys, Row, SetAside, Settings, State, Unread};
use sbkd::reader::Role;
use sbkd::terminal::{CaseState, CaseView, Condition, EventStream, NewCase, Parts, Terminal, What};
use sbkd::virtual_card::{Chip, Image, VirtualReaders};
use sbkd::wire::Digest;
use sbkd::wire::signature::{self, Purpose};
use sbkd::world::{Clock, Random, SystemClock, SystemRandom, loopback_client};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// The holder's reader.
pub const HOLDER: &str = "Counter 00 00";
/// Another reader for holders' cards, empty.
pub const SECOND: &str = "Counter 02 00";
/// The PSAM's reader.
pub const PSAM: &str = "Counter 01 00";
/// Longer than anything takes; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The terminal's token at the centre.
pub const TOKEN: &str = "a token of the tests, no secret";

/// What a counter is made of.
pub struct Setup {
    /// The card's image.
    pub card: &'static str,
    /// The PSAM is in its reader.
    pub psam: bool,
    /// The terminal knows the centre's key, and takes no other answer.
    pub proves: bool,
    /// There is a centre, with this seed; `None` for the built-in one.
    pub centre: Option<Option<&'static str>>,
    /// How long an answer to a question is waited for, in seconds.
    pub resolve_secs: u32,
    /// Lines after the usual ones in the configuration.
    pub config: &'static str,
    /// The lines of `[keys]`.
    pub keys: &'static str,
    /// Further readers, each with the same holder's card in it.
    pub more_readers: &'static [&'static str],
    /// The journal's faults.
    pub faults: Faults,
    /// Where random bytes come from.
    pub random: Arc<dyn Random>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The demonstration's business date, 2015-08-03, takes the place of the clock's.
    pub demo_date: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            card: "v3-sm4",
            psam: true,
            proves: false,
            centre: Some(None),
            resolve_secs: 20,
            config: "",
            keys: "source = \"psam\"\n",
            more_readers: &[],
            faults: Faults::default(),
            random: Arc::new(SystemRandom::default()),
            clock: Arc::new(SystemClock),
            demo_date: true,
        }
    }
}

/// A counter. The card is in the reader.
pub struct Counter {
    pub readers: Arc<VirtualReaders>,
    pub terminal: Arc<Terminal>,
    pub centre: Option<Running>,
    pub runtime: Runtime,
    pub dir: tempfile::TempDir,
    /// The centre's address, and what keeps it from everybody else, whether the centre is there or not.
    address: (SocketAddr, Socket),
    seed: Option<&'static str>,
}

impl Counter {
    pub fn new() -> Self {
        Self::with(Setup::default())
    }

    pub fn with(setup: Setup) -> Self {
        let runtime = Runtime::new().unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), TOKEN).unwrap();
        let mut names = vec![(HOLDER, Some(Role::Holder)), (SECOND, Some(Role::Holder)), (PSAM, Some(Role::Psam))];
        names.extend(setup.more_readers.iter().map(|name| (*name, Some(Role::Holder))));
        let readers = VirtualReaders::new(&names);
        for reader in [&[HOLDER][..], setup.more_readers].concat() {
            readers.insert(reader, chip(setup.card));
        }
        if setup.psam {
            readers.insert(PSAM, psam(setup.card));
        }
        let address = own_address();
        let seed = setup.centre.unwrap_or_default();
        let centre = setup.centre.map(|seed| run_centre(&runtime, dir.path(), address.0, seed, TOKEN));
        let key = centre.as_ref().filter(|_| setup.proves).map(|centre| centre.public_key);
        let terminal = start(&runtime, &readers, dir.path(), (address.0, key), &setup).unwrap();
        let counter = Self { readers, terminal, centre, runtime, dir, address, seed };
        if counter.centre.is_some() {
            counter.wait_for_condition(Condition::UplinkAway, false);
        }
        counter
    }

    /// The same counter after a restart of its daemon; `lose` names a file of its state that is lost.
    pub fn restarted(self, lose: &str) -> Self {
        self.begun_again(&Setup::default(), |dir| {
            let lost = dir.join("state").join(lose);
            if lost.exists() {
                std::fs::remove_file(lost).unwrap();
            }
        })
    }

    /// The same counter after a restart of its daemon, before which somebody had its journal in hand.
    pub fn restarted_after(self, work: impl FnOnce(&Queue)) -> Self {
        self.begun_again(&Setup::default(), |dir| {
            let queue = journal_in(dir);
            work(&queue);
            queue.close();
        })
    }

    /// The same counter after a restart of its daemon, before which somebody had its folder in hand.
    pub fn restarted_after_files(self, work: impl FnOnce(&Path)) -> Self {
        self.begun_again(&Setup::default(), |dir| work(&dir.join("state")))
    }

    /// The same, and what it is configured as from then on.
    pub fn begun_again(self, setup: &Setup, meanwhile: impl FnOnce(&Path)) -> Self {
        let Self { readers, terminal: before, centre, runtime, dir, address, seed } = self;
        before.drain();
        drop(before);
        meanwhile(dir.path());
        let terminal = once_let_go(|| start(&runtime, &readers, dir.path(), (address.0, None), setup));
        let counter = Self { readers, terminal, centre, runtime, dir, address, seed };
        if counter.centre.is_some() {
            counter.wait_for_condition(Condition::UplinkAway, false);
        }
        counter
    }

    /// The counter closed for the day, and its journal for whoever has its keys.
    pub fn journal(self) -> (Queue, tempfile::TempDir) {
        let Self { terminal, dir, .. } = self;
        terminal.drain();
        drop(terminal);
        (journal_in(dir.path()), dir)
    }

    pub fn stop_centre(&mut self) {
        let centre = self.centre.take().unwrap();
        self.runtime.block_on(centre.stop());
    }

    pub fn start_centre(&mut self) {
        self.centre = Some(run_centre(&self.runtime, self.dir.path(), self.address.0, self.seed, TOKEN));
    }

    /// The centre is there again, and knows no token of this terminal.
    pub fn start_centre_that_knows_nobody(&mut self) {
        let other = "a token of another terminal";
        self.centre = Some(run_centre(&self.runtime, self.dir.path(), self.address.0, self.seed, other));
    }

    /// The centre does this wrong from now on.
    pub fn centre_faults(&self, faults: center::Faults) {
        self.centre.as_ref().unwrap().set_faults(faults);
    }

    /// What the centre tells whoever looks on.
    pub fn ledger(&self) -> Value {
        self.runtime.block_on(self.centre.as_ref().unwrap().ledger()).unwrap()
    }

    /// A request in the national envelope, past the terminal.
    pub fn ask_centre(&self, infno: &str, input: Value) -> Value {
        let request = json!({
            "infno": infno, "msgid": "H4401009999920150803100000Q001", "fixmedins_code": "H44010099999",
            "opter": "0009", "inf_time": "2015-08-03 10:00:00", "demo": true, "input": input,
        });
        self.post_to_centre("/v1/national", &request).1
    }

    /// What a message of the terminal has beside its body: whose it is, and its signature.
    fn signed(&self, purpose: Purpose, body: &[u8]) -> [(&'static str, String); 3] {
        let key = std::fs::read_to_string(self.dir.path().join("state/keys/signing.key")).unwrap();
        let mut seed = [0; 32];
        hex::decode_to_slice(key.trim(), &mut seed).unwrap();
        let signer = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let text = signature::question("H44010099999", purpose, body);
        let (key, signed) = (hex::encode_upper(signer.public_key()), hex::encode_upper(signer.sign(&text)));
        [(signature::TERMINAL, "H44010099999".into()), (signature::KEY, key), (signature::SIGNATURE, signed)]
    }

    /// The centre's answer to a POST: status and JSON.
    pub fn post_to_centre(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("http://{}{path}", self.address.0);
        let client = loopback_client().build().unwrap();
        let body = serde_json::to_vec(body).unwrap();
        let asked = client.post(url).bearer_auth(TOKEN);
        let purpose = Purpose::ALL.into_iter().find(|purpose| path.ends_with(purpose.name())).unwrap();
        let asked =
            self.signed(purpose, &body).into_iter().fold(asked, |asked, (name, value)| asked.header(name, value));
        let asked = asked.body(body);
        self.runtime.block_on(async {
            let answer = asked.send().await.unwrap();
            (answer.status().as_u16(), answer.json().await.unwrap())
        })
    }

    // --- cases

    pub fn open(&self, scenario: &str, input: Option<Value>) -> Uuid {
        self.terminal.open_case(new_case(scenario, input)).unwrap().id
    }

    /// Opens a case with its form and waits until it is decided.
    pub fn decided(&self, scenario: &str, input: Value) -> CaseView {
        let id = self.open(scenario, Some(input));
        self.wait_for(id, |view| view.state.is_final() || view.state == CaseState::WaitingConfirmation)
    }

    /// The same, and agrees to it.
    pub fn carried_out(&self, scenario: &str, input: Value) -> CaseView {
        let view = self.decided(scenario, input);
        assert_eq!(view.state, CaseState::WaitingConfirmation, "{:?}", view.failure);
        self.confirmed(view.id)
    }

    pub fn confirmed(&self, id: Uuid) -> CaseView {
        let view = self.terminal.confirm(id).unwrap();
        assert_eq!(view.state, CaseState::Committing);
        self.ended(id)
    }

    /// Waits until a case has ended, and asks how.
    pub fn ended(&self, id: Uuid) -> CaseView {
        self.wait_for(id, |view| view.state.is_final());
        self.terminal.case(id).unwrap()
    }

    /// Waits until a case is as wanted. Nobody has asked how it ended by that.
    pub fn wait_for(&self, id: Uuid, wanted: impl FnMut(&CaseView) -> bool) -> CaseView {
        let mut follow = self.terminal.follow(id).unwrap();
        let found = self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, follow.wait_for(wanted)).await.map(|found| found.map(|view| view.clone()))
        });
        found.unwrap_or_else(|_| panic!("the case stays at {:?}", self.terminal.case(id))).unwrap()
    }

    // --- what came of it

    pub fn transactions(&self) -> Vec<Row> {
        self.terminal.transactions(&Filter::default()).unwrap()
    }

    /// Waits until a transaction is in this state.
    pub fn wait_for_state(&self, id: Uuid, state: State) -> Row {
        let mut events = self.terminal.events(None);
        loop {
            let row = self.terminal.transaction(id).unwrap().unwrap();
            if row.state == state {
                return row;
            }
            self.next_event(&mut events, |what| matches!(what, What::Transaction { id: moved, .. } if *moved == id));
        }
    }

    pub fn wait_for_condition(&self, condition: Condition, present: bool) {
        let mut events = self.terminal.events(None);
        while self.terminal.health().conditions.contains(&condition) != present {
            self.next_event(&mut events, |what| matches!(what, What::Condition { .. }));
        }
    }

    /// Waits for an event of this kind.
    pub fn next_event(&self, events: &mut EventStream, wanted: impl Fn(&What) -> bool) -> What {
        let next = async {
            loop {
                let event = events.live.recv().await.unwrap();
                if wanted(&event.what) {
                    return event.what;
                }
            }
        };
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, next).await }).expect("an event in time")
    }
}

/// The journal of a terminal that has stopped.
fn journal_in(dir: &Path) -> Queue {
    let random: Arc<dyn Random> = Arc::new(SystemRandom::default());
    once_let_go(|| {
        let (settings, keys) = settings_in(&dir.join("state"));
        Queue::open(settings, keys, Arc::new(SystemClock), random.clone())
    })
}

fn settings_in(state: &Path) -> (Settings, QueueKeys) {
    let settings = Settings {
        path: state.join("queue.db"),
        anchor: state.join("queue.anchor"),
        terminal: "H44010099999".into(),
        demo: true,
    };
    (settings, QueueKeys::load(&state.join("keys")).unwrap())
}

/// The damaged journal of a stopped counter is set aside.
pub fn set_aside_in(state: &Path) -> SetAside {
    let (settings, keys) = settings_in(state);
    once_let_go(|| queue::set_aside(&settings, &keys, SystemClock.now(), Unread::IsNotKnown, &mut || Ok(())))
}

/// What `open` opens, once the last thread of a terminal that has stopped lets go of the journal.
fn once_let_go<T, E: std::fmt::Display>(open: impl Fn() -> Result<T, E>) -> T {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        match open() {
            Ok(opened) => return opened,
            Err(failure) => assert!(std::time::Instant::now() < deadline, "{failure}"),
        }
        std::thread::yield_now();
    }
}

/// A gate that a test closes, for whoever comes through it.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn set(&self, closed: bool) {
        *self.0.0.lock().unwrap() = closed;
        self.0.1.notify_all();
    }

    /// Waits while it is closed.
    pub fn pass(&self) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |closed| *closed).unwrap());
    }
}

/// A gate where the journal comes to `point`.
pub fn held_at(point: Point) -> (Gate, Faults) {
    let gate = Gate::default();
    let before = gate.clone();
    let faults = Faults::new(move |at| {
        if at == point {
            before.pass();
        }
        Ok(())
    });
    (gate, faults)
}

pub fn new_case(scenario: &str, input: Option<Value>) -> NewCase {
    NewCase {
        scenario: scenario.into(),
        part: None,
        operator: "0001".into(),
        reader: None,
        input,
        undo: None,
        reason: None,
        idempotency: None,
    }
}

/// The sign-in's form.
pub fn statement() -> Value {
    json!({"acc026": true, "acc027": false})
}

/// The bill of the test vector: all of 30000.00 in scope.
pub fn bill() -> Value {
    bill_of("30000.00")
}

/// The same, its line under another number: another bill.
pub fn numbered(feedetl_sn: &str) -> Value {
    let mut bill = bill();
    bill["lines"][0]["feedetl_sn"] = feedetl_sn.into();
    bill
}

/// A bill of one line.
pub fn bill_of(amount: &str) -> Value {
    json!({
        "begntime": "2015-07-20", "endtime": "2015-08-01", "med_type": "21", "hosp_lv": "L3",
        "lines": [{
            "feedetl_sn": "1", "med_list_codg": "S1", "fee_ocur_time": "2015-07-25", "cnt": "1", "pric": amount,
            "det_item_fee_sumamt": amount, "chrgitm_lv": "01"
        }]
    })
}

pub fn image(name: &str) -> Image {
    Image::load(&image_file(name)).unwrap()
}

fn image_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cards").join(name).with_extension("toml")
}

/// A card that is like another, but for what `changes` says in the language of images.
pub fn chip_like(name: &str, changes: &str) -> Box<dyn Chip> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("card.toml");
    std::fs::write(&file, format!("extends = \"{}\"\n{changes}", image_file(name).display())).unwrap();
    Image::load(&file).unwrap().chip(Arc::new(SystemRandom::default()))
}

pub fn chip(name: &str) -> Box<dyn Chip> {
    image(name).chip(Arc::new(SystemRandom::default()))
}

/// The PSAM that goes with a card.
pub fn psam(card: &str) -> Box<dyn Chip> {
    image(card).psam().unwrap_or(&image("psam")).chip(Arc::new(SystemRandom::default()))
}

/// An address of this machine for a centre. Bound and not listened on, it refuses callers, is given to nobody else, and
/// still lets a centre of ours listen.
fn own_address() -> (SocketAddr, Socket) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    (socket.local_addr().unwrap().as_socket().unwrap(), socket)
}

fn start(
    runtime: &Runtime,
    readers: &Arc<VirtualReaders>,
    dir: &Path,
    (centre, key): (SocketAddr, Option<Digest>),
    setup: &Setup,
) -> Result<Arc<Terminal>, Failure> {
    let date = if setup.demo_date { "business_date = 2015-08-03\n" } else { "" };
    let key = key.map(|key| format!("centre_key = \"{key}\"\n")).unwrap_or_default();
    let text = format!(
        "mode = \"demo\"\nterminal = \"H44010099999\"\nstate = \"state\"\n{date}\
         [keys]\n{}[uplink]\nurl = \"http://{centre}\"\ntoken_file = \"token\"\n{key}\
         answer_secs = 20\nresolve_secs = {}\nheartbeat_secs = 1\n{LIMITS}{}",
        setup.keys, setup.resolve_secs, setup.config
    );
    let config = Config::parse("test.toml", &text, dir).unwrap();
    let parts = Parts {
        config: Arc::new(config),
        readers: readers.clone(),
        clock: setup.clock.clone(),
        random: setup.random.clone(),
        runtime: runtime.handle().clone(),
    };
    Terminal::start_with_faults(parts, setup.faults.clone())
}

const LIMITS: &str = "[limits]\namount = \"50000.00\"\nperson_day = \"80000.00\"\ncount = 200\nage_hours = 72\n";

fn run_centre(runtime: &Runtime, dir: &Path, listen: SocketAddr, seed: Option<&str>, token: &str) -> Running {
    let seed = seed.map(|seed| Path::new(env!("CARGO_MANIFEST_DIR")).join("config/center").join(seed));
    runtime.block_on(run_at(dir.join("centre.db"), listen, seed, token)).unwrap()
}

async fn run_at(database: PathBuf, listen: SocketAddr, seed: Option<PathBuf>, token: &str) -> Result<Running, String> {
    let settings = center::Settings {
        listen,
        database: Some(database),
        seed,
        tls: None,
        broker: None,
        token: token.into(),
        ledger_token: None,
        demo: true,
        faults: center::Faults::default(),
    };
    center::run(settings).await
}
