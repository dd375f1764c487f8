//! What goes up next: of each holder one at a time, in the order in which they were committed; no holder waits for
//! another.
//!
//! What is open may be very much more than what is kept here: the journal is read on from a place, and what was passed
//! over because its holder had one on its way is found by its holder.

mod chosen;
mod waiting;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

pub(super) use self::chosen::{Chosen, Room};
use self::waiting::Waiting;
use super::Pace;
use super::backoff::Backoff;
use crate::queue::{Due, Queue, QueueError, Row, State};
use crate::value::Protocol;
use crate::wire::Digest;
use crate::world::Random;

/// How many open transactions are read together, and at most before the worker looks around.
const PAGE: u32 = 128;
const LOOKED_AT: usize = 1024;
/// How long the answer to what was stored on the way may take before it is sent again: at first, and at most.
const RESEND: Duration = Duration::from_secs(600);
const RESEND_AT_MOST: Duration = Duration::from_secs(24 * 3600);
/// How long what the centre's chain has no place for waits, if nobody hears that it was mended.
const UNFIT: Duration = Duration::from_secs(3600);
/// So many may meet that the centre is busy by themselves, however few others it answers.
const OWN: usize = 4;

/// The keyed hash of a holder.
type Holder = [u8; 32];

/// One transaction that is chosen.
pub(super) struct Item {
    pub(super) row: Row,
    pub(super) holder: Holder,
}

/// How a transaction that was chosen comes back.
pub(super) enum Back {
    /// It is done: the holder's next may go.
    Done,
    /// It is stored on the way.
    Stored,
    /// It got no answer, and has to wait by itself.
    Again(Option<Duration>),
    /// The centre is too busy for it.
    Busy(Option<Duration>),
    /// It had no chance: the centre is away.
    Unheard,
    /// The centre has another chain than it is in: it waits until that is mended, or for long.
    Unfit,
    /// It cannot be read: nobody can send it, and the holder's next may go.
    Left,
}

/// Where a holder's transaction is.
#[derive(Clone, Copy, PartialEq)]
enum At {
    /// On its way.
    Way,
    /// There was no room for it.
    Parked,
    /// In somebody's hand.
    Held,
    /// Waiting for its pause to end.
    Paused(Instant),
    /// The centre was too busy for it: to be tried again then, after the others.
    TurnedAway(Instant),
    /// Stored on the way, to be sent again then.
    Stored(Instant),
    /// Not in the centre's chain, and no one's hurry changes that: to be tried again then.
    Unfit(Instant),
    /// Done; the holder may have another.
    Next,
}

struct Busy {
    id: Uuid,
    sequence: u64,
    at: At,
    /// A later one of this holder was passed over.
    passed: bool,
    /// It got no answer before: it goes alone, so that it cannot be others' reason to get none.
    alone: bool,
    backoff: Backoff,
    /// How often it was stored on the way.
    stored: u32,
    /// How many the centre had answered when this one last met that it is busy.
    met_busy: Option<u64>,
    /// It meets that while the centre answers others: it is this one's own.
    own: bool,
}

/// Where what is open is read.
pub(super) trait Open {
    /// As [`Queue::due`].
    fn due(&self, after: u64, limit: u32) -> Result<Vec<(Row, Due)>, QueueError>;

    /// As [`Queue::due_of`].
    fn due_of(&self, holder: Digest, after: u64) -> Result<Option<(Row, Due)>, QueueError>;
}

impl Open for Queue {
    fn due(&self, after: u64, limit: u32) -> Result<Vec<(Row, Due)>, QueueError> {
        Self::due(self, after, limit)
    }

    fn due_of(&self, holder: Digest, after: u64) -> Result<Option<(Row, Due)>, QueueError> {
        Self::due_of(self, holder, after)
    }
}

/// What is on its way or waits, and from where the journal is read on.
#[derive(Default)]
pub(super) struct Chooser {
    cursor: u64,
    /// There may be more after the cursor.
    more: bool,
    holders: HashMap<Holder, Busy>,
    ids: HashMap<Uuid, Holder>,
    waiting: Waiting,
    /// Holders whose next one is to be looked for.
    next: VecDeque<Holder>,
    /// Holders whose online transaction had no room.
    parked: VecDeque<Holder>,
    /// How many transactions the centre has answered.
    answers: u64,
    /// How many it had answered when it last turned one away that all others had to wait for.
    rested: u64,
    /// What could not be read when it was to be sent, by its sequence number.
    left: BTreeSet<u64>,
}

impl Chooser {
    /// Something new is in the journal.
    pub(super) fn news(&mut self) {
        self.more = true;
    }

    /// What was passed over may be there now: what was in a hand, and what could not be read, is looked at again.
    pub(super) fn look_again(&mut self) {
        let held = |busy: &mut Busy| busy.at == At::Held;
        for (_, busy) in self.holders.extract_if(|_, busy| held(busy)) {
            self.ids.remove(&busy.id);
        }
        self.left.clear();
        (self.cursor, self.more) = (0, true);
    }

