//! The delivery as it runs: what is given out when, and what what comes back changes.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::backoff::Backoff;
use super::choose::{Chooser, Chosen, Room};
use super::send::{Came, Trouble, Way};
use super::{BoxFuture, Late, Pace, UplinkStatus, off_the_runtime};
use crate::queue::{Row, State};
use crate::wire::ChainHead;
use crate::world::{Clock, Random};

/// How many batches, and how many online transactions, are on their way at once.
const MOST: Room = Room { batches: 4, online: 4, again: true };
/// How many times receipts that came together are being kept at once. While the journal does not get on nobody listens
/// for more: what is not kept is brought again and again.
const KEEPING: usize = 4;

/// How long headers that were refused are left alone.
const REFUSED: SignedDuration = SignedDuration::from_hours(1);

/// The delivery.
pub(super) struct Running {
    pub(super) way: Arc<Way>,
    pub(super) pace: Pace,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) status: watch::Sender<UplinkStatus>,
    pub(super) calls: Arc<Calls>,
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) changes: broadcast::Receiver<Row>,
    pub(super) tasks: JoinSet<Came>,
    /// What is on its way, by kind.
    pub(super) out: Room,
    /// How many times receipts are being kept.
    pub(super) keeping: usize,
    pub(super) chooser: Chooser,
    /// The centre's head of this terminal's chain; `None` when it is to be asked for.
    pub(super) head: Option<ChainHead>,
    pub(super) asking: bool,
    /// It is not asked for before then, where transactions go on without it.
    pub(super) ask_at: Option<Instant>,
    pub(super) headers: Headers,
    /// Nothing is given out before then, and how often in a row that was so.
    pub(super) pause: Option<Instant>,
    pub(super) backoff: Backoff,
    /// The centre wants to be left alone until then: nothing but somebody's asking tries it before.
    pub(super) left_alone: Option<Instant>,
    /// When the centre is to be asked whether it is there, if nothing else asks it.
    pub(super) heartbeat: Instant,
}

/// What the house says to the delivery.
#[derive(Default)]
pub(super) struct Calls {
    /// Try now, whatever the pause.
    pub(super) wake: Notify,
    /// Something was committed.
    pub(super) committed: Notify,
}

/// The headers' own way: one batch after the other.
pub(super) struct Headers {
    /// Holes that end here and before were told of since the start; `None` once that is so of all behind the head. The
    /// centre may have the headers of what was lost, and have heard of no hole.
    pub(super) told: Option<u64>,
    /// There may be some that the centre does not have.
    pub(super) more: bool,
    pub(super) out: bool,
    pub(super) pause: Option<Instant>,
    pub(super) backoff: Backoff,
    /// The centre's head after which those go that are on their way.
    pub(super) after: ChainHead,
    /// The journal has the centre's head.
    pub(super) fits: bool,
    /// It did not take them: as long as it stands there the chain is broken.
    pub(super) refused: Option<Refused>,
}

/// Headers that the centre did not take. It may be put right, which nobody here hears of: they are tried again.
pub(super) struct Refused {
    /// The centre's head then.
    pub(super) after: ChainHead,
    /// When that was; `None` when somebody asked since to try now.
    pub(super) at: Option<Timestamp>,
}

impl Refused {
    /// Whether they are left alone yet. A clock that was set elsewhere brings them up once more, and no oftener.
    fn rests(&self, now: Timestamp) -> bool {
        self.at.is_some_and(|at| now.duration_since(at).abs() < REFUSED)
    }
}

/// Why the delivery ends.
pub(super) enum Stop {
    /// It is to, or the journal is closed.
    Ended,
    /// Part of it broke off: it begins anew.
    BrokeOff,
}

impl Running {
    pub(super) fn new(
        way: Arc<Way>,
        pace: Pace,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        status: watch::Sender<UplinkStatus>,
        (calls, stopping): (Arc<Calls>, watch::Receiver<bool>),
    ) -> Self {
        let mut chooser = Chooser::default();
        chooser.news();
        Self {
            changes: way.queue.changes(),
            way,
            clock,
            random,
            status,
            calls,
            stopping,
            tasks: JoinSet::new(),
            out: Room { batches: 0, online: 0, again: false },
            keeping: 0,
            chooser,
            head: None,
            asking: false,
            ask_at: None,
            headers: Headers {
                told: Some(0),
                more: true,
                out: false,
                pause: None,
                backoff: Backoff::new(),
                after: ChainHead::default(),
                fits: false,
                refused: None,
            },
            pause: None,
            backoff: Backoff::new(),
            left_alone: None,
            heartbeat: Instant::now() + pace.heartbeat,
            pace,
        }
    }

