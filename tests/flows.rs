//! One recording of each flow with a card of each generation, made from the virtual cards and the same in every run:
//! `SBKD_WRITE=1` makes them anew. Each replays with every check on.

mod rig;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rig::{HOLDER, PSAM, image, tree};
use sbkd::card::account::{Amount, Payment};
use sbkd::card::bank::{self, TokenKey};
use sbkd::card::{self, Card, InitialPins, Journal, Pairs, Parts, Pin, Update, Validation};
use sbkd::cipher::Algorithm;
use sbkd::keys::Psam;
use sbkd::profile::{FileName, ItemAddress, ItemName, Profile};
use sbkd::reader::{Lease, Transport};
use sbkd::script::{Library, Recorder, Recording};
use sbkd::store::Store;
use sbkd::value::Fen;
use sbkd::virtual_card::{Image, InProcess};
use sbkd::world::{FixedClock, NoRandom, Random};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// What comes of a flow: an object whose members a replay has as well, with a made-up holder's values.
type Outcome = Result<Value, Box<dyn Error>>;

/// Something that is done with a card, and the images it is recorded with.
struct Flow {
    name: &'static str,
    images: &'static [&'static str],
    run: fn(&mut Session) -> Outcome,
}

/// The demonstration card of each generation, and one in a reader's field.
const CARDS: &[&str] = &["v1-3des", "v2-3des", "v3-sm4", "v3-contactless"];

/// A card of each generation with every directory and file.
const FULL: &[&str] = &["v1-full", "v2-full", "v3-full", "v3-contactless"];

/// Those that have a medical account and the bank's application.
const MONEY: &[&str] = &["v2-money", "v3-money", "v3-money-contactless"];

