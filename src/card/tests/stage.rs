//! Where the uses of a card ([`uses`](super::uses)) are tried: a card of its own each time, a fault at one TPDU, and what
//! is told held against what the card is.

use std::cell::RefCell;

use super::swapped::Other;
use super::uses::{self, At, Family, Look, Run, Told, Use};
use super::*;
use crate::card::Card;
use crate::keys::Soft;
use crate::store::Undertaking;
use crate::value::CardIdentifier;
use crate::virtual_card::Memory;

/// What is the same for each trial of a use.
pub(super) struct Stage {
    pub(super) of: &'static Use,
    pub(super) scripts: Arc<Library>,
    pub(super) profile: Arc<Profile>,
    card: Image,
    psam: Image,
    /// Every key, for what the PSAM cannot do and for who looks. Reading them takes longer than a session.
    keys: RefCell<Soft>,
    /// What the card holds: at first, before the use, and after one that went well.
    held: [String; 3],
    /// What the use finds.
    found: String,
    /// TPDUs to the card until it is open, with what happened to it before.
    opened: usize,
    identifier: [u8; 16],
}

/// One card, and what a terminal remembers of it.
pub(super) struct Scene<'s> {
    pub(super) stage: &'s Stage,
    pub(super) store: Arc<Store>,
    pub(super) random: SystemRandom,
    pub(super) initial_pins: InitialPins,
    memory: Memory,
}

/// How a use went.
pub(super) struct Done {
    pub(super) outcome: Result<String, Told>,
    pub(super) card: Arc<Mutex<Wire>>,
    pub(super) psam: Arc<Mutex<Wire>>,
}

/// To whom the TPDUs go among which a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Card,
    Psam,
}

/// A fault at one TPDU, if any.
type Place = Option<(usize, Fault)>;

/// More TPDUs than any use has.
const ENOUGH: usize = 200;

/// What is told of a card that nobody knows the state of: its journal does.
const KEPT: [&str; 3] = ["E-CARD-WRITE-TORN", "E-CARD-HALF-WRITTEN", "E-CARD-ACCOUNT-TORN"];

impl Stage {
    pub(super) fn of(of: &'static Use) -> Self {
        let profile = match of.writing {
            None => Profile::builtin(),
            Some(writing) => {
                let line = "name = \"DF04/EF05\"";
                let text = include_str!("../../../config/card/files.toml");
                let text = text.replace(line, &format!("{line}\nwriting = \"{writing}\""));
                Profile::load([None, Some(("files.toml", &text)), None]).unwrap()
            }
        };
        let mut stage = Self {
            of,
            scripts: Arc::new(Library::builtin()),
            profile: Arc::new(profile),
            card: image(of.card),
            psam: image("psam"),
            keys: RefCell::new(Soft::load(&folder().join("demonstration-keys.toml"), true).unwrap()),
            held: Default::default(),
            found: String::new(),
            opened: 0,
            identifier: [0; 16],
        };
        let fresh = stage.new_card();
        let identifier = fresh.look(fresh.chip(), |card| Ok(*card.identifier().as_bytes()));
        let (original, scene) = (fresh.looked(), stage.scene());
        let before = scene.looked();
        let opened = scene.carried_out(uses::nothing, None, None).sent(Side::Card);
        let found = scene.used(None, None).outcome.unwrap_or_else(|error| panic!("{}: {error:?}", of.name));
        let held = [original, before, scene.looked()];
        (stage.opened, stage.found, stage.held, stage.identifier) = (opened, found, held, identifier);
        stage
    }

    /// A card that is new but for what happened to it before the use.
    pub(super) fn scene(&self) -> Scene<'_> {
        let scene = self.new_card();
        (self.of.before)(&scene);
        scene
    }

    fn new_card(&self) -> Scene<'_> {
        Scene {
            stage: self,
            store: Arc::new(Store::in_memory().unwrap()),
            random: SystemRandom::default(),
            initial_pins: InitialPins::default(),
            memory: self.card.memory().unwrap(),
        }
    }

    /// Does the fault at the first TPDU, the second, and so on until it fires no longer, each time in a scene of its own;
    /// how often it fired. Opening the card is tried with the uses that read its holder, and left out with the others.
    pub(super) fn at_each(&self, side: Side, fault: &Fault, mut hold: impl FnMut(&Scene<'_>, &Done, usize)) -> usize {
        let opens = self.of.name.starts_with("read") || self.of.name == "bank" || side == Side::Psam;
        let first = if opens { 1 } else { self.opened + 1 };
        for n in first.. {
            assert!(n < ENOUGH, "{}: the fault fires for ever", self.of.name);
            let scene = self.scene();
            let place = Some((n, fault.clone()));
            let done = if side == Side::Card { scene.used(place, None) } else { scene.used(None, place) };
            if done.sent(side) < n {
                return n - first;
            }
            hold(&scene, &done, n);
        }
        unreachable!("it is asserted before")
    }

    /// Whether what was found is what an undisturbed use finds.
    pub(super) fn is_found(&self, found: &str) -> bool {
        self.found == found
    }

    /// Whether it is that, or less of it: what is missing is null, or not there.
    pub(super) fn is_part(&self, found: &str) -> bool {
        let [found, whole] = [found, &self.found].map(serde_json::from_str::<serde_json::Value>);
        matches!((found, whole), (Ok(found), Ok(whole)) if part(&found, &whole))
    }
}