    pub(super) async fn run(mut self) {
        let way = self.way.clone();
        loop {
            // It stays under way whatever else happens: begun anew at each step, a busy delivery would never hear one.
            let mut answers = way.uplink.answers();
            let stop = loop {
                // What panics takes the delivery down to its beginning, and not for good.
                match AssertUnwindSafe(self.step(&way, &mut answers)).catch_unwind().await {
                    Ok(Ok(())) => {}
                    Ok(Err(stop)) => break stop,
                    Err(_) => break broke_off("a step of it panicked"),
                }
            };
            drop(answers);
            // What is under way is waited for; dropped, it would be sent, or asked about, again.
            while self.tasks.join_next().await.is_some() {}
            if matches!(stop, Stop::Ended) || self.rests().await {
                return;
            }
            self.begin_anew();
        }
    }

    /// A pause after something broke off; whether it is to end meanwhile.
    async fn rests(&mut self) -> bool {
        self.reached(false, false);
        let pause = self.backoff.next(&self.pace, None, &*self.random);
        let mut stopping = self.stopping.clone();
        tokio::time::timeout(pause, stopping.wait_for(|stop| *stop)).await.is_ok()
    }

    /// What was known of the journal went with what broke off.
    fn begin_anew(&mut self) {
        self.chooser = Chooser::default();
        self.out = Room { batches: 0, online: 0, again: false };
        (self.asking, self.headers.out, self.keeping, self.pause) = (false, false, 0, None);
        self.news();
        self.ask();
    }

