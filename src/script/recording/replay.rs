//! A recorded session once more: the same bytes, the same randoms, the same moment.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::{Channel, Event, Opening, Recording};
use crate::reader::{Atr, Interface, Protocol, Transport, TransportError};
use crate::world::{FixedClock, NoRandom, Random};

/// A session that is being replayed: take from it what stands for card, PSAM, randomness and clock.
///
/// Card, PSAM and randoms each keep their own order. The first thing that differs ends the replay: from then on
/// everything fails with it.
pub struct Replay {
    state: Arc<Mutex<State>>,
    card: Opening,
    psam: Option<Opening>,
    clock: FixedClock,
}

struct State {
    file: String,
    card: VecDeque<(usize, Event)>,
    psam: VecDeque<(usize, Event)>,
    randoms: VecDeque<(usize, Event)>,
    /// The line of `end`.
    end: usize,
    mistake: Option<TransportError>,
}

impl Replay {
    pub(super) fn new(recording: &Recording) -> Self {
        let mut state = State {
            file: recording.file.clone(),
            card: VecDeque::new(),
            psam: VecDeque::new(),
            randoms: VecDeque::new(),
            end: recording.end,
            mistake: None,
        };
        for (line, event) in &recording.events {
            let queue = match event {
                Event::Random(_) => &mut state.randoms,
                Event::Turn(channel, _) | Event::Reset(channel) => state.queue(*channel),
            };
            queue.push_back((*line, event.clone()));
        }
        Self {
            state: Arc::new(Mutex::new(state)),
            card: recording.card.clone(),
            psam: recording.psam.clone(),
            clock: FixedClock(recording.clock),
        }
    }

    /// The holder's card: the reader it was in, and the way to it.
    pub fn card(&self) -> (String, Box<dyn Transport>) {
        self.transport(Channel::Card, &self.card)
    }

    /// The PSAM, where the session had one.
    pub fn psam(&self) -> Option<(String, Box<dyn Transport>)> {
        self.psam.as_ref().map(|opening| self.transport(Channel::Psam, opening))
    }

    fn transport(&self, channel: Channel, opening: &Opening) -> (String, Box<dyn Transport>) {
        let transport = Replayed { state: Arc::clone(&self.state), channel, opening: opening.clone() };
        (opening.reader.clone(), Box::new(transport))
    }

    /// The recorded randoms.
    pub fn random(&self) -> Box<dyn Random> {
        Box::new(ReplayedRandom(Arc::clone(&self.state)))
    }

    /// The recorded moment.
    pub fn clock(&self) -> FixedClock {
        self.clock
    }

    /// The first thing that differed so far.
    pub fn mistake(&self) -> Option<TransportError> {
        locked(&self.state).mistake.clone()
    }

    /// Holds the replay to have been a whole one.
    ///
    /// # Errors
    /// [`TransportError::Replay`]: the first thing that differed, or the first line that nothing asked for.
    pub fn finish(&self) -> Result<(), TransportError> {
        let mut state = locked(&self.state);
        if let Some(mistake) = &state.mistake {
            return Err(mistake.clone());
        }
        let left = [&state.card, &state.psam, &state.randoms].into_iter().filter_map(VecDeque::front);
        match left.map(|(line, _)| *line).min() {
            None => Ok(()),
            Some(line) => Err(state.differs(line, "nothing asked for this line".to_owned())),
        }
    }
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay").field("file", &locked(&self.state).file).finish_non_exhaustive()
    }
}

/// A panic of another thread leaves what is recorded as it was.
fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn queue(&mut self, channel: Channel) -> &mut VecDeque<(usize, Event)> {
        match channel {
            Channel::Card => &mut self.card,
            Channel::Psam => &mut self.psam,
        }
    }

    fn next(&mut self, channel: Channel) -> Result<(usize, Event), TransportError> {
        if let Some(mistake) = &self.mistake {
            return Err(mistake.clone());
        }
        match self.queue(channel).pop_front() {
            Some(next) => Ok(next),
            None => Err(self.differs(self.end, format!("the recording of {} ends before", channel.name()))),
        }
    }

    /// Ends the replay; the first mistake is the one that counts.
    fn differs(&mut self, line: usize, what: String) -> TransportError {
        let mistake = TransportError::Replay { file: self.file.clone(), line, what };
        self.mistake.get_or_insert(mistake).clone()
    }
}

struct Replayed {
    state: Arc<Mutex<State>>,
    channel: Channel,
    opening: Opening,
}

impl Transport for Replayed {
    fn exchange(&mut self, tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let mut state = locked(&self.state);
        match state.next(self.channel)? {
            (_, Event::Turn(_, turn)) if *turn.sent == tpdu => Ok(turn.answer.clone()),
            (line, Event::Turn(_, turn)) => Err(state.differs(line, difference(&turn.sent, tpdu))),
            (line, _) => Err(state.differs(line, "a reset, where a command is sent now".to_owned())),
        }
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        let mut state = locked(&self.state);
        match state.next(self.channel)? {
            (_, Event::Reset(_)) => Ok(()),
            (line, _) => Err(state.differs(line, "a command, where the card is reset now".to_owned())),
        }
    }

    fn atr(&self) -> &Atr {
        &self.opening.atr
    }

    fn protocol(&self) -> Protocol {
        self.opening.protocol
    }

    fn interface(&self) -> Interface {
        self.opening.interface
    }
}

/// Where two commands differ; positions and the instruction only.
fn difference(recorded: &[u8], sent: &[u8]) -> String {
    let ins = |bytes: &[u8]| bytes.get(1).copied().unwrap_or_default();
    if ins(recorded) != ins(sent) {
        return format!("INS {:02X}, where INS {:02X} is sent now", ins(recorded), ins(sent));
    }
    if recorded.len() != sent.len() {
        return format!("INS {:02X} of {} bytes, where {} are sent now", ins(sent), recorded.len(), sent.len());
    }
    let at = recorded.iter().zip(sent).position(|(a, b)| a != b).map_or(0, |at| at + 1);
    format!("INS {:02X} whose byte {at} is another", ins(sent))
}

struct ReplayedRandom(Arc<Mutex<State>>);

impl Random for ReplayedRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        let mut state = locked(&self.0);
        if state.mistake.is_some() {
            return Err(NoRandom);
        }
        let end = state.end;
        let (line, what) = match state.randoms.pop_front() {
            Some((_, Event::Random(recorded))) if recorded.len() == bytes.len() => {
                bytes.copy_from_slice(&recorded);
                return Ok(());
            }
            Some((line, _)) => (line, format!("random bytes, where {} are taken now", bytes.len())),
            None => (end, "the recording has no more random bytes".to_owned()),
        };
        state.differs(line, what);
        Err(NoRandom)
    }
}
