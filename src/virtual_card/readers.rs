//! Readers in this process, whose chips a test puts in and pulls out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use super::chip::{Chip, Reaction};
use super::faults::Torn;
use super::in_process::{InProcess, Slot};
use super::pad::{Person, VirtualPad};
use crate::reader::{Lease, ReaderEvent, ReaderState, Readers, Role, SELECT_PSAM, Transport, TransportError, role_of};

/// Events that a slow watcher may fall behind by.
const BACKLOG: usize = 256;

/// A fixed list of readers, with the faults of real ones at a test's command.
pub struct VirtualReaders {
    readers: Vec<Reader>,
    events: broadcast::Sender<ReaderEvent>,
}

struct Reader {
    name: String,
    configured: Option<Role>,
    found: Mutex<Option<Role>>,
    slot: Arc<Slot>,
    /// Another program has the card; its name where the system tells.
    held: Mutex<Option<Option<String>>>,
    /// Who stands at its PIN pad, where it has one.
    person: Mutex<Option<Person>>,
}

impl Reader {
    fn role(&self) -> Option<Role> {
        self.configured.or(*locked(&self.found))
    }

    fn card(&self) -> bool {
        self.slot.lock().card()
    }
}

impl VirtualReaders {
    /// Readers by name and role; a reader without a role finds it by asking its chip, which the chip's counts do not
    /// include.
    pub fn new(readers: &[(&str, Option<Role>)]) -> Arc<Self> {
        let reader = |(name, configured): &(&str, Option<Role>)| Reader {
            name: (*name).to_owned(),
            configured: *configured,
            found: Mutex::default(),
            slot: Arc::default(),
            held: Mutex::default(),
            person: Mutex::default(),
        };
        Arc::new(Self { readers: readers.iter().map(reader).collect(), events: broadcast::Sender::new(BACKLOG) })
    }

    /// Puts a chip in, in place of the one that was there. Nothing happens for a reader that is not in the list.
    pub fn insert(&self, reader: &str, mut chip: Box<dyn Chip>) {
        let Some(reader) = self.find(reader) else { return };
        self.pull(reader);
        if reader.configured.is_none() {
            let role = ask(&mut *chip);
            *locked(&reader.found) = Some(role);
            self.tell(ReaderEvent::RoleFound(reader.name.clone(), role));
        }
        reader.slot.lock().put(chip);
        self.tell(ReaderEvent::CardIn(reader.name.clone(), Instant::now()));
    }

    /// Pulls the chip out and hands it back; a lease on it is lost.
    pub fn remove(&self, reader: &str) -> Option<Box<dyn Chip>> {
        self.pull(self.find(reader)?)
    }

    /// Pulls the chip at the `n`-th TPDU from now (1 is the next), before it is answered.
    pub fn pull_at(&self, reader: &str, n: u32) {
        self.tear(reader, n, Torn::Before);
    }

    /// As [`pull_at`](Self::pull_at), the chip having carried the command out or not.
    pub fn tear(&self, reader: &str, n: u32, torn: Torn) {
        if let Some(reader) = self.find(reader) {
            let mut content = reader.slot.lock();
            content.pull_in = Some((n, torn));
            content.pulled = false;
        }
    }

    /// Whether the pull asked for with [`pull_at`](Self::pull_at) has happened.
    pub fn pulled(&self, reader: &str) -> bool {
        self.find(reader).is_some_and(|reader| reader.slot.lock().pulled)
    }

    /// Another program resets the chip: a lease that holds it learns it at its next exchange.
    pub fn reset_by_another(&self, reader: &str) {
        if let Some(reader) = self.find(reader) {
            let mut content = reader.slot.lock();
            content.foreign_reset = content.leased;
            if let Some(chip) = &mut content.chip {
                chip.reset();
            }
        }
    }

    /// Another program takes the card for itself (`Some`, with its name where the system tells), or gives it back.
    pub fn hold(&self, reader: &str, program: Option<Option<String>>) {
        if let Some(reader) = self.find(reader) {
            *locked(&reader.held) = program;
        }
    }

    /// The reader has a PIN pad from the next lease on, at which this person stands; `None` takes it away.
    pub fn pin_pad(&self, reader: &str, person: Option<Person>) {
        if let Some(reader) = self.find(reader) {
            *locked(&reader.person) = person;
        }
    }

    /// The smart card service goes away (leases are of no further use while it is) or comes back.
    pub fn service(&self, there: bool) {
        for reader in &self.readers {
            let mut content = reader.slot.lock();
            content.away = !there;
            // No handle outlives the service.
            content.generation += u64::from(there);
        }
        self.tell(if there { ReaderEvent::ServiceBack } else { ReaderEvent::ServiceAway });
    }

    /// TPDUs that the chips of this reader were sent so far, GET RESPONSE included.
    pub fn exchanges(&self, reader: &str) -> u32 {
        self.find(reader).map_or(0, |reader| reader.slot.lock().exchanges)
    }

    fn find(&self, name: &str) -> Option<&Reader> {
        self.readers.iter().find(|reader| reader.name == name)
    }

    fn pull(&self, reader: &Reader) -> Option<Box<dyn Chip>> {
        let mut content = reader.slot.lock();
        let there = content.card();
        let chip = content.pull();
        drop(content);
        if there {
            self.tell(ReaderEvent::CardOut(reader.name.clone()));
        }
        chip
    }

    fn tell(&self, event: ReaderEvent) {
        // No watcher is no error.
        let _ = self.events.send(event);
    }
}

/// A chip that knows the PSAM's application is a PSAM, any other a holder's card.
fn ask(chip: &mut dyn Chip) -> Role {
    let answer = chip.answer(SELECT_PSAM);
    chip.reset();
    match answer {
        Reaction::Answer(bytes) => role_of(&bytes),
        Reaction::Removed | Reaction::Mute => Role::Holder,
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Readers for VirtualReaders {
    fn list(&self) -> Vec<ReaderState> {
        let state = |reader: &Reader| ReaderState {
            name: reader.name.clone(),
            role: reader.role(),
            card: reader.card(),
            busy: locked(&reader.held).is_some(),
        };
        self.readers.iter().map(state).collect()
    }

    fn lease(&self, reader: &str, within: Duration) -> Result<Lease, TransportError> {
        let found = self.find(reader).ok_or_else(|| TransportError::NoReader(reader.to_owned()))?;
        if found.slot.lock().away {
            return Err(TransportError::ServiceAway);
        }
        if let Some(program) = &*locked(&found.held) {
            return Err(TransportError::Busy(program.clone()));
        }
        let (events, name) = (self.events.clone(), found.name.clone());
        let on_removed = Box::new(move || {
            // No watcher is no error.
            let _ = events.send(ReaderEvent::CardOut(name.clone()));
        });
        let card: Box<dyn Transport> = Box::new(InProcess::open(Arc::clone(&found.slot), reader, on_removed)?);
        let transport = match &*locked(&found.person) {
            Some(person) => Box::new(VirtualPad::before(card, Arc::clone(person))),
            None => card,
        };
        Ok(Lease::new(reader, transport, Instant::now() + within))
    }

    fn visit(&self, reader: &str) -> Option<u64> {
        let content = self.find(reader)?.slot.lock();
        content.card().then_some(content.generation)
    }

    fn watch(&self) -> broadcast::Receiver<ReaderEvent> {
        self.events.subscribe()
    }
}

impl std::fmt::Debug for VirtualReaders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}
