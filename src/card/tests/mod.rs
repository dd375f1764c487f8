//! The whole walk over a card in this process: every image, every fault at every command.

mod access;
mod account;
mod account_known;
mod arbitrary;
mod bank;
mod budget;
mod far;
mod faults;
mod files;
mod gate;
mod images;
mod keys;
mod open;
mod pad;
mod pin;
mod pki;
mod places;
mod psam_nonsense;
mod records;
mod refused;
mod revised;
mod rights;
mod stage;
mod statuses;
mod swapped;
mod torn;
mod torn_tlv;
mod uses;
mod validity;
mod values;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::{Accepted, CardError, InitialPins, Lenience, Pairs, Parts, Reading, RefusedCards, Step, Validation, read};
use crate::cipher::Algorithm;
use crate::keys::{KeyService, Psam};
use crate::profile::Profile;
use crate::reader::{Atr, Interface, Lease, Protocol, Transport, TransportError};
use crate::script::Library;
use crate::store::Store;
use crate::virtual_card::{Image, InProcess};
use crate::world::{SystemClock, SystemRandom};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cards")
}

fn image(name: &str) -> Image {
    Image::load(&folder().join(name).with_extension("toml")).unwrap()
}

/// What is done to one TPDU of a session, counted from 1.
#[derive(Debug, Clone)]
enum Fault {
    /// The card is pulled, and stays out.
    Removed,
    /// The card carries it out, and is pulled before its answer is heard.
    Lost,
    /// Another program reset the card.
    Reset,
    /// The card answers this, and does not carry the command out.
    Answer(Vec<u8>),
    /// The card carries it out, and answers with another status word.
    Status(u16),
    /// The card carries it out, and this is done to its answer.
    Mangled(fn(&mut Vec<u8>)),
    /// Another card is there from now on, freshly powered, and nobody was told.
    Swapped(swapped::Other),
}

/// What went over a wire.
#[derive(Debug, Default)]
struct Wire {
    sent: Vec<Zeroizing<Vec<u8>>>,
    resets: u32,
}

impl Wire {
    /// How often an instruction was sent.
    fn count(&self, ins: u8) -> usize {
        self.sent.iter().filter(|tpdu| tpdu[1] == ins).count()
    }
}

/// A way to a chip that is watched, and tampered with at one TPDU.
struct Tap {
    chip: InProcess,
    fault: Option<(usize, Fault)>,
    wire: Arc<Mutex<Wire>>,
    gone: bool,
    interface: Interface,
}

impl Transport for Tap {
    fn exchange(&mut self, tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let count = {
            let mut wire = self.wire.lock().unwrap();
            wire.sent.push(Zeroizing::new(tpdu.to_vec()));
            wire.sent.len()
        };
        match &self.fault {
            _ if self.gone => Err(TransportError::Removed),
            Some((at, fault)) if *at == count => match fault {
                Fault::Removed => {
                    self.gone = true;
                    Err(TransportError::Removed)
                }
                Fault::Lost => {
                    self.gone = true;
                    self.chip.exchange(tpdu)?;
                    Err(TransportError::Removed)
                }
                Fault::Reset => {
                    self.chip.reset()?;
                    Err(TransportError::Reset)
                }
                Fault::Answer(bytes) => Ok(Zeroizing::new(bytes.clone())),
                Fault::Status(status) => {
                    let mut answer = self.chip.exchange(tpdu)?;
                    let data = answer.len() - 2;
                    answer[data..].copy_from_slice(&status.to_be_bytes());
                    Ok(answer)
                }
                Fault::Mangled(mangle) => {
                    let mut answer = self.chip.exchange(tpdu)?.to_vec();
                    mangle(&mut answer);
                    Ok(Zeroizing::new(answer))
                }
                Fault::Swapped(other) => {
                    self.chip = other.chip();
                    self.chip.exchange(tpdu)
                }
            },
            _ => self.chip.exchange(tpdu),
        }
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        self.wire.lock().unwrap().resets += 1;
        if self.gone { Err(TransportError::Removed) } else { self.chip.reset() }
    }

    fn atr(&self) -> &Atr {
        self.chip.atr()
    }

    /// Contactless cards speak T=1.
    fn protocol(&self) -> Protocol {
        if self.interface == Interface::Contact { self.chip.protocol() } else { Protocol::T1 }
    }

