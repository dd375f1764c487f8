//! What is known of the readers, and what each new look at them means. Pure: no PC/SC, no thread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pcsc::State;

use crate::reader::{ReaderEvent, ReaderState, Role, RoleRule, role_by_rule};

/// How long a card whose kind could not be asked is left alone: at first, and at most.
const LEFT_ALONE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(64));

/// A reader as PC/SC reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) name: String,
    pub(super) state: State,
    /// Changes whenever a card comes or goes, so that a card swapped between two looks is noticed.
    pub(super) visits: u32,
}

impl Sight {
    /// Whether a card is in it.
    pub(super) fn card(&self) -> bool {
        self.state.contains(State::PRESENT)
    }

    /// Whether a program has a connection to its card, shared or for itself alone: either keeps another one, which wants
    /// it for itself, out.
    fn taken(&self) -> bool {
        self.state.intersects(State::EXCLUSIVE | State::INUSE)
    }

    /// A reader that was not looked at yet.
    fn unseen(name: String) -> Self {
        Self { name, state: State::UNAWARE, visits: 0 }
    }
}

/// A card whose kind is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) reader: String,
    /// Which card: an answer about one that went since is dropped.
    card: u64,
}

/// What follows from a look.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) events: Vec<ReaderEvent>,
    pub(super) questions: Vec<Question>,
}

/// The readers and their cards.
pub(super) struct Table {
    rules: Vec<RoleRule>,
    rows: BTreeMap<Arc<str>, Row>,
    away: bool,
    /// Numbers the cards.
    cards: u64,
}

struct Row {
    sight: Sight,
    /// When that was.
    seen: Instant,
    role: Option<Role>,
    by_rule: bool,
    card: Option<Card>,
}

/// The card in a reader.
struct Card {
    number: u64,
    came: Instant,
    /// Watchers know of it: they are told after its kind was asked.
    told: bool,
    kind: Kind,
    /// How long it is left alone after a question that it does not answer.
    pause: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Not known, and nobody asks before then.
    Open(Instant),
    Asked,
    Known,
}

impl Table {
    pub(super) fn new(rules: Vec<RoleRule>) -> Self {
        Self { rules, rows: BTreeMap::new(), away: false, cards: 0 }
    }

    /// The readers; what `ours` says yes to was held by this program when it was last seen.
    pub(super) fn list(&self, ours: impl Fn(&str, Instant) -> bool) -> Vec<ReaderState> {
        let state = |(name, row): (&Arc<str>, &Row)| ReaderState {
            name: name.to_string(),
            role: row.role,
            card: row.card.is_some(),
            busy: row.sight.taken() && !ours(name, row.seen),
        };
        self.rows.iter().map(state).collect()
    }

    /// The number of the card in a reader.
    pub(super) fn visit(&self, reader: &str) -> Option<u64> {
        self.rows.get(reader)?.card.as_ref().map(|card| card.number)
    }

    /// The last sight of each of these readers; one that is new has none yet.
    pub(super) fn known(&self, names: Vec<String>) -> Vec<Sight> {
        let last = |name: String| match self.rows.get(name.as_str()) {
            Some(row) => row.sight.clone(),
            None => Sight::unseen(name),
        };
        names.into_iter().map(last).collect()
    }

    /// The whole list of readers as seen at `now`.
    pub(super) fn see(&mut self, sights: &[Sight], now: Instant) -> Changes {
        let mut changes = Changes::default();
        let gone: Vec<Arc<str>> =
            self.rows.keys().filter(|name| !sights.iter().any(|sight| *sight.name == ***name)).cloned().collect();
        for name in gone {
            self.lose(&name, &mut changes.events);
        }
        for sight in sights {
            self.look(sight, now, &mut changes);
        }
        changes
    }

