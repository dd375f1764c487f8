//! Who waits for a moment, and for which.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::{At, Holder};

/// The most that wait for their pause: with so many the centre has to get better before others are tried.
const PAUSED: usize = 1024;
/// The most that are stored on the way without the centre's answer; the others are as safe in the journal.
const STORED: usize = 4096;

/// The earliest first.
type Moments = BTreeSet<(Instant, Holder)>;

/// The holders whose transaction waits for a moment.
#[derive(Default)]
pub(super) struct Waiting {
    paused: Moments,
    turned_away: Moments,
    stored: Moments,
    /// However many these are, the others go on: the centre answers, and nothing but a mended chain makes them fewer. One
    /// takes some 300 bytes.
    unfit: Moments,
}

impl Waiting {
    /// A holder's transaction is there no longer, but here.
    pub(super) fn moved(&mut self, holder: Holder, from: At, to: At) {
        if let Some((moments, moment)) = self.of(from) {
            moments.remove(&(moment, holder));
        }
        if let Some((moments, moment)) = self.of(to) {
            moments.insert((moment, holder));
        }
    }

    fn of(&mut self, at: At) -> Option<(&mut Moments, Instant)> {
        match at {
            At::Paused(moment) => Some((&mut self.paused, moment)),
            At::TurnedAway(moment) => Some((&mut self.turned_away, moment)),
            At::Stored(moment) => Some((&mut self.stored, moment)),
            At::Unfit(moment) => Some((&mut self.unfit, moment)),
            At::Way | At::Parked | At::Held | At::Next => None,
        }
    }

    /// Whether others may be tried beside them.
    pub(super) fn has_room(&self) -> bool {
        self.paused.len() + self.turned_away.len() < PAUSED && self.stored.len() < STORED
    }

    /// The first moment of all.
    pub(super) fn first(&self) -> Option<Instant> {
        first(&[&self.paused, &self.turned_away, &self.stored, &self.unfit]).map(|(moment, _)| moment)
    }

    /// Whose moment has come, but for those that go last.
    pub(super) fn due(&self, now: Instant) -> Option<Holder> {
        due(&[&self.paused, &self.stored], now)
    }

    /// Whose moment has come of those that the centre turned away: each goes alone, and many may be due at once, so all
    /// others would stand behind them.
    pub(super) fn last_due(&self, now: Instant) -> Option<Holder> {
        due(&[&self.turned_away, &self.unfit], now)
    }

    /// Who waits for a pause to end.
    pub(super) fn paused(&self) -> Vec<Holder> {
        holders(&self.paused)
    }

    /// Who waits for a centre that was too busy.
    pub(super) fn turned_away(&self) -> Vec<Holder> {
        holders(&self.turned_away)
    }

    /// Who waits for the chain to be mended.
    pub(super) fn unfit(&self) -> Vec<Holder> {
        holders(&self.unfit)
    }
}

fn first(of: &[&Moments]) -> Option<(Instant, Holder)> {
    of.iter().filter_map(|moments| moments.first().copied()).min()
}

fn due(of: &[&Moments], now: Instant) -> Option<Holder> {
    first(of).filter(|(moment, _)| *moment <= now).map(|(_, holder)| holder)
}

fn holders(moments: &Moments) -> Vec<Holder> {
    moments.iter().map(|(_, holder)| *holder).collect()
}
