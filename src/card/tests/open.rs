//! A card that is opened and used, in one lease.

use super::*;
use crate::card::Card;
use crate::keys::Soft;

/// How a use of a card went.
pub(super) struct Used<T> {
    pub(super) outcome: Result<T, CardError>,
    pub(super) card: Arc<Mutex<Wire>>,
}

impl Desk {
    /// Puts the card in afresh and opens it for `work`.
    pub(super) fn used<T>(&self, work: impl FnOnce(&mut Card<'_>) -> Result<T, CardError>) -> Used<T> {
        self.used_with(None, work)
    }

    /// The same with a fault at one TPDU.
    pub(super) fn used_with<T>(
        &self,
        fault: Option<(usize, Fault)>,
        work: impl FnOnce(&mut Card<'_>) -> Result<T, CardError>,
    ) -> Used<T> {
        let (lease, card) = lease(&self.card, self.interface, fault);
        Used { outcome: self.on(lease, work), card }
    }

    /// The same on a card that is in already.
    pub(super) fn on<T, E: From<CardError>>(
        &self,
        lease: Lease,
        work: impl FnOnce(&mut Card<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.on_with(lease, None, work).0
    }

    /// The same with a fault at one of the PSAM's TPDUs; how many it had.
    pub(super) fn on_with<T, E: From<CardError>>(
        &self,
        mut lease: Lease,
        at_psam: At,
        work: impl FnOnce(&mut Card<'_>) -> Result<T, E>,
    ) -> (Result<T, E>, usize) {
        let (psam, wire) = super::lease(&self.psam, Interface::Contact, at_psam);
        let mut keys: Box<dyn KeyService> = match self.soft {
            true => Box::new(Soft::load(&folder().join("demonstration-keys.toml"), true).unwrap()),
            false => {
                Box::new(Psam::new(psam, self.scripts.clone(), Arc::new(self.profile.clone()), self.store.clone()))
            }
        };
        let parts = Parts {
            lease: &mut lease,
            keys: keys.as_mut(),
            profile: &self.profile,
            scripts: &self.scripts,
            store: self.store.as_deref(),
            pairs: if self.counted { self.pairs() } else { Pairs::Needless },
            clock: &SystemClock,
            random: &SystemRandom::default(),
            default_algorithm: self.default_algorithm,
            initial_pins: &self.initial_pins,
            validation: self.validation(),
        };
        let outcome = Card::open(parts, &mut |_| ()).map_err(E::from).and_then(|mut card| work(&mut card));
        drop(keys);
        let sent = wire.lock().unwrap().sent.len();
        (outcome, sent)
    }
}

/// Puts one and the same card in, again and again.
pub(super) fn inserted(image: &Image) -> impl Fn() -> Lease {
    let insert = inserted_with(image);
    move || insert(None).0
}

/// A fault at one TPDU, if any.
type At = Option<(usize, Fault)>;
/// A lease, and what goes over its wire.
type Watched = (Lease, Arc<Mutex<Wire>>);

/// The same with a fault at one TPDU, and what goes over the wire.
pub(super) fn inserted_with(image: &Image) -> impl Fn(At) -> Watched {
    let (image, memory) = (image.clone(), image.memory().unwrap());
    move |fault| {
        let chip = image.chip_with(&memory, Arc::new(SystemRandom::default()));
        lease_on(InProcess::new(chip).unwrap(), Interface::Contact, fault)
    }
}

/// More TPDUs than any use has.
const ENOUGH: usize = 200;

/// Does a fault at the first TPDU after the card was opened, the second, and so on until it fires no longer; how often it
/// did. `once` is given the number of the TPDU, tries it with the fault there, and says how many TPDUs there were.
pub(super) fn at_every_tpdu(mut once: impl FnMut(usize) -> usize) -> usize {
    let mut fired = 0;
    for n in 1.. {
        assert!(n < ENOUGH, "the fault fires for ever");
        if once(n) < n {
            break;
        }
        fired += 1;
    }
    fired
}
