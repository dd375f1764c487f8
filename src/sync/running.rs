//! The delivery as it runs: what is given out when, and what what comes back changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::backoff::Backoff;
use super::choose::{Back, Chooser, Item, Room};
use super::note::{asked, is_away, is_busy};
use super::send::{Came, Trouble, Way};
use super::{Chain, Pace, UplinkError, UplinkStatus, off_the_runtime};
use crate::queue::{QueueError, Row, State};
use crate::value::Protocol;
use crate::wire::ChainHead;
use crate::world::{Clock, Random};

/// How many batches, and how many online transactions, are on their way at once.
const MOST: Room = Room { batches: 4, online: 4 };

/// The delivery.
pub(super) struct Running {
    way: Arc<Way>,
    pace: Pace,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    status: watch::Sender<UplinkStatus>,
    wake: Arc<Notify>,
    stopping: watch::Receiver<bool>,
    changes: broadcast::Receiver<Row>,
    tasks: JoinSet<Came>,
    /// What is on its way, by kind.
    out: Room,
    chooser: Chooser,
    /// The centre's head of this terminal's chain; `None` when it is to be asked for.
    head: Option<ChainHead>,
    asking: bool,
    headers: Headers,
    /// Nothing is given out before then, and how often in a row that was so.
    pause: Option<Instant>,
    backoff: Backoff,
    /// When the centre is to be asked whether it is there, if nothing else asks it.
    heartbeat: Instant,
}

/// The headers' own way: one batch after the other.
struct Headers {
    /// There may be some that the centre does not have.
    more: bool,
    out: bool,
    pause: Option<Instant>,
    backoff: Backoff,
}

/// Why the delivery ends.
struct Stop;

impl Running {
    pub(super) fn new(
        way: Arc<Way>,
        pace: Pace,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        status: watch::Sender<UplinkStatus>,
        (wake, stopping): (Arc<Notify>, watch::Receiver<bool>),
    ) -> Self {
        let mut chooser = Chooser::default();
        chooser.news();
        Self {
            changes: way.queue.changes(),
            way,
            clock,
            random,
            status,
            wake,
            stopping,
            tasks: JoinSet::new(),
            out: Room { batches: 0, online: 0 },
            chooser,
            head: None,
            asking: false,
            headers: Headers { more: true, out: false, pause: None, backoff: Backoff::new() },
            pause: None,
            backoff: Backoff::new(),
            heartbeat: Instant::now() + pace.heartbeat,
            pace,
        }
    }

    pub(super) async fn run(mut self) {
        // What is under way is waited for; dropped, it would be sent, or asked about, again.
        while let Ok(()) = self.step().await {}
        while self.tasks.join_next().await.is_some() {}
    }

