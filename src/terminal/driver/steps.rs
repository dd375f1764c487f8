//! Functions that are carried out in steps: between them the caller asks its own HSM, and the card is held for it.
//!
//! What a group of steps does is one function on a thread of its own; each step but the last is an [`ask`](Steps::ask) in it.
//! Who began is told a number that nobody can guess, and goes on by it. Whoever does not go on in time loses the card, and
//! so does who begins something else: either way it is reset.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use uuid::Uuid;
use zeroize::Zeroizing;

use super::call::{Carried, Parameters, Stop};
use super::reader::Taken;
use crate::failure::Failure;
use crate::national::{Code, Refused};
use crate::reader::Lease;
use crate::terminal::errors;
use crate::terminal::inner::{Inner, lock};
use crate::terminal::turn::Turn;

/// What a group of steps does with the card: the first step's parameters, and the steps that follow.
pub(super) type Flow = fn(&Arc<Inner>, &mut Lease, &Parameters, &Arc<Steps>) -> Carried;

/// Those that have begun, by the number that their caller was told.
#[derive(Default)]
pub(in crate::terminal) struct Begun(Mutex<HashMap<Uuid, Session>>);

/// One that has begun and waits for its caller.
struct Session {
    /// Who may go on.
    client: String,
    /// With which function.
    next: &'static str,
    hand: SyncSender<Parameters>,
    told: Receiver<Told>,
    thread: JoinHandle<()>,
}

/// What a step came to: the function that has to follow, or nothing when this was the last.
struct Told {
    outcome: Carried,
    next: Option<&'static str>,
}

/// A step's outcome, and the number to go on by where there is another.
pub(super) type Stepped = (Carried, Option<Uuid>);

/// The flow's side of the steps.
pub(super) struct Steps {
    tell: SyncSender<Told>,
    hear: Mutex<Receiver<Parameters>>,
    time: Mutex<Time>,
    /// Other calls wait for it until the first step has its outcome, and are then told at once that the card is held.
    turn: Mutex<Option<Turn>>,
}

/// How long the card is held. A person's time is not counted.
struct Time {
    until: Instant,
    /// Since when a person is asked.
    resting: Option<Instant>,
}

impl Time {
    /// What is left of it once nobody types any more.
    fn left(&mut self) -> Duration {
        if let Some(since) = self.resting.take() {
            self.until += since.elapsed();
        }
        self.until.saturating_duration_since(Instant::now())
    }
}

impl Steps {
    /// Somebody is about to type at the reader's pad, for as long as they like: other calls go on.
    pub(super) fn rest(&self) {
        lock(&self.time).resting = Some(Instant::now());
        drop(lock(&self.turn).take());
    }

    /// Gives this step's output to the caller and waits for the parameters of `next`.
    ///
    /// # Errors
    /// When the caller did not go on in time, or never will.
    pub(super) fn ask(&self, output: Zeroizing<String>, next: &'static str) -> Result<Parameters, Refused> {
        let over = || Refused::by(Code::NOT_CONNECTED, &Failure::of(&errors::DRIVER_STEPS));
        drop(lock(&self.turn).take());
        self.tell.send(Told { outcome: Ok(output), next: Some(next) }).map_err(|_| over())?;
        let left = lock(&self.time).left();
        match lock(&self.hear).recv_timeout(left) {
            Ok(parameters) => Ok(parameters),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(over()),
        }
    }
}

impl Begun {
    /// Begins the steps of `flow` at the reader that was taken for them.
    pub(super) fn begin(
        &self,
        inner: &Arc<Inner>,
        flow: Flow,
        reader: Taken,
        client: &str,
        parameters: Parameters,
    ) -> Stepped {
        let within = inner.parts.config.cases.reading;
        let (tell, told) = sync_channel(1);
        let (hand, hear) = sync_channel(1);
        let steps = Arc::new(Steps {
            tell: tell.clone(),
            hear: Mutex::new(hear),
            time: Mutex::new(Time { until: Instant::now() + within, resting: None }),
            turn: Mutex::new(reader.take_turn()),
        });
        let run = {
            let inner = Arc::clone(inner);
            move || {
                let outcome = held(&inner, flow, &reader, &parameters, &steps);
                // Before the last answer: who has it finds the reader free.
                drop(reader);
                drop(lock(&steps.turn).take());
                // Nobody hears it when the caller began something else.
                let _ = tell.send(Told { outcome, next: None });
            }
        };
        match std::thread::Builder::new().name("driver steps".to_owned()).spawn(run) {
            Ok(thread) => {
                let session = Session { client: client.to_owned(), next: "", hand, told, thread };
                self.follow(inner, session, None)
            }
            Err(error) => (Err(Stop::Refused(Refused { code: Code::UNKNOWN, text: error.to_string() })), None),
        }
    }