/// Every flow, a line each. What a person would enter is handed in by `session.given(real, made_up)`: the real value is
/// what the card has, the made-up one what stands in the recording.
const FLOWS: &[Flow] = &[
    Flow { name: "read", images: CARDS, run: Session::read },
    Flow { name: "files", images: FULL, run: Session::files },
    Flow { name: "pin", images: FULL, run: Session::pin },
    Flow { name: "photo", images: &["v1-full", "v2-full", "v3-full"], run: Session::photo },
    Flow { name: "write", images: FULL, run: Session::write },
    Flow { name: "write", images: &["v3-enciphered"], run: Session::write_enciphered },
    Flow { name: "account", images: MONEY, run: Session::account },
    Flow { name: "bank", images: MONEY, run: Session::bank },
];

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
            validation: Validation::WITHOUT_LIST,
        }
    }

    /// What a person enters: the real value where the session is recorded, the made-up one where it is replayed.
    fn given<T>(&self, real: T, made_up: T) -> T {
        if self.replay { made_up } else { real }
    }

    /// The card's PIN; in the recording it is the first of the session.
    fn holders_pin(&self) -> Pin {
        pin(self.given("123456", "135791"))
    }

    fn open(&mut self) -> Result<Card<'_>, Box<dyn Error>> {
        Ok(Card::open(self.parts(), &mut |_| ())?)
    }

    fn read(&mut self) -> Outcome {
        Ok(card::read(self.parts(), &mut |_| ())?.to_json(true))
    }

    /// Items by key; whole files by the PIN, one of which asks for a key besides.
    fn files(&mut self) -> Outcome {
        let entered = self.holders_pin();
        let mut card = self.open()?;
        let by_key = card.read(&items(&["DF04/EF05/8B", "DF04/EF05/8F"]), None)?;
        let by_pin = card.read(&items(&["DF01/EF05", "DF04/EF06"]), Some(entered.into()))?;
        assert!((by_key.pin, by_pin.pin) == (false, true), "by key, then by PIN");
        Ok(json!([by_key.to_json(true), by_pin.to_json(true)]))
    }

    /// Its tries, the PIN verified and changed; then what the terminal's keys do to it.
    fn pin(&mut self) -> Outcome {
        let (old, again) = (self.holders_pin(), self.holders_pin());
        let [new, set] =
            [("654321", "246802"), ("11223344", "35791357")].map(|(real, made_up)| self.given(real, made_up));
        let mut card = self.open()?;
        let tries = format!("{:?}", card.pin_tries()?);
        card.verify_pin(old)?;
        card.change_pin(again, pin(new))?;
        card.verify_pin(pin(new))?;
        card.reload_pin(pin(set))?;
        card.verify_pin(pin(set))?;
        card.unblock_pin()?;
        Ok(json!({ "tries": tries }))
    }

    /// Two items, each with a MAC by the PSAM, and read back.
    fn write(&mut self) -> Outcome {
        let file: FileName = "DF04/EF05".parse()?;
        let new = [(0x8C, ("02", "31")), (0x8F, ("3", "2"))];
        let new = new
            .map(|(tag, (real, made_up))| (ItemAddress::of(tag), Zeroizing::new(self.given(real, made_up).to_owned())));
        let (store, random) = (Store::in_memory()?, Steps(AtomicU64::new(0)));
        let journal = Journal::new(&store, &[7; 32], &random);
        let mut card = self.open()?;
        let written = card.write(&journal, &file, &Update::Items(None, &new), &mut None)?;
        assert_eq!(written.changed, new.len());
        Ok(card.read(&items(&["DF04/EF05/8C", "DF04/EF05/8F"]), None)?.to_json(true))
    }

    /// The photo, behind the key that reads the holder of a 3.0 card.
    fn photo(&mut self) -> Outcome {
        let read = self.open()?.read(&items(&["SSSE/EF08"]), None)?.to_json(true);
        assert_eq!(read["files"][0]["bytes"].as_str().map(str::len), Some(2 * 4096), "the whole file");
        Ok(read)
    }

    /// An item that the PSAM enciphers, in the environment: of a directory its key makes MACs alone (card-facts §2.2).
    fn write_enciphered(&mut self) -> Outcome {
        let files = fs::read_to_string(tree("config/card/files.toml"))?;
        let named = "name = \"SSSE/EF06\"";
        let files = files.replace(named, &format!("{named}\nwriting = \"enciphered\""));
        let profile = Profile::load([None, Some(("files.toml", &files)), None]);
        self.profile = Arc::new(profile.map_err(|wrong| format!("{wrong:?}"))?);
        let new = [(ItemAddress::of(0x0C), Zeroizing::new(self.given("440106", "000000").to_owned()))];
        let (store, random) = (Store::in_memory()?, Steps(AtomicU64::new(0)));
        let journal = Journal::new(&store, &[7; 32], &random);
        let mut card = self.open()?;
        let written = card.write(&journal, &"SSSE/EF06".parse()?, &Update::Items(None, &new), &mut None)?;
        assert_eq!(written.changed, new.len());
        Ok(card.read(&items(&["SSSE/EF06/0C"]), None)?.to_json(true))
    }

    /// The balance, a purchase that the PSAM proves, and the card's own record of it.
    fn account(&mut self) -> Outcome {
        let entered = self.holders_pin();
        let [account, self_pay, pool] = [(2_345, 100), (1_000, 200), (20_000, 300)]
            .map(|(real, made_up)| Amount::try_from(Fen(self.given(real, made_up))));
        let payment = Payment { account: account?, self_pay: self_pay?, pool: pool? };
        let (store, random) = (Store::in_memory()?, Steps(AtomicU64::new(0)));
        let journal = Journal::new(&store, &[7; 32], &random);
        let mut card = self.open()?;
        card.verify_pin(entered)?;
        let before = card.balance()?;
        let paid = card.pay(payment, &journal)?;
        let after = card.balance()?;
        assert_eq!(
            (after.account, Some(after.account.get())),
            (paid.balance, before.account.get().checked_sub(payment.account.get()))
        );
        let log = card.read(&items(&["DF04/EF08"]), None)?.to_json(true);
        // Those of other sessions do not stay in the recording.
        let newest = log["files"][0]["records"][0].clone();
        assert_eq!(newest["items"][4]["value"], json!(payment.account.get()));
        Ok(json!({ "year": after.pooled.year, "checked": format!("{:?}", paid.checked), "newest": newest }))
    }

    fn bank(&mut self) -> Outcome {
        let token_key = TokenKey::new(&[7; 32]);
        let parts = bank::Parts {
            lease: &mut self.card,
            scripts: &self.scripts,
            clock: &self.clock,
            random: &*self.random,
            token_key: Some(&token_key),
        };
        Ok(bank::read(parts)?.to_json())
    }
}

fn pin(digits: &str) -> Pin {
    Pin::parse(digits).expect("digits")
}

fn items(names: &[&str]) -> Vec<ItemName> {
    names.iter().map(|name| name.parse().expect("a name")).collect()
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
