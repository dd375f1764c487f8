//! A terminal with a card, a PSAM and a centre of its own, all in this process.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sbkd::center::{self, Faults, Running};
use sbkd::config::Config;
use sbkd::reader::Role;
use sbkd::terminal::holder_card::Secret;
use sbkd::terminal::{CaseState, CaseView, Condition, NewCase, Parts, Terminal};
use sbkd::virtual_card::{Chip, Image, VirtualReaders};
use sbkd::world::{SystemClock, SystemRandom};
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use super::subject::Subject;
use super::way::Way;
use crate::rig::{PATIENCE, image};

const HOLDER: &str = "Counter 00 00";
const PSAM: &str = "Counter 01 00";
const TOKEN: &str = "a token of the bench, no secret";
/// The PIN of every card of the demonstration.
const PIN: &str = "123456";

pub struct Counter {
    readers: Arc<VirtualReaders>,
    /// The image of the card that is in the reader.
    card: String,
    terminal: Arc<Terminal>,
    way: Way,
    centre: Running,
    runtime: Runtime,
    _dir: tempfile::TempDir,
}

impl Counter {
    /// With a journal, and a centre's database, that are empty; in a folder below this one.
    pub fn open(place: &Path) -> Self {
        let dir = tempfile::tempdir_in(place).expect("a folder on the disk");
        std::fs::write(dir.path().join("token"), TOKEN).expect("a token");
        let runtime = Runtime::new().expect("a runtime");
        let centre = runtime.block_on(centre(dir.path())).expect("the centre starts");
        let way = Way::to(centre.address).expect("a way to the centre");
        let readers = VirtualReaders::new(&[(HOLDER, Some(Role::Holder)), (PSAM, Some(Role::Psam))]);
        readers.insert(PSAM, chip("psam"));
        let parts = Parts {
            config: Arc::new(configuration(way.address, dir.path())),
            readers: readers.clone(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::default()),
            runtime: runtime.handle().clone(),
        };
        let terminal =
            Terminal::start(parts).unwrap_or_else(|failure| panic!("the terminal does not start: {failure}"));
        let counter = Self { readers, card: String::new(), terminal, way, centre, runtime, _dir: dir };
        counter.until(|terminal| !terminal.health().conditions.contains(&Condition::UplinkAway));
        counter
    }

    /// Everything ends.
    pub fn close(self) {
        self.terminal.drain();
        drop(self.terminal);
        self.runtime.block_on(self.centre.stop());
    }

    /// A case with the full form, to which somebody may agree now.
    pub fn decided(&mut self, subject: &Subject) -> CaseView {
        if self.card != subject.card {
            self.readers.insert(HOLDER, chip(&subject.card));
            self.card.clone_from(&subject.card);
        }
        let case = subject.case(Some(&subject.said.full_form()), None);
        let case: NewCase = serde_json::from_value(case).expect("a case");
        let opened = self.terminal.open_case(case).unwrap_or_else(|failure| panic!("{subject}: {failure}"));
        let waits = |state: CaseState| state == CaseState::WaitingConfirmation || state.is_final();
        let view = self.at(&opened, waits);
        assert_eq!(view.state, CaseState::WaitingConfirmation, "{subject}: {:?}", view.failure);
        view
    }

    /// Agrees to a case and waits until it is done: how long that took, and how long the centre had it meanwhile. Returns
    /// once nothing of it is on its way.
    pub fn confirmed(&self, waits: &CaseView) -> (Duration, Duration) {
        let pin = waits.needs_pin.then(|| Secret(Zeroizing::new(PIN.to_owned())));
        let answered = self.way.centre_had();
        let begun = Instant::now();
        let agreed = self.terminal.confirm_with(waits.id, pin, true);
        agreed.unwrap_or_else(|failure| panic!("{}: {failure}", waits.scenario));
        let view = self.at(waits, CaseState::is_final);
        let whole = begun.elapsed();
        let centre = self.way.centre_had() - answered;
        assert_eq!(view.state, CaseState::Done, "{}: {:?}", view.scenario, view.failure);
        let row = view.transaction.as_ref().expect("its transaction");
        let id = row["id"].as_str().and_then(|id| id.parse().ok()).expect("its id");
        self.until(|terminal| !terminal.transaction(id).expect("the journal").expect("the row").state.is_open());
        // What was stored went up, if at all, while nobody waited for it.
        (whole, if view.centre.is_some() { centre } else { Duration::ZERO })
    }

    /// The case, once it is as wanted.
    fn at(&self, case: &CaseView, wanted: impl Fn(CaseState) -> bool) -> CaseView {
        let mut follow = self.terminal.follow(case.id).expect("the case");
        let found = async {
            let found = tokio::time::timeout(PATIENCE, follow.wait_for(|view| wanted(view.state))).await;
            found.map(|found| found.expect("the terminal runs").clone())
        };
        self.runtime.block_on(found).unwrap_or_else(|_| panic!("{} does not go on", case.scenario))
    }

    /// Waits until this is so; it is looked at after each event.
    fn until(&self, so: impl Fn(&Terminal) -> bool) {
        let mut events = self.terminal.events(None).live;
        while !so(&self.terminal) {
            let event = async { tokio::time::timeout(PATIENCE, events.recv()).await };
            self.runtime.block_on(event).expect("an event in time").expect("the terminal runs");
        }
    }
}

fn chip(name: &str) -> Box<dyn Chip> {
    Image::load(&image(name)).expect("an image").chip(Arc::new(SystemRandom::default()))
}

fn configuration(centre: SocketAddr, dir: &Path) -> Config {
    let text = format!(
        "mode = \"demo\"\nterminal = \"H44010099999\"\nstate = \"state\"\nbusiness_date = 2015-08-03\n\
         [keys]\nsource = \"psam\"\n[uplink]\nurl = \"http://{centre}\"\ntoken_file = \"token\"\n\
         [limits]\namount = \"50000.00\"\nperson_day = \"80000.00\"\ncount = 200\nage_hours = 72\n"
    );
    Config::parse("bench.toml", &text, dir).expect("a configuration")
}

async fn centre(dir: &Path) -> Result<Running, String> {
    let settings = center::Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        database: Some(dir.join("centre.db")),
        seed: None,
        tls: None,
        broker: None,
        token: TOKEN.into(),
        ledger_token: None,
        demo: true,
        faults: Faults::default(),
    };
    center::run(settings).await
}