    async fn step<'a>(&mut self, way: &'a Arc<Way>, answers: &mut BoxFuture<'a, Vec<Late>>) -> Result<(), Stop> {
        self.give_out().await?;
        let now = Instant::now();
        let hungry = self.may_choose(now) && self.chooser.is_hungry();
        let until = self.next_moment(now);
        let mut stopping = self.stopping.clone();
        tokio::select! {
            // A sender that was dropped means the same as a stop.
            () = async { drop(stopping.wait_for(|stop| *stop).await) } => return Err(Stop::Ended),
            () = self.calls.wake.notified() => self.hurry(),
            () = self.calls.committed.notified() => self.committed(),
            Some(came) = self.tasks.join_next() => match came {
                Ok(came) => self.take(came)?,
                Err(error) => return Err(broke_off(&error)),
            },
            late = &mut *answers, if self.keeping < KEEPING => {
                *answers = way.uplink.answers();
                self.keeping += 1;
                self.tasks.spawn(way.clone().keep(late));
            }
            () = way.queue.look_again() => self.look_again(),
            change = self.changes.recv() => match change {
                Ok(row) => self.changed(&row),
                Err(broadcast::error::RecvError::Lagged(_)) => self.news(),
                Err(broadcast::error::RecvError::Closed) => return Err(Stop::Ended),
            },
            () = sleep_until(until) => self.moment(),
            () = std::future::ready(()), if hungry => {}
        }
        Ok(())
    }

    /// Gives out what there is room for. First of all the centre has to be there.
    async fn give_out(&mut self) -> Result<(), Stop> {
        let now = Instant::now();
        if self.pause.is_some_and(|until| until > now) {
            return Ok(());
        }
        match self.head {
            Some(head) => self.send_headers(head, now),
            None if self.ask_at.is_none_or(|at| at <= now) && !std::mem::replace(&mut self.asking, true) => {
                self.tasks.spawn(self.way.clone().probe());
            }
            None => {}
        }
        if self.may_choose(now) { self.choose(now).await } else { Ok(()) }
    }

    fn send_headers(&mut self, head: ChainHead, now: Instant) {
        let headers = &mut self.headers;
        let rests = headers.refused.as_ref().is_some_and(|refused| refused.rests(self.clock.now()));
        let fit = headers.fits && !rests;
        if fit && headers.more && !headers.out && headers.pause.is_none_or(|until| until <= now) {
            (headers.out, headers.after) = (true, head);
            match headers.told {
                Some(told) => self.tasks.spawn(self.way.clone().hole(told, head)),
                None => self.tasks.spawn(self.way.clone().headers(head)),
            };
        }
    }

    async fn choose(&mut self, now: Instant) -> Result<(), Stop> {
        let room = Room {
            batches: MOST.batches - self.out.batches.min(MOST.batches),
            // What is settled online needs the centre.
            online: if self.head.is_some() { MOST.online - self.out.online } else { 0 },
            // While it is being asked whether it is there, it is there as it was.
            again: self.head.is_some() || self.status.borrow().reachable,
        };
        let mut chooser = std::mem::take(&mut self.chooser);
        let chosen = off_the_runtime(&self.way.queue, move |queue| {
            let mut chosen = Chosen::default();
            let read = chooser.choose(queue, now, room, &mut chosen);
            Ok((chooser, chosen, read))
        });
        let (chooser, chosen, read) = chosen.await.map_err(|_| Stop::BrokeOff)?;
        self.chooser = chooser;
        if !chosen.waiting.is_empty() {
            self.tasks.spawn(self.way.clone().tell(chosen.waiting));
        }
        for batch in chosen.batches {
            self.out.batches += 1;
            self.tasks.spawn(self.way.clone().deliver(batch));
        }
        for item in chosen.online {
            self.out.online += 1;
            self.tasks.spawn(self.way.clone().resolve(item));
        }
        read.or_else(|error| self.trouble(Trouble::Journal(error)))
    }

    fn may_choose(&self, now: Instant) -> bool {
        let there = self.head.is_some() || self.way.uplink.stores();
        there && self.pause.is_none_or(|until| until <= now) && self.out.batches < MOST.batches
    }

    /// When there is something to do though nothing happens.
    fn next_moment(&self, now: Instant) -> Instant {
        if let Some(pause) = self.pause.filter(|pause| *pause > now) {
            return pause;
        }
        let paused = self.chooser.next_moment().filter(|_| self.may_choose(now));
        let headers = self.headers.pause.filter(|_| self.headers.more && !self.headers.out && self.head.is_some());
        let ask = self.ask_at.filter(|_| self.head.is_none() && !self.asking);
        [paused, headers, ask].into_iter().flatten().fold(self.heartbeat, Instant::min)
    }

    fn moment(&mut self) {
        let now = Instant::now();
        // Also where none go up now: what is over would be waited for again at once, and for ever.
        self.headers.pause.take_if(|pause| *pause <= now);
        if self.pause.take_if(|pause| *pause <= now).is_some() {
            self.ask();
        } else if self.heartbeat <= now {
            // A quiet time: what failed before it is another story.
            self.backoff.reset();
            self.ask();
        }
    }

    /// Somebody asks to try now, whatever the pause; whether the centre is there as well.
    fn hurry(&mut self) {
        (self.pause, self.left_alone, self.headers.pause) = (None, None, None);
        if let Some(refused) = &mut self.headers.refused {
            refused.at = None;
        }
        self.chooser.hurry(Instant::now());
        self.news();
        self.ask();
    }

    /// A centre that is away is tried with what was committed, unless it wants to be left alone; the pause tells so too, for
    /// an answer to something else may have come since. One that is there is told in any case.
    fn committed(&mut self) {
        let left_alone = self.left_alone.is_some_and(|until| until > Instant::now());
        if !left_alone && (self.pause.is_some() || !self.status.borrow().reachable) {
            self.hurry();
        }
    }

    /// What was passed over may be there now; of the headers as well, for where one could not be read they ended.
    fn look_again(&mut self) {
        self.chooser.look_again();
        self.headers.more = true;
    }

    fn news(&mut self) {
        self.chooser.news();
        self.headers.more = true;
    }

    /// What was just committed is work; not what the delivery itself moved. After a rest the centre is asked first: what
    /// is tried without it counts as an attempt.
    fn changed(&mut self, row: &Row) {
        if row.state == State::Pending || self.head.is_some_and(|head| row.sequence > head.sequence) {
            self.news();
            if self.tasks.is_empty() {
                self.ask();
            }
        }
    }

    /// The next thing that is sent asks whether the centre is there.
    pub(super) fn ask(&mut self) {
        (self.head, self.ask_at) = (None, self.left_alone);
        self.heartbeat = Instant::now() + self.pace.heartbeat;
    }
}

fn broke_off(why: impl std::fmt::Display) -> Stop {
    tracing::error!(%why, "the delivery broke off, and begins anew");
    Stop::BrokeOff
}
