//! One recording of each flow with a card of each generation, made from the virtual cards and the same in every run:
//! `SBKD_WRITE=1` makes them anew. Each replays with every check on.

mod rig;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rig::{HOLDER, PSAM, image, tree};
use sbkd::card::{self, CardError, InitialPins, Pairs, Parts};
use sbkd::cipher::Algorithm;
use sbkd::keys::Psam;
use sbkd::profile::Profile;
use sbkd::reader::{Lease, Transport};
use sbkd::script::{Library, Recorder, Recording};
use sbkd::virtual_card::{Image, InProcess};
use sbkd::world::{FixedClock, NoRandom, Random};
use serde_json::Value;

/// Something that is done with a card, and the images it is recorded with.
struct Flow {
    name: &'static str,
    images: &'static [&'static str],
    run: fn(&mut Session) -> Result<Value, CardError>,
}

/// The demonstration card of each generation, and one in a reader's field.
const CARDS: &[&str] = &["v1-3des", "v2-3des", "v3-sm4", "v3-contactless"];

/// Every flow, a line each. What a person would enter is handed in by `session.given(real, made_up)`: the real value is
/// what the card has, the made-up one what stands in the recording.
const FLOWS: &[Flow] = &[Flow { name: "read", images: CARDS, run: Session::read }];

/// The cards of a session, and what it is carried out with.
struct Session {
    card: Lease,
    keys: Psam,
    scripts: Arc<Library>,
    profile: Arc<Profile>,
    initial_pins: InitialPins,
    clock: FixedClock,
    random: Box<dyn Random>,
    /// It is a replay.
    replay: bool,
}

impl Session {
    fn new(
        card: (String, Box<dyn Transport>),
        psam: (String, Box<dyn Transport>),
        clock: FixedClock,
        random: Box<dyn Random>,
        replay: bool,
    ) -> Self {
        let lease = |(reader, transport): (String, Box<dyn Transport>)| {
            Lease::new(reader, transport, Instant::now() + Duration::from_secs(60))
        };
        let scripts = Arc::new(Library::builtin());
        let profile = Arc::new(Profile::builtin());
        let keys = Psam::new(lease(psam), scripts.clone(), profile.clone(), None);
        let initial_pins = InitialPins::default();
        Self { card: lease(card), keys, scripts, profile, initial_pins, clock, random, replay }
    }

    fn parts(&mut self) -> Parts<'_> {
        Parts {
            lease: &mut self.card,
            keys: &mut self.keys,
            scripts: &self.scripts,
            profile: &self.profile,
            store: None,
            pairs: Pairs::Needless,
            clock: &self.clock,
            random: &*self.random,
            default_algorithm: Some(Algorithm::TripleDes),
            initial_pins: &self.initial_pins,
        }
    }

    /// What a person enters: the real value where the session is recorded, the made-up one where it is replayed.
    #[allow(dead_code)] // a reading asks nobody for anything
    fn given<T>(&self, real: T, made_up: T) -> T {
        if self.replay { made_up } else { real }
    }

    fn read(&mut self) -> Result<Value, CardError> {
        card::read(self.parts(), &mut |_| ()).map(|reading| reading.to_json(true))
    }
}

/// Random bytes that are the same in every run.
struct Steps(AtomicU64);

impl Random for Steps {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        for byte in bytes {
            // Knuth's constant; the upper bits are the lively ones.
            let step = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1).wrapping_mul(6_364_136_223_846_793_005);
            *byte = (step >> 56) as u8;
        }
        Ok(())
    }
}

fn in_process(name: &str, start: u64) -> Box<dyn Transport> {
    let chip = Image::load(&image(name)).unwrap().chip(Arc::new(Steps(AtomicU64::new(start))));
    Box::new(InProcess::new(chip).unwrap())
}

/// What comes of a flow with a card, and its recording.
fn made(flow: &Flow, name: &str, file: &str) -> (Value, Recording) {
    let recorder = Recorder::new(&FixedClock("2026-01-31T08:00:00Z".parse().unwrap()));
    let card = recorder.card(HOLDER, in_process(name, 1));
    let psam = recorder.psam(PSAM, in_process("psam", 1 << 32));
    let random = recorder.random(Box::new(Steps(AtomicU64::new(1 << 40))));
    let mut session = Session::new((HOLDER.to_owned(), card), (PSAM.to_owned(), psam), recorder.clock(), random, false);
    let outcome = (flow.run)(&mut session).unwrap_or_else(|error| panic!("{file}: {error}"));
    drop(session);
    (outcome, recorder.finish(file).unwrap_or_else(|error| panic!("{file}: {error}")))
}

/// What comes of a flow with its recording.
fn replayed(flow: &Flow, recording: &Recording) -> Value {
    let replay = recording.replay();
    let psam = replay.psam().expect("every flow has a PSAM");
    let mut session = Session::new(replay.card(), psam, replay.clock(), replay.random(), true);
    let outcome = (flow.run)(&mut session).unwrap_or_else(|error| panic!("{error}; {:?}", replay.mistake()));
    drop(session);
    replay.finish().unwrap_or_else(|error| panic!("{error}"));
    outcome
}

/// The members of an outcome, and which of them are null: what a made-up holder has in common with the real one.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(values) => values.iter().map(shape).collect(),
        Value::Null => Value::Null,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Value::Bool(true),
    }
}

fn file(flow: &Flow, name: &str) -> PathBuf {
    tree("fixtures/recordings").join(format!("{name}-{}.apdu", flow.name))
}

#[test]
fn each_flow_has_its_recording_for_each_generation() {
    for flow in FLOWS {
        for name in flow.images {
            let file = file(flow, name);
            let shown = format!("{name}-{}.apdu", flow.name);
            let (outcome, recording) = made(flow, name, &shown);
            let text = recording.to_string();
            if std::env::var_os("SBKD_WRITE").is_some() {
                fs::write(&file, &text).unwrap();
            }
            let kept = fs::read_to_string(&file).unwrap_or_default();
            assert!(kept == text, "{shown} is not what the flow does now: SBKD_WRITE=1 cargo test --test flows");
            let again = replayed(flow, &Recording::parse(&shown, &kept).unwrap());
            assert_eq!(shape(&again), shape(&outcome), "{shown}");
        }
    }
}

#[test]
fn no_recording_is_kept_that_no_flow_makes() {
    let mut wanted: Vec<PathBuf> =
        FLOWS.iter().flat_map(|flow| flow.images.iter().map(move |name| file(flow, name))).collect();
    let entries = fs::read_dir(tree("fixtures/recordings")).unwrap().map(|entry| entry.unwrap().path());
    let mut there: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "apdu")).collect();
    wanted.sort();
    there.sort();
    assert_eq!(there, wanted);
}