    fn interface(&self) -> Interface {
        self.interface
    }
}

/// A card and a PSAM on a desk, each put in afresh for a reading.
struct Desk {
    card: Image,
    psam: Image,
    store: Option<Arc<Store>>,
    /// Refused keys are kept in the store where a card is used after it was opened, too.
    counted: bool,
    /// Why there is no place for refused pairs.
    nowhere: Option<&'static str>,
    default_algorithm: Option<Algorithm>,
    scripts: Arc<Library>,
    profile: Profile,
    interface: Interface,
    initial_pins: InitialPins,
    accepted: Accepted,
    refused: Option<RefusedCards>,
    lenience: Lenience,
    /// Demonstration keys in place of the PSAM where a card is used after it was opened.
    soft: bool,
}

/// How a reading went.
struct Went {
    outcome: Result<Reading, CardError>,
    steps: Vec<Step>,
    card: Arc<Mutex<Wire>>,
    psam: Arc<Mutex<Wire>>,
}

impl Desk {
    fn new(card: &str) -> Self {
        Self {
            card: image(card),
            psam: image("psam"),
            store: None,
            counted: false,
            nowhere: None,
            default_algorithm: None,
            scripts: Arc::new(Library::builtin()),
            profile: Profile::builtin(),
            interface: Interface::Contact,
            initial_pins: InitialPins::default(),
            accepted: Accepted::default(),
            refused: None,
            lenience: Lenience::default(),
            soft: false,
        }
    }

    fn with_psam(mut self, psam: &str) -> Self {
        self.psam = image(psam);
        self
    }

    fn with_store(mut self) -> Self {
        self.store = Some(Arc::new(Store::in_memory().unwrap()));
        self
    }

    fn validation(&self) -> Validation<'_> {
        Validation { accepted: &self.accepted, refused: self.refused.as_ref(), lenience: self.lenience }
    }

    fn pairs(&self) -> Pairs<'_> {
        match (self.store.as_deref(), self.nowhere) {
            (Some(store), _) => Pairs::Command(store),
            (None, Some(why)) => Pairs::Nowhere(why),
            (None, None) => Pairs::Needless,
        }
    }

    fn read(&self) -> Went {
        self.read_with(None, None)
    }

    fn read_with(&self, card: Option<(usize, Fault)>, psam: Option<(usize, Fault)>) -> Went {
        let (psam_lease, psam_wire) = lease(&self.psam, Interface::Contact, psam);
        let mut keys = Psam::new(psam_lease, self.scripts.clone(), profile(), self.store.clone());
        let went = self.read_by(&mut keys, card);
        drop(keys);
        Went { psam: psam_wire, ..went }
    }

    fn read_by(&self, keys: &mut dyn KeyService, fault: Option<(usize, Fault)>) -> Went {
        let (mut lease, card) = lease(&self.card, self.interface, fault);
        let mut steps = Vec::new();
        let parts = Parts {
            lease: &mut lease,
            keys,
            scripts: &self.scripts,
            profile: &self.profile,
            store: self.store.as_deref(),
            pairs: self.pairs(),
            clock: &SystemClock,
            random: &SystemRandom::default(),
            default_algorithm: self.default_algorithm,
            initial_pins: &self.initial_pins,
            validation: self.validation(),
        };
        let outcome = read(parts, &mut |step| steps.push(step));
        drop(lease);
        Went { outcome, steps, card, psam: Arc::default() }
    }
}

/// The profile that ships.
fn profile() -> Arc<Profile> {
    Arc::new(Profile::builtin())
}

fn lease(image: &Image, interface: Interface, fault: Option<(usize, Fault)>) -> (Lease, Arc<Mutex<Wire>>) {
    let chip = InProcess::new(image.chip(Arc::new(SystemRandom::default()))).unwrap();
    lease_on(chip, interface, fault)
}

fn lease_on(chip: InProcess, interface: Interface, fault: Option<(usize, Fault)>) -> (Lease, Arc<Mutex<Wire>>) {
    let wire = Arc::new(Mutex::default());
    let tap = Tap { chip, fault, wire: Arc::clone(&wire), gone: false, interface };
    (Lease::new("reader", Box::new(tap), Instant::now() + Duration::from_secs(60)), wire)
}