    fn look(&mut self, sight: &Sight, now: Instant, changes: &mut Changes) {
        let rules = &self.rules;
        let row = self.rows.entry(Arc::from(sight.name.as_str())).or_insert_with(|| {
            let role = role_by_rule(rules, &sight.name);
            changes.events.push(ReaderEvent::Appeared(sight.name.clone()));
            changes.events.extend(role.map(|role| ReaderEvent::RoleFound(sight.name.clone(), role)));
            Row { sight: Sight::unseen(sight.name.clone()), seen: now, role, by_rule: role.is_some(), card: None }
        });
        let swapped = row.sight.visits != sight.visits;
        if row.card.is_some() && (swapped || !sight.card()) {
            row.take_card(&mut changes.events);
        }
        if sight.card() && row.card.is_none() {
            self.cards += 1;
            let kind = if row.by_rule { Kind::Known } else { Kind::Open(now) };
            row.card = Some(Card { number: self.cards, came: now, told: false, kind, pause: LEFT_ALONE.0 });
        }
        row.sight = sight.clone();
        row.seen = now;
        row.ask_or_tell(changes);
    }

    /// What the card said it is at `now`; `None` when it could not be asked.
    pub(super) fn answered(&mut self, question: &Question, role: Option<Role>, now: Instant) -> Vec<ReaderEvent> {
        let mut events = Vec::new();
        let Some(row) = self.rows.get_mut(question.reader.as_str()) else { return events };
        let Some(card) = row.card.as_mut().filter(|card| card.number == question.card) else { return events };
        card.kind = if role.is_some() { Kind::Known } else { Kind::Open(now + card.pause) };
        card.pause = (card.pause * 2).min(LEFT_ALONE.1);
        if let Some(found) = role.filter(|found| row.role != Some(*found)) {
            row.role = Some(found);
            events.push(ReaderEvent::RoleFound(question.reader.clone(), found));
        }
        row.tell(&mut events);
        events
    }

    /// The service went: its readers and cards with it.
    pub(super) fn service_away(&mut self) -> Vec<ReaderEvent> {
        let mut events = Vec::new();
        if !self.away {
            events.push(ReaderEvent::ServiceAway);
        }
        self.away = true;
        for name in self.rows.keys().cloned().collect::<Vec<_>>() {
            self.lose(&name, &mut events);
        }
        events
    }

    /// Whether the service was found away when last looked for.
    pub(super) fn is_away(&self) -> bool {
        self.away
    }

    /// The service answers.
    pub(super) fn service_there(&mut self) -> Vec<ReaderEvent> {
        if std::mem::take(&mut self.away) { vec![ReaderEvent::ServiceBack] } else { Vec::new() }
    }

    fn lose(&mut self, name: &Arc<str>, events: &mut Vec<ReaderEvent>) {
        if let Some(mut row) = self.rows.remove(name) {
            row.take_card(events);
            events.push(ReaderEvent::Gone(name.to_string()));
        }
    }
}

impl Row {
    fn take_card(&mut self, events: &mut Vec<ReaderEvent>) {
        if self.card.take().is_some_and(|card| card.told) {
            events.push(ReaderEvent::CardOut(self.sight.name.clone()));
        }
    }

    /// A card of unknown kind is asked, unless somebody holds it: then it is told as it is, and asked once it is free.
    fn ask_or_tell(&mut self, changes: &mut Changes) {
        let Some(card) = &mut self.card else { return };
        let silent = self.sight.taken() || self.sight.state.contains(State::MUTE);
        if let (Kind::Open(from), false) = (card.kind, silent)
            && from <= self.seen
        {
            card.kind = Kind::Asked;
            changes.questions.push(Question { reader: self.sight.name.clone(), card: card.number });
        }
        if card.kind != Kind::Asked {
            self.tell(&mut changes.events);
        }
    }

    fn tell(&mut self, events: &mut Vec<ReaderEvent>) {
        if let Some(card) = self.card.as_mut().filter(|card| !card.told) {
            card.told = true;
            events.push(ReaderEvent::CardIn(self.sight.name.clone(), card.came));
        }
    }
}
