//! Listens to a session, and makes a recording of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::{Channel, Event, Opening, Recording, Turn, redact};
use crate::reader::{Atr, Interface, Protocol, Transport, TransportError};
use crate::script::RecordError;
use crate::world::{Clock, FixedClock, NoRandom, Random};

/// Records a session: hand its transports, its randomness and its clock to whoever carries the session out, drop the
/// leases, then [`finish`](Self::finish).
///
/// Until then the real session is in memory, wiped on drop and never printed.
#[derive(Clone)]
pub struct Recorder(Arc<Mutex<Log>>);

struct Log {
    clock: FixedClock,
    card: Option<Opening>,
    psam: Option<Opening>,
    events: Vec<Event>,
    /// Why the session cannot be replayed, if it cannot.
    broken: Option<TransportError>,
}

impl Recorder {
    /// A recorder whose clock stands still at this second.
    pub fn new(clock: &dyn Clock) -> Self {
        let now = clock.now();
        // A moment that is cut to its second is one still.
        let clock = FixedClock(jiff::Timestamp::from_second(now.as_second()).unwrap_or(now));
        let log = Log { clock, card: None, psam: None, events: Vec::new(), broken: None };
        Self(Arc::new(Mutex::new(log)))
    }

    /// The clock the session must use.
    pub fn clock(&self) -> FixedClock {
        locked(&self.0).clock
    }

    /// The way to the holder's card in `reader`, recorded.
    pub fn card(&self, reader: &str, transport: Box<dyn Transport>) -> Box<dyn Transport> {
        self.listen(Channel::Card, reader, transport)
    }

    /// The way to the PSAM in `reader`, recorded.
    pub fn psam(&self, reader: &str, transport: Box<dyn Transport>) -> Box<dyn Transport> {
        self.listen(Channel::Psam, reader, transport)
    }

    fn listen(&self, channel: Channel, reader: &str, transport: Box<dyn Transport>) -> Box<dyn Transport> {
        let opening = Opening {
            // A name is quoted in the file.
            reader: reader.replace(['"', '\n', '\r'], " "),
            protocol: transport.protocol(),
            interface: transport.interface(),
            atr: transport.atr().clone(),
        };
        let mut log = locked(&self.0);
        let place = if channel == Channel::Card { &mut log.card } else { &mut log.psam };
        *place = Some(opening);
        Box::new(Recorded { log: Arc::clone(&self.0), channel, transport })
    }

    /// `random`, recorded.
    pub fn random(&self, random: Box<dyn Random>) -> Box<dyn Random> {
        Box::new(RecordedRandom { log: Arc::clone(&self.0), random })
    }

    /// The recording so far, with a made-up holder, as it would be in `file`.
    ///
    /// # Errors
    /// No card was recorded, the way to it broke, or the session has something that must not be in a recording.
    pub fn finish(&self, file: &str) -> Result<Recording, RecordError> {
        let log = locked(&self.0);
        if let Some(error) = &log.broken {
            return Err(RecordError::Broken(error.clone()));
        }
        let card = log.card.as_ref().ok_or(RecordError::NoCard)?;
        let (card, events) = redact::session(card, &log.events)?;
        Recording::of(file, log.clock.0, card, log.psam.clone(), events)
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("events", &locked(&self.0).events).finish_non_exhaustive()
    }
}

/// A panic of another thread leaves what was recorded as it is.
fn locked(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Recorded {
    log: Arc<Mutex<Log>>,
    channel: Channel,
    transport: Box<dyn Transport>,
}

impl Recorded {
    fn note<T>(&self, outcome: &Result<T, TransportError>, event: impl FnOnce(&T) -> Event) {
        let mut log = locked(&self.log);
        match outcome {
            Ok(value) => log.events.push(event(value)),
            Err(error) => log.broken = log.broken.take().or_else(|| Some(error.clone())),
        }
    }
}

impl Transport for Recorded {
    fn exchange(&mut self, tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let outcome = self.transport.exchange(tpdu);
        self.note(&outcome, |answer| {
            Event::Turn(self.channel, Turn { sent: Zeroizing::new(tpdu.to_vec()), answer: answer.clone() })
        });
        outcome
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        let outcome = self.transport.reset();
        self.note(&outcome, |()| Event::Reset(self.channel));
        outcome
    }

    fn atr(&self) -> &Atr {
        self.transport.atr()
    }

    fn protocol(&self) -> Protocol {
        self.transport.protocol()
    }

    fn interface(&self) -> Interface {
        self.transport.interface()
    }
}

struct RecordedRandom {
    log: Arc<Mutex<Log>>,
    random: Box<dyn Random>,
}

impl Random for RecordedRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        self.random.fill(bytes)?;
        if !bytes.is_empty() {
            locked(&self.log).events.push(Event::Random(Zeroizing::new(bytes.to_vec())));
        }
        Ok(())
    }
}