impl Scene<'_> {
    /// The use, with a fault at a TPDU to the card or to the PSAM.
    pub(super) fn used(&self, card: Place, psam: Place) -> Done {
        self.carried_out(self.stage.of.run, card, psam)
    }

    pub(super) fn carried_out(&self, run: Run, card: Place, psam: Place) -> Done {
        self.carried_out_on(self.chip(), run, card, psam)
    }

    /// The same with the chip of another card, perhaps.
    pub(super) fn carried_out_on(
        &self,
        chip: InProcess,
        run: impl FnOnce(&mut At<'_>) -> Result<String, Told>,
        card: Place,
        psam: Place,
    ) -> Done {
        let (mut holder, card) = lease_on(chip, Interface::Contact, card);
        let (psam_lease, psam) = lease(&self.stage.psam, Interface::Contact, psam);
        let mut by_psam =
            Psam::new(psam_lease, self.stage.scripts.clone(), self.stage.profile.clone(), Some(self.store.clone()));
        let mut soft = self.stage.keys.borrow_mut();
        let keys: &mut dyn KeyService = if self.stage.of.soft { &mut *soft } else { &mut by_psam };
        let mut at = At { lease: &mut holder, keys, pairs: Pairs::Command(&self.store), scene: self };
        let outcome = run(&mut at);
        Done { outcome, card, psam }
    }

    /// What somebody does who has every key and counts no try.
    fn by_all_keys<T>(&self, chip: InProcess, run: impl FnOnce(&mut At<'_>) -> Result<T, Told>) -> T {
        let (mut lease, _) = lease_on(chip, Interface::Contact, None);
        let mut keys = self.stage.keys.borrow_mut();
        run(&mut At { lease: &mut lease, keys: &mut *keys, pairs: Pairs::Needless, scene: self }).unwrap()
    }

    fn look<T>(&self, chip: InProcess, look: impl FnOnce(&mut Card<'_>) -> Result<T, Told>) -> T {
        self.by_all_keys(chip, |at| look(&mut at.open()?))
    }

    /// The card's tries, and what it holds of what the use changes.
    pub(super) fn looked(&self) -> String {
        self.look(self.chip(), |card| {
            let tries = card.pin_tries()?;
            Ok(format!("{tries:?}, {}", (self.stage.of.look)(card)?))
        })
    }

    /// What there is to change on a card that has taken this one's place.
    pub(super) fn looked_at(&self, other: &Other) -> String {
        self.look(other.chip(), |card| {
            let tries = card.pin_tries()?;
            let looks: [Look; 3] = [uses::items_of, uses::balance_of, uses::pins_of];
            let held = looks.iter().map(|look| look(card)).collect::<Result<Vec<_>, _>>()?;
            Ok(format!("{tries:?}, {}", held.join(", ")))
        })
    }

    /// How much was begun on the card and not seen to end.
    fn open_rows(&self) -> usize {
        let of = |what| self.store.open_writes(what, &self.stage.identifier).unwrap().len();
        of(Undertaking::Write) + of(Undertaking::Account)
    }

    pub(super) fn identifier(&self) -> CardIdentifier {
        CardIdentifier::parse(&self.stage.identifier).unwrap()
    }

    fn chip(&self) -> InProcess {
        InProcess::new(self.stage.card.chip_with(&self.memory, Arc::new(SystemRandom::default()))).unwrap()
    }

    /// Holds what was told to what the card is: as it was, as it was to be, or known by the journal to be neither, in which
    /// case it is one of them once that was looked at.
    pub(super) fn hold(&self, done: &Done, what: &str) {
        let name = self.stage.of.name;
        let Done { outcome, card, .. } = done;
        card.lock().unwrap().no_second_try(name, what);
        let [original, before, after] = &self.stage.held;
        let rows_before = usize::from(["mend", "settle"].contains(&name));
        match outcome {
            Ok(_) => {
                let now = self.looked();
                let undone = name == "mend" && now == *original;
                assert!(now == *after || undone, "{name}, {what}: told as done, and the card holds {now}");
                assert_eq!(self.open_rows(), 0, "{name}, {what}");
            }
            Err(told) if KEPT.contains(&told.code) => {
                assert_eq!(self.open_rows(), 1, "{name}, {what}: {told:?}");
                self.by_all_keys(self.chip(), uses::mend);
                self.by_all_keys(self.chip(), uses::settle_any);
                let now = self.looked();
                assert!(now == *original || now == *after, "{name}, {what}: {told:?}, then {now}");
            }
            Err(told) => {
                let now = self.looked();
                let may_be = now == *before || self.stage.of.unkept && now == *after;
                assert!(may_be, "{name}, {what}: {told:?}, and the card holds {now}, not {before}");
                assert_eq!(self.open_rows(), rows_before, "{name}, {what}: {told:?}");
            }
        }
    }

    /// After a use that failed, the same again goes well, or is not tried because a key was refused.
    pub(super) fn again(&self, first: &Done, what: &str) {
        let (name, [_, before, after]) = (self.stage.of.name, &self.stage.held);
        let Err(told) = &first.outcome else { return };
        if self.looked() == *after && after != before {
            return;
        }
        let again = self.used(None, None);
        match &again.outcome {
            Ok(found) => {
                assert_eq!((found, &self.looked()), (&self.stage.found, after), "{name}, {what}: again");
            }
            Err(held) => {
                let refused = ["E-CARD-TERMINAL-REFUSED", "E-CARD-PAIR-HELD"].contains(&told.code);
                // What the PIN opens as well is asked for by the PIN from then on.
                let by_pin =
                    held.code == "E-CARD-PIN-NEEDED" && [Family::Files, Family::Write].contains(&self.stage.of.family);
                let told_so = held.code == "E-CARD-PAIR-HELD" || by_pin;
                assert!(refused && told_so, "{name}, {what}: {told:?}, then {held:?}");
                let (before, now) = (first.card.lock().unwrap(), again.card.lock().unwrap());
                let last = before.proofs().last().copied();
                assert!(!now.proofs().iter().any(|key| Some(*key) == last), "{name}, {what}: tried again");
            }
        }
    }

    /// The PIN is locked by somebody who guesses.
    pub(super) fn lock_pin(&self) {
        for _ in 0..3 {
            assert!(!self.look(self.chip(), |card| Ok(card.verify_pin(uses::pin("000000")).is_ok())));
        }
    }

    /// A write of two items, the card pulled before the second.
    pub(super) fn tear_write(&self) {
        self.tear(uses::write, 0xDC, 1, Fault::Removed);
    }

    /// A purchase, the card pulled when it had paid.
    pub(super) fn tear_payment(&self) {
        self.tear(uses::pay, 0x2C, 0, Fault::Lost);
    }

    /// Does the fault at the n-th command of an instruction; where that is another card of the kind tells.
    fn tear(&self, run: Run, ins: u8, nth: usize, fault: Fault) {
        let done = self.stage.new_card().carried_out(run, None, None);
        let at = {
            let wire = done.card.lock().unwrap();
            wire.sent.iter().enumerate().filter(|(_, tpdu)| tpdu[1] == ins).nth(nth).map(|(at, _)| at + 1).unwrap()
        };
        let torn = self.carried_out(run, Some((at, fault)), None).outcome.unwrap_err();
        assert!(KEPT.contains(&torn.code), "{torn:?}");
    }
}

impl Done {
    pub(super) fn sent(&self, side: Side) -> usize {
        let wire = if side == Side::Card { &self.card } else { &self.psam };
        wire.lock().unwrap().sent.len()
    }
}

impl Wire {
    /// P2 of each proof of a key that was sent.
    fn proofs(&self) -> Vec<u8> {
        self.sent.iter().filter(|tpdu| tpdu[1] == 0x82).map(|tpdu| tpdu[3]).collect()
    }

    /// No PIN and no key was tried twice.
    fn no_second_try(&self, name: &str, what: &str) {
        // Without data VERIFY asks for the tries and costs none.
        let pins = self.sent.iter().filter(|tpdu| tpdu[1] == 0x5E || tpdu[1] == 0x20 && tpdu.len() > 5).count();
        assert!(pins <= 1, "{name}, {what}: {pins} PINs were sent");
        let mut keys = self.proofs();
        keys.sort_unstable();
        assert!(keys.windows(2).all(|two| two[0] != two[1]), "{name}, {what}: a key was proven twice: {keys:02X?}");
    }
}

fn part(found: &serde_json::Value, whole: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Null, Object};
    match (found, whole) {
        (Null, _) => true,
        (Array(found), Array(whole)) => {
            let mut whole = whole.iter();
            found.iter().all(|found| whole.any(|whole| part(found, whole)))
        }
        (Object(found), Object(whole)) => found.iter().all(|(name, value)| match (name.as_str(), whole.get(name)) {
            // A transparent file may end before the profile's does.
            ("size", Some(_)) => true,
            ("bytes", Some(whole)) => value.as_str().zip(whole.as_str()).is_some_and(|(a, b)| b.starts_with(a)),
            (_, whole) => whole.is_some_and(|whole| part(value, whole)),
        }),
        _ => found == whole,
    }
}