    /// Goes on with `function`, by the number that was told.
    pub(super) fn go_on(
        &self,
        inner: &Arc<Inner>,
        number: Option<Uuid>,
        function: &str,
        client: &str,
        parameters: Parameters,
    ) -> Stepped {
        let none = || (Err(Refused::by(Code::NOT_CONNECTED, &Failure::of(&errors::DRIVER_STEPS)).into()), None);
        let Some(number) = number else { return none() };
        let session = {
            let mut begun = lock(&self.0);
            let fits = |session: &&Session| session.client == client && session.next == function;
            if begun.get(&number).filter(fits).is_none() {
                return none();
            }
            begun.remove(&number)
        };
        match session {
            Some(session) if session.hand.send(parameters).is_ok() => self.follow(inner, session, Some(number)),
            _ => none(),
        }
    }

    /// Ends the steps of this number, if they are this client's, and waits until the reader is free.
    pub(super) fn end(&self, number: Uuid, client: &str) {
        let session = {
            let mut begun = lock(&self.0);
            match begun.get(&number) {
                Some(session) if session.client == client => begun.remove(&number),
                _ => None,
            }
        };
        if let Some(Session { hand, told, thread, .. }) = session {
            drop((hand, told));
            // It ended by a panic: its reader is free as well.
            let _ = thread.join();
        }
    }

    /// Waits for what the step came to, and keeps the rest for later.
    fn follow(&self, inner: &Arc<Inner>, mut session: Session, number: Option<Uuid>) -> Stepped {
        let Ok(told) = session.told.recv() else {
            return (Err(Refused::by(Code::UNKNOWN, &Failure::of(&errors::DEFECT)).into()), None);
        };
        let Some(next) = told.next else { return (told.outcome, None) };
        session.next = next;
        let number = match number.map_or_else(|| drawn(inner), Ok) {
            Ok(number) => number,
            Err(refused) => return (Err(refused.into()), None),
        };
        let mut begun = lock(&self.0);
        // Those whose time was over.
        begun.retain(|_, session| !session.thread.is_finished());
        begun.insert(number, session);
        (told.outcome, Some(number))
    }
}

/// Holds the card from the first step to the last, and resets it at the end, whatever that was.
fn held(inner: &Arc<Inner>, flow: Flow, reader: &Taken, parameters: &Parameters, steps: &Arc<Steps>) -> Carried {
    let lease = inner.parts.readers.lease(&reader.name, inner.parts.config.cases.reading);
    let mut lease = lease.map_err(|error| Refused::from(&error))?;
    let outcome = flow(inner, &mut lease, parameters, steps);
    // A card that is gone has lost its rights as well.
    if lease.reset().is_err() {
        tracing::debug!("the card went before the steps had ended");
    }
    outcome
}

/// A number that nobody can guess.
fn drawn(inner: &Arc<Inner>) -> Result<Uuid, Refused> {
    let mut bytes = [0; 16];
    let drawn = inner.parts.random.fill(&mut bytes);
    drawn.map_err(|error| Refused { code: Code::UNKNOWN, text: error.to_string() })?;
    Ok(Uuid::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_whoever_types_is_not_the_steps() {
        let now = Instant::now();
        let minute = Duration::from_secs(60);
        let mut time = Time { until: now + minute, resting: now.checked_sub(9 * minute) };
        assert!(time.left() > 9 * minute, "it was added");
        assert!(time.resting.is_none(), "once");
        assert!(Time { until: now, resting: None }.left().is_zero());
    }
}
