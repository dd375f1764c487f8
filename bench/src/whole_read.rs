//! (a) The whole read of a 3.0 card with its PSAM, beside the same APDUs sent bare, in one run.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use sbkd::card::{self, InitialPins, Pairs, Parts, Validation};
use sbkd::keys::Psam;
use sbkd::profile::Profile;
use sbkd::reader::{Lease, PcscReaders, Readers as _, Role, RoleRule, transport_direct};
use sbkd::script::Library;
use sbkd::store::Store;
use sbkd::virtual_card::{Image, serve};
use sbkd::world::{NoRandom, Random, SystemClock};

use crate::numbers::{median_and_95th, ms, ratio, thousandths};
use crate::rig::{HOLDER, PSAM, Rig, image, until};
use crate::table::{self, Row};
use crate::tape::{self, Exchange, Stopwatch, Tap, Tape};

/// Pairs of sessions that are measured, after those that warm up.
const PAIRS: usize = 300;
const WARM_UP: usize = 20;
const WITHIN: Duration = Duration::from_secs(10);

static STOP: AtomicBool = AtomicBool::new(false);

/// Randomness that is always the same, in the terminal as in both chips: so each session is the same to the byte, and
/// a tape of one is a valid session again.
struct Same;

impl Random for Same {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        for (byte, value) in bytes.iter_mut().zip((0x51_u8..).step_by(7)) {
            *byte = value;
        }
        Ok(())
    }
}

/// What stays from read to read.
struct Terminal {
    readers: Arc<PcscReaders>,
    scripts: Arc<Library>,
    profile: Profile,
    store: Arc<Store>,
}

/// Measures, in a child of this program: where a PC/SC client finds its pcscd is told by the environment.
pub fn measure() -> Vec<Row> {
    let rig = Rig::start();
    seat_chips(&rig);
    let mut child = Command::new(std::env::current_exe().expect("the path of this program"));
    child.arg(CHILD).env("PCSCLITE_CSOCK_NAME", rig.socket()).stderr(Stdio::inherit());
    let out = child.output().expect("the child starts");
    assert!(out.status.success(), "the measurement failed");
    table::parse(&String::from_utf8_lossy(&out.stdout))
}

/// The argument that makes this program the child.
pub const CHILD: &str = "whole-read";

/// What the child does.
pub fn measure_here() -> Vec<Row> {
    let rule = |pattern: &str, role| RoleRule::new(pattern, role);
    let terminal = Terminal {
        readers: PcscReaders::start(vec![rule(HOLDER, Role::Holder), rule(PSAM, Role::Psam)]),
        scripts: Arc::new(Library::builtin()),
        profile: Profile::builtin(),
        store: Arc::new(Store::in_memory().expect("a store in memory")),
    };
    // The first read learns what the type of card can do; the second is what each later one is like.
    terminal.read();
    let tape = terminal.taped_read();
    let context = tape::establish();
    let [mut ours, mut bare] = [Vec::new(), Vec::new()];
    for pair in 0..WARM_UP + PAIRS {
        let mut session = |ours_now: bool| {
            let parts = if ours_now { terminal.read() } else { tape::send(&context, &tape) };
            if pair >= WARM_UP {
                if ours_now { &mut ours } else { &mut bare }.push(parts);
            }
        };
        // Each goes first every other time.
        session(pair % 2 == 0);
        session(pair % 2 != 0);
    }
    rows(&tape, &ours, &bare)
}

fn rows(tape: &[Exchange], ours: &[tape::Parts], bare: &[tape::Parts]) -> Vec<Row> {
    let count = |seat: usize| tape.iter().filter(|exchange| exchange.seat == seat).count();
    let exchanges = format!("{} exchanges with the card, {} with the PSAM", count(0), count(1));
    let [mine, theirs] = [ours, bare].map(whole);
    let goal = "at most 1.15";
    vec![
        Row::plain(&format!("(a) whole read of a 3.0 card ({exchanges}), {PAIRS} times"), figure(ours)),
        Row::plain("(a) the same APDUs bare through the pcsc crate, interleaved", figure(bare)),
        Row::with_goal("(a) ratio of the medians", ratio(mine, theirs), goal, thousandths(mine, theirs) <= 1150),
    ]
}

fn whole(sessions: &[tape::Parts]) -> Duration {
    let mut times: Vec<Duration> = sessions.iter().map(|parts| parts.iter().sum()).collect();
    median_and_95th(&mut times).0
}

/// The median, and the medians of its parts.
fn figure(sessions: &[tape::Parts]) -> String {
    let part = |n: usize| {
        let mut times: Vec<Duration> = sessions.iter().map(|parts| parts[n]).collect();
        ms(median_and_95th(&mut times).0)
    };
    format!("{} (open {}, session {}, give back {})", ms(whole(sessions)), part(0), part(1), part(2))
}

impl Terminal {
    fn read(&self) -> tape::Parts {
        let mut clock = Stopwatch::start();
        let lease = self.readers.lease(HOLDER, WITHIN).expect("the card");
        let psam = self.readers.lease(PSAM, WITHIN).expect("the PSAM");
        clock.part();
        let leases = self.read_with(lease, psam);
        clock.part();
        drop(leases);
        clock.part();
        clock.parts
    }

    fn taped_read(&self) -> Vec<Exchange> {
        let tape = Tape::default();
        let lease = |reader, seat| {
            let (name, transport) = transport_direct(Some(reader)).expect("a card");
            Lease::new(name, Tap::on(transport, seat, &tape), Instant::now() + WITHIN)
        };
        self.read_with(lease(HOLDER, 0), lease(PSAM, 1));
        std::mem::take(&mut *tape.lock().expect("nobody panics with the tape"))
    }

    /// Gives back what is to be dropped.
    fn read_with(&self, mut lease: Lease, psam: Lease) -> (Lease, Psam) {
        let mut keys =
            Psam::new(psam, Arc::clone(&self.scripts), Arc::new(Profile::builtin()), Some(Arc::clone(&self.store)));
        let parts = Parts {
            lease: &mut lease,
            keys: &mut keys,
            scripts: &self.scripts,
            profile: &self.profile,
            store: Some(&self.store),
            pairs: Pairs::Terminal(&self.store),
            clock: &SystemClock,
            random: &Same,
            default_algorithm: None,
            initial_pins: &InitialPins::default(),
            validation: Validation::WITHOUT_LIST,
        };
        card::read(parts, &mut |_| {}).expect("a whole read");
        (lease, keys)
    }
}

/// Puts the demonstration's card and its PSAM into the rig's readers, served by threads of this process.
fn seat_chips(rig: &Rig) {
    let card = Image::load(&image("v3-sm4")).expect("the demonstration's card");
    let psam = card.psam().expect("the card's PSAM").clone();
    for (image, port) in [card, psam].into_iter().zip(rig.ports()) {
        let mut chip = image.chip(Arc::new(Same));
        std::thread::spawn(move || serve(&mut *chip, SocketAddr::from((Ipv4Addr::LOCALHOST, port)), &STOP));
    }
    for reader in [HOLDER, PSAM] {
        until("pcscd sees the card", || (rig.card_seen(reader) == Some(true)).then_some(()));
    }
}