    /// No pause holds any longer.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.waiting.paused().into_iter().for_each(|holder| self.put(holder, At::Paused(now)));
        self.waiting.turned_away().into_iter().for_each(|holder| self.put(holder, At::TurnedAway(now)));
    }

    /// The centre's chain is the journal's again.
    pub(super) fn fits(&mut self, now: Instant) {
        self.waiting.unfit().into_iter().for_each(|holder| self.put(holder, At::Unfit(now)));
    }

    /// Whether there may be something to choose at once, where there is room.
    pub(super) fn is_hungry(&self) -> bool {
        !self.next.is_empty() || self.more && self.waiting.has_room()
    }

    /// When a pause ends.
    pub(super) fn next_moment(&self) -> Option<Instant> {
        self.waiting.first()
    }

    /// Chooses, and adds it to what was chosen; that is to be given out also where a read fails, for it counts as on its
    /// way here. Who could not be read for stays where it was. Reads the journal: not for an async task.
    pub(super) fn choose(
        &mut self,
        journal: &impl Open,
        now: Instant,
        room: Room,
        chosen: &mut Chosen,
    ) -> Result<(), QueueError> {
        while chosen.online.len() < room.online
            && let Some(&holder) = self.parked.front()
        {
            self.look_for(journal, holder, now, room, chosen)?;
            self.parked.pop_front();
        }
        while chosen.has(room)
            && let Some(holder) = self.waiting.due(now)
        {
            match self.holders.get(&holder) {
                // Those that are stored while it is away would be stored once more each time.
                Some(busy) if matches!(busy.at, At::Stored(_)) && !room.again => {
                    chosen.waiting.push(busy.id);
                    self.put(holder, At::Stored(now + RESEND));
                }
                _ => self.look_for(journal, holder, now, room, chosen)?,
            }
        }
        while chosen.has(room)
            && let Some(&holder) = self.next.front()
        {
            self.look_for(journal, holder, now, room, chosen)?;
            self.next.pop_front();
        }
        let mut looked_at = 0;
        while self.more && self.waiting.has_room() && chosen.has(room) && looked_at < LOOKED_AT {
            let page = journal.due(self.cursor, PAGE)?;
            looked_at += page.len();
            self.more = page.len() == PAGE as usize;
            for (row, due) in page {
                if !chosen.has(room) {
                    self.more = true;
                    break;
                }
                self.cursor = row.sequence;
                self.meet(row, due, now, room, chosen);
            }
        }
        while chosen.batches.len() < room.batches
            && let Some(holder) = self.waiting.last_due(now)
        {
            self.look_for(journal, holder, now, room, chosen)?;
        }
        Ok(())
    }

    /// A transaction that was chosen is back.
    pub(super) fn back(&mut self, item: &Item, back: &Back, now: Instant, pace: &Pace, random: &dyn Random) {
        let Some(busy) = self.holders.get_mut(&item.holder).filter(|busy| busy.id == item.row.id) else { return };
        let at = match back {
            // Its answer came before this did.
            _ if matches!(busy.at, At::Next | At::Unfit(_)) => busy.at,
            Back::Done => {
                self.answers += 1;
                At::Next
            }
            Back::Left => {
                self.left.insert(item.row.sequence);
                At::Next
            }
            Back::Stored => {
                busy.stored = busy.stored.saturating_add(1);
                // The centre may not be able to read one that it came with.
                busy.alone = true;
                let doubled = RESEND.saturating_mul(2_u32.saturating_pow(busy.stored - 1));
                At::Stored(now + doubled.min(RESEND_AT_MOST))
            }
            Back::Again(asked) => {
                busy.alone = true;
                At::Paused(now + busy.backoff.next(pace, *asked, random))
            }
            Back::Busy(asked) => {
                busy.alone = true;
                At::TurnedAway(now + busy.backoff.next(pace, *asked, random))
            }
            Back::Unfit => busy.unfit(now, pace, random),
            Back::Unheard => At::Paused(now),
        };
        // Of those that cannot be sent the holder's next is always looked for: nothing has passed this one over.
        busy.passed |= matches!(back, Back::Left);
        self.leave(item.holder, at);
    }

    /// A transaction met that the centre is busy. Whether that is its own and no reason to leave the centre alone: it met
    /// that before, and others were answered since. That the centre tells its head proves less, for it costs it nothing.
    /// No more are taken so than it answers from one rest to the next, or a few: one that takes some at a time turns all
    /// others away.
    pub(super) fn meets_busy(&mut self, item: &Item) -> bool {
        let answers = self.answers;
        let few = OWN.max(usize::try_from(answers - self.rested).unwrap_or(usize::MAX));
        let own = self.holders.values().filter(|busy| busy.own).count();
        let Some(busy) = self.holders.get_mut(&item.holder).filter(|busy| busy.id == item.row.id) else { return false };
        busy.own |= busy.met_busy.replace(answers).is_some_and(|before| before < answers) && own < few;
        if !busy.own {
            self.rested = answers;
        }
        busy.own
    }

    /// What is stored on the way was answered: it is done, or unfit.
    pub(super) fn answered(&mut self, id: Uuid, back: &Back, now: Instant, pace: &Pace, random: &dyn Random) {
        let unfit = matches!(back, Back::Unfit);
        self.answers += u64::from(!unfit);
        let Some(&holder) = self.ids.get(&id) else { return };
        let Some(busy) = self.holders.get_mut(&holder) else { return };
        let before = busy.at;
        let at = if unfit { busy.unfit(now, pace, random) } else { At::Next };
        match before {
            // Whoever sends it comes back for it.
            At::Way => self.put(holder, at),
            // The same answer once more.
            At::Next => {}
            At::Unfit(_) if unfit => {}
            _ => self.leave(holder, at),
        }
    }

    /// Puts what came back where it belongs; forgets a holder that has no other.
    fn leave(&mut self, holder: Holder, at: At) {
        let passed = self.holders.get(&holder).is_some_and(|busy| busy.passed);
        match at {
            At::Next if passed => {
                self.put(holder, at);
                self.next.push_back(holder);
            }
            At::Next => drop(self.forget(holder)),
            at => self.put(holder, at),
        }
    }

    /// The first one that a holder has open; where it cannot be read nothing changes.
    fn look_for(
        &mut self,
        journal: &impl Open,
        holder: Holder,
        now: Instant,
        room: Room,
        chosen: &mut Chosen,
    ) -> Result<(), QueueError> {
        let mut after = 0;
        while let Some((row, due)) = journal.due_of(Digest(holder), after)? {
            after = row.sequence;
            if !self.left.contains(&after) {
                let known = self.forget(holder).filter(|busy| busy.id == row.id).unwrap_or_else(Busy::new);
                // Others of that holder may have been passed over before.
                self.take(row, due, now, room, chosen, Busy { passed: true, ..known });
                return Ok(());
            }
        }
        self.forget(holder);
        Ok(())
    }

    /// One that the reading came by.
    fn meet(&mut self, row: Row, due: Due, now: Instant, room: Room, chosen: &mut Chosen) {
        if self.left.contains(&row.sequence) {
            return;
        }
        match self.holders.get_mut(&due.holder.0) {
            Some(busy) => busy.passed |= busy.sequence != row.sequence,
            None => self.take(row, due, now, room, chosen, Busy::new()),
        }
    }

    fn take(&mut self, row: Row, due: Due, now: Instant, room: Room, chosen: &mut Chosen, busy: Busy) {
        let (holder, online) = (due.holder.0, row.protocol() == Protocol::Online);
        let at = match row.state {
            _ if due.held => At::Held,
            // By an earlier process; one that was looked for has waited long enough.
            State::HandedOver if !busy.passed => At::Stored(now + RESEND),
            _ if online && chosen.online.len() >= room.online => At::Parked,
            _ => At::Way,
        };
        let alone = busy.alone;
        self.ids.insert(row.id, holder);
        self.holders.insert(holder, Busy { id: row.id, sequence: row.sequence, at: At::Way, ..busy });
        self.put(holder, at);
        match at {
            At::Parked => self.parked.push_back(holder),
            At::Way if online => chosen.online.push(Item { row, holder }),
            At::Way => chosen.add(Item { row, holder }, due.bytes, alone),
            _ => {}
        }
    }

    fn put(&mut self, holder: Holder, at: At) {
        let Some(busy) = self.holders.get_mut(&holder) else { return };
        let before = std::mem::replace(&mut busy.at, at);
        self.waiting.moved(holder, before, at);
    }

    fn forget(&mut self, holder: Holder) -> Option<Busy> {
        self.put(holder, At::Next);
        let busy = self.holders.remove(&holder)?;
        self.ids.remove(&busy.id);
        Some(busy)
    }
}

impl Busy {
    fn new() -> Self {
        let (id, sequence) = (Uuid::nil(), 0);
        let (passed, alone, own) = (false, false, false);
        let backoff = Backoff::new();
        Self { id, sequence, at: At::Way, passed, alone, backoff, stored: 0, met_busy: None, own }
    }

    /// The centre has answered, and the chain no place for it. Where that has it is to be tried again.
    fn unfit(&mut self, now: Instant, pace: &Pace, random: &dyn Random) -> At {
        (self.alone, self.stored) = (true, 0);
        At::Unfit(now + self.backoff.next(pace, Some(UNFIT), random))
    }
}

#[cfg(test)]
mod tests;