    async fn step(&mut self) -> Result<(), Stop> {
        self.give_out().await?;
        let now = Instant::now();
        let hungry = self.may_choose(now) && self.chooser.is_hungry();
        let until = self.next_moment(now);
        let (mut stopping, way) = (self.stopping.clone(), self.way.clone());
        tokio::select! {
            // A sender that was dropped means the same as a stop.
            () = async { drop(stopping.wait_for(|stop| *stop).await) } => return Err(Stop),
            () = self.wake.notified() => self.hurry(),
            Some(came) = self.tasks.join_next() => match came {
                Ok(came) => self.take(came)?,
                Err(error) => {
                    tracing::error!(%error, "the delivery broke off; what it had on its way is found at the next start");
                    return Err(Stop);
                }
            },
            late = way.uplink.answers() => drop(self.tasks.spawn(way.clone().keep(late))),
            () = way.queue.let_go() => self.chooser.let_go(),
            change = self.changes.recv() => match change {
                Ok(row) => self.changed(&row),
                Err(broadcast::error::RecvError::Lagged(_)) => self.news(),
                Err(broadcast::error::RecvError::Closed) => return Err(Stop),
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
        let Some(head) = self.head else {
            if !std::mem::replace(&mut self.asking, true) {
                self.tasks.spawn(self.way.clone().probe());
            }
            return Ok(());
        };
        let agrees = self.status.borrow().chain == Chain::Agrees;
        let headers = &mut self.headers;
        if agrees && headers.more && !headers.out && headers.pause.is_none_or(|until| until <= now) {
            headers.out = true;
            self.tasks.spawn(self.way.clone().headers(head));
        }
        if self.may_choose(now) { self.choose(now).await } else { Ok(()) }
    }

    async fn choose(&mut self, now: Instant) -> Result<(), Stop> {
        let room =
            Room { batches: MOST.batches - self.out.batches.min(MOST.batches), online: MOST.online - self.out.online };
        let mut chooser = std::mem::take(&mut self.chooser);
        let chosen = off_the_runtime(&self.way.queue, move |queue| {
            let chosen = chooser.choose(queue, now, room);
            Ok((chooser, chosen))
        });
        let (chooser, chosen) = chosen.await.map_err(|_| Stop)?;
        self.chooser = chooser;
        let chosen = match chosen {
            Ok(chosen) => chosen,
            Err(error) => return self.trouble(Trouble::Journal(error)),
        };
        for batch in chosen.batches {
            self.out.batches += 1;
            self.tasks.spawn(self.way.clone().deliver(batch));
        }
        for item in chosen.online {
            self.out.online += 1;
            self.tasks.spawn(self.way.clone().resolve(item));
        }
        Ok(())
    }

    fn may_choose(&self, now: Instant) -> bool {
        self.head.is_some() && self.pause.is_none_or(|until| until <= now) && self.out.batches < MOST.batches
    }

    /// When there is something to do though nothing happens.
    fn next_moment(&self, now: Instant) -> Instant {
        if let Some(pause) = self.pause.filter(|pause| *pause > now) {
            return pause;
        }
        let paused = self.chooser.next_moment().filter(|_| self.may_choose(now));
        let headers = self.headers.pause.filter(|_| self.headers.more && !self.headers.out && self.head.is_some());
        [paused, headers].into_iter().flatten().fold(self.heartbeat, Instant::min)
    }

    fn moment(&mut self) {
        let now = Instant::now();
        if self.pause.take_if(|pause| *pause <= now).is_some() {
            self.ask();
        } else if self.heartbeat <= now {
            // A quiet time: what failed before it is another story.
            self.backoff.reset();
            self.ask();
        }
    }

    /// Somebody asks to try now, whatever the pause.
    fn hurry(&mut self) {
        self.pause = None;
        self.headers.pause = None;
        self.chooser.hurry(Instant::now());
        self.news();
    }

    fn news(&mut self) {
        self.chooser.news();
        self.headers.more = true;
    }

    /// What was just committed is work; not what the delivery itself moved.
    fn changed(&mut self, row: &Row) {
        if row.state == State::Pending || self.head.is_some_and(|head| row.sequence > head.sequence) {
            self.news();
        }
    }

    /// The next thing that is sent asks whether the centre is there.
    fn ask(&mut self) {
        self.head = None;
        self.heartbeat = Instant::now() + self.pace.heartbeat;
    }

    fn take(&mut self, came: Came) -> Result<(), Stop> {
        match came {
            Came::Head(head) => {
                self.asking = false;
                match head {
                    Ok(head) => self.at(head),
                    Err(trouble) => {
                        if let Trouble::Centre(error) = &trouble {
                            self.reached(false, matches!(error, UplinkError::Unauthorized(_)));
                        }
                        self.trouble(trouble)?;
                    }
                }
            }
            Came::Headers(result) => self.headers_came(result)?,
            Came::Kept(Ok(kept)) => kept.into_iter().for_each(|id| self.chooser.answered(id)),
            Came::Kept(Err(trouble)) => self.trouble(trouble)?,
            Came::Items(items) => {
                // Those of a batch are of one protocol.
                match items.first().map(|(item, _)| item.row.protocol()) {
                    Some(Protocol::Online) => self.out.online -= 1,
                    _ => self.out.batches -= 1,
                }
                for (item, result) in items {
                    self.item_came(&item, result)?;
                }
            }
        }
        Ok(())
    }

    fn at(&mut self, (head, agrees): (ChainHead, bool)) {
        self.reached(true, false);
        self.heartbeat = Instant::now() + self.pace.heartbeat;
        self.chain(if agrees { Chain::Agrees } else { Chain::Broken });
        self.head = Some(head);
    }

    fn headers_came(&mut self, result: Result<Option<(ChainHead, bool)>, Trouble>) -> Result<(), Stop> {
        self.headers.out = false;
        match result {
            Ok(Some(head)) => {
                self.headers.backoff.reset();
                self.backoff.reset();
                self.at(head);
            }
            Ok(None) => self.headers.more = false,
            Err(Trouble::Centre(UplinkError::Refused { code, text })) => {
                self.reached(true, false);
                tracing::error!(code, text, "the centre does not take the chain's headers");
                self.chain(Chain::Broken);
            }
            Err(Trouble::Centre(error)) if !is_away(&error) && !is_busy(&error) => {
                tracing::warn!(%error, "headers were not delivered");
                let pause = self.headers.backoff.next(&self.pace, asked(&error), &*self.random);
                self.headers.pause = Some(Instant::now() + pause);
                self.ask();
            }
            Err(trouble) => self.trouble(trouble)?,
        }
        Ok(())
    }

    fn item_came(&mut self, item: &Item, result: Result<Back, Trouble>) -> Result<(), Stop> {
        let (back, trouble) = match result {
            Ok(back) => (back, None),
            Err(Trouble::Centre(UplinkError::NoAnswer(_))) => (Back::Again(None), None),
            Err(trouble) => (Back::Unheard, Some(trouble)),
        };
        match &back {
            Back::Done | Back::Stored => {
                self.backoff.reset();
                self.reached(true, false);
            }
            // What gets no answer is no proof that the centre is there.
            Back::Again(_) => self.ask(),
            Back::Unheard | Back::Left => {}
        }
        self.chooser.back(item, &back, Instant::now(), &self.pace, &*self.random);
        trouble.map_or(Ok(()), |trouble| self.trouble(trouble))
    }

    /// Nothing can be done now: a pause begins, once for all that was on its way, and not shorter than was asked for.
    fn trouble(&mut self, trouble: Trouble) -> Result<(), Stop> {
        let asked = match &trouble {
            Trouble::Journal(QueueError::Closed) => return Err(Stop),
            Trouble::Journal(error) => {
                tracing::error!(%error, "the journal does not do its part");
                None
            }
            Trouble::Centre(error) => {
                tracing::info!(%error, "the centre is away");
                if !is_busy(error) {
                    self.reached(false, matches!(error, UplinkError::Unauthorized(_)));
                }
                asked(error)
            }
        };
        let now = Instant::now();
        let until = match self.pause.filter(|until| *until > now) {
            Some(until) => until.max(now + asked.unwrap_or(Duration::ZERO)),
            None => now + self.backoff.next(&self.pace, asked, &*self.random),
        };
        self.pause = Some(until);
        self.ask();
        Ok(())
    }

    fn reached(&self, reachable: bool, unauthorized: bool) {
        let now = self.clock.now();
        self.status.send_if_modified(|status| {
            let changed = (status.reachable, status.unauthorized) != (reachable, unauthorized);
            if changed {
                *status = UplinkStatus { reachable, unauthorized, since: now, chain: status.chain };
            }
            changed
        });
    }

    fn chain(&self, chain: Chain) {
        self.status.send_if_modified(|status| std::mem::replace(&mut status.chain, chain) != chain);
    }
}
